"""Orders, listeners and Stripe's own words for tests. Webhooks are signed truly, with the secret of the settings."""

import copy
import hashlib
import hmac
import itertools
import json
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from artists.models import Album, Track
from store.listeners import Listener
from store.models import Order, StripeEvent
from store.music import Music
from store.sales import orders
from store.sales.checkout import Session
from tests.artists.factories import make_album, make_track
from tests.users.factories import leo
from users.models import User

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
RECORDED = Path(__file__).parent / "recorded"
_numbers = itertools.count(1)


def listener(user: User | None = None) -> Listener:
    """Leo, or somebody else who is signed in."""
    return Listener(user_id=(user or leo()).pk)


def guest(key: str = "a-guest") -> Listener:
    """Somebody without an account."""
    return Listener(guest_key=key)


def make_sold_album(price_micros: int = 9_990_000, **fields: Any) -> Album:
    """A published album with two tracks, sold for $9.99."""
    return make_album(price_micros=price_micros, **{"tracks": 2, **fields})


def make_sold_track(price_micros: int = 990_000, **fields: Any) -> Track:
    """A published track, sold on its own for $0.99."""
    return make_track(price_micros=price_micros, **fields)


def music(thing: Album | Track) -> Music:
    """What is bought."""
    return Music(album=thing) if isinstance(thing, Album) else Music(track=thing)


def make_order(*things: Album | Track, by: Listener | None = None, at: datetime = NOON, **fields: Any) -> Order:
    """An order placed at NOON for each thing's price; for an album of its own if nothing is named."""
    wishes = [orders.Wish(music(thing), music(thing).least_micros) for thing in things or (make_sold_album(),)]
    return orders.place(wishes, by or listener(), order_id=uuid.uuid4(), at=at, **fields)


def paid_session(order: Order, *, tax_minor: int = 0, is_tax_inside: bool = False, **fields: Any) -> Session:
    """What Stripe says once `order` is paid; tax comes on top unless it is inside the price."""
    asked = order.price_micros // 10_000
    values: dict[str, Any] = {
        "id": order.checkout_session or f"cs_test_{order.pk}",
        "order_id": str(order.pk),
        "status": "complete",
        "is_paid": True,
        "unit": order.unit,
        "subtotal_minor": asked,
        "tax_minor": tax_minor,
        "total_minor": asked if is_tax_inside else asked + tax_minor,
        "payment_intent": f"pi_{order.pk}",
        "email": "leo@demo.megabox.test",
        "country": "DE",
    }
    return Session(**{**values, **fields})


def make_paid_order(*things: Album | Track, at: datetime = NOON, tax_minor: int = 0, **fields: Any) -> Order:
    """An order that is paid and booked."""
    order = make_order(*things, at=at, **fields)
    orders.fulfil(order.pk, paid_session(order, tax_minor=tax_minor), at=at)
    order.refresh_from_db()
    return order


def recorded(name: str) -> dict[str, Any]:
    """An event as it was recorded from the stand-in."""
    event: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())
    return event


def event_of(name: str, order: Order, **changes: Any) -> dict[str, Any]:
    """A recorded event, made to be about `order`, with an id of its own; `changes` go into its object."""
    event = copy.deepcopy(recorded(name))
    event["id"] = f"evt_test_{next(_numbers)}_{uuid.uuid4().hex[:8]}"
    about = event["data"]["object"]
    about["metadata"] = {"order": str(order.pk)}
    minor = order.price_micros // 10_000
    if about["object"] == "checkout.session":
        about |= {"id": order.checkout_session or f"cs_test_{order.pk}", "currency": order.unit.lower()}
        about |= {"amount_subtotal": minor, "amount_total": minor}
        if about["payment_intent"]:
            about["payment_intent"] = f"pi_{order.pk}"
    else:
        about |= {"payment_intent": f"pi_{order.pk}", "currency": order.unit.lower(), "amount": minor}
    about |= changes
    return event


def signature(body: bytes, *, secret: str | None = None, at: int | None = None) -> str:
    """A signature as Stripe computes it."""
    stamp = int(time.time()) if at is None else at
    key = (settings.STRIPE_WEBHOOK_SECRET if secret is None else secret).encode()
    mac = hmac.new(key, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={mac}"


def post_event(event: dict[str, Any], *, client: Client | None = None, **signing: Any) -> HttpResponse:
    """Send an event to our webhook as Stripe does."""
    body = json.dumps(event).encode()
    answer: HttpResponse = (client or Client()).post(  # type: ignore[assignment]  # the test client's response
        "/stripe/webhook/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": signature(body, **signing)},
    )
    return answer


def stored(event: dict[str, Any]) -> StripeEvent:
    """The row of an event that was sent."""
    return StripeEvent.objects.get(event_id=event["id"])


def told(
    order: Order,
    status: str = "needs_response",
    *,
    minor: int | None = None,
    number: int = 1,
    out: bool = True,
    back: bool | int = False,
    fee_minor: int = 1_500,
    fee_back_minor: int = 0,
    unit: str | None = None,
) -> dict[str, Any]:
    """A dispute of `order` as Stripe writes it: `out` and `back` say which money moved so far."""
    currency = (unit or order.unit).lower()
    asked = order.total_micros // 10_000 if minor is None else minor
    name = f"{str(order.pk)[:8]}{number}"
    opened = int(order.placed_at.timestamp()) + 86_400
    moves = [(f"txn_out_{name}", -asked, fee_minor)] if out else []
    if back:
        returned = asked if back is True else back
        moves.append((f"txn_back_{name}", returned, -fee_back_minor))
    return {
        "id": f"dp_{name}",
        "object": "dispute",
        "amount": asked,
        "balance_transactions": [
            {"id": pk, "object": "balance_transaction", "amount": amount, "fee": fee, "currency": currency}
            for pk, amount, fee in moves
        ],
        "charge": f"ch_{order.pk}",
        "created": opened,
        "currency": currency,
        "evidence_details": {"due_by": opened + 7 * 86_400},
        "payment_intent": f"pi_{order.pk}",
        "reason": "fraudulent",
        "status": status,
    }


def dispute_event(kind: str, dispute: dict[str, Any]) -> dict[str, Any]:
    """An event of Stripe's about a dispute."""
    event_id = f"evt_test_{next(_numbers)}_{uuid.uuid4().hex[:8]}"
    return {
        "id": event_id,
        "object": "event",
        "type": f"charge.dispute.{kind}",
        "data": {"object": copy.deepcopy(dispute)},
    }
