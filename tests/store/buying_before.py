"""Announced albums that are ordered before they are out, and Stripe as far as giving the money back goes."""

import threading
import uuid
from datetime import datetime, timedelta
from typing import Any

from artists import albums
from artists.models import Album
from store.listeners import Listener
from store.models import Dispute, Order, PreOrder
from store.sales import checkout, orders, preorders
from store.sales.checkout import Refunds
from tests.artists.factories import make_album
from tests.store.factories import NOON, listener, paid_session

OUT = NOON + timedelta(days=30)


def make_coming(price_micros: int = 9_990_000, **fields: Any) -> Album:
    """An album with two tracks that is out in 30 days and may be ordered before, for $9.99."""
    wanted: dict[str, Any] = {"takes_preorders": True, "price_micros": price_micros, **fields}
    album = make_album(published=False, tracks=2, **wanted)
    albums.announce(album, OUT, NOON)
    return album


def make_preorder(
    album: Album | None = None,
    *,
    by: Listener | None = None,
    at: datetime = NOON,
    tax_minor: int = 0,
    is_paid: bool = True,
) -> PreOrder:
    """A pre-order of leo's, paid unless told otherwise."""
    album = album or make_coming()
    order = preorders.place(album, album.price_micros, by or listener(), order_id=uuid.uuid4(), at=at)
    if is_paid:
        pay(order, at=at, tax_minor=tax_minor)
    return PreOrder.objects.select_related("order", "album").get(order=order)


def pay(order: Order, *, at: datetime = NOON, tax_minor: int = 0) -> None:
    """What Stripe tells once the order is paid."""
    orders.fulfil(order.pk, paid_session(order, tax_minor=tax_minor), at=at)


class Cards:
    """Stripe: keys are remembered, no payment is given back twice, and it can fail before or after it did its work."""

    def __init__(self) -> None:
        self.given: dict[str, dict[str, int]] = {}
        self.keys: dict[str, str] = {}
        self.fails: list[str] = []
        self.lock = threading.Lock()

    def back(self, order: Order) -> int:
        """Minor units of an order's payment that its card has again."""
        return sum(self.given.get(f"pi_{order.pk}", {}).values())

    def by_hand(self, payment_intent: str, minor: int) -> str:
        """A refund that somebody made in Stripe's own pages."""
        order = Order.objects.get(pk=payment_intent.removeprefix("pi_"))
        left = (order.total_micros - order.charged_back_micros) // 10_000 - self.back(order)
        if minor > left or Dispute.objects.undecided().filter(order=order).exists():
            raise checkout.Refused("The charge was given back already, or is disputed.")
        made = self.given.setdefault(payment_intent, {})
        name = f"re_{sum(map(len, self.given.values()))}"
        made[name] = minor
        return name

    def refund(self, payment_intent: str, minor: int, refund_id: int, *, key: str, of: str) -> str:
        checkout.refuse_transactions()
        with self.lock:
            how = self.fails.pop(0) if self.fails else ""
            if how == "refuses":
                raise checkout.Refused("The charge is disputed.")
            if how == "is silent before":
                raise checkout.Unreachable
            if key not in self.keys:
                self.keys[key] = self.by_hand(payment_intent, minor)
            if how == "is silent after":
                raise checkout.Unreachable
            return self.keys[key]

    def refunds_of(self, payment_intent: str) -> Refunds:
        return Refunds(dict(self.given.get(payment_intent, {})), {})
