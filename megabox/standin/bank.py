"""The operator's bank: payouts of the platform's own balance, and what becomes of them."""

from megabox.standin import balance, errors
from megabox.standin.call import Call
from megabox.standin.events import emit
from megabox.standin.forms import EXPAND, PAGING, Fields, pairs, text, whole
from megabox.standin.payments import currency_of
from megabox.standin.store import Obj, new_id

CREATE_PAYOUT: Fields = EXPAND | {
    "amount": whole(required=True),
    "currency": text(required=True),
    "description": text(),
    "metadata": pairs(),
    "method": text("standard"),
    "statement_descriptor": text(),
}
LIST_PAYOUTS: Fields = PAGING | {"status": text("canceled", "failed", "in_transit", "paid", "pending")}


def create_payout(call: Call) -> Obj:
    """POST /v1/payouts: a payout somebody asks for."""
    return pay_out(call, call.params["amount"], currency_of(call.params["currency"]), is_automatic=False)


def pay_out_all(call: Call) -> Obj:
    """What Stripe's own schedule does: all that is available goes to the bank, and names what it consists of."""
    currency = currency_of(str(call.params.get("currency", "usd")))
    payout = pay_out(call, call.objects.balances().get(currency, 0), currency, is_automatic=True)
    call.objects.put_into_payout(currency, payout["id"])
    return payout


def pay_out(call: Call, cents: int, currency: str, *, is_automatic: bool) -> Obj:
    """Move `cents` from the balance to the bank. The money arrives at once; a bank's refusal comes later."""
    if cents < 1:
        raise errors.invalid("amount", "Invalid positive integer", "parameter_invalid_integer")
    balance.require_available(call, cents, currency)
    created = call.created()
    identifier = new_id("po_1", 23)
    transaction = balance.move(call, "payout", identifier, -cents, currency, created)
    payout: Obj = {
        "id": identifier,
        "object": "payout",
        "amount": cents,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": created,
        "automatic": is_automatic,
        "balance_transaction": transaction["id"],
        "created": created,
        "currency": currency,
        "description": call.params.get("description"),
        "destination": new_id("ba_"),
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": call.params.get("metadata") or {},
        "method": "standard",
        "original_payout": None,
        "reconciliation_status": "completed" if is_automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": call.params.get("statement_descriptor"),
        "status": "in_transit",
        "type": "bank_account",
    }
    call.objects.add(payout)
    emit(call, "payout.created", payout, created=created)
    before = dict(payout)
    payout["status"] = "paid"
    call.objects.save(payout)
    emit(call, "payout.paid", payout, before=before, created=created)
    return payout


def fail_payout(call: Call, payout: Obj) -> Obj:
    """The bank sends a payout back, as it can for days after it was paid: the money is at Stripe again."""
    if payout["status"] != "paid":
        raise errors.invalid("id", f"Payout {payout['id']} is {payout['status']}.")
    before = dict(payout)
    transaction = balance.move(call, "payout_failure", payout["id"], payout["amount"], payout["currency"], call.now)
    payout |= {
        "failure_balance_transaction": transaction["id"],
        "failure_code": "account_closed",
        "failure_message": "The bank account has been closed.",
        "status": "failed",
    }
    call.objects.save(payout)
    emit(call, "payout.failed", payout, before=before)
    return payout


def retrieve_payout(call: Call) -> Obj:
    """GET /v1/payouts/{id}."""
    return call.objects.get("payout", call.path_id)


def list_payouts(call: Call) -> Obj:
    """GET /v1/payouts, by `status`."""
    return call.objects.page("payout", "/v1/payouts", call.params, status=call.params.get("status"))
