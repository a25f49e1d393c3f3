"""Stripe's webhook: only what Stripe signed, once, in any order, and never lost."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from ledger.models import Entry
from payouts import transfers
from payouts.models import Payout
from store.access import library
from store.models import LibraryItem, Order, StripeEvent
from store.pages import webhooks
from store.payments import events, waiting
from store.sales import orders
from tests.artists.factories import make_payee
from tests.payouts.factories import MICROS, earn, executing_run
from tests.store.factories import (
    event_of,
    guest,
    listener,
    make_order,
    make_paid_order,
    make_sold_album,
    music,
    post_event,
    signature,
    stored,
)
from tests.users.factories import make_user
from users.models import Mail

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every nudge is lost: whatever happens, happens by the rows."""
    monkeypatch.setattr(webhooks, "nudge", lambda *args: None)


def sweep(at: Any = None) -> int:
    return waiting.work_on_events(at or timezone.now())


def test_a_signed_event_is_stored_and_answered_before_any_work() -> None:
    order = make_order()
    event = event_of("checkout.session.completed", order)
    assert post_event(event).status_code == 200
    assert stored(event).state == StripeEvent.State.RECEIVED
    order.refresh_from_db()
    assert order.state == Order.State.PENDING


def test_the_sweeper_fulfils_what_the_webhook_stored() -> None:
    album = make_sold_album()
    order = make_order(album)
    event = event_of("checkout.session.completed", order)
    post_event(event)
    assert sweep() == 1
    order.refresh_from_db()
    assert order.state == Order.State.PAID
    assert order.email == "leo@demo.megabox.test"
    assert library.has(listener(), music(album))
    assert stored(event).state == StripeEvent.State.PROCESSED


def test_a_forged_signature_is_refused_and_leaves_nothing() -> None:
    assert post_event(event_of("checkout.session.completed", make_order()), secret="whsec_forged").status_code == 400
    assert not StripeEvent.objects.exists()


def test_a_webhook_without_a_signature_is_refused() -> None:
    body = json.dumps(event_of("checkout.session.completed", make_order()))
    for headers in ({}, {"Stripe-Signature": ""}, {"Stripe-Signature": "t=1,v1="}, {"Stripe-Signature": "nonsense"}):
        answer = Client().post("/stripe/webhook/", body, content_type="application/json", headers=headers)
        assert answer.status_code == 400
    assert not StripeEvent.objects.exists()


def test_a_stale_signature_is_refused() -> None:
    event = event_of("checkout.session.completed", make_order())
    assert post_event(event, at=int(time.time()) - 301).status_code == 400
    assert post_event(event, at=int(time.time()) - 290).status_code == 200


def test_a_signature_of_another_body_is_refused() -> None:
    event = event_of("checkout.session.completed", make_order())
    signed_for = signature(json.dumps(event).encode())
    event["data"]["object"]["amount_total"] = 1
    answer = Client().post(
        "/stripe/webhook/",
        json.dumps(event),
        content_type="application/json",
        headers={"Stripe-Signature": signed_for},
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"id": 1, "type": "x"}', b"\xff\xfe", b"{"])
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    answer = Client().post(
        "/stripe/webhook/", body, content_type="application/json", headers={"Stripe-Signature": signature(body)}
    )
    assert answer.status_code == 400


def test_a_webhook_is_never_a_get() -> None:
    assert Client().get("/stripe/webhook/").status_code == 405


def test_a_redelivered_event_makes_no_second_sale() -> None:
    event = event_of("checkout.session.completed", make_order())
    for _ in range(3):
        assert post_event(event).status_code == 200
        sweep()
    assert StripeEvent.objects.count() == 1
    assert Entry.objects.count() == 1
    assert LibraryItem.objects.count() == 1
    assert Mail.objects.filter(key__endswith=":receipt").count() == 1


def test_another_event_about_the_same_payment_makes_no_second_sale() -> None:
    order = make_order()
    for _ in range(2):
        post_event(event_of("checkout.session.completed", order))
    post_event(event_of("checkout.session.completed", order) | {"type": "checkout.session.async_payment_succeeded"})
    sweep()
    assert Entry.objects.count() == 1
    assert set(StripeEvent.objects.values_list("state", flat=True)) == {"PROCESSED"}


def test_a_session_that_is_complete_but_not_paid_gives_nothing_yet() -> None:
    order = make_order()
    post_event(event_of("checkout.session.completed", order, payment_status="unpaid"))
    sweep()
    order.refresh_from_db()
    assert order.state == Order.State.PENDING
    post_event(event_of("checkout.session.completed", order) | {"type": "checkout.session.async_payment_succeeded"})
    sweep()
    order.refresh_from_db()
    assert order.state == Order.State.PAID


def test_an_expired_session_cancels_its_order() -> None:
    order = make_order()
    post_event(event_of("checkout.session.expired", order))
    sweep()
    order.refresh_from_db()
    assert order.state == Order.State.CANCELLED


def test_expiry_told_after_payment_takes_nothing_back() -> None:
    order = make_order()
    post_event(event_of("checkout.session.completed", order))
    sweep()
    post_event(event_of("checkout.session.expired", order))
    sweep()
    order.refresh_from_db()
    assert order.state == Order.State.PAID


def test_an_event_three_days_late_has_its_effect() -> None:
    order = make_order(at=timezone.now() - timedelta(days=3))
    post_event(event_of("checkout.session.completed", order))
    sweep()
    order.refresh_from_db()
    assert order.state == Order.State.PAID


@pytest.mark.parametrize(
    "changes",
    [{"amount_total": 1}, {"amount_subtotal": 1, "amount_total": 1}, {"currency": "eur"}, {"id": "cs_other"}],
)
def test_an_event_that_does_not_match_its_order_is_parked_in_sight(changes: dict[str, Any]) -> None:
    order = make_order()
    Order.objects.filter(pk=order.pk).update(checkout_session="cs_mine")
    order.refresh_from_db()
    event = event_of("checkout.session.completed", order, **changes)
    post_event(event)
    sweep()
    assert stored(event).state == StripeEvent.State.PARKED
    assert str(order.pk) in stored(event).error
    assert not LibraryItem.objects.exists()


def test_an_event_about_an_order_we_do_not_have_is_parked() -> None:
    order = make_order()
    event = event_of("checkout.session.completed", order)
    Order.objects.all().delete()
    post_event(event)
    sweep()
    assert stored(event).state == StripeEvent.State.PARKED


def test_an_event_of_another_shop_on_the_same_account_is_done_without_effect() -> None:
    event = event_of("checkout.session.completed", make_order(), metadata={})
    post_event(event)
    sweep()
    assert stored(event).state == StripeEvent.State.PROCESSED
    assert not Entry.objects.exists()


def test_an_event_we_do_not_know_is_done_without_effect() -> None:
    event = event_of("payment_intent.succeeded", make_order())
    post_event(event)
    sweep()
    assert stored(event).state == StripeEvent.State.PROCESSED


def test_a_dispute_is_never_lost_silently() -> None:
    event = event_of("charge.succeeded", make_paid_order()) | {"type": "charge.dispute.created"}
    post_event(event)
    sweep()
    assert stored(event).state == StripeEvent.State.PARKED


def test_a_poison_event_is_tried_a_bounded_number_of_times_and_never_answered_with_done() -> None:
    event = event_of("checkout.session.completed", make_order())
    event["data"] = {"object": {"metadata": {}}}  # a shape our code does not know
    post_event(event)
    at = timezone.now()
    for tries in range(1, events.MOST_TRIES + 1):
        assert waiting.work_on_events(at) == 1
        assert stored(event).tries == tries
        assert waiting.work_on_events(at) == 0 or tries == events.MOST_TRIES, "it waits before the next try"
        at += timedelta(hours=1)
    assert stored(event).state == StripeEvent.State.PARKED
    assert "KeyError" in stored(event).error
    assert waiting.work_on_events(at) == 0


def test_a_failure_undoes_all_of_its_event_and_the_next_try_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    order = make_order()
    event = event_of("checkout.session.completed", order)
    post_event(event)

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("store.sales.receipts.queue", broken)
        sweep()
    order.refresh_from_db()
    assert order.state == Order.State.PENDING
    assert not Entry.objects.exists()
    assert not LibraryItem.objects.exists()
    sweep(timezone.now() + timedelta(minutes=1))
    order.refresh_from_db()
    assert order.state == Order.State.PAID


def test_a_killed_workers_event_is_taken_over_within_a_minute() -> None:
    order = make_order()
    event = event_of("checkout.session.completed", order)
    post_event(event)
    now = timezone.now()
    StripeEvent.objects.update(claimed_by="a killed worker", claimed_until=now + timedelta(seconds=60))
    assert sweep(now) == 0
    assert sweep(now + timedelta(seconds=61)) == 1
    order.refresh_from_db()
    assert order.state == Order.State.PAID


def test_a_worker_that_lost_its_claim_leaves_no_half_of_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    order = make_order()
    post_event(event_of("checkout.session.completed", order))
    fulfil = orders.fulfil

    def slow(*args: Any, **kwargs: Any) -> bool:
        StripeEvent.objects.update(claimed_by="somebody else")
        return fulfil(*args, **kwargs)

    monkeypatch.setattr(orders, "fulfil", slow)
    sweep()
    order.refresh_from_db()
    assert order.state == Order.State.PENDING
    assert not Entry.objects.exists()


def test_staff_can_try_a_parked_event_again() -> None:
    order = make_order()
    event = event_of("checkout.session.completed", order)
    post_event(event)
    StripeEvent.objects.update(state=StripeEvent.State.PARKED, tries=events.MOST_TRIES, error="It was our fault.")
    staff = Client()
    staff.force_login(make_user("root@example.test", is_staff=True, is_superuser=True))
    chosen = {"action": "try_again", "_selected_action": [stored(event).pk]}
    assert staff.post("/admin/store/stripeevent/", chosen).status_code == 302
    sweep()
    order.refresh_from_db()
    assert order.state == Order.State.PAID


def test_an_account_that_changed_is_asked_about_before_its_event_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    payee = make_payee(stripe_account="acct_1")
    asked: list[object] = []
    monkeypatch.setattr(transfers, "refresh_account", lambda payee, *, at: asked.append(payee))
    event = event_of("charge.succeeded", make_order()) | {"type": "account.updated"}
    event["data"] = {"object": {"id": "acct_1", "object": "account"}}
    post_event(event)
    sweep()
    assert asked == [payee]
    assert stored(event).state == StripeEvent.State.PROCESSED


def test_a_transfer_of_nobody_we_know_that_comes_back_changes_nothing() -> None:
    event = event_of("charge.succeeded", make_order()) | {"type": "transfer.reversed"}
    event["data"] = {"object": {"id": "tr_1", "object": "transfer", "reversed": True}}
    post_event(event)
    sweep()
    assert stored(event).state == StripeEvent.State.PROCESSED


def test_a_transfer_that_comes_back_before_it_is_booked_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    earn(make_payee(stripe_account="acct_1", is_payouts_enabled=True), 60 * MICROS)
    payout = executing_run(at=timezone.now()).payouts.get()
    event = event_of("charge.succeeded", make_order()) | {"type": "transfer.reversed"}
    told = {"id": "tr_1", "object": "transfer", "transfer_group": payout.transfer_group, "reversed": True}
    event["data"] = {"object": told}
    post_event(event)
    sweep()
    assert stored(event).state == StripeEvent.State.RECEIVED

    monkeypatch.setattr(transfers, "_ask", lambda *args: transfers.Sent("tr_1"))
    assert transfers.send(payout.pk, by="a worker", at=timezone.now())
    sweep(timezone.now() + timedelta(hours=1))

    payout.refresh_from_db()
    assert (payout.state, stored(event).state) == (Payout.State.RETURNED, StripeEvent.State.PROCESSED)


# --- many at once


@pytest.mark.django_db(transaction=True)
def test_the_same_webhook_ten_times_in_parallel_is_one_sale() -> None:
    order = make_order()
    body_event = event_of("checkout.session.completed", order)
    key = StripeEvent.objects

    def deliver(_: int) -> int:
        try:
            status = post_event(body_event).status_code
            events.process(stored(body_event).pk, at=timezone.now())
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(deliver, range(10))) == {200}
    assert key.count() == 1
    assert Entry.objects.count() == 1
    assert LibraryItem.objects.count() == 1
    assert stored(body_event).state == StripeEvent.State.PROCESSED


@pytest.mark.django_db(transaction=True)
def test_ten_events_about_one_payment_in_parallel_are_one_sale() -> None:
    order = make_order(by=guest())
    about_it = [event_of("checkout.session.completed", order) for _ in range(10)]
    for event in about_it:
        post_event(event)

    def work(event: dict[str, Any]) -> object:
        try:
            return events.process(stored(event).pk, at=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(work, about_it))
    waiting.work_on_events(timezone.now() + timedelta(hours=1))  # whoever met a lock tries again
    assert Entry.objects.count() == 1
    assert LibraryItem.objects.count() == 1
    assert set(StripeEvent.objects.values_list("state", flat=True)) == {"PROCESSED"}
