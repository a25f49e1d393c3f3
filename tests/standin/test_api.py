"""The API, through the official library."""

import time
from typing import Any

import pytest
import stripe

from tests.standin.server import Standin
from tests.standin.shop import make_paid_session, make_session, make_transfer


def test_a_session_is_made_with_its_page_and_total(standin: Standin) -> None:
    session = make_session(standin, 999)

    assert session.id.startswith("cs_test_")
    assert session.url == f"{standin.url}/c/pay/{session.id}"
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert (session.amount_total, session.currency, session.payment_intent) == (999, "usd", None)
    assert session.total_details is not None
    assert session.total_details.amount_tax == 0
    assert session.metadata is not None
    assert session.metadata["order"] == session.client_reference_id == "order-1"


def test_paying_makes_intent_charge_and_balance_transaction_with_stripes_fee(standin: Standin) -> None:
    session = make_paid_session(standin, 999, payment_intent_data={"metadata": {"order": "order-1"}})
    intent = standin.client().v1.payment_intents.retrieve(
        str(session.payment_intent), {"expand": ["latest_charge.balance_transaction"]}
    )

    assert (session.status, session.payment_status, session.url) == ("complete", "paid", None)
    assert session.customer_details is not None
    assert session.customer_details.email == "leo@demo.megabox.test"
    assert (intent.status, intent.amount_received, intent.metadata["order"]) == ("succeeded", 999, "order-1")
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    transaction = charge.balance_transaction
    assert isinstance(transaction, stripe.BalanceTransaction)
    assert (transaction.amount, transaction.fee, transaction.net) == (999, 59, 940)
    assert transaction.source == charge.id


@pytest.mark.parametrize(("cents", "fee"), [(50, 31), (99, 33), (999, 59), (1_000, 59), (50_000, 1_480)])
def test_the_fee_is_two_point_nine_percent_and_thirty_cents(standin: Standin, cents: int, fee: int) -> None:
    make_paid_session(standin, cents)

    [latest] = standin.client().v1.balance_transactions.list({"limit": 1, "type": "charge"}).data
    assert latest.fee == fee


def test_paying_twice_charges_once(standin: Standin) -> None:
    session = make_paid_session(standin)

    standin.pay(session.id)

    charges = standin.client().v1.charges.list({"payment_intent": str(session.payment_intent)})
    assert len(charges.data) == 1


def test_a_declined_card_leaves_the_session_open_for_another(standin: Standin) -> None:
    session = make_session(standin)

    declined = standin.pay(session.id, "4000 0000 0000 0002")
    assert (declined["status"], declined["payment_status"]) == ("open", "unpaid")
    intent = standin.client().v1.payment_intents.retrieve(declined["payment_intent"])
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.decline_code == "generic_decline"

    paid = standin.pay(session.id)
    assert (paid["payment_status"], paid["payment_intent"]) == ("paid", declined["payment_intent"])


def test_declined_through_the_api_is_a_card_error(standin: Standin) -> None:
    with pytest.raises(stripe.CardError) as error:
        standin.client().v1.payment_intents.create(
            {"amount": 999, "currency": "usd", "confirm": True, "payment_method": "pm_card_chargeDeclined"}
        )

    assert (error.value.code, error.value.http_status) == ("card_declined", 402)


def test_an_expired_session_cannot_be_paid(standin: Standin) -> None:
    session = make_session(standin)

    expired = standin.client().v1.checkout.sessions.expire(session.id)
    assert expired.status == "expired"

    assert standin.pay(session.id)["payment_status"] == "unpaid"
    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        standin.client().v1.checkout.sessions.expire(session.id)


def test_tax_rates_are_added_and_told_apart(standin: Standin) -> None:
    rate = standin.client().v1.tax_rates.create({"display_name": "MwSt", "percentage": 19, "inclusive": False})
    line = {
        "price_data": {"currency": "usd", "unit_amount": 1_000, "product_data": {"name": "Album"}},
        "quantity": 1,
        "tax_rates": [rate.id],
    }

    session = make_session(standin, line_items=[line])

    assert (session.amount_subtotal, session.amount_total) == (1_000, 1_190)
    assert session.total_details is not None
    assert session.total_details.amount_tax == 190


def test_line_items_are_listed_in_the_buyers_order(standin: Standin) -> None:
    lines = [
        {"price_data": {"currency": "usd", "unit_amount": 100, "product_data": {"name": name}}, "quantity": 1}
        for name in ("One", "Two", "Three")
    ]
    session = make_session(standin, line_items=lines)

    listed = standin.client().v1.checkout.sessions.line_items.list(session.id)
    assert [line.description for line in listed.data] == ["One", "Two", "Three"]


def test_refunds_are_cumulative_and_never_more_than_was_paid(standin: Standin) -> None:
    refunds = standin.client().v1.refunds
    intent = str(make_paid_session(standin, 999).payment_intent)

    first = refunds.create({"payment_intent": intent, "amount": 500})
    second = refunds.create({"payment_intent": intent})

    assert (first.amount, second.amount) == (500, 499)
    charge = standin.client().v1.charges.retrieve(str(second.charge))
    assert (charge.amount_refunded, charge.refunded) == (999, True)
    transaction = standin.client().v1.balance_transactions.retrieve(str(second.balance_transaction))
    assert (transaction.amount, transaction.fee, transaction.net) == (-499, 0, -499)
    with pytest.raises(stripe.InvalidRequestError) as error:
        refunds.create({"payment_intent": intent})
    assert error.value.code == "charge_already_refunded"


def test_the_balance_is_the_sum_of_its_transactions(standin: Standin) -> None:
    make_paid_session(standin, 5_000)
    make_transfer(standin, 700)

    balance = standin.client().v1.balance.retrieve()

    transactions = standin.client().v1.balance_transactions.list({"limit": 100}).data
    assert balance.available[0].amount == sum(transaction.net for transaction in transactions)


def test_a_new_account_can_be_paid_only_after_its_onboarding(standin: Standin) -> None:
    make_paid_session(standin)
    account = standin.client().v1.accounts.create(
        {
            "controller": {"stripe_dashboard": {"type": "express"}, "fees": {"payer": "application"}},
            "capabilities": {"transfers": {"requested": True}},
            "country": "DE",
        }
    )
    assert (account.payouts_enabled, account.default_currency) == (False, "eur")
    with pytest.raises(stripe.InvalidRequestError) as error:
        make_transfer(standin, account=account.id)
    assert error.value.code == "insufficient_capabilities_for_transfer"

    standin.post(f"/_test/accounts/{account.id}/enable")

    assert standin.client().v1.accounts.retrieve(account.id).payouts_enabled is True
    assert make_transfer(standin, account=account.id).destination == account.id


def test_transfers_are_found_by_group_and_destination(standin: Standin) -> None:
    make_paid_session(standin)
    account = standin.payable_account()
    transfer = make_transfer(standin, group="found-me", account=account)

    transfers = standin.client().v1.transfers
    assert [each.id for each in transfers.list({"transfer_group": "found-me"}).data] == [transfer.id]
    assert [each.id for each in transfers.list({"destination": account}).data] == [transfer.id]
    assert transfers.list({"transfer_group": "nobody"}).data == []
    assert transfers.retrieve(transfer.id).amount == 100


def test_a_transfer_of_more_than_there_is_fails_with_stripes_code(standin: Standin) -> None:
    with pytest.raises(stripe.InvalidRequestError) as error:
        make_transfer(standin, 99_999_999)

    assert error.value.code == "balance_insufficient"


def test_lists_are_paged(standin: Standin) -> None:
    made = [make_session(standin).id for _ in range(5)]
    sessions = standin.client().v1.checkout.sessions

    first = sessions.list({"limit": 2})
    assert [each.id for each in first.data] == made[:2:-1]
    assert first.has_more
    after = sessions.list({"limit": 2, "starting_after": first.data[-1].id})
    assert [each.id for each in after.data] == [made[2], made[1]]
    before = sessions.list({"limit": 2, "ending_before": after.data[0].id})
    assert [each.id for each in before.data] == [each.id for each in first.data]


def test_a_demo_may_import_the_past(standin: Standin) -> None:
    then = int(time.time()) - 30 * 24 * 3600
    session = make_session(standin, metadata={"megabox_demo_at": str(then)})

    standin.pay(session.id, deliver="false")

    paid = standin.client().v1.checkout.sessions.retrieve(session.id)
    intent = standin.client().v1.payment_intents.retrieve(
        str(paid.payment_intent), {"expand": ["latest_charge.balance_transaction"]}
    )
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert paid.payment_status == "paid"
    assert {paid.created, intent.created, charge.created, charge.balance_transaction.created} == {then}
    completed = standin.client().v1.events.list({"type": "checkout.session.completed", "created": then})
    assert [event.data.object["id"] for event in completed.data] == [session.id]


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"mode": ""}, "parameter_missing", "mode"),
        ({"success_url": "/thanks"}, "url_invalid", "success_url"),
        ({"expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(
    standin: Standin, params: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as error:
        make_session(standin, **params)

    assert (error.value.code, error.value.param, error.value.http_status) == (code, param, 400)
    assert str(error.value.request_id).startswith("req_")


def test_too_small_an_amount_is_refused(standin: Standin) -> None:
    with pytest.raises(stripe.InvalidRequestError) as error:
        make_session(standin, 49)

    assert error.value.code == "amount_too_small"


def test_what_is_not_there_is_a_404(standin: Standin) -> None:
    with pytest.raises(stripe.InvalidRequestError) as error:
        standin.client().v1.checkout.sessions.retrieve("cs_test_nobody")

    assert (error.value.http_status, error.value.code) == (404, "resource_missing")


def test_a_live_key_is_refused(standin: Standin) -> None:
    client = stripe.StripeClient("sk_live_oops", base_addresses={"api": standin.url})

    with pytest.raises(stripe.AuthenticationError):
        client.v1.balance.retrieve()
