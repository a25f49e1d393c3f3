"""The money of a run's payouts, set aside and given back some payees at a time, so that no lock is held for long.

Each batch is one transaction with one entry, and the payouts' states say how far it went: whoever is killed here, the
next one goes on. The run's row is locked for a batch, so approving and cancelling never work on the same payouts.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from ledger import chart, journal
from payouts import blocks, booking, rails
from payouts.models import Payout, PayoutRun, Rail
from payouts.rails import Route

AT_ONCE = 50
"""Payees whose balances are locked at once: few enough that a sale of theirs waits some hundredths of a second."""


def reserve_all(run_id: int, *, at: datetime) -> None:
    """Reserve what an approved run proposes, batch after batch: payable -> transit."""
    while _reserve_some(run_id, at):
        pass


def release_all(run_id: int, *, at: datetime) -> None:
    """Give back all that a cancelled run proposed or reserved, batch after batch: transit -> payable."""
    while _release_some(run_id, at):
        pass


def _reserve_some(run_id: int, at: datetime) -> bool:
    """One batch; False when nothing is left, or the run is not approved any more."""
    with transaction.atomic():
        run = _locked(run_id)
        proposed = run.payouts.filter(state=Payout.State.PROPOSED).select_related("payee").order_by("payee_id")
        batch = list(proposed[:AT_ONCE]) if run.state == PayoutRun.State.APPROVED else []
        if not batch:
            return False
        reasons = why_not(batch, at)  # before the balances are locked; who is blocked later is caught when it is sent
        codes = {payout.pk: chart.payee(payout.payee_id, "payable", payout.unit) for payout in batch}
        payable = journal.lock(codes.values())
        for payout in batch:
            payout.reason = _too_little(payout, payable[codes[payout.pk]]) or reasons.get(payout.pk, "")
            payout.state = Payout.State.SKIPPED if payout.reason else Payout.State.RESERVED
        reserved = [payout for payout in batch if payout.state == Payout.State.RESERVED]
        booking.reserve(run, reserved, at=at)
        run.payouts.filter(pk__in=[payout.pk for payout in reserved]).update(state=Payout.State.RESERVED)
        skipped = [payout for payout in batch if payout.state == Payout.State.SKIPPED]
        Payout.objects.bulk_update(skipped, ["state", "reason"])
    return True


def _too_little(payout: Payout, payable: int) -> str:
    if payable < payout.amount_micros:
        return "Changed: less can be paid than when the run was computed."
    return ""


def why_not(payouts: Sequence[Payout], at: datetime) -> dict[int, str]:
    """What has come up against these payouts of one unit since they were computed, by payout id.

    A hold, bank details that changed, another account: whoever has nothing against them is not in it.
    """
    if not payouts:
        return {}
    payees = [payout.payee for payout in payouts]
    reasons = blocks.reasons(payees, at)
    routes = rails.routes(payees, payouts[0].unit)
    found = {
        payout.pk: reasons.get(payout.payee_id, "") or _rerouted(payout, routes[payout.payee_id]) for payout in payouts
    }
    return {pk: why for pk, why in found.items() if why}


def _rerouted(payout: Payout, route: Route) -> str:
    """Why a payout no longer goes where it was computed to go; empty when it does."""
    if (payout.rail, payout.destination) == (route.rail.value, route.destination):
        return ""
    if payout.rail == route.rail == Rail.STRIPE:
        return "Changed: the payee uses another Stripe account now."
    return "Changed: the payee is paid another way now."


def _release_some(run_id: int, at: datetime) -> bool:
    """One batch; False when nothing is left, or the run is not cancelled."""
    with transaction.atomic():
        run = _locked(run_id)
        waiting = run.payouts.filter(state__in=[Payout.State.PROPOSED, Payout.State.RESERVED]).order_by("payee_id")
        batch = list(waiting[:AT_ONCE]) if run.state == PayoutRun.State.CANCELLED else []
        if not batch:
            return False
        booking.release(run, [payout for payout in batch if payout.state == Payout.State.RESERVED], at=at)
        given_up = run.payouts.filter(pk__in=[payout.pk for payout in batch])
        given_up.update(state=Payout.State.CANCELLED, reason="The run was cancelled.")
    return True


def _locked(run_id: int) -> PayoutRun:
    return PayoutRun.objects.select_for_update(of=("self",)).get(pk=run_id)
