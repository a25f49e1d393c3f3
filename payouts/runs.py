"""Payout runs: opened by one person, computed from the books, approved by another, executed by workers.

Every step is one conditional change of the run's row, so two people or two workers never both do it.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Count, Max, QuerySet, Sum

from ledger import chart, journal
from ledger import policy as policies
from ledger.models import Posting
from payouts import blocks, booking, contents
from payouts.contents import Item
from payouts.models import Payout, PayoutRun
from users.models import User

State = PayoutRun.State


class CannotRun(Exception):
    """A step of a run that cannot be done now; the message says why and what to do."""


class WrongState(CannotRun):
    """The run is not in the state that this step starts from."""


class SamePerson(CannotRun):
    """Whoever opened a run may not approve it."""


class Changed(CannotRun):
    """What is to be approved is not what was seen, or the books no longer agree with it."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Count and micros of a run's payouts."""

    count: int
    micros: int


def open_run(*, unit: str, period: str, by: User, at: datetime) -> PayoutRun:
    """Open a run of `unit` for the month `period` (2026-11) and compute it.

    Raises WrongState while another run of the same unit waits for approval or execution.
    """
    waiting = PayoutRun.objects.filter(unit=unit, state__in=PayoutRun.WAITING).first()
    if waiting is not None:
        raise WrongState(
            f"Run {waiting.pk} in {unit} is still {waiting.get_state_display()}. Finish or cancel it first."
        )
    run = PayoutRun.objects.create(unit=unit, period=period, created_by=by, created_at=at)
    return prepare(run.pk, at=at)


def prepare(run_id: int, *, at: datetime) -> PayoutRun:
    """Compute (again) what a run contains, as of the last posting; its hash binds the approval.

    Safe to repeat until the run is approved; an approver who saw an earlier computation is turned away. Raises
    WrongState later than that.
    """
    high_water = _high_water()
    policy = policies.current(at)
    with transaction.atomic():
        run = _locked(run_id)
        _require(run, "computed", State.DRAFT, State.COMPUTED)
        items = contents.compute(run.unit, high_water, policy, at)
        run.payouts.all().delete()
        Payout.objects.bulk_create([_payout(run, item) for item in items], batch_size=500)
        run.state = State.COMPUTED
        run.high_water = high_water
        run.policy_version = policy.version
        run.computed_at = at
        run.content_hash = contents.content_hash(run.unit, run.period, high_water, policy.version, items)
        run.save()
    return run


def _high_water() -> int:
    """The last posting. On PostgreSQL ids commit out of order, so no writer may be on its way while we look."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f'LOCK TABLE "{Posting._meta.db_table}" IN SHARE MODE')
        return Posting.objects.aggregate(last=Max("pk"))["last"] or 0


def _payout(run: PayoutRun, item: Item) -> Payout:
    return Payout(
        run=run,
        payee_id=item.payee_id,
        unit=run.unit,
        payable_micros=item.payable_micros,
        amount_micros=item.amount_micros,
        amount_cents=item.amount_cents,
        threshold_micros=item.threshold_micros,
        destination=item.destination,
        state=Payout.State.SKIPPED if item.reason else Payout.State.PROPOSED,
        reason=item.reason,
    )


def totals(run: PayoutRun, *states: str) -> Totals:
    """How many payouts of a run are in these states (all but the skipped and cancelled when none are named)."""
    payouts = run.payouts.all()
    if states:
        payouts = payouts.filter(state__in=states)
    else:
        payouts = payouts.exclude(state__in=[Payout.State.SKIPPED, Payout.State.CANCELLED])
    sums = payouts.aggregate(count=Count("pk"), micros=Sum("amount_micros"))
    return Totals(sums["count"], sums["micros"] or 0)


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

    A payout that can no longer be made as computed (less is payable, the payee is blocked or changed accounts) is
    skipped as changed. Raises SamePerson, Changed, WrongState.
    """
    with transaction.atomic():
        run = _locked(run_id)
        _require(run, "approved", State.COMPUTED)
        if run.created_by_id == by.pk:
            raise SamePerson("You opened this run, so somebody else has to approve it.")
        if seen_hash != run.content_hash:
            raise Changed("The run was computed again after you opened this page. Look at it once more.")
        if off := difference(run):
            raise Changed(
                f"The ledger disagrees by {off} micros. Compute the run again; if it persists, run the audit."
            )
        _reserve(run, at)
        run.state = State.APPROVED
        run.approved_by, run.approved_at = by, at
        run.save()
    return run


def _reserve(run: PayoutRun, at: datetime) -> None:
    proposed = list(run.payouts.filter(state=Payout.State.PROPOSED).select_related("payee").order_by("payee_id"))
    codes = {payout.pk: chart.payee(payout.payee_id, "payable", payout.unit) for payout in proposed}
    payable = journal.lock(codes.values()) if codes else {}
    reasons = blocks.reasons((payout.payee for payout in proposed), at)
    for payout in proposed:
        payout.state, payout.reason = Payout.State.SKIPPED, reasons.get(payout.payee_id, "")
        if payable[codes[payout.pk]] < payout.amount_micros:
            payout.reason = "Changed: less can be paid than when the run was computed."
        elif not payout.reason and payout.payee.stripe_account != payout.destination:
            payout.reason = "Changed: the payee uses another Stripe account now."
        elif not payout.reason:
            payout.state = Payout.State.RESERVED
    Payout.objects.bulk_update(proposed, ["state", "reason"], batch_size=500)
    booking.reserve(run, [payout for payout in proposed if payout.state == Payout.State.RESERVED], at=at)


def cancel(run_id: int, *, by: User, at: datetime) -> PayoutRun:
    """Cancel a run that is not being paid yet; reservations go back to the payees. Raises WrongState."""
    with transaction.atomic():
        run = _locked(run_id)
        _require(run, "cancelled", *PayoutRun.WAITING)
        reserved = list(run.payouts.filter(state=Payout.State.RESERVED).order_by("payee_id"))
        if reserved:
            journal.lock(
                chart.payee(payout.payee_id, place, payout.unit) for payout in reserved for place in chart.PLACES
            )
        booking.release(run, reserved, at=at)
        given_up = [Payout.State.PROPOSED, Payout.State.RESERVED]
        run.payouts.filter(state__in=given_up).update(state=Payout.State.CANCELLED, reason="The run was cancelled.")
        run.state = State.CANCELLED
        run.cancelled_by, run.finished_at = by, at
        run.save()
    return run


def execute(run_id: int, *, by: User, at: datetime) -> PayoutRun:
    """Let the workers pay an approved run. Doing it twice is doing it once. Raises WrongState."""
    begun = PayoutRun.objects.filter(pk=run_id, state=State.APPROVED).update(
        state=State.EXECUTING, executed_by=by, executed_at=at
    )
    run = PayoutRun.objects.get(pk=run_id)
    if not begun:
        _require(run, "executed", State.EXECUTING, State.COMPLETED, State.COMPLETED_WITH_ERRORS)
    finish(run_id, at=at)
    run.refresh_from_db()
    return run


def finish(run_id: int, *, at: datetime) -> bool:
    """Complete an executing run whose payouts are all settled; True when this call did it."""
    payouts = Payout.objects.filter(run_id=run_id)
    if payouts.filter(state__in=Payout.OPEN).exists():
        return False
    has_errors = payouts.filter(state=Payout.State.FAILED).exists()
    state = State.COMPLETED_WITH_ERRORS if has_errors else State.COMPLETED
    running = PayoutRun.objects.filter(pk=run_id, state=State.EXECUTING)
    return running.update(state=state, finished_at=at) == 1


def finish_all(*, at: datetime) -> int:
    """Complete every executing run that has nothing left to pay; how many."""
    executing = PayoutRun.objects.filter(state=State.EXECUTING).values_list("pk", flat=True)
    return sum(finish(run_id, at=at) for run_id in list(executing))


def register(run: PayoutRun) -> QuerySet[Payout]:
    """The payouts of a run as a register lists them."""
    return run.payouts.select_related("payee").order_by("payee__name", "payee_id")


def _locked(run_id: int) -> PayoutRun:
    return PayoutRun.objects.select_for_update(of=("self",)).get(pk=run_id)


def _require(run: PayoutRun, done: str, *states: str) -> None:
    if run.state not in states:
        raise WrongState(f"This run is {run.get_state_display()}, so it cannot be {done}.")
