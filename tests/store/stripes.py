"""What Stripe tells of our balance, made up for tests that need no process: balance transactions as they are read."""

import itertools
import uuid
from datetime import datetime
from typing import Any

import pytest

from megabox import money
from store.models import Order
from store.reconciliation import stripe_balance
from store.reconciliation.stripe_balance import Told
from tests.store.factories import NOON

_numbers = itertools.count(1)


def told(kind: str, gross: int, *, fee: int = 0, at: datetime = NOON, **fields: Any) -> Told:
    """A balance transaction of `gross` micros less `fee`, about nothing of ours unless a `subject` is given."""
    name = f"txn_{next(_numbers)}_{uuid.uuid4().hex[:8]}"
    values: dict[str, Any] = {
        "id": name,
        "type": kind,
        "category": kind,
        "unit": "USD",
        "gross": gross,
        "fee": fee,
        "net": gross - fee,
        "source": "",
        "subject": name,
        "description": "",
        "created_at": at,
        "available_on": at,
    }
    return Told(**{**values, **fields})


def told_charge(order: Order, *, fee: int = 590_000, **fields: Any) -> Told:
    """The card payment of a paid order."""
    values: dict[str, Any] = {"subject": order.payment_intent, "source": "ch_1", "unit": order.unit}
    return told("charge", order.total_micros, fee=fee, **{**values, **fields})


def told_refund(order: Order, micros: int, **fields: Any) -> Told:
    """Money given back of an order."""
    return told("refund", -micros, **{"subject": order.payment_intent, "source": "re_1", "unit": order.unit, **fields})


class Stripe:
    """Stripe's list and balance, as far as anybody can see them yet."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
        self.all: list[Told] = []
        self.asked: list[datetime | None] = []
        self.is_silent = False
        self.uncounted: dict[str, int] = {}
        if monkeypatch is not None:
            monkeypatch.setattr(stripe_balance, "pages", self.pages)
            monkeypatch.setattr(stripe_balance, "balance", self.balance)

    def tell(self, *transactions: Told) -> None:
        self.all += transactions

    def pages(self, since: datetime | None) -> Any:
        """Two to a page, newest first, as `stripe_balance.pages`."""
        self.asked.append(since)
        if self.is_silent:
            raise stripe_balance.NoAnswer
        shown = [one for one in self.all if since is None or one.created_at >= since]
        shown.sort(key=lambda one: (one.created_at, self.all.index(one)), reverse=True)
        for start in range(0, len(shown), 2):
            yield shown[start : start + 2]

    def balance(self) -> dict[str, int]:
        """The sum of all that was told, and of what Stripe's list lacks."""
        if self.is_silent:
            raise stripe_balance.NoAnswer
        sums = dict(self.uncounted)
        for one in self.all:
            sums[one.unit] = sums.get(one.unit, 0) + one.net
        return sums


def minor(micros: int, unit: str = "USD") -> int:
    """Cents."""
    return money.floor_to_minor(micros, unit)
