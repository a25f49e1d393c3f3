"""PaymentIntents, charges and refunds."""

from dataclasses import dataclass
from typing import Any

from megabox.standin import balance, cards, disputes, errors
from megabox.standin.call import Call
from megabox.standin.cards import Card
from megabox.standin.events import emit
from megabox.standin.forms import EXPAND, PAGING, Fields, flag, group, many, pairs, text, whole
from megabox.standin.store import Obj, new_id

SMALLEST = {"usd": 50, "eur": 50, "gbp": 30, "chf": 50, "jpy": 50}
EMPTY_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))

CREATE_INTENT: Fields = EXPAND | {
    "amount": whole(required=True),
    "currency": text(required=True),
    "confirm": flag(),
    "description": text(),
    "metadata": pairs(),
    "payment_method": text(),
    "payment_method_types": many(text("card")),
    "automatic_payment_methods": group({"enabled": flag(), "allow_redirects": text("always", "never")}),
    "receipt_email": text(),
    "transfer_group": text(),
}
CREATE_REFUND: Fields = EXPAND | {
    "amount": whole(),
    "charge": text(),
    "payment_intent": text(),
    "metadata": pairs(),
    "reason": text("duplicate", "fraudulent", "requested_by_customer"),
}
LIST_CHARGES: Fields = PAGING | {"payment_intent": text(), "transfer_group": text(), "customer": text()}
LIST_REFUNDS: Fields = PAGING | {"charge": text(), "payment_intent": text()}


@dataclass(frozen=True)
class Payer:
    """What the payment page asked for besides the card."""

    card: Card
    name: str | None = None
    email: str | None = None
    country: str | None = None
    month: int = 12
    year: int = 2034


def require_amount(cents: int | None, currency: str, param: str = "amount") -> None:
    """Raise WireError for an amount Stripe would not charge."""
    if cents is None or cents < 1:
        raise errors.invalid(param, "Invalid positive integer", "parameter_invalid_integer")
    if cents < SMALLEST.get(currency, 50):
        least = f"{SMALLEST.get(currency, 50) / 100:.2f} {currency}"
        raise errors.invalid(param, f"Amount must be at least {least}.", "amount_too_small")
    if cents > 99_999_999:
        raise errors.invalid(param, "Amount must be no more than 999,999.99.", "amount_too_large")


def currency_of(sent: str, param: str = "currency") -> str:
    """A currency code in Stripe's lower case."""
    if len(sent) != 3 or not sent.isalpha() or not sent.isascii():
        raise errors.invalid(param, f"Invalid currency: {sent}.")
    return sent.lower()


def new_intent(call: Call, cents: int, currency: str, created: int, **given: Any) -> Obj:
    """Store a PaymentIntent that waits for a payment method."""
    identifier = new_id("pi_")
    intent: Obj = {
        "id": identifier,
        "object": "payment_intent",
        "amount": cents,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{identifier}_secret_{new_id('')}",
        "confirmation_method": "automatic",
        "created": created,
        "currency": currency,
        "customer": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    call.objects.add(intent | {name: value for name, value in given.items() if value is not None})
    stored = call.objects.get("payment_intent", identifier)
    emit(call, "payment_intent.created", stored, created=created)
    return stored


def pay(call: Call, intent: Obj, payer: Payer, created: int) -> Obj:
    """Charge the card for `intent`; return the intent, succeeded or with its `last_payment_error`."""
    before = dict(intent)
    method = cards.new_method()
    charge = _new_charge(intent, payer, created, method)
    if payer.card.decline:
        call.objects.add(charge)
        intent |= {"latest_charge": charge["id"], "status": "requires_payment_method"}
        intent["last_payment_error"] = cards.error(payer.card, charge["id"], intent)
        call.objects.save(intent)
        emit(call, "charge.failed", charge, created=created)
        emit(call, "payment_intent.payment_failed", intent, created=created)
        return intent
    cents = intent["amount"]
    fee_cents = balance.fee(cents)
    transaction = balance.move(call, "charge", charge["id"], cents, intent["currency"], created, fee_cents)
    charge["balance_transaction"] = transaction["id"]
    call.objects.add(charge)
    intent |= {
        "amount_received": cents,
        "latest_charge": charge["id"],
        "last_payment_error": None,
        "payment_method": method,
        "status": "succeeded",
    }
    call.objects.save(intent)
    emit(call, "charge.succeeded", charge, created=created)
    emit(call, "payment_intent.succeeded", intent, before=before, created=created)
    if payer.card.dispute:
        disputes.open_for(call, charge, payer.card.dispute, is_inquiry=payer.card.is_inquiry, created=created)
    return intent


def _new_charge(intent: Obj, payer: Payer, created: int, method: str) -> Obj:
    is_paid = not payer.card.decline
    identifier = new_id("ch_")
    address = EMPTY_ADDRESS | {"country": payer.country}
    return {
        "id": identifier,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if is_paid else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": {"address": address, "email": payer.email, "name": payer.name, "phone": None},
        "calculated_statement_descriptor": "MEGABOX",
        "captured": is_paid,
        "created": created,
        "currency": intent["currency"],
        "customer": None,
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None if is_paid else "card_declined",
        "failure_message": None if is_paid else payer.card.message,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": cards.outcome(payer.card),
        "paid": is_paid,
        "payment_intent": intent["id"],
        "payment_method": method,
        "payment_method_details": cards.details(payer.card, payer.month, payer.year),
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded" if is_paid else "failed",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def create_intent(call: Call) -> Obj:
    """POST /v1/payment_intents; with `confirm` and a test payment method it is paid at once."""
    sent = call.params
    currency = currency_of(sent["currency"])
    require_amount(sent["amount"], currency)
    method = sent.get("payment_method")
    if method is not None and method not in cards.METHODS:
        raise errors.unknown_object("PaymentMethod", method, "payment_method", 400)
    if sent.get("confirm") and method is None:
        raise errors.missing("payment_method")
    given = {name: sent.get(name) for name in ("description", "metadata", "receipt_email", "transfer_group")}
    created = call.created()
    intent = new_intent(call, sent["amount"], currency, created, **given)
    if not sent.get("confirm"):
        return intent
    assert method is not None
    paid = pay(call, intent, Payer(cards.METHODS[method]), created)
    if paid["last_payment_error"]:
        error = dict(paid["last_payment_error"])
        raise errors.WireError(
            402,
            error.pop("message"),
            kind=error.pop("type"),
            code=error.pop("code"),
            keeps_effects=True,
            is_remembered=True,
            **error,
        )
    return paid


def retrieve_intent(call: Call) -> Obj:
    """GET /v1/payment_intents/{id}."""
    return call.objects.get("payment_intent", call.path_id)


def list_intents(call: Call) -> Obj:
    """GET /v1/payment_intents."""
    return call.objects.page("payment_intent", "/v1/payment_intents", call.params)


def retrieve_charge(call: Call) -> Obj:
    """GET /v1/charges/{id}."""
    return call.objects.get("charge", call.path_id)


def list_charges(call: Call) -> Obj:
    """GET /v1/charges, by `payment_intent` and `transfer_group`."""
    filters = {name: call.params.get(name) for name in ("payment_intent", "transfer_group", "customer")}
    return call.objects.page("charge", "/v1/charges", call.params, **filters)


def create_refund(call: Call) -> Obj:
    """POST /v1/refunds: money goes back to the card; the fee does not come back."""
    charge = _refunded_charge(call)
    before = dict(charge)
    rest = charge["amount"] - charge["amount_refunded"]
    cents = call.params.get("amount") or rest
    if call.objects.page("dispute", "", {"limit": 1}, charge=charge["id"], is_charge_refundable=0)["data"]:
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise errors.invalid("charge", message, "charge_disputed")
    if rest == 0:
        raise errors.invalid("charge", f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    if not 1 <= cents <= rest:
        message = f"Refund amount ({cents}) is greater than unrefunded amount on charge ({rest})."
        raise errors.invalid("amount", message)
    created = call.created()
    refund: Obj = {
        "id": new_id("re_"),
        "object": "refund",
        "amount": cents,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "metadata": call.params.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "reason": call.params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    transaction = balance.move(call, "refund", refund["id"], -cents, charge["currency"], created)
    refund["balance_transaction"] = transaction["id"]
    call.objects.add(refund)
    charge["amount_refunded"] += cents
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    call.objects.save(charge)
    emit(call, "charge.refunded", charge, before=before, created=created)
    emit(call, "refund.created", refund, created=created)
    return refund


FAILURES = ("lost_or_stolen_card", "expired_or_canceled_card", "unknown")


def fail_refund(call: Call, refund: Obj, reason: str = "lost_or_stolen_card") -> Obj:
    """The card's bank sends a refund back, as it can for weeks after it succeeded: the money is at Stripe again."""
    if refund["status"] != "succeeded":
        raise errors.invalid("id", f"Refund {refund['id']} is {refund['status']}.")
    if reason not in FAILURES:
        raise errors.invalid("reason", f"Invalid reason: must be one of {', '.join(FAILURES)}.")
    before = dict(refund)
    transaction = balance.move(call, "refund_failure", refund["id"], refund["amount"], refund["currency"], call.now)
    refund |= {
        "failure_balance_transaction": transaction["id"],
        "failure_reason": reason,
        "status": "failed",
    }
    call.objects.save(refund)
    charge = call.objects.get("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    call.objects.save(charge)
    for name in ("charge.refund.updated", "refund.updated", "refund.failed"):
        emit(call, name, refund, before=before)
    return refund


def _refunded_charge(call: Call) -> Obj:
    if call.params.get("charge"):
        charge = call.objects.get("charge", call.params["charge"], "charge", 400)
    elif call.params.get("payment_intent"):
        intent = call.objects.get("payment_intent", call.params["payment_intent"], "payment_intent", 400)
        if intent["status"] != "succeeded":
            raise errors.invalid("payment_intent", "This PaymentIntent does not have a successful charge to refund.")
        charge = call.objects.get("charge", intent["latest_charge"])
    else:
        raise errors.invalid("charge", "One of the following params should be provided: payment_intent or charge.")
    if not charge["paid"]:
        raise errors.invalid("charge", f"Charge {charge['id']} was not paid.")
    return charge


def retrieve_refund(call: Call) -> Obj:
    """GET /v1/refunds/{id}."""
    return call.objects.get("refund", call.path_id)


def list_refunds(call: Call) -> Obj:
    """GET /v1/refunds, by `charge` and `payment_intent`."""
    filters = {name: call.params.get(name) for name in ("charge", "payment_intent")}
    return call.objects.page("refund", "/v1/refunds", call.params, **filters)
