"""Money at the stand-in: balance transactions, Stripe's fee, and the balance they sum to."""

from megabox.standin import errors
from megabox.standin.call import Call
from megabox.standin.store import Obj, new_id

CATEGORIES = {
    "adjustment": "other_adjustment",
    "charge": "charge",
    "payout": "payout",
    "payout_failure": "payout_reversal",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "reserve_transaction": "connect_reserved_funds",
    "stripe_fee": "fee",
    "topup": "topup",
    "transfer": "transfer",
    "transfer_refund": "transfer_reversal",
}
"""What Stripe's reports call each type, unless it depends on more (an adjustment may be a dispute's)."""


def fee(cents: int) -> int:
    """Stripe's price of a card charge: 2.9 % rounded to the nearest cent, and 30 cents."""
    return (cents * 29 + 500) // 1000 + 30


def move(
    call: Call,
    kind: str,
    source: str | None,
    cents: int,
    currency: str,
    created: int,
    fee_cents: int = 0,
    *,
    category: str = "",
    description: str | None = None,
) -> Obj:
    """Write a balance transaction of `cents` (negative: money out), less `fee_cents`; funds are available at once.

    Stripe makes card money wait some days; here it does not, so that a payout can be tried on the first evening.
    """
    net = cents - fee_cents
    call.objects.move_balance(currency, net)
    fees = [
        {
            "amount": fee_cents,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    return call.objects.add(
        {
            "id": new_id("txn_"),
            "object": "balance_transaction",
            "amount": cents,
            "available_on": created,
            "balance_type": "payments",
            "created": created,
            "currency": currency,
            "description": description,
            "exchange_rate": None,
            "fee": fee_cents,
            "fee_details": fees if fee_cents else [],
            "net": net,
            "reporting_category": category or CATEGORIES[kind],
            "source": source,
            "status": "available",
            "type": kind,
        }
    )


def adjust(call: Call) -> Obj:
    """POST /_test/balance: Stripe moves `cents` (below zero: takes them) by itself, as a `type` with a `description`.

    A fee is taken with `type=stripe_fee`; `type=adjustment` is what Stripe's support does, or a dispute.
    """
    kind, cents = str(call.params.get("type", "adjustment")), int(call.params.get("cents", 0))
    if kind not in CATEGORIES or not cents:
        raise errors.WireError(400, f"Send cents, and a type out of {', '.join(sorted(CATEGORIES))}.")
    currency = str(call.params.get("currency", "usd"))
    source, description = call.params.get("source"), call.params.get("description")
    category = str(call.params.get("category", ""))
    created = call.now - int(call.params.get("ago", 0))
    return move(call, kind, source, cents, currency, created, category=category, description=description)


def require_available(call: Call, cents: int, currency: str) -> None:
    """Raise Stripe's insufficient-funds error unless `cents` are available."""
    if call.objects.balances().get(currency, 0) < cents:
        raise errors.WireError(
            400,
            "You have insufficient available funds in your Stripe account. Try adding funds directly to your "
            "available balance by creating Charges using the 4000000000000077 test card.",
            code="balance_insufficient",
            is_remembered=True,
        )


def retrieve_balance(call: Call) -> Obj:
    """GET /v1/balance."""
    totals = call.objects.balances() or {"usd": 0}
    lines = [{"amount": cents, "currency": unit, "source_types": {"card": cents}} for unit, cents in totals.items()]
    reserved = [{"amount": cents, "currency": unit} for unit, cents in call.objects.reserves().items()]
    nothing = [{"amount": 0, "currency": unit, "source_types": {"card": 0}} for unit in totals]
    return {
        "object": "balance",
        "available": lines,
        "connect_reserved": reserved,
        "pending": nothing,
        "livemode": False,
    }


def retrieve(call: Call) -> Obj:
    """GET /v1/balance_transactions/{id}."""
    return call.objects.get("balance_transaction", call.path_id)


def listing(call: Call) -> Obj:
    """GET /v1/balance_transactions, by `type`, `source`, `currency` and automatic `payout`."""
    filters = {name: call.params.get(name) for name in ("type", "source", "currency", "payout")}
    return call.objects.page("balance_transaction", "/v1/balance_transactions", call.params, **filters)
