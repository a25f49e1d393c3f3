"""Stripe's own books: its balance, and the balance transactions that made it. Reads only.

Called outside of any transaction. Amounts leave this module in micros, times in UTC.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import stripe

from megabox import money
from store.sales import checkout

if TYPE_CHECKING:
    from stripe.params import BalanceTransactionListParams

PAGE = 100
"""The most that Stripe lists at once."""


class NoAnswer(Exception):
    """Stripe does not answer; nothing was changed, and what was read so far is kept."""

    def __init__(self) -> None:
        super().__init__("Stripe does not answer. Nothing is lost: it is asked again within the hour, or press again.")


@dataclass(frozen=True, slots=True)
class Told:
    """One balance transaction as Stripe tells it, in micros of `unit`; `subject` is what it is about."""

    id: str
    type: str
    category: str
    unit: str
    gross: int
    fee: int
    net: int
    source: str
    subject: str
    description: str
    created_at: datetime
    available_on: datetime


def pages(since: datetime | None) -> Iterator[list[Told]]:
    """Every balance transaction that happened at `since` or later, newest first, a page at a time. Raises NoAnswer."""
    params: BalanceTransactionListParams = {"limit": PAGE, "expand": ["data.source"]}
    if since is not None:
        params["created"] = {"gte": int(since.timestamp())}
    while True:
        checkout.refuse_transactions()
        try:
            page = checkout.client().v1.balance_transactions.list(params).to_dict()
        except stripe.StripeError as failure:
            raise NoAnswer from failure
        if page["data"]:
            yield [read(data) for data in page["data"] if _is_counted(data)]
            params["starting_after"] = str(page["data"][-1]["id"])
        if not page["has_more"]:
            return


def _is_counted(data: Mapping[str, Any]) -> bool:
    """Whether a transaction changes what `balance` counts.

    What is put into the reserve for connected accounts is still ours, and other balances (issuing) are not counted.
    """
    return str(data["type"]) != "reserve_transaction" and str(data.get("balance_type") or "payments") == "payments"


def balance() -> dict[str, int]:
    """Our money at Stripe in micros by unit: available, pending and held in reserve. Raises NoAnswer."""
    checkout.refuse_transactions()
    try:
        told = checkout.client().v1.balance.retrieve().to_dict()
    except stripe.StripeError as failure:
        raise NoAnswer from failure
    totals: dict[str, int] = {}
    for part in ("available", "pending", "connect_reserved"):
        for line in told.get(part) or []:
            unit = str(line["currency"]).upper()
            totals[unit] = totals.get(unit, 0) + money.from_minor(int(line["amount"]), unit)
    return totals


def read(data: Mapping[str, Any]) -> Told:
    """A balance transaction as Stripe writes it, its source written out."""
    unit = str(data["currency"]).upper()
    source = data.get("source")
    return Told(
        id=str(data["id"]),
        type=str(data["type"]),
        category=str(data.get("reporting_category") or data["type"]),
        unit=unit,
        gross=money.from_minor(int(data["amount"]), unit),
        fee=money.from_minor(int(data["fee"]), unit),
        net=money.from_minor(int(data["net"]), unit),
        source=checkout.id_of(source),
        subject=_subject(source) or str(data["id"]),
        description=str(data.get("description") or ""),
        created_at=datetime.fromtimestamp(int(data["created"]), UTC),
        available_on=datetime.fromtimestamp(int(data["available_on"]), UTC),
    )


def _subject(source: Any) -> str:
    """The payment of a charge, refund or dispute; the transfer of a reversal; else the source itself."""
    if not isinstance(source, Mapping):
        return str(source or "")
    for name in ("payment_intent", "transfer"):
        if source.get(name):
            return checkout.id_of(source[name])
    return checkout.id_of(source)
