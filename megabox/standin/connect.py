"""Connect: the accounts of those who are paid, their onboarding, and transfers to them."""

from megabox.standin import balance, errors, external_accounts
from megabox.standin.call import Call
from megabox.standin.events import emit
from megabox.standin.forms import EXPAND, PAGING, Fields, flag, group, pairs, text, whole
from megabox.standin.payments import currency_of
from megabox.standin.store import Obj, new_id

LINK_SECONDS = 300
CURRENCIES = {"US": "usd", "GB": "gbp", "CH": "chf", "JP": "jpy", "CA": "cad", "AU": "aud", "NZ": "nzd"}
NEEDED = ["external_account", "individual.first_name", "individual.last_name", "tos_acceptance.date"]

CONTROLLER: Fields = {
    "fees": group({"payer": text("account", "application")}),
    "losses": group({"payments": text("application", "stripe")}),
    "requirement_collection": text("application", "stripe"),
    "stripe_dashboard": group({"type": text("express", "full", "none")}),
}
CREATE_ACCOUNT: Fields = EXPAND | {
    "controller": group(CONTROLLER),
    "country": text(),
    "email": text(),
    "business_type": text("company", "government_entity", "individual", "non_profit"),
    "business_profile": group({"name": text(), "url": text(), "product_description": text()}),
    "capabilities": group({"transfers": group({"requested": flag()}), "card_payments": group({"requested": flag()})}),
    "default_currency": text(),
    "metadata": pairs(),
}
UPDATE_ACCOUNT: Fields = EXPAND | {"metadata": pairs(), "email": text()}
CREATE_LINK: Fields = EXPAND | {
    "account": text(required=True),
    "type": text("account_onboarding", "account_update", required=True),
    "refresh_url": text(required=True),
    "return_url": text(required=True),
    "collect": text("currently_due", "eventually_due"),
}
CREATE_TRANSFER: Fields = EXPAND | {
    "amount": whole(required=True),
    "currency": text(required=True),
    "destination": text(required=True),
    "description": text(),
    "metadata": pairs(),
    "transfer_group": text(),
}
LIST_TRANSFERS: Fields = PAGING | {"destination": text(), "transfer_group": text()}
LIST_ACCOUNTS: Fields = PAGING
CREATE_REVERSAL: Fields = EXPAND | {"amount": whole(), "description": text(), "metadata": pairs()}


def create_account(call: Call) -> Obj:
    """POST /v1/accounts: a connected account that has not told Stripe anything yet."""
    sent = call.params
    controller = sent.get("controller") or {}
    wanted = sent.get("capabilities") or {}
    country = (sent.get("country") or "US").upper()
    if len(country) != 2 or not country.isalpha():
        raise errors.invalid("country", f"Country '{country}' is unknown. Try using a 2-character code.")
    dashboard = (controller.get("stripe_dashboard") or {}).get("type") or "full"
    account = call.objects.add(
        {
            "id": new_id("acct_1", 15),
            "object": "account",
            "business_profile": None,
            "business_type": sent.get("business_type"),
            "capabilities": {name: "inactive" for name, asked in wanted.items() if asked and asked.get("requested")},
            "charges_enabled": False,
            "controller": {
                "fees": {"payer": (controller.get("fees") or {}).get("payer") or "account"},
                "is_controller": True,
                "losses": {"payments": (controller.get("losses") or {}).get("payments") or "stripe"},
                "requirement_collection": controller.get("requirement_collection") or "stripe",
                "stripe_dashboard": {"type": dashboard},
                "type": "application",
            },
            "country": country,
            "created": call.created(),
            "default_currency": sent.get("default_currency") or CURRENCIES.get(country, "eur"),
            "details_submitted": False,
            "email": sent.get("email"),
            "external_accounts": {
                "object": "list",
                "data": [],
                "has_more": False,
                "url": "/v1/accounts/external_accounts",
            },
            "future_requirements": _requirements([]),
            "metadata": sent.get("metadata") or {},
            "payouts_enabled": False,
            "requirements": _requirements(NEEDED),
            "settings": None,
            "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
            "type": {"express": "express", "full": "standard", "none": "custom"}[dashboard],
        }
    )
    return account


def _requirements(needed: list[str]) -> Obj:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": needed,
        "disabled_reason": "requirements.past_due" if needed else None,
        "errors": [],
        "eventually_due": needed,
        "past_due": needed,
        "pending_verification": [],
    }


def retrieve_account(call: Call) -> Obj:
    """GET /v1/accounts/{id}."""
    return _account(call, call.path_id)


def _account(call: Call, identifier: str, param: str = "id") -> Obj:
    account = call.objects.find(identifier)
    if account is None or account["object"] != "account":
        message = f"The provided key does not have access to account '{identifier}' (or that account does not exist)."
        if param == "id":
            raise errors.WireError(403, message, code="account_invalid")
        raise errors.invalid(param, f"No such destination: '{identifier}'", "resource_missing")
    return account


def update_account(call: Call) -> Obj:
    """POST /v1/accounts/{id}: metadata and e-mail."""
    account = _account(call, call.path_id)
    account["metadata"] |= call.params.get("metadata") or {}
    if "email" in call.params:
        account["email"] = call.params["email"]
    return call.objects.save(account)


def list_accounts(call: Call) -> Obj:
    """GET /v1/accounts."""
    return call.objects.page("account", "/v1/accounts", call.params)


def enable(call: Call, account: Obj, number: str = "") -> Obj:
    """What finishing the onboarding page does: the account may receive transfers and pay out, to this bank account."""
    if number or not account["external_accounts"]["data"]:
        account = external_accounts.pay_to(call, account, number or external_accounts.NUMBER)
    before = dict(account)
    account |= {
        "capabilities": dict.fromkeys({**account["capabilities"], "transfers": ""}, "active"),
        "charges_enabled": True,
        "details_submitted": True,
        "payouts_enabled": True,
        "requirements": _requirements([]),
    }
    call.objects.save(account)
    emit(call, "account.updated", account, before=before)
    return account


def create_link(call: Call) -> Obj:
    """POST /v1/account_links: the address of the onboarding page, good once and for five minutes."""
    account = _account(call, call.params["account"], "account")
    token = new_id("", 32)
    call.objects.add(
        {
            "id": f"link_{token}",
            "object": "standin.link",
            "created": call.now,
            "account": account["id"],
            "refresh_url": call.params["refresh_url"],
            "return_url": call.params["return_url"],
            "is_used": False,
        }
    )
    return {
        "object": "account_link",
        "created": call.now,
        "expires_at": call.now + LINK_SECONDS,
        "url": f"{call.site.url}/setup/s/{token}",
    }


def create_transfer(call: Call) -> Obj:
    """POST /v1/transfers: money of the platform becomes money of a connected account."""
    sent = call.params
    currency = currency_of(sent["currency"])
    if sent["amount"] < 1:
        raise errors.invalid("amount", "Invalid positive integer", "parameter_invalid_integer")
    account = _account(call, sent["destination"], "destination")
    if account["capabilities"].get("transfers") != "active":
        raise errors.WireError(
            400,
            "Your destination account needs to have at least one of the following capabilities enabled: "
            "transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
            is_remembered=True,
        )
    balance.require_available(call, sent["amount"], currency)
    created = call.created()
    identifier = new_id("tr_1", 23)
    transaction = balance.move(call, "transfer", identifier, -sent["amount"], currency, created)
    transfer = call.objects.add(
        {
            "id": identifier,
            "object": "transfer",
            "amount": sent["amount"],
            "amount_reversed": 0,
            "balance_transaction": transaction["id"],
            "created": created,
            "currency": currency,
            "description": sent.get("description"),
            "destination": account["id"],
            "destination_payment": new_id("py_"),
            "livemode": False,
            "metadata": sent.get("metadata") or {},
            "reversals": {
                "object": "list",
                "data": [],
                "has_more": False,
                "url": f"/v1/transfers/{identifier}/reversals",
            },
            "reversed": False,
            "source_transaction": None,
            "source_type": "card",
            "transfer_group": sent.get("transfer_group") or f"group_{identifier.removeprefix('tr_')}",
        }
    )
    emit(call, "transfer.created", transfer, created=created)
    return transfer


def retrieve_transfer(call: Call) -> Obj:
    """GET /v1/transfers/{id}."""
    return call.objects.get("transfer", call.path_id)


def list_transfers(call: Call) -> Obj:
    """GET /v1/transfers, by `transfer_group` and `destination`."""
    filters = {name: call.params.get(name) for name in ("transfer_group", "destination")}
    return call.objects.page("transfer", "/v1/transfers", call.params, **filters)


def create_reversal(call: Call) -> Obj:
    """POST /v1/transfers/{id}/reversals: what was transferred, or a part of it, comes back."""
    transfer = call.objects.get("transfer", call.path_id)
    before = dict(transfer)
    rest = transfer["amount"] - transfer["amount_reversed"]
    cents = call.params.get("amount") or rest
    if not 1 <= cents <= rest:
        raise errors.invalid("amount", f"Reversal amount ({cents}) is greater than what is left ({rest}).")
    identifier = new_id("trr_1", 23)
    transaction = balance.move(call, "transfer_refund", identifier, cents, transfer["currency"], call.now)
    reversal = call.objects.add(
        {
            "id": identifier,
            "object": "transfer_reversal",
            "amount": cents,
            "balance_transaction": transaction["id"],
            "created": call.now,
            "currency": transfer["currency"],
            "destination_payment_refund": new_id("pyr_"),
            "metadata": call.params.get("metadata") or {},
            "source_refund": None,
            "transfer": transfer["id"],
        }
    )
    transfer["amount_reversed"] += cents
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"].insert(0, reversal)
    call.objects.save(transfer)
    emit(call, "transfer.reversed", transfer, before=before)
    return reversal


def list_reversals(call: Call) -> Obj:
    """GET /v1/transfers/{id}/reversals."""
    url = f"/v1/transfers/{call.path_id}/reversals"
    return call.objects.page("transfer_reversal", url, call.params, transfer=call.path_id)
