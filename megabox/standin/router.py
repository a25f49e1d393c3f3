"""The map of the API: which address is answered by which endpoint, and what it may be sent."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from megabox.standin import balance, bank, checkout, connect, disputes, errors, events, forms, payments
from megabox.standin.call import Call
from megabox.standin.forms import EXPAND, PAGING, Fields, text
from megabox.standin.store import Obj, Objects

Endpoint = Callable[[Call], Obj]


@dataclass(frozen=True)
class Route:
    """One endpoint."""

    method: str
    path: re.Pattern[str]
    fields: Fields
    endpoint: Endpoint


def _route(method: str, path: str, endpoint: Endpoint, fields: Fields = EXPAND) -> Route:
    return Route(method, re.compile(path.replace("{id}", "(?P<id>[A-Za-z0-9_]+)")), fields, endpoint)


SESSIONS = "/v1/checkout/sessions"
ROUTES = [
    _route("POST", SESSIONS, checkout.create_session, checkout.CREATE_SESSION),
    _route("GET", SESSIONS, checkout.list_sessions, checkout.LIST_SESSIONS),
    _route("GET", SESSIONS + "/{id}", checkout.retrieve_session),
    _route("POST", SESSIONS + "/{id}/expire", checkout.expire_session),
    _route("GET", SESSIONS + "/{id}/line_items", checkout.list_lines, checkout.LIST_LINES),
    _route("POST", "/v1/tax_rates", checkout.create_tax_rate, checkout.CREATE_TAX_RATE),
    _route("GET", "/v1/tax_rates/{id}", checkout.retrieve_tax_rate),
    _route("POST", "/v1/payment_intents", payments.create_intent, payments.CREATE_INTENT),
    _route("GET", "/v1/payment_intents", payments.list_intents, PAGING),
    _route("GET", "/v1/payment_intents/{id}", payments.retrieve_intent),
    _route("GET", "/v1/charges", payments.list_charges, payments.LIST_CHARGES),
    _route("GET", "/v1/charges/{id}", payments.retrieve_charge),
    _route("POST", "/v1/refunds", payments.create_refund, payments.CREATE_REFUND),
    _route("GET", "/v1/refunds", payments.list_refunds, payments.LIST_REFUNDS),
    _route("GET", "/v1/refunds/{id}", payments.retrieve_refund),
    _route("GET", "/v1/disputes", disputes.listing, disputes.LIST),
    _route("GET", "/v1/disputes/{id}", disputes.retrieve),
    _route("POST", "/v1/disputes/{id}", disputes.update, disputes.UPDATE),
    _route("POST", "/v1/disputes/{id}/close", disputes.close),
    _route("GET", "/v1/balance", balance.retrieve_balance),
    _route(
        "GET",
        "/v1/balance_transactions",
        balance.listing,
        PAGING | {"type": text(), "source": text(), "currency": text(), "payout": text()},
    ),
    _route("GET", "/v1/balance_transactions/{id}", balance.retrieve),
    _route("POST", "/v1/payouts", bank.create_payout, bank.CREATE_PAYOUT),
    _route("GET", "/v1/payouts", bank.list_payouts, bank.LIST_PAYOUTS),
    _route("GET", "/v1/payouts/{id}", bank.retrieve_payout),
    _route("POST", "/v1/accounts", connect.create_account, connect.CREATE_ACCOUNT),
    _route("GET", "/v1/accounts", connect.list_accounts, connect.LIST_ACCOUNTS),
    _route("GET", "/v1/accounts/{id}", connect.retrieve_account),
    _route("POST", "/v1/accounts/{id}", connect.update_account, connect.UPDATE_ACCOUNT),
    _route("POST", "/v1/account_links", connect.create_link, connect.CREATE_LINK),
    _route("POST", "/v1/transfers", connect.create_transfer, connect.CREATE_TRANSFER),
    _route("GET", "/v1/transfers", connect.list_transfers, connect.LIST_TRANSFERS),
    _route("GET", "/v1/transfers/{id}", connect.retrieve_transfer),
    _route("POST", "/v1/transfers/{id}/reversals", connect.create_reversal, connect.CREATE_REVERSAL),
    _route("GET", "/v1/transfers/{id}/reversals", connect.list_reversals, PAGING),
    _route("GET", "/v1/events", events.listing, PAGING | {"type": text()}),
    _route("GET", "/v1/events/{id}", events.retrieve),
]


def find(method: str, path: str) -> tuple[Route, str]:
    """The route of an address and the id in it; raises WireError (404) for an address the stand-in has not."""
    for route in ROUTES:
        match = route.path.fullmatch(path)
        if match and route.method == method:
            return route, match.groupdict().get("id") or ""
    raise errors.WireError(
        404, f"Unrecognized request URL ({method}: {path}). The stand-in knows only a part of Stripe's API."
    )


def answer(route: Route, call: Call, sent: Obj) -> Obj:
    """Check what was sent, do it, and expand what was asked to be expanded."""
    call.params = forms.clean(route.fields, sent)
    obj = route.endpoint(call)
    if obj.get("object") == "list":
        obj["data"] = [checkout.shown(each) for each in obj["data"]]
    else:
        obj = checkout.shown(obj)
    for path in call.params.get("expand") or []:
        _expand(call.objects, obj, path.split("."), path)
    return obj


def _expand(objects: Objects, obj: Obj, keys: list[str], path: str) -> None:
    """Put the object itself where its id is, as `expand[]=latest_charge.balance_transaction` asks."""
    key, rest = keys[0], keys[1:]
    if key == "line_items" and obj.get("object") == "checkout.session":
        url = f"{SESSIONS}/{obj['id']}/line_items"
        lines = objects.page("item", url, {"limit": 100}, session=obj["id"])
        obj[key] = lines | {"data": [checkout.shown(each) for each in lines["data"]]}
        return
    if key not in obj:
        raise errors.invalid("expand", f"This property cannot be expanded ({path}).")
    value = obj[key]
    if isinstance(value, str):
        found = objects.find(value)
        if found is None:
            raise errors.invalid("expand", f"This property cannot be expanded ({path}).")
        value = obj[key] = checkout.shown(found)
    for nested in value if isinstance(value, list) else [value]:
        if rest and isinstance(nested, dict):
            _expand(objects, nested, rest, path)
