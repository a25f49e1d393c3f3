"""What waits and goes on by itself: fees that Stripe tells late, and payments whose webhook was lost."""

from datetime import timedelta
from typing import Any

import pytest

from ledger import chart, journal
from ledger.models import Entry
from store.models import Order
from store.payments import waiting
from store.sales import checkout
from store.sales.checkout import Fee
from tests.store.factories import NOON, make_order, make_paid_order, paid_session

pytestmark = pytest.mark.django_db


@pytest.fixture
def stripe_says(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Stripe answers: `session` and `fee`; None for the fee means that Stripe does not know it yet."""
    said: dict[str, Any] = {"session": None, "fee": None}

    def answer(name: str) -> Any:
        if isinstance(said[name], Exception):
            raise said[name]
        return said[name]

    monkeypatch.setattr(checkout, "ask", lambda session_id: answer("session"))
    monkeypatch.setattr(checkout, "fee_of", lambda intent: answer("fee"))
    return said


def test_a_fee_is_booked_once_stripe_tells_it_and_never_as_nothing(stripe_says: dict[str, Any]) -> None:
    order = make_paid_order()
    at = NOON
    stripe_says["fee"] = checkout.Unreachable()
    assert waiting.ask_about_orders(at) == 1
    stripe_says["fee"] = None
    at += timedelta(hours=2)
    assert waiting.ask_about_orders(at) == 1
    order.refresh_from_db()
    assert order.fee_micros is None
    assert journal.balance(chart.stripe_fees("USD")) == 0
    stripe_says["fee"] = Fee("txn_1", "USD", 59, 999)
    for _ in range(3):
        at += timedelta(hours=2)
        waiting.ask_about_orders(at)
    order.refresh_from_db()
    assert order.fee_micros == 590_000
    assert journal.balance(chart.stripe_fees("USD")) == 590_000
    assert journal.balance(chart.stripe("USD")) == 9_400_000
    assert Entry.objects.filter(key=order.fee_key).count() == 1
    assert order.next_check_at is None


def test_a_fee_in_another_currency_is_left_to_a_person(stripe_says: dict[str, Any]) -> None:
    order = make_paid_order()
    stripe_says["fee"] = Fee("txn_1", "EUR", 59, 940)
    waiting.ask_about_orders(NOON)
    order.refresh_from_db()
    assert order.fee_micros is None
    assert "by hand" in order.problem


def test_a_payment_whose_webhook_was_lost_is_found_by_asking(stripe_says: dict[str, Any]) -> None:
    order = make_order()
    Order.objects.filter(pk=order.pk).update(checkout_session=f"cs_test_{order.pk}")
    stripe_says["session"] = paid_session(order)
    assert waiting.ask_about_orders(NOON) == 0, "Stripe is given a minute to tell"
    assert waiting.ask_about_orders(NOON + timedelta(minutes=5)) == 1
    order.refresh_from_db()
    assert order.state == Order.State.PAID


def test_an_order_nobody_was_sent_to_pay_is_given_up_without_asking() -> None:
    order = make_order()
    waiting.ask_about_orders(NOON + timedelta(minutes=2))
    order.refresh_from_db()
    assert order.state == Order.State.PENDING
    waiting.ask_about_orders(NOON + timedelta(hours=3))
    order.refresh_from_db()
    assert order.state == Order.State.CANCELLED


def test_stripe_is_asked_ever_less_often_about_an_order_nobody_pays(stripe_says: dict[str, Any]) -> None:
    order = make_order()
    Order.objects.filter(pk=order.pk).update(checkout_session=f"cs_test_{order.pk}")
    stripe_says["session"] = paid_session(order, status="open", is_paid=False)
    asked = sum(waiting.ask_about_orders(NOON + timedelta(minutes=minute)) for minute in range(24 * 60))
    assert 20 <= asked <= 32


def test_two_sweepers_ask_once(stripe_says: dict[str, Any]) -> None:
    order = make_paid_order()
    stripe_says["fee"] = Fee("txn_1", "USD", 59, 999)
    assert [waiting.check(order.pk, at=NOON) for _ in range(2)] == [True, False]
