"""Events out: signed, told again until they are taken, across restarts."""

import json

import pytest
import stripe

from tests.standin.conftest import Receiver
from tests.standin.server import SECRET, Standin
from tests.standin.shop import make_paid_session, make_session, make_transfer


def test_events_are_signed_as_the_official_library_expects(telling: Standin, receiver: Receiver) -> None:
    session = make_paid_session(telling)

    [(signature, body)] = receiver.wait_for("checkout.session.completed")
    event = stripe.Webhook.construct_event(body, signature, SECRET)
    assert event.data.object["id"] == session.id
    assert event.data.object["client_reference_id"] == "order-1"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, "whsec_other")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body.replace(b"paid", b"free"), signature, SECRET)


def test_everything_that_happens_is_told(telling: Standin, receiver: Receiver) -> None:
    session = make_session(telling, 5_000)
    telling.pay(session.id, "4000000000000002")
    telling.pay(session.id)
    client = telling.client()
    intent = str(client.v1.checkout.sessions.retrieve(session.id).payment_intent)
    client.v1.refunds.create({"payment_intent": intent, "amount": 100})
    make_transfer(telling)
    client.v1.checkout.sessions.expire(make_session(telling).id)

    for kind in (
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "charge.refunded",
        "refund.created",
        "account.updated",
        "transfer.created",
        "checkout.session.expired",
    ):
        receiver.wait_for(kind)
    assert len(receiver.of("checkout.session.completed")) == 1


def test_an_event_is_told_again_until_it_is_taken(telling: Standin, receiver: Receiver) -> None:
    receiver.status = 500
    make_paid_session(telling)
    receiver.wait_for("checkout.session.completed", 2)

    receiver.status = 200
    tried = len(receiver.wait_for("checkout.session.completed", 3))
    bodies = {body for _, body in receiver.of("checkout.session.completed")}

    assert tried >= 3
    assert len(bodies) == 1


def test_an_event_survives_a_kill(telling: Standin, receiver: Receiver) -> None:
    receiver.status = 503
    session = make_paid_session(telling)
    receiver.wait_for("checkout.session.completed")

    telling.restart()
    receiver.status = 200
    before = len(receiver.of("checkout.session.completed"))

    deliveries = receiver.wait_for("checkout.session.completed", before + 1)
    assert json.loads(deliveries[-1][1])["data"]["object"]["id"] == session.id


def test_a_taken_event_is_not_told_again(telling: Standin, receiver: Receiver) -> None:
    make_paid_session(telling)
    receiver.wait_for("checkout.session.completed")

    while telling.get("/_test/deliveries")["waiting"]:
        continue
    told = len(receiver.deliveries)

    assert told == len({json.loads(body)["id"] for _, body in receiver.deliveries})


def test_a_test_may_have_an_event_told_ten_times(telling: Standin, receiver: Receiver) -> None:
    make_paid_session(telling)
    [(_, body)] = receiver.wait_for("checkout.session.completed")

    telling.post(f"/_test/events/{json.loads(body)['id']}/deliver", times=10)

    assert len(receiver.wait_for("checkout.session.completed", 11)) == 11


def test_what_a_demo_imports_quietly_is_stored_but_not_told(telling: Standin, receiver: Receiver) -> None:
    session = make_session(telling)
    telling.pay(session.id, deliver="false")
    make_paid_session(telling)
    receiver.wait_for("checkout.session.completed")

    told = [json.loads(body)["data"]["object"]["id"] for _, body in receiver.of("checkout.session.completed")]
    stored = telling.client().v1.events.list({"type": "checkout.session.completed"}).data

    assert session.id not in told
    assert session.id in [event.data.object["id"] for event in stored]
