"""The stand-in's balance: everything that moves it has its balance transaction, and they sum to it."""

import json
from typing import Any

import pytest
import stripe

from tests.standin.conftest import Receiver
from tests.standin.server import Standin
from tests.standin.shop import make_paid_session, make_transfer


def balance_of(standin: Standin, currency: str = "usd") -> int:
    told = standin.client().v1.balance.retrieve()
    lines = (*told.available, *told.pending)
    return sum(line.amount for line in lines if line.currency == currency)  # type: ignore[attr-defined]


def transactions(standin: Standin, **params: Any) -> list[stripe.BalanceTransaction]:
    """All of them, page after page as a program reads them."""
    asked: Any = {"limit": 3, **params}
    return list(standin.client().v1.balance_transactions.list(asked).auto_paging_iter())


def everything_happens(standin: Standin) -> stripe.Payout:
    """A sale, a refund, a transfer that comes back in parts, payouts of which one fails, a fee and an adjustment."""
    client = standin.client()
    standin.fund(50_000)
    session = make_paid_session(standin)
    client.v1.refunds.create({"payment_intent": str(session.payment_intent), "amount": 500})
    transfer = make_transfer(standin, 2_000)
    for cents in (500, 1_500):
        client.v1.transfers.reversals.create(transfer.id, {"amount": cents})
    client.v1.payouts.create({"amount": 1_000, "currency": "usd"})
    failed = client.v1.payouts.create({"amount": 3_000, "currency": "usd"})
    standin.post(f"/_test/payouts/{failed.id}/fail")
    standin.post("/_test/balance", type="stripe_fee", cents=-200, description="Radar for Fraud Teams")
    standin.post("/_test/balance", type="adjustment", cents=70)
    return failed


def test_whatever_moves_the_balance_has_its_transaction(standin: Standin) -> None:
    everything_happens(standin)
    everything = transactions(standin)
    assert sum(one.net for one in everything) == balance_of(standin)
    assert all(one.net == one.amount - one.fee for one in everything)
    assert {one.type for one in everything} == {
        "adjustment",
        "charge",
        "payout",
        "payout_failure",
        "refund",
        "stripe_fee",
        "transfer",
        "transfer_refund",
    }


def test_pages_hold_every_transaction_once_newest_first(standin: Standin) -> None:
    everything_happens(standin)
    paged = transactions(standin)
    whole = standin.client().v1.balance_transactions.list({"limit": 100}).data
    assert [one.id for one in paged] == [one.id for one in whole]
    assert len({one.id for one in paged}) == len(paged)
    assert [one.created for one in paged] == sorted((one.created for one in paged), reverse=True)


def test_lists_are_narrowed_by_time_and_type(standin: Standin) -> None:
    standin.post("/_test/balance", type="stripe_fee", cents=-100, ago=86_400)
    standin.fund(10_000)
    now = max(one.created for one in transactions(standin))
    assert all(one.created >= now - 3_600 for one in transactions(standin, created={"gte": now - 3_600}))
    assert any(one.created < now - 3_600 for one in transactions(standin, created={"lt": now - 3_600}))
    assert {one.type for one in transactions(standin, type="stripe_fee")} == {"stripe_fee"}


def test_an_automatic_payout_takes_everything_and_names_what_it_consists_of(standin: Standin) -> None:
    standin.fund(10_000, "eur")
    standin.fund(20_000, "eur")
    payout = standin.post("/_test/payouts/automatic", currency="eur")
    assert balance_of(standin, "eur") == 0
    held = transactions(standin, payout=payout["id"])
    assert [one.type for one in held] == ["payout", "charge", "charge"]
    assert sum(one.net for one in held) == 0
    assert all("payout" not in one for one in held)
    standin.fund(5_000, "eur")
    later = standin.post("/_test/payouts/automatic", currency="eur")
    assert len(transactions(standin, payout=later["id"])) == 2
    with pytest.raises(AssertionError, match="Invalid positive integer"):
        standin.post("/_test/payouts/automatic", currency="eur")


def test_more_than_there_is_cannot_be_paid_out(standin: Standin) -> None:
    standin.fund(10_000)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        standin.client().v1.payouts.create({"amount": 99_000_000, "currency": "usd"})
    assert refusal.value.code == "balance_insufficient"


def test_a_payout_is_told_when_it_is_paid_and_when_it_comes_back(telling: Standin, receiver: Receiver) -> None:
    telling.fund(10_000)
    payout = telling.client().v1.payouts.create({"amount": 1_000, "currency": "usd"})
    telling.post(f"/_test/payouts/{payout.id}/fail")
    for kind, status in (("payout.created", "in_transit"), ("payout.paid", "paid"), ("payout.failed", "failed")):
        [(_, body)] = receiver.wait_for(kind)
        assert json.loads(body)["data"]["object"]["status"] == status
    with pytest.raises(AssertionError, match="is failed"):
        telling.post(f"/_test/payouts/{payout.id}/fail")


def test_a_transfer_comes_back_in_parts_but_never_more_than_it_was(standin: Standin) -> None:
    client = standin.client()
    standin.fund(10_000)
    transfer = make_transfer(standin, 1_000)
    client.v1.transfers.reversals.create(transfer.id, {"amount": 400})
    assert not client.v1.transfers.retrieve(transfer.id).reversed
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.transfers.reversals.create(transfer.id, {"amount": 601})
    client.v1.transfers.reversals.create(transfer.id)
    whole = client.v1.transfers.retrieve(transfer.id)
    assert (whole.reversed, whole.amount_reversed) == (True, 1_000)
    assert [one.amount for one in client.v1.transfers.reversals.list(transfer.id).data] == [600, 400]
