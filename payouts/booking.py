"""What the books say of a payout: reserved, paid, failed, returned. Source: docs/money.md, "Journal of every event".

Each function must run in the transaction that changes the payout's state.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ledger import chart, journal, months, payees
from ledger.journal import Line
from payouts.models import Payout, PayoutFile, PayoutRun, Rail


def reserve(run: PayoutRun, reserved: Sequence[Payout], *, at: datetime) -> None:
    """Payable -> transit for some payouts of an approved run, in one entry. Raises journal.Overdraft."""
    lines = [_to_transit(payout) for payout in reserved]
    if lines:
        key = f"payout-run:{run.pk}:reserved:{reserved[0].pk}"
        journal.post(key, "payout reserved", lines, occurred_at=at)


def reserve_again(payout: Payout, *, at: datetime) -> None:
    """Payable -> transit for a payout that failed and is tried again. Raises journal.Overdraft."""
    key = f"payout:{payout.pk}:reserved:{payout.retries}"
    journal.post(key, "payout reserved", [_to_transit(payout)], occurred_at=at)


def release(run: PayoutRun, reserved: Sequence[Payout], *, at: datetime) -> None:
    """Transit -> payable for some payouts of a cancelled run, in one entry; then what is owed is settled."""
    if not reserved:
        return
    owed = {payout.pk: chart.payee(payout.payee_id, "owed", payout.unit) for payout in reserved}
    payable = [chart.payee(payout.payee_id, "payable", payout.unit) for payout in reserved]
    balances = journal.lock([*owed.values(), *payable])
    lines = [_back_to_payable(payout) for payout in reserved]
    journal.post(f"payout-run:{run.pk}:released:{reserved[0].pk}", "payout released", lines, occurred_at=at)
    for payout in reserved:
        if balances[owed[payout.pk]]:
            _settle_owed(payout, "released", at)


def paid(payout: Payout, *, at: datetime) -> None:
    """Transit -> Stripe: the money is the payee's."""
    journal.post(_key(payout, "paid"), "payout paid", [_out_of_transit(payout)], occurred_at=at)


def paid_by_file(file: PayoutFile, payouts: Sequence[Payout], *, booked: datetime, at: datetime) -> None:
    """Transit -> bank for payouts of a file that the bank has paid, in one entry.

    It occurs when the bank `booked` it; `at`, which is now, if the books of that month are closed.
    """
    lines = [_out_of_transit(payout) for payout in payouts]
    closed = months.closed_until()
    is_late = closed is not None and booked < closed
    why = f"The bank booked it on {booked:%Y-%m-%d}, in a month whose books are closed." if is_late else ""
    key = f"payout-file:{file.pk}:paid:{payouts[0].pk}"
    journal.post(key, "payout paid", lines, occurred_at=at if is_late else booked, why=why)


def failed(payout: Payout, *, at: datetime) -> None:
    """Transit -> payable: the reservation is given back, and settles first what the payee owes."""
    event = f"failed:{payout.retries}" if payout.retries else "failed"
    payees.lock([payout.payee_id], payout.unit)  # all places at once, for settling locks more of them below
    journal.post(_key(payout, event), "payout failed", [_back_to_payable(payout)], occurred_at=at)
    _settle_owed(payout, event, at)


def returned(payout: Payout, *, at: datetime) -> None:
    """Stripe or bank -> payable: money that was paid came back."""
    line = Line(
        debit=_paid_from(payout),
        credit=chart.payee(payout.payee_id, "payable", payout.unit),
        amount=payout.amount_micros,
        unit=payout.unit,
        source=payout.source,
        facts=_proof(payout),
    )
    payees.lock([payout.payee_id], payout.unit)  # as in `failed`
    journal.post(_key(payout, "returned"), "payout returned", [line], occurred_at=at)
    _settle_owed(payout, "returned", at)


def _key(payout: Payout, event: str) -> str:
    return f"payout:{payout.pk}:{event}"


def _facts(payout: Payout) -> dict[str, Any]:
    return {"title": "Payout", "run": payout.run_id, "payout": payout.pk}


def _proof(payout: Payout) -> dict[str, Any]:
    """The facts of a payout that left: how Stripe or the bank's file names it."""
    name = {"transfer": payout.transfer_id} if payout.rail == Rail.STRIPE else {"transfer": payout.end_to_end_id}
    return _facts(payout) | name


def _paid_from(payout: Payout) -> str:
    """The account of ours that a payout is paid from."""
    return chart.stripe(payout.unit) if payout.rail == Rail.STRIPE else chart.bank(payout.unit)


def _to_transit(payout: Payout) -> Line:
    return Line(
        debit=chart.payee(payout.payee_id, "payable", payout.unit),
        credit=chart.transit(payout.unit),
        amount=payout.amount_micros,
        unit=payout.unit,
        source=payout.source,
        facts=_facts(payout),
    )


def _out_of_transit(payout: Payout) -> Line:
    return Line(
        debit=chart.transit(payout.unit),
        credit=_paid_from(payout),
        amount=payout.amount_micros,
        unit=payout.unit,
        source=payout.source,
        facts=_proof(payout),
    )


def _back_to_payable(payout: Payout) -> Line:
    return Line(
        debit=chart.transit(payout.unit),
        credit=chart.payee(payout.payee_id, "payable", payout.unit),
        amount=payout.amount_micros,
        unit=payout.unit,
        source=payout.source,
        facts=_facts(payout),
    )


def _settle_owed(payout: Payout, event: str, at: datetime) -> None:
    payees.settle_owed(payout.payee_id, payout.unit, key=_key(payout, f"{event}:owed"), at=at)
