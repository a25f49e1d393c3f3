"""Stripe in and out: Checkout Sessions, what became of them, its fee, refunds told, and signed webhooks.

The only module of this room that talks to Stripe, always through the official library and never inside a database
transaction. Amounts on this border are Stripe's minor units; everything behind it is micros.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import stripe
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from megabox import money
from store.models import Order, OrderLine

SESSION_LIFE = timedelta(hours=2)
"""How long a payment page stays open; Stripe allows 30 minutes to 24 hours."""

SIGNATURE_SECONDS = 300
TIMEOUT_SECONDS = 20


class Unreachable(Exception):
    """Stripe does not answer; nothing was charged and it can be tried again."""

    def __init__(self) -> None:
        super().__init__(
            "The payment page cannot be reached right now. Nothing was charged and your cart is kept: try again."
        )


class Refused(Exception):
    """Stripe refuses this payment for a reason of ours."""


class Forged(Exception):
    """A webhook that is not Stripe's: no signature, a wrong one, one that is too old, or no event at all."""


@dataclass(frozen=True, slots=True)
class Session:
    """What Stripe says of a Checkout Session. Amounts in minor units of `unit`."""

    id: str
    order_id: str
    status: str
    is_paid: bool
    unit: str
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    payment_intent: str
    email: str
    country: str


@dataclass(frozen=True, slots=True)
class Fee:
    """What a card charge cost, in minor units of `unit`, by its balance transaction."""

    balance_transaction: str
    unit: str
    fee_minor: int
    gross_minor: int


def start(order: Order) -> str:
    """Open Stripe's payment page for a pending order, or return the one it has.

    Safe to repeat: the order's id is the idempotency key and everything sent is frozen on the order. Raises
    Unreachable or Refused.
    """
    refuse_transactions()
    if order.checkout_session:
        return order.checkout_url
    try:
        session = client().v1.checkout.sessions.create(
            params=_params(order),  # type: ignore[arg-type]  # the SDK's TypedDict, checked by the stand-in's tests
            options={"idempotency_key": f"order:{order.pk}"},
        )
    except stripe.InvalidRequestError as refusal:
        raise Refused(f"This payment cannot be opened: {refusal.user_message or refusal}") from refusal
    except stripe.StripeError as failure:
        raise Unreachable from failure
    Order.objects.filter(pk=order.pk, checkout_session=None).update(
        checkout_session=session.id, checkout_url=session.url or ""
    )
    order.refresh_from_db(fields=["checkout_session", "checkout_url"])
    return order.checkout_url


def _params(order: Order) -> dict[str, Any]:
    """What Stripe is told: the same for every try, or its idempotency key would refuse."""
    page = settings.SITE_URL + reverse("store:order", args=[order.pk])
    about = {"order": str(order.pk)}
    params: dict[str, Any] = {
        "mode": "payment",
        "line_items": [_item(order, line) for line in order.lines.all()],
        "success_url": page,
        "cancel_url": page + "?left=1",
        "client_reference_id": str(order.pk),
        "expires_at": int((order.placed_at + SESSION_LIFE).timestamp()),
        "metadata": about,
        "payment_intent_data": {"metadata": about},
    }
    if order.email:
        params["customer_email"] = order.email
    if settings.STRIPE_TAX_RATES and order.kind != Order.Kind.DEPOSIT:
        params["billing_address_collection"] = "required"
    return params


def _item(order: Order, line: OrderLine) -> dict[str, Any]:
    item: dict[str, Any] = {
        "price_data": {
            "currency": order.unit.lower(),
            "unit_amount": money.floor_to_minor(line.price_micros, order.unit),
            "product_data": {"name": line.title[:250]},
        },
        "quantity": 1,
    }
    if settings.STRIPE_TAX_RATES and order.kind != Order.Kind.DEPOSIT:
        item["tax_rates"] = list(settings.STRIPE_TAX_RATES)
    return item


def ask(session_id: str) -> Session:
    """What became of a Checkout Session. Raises Unreachable."""
    refuse_transactions()
    try:
        found = client().v1.checkout.sessions.retrieve(session_id)
    except stripe.StripeError as failure:
        raise Unreachable from failure
    return read_session(found.to_dict())


def expire(session_id: str) -> None:
    """Close a payment page that is still open, so that it cannot be paid any more. Raises Unreachable.

    A page that is paid or closed already stays as it is.
    """
    refuse_transactions()
    try:
        client().v1.checkout.sessions.expire(session_id)
    except stripe.InvalidRequestError:
        return
    except stripe.StripeError as failure:
        raise Unreachable from failure


def fee_of(payment_intent: str) -> Fee | None:
    """What the payment's charge cost; None while Stripe does not know. Raises Unreachable."""
    refuse_transactions()
    try:
        intent = client().v1.payment_intents.retrieve(
            payment_intent, params={"expand": ["latest_charge.balance_transaction"]}
        )
    except stripe.StripeError as failure:
        raise Unreachable from failure
    charge = intent.to_dict().get("latest_charge")
    told = charge.get("balance_transaction") if isinstance(charge, Mapping) else None
    if not isinstance(told, Mapping):
        return None
    return Fee(
        balance_transaction=str(told["id"]),
        unit=str(told["currency"]).upper(),
        fee_minor=int(told["fee"]),
        gross_minor=int(told["amount"]),
    )


@dataclass(frozen=True, slots=True)
class Refunds:
    """All refunds that Stripe ever made of one payment: minor units by id, and why the card's bank sent some back.

    Refunds are added and fail, and never the other way, so both sums only grow: an older answer says nothing wrong.
    """

    made: Mapping[str, int]
    failed: Mapping[str, str]

    @property
    def made_minor(self) -> int:
        """What was given back in all, those that failed included."""
        return sum(self.made.values())

    @property
    def failed_minor(self) -> int:
        """What of it came back to us."""
        return sum(self.made[pk] for pk in self.failed)


DEPOSIT_REFUND, PRE_ORDER = "deposit_refund", "pre_order"
"""Which table a refund's row is in, as it is written on the refund."""

FAILED = ("failed", "canceled")
"""What a refund is whose money is with us again."""


def refund(payment_intent: str, minor: int, refund_id: int, *, key: str, of: str = DEPOSIT_REFUND) -> str:
    """Give `minor` minor units of a payment back to its card; return Stripe's id. The same key is the same refund.

    `refund_id` is the row that asks, `of` which table it is in; both are written on the refund. The card's bank may
    send it back all the same, now or in a month: `refunds_of` says so.

    Raises Refused when it is certain that nothing was given back, and Unreachable when nobody knows.
    """
    refuse_transactions()
    try:
        made = client().v1.refunds.create(
            params={
                "payment_intent": payment_intent,
                "amount": minor,
                "reason": "requested_by_customer",
                "metadata": {of: str(refund_id)},
            },
            options={"idempotency_key": key},
        )
    except (stripe.InvalidRequestError, stripe.CardError) as refusal:
        raise Refused(refusal.user_message or str(refusal)) from refusal
    except stripe.StripeError as failure:
        raise Unreachable from failure
    return str(made.id)


def find_refund(payment_intent: str, refund_id: int) -> str | None:
    """Stripe's id of a refund whose key is forgotten; None when it was never made. Raises Unreachable."""
    named = [
        one for one in _refunds(payment_intent) if (one.get("metadata") or {}).get(DEPOSIT_REFUND) == str(refund_id)
    ]
    return str(named[0]["id"]) if named else None


def refunds_of(payment_intent: str) -> Refunds:
    """Every refund of a payment, whoever made it, and what became of it. Raises Unreachable."""
    found = _refunds(payment_intent)
    return Refunds(
        made={str(one["id"]): int(one["amount"]) for one in found},
        failed={str(one["id"]): str(one.get("failure_reason") or "") for one in found if one["status"] in FAILED},
    )


def _refunds(payment_intent: str) -> list[dict[str, Any]]:
    refuse_transactions()
    try:
        found = client().v1.refunds.list(params={"payment_intent": payment_intent, "limit": 100})
        return [one.to_dict() for one in found.auto_paging_iter()]
    except stripe.StripeError as failure:
        raise Unreachable from failure


def read_session(data: Mapping[str, Any]) -> Session:
    """A Checkout Session as Stripe writes it, from an event or an answer."""
    customer = data.get("customer_details") or {}
    return Session(
        id=str(data["id"]),
        order_id=str((data.get("metadata") or {}).get("order") or ""),
        status=str(data.get("status") or ""),
        is_paid=data.get("payment_status") == "paid",
        unit=str(data.get("currency") or "").upper(),
        subtotal_minor=int(data.get("amount_subtotal") or 0),
        tax_minor=int((data.get("total_details") or {}).get("amount_tax") or 0),
        total_minor=int(data.get("amount_total") or 0),
        payment_intent=id_of(data.get("payment_intent")),
        email=str(customer.get("email") or "").lower(),
        country=str((customer.get("address") or {}).get("country") or "").upper(),
    )


def id_of(told: Any) -> str:
    """The id of something Stripe names or, if asked to, writes out."""
    return str(told["id"]) if isinstance(told, Mapping) else str(told or "")


def read_event(body: bytes, signature: str) -> dict[str, Any]:
    """The event a webhook brings, once its signature shows that Stripe sent it within five minutes. Raises Forged."""
    try:
        stripe.WebhookSignature.verify_header(
            body.decode(), signature, settings.STRIPE_WEBHOOK_SECRET, tolerance=SIGNATURE_SECONDS
        )
        event = json.loads(body)
    except (stripe.SignatureVerificationError, ValueError) as reason:
        raise Forged(str(reason)) from reason
    if not isinstance(event, dict) or not isinstance(event.get("id"), str) or not isinstance(event.get("type"), str):
        raise Forged("This is no event.")
    return event


def refuse_transactions() -> None:
    """Our own mistake if we are inside a transaction: it would hold its locks for as long as Stripe takes."""
    with transaction.atomic(durable=True):
        pass


def client() -> stripe.StripeClient:
    """The official library, for the settings' key: a call is tried again twice, and waits 20 seconds at most."""
    return _client_for(settings.STRIPE_API_KEY, settings.STRIPE_API_BASE)


@lru_cache(maxsize=4)
def _client_for(key: str, base: str | None) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": base} if base else {},
        max_network_retries=2,
        http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
    )
