"""Money at the stand-in: balance transactions, Stripe's fee, and the balance they sum to."""

from megabox.standin import errors
from megabox.standin.call import Call
from megabox.standin.store import Obj, new_id

CATEGORIES = {"charge": "charge", "refund": "refund", "transfer": "transfer"}


def fee(cents: int) -> int:
    """Stripe's price of a card charge: 2.9 % rounded to the nearest cent, and 30 cents."""
    return (cents * 29 + 500) // 1000 + 30


def move(call: Call, kind: str, source: str, cents: int, currency: str, created: int, fee_cents: int = 0) -> Obj:
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
            "description": None,
            "exchange_rate": None,
            "fee": fee_cents,
            "fee_details": fees if fee_cents else [],
            "net": net,
            "reporting_category": CATEGORIES[kind],
            "source": source,
            "status": "available",
            "type": kind,
        }
    )


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
    nothing = [{"amount": 0, "currency": unit, "source_types": {"card": 0}} for unit in totals]
    return {"object": "balance", "available": lines, "pending": nothing, "livemode": False}


def retrieve(call: Call) -> Obj:
    """GET /v1/balance_transactions/{id}."""
    return call.objects.get("balance_transaction", call.path_id)


def listing(call: Call) -> Obj:
    """GET /v1/balance_transactions, by `type`, `source` and `currency`."""
    filters = {name: call.params.get(name) for name in ("type", "source", "currency")}
    return call.objects.page("balance_transaction", "/v1/balance_transactions", call.params, **filters)
