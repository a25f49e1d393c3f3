"""Payout runs: opened by one person, computed from the books, approved by another, executed by workers.

Every step is one conditional change of the run's row, so two people or two workers never both do it.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from babel.numbers import UnknownCurrencyError
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Exists, Max, OuterRef, QuerySet, Sum

from ledger import chart
from ledger import policy as policies
from ledger.models import Posting
from megabox import money, steps
from megabox.claims import CLAIM_SECONDS, renewing, unclaimed, worker_name
from payouts import contents, reservations
from payouts.contents import Item
from payouts.models import Payout, PayoutRun
from users.models import User

State = PayoutRun.State
AT_ONCE = 500
"""Payouts written or removed in one transaction."""
log = logging.getLogger(__name__)


class CannotRun(Exception):
    """A step of a run that cannot be done now; the message says why and what to do."""


class WrongState(CannotRun):
    """The run is not in the state that this step starts from."""


class SamePerson(CannotRun):
    """Whoever opened a run may not approve it."""


class Changed(CannotRun):
    """What is to be approved is not what was seen, or the books no longer agree with it."""


class BadUnit(CannotRun):
    """Nobody is paid in this unit."""


class ClockWentBack(CannotRun):
    """It is earlier now than when the run was last worked on: a clock is wrong, so nothing is decided."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Count and micros of a run's payouts."""

    count: int
    micros: int


def open_run(*, unit: str, period: str, by: User, at: datetime) -> PayoutRun:
    """Open a run of `unit` for the month `period` (2026-11) and compute it.

    Raises BadUnit, ClockWentBack, and WrongState while another run of the same unit waits for approval or execution.
    """
    _check_unit(unit)
    last = PayoutRun.objects.first()
    if last is not None:
        require_later(last, at)
    _refuse_second(unit)
    try:
        with transaction.atomic():
            run = PayoutRun.objects.create(unit=unit, period=period, created_by=by, created_at=at)
    except IntegrityError:  # somebody opened one between our look and our insert
        _refuse_second(unit)
        raise
    return prepare(run.pk, at=at)


def _check_unit(unit: str) -> None:
    try:
        is_money = unit != money.CREDIT and money.minor_digits(unit) <= 6 and re.fullmatch("[A-Z]{3}", unit) is not None
    except UnknownCurrencyError:
        is_money = False
    if not is_money or unit not in [settings.ADS_CURRENCY, *settings.SALE_CURRENCIES]:
        raise BadUnit(f"Nobody is paid in {unit or 'no currency'}. Choose one of the currencies of this site.")


def _refuse_second(unit: str) -> None:
    waiting = PayoutRun.objects.filter(unit=unit, state__in=PayoutRun.WAITING).first()
    if waiting is not None:
        raise WrongState(
            f"Run {waiting.pk} in {unit} is still {waiting.get_state_display()}. Finish or cancel it first."
        )


def require_later(run: PayoutRun, at: datetime) -> None:
    """Nothing is decided about a run before what was decided last. Raises ClockWentBack."""
    if at < run.known_until:
        raise ClockWentBack(
            f"It is {at:%Y-%m-%d %H:%M:%S} here, but run {run.pk} was last worked on at"
            f" {run.known_until:%Y-%m-%d %H:%M:%S} UTC. Set the clock of this machine right, then try again."
        )


def prepare(run_id: int, *, at: datetime) -> PayoutRun:
    """Compute (again) what a run contains, as of the last posting; its hash binds the approval.

    Safe to repeat and to kill until the run is approved; an approver who saw an earlier computation is turned away.
    The rows are written some at a time, so nobody waits for a lock meanwhile. Raises ClockWentBack, and WrongState
    when the run is approved already or somebody else is computing it.
    """
    run = PayoutRun.objects.get(pk=run_id)
    _require(run, "computed", State.DRAFT, State.COMPUTED)
    require_later(run, at)
    by = worker_name()
    _take(run, by, at)
    high_water = _high_water()
    policy = policies.current(at)
    with renewing(PayoutRun.objects.all(), run.pk, by):
        items = contents.compute(run.unit, high_water, policy, at)
        _change(run, by, item_count=len(items))
        _replace_payouts(run, by, items)
    _change(
        run,
        by,
        state=State.COMPUTED,
        high_water=high_water,
        policy_version=policy.version,
        computed_at=at,
        content_hash=contents.content_hash(run.unit, run.period, high_water, policy.version, items),
        claimed_by="",
        claimed_until=None,
    )
    run.refresh_from_db()
    return run


def _take(run: PayoutRun, by: str, at: datetime) -> None:
    """Claim a run for computing: what was computed before is void from now on."""
    waiting = PayoutRun.objects.filter(unclaimed(at), pk=run.pk, state__in=[State.DRAFT, State.COMPUTED])
    until = at + timedelta(seconds=CLAIM_SECONDS)
    if not waiting.update(state=State.DRAFT, item_count=0, content_hash="", claimed_by=by, claimed_until=until):
        run.refresh_from_db()
        _require(run, "computed", State.DRAFT, State.COMPUTED)
        raise WrongState("Somebody else is computing this run right now. Look again in a minute.")


def _change(run: PayoutRun, by: str, **values: Any) -> None:
    """Change a run that we are computing. Raises WrongState when it was cancelled or taken over meanwhile."""
    if not PayoutRun.objects.filter(pk=run.pk, state=State.DRAFT, claimed_by=by).update(**values):
        raise WrongState("The run was cancelled, or somebody else computes it now. Open it again.")


def _replace_payouts(run: PayoutRun, by: str, items: Sequence[Item]) -> None:
    while old := list(run.payouts.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            _change(run, by, claimed_by=by)
            run.payouts.filter(pk__in=old).delete()
    for i in range(0, len(items), AT_ONCE):
        with transaction.atomic():
            _change(run, by, claimed_by=by)
            Payout.objects.bulk_create([contents.payout(run, item) for item in items[i : i + AT_ONCE]])


def _high_water() -> int:
    """The last posting. On PostgreSQL ids commit out of order, so no writer may be on its way while we look."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f'LOCK TABLE "{Posting._meta.db_table}" IN SHARE MODE')
        return Posting.objects.aggregate(last=Max("pk"))["last"] or 0


def totals(run: PayoutRun, *states: str) -> Totals:
    """How many payouts of a run are in these states (all but the skipped and cancelled when none are named)."""
    payouts = run.payouts.all()
    if states:
        payouts = payouts.filter(state__in=states)
    else:
        payouts = payouts.exclude(state__in=[Payout.State.SKIPPED, Payout.State.CANCELLED])
    sums = payouts.aggregate(count=Count("pk"), micros=Sum("amount_micros"))
    return Totals(sums["count"], sums["micros"] or 0)


def by_state(run: PayoutRun) -> dict[str, Totals]:
    """Count and micros of a run's payouts in each state there is."""
    rows = run.payouts.order_by().values_list("state").annotate(count=Count("pk"), micros=Sum("amount_micros"))
    return {state: Totals(count, micros) for state, count, micros in rows}


def together(sums: Mapping[str, Totals], *states: str) -> Totals:
    """The totals of these states together."""
    found = [sums[state] for state in states if state in sums]
    return Totals(sum(each.count for each in found), sum(each.micros for each in found))


def difference(run: PayoutRun) -> int:
    """Micros by which the run and the ledger disagree: 0, or nothing may be approved.

    Before approval: what the run says is payable against the postings up to its high-water mark, payee by payee.
    Afterwards: its open payouts against what its postings left in transit.
    """
    if run.state in (State.DRAFT, State.COMPUTED):
        ledger = contents.payable_at(run.unit, run.high_water or 0)
        snapshot = dict(run.payouts.values_list("payee_id", "payable_micros"))
        positive = {payee_id for payee_id, micros in ledger.items() if micros > 0}
        return sum(abs(snapshot.get(payee_id, 0) - ledger.get(payee_id, 0)) for payee_id in positive | set(snapshot))
    return abs(totals(run, *Payout.OPEN).micros - _in_transit(run))


def _in_transit(run: PayoutRun) -> int:
    """Micros that the postings of this run's payouts have brought into transit and not out of it."""
    transit = Posting.objects.filter(source__in=Payout.objects.filter(run=run).sources())
    code = chart.transit(run.unit)
    into = transit.filter(credit__code=code).aggregate(total=Sum("amount"))["total"] or 0
    out_of = transit.filter(debit__code=code).aggregate(total=Sum("amount"))["total"] or 0
    return into - out_of


def approve(run_id: int, *, by: User, seen_hash: str, at: datetime) -> PayoutRun:
    """Approve a computed run and reserve its payouts: payable -> transit.

    A payout that can no longer be made as computed (less is payable, the payee is blocked or paid another way) is
    skipped as changed. Killed while reserving, the sweeper goes on. Raises SamePerson, Changed, ClockWentBack,
    WrongState.
    """
    run = PayoutRun.objects.get(pk=run_id)
    _require(run, "approved", State.COMPUTED)
    require_later(run, at)
    if run.created_by_id == by.pk:
        raise SamePerson("You opened this run, so somebody else has to approve it.")
    if seen_hash != run.content_hash:
        raise Changed("The run was computed again after you opened this page. Look at it once more.")
    if off := difference(run):
        raise Changed(f"The ledger disagrees by {off} micros. Compute the run again; if it persists, run the audit.")
    if contents.stored_hash(run) != run.content_hash:
        raise Changed("The payouts are not what was computed: somebody changed them. Compute the run again.")
    computed = PayoutRun.objects.filter(pk=run_id, state=State.COMPUTED, content_hash=seen_hash)
    if not computed.update(state=State.APPROVED, approved_by=by, approved_at=at):
        run.refresh_from_db()
        _require(run, "approved", State.COMPUTED)
        raise Changed("The run was computed again after you opened this page. Look at it once more.")
    reservations.reserve_all(run_id, at=at)
    run.refresh_from_db()
    return run


def cancel(run_id: int, *, by: User, at: datetime) -> PayoutRun:
    """Cancel a run that is not being paid yet; reservations go back to the payees.

    Killed while giving back, the sweeper goes on. Raises ClockWentBack, WrongState.
    """
    run = PayoutRun.objects.get(pk=run_id)
    _require(run, "cancelled", *PayoutRun.WAITING)
    require_later(run, at)
    waiting = PayoutRun.objects.filter(pk=run_id, state__in=PayoutRun.WAITING)
    cancelled = waiting.update(
        state=State.CANCELLED, cancelled_by=by, finished_at=at, claimed_by="", claimed_until=None
    )
    run.refresh_from_db()
    if not cancelled:
        _require(run, "cancelled", *PayoutRun.WAITING)
    reservations.release_all(run_id, at=at)
    return run


def execute(run_id: int, *, by: User, at: datetime) -> PayoutRun:
    """Let the workers pay an approved run. Doing it twice is doing it once. Raises ClockWentBack, WrongState."""
    run = PayoutRun.objects.get(pk=run_id)
    if run.state == State.APPROVED:
        require_later(run, at)
    unreserved = Payout.objects.filter(run=OuterRef("pk"), state=Payout.State.PROPOSED)
    approved = PayoutRun.objects.filter(~Exists(unreserved), pk=run_id, state=State.APPROVED)
    begun = approved.update(state=State.EXECUTING, executed_by=by, executed_at=at)
    run.refresh_from_db()
    if not begun:
        if run.state == State.APPROVED:
            raise WrongState("The money of this run is still being reserved. Try again in a moment.")
        _require(run, "executed", State.EXECUTING, State.COMPLETED, State.COMPLETED_WITH_ERRORS)
    finish(run_id, at=at)
    run.refresh_from_db()
    return run


def finish(run_id: int, *, at: datetime) -> bool:
    """Complete an executing run whose payouts are all settled; True when this call did it.

    The run is locked while we look, because a payout that is tried again opens it once more.
    """
    payouts = Payout.objects.filter(run_id=run_id)
    still_open = payouts.filter(state__in=Payout.OPEN)
    if still_open.exists():
        return False
    with transaction.atomic():
        run = PayoutRun.objects.select_for_update(of=("self",)).get(pk=run_id)
        if run.state != State.EXECUTING or still_open.exists():
            return False
        has_errors = payouts.filter(state=Payout.State.FAILED).exists()
        run.state = State.COMPLETED_WITH_ERRORS if has_errors else State.COMPLETED
        run.finished_at, run.paused_at = at, None
        run.save(update_fields=["state", "finished_at", "paused_at"])
    return True


def finish_all(*, at: datetime) -> int:
    """Complete every executing run that has nothing left to pay; how many."""
    executing = PayoutRun.objects.filter(state=State.EXECUTING).values_list("pk", flat=True)
    return sum(finish(run_id, at=at) for run_id in list(executing))


def carry_on(*, at: datetime) -> int:
    """Take up what somebody was killed in: computing, reserving, giving back; how many runs were looked after."""
    open_payouts = [Payout.State.PROPOSED, Payout.State.RESERVED]
    drafts = PayoutRun.objects.filter(unclaimed(at), state=State.DRAFT, created_at__lt=at - timedelta(minutes=1))
    half = PayoutRun.objects.filter(state=State.APPROVED, payouts__state=Payout.State.PROPOSED)
    given_up = PayoutRun.objects.filter(state=State.CANCELLED, payouts__state__in=open_payouts)
    works = (
        (drafts, prepare),
        (half, reservations.reserve_all),
        (given_up, reservations.release_all),
    )
    return steps.all_of(
        partial(_go_on, go_on, run_id, at)
        for rows, go_on in works
        for run_id in list(rows.order_by("pk").values_list("pk", flat=True).distinct())
    )


def _go_on(work: Callable[..., object], run_id: int, at: datetime) -> int:
    try:
        work(run_id, at=at)
    except CannotRun as reason:  # somebody else was faster
        log.info("Run %s: %s", run_id, reason)
    return 1


def register(run: PayoutRun) -> QuerySet[Payout]:
    """The payouts of a run as a register lists them."""
    return run.payouts.select_related("payee").order_by("payee__name", "payee_id")


def _require(run: PayoutRun, done: str, *states: str) -> None:
    if run.state not in states:
        raise WrongState(f"This run is {run.get_state_display()}, so it cannot be {done}.")
