"""Disputes as the stand-in tells them over HTTP, and by many workers at once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from ledger import audit as ledger_audit
from ledger import chart, journal, payees
from ledger.models import Entry
from store import audit
from store.cases import disputes, refunds
from store.models import Dispute, Order, StripeEvent
from store.payments import waiting
from store.reconciliation import balance_checks
from store.sales import checkout
from tests.ledger.test_concurrency import at_once
from tests.standin.server import Standin
from tests.store.factories import NOON, make_order, make_paid_order, make_sold_album, told
from tests.store.test_checkout import arrived, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
DISPUTED = "4000000000000259"


def work() -> None:
    """What workers do, an hour later too: what waits for its payment is tried again."""
    now = timezone.now()
    for hours in (0, 1, 2):
        waiting.work_on_events(now + timedelta(hours=hours))
        waiting.ask_about_orders(now + timedelta(hours=hours))


def disputed_order(standin: Standin) -> Order:
    """An order that was paid with the card that is disputed at once, as far as Stripe has told."""
    order = make_order(make_sold_album(), at=timezone.now())
    checkout.start(order)
    standin.pay(Order.objects.get(pk=order.pk).checkout_session or "", card=DISPUTED)
    wait_for(arrived("charge.dispute.funds_withdrawn"))
    wait_for(arrived("checkout.session.completed"))
    work()
    order.refresh_from_db()
    return order


def assert_agreed() -> None:
    """Stripe's balance is ours to the micro, every transaction has its entries, and the books are clean."""
    outcome = balance_checks.run(at=timezone.now())
    assert outcome.troubles == ()
    assert not StripeEvent.objects.exclude(state=StripeEvent.State.PROCESSED).exists()
    assert list(audit.findings()) == []
    assert list(ledger_audit.findings(timezone.now())) == []


@pytest.mark.parametrize(("verdict", "state"), [("won", "WON"), ("lost", "LOST")])
def test_a_payment_is_disputed_and_decided(standin: Standin, verdict: str, state: str) -> None:
    order = disputed_order(standin)
    dispute = Dispute.objects.get(order=order)
    assert (dispute.state, dispute.withdrawn_micros, dispute.fee_micros) == ("OPEN", 9_990_000, 15_000_000)
    assert dispute.due_by is not None
    assert_agreed()
    standin.post(f"/_test/disputes/{dispute.stripe_id}/decide", verdict=verdict)
    wait_for(arrived("charge.dispute.closed"))
    if verdict == "won":
        wait_for(arrived("charge.dispute.funds_reinstated"))
    work()
    dispute.refresh_from_db()
    assert (dispute.state, dispute.open_micros) == (state, 0)
    expected = -590_000 - 15_000_000 + (9_990_000 if verdict == "won" else 0)
    assert journal.balance(chart.stripe("USD")) == expected
    assert_agreed()


# --- many at once


def learn(order: Order, status: str) -> Callable[[int], str]:
    return lambda _: disputes.learn(order.pk, disputes.read(told(order, status)), at=NOON)


def is_clean() -> bool:
    return list(audit.findings()) == [] and list(ledger_audit.findings(NOON + timedelta(days=60))) == []


def test_many_workers_open_a_dispute_once() -> None:
    order = make_paid_order()
    assert at_once(6, learn(order, "needs_response")) == {"Withdrawn.": 1, "Nothing new to book.": 5}
    assert Entry.objects.filter(kind="dispute opened").count() == 1
    assert is_clean()


def test_the_end_may_overtake_the_beginning() -> None:
    order = make_paid_order()
    opened, lost = learn(order, "needs_response"), learn(order, "lost")
    at_once(4, lambda number: (lost if number % 2 else opened)(number))
    dispute = Dispute.objects.get()
    assert (dispute.state, dispute.lost_micros) == ("LOST", 9_990_000)
    assert Entry.objects.filter(kind="dispute lost").count() == 1
    assert is_clean()


def test_a_refund_a_dispute_and_maturity_at_once_take_everything_once() -> None:
    order = make_paid_order()
    later = NOON + timedelta(days=20)

    def do(number: int) -> str:
        if number == 0:
            refunds.refund(order.pk, 999, "USD", at=later)
        elif number == 1:
            learn(order, "lost")(number)
        else:
            payees.mature(later.date(), at=later)
        return "done"

    assert at_once(3, do) == {"done": 3}
    assert journal.balance(chart.clawback_loss("USD")) == 9_990_000
    assert journal.balance(chart.receivable("USD")) == 0
    assert journal.balance(chart.commission("USD")) == 0
    assert is_clean()
