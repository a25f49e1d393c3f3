"""Checkout Sessions: what is bought, what it comes to with tax, and what happens when the page is paid."""

from typing import Any
from urllib.parse import urlsplit

from megabox.standin import errors, payments
from megabox.standin.call import BACKDATE, Call
from megabox.standin.events import emit
from megabox.standin.forms import EXPAND, PAGING, Fields, flag, group, many, pairs, text, whole
from megabox.standin.store import Obj, new_id

DAY = 24 * 3600
PRODUCT: Fields = {
    "name": text(required=True),
    "description": text(),
    "images": many(text()),
    "metadata": pairs(),
    "tax_code": text(),
}
PRICE: Fields = {
    "currency": text(required=True),
    "unit_amount": whole(required=True),
    "product_data": group(PRODUCT, required=True),
    "tax_behavior": text("inclusive", "exclusive", "unspecified"),
}
LINE: Fields = {
    "price_data": group(PRICE, required=True),
    "quantity": whole(),
    "tax_rates": many(text()),
    "metadata": pairs(),
}
CREATE_SESSION: Fields = EXPAND | {
    "mode": text("payment", required=True),
    "line_items": many(group(LINE), required=True),
    "success_url": text(required=True),
    "cancel_url": text(),
    "client_reference_id": text(),
    "customer_email": text(),
    "customer_creation": text("always", "if_required"),
    "expires_at": whole(),
    "metadata": pairs(),
    "payment_method_types": many(text("card")),
    "payment_intent_data": group(
        {
            "description": text(),
            "metadata": pairs(),
            "receipt_email": text(),
            "statement_descriptor": text(),
            "statement_descriptor_suffix": text(),
            "transfer_group": text(),
        }
    ),
    "automatic_tax": group({"enabled": flag()}),
    "submit_type": text("auto", "book", "donate", "pay"),
    "locale": text(),
    "billing_address_collection": text("auto", "required"),
    "allow_promotion_codes": flag(),
}
LIST_SESSIONS: Fields = PAGING | {"payment_intent": text(), "status": text("open", "complete", "expired")}
LIST_LINES: Fields = PAGING
CREATE_TAX_RATE: Fields = EXPAND | {
    "display_name": text(required=True),
    "percentage": text(required=True),
    "inclusive": flag(),
    "country": text(),
    "jurisdiction": text(),
    "description": text(),
    "tax_type": text("vat", "gst", "sales_tax"),
    "metadata": pairs(),
    "active": flag(),
}


def create_session(call: Call) -> Obj:
    """POST /v1/checkout/sessions."""
    sent = call.params
    for param in ("success_url", "cancel_url"):
        _require_url(sent.get(param), param)
    if (sent.get("automatic_tax") or {}).get("enabled"):
        raise errors.invalid("automatic_tax[enabled]", "The stand-in computes no tax: use tax_rates instead.")
    created = call.created()
    identifier = new_id("cs_test_", 58)
    lines = [_line(call, identifier, number, line, created) for number, line in enumerate(sent["line_items"])]
    currencies = {line["currency"] for line in lines}
    if len(currencies) != 1:
        raise errors.invalid("line_items", "All prices of one session must have the same currency.")
    currency = currencies.pop()
    totals = {name: sum(line[f"amount_{name}"] for line in lines) for name in ("subtotal", "tax", "total")}
    payments.require_amount(totals["total"], currency, "line_items")
    expires_at = sent.get("expires_at") or created + DAY
    if sent.get("expires_at") and not call.now + 1800 <= expires_at <= call.now + DAY:
        raise errors.invalid("expires_at", "The `expires_at` timestamp must be 30 minutes to 24 hours from now.")
    session = _session(call, identifier, created, expires_at, currency, totals)
    for line in reversed(lines):  # lists show the newest first, and the buyer's first line must come first
        call.objects.add(line)
    return call.objects.add(session)


def _require_url(url: str | None, param: str) -> None:
    if url is not None and not (urlsplit(url).scheme in ("http", "https") and urlsplit(url).netloc):
        raise errors.invalid(param, "Not a valid URL", "url_invalid")


def _line(call: Call, session: str, number: int, sent: Obj, created: int) -> Obj:
    price = sent["price_data"]
    currency = payments.currency_of(price["currency"], f"line_items[{number}][price_data][currency]")
    quantity = 1 if sent.get("quantity") is None else sent["quantity"]
    if quantity < 1 or price["unit_amount"] < 0:
        raise errors.invalid(f"line_items[{number}][quantity]", "Quantities are at least 1, amounts at least 0.")
    amount = price["unit_amount"] * quantity
    rates = [call.objects.get("tax_rate", rate, "tax_rates", 400) for rate in sent.get("tax_rates") or []]
    added = sum(_share(amount, rate["percentage"]) for rate in rates if not rate["inclusive"])
    inside = sum(_share_inside(amount, rate["percentage"]) for rate in rates if rate["inclusive"])
    return {
        "id": new_id("li_"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": added + inside,
        "amount_total": amount + added,
        "created": created,
        "currency": currency,
        "description": price["product_data"]["name"],
        "price": _price(price, currency, created),
        "quantity": quantity,
        "session": session,
    }


def _share(amount: int, percentage: float) -> int:
    """`percentage` of `amount`, to the nearest cent, in integers: percentages have at most 4 decimals."""
    parts = round(percentage * 10_000)
    return (amount * parts * 2 + 1_000_000) // 2_000_000


def _share_inside(amount: int, percentage: float) -> int:
    """The part of a price that is tax when the price includes it."""
    parts = round(percentage * 10_000)
    whole = 1_000_000 + parts
    return (amount * parts * 2 + whole) // (2 * whole)


def _price(price: Obj, currency: str, created: int) -> Obj:
    return {
        "id": new_id("price_"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": created,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": new_id("prod_", 14),
        "recurring": None,
        "tax_behavior": price.get("tax_behavior") or "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": price["unit_amount"],
        "unit_amount_decimal": str(price["unit_amount"]),
    }


def _session(call: Call, identifier: str, created: int, expires_at: int, currency: str, totals: dict[str, int]) -> Obj:
    sent = call.params
    return {
        "id": identifier,
        "object": "checkout.session",
        "after_expiration": None,
        "allow_promotion_codes": sent.get("allow_promotion_codes"),
        "amount_subtotal": totals["subtotal"],
        "amount_total": totals["total"],
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": sent.get("billing_address_collection"),
        "cancel_url": sent.get("cancel_url"),
        "client_reference_id": sent.get("client_reference_id"),
        "consent": None,
        "consent_collection": None,
        "created": created,
        "currency": currency,
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer": None,
        "customer_creation": sent.get("customer_creation") or "if_required",
        "customer_details": _customer(sent.get("customer_email"), None, None),
        "customer_email": sent.get("customer_email"),
        "expires_at": expires_at,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": sent.get("locale"),
        "metadata": sent.get("metadata") or {},
        "mode": "payment",
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": sent.get("submit_type"),
        "subscription": None,
        "success_url": sent["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": totals["tax"]},
        "ui_mode": "hosted",
        "url": f"{call.site.url}/c/pay/{identifier}",
        "intent_data": sent.get("payment_intent_data") or {},
    }


def _customer(email: str | None, name: str | None, country: str | None) -> Obj | None:
    if email is None and name is None:
        return None
    address = payments.EMPTY_ADDRESS | {"country": country}
    return {"address": address, "email": email, "name": name, "phone": None, "tax_exempt": "none", "tax_ids": []}


def shown(obj: Obj) -> Obj:
    """The object without what only the stand-in needs to remember."""
    if obj.get("object") == "checkout.session":
        return {key: value for key, value in obj.items() if key != "intent_data"}
    if obj.get("object") == "item":
        return {key: value for key, value in obj.items() if key not in ("created", "session")}
    if obj.get("object") == "balance_transaction":
        return {key: value for key, value in obj.items() if key != "payout"}
    return obj


def pay(call: Call, session: Obj, payer: payments.Payer) -> Obj:
    """Pay an open session; return it, complete, or still open when the card was declined.

    Safe to repeat: a complete session stays as it is.
    """
    if session["status"] != "open":
        return session
    created = call.created(session["metadata"])
    intent = _intent(call, session, created)
    paid = payments.pay(call, intent, payer, created)
    session["payment_intent"] = paid["id"]
    if paid["status"] == "succeeded":
        session |= {
            "customer_details": _customer(payer.email or session["customer_email"], payer.name, payer.country),
            "payment_status": "paid",
            "status": "complete",
            "url": None,
        }
        emit(call, "checkout.session.completed", shown(session), created=created)
    return call.objects.save(session)


def _intent(call: Call, session: Obj, created: int) -> Obj:
    """The session's PaymentIntent: made by the first try, kept by the next."""
    if session["payment_intent"]:
        return call.objects.get("payment_intent", session["payment_intent"])
    given: dict[str, Any] = {
        name: value
        for name, value in session["intent_data"].items()
        if name in ("description", "metadata", "receipt_email", "statement_descriptor", "transfer_group")
    }
    return payments.new_intent(call, session["amount_total"], session["currency"], created, **given)


def retrieve_session(call: Call) -> Obj:
    """GET /v1/checkout/sessions/{id}."""
    return expire_if_due(call, call.objects.get("checkout.session", call.path_id))


def expire_if_due(call: Call, session: Obj) -> Obj:
    """A session nobody paid in time expires when it is next looked at."""
    if session["status"] == "open" and session["expires_at"] <= call.now and BACKDATE not in session["metadata"]:
        return _expire(call, session)
    return session


def expire_session(call: Call) -> Obj:
    """POST /v1/checkout/sessions/{id}/expire."""
    session = call.objects.get("checkout.session", call.path_id)
    if session["status"] != "open":
        raise errors.invalid("session", 'Only Checkout Sessions with a status in ["open"] can be expired.')
    return _expire(call, session)


def _expire(call: Call, session: Obj) -> Obj:
    session |= {"status": "expired", "url": None}
    call.objects.save(session)
    emit(call, "checkout.session.expired", shown(session))
    return session


def list_sessions(call: Call) -> Obj:
    """GET /v1/checkout/sessions, by `payment_intent` and `status`."""
    filters = {name: call.params.get(name) for name in ("payment_intent", "status")}
    return call.objects.page("checkout.session", "/v1/checkout/sessions", call.params, **filters)


def list_lines(call: Call) -> Obj:
    """GET /v1/checkout/sessions/{id}/line_items."""
    session = call.objects.get("checkout.session", call.path_id)
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return call.objects.page("item", url, call.params, session=session["id"])


def create_tax_rate(call: Call) -> Obj:
    """POST /v1/tax_rates."""
    sent = call.params
    whole_part, _, fraction = sent["percentage"].partition(".")
    if not (whole_part + (fraction or "0")).isdigit() or len(fraction) > 4 or int(whole_part or "0") > 100:
        raise errors.invalid("percentage", "Invalid decimal: percentages are 0 to 100 with up to 4 decimals.")
    return call.objects.add(
        {
            "id": new_id("txr_"),
            "object": "tax_rate",
            "active": sent.get("active") is not False,
            "country": sent.get("country"),
            "created": call.created(),
            "description": sent.get("description"),
            "display_name": sent["display_name"],
            "effective_percentage": None,
            "inclusive": bool(sent.get("inclusive")),
            "jurisdiction": sent.get("jurisdiction"),
            "livemode": False,
            "metadata": sent.get("metadata") or {},
            "percentage": float(sent["percentage"]),
            "state": None,
            "tax_type": sent.get("tax_type"),
        }
    )


def retrieve_tax_rate(call: Call) -> Obj:
    """GET /v1/tax_rates/{id}."""
    return call.objects.get("tax_rate", call.path_id)
