"""What the stand-in answers, checked against the schemas that Stripe publishes."""

import copy
import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
import stripe

from tests.standin.server import Standin
from tests.standin.shop import make_paid_session, make_session, make_transfer


def nullable_as_json_schema(schema: Any) -> Any:
    """OpenAPI 3.0 says `nullable: true` where JSON Schema says `anyOf: [..., null]`."""
    if isinstance(schema, list):
        return [nullable_as_json_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    rewritten = {key: nullable_as_json_schema(value) for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable") is True:
        return {"anyOf": [rewritten, {"type": "null"}]}
    return rewritten


@pytest.fixture(scope="session")
def check(spec: dict[str, Any]) -> Callable[[str, Any], None]:
    """`check("charge", answer)` fails with every fault of the answer."""
    components = nullable_as_json_schema(copy.deepcopy(spec["components"]))

    def check(name: str, answer: Any) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": components}
        faults = [
            f"{'.'.join(map(str, fault.path))}: {fault.message[:200]}"
            for fault in jsonschema.Draft202012Validator(schema).iter_errors(answer)
        ]
        assert faults == []

    return check


Check = Callable[[str, Any], None]


def as_sent(obj: stripe.StripeObject) -> Any:
    """The JSON that crossed the wire: the library's own objects turn some of it into other types."""
    assert obj.last_response is not None
    return json.loads(obj.last_response.body)


def test_a_wrong_answer_is_noticed(check: Check) -> None:
    with pytest.raises(AssertionError):
        check("charge", {"object": "charge", "id": "ch_1", "amount": "999"})


def test_checkout_sessions(standin: Standin, check: Check) -> None:
    session = make_session(standin)
    check("checkout.session", as_sent(session))
    check("checkout.session", as_sent(standin.client().v1.checkout.sessions.expire(session.id)))
    paid = make_paid_session(standin)
    expand = ["line_items", "payment_intent.latest_charge.balance_transaction"]
    expanded = standin.client().v1.checkout.sessions.retrieve(paid.id, {"expand": expand})
    check("checkout.session", as_sent(expanded))
    for line in as_sent(standin.client().v1.checkout.sessions.line_items.list(paid.id))["data"]:
        check("item", line)


def test_payments(standin: Standin, check: Check) -> None:
    session = make_paid_session(standin)
    declined = make_session(standin)
    standin.pay(declined.id, "4000000000000002")
    client = standin.client()
    for intent in as_sent(client.v1.payment_intents.list())["data"]:
        check("payment_intent", intent)
    charges = as_sent(client.v1.charges.list())["data"]
    assert {charge["status"] for charge in charges} >= {"succeeded", "failed"}
    for charge in charges:
        check("charge", charge)
    refund = client.v1.refunds.create({"payment_intent": str(session.payment_intent)})
    check("refund", as_sent(refund))
    standin.post(f"/_test/refunds/{refund.id}/fail")
    check("refund", as_sent(client.v1.refunds.retrieve(refund.id)))


def test_transfers_accounts_and_the_balance(standin: Standin, check: Check) -> None:
    client = standin.client()
    standin.fund(10_000)
    account = client.v1.accounts.create({"capabilities": {"transfers": {"requested": True}}})
    check("account", as_sent(account))
    link = client.v1.account_links.create(
        {
            "account": account.id,
            "type": "account_onboarding",
            "return_url": "http://s.test/",
            "refresh_url": "http://s.test/",
        }
    )
    check("account_link", as_sent(link))
    standin.post(f"/_test/accounts/{account.id}/enable")
    check("account", as_sent(client.v1.accounts.retrieve(account.id)))
    standin.post(f"/_test/accounts/{account.id}/bank", number="000999999999")
    changed = as_sent(client.v1.accounts.retrieve(account.id))
    check("account", changed)
    [bank_account] = changed["external_accounts"]["data"]
    check("bank_account", bank_account)
    check("transfer", as_sent(make_transfer(standin, account=account.id)))
    check("balance", as_sent(client.v1.balance.retrieve()))
    for transaction in as_sent(client.v1.balance_transactions.list({"limit": 100}))["data"]:
        check("balance_transaction", transaction)
    check("tax_rate", as_sent(client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": True})))


def test_payouts_to_the_bank_and_reversals(standin: Standin, check: Check) -> None:
    client = standin.client()
    standin.fund(20_000)
    payout = client.v1.payouts.create({"amount": 1_000, "currency": "usd"})
    check("payout", as_sent(payout))
    standin.post(f"/_test/payouts/{payout.id}/fail")
    check("payout", as_sent(client.v1.payouts.retrieve(payout.id)))
    transfer = make_transfer(standin)
    check("transfer_reversal", as_sent(client.v1.transfers.reversals.create(transfer.id)))
    check("transfer", as_sent(client.v1.transfers.retrieve(transfer.id)))
    standin.post("/_test/balance", type="stripe_fee", cents=-100)
    standin.post("/_test/payouts/automatic")
    for each in as_sent(client.v1.payouts.list())["data"]:
        check("payout", each)
    transactions = client.v1.balance_transactions.list({"limit": 100, "expand": ["data.source"]})
    for transaction in as_sent(transactions)["data"]:
        check("balance_transaction", transaction)


def test_events_and_what_they_carry(standin: Standin, check: Check) -> None:
    make_paid_session(standin)
    for event in as_sent(standin.client().v1.events.list({"limit": 100}))["data"]:
        check("event", event)
        check(event["data"]["object"]["object"], event["data"]["object"])


def test_errors(standin: Standin, check: Check) -> None:
    with pytest.raises(stripe.StripeError) as error:
        make_session(standin, 1)
    check("error", error.value.json_body)
    with pytest.raises(stripe.CardError) as card_error:
        standin.client().v1.payment_intents.create(
            {"amount": 999, "currency": "usd", "confirm": True, "payment_method": "pm_card_chargeDeclined"}
        )
    check("error", card_error.value.json_body)
