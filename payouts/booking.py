"""What the books say of a payout: reserved, paid, failed, returned. Source: docs/money.md, "Journal of every event".

Each function must run in the transaction that changes the payout's state.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ledger import chart, journal, payees
from ledger.journal import Line
from payouts.models import Payout, PayoutRun


def reserve(run: PayoutRun, reserved: Sequence[Payout], *, at: datetime) -> None:
    """Payable -> transit for every payout of an approved run, in one entry. Raises journal.Overdraft."""
    lines = [
        Line(
            debit=chart.payee(payout.payee_id, "payable", payout.unit),
            credit=chart.transit(payout.unit),
            amount=payout.amount_micros,
            unit=payout.unit,
            source=payout.source,
            facts=_facts(payout),
        )
        for payout in reserved
    ]
    if lines:
        journal.post(f"payout-run:{run.pk}:reserved", "payout reserved", lines, occurred_at=at)


def release(run: PayoutRun, reserved: Sequence[Payout], *, at: datetime) -> None:
    """Transit -> payable for every payout of a cancelled run, in one entry; then what is owed is settled."""
    if reserved:
        lines = [_back_to_payable(payout) for payout in reserved]
        journal.post(f"payout-run:{run.pk}:released", "payout released", lines, occurred_at=at)
    for payout in reserved:
        _settle_owed(payout, "released", at)


def paid(payout: Payout, *, at: datetime) -> None:
    """Transit -> Stripe: the money is the payee's."""
    line = Line(
        debit=chart.transit(payout.unit),
        credit=chart.stripe(payout.unit),
        amount=payout.amount_micros,
        unit=payout.unit,
        source=payout.source,
        facts=_facts(payout) | {"transfer": payout.transfer_id},
    )
    journal.post(_key(payout, "paid"), "payout paid", [line], occurred_at=at)


def failed(payout: Payout, *, at: datetime) -> None:
    """Transit -> payable: the reservation is given back, and settles first what the payee owes."""
    journal.post(_key(payout, "failed"), "payout failed", [_back_to_payable(payout)], occurred_at=at)
    _settle_owed(payout, "failed", at)


def returned(payout: Payout, *, at: datetime) -> None:
    """Stripe -> payable: money that was paid came back."""
    line = Line(
        debit=chart.stripe(payout.unit),
        credit=chart.payee(payout.payee_id, "payable", payout.unit),
        amount=payout.amount_micros,
        unit=payout.unit,
        source=payout.source,
        facts=_facts(payout) | {"transfer": payout.transfer_id},
    )
    journal.post(_key(payout, "returned"), "payout returned", [line], occurred_at=at)
    _settle_owed(payout, "returned", at)


def _key(payout: Payout, event: str) -> str:
    return f"payout:{payout.pk}:{event}"


def _facts(payout: Payout) -> dict[str, Any]:
    return {"title": "Payout", "run": payout.run_id, "payout": payout.pk}


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
