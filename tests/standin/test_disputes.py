"""Disputes at the stand-in, as Stripe's test mode does them."""

import json
import urllib.parse
import urllib.request
from typing import Any

import pytest
import stripe

from tests.standin.conftest import Receiver
from tests.standin.server import Standin
from tests.standin.shop import make_paid_session, make_session
from tests.standin.test_schemas import Check, as_sent, check  # noqa: F401  # a fixture


def disputed(standin: Standin, card: str = "4000000000000259") -> stripe.Dispute:
    """A payment that its cardholder's bank disputes at once."""
    session = make_session(standin)
    paid = standin.pay(session.id, card)
    return standin.client().v1.disputes.list({"payment_intent": paid["payment_intent"]}).data[0]


def available(standin: Standin) -> int:
    return standin.client().v1.balance.retrieve().available[0].amount


def kinds(standin: Standin, dispute: str) -> list[str]:
    events = standin.client().v1.events.list({"limit": 100}).data
    return [one.type for one in reversed(events) if one.data.object["id"] == dispute]


def test_the_test_card_is_disputed_at_once(standin: Standin) -> None:
    before = available(standin)
    dispute = disputed(standin)
    assert (dispute.status, dispute.amount, dispute.is_charge_refundable) == ("needs_response", 999, False)
    (taken,) = dispute.balance_transactions
    assert (taken.amount, taken.fee, taken.net, taken.reporting_category) == (-999, 1_500, -2_499, "dispute")
    assert available(standin) == before + 999 - 59 - 2_499
    assert kinds(standin, dispute.id) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        standin.client().v1.refunds.create({"charge": str(dispute.charge)})


def test_winning_evidence_brings_the_money_back_and_the_fee_stays(standin: Standin) -> None:
    dispute = disputed(standin)
    before = available(standin)
    evidence: Any = {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True}
    won = standin.client().v1.disputes.update(dispute.id, evidence)
    assert won.status == "won"
    assert [one.net for one in won.balance_transactions] == [-2_499, 999]
    assert available(standin) == before + 999
    assert kinds(standin, dispute.id)[2:] == [
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


def test_losing_evidence_and_giving_in_lose_it(standin: Standin) -> None:
    evidence: Any = {"evidence": {"uncategorized_text": "losing_evidence"}, "submit": True}
    assert standin.client().v1.disputes.update(disputed(standin).id, evidence).status == "lost"
    given_in = disputed(standin)
    assert standin.client().v1.disputes.close(given_in.id).status == "lost"
    assert kinds(standin, given_in.id)[2:] == ["charge.dispute.closed"]
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        standin.client().v1.disputes.close(given_in.id)


def test_an_inquiry_takes_nothing_until_the_bank_does(standin: Standin) -> None:
    before = available(standin)
    inquiry = disputed(standin, "4000000000001976")
    assert (inquiry.status, inquiry.balance_transactions) == ("warning_needs_response", [])
    assert available(standin) == before + 999 - 59
    taken = standin.post(f"/_test/disputes/{inquiry.id}/decide", verdict="escalate")
    assert (taken["status"], len(taken["balance_transactions"])) == ("needs_response", 1)
    closed = disputed(standin, "4000000000001976")
    assert standin.post(f"/_test/disputes/{closed.id}/decide", verdict="lost")["status"] == "warning_closed"


def test_a_part_of_a_payment_is_disputed_and_the_fee_comes_back(standin: Standin) -> None:
    paid = make_paid_session(standin)
    dispute = standin.post(f"/_test/charges/{paid.payment_intent}/dispute", amount=400, reason="duplicate")
    assert (dispute["amount"], dispute["reason"]) == (400, "duplicate")
    before = available(standin)
    standin.post(f"/_test/disputes/{dispute['id']}/decide", verdict="won", fee_back="true")
    assert available(standin) == before + 400 + 1_500


def test_the_bank_decides_on_a_page(standin: Standin) -> None:
    dispute = disputed(standin)
    with urllib.request.urlopen(f"{standin.url}/disputes/") as page:
        assert dispute.id in page.read().decode()
    sent = urllib.parse.urlencode({"dispute": dispute.id, "verdict": "lost"}).encode()
    with urllib.request.urlopen(f"{standin.url}/disputes/", sent) as page:
        assert page.status == 200
    assert standin.client().v1.disputes.retrieve(dispute.id).status == "lost"


def test_the_shop_is_told(telling: Standin, receiver: Receiver) -> None:
    dispute = disputed(telling)
    ((_, body),) = receiver.wait_for("charge.dispute.funds_withdrawn")
    told = json.loads(body)["data"]["object"]
    assert (told["id"], told["balance_transactions"][0]["net"]) == (dispute.id, -2_499)


def test_disputes_and_their_events_are_as_stripe_publishes_them(standin: Standin, check: Check) -> None:  # noqa: F811
    client = standin.client()
    dispute = disputed(standin)
    check("dispute", as_sent(client.v1.disputes.retrieve(dispute.id)))
    evidence: Any = {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True}
    check("dispute", as_sent(client.v1.disputes.update(dispute.id, evidence)))
    check("dispute", as_sent(client.v1.disputes.retrieve(disputed(standin, "4000000000001976").id)))
    for event in as_sent(client.v1.events.list({"limit": 20}))["data"]:
        if event["type"].startswith("charge.dispute."):
            check("event", event)
            check("dispute", event["data"]["object"])
