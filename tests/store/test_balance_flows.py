"""Reconciliation with the real stand-in over HTTP: whatever happens at Stripe, both sides end the same."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from artists.models import Payee
from ledger import audit as books
from ledger import chart, journal, payees
from ledger.models import Entry
from payouts import transfers
from payouts.models import Payout
from store import audit
from store.cases import refunds
from store.models import BalanceImport, BalanceTransaction, Decision, Naming, Order, StripeEvent
from store.payments import waiting
from store.reconciliation import balance_checks, naming, reconciliation, stripe_balance
from store.sales import checkout, orders
from tests.payouts.factories import executing_run
from tests.standin import sent
from tests.standin.server import Standin
from tests.store.factories import make_order, make_sold_album
from tests.users.factories import ada

pytestmark = pytest.mark.django_db(transaction=True)
MATURED = timedelta(days=15)
State = BalanceTransaction.State


def run(later: timedelta = timedelta()) -> balance_checks.Outcome:
    return balance_checks.run(at=timezone.now() + later)


def sell(standin: Standin, price_micros: int = 9_990_000, *, ago: timedelta = timedelta()) -> Order:
    """An album that is paid and booked, as long `ago`; nobody has asked for its fee."""
    order = make_order(make_sold_album(price_micros), at=timezone.now())
    checkout.start(order)
    standin.pay(str(order.checkout_session), deliver=False)
    orders.fulfil(order.pk, checkout.ask(str(order.checkout_session)), at=timezone.now() - ago)
    order.refresh_from_db()
    return order


def give_back(standin: Standin, order: Order, cents: int) -> int:
    """Refund at Stripe; what is refunded so far, which nobody has booked."""
    client = standin.client()
    refund = client.v1.refunds.create({"payment_intent": order.payment_intent, "amount": cents})
    return client.v1.charges.retrieve(str(refund.charge)).amount_refunded


def pay_out(standin: Standin, order: Order) -> Payout:
    """Pay the artist of a sale, whose earnings have matured, by a real transfer."""
    payee = Payee.objects.get(pk=order.lines.get().shares[0][0])
    payee.stripe_account, payee.is_payouts_enabled = standin.payable_account(), True
    payee.save()
    payees.mature(timezone.now().date(), at=timezone.now())
    payout = executing_run(at=timezone.now()).payouts.get()
    transfers.send(payout.pk, by="worker", at=timezone.now())
    payout.refresh_from_db()
    assert payout.state == Payout.State.PAID
    return payout


def assert_settled(standin: Standin) -> None:
    """Our mirror is Stripe's balance, to the micro; everything is matched, nothing is in suspense or in flight."""
    for unit, micros in stripe_balance.balance().items():
        assert journal.balance(chart.stripe(unit)) == micros
        assert journal.balance(chart.suspense(unit)) == 0
    assert not BalanceTransaction.objects.exclude(state=State.MATCHED).exists()
    assert naming.unnamed() == []
    assert list(audit.findings()) == []
    assert list(books.findings(timezone.now())) == []
    assert sent.faults(standin.requests()) == []


def test_everything_that_happens_in_a_month(standin: Standin) -> None:
    sold = [sell(standin, 90_000_000, ago=MATURED), sell(standin), sell(standin, 990_000)]
    refunded = give_back(standin, sold[1], 300)
    refunds.refund(sold[1].pk, refunded, "USD", at=timezone.now())
    pay_out(standin, sold[0])
    standin.post("/_test/balance", type="stripe_fee", cents=-200, description="Radar for Fraud Teams")
    standin.client().v1.payouts.create({"amount": 1_000, "currency": "usd"})
    outcome = run()
    assert (outcome.added, outcome.matched, outcome.troubles) == (7, 7, ())
    for order in sold:
        order.refresh_from_db()
        assert order.fee_micros, "the fee was booked from its balance transaction"
    assert journal.balance(chart.bank("USD")) == 10_000_000
    assert_settled(standin)
    assert run().added == 0
    assert_settled(standin)


def test_a_refund_that_is_told_after_its_transaction(standin: Standin) -> None:
    order = sell(standin)
    refunded = give_back(standin, order, 999)
    run()
    assert BalanceTransaction.objects.get(type="refund").state == State.WAITING
    run(timedelta(hours=2))
    assert journal.balance(chart.suspense("USD")) == 9_990_000
    assert journal.balance(chart.stripe("USD")) == sum(stripe_balance.balance().values())
    refunds.refund(order.pk, refunded, "USD", at=timezone.now())
    run(timedelta(hours=3))
    assert_settled(standin)


def test_a_transfer_that_is_reversed(standin: Standin) -> None:
    payout = pay_out(standin, sell(standin, 90_000_000, ago=MATURED))
    run()
    assert_settled(standin)
    standin.client().v1.transfers.reversals.create(payout.transfer_id)
    wait_for(StripeEvent.objects.filter(type="transfer.reversed").exists)
    waiting.work_on_events(timezone.now())
    payout.refresh_from_db()
    assert payout.state == Payout.State.RETURNED
    run()
    assert_settled(standin)


def test_a_disputed_payment_that_is_won_back(standin: Standin) -> None:
    order = sell(standin)
    told = standin.post(f"/_test/charges/{order.payment_intent}/dispute")
    wait_for(StripeEvent.objects.filter(type="charge.dispute.created").exists)
    run()
    waiting.work_on_events(timezone.now())
    standin.post(f"/_test/disputes/{told['id']}/decide", verdict="won")
    wait_for(StripeEvent.objects.filter(type="charge.dispute.closed").exists)
    waiting.work_on_events(timezone.now())
    run()
    assert set(Entry.objects.filter(kind__startswith="dispute").values_list("kind", flat=True)) == {
        "dispute opened",
        "dispute won",
    }
    assert_settled(standin)


def test_our_bank_sends_a_payout_back(standin: Standin) -> None:
    sell(standin)
    payout = standin.post("/_test/payouts/automatic")
    run()
    assert journal.balance(chart.stripe("USD")) == 0
    assert journal.balance(chart.bank("USD")) == 9_400_000
    standin.post(f"/_test/payouts/{payout['id']}/fail")
    run()
    assert journal.balance(chart.stripe("USD")) == 9_400_000
    assert journal.balance(chart.bank("USD")) == 0
    assert_settled(standin)


def test_what_nobody_knows_goes_to_suspense_and_a_person_decides(standin: Standin) -> None:
    standin.post("/_test/balance", type="adjustment", cents=-1_234, description="See our letter")
    run()
    run(timedelta(hours=2))
    row = BalanceTransaction.objects.get()
    assert (row.state, row.description) == (State.SUSPENSE, "See our letter")
    reconciliation.decide(row.pk, Decision.Choice.STRIPE_FEES, "Their letter.", by=ada(), at=timezone.now())
    assert_settled(standin)


def test_currencies_are_apart(standin: Standin) -> None:
    sell(standin)
    standin.post("/_test/balance", type="topup", cents=5_000, currency="eur")
    standin.post("/_test/balance", type="topup", cents=700, currency="jpy")
    run()
    assert journal.balance(chart.stripe("EUR")) == 50_000_000
    assert journal.balance(chart.stripe("JPY")) == 700_000_000, "a yen has no cents"
    assert_settled(standin)


def test_what_stripe_holds_in_reserve_is_still_ours(standin: Standin) -> None:
    sell(standin)
    standin.post("/_test/balance", type="reserve_transaction", cents=-300)
    told = standin.client().v1.balance.retrieve()
    assert told.available[0].amount == 640
    run()
    assert journal.balance(chart.stripe("USD")) == 9_400_000
    assert_settled(standin)
    standin.post("/_test/balance", type="reserve_transaction", cents=300)
    run()
    assert_settled(standin)


def test_a_long_list_is_read_page_by_page_with_what_each_is_about(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_balance, "PAGE", 2)
    for _ in range(3):
        sell(standin)
    standin.post("/_test/balance", type="stripe_fee", cents=-10)
    assert run().added == 4
    assert len(standin.requests("/v1/balance_transactions")) == 2
    intents = set(Order.objects.values_list("payment_intent", flat=True))
    assert set(BalanceTransaction.objects.filter(type="charge").values_list("subject", flat=True)) == intents


def test_what_stripe_dates_back_is_found(standin: Standin) -> None:
    sell(standin)
    run()
    standin.post("/_test/balance", type="stripe_fee", cents=-10, ago=40 * 86_400)
    assert run().added == 1
    assert BalanceImport.objects.latest("pk").since is None
    assert_settled(standin)


def test_stripe_is_asked_again_when_it_does_not_answer(standin: Standin) -> None:
    sell(standin)
    standin.fail("/v1/balance_transactions", "error_500", times=3, method="GET")
    with pytest.raises(stripe_balance.NoAnswer, match="Nothing is lost"):
        run()
    run()
    assert_settled(standin)


def test_stripe_is_never_asked_inside_a_transaction(standin: Standin) -> None:
    for ask in (stripe_balance.balance, lambda: next(stripe_balance.pages(None))):
        with pytest.raises(RuntimeError), transaction.atomic():
            ask()


def test_two_workers_at_once_book_and_name_everything_once(standin: Standin) -> None:
    sold = [sell(standin) for _ in range(4)]
    for order in sold[:2]:
        refunds.refund(order.pk, give_back(standin, order, 100), "USD", at=timezone.now())
        give_back(standin, order, 200)
        refunds.refund(order.pk, 300, "USD", at=timezone.now())
    standin.post("/_test/payouts/automatic")
    barrier = threading.Barrier(3)

    def work(_: int) -> None:
        try:
            barrier.wait()
            again(run)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    run()
    assert BalanceTransaction.objects.count() == 9
    assert Entry.objects.filter(kind="stripe payout").count() == 1
    assert Naming.objects.count() == 4 * 2 + 4 + 1
    assert_settled(standin)


def again(action: Callable[[], Any], times: int = 5) -> None:
    """SQLite may say that somebody else writes; a task would simply come again."""
    for _ in range(times):
        try:
            action()
            return
        except OperationalError:
            time.sleep(0.2)
    action()


def wait_for(what: Callable[[], object], seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
