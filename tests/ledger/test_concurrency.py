"""Many at once: one entry per key, no overdraft, no deadlock. On a file in SQLite, on rows in PostgreSQL."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier, Event
from time import sleep

import pytest
from django.db import connection, transaction

from ledger import audit, chart, journal, payees
from ledger.journal import Line
from ledger.models import Account, Entry, Posting
from tests.ledger.factories import NOON, USD, make_gate_view, make_sale, make_top_up

pytestmark = pytest.mark.django_db(transaction=True)

STRIPE, PREPAID, ADS = chart.stripe(USD), chart.prepaid(7, USD), chart.ads_revenue(USD)
PAYABLE = chart.payee(42, "payable", USD)


def at_once(count: int, work: Callable[[int], object]) -> Counter[str]:
    """Run `work(0..count-1)` in threads that start together; count results and refusals by name."""
    barrier = Barrier(count)

    def run(number: int) -> str:
        try:
            barrier.wait(timeout=30)
            return str(work(number))
        except journal.Refused as refusal:
            return type(refusal).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(run, range(count)))


def is_clean() -> bool:
    return list(audit.findings(NOON + timedelta(days=30))) == []


def test_the_same_key_in_parallel_makes_one_entry() -> None:
    line = Line(STRIPE, PREPAID, 100, USD)

    results = at_once(8, lambda _: journal.post("deposit", "deposit", [line], occurred_at=NOON).is_new)

    assert results == {"True": 1, "False": 7}
    assert Entry.objects.count() == 1
    assert journal.balance(PREPAID) == 100
    assert is_clean()


def test_the_same_key_with_other_content_in_parallel_makes_one_entry() -> None:
    def deposit(number: int) -> bool:
        return journal.post("deposit", "deposit", [Line(STRIPE, PREPAID, 100 + number, USD)], occurred_at=NOON).is_new

    assert at_once(6, deposit) == {"True": 1, "KeyReused": 5}


def test_accounts_may_be_opened_by_all_at_once() -> None:
    results = at_once(8, lambda number: make_sale(number=number, payee=number % 3).key)

    assert set(results.values()) == {1}
    assert Account.objects.count() == 5
    assert is_clean()


def test_opposite_movements_do_not_deadlock() -> None:
    one, two = chart.wallet(1), chart.wallet(2)
    make_gate_view(wallet=1, price=100_000, number=1)
    make_gate_view(wallet=2, price=100_000, number=2)

    def swap(number: int) -> str:
        for step in range(10):
            debit, credit = (one, two) if (number + step) % 2 else (two, one)
            journal.post(f"{number}:{step}", "merge", [Line(debit, credit, 1_000, "XCR")], occurred_at=NOON)
        return "done"

    assert at_once(6, swap) == {"done": 6}
    assert journal.balance(one) + journal.balance(two) == 200_000_000
    assert is_clean()


def test_many_lines_in_opposite_orders_do_not_deadlock() -> None:
    make_top_up()  # or all would queue up to open the account they share

    def share(number: int) -> str:
        ids = range(100, 300) if number % 2 else range(299, 99, -1)
        lines = [Line(STRIPE, chart.prepaid(i, USD), i, USD) for i in ids]
        journal.post(f"share:{number}", "deposit", lines, occurred_at=NOON)
        return "done"

    assert at_once(6, share) == {"done": 6}
    assert journal.balance(chart.prepaid(200, USD)) == 6 * 200
    assert is_clean()


def test_an_account_is_never_overdrawn_by_many_at_once() -> None:
    make_top_up(amount=10)

    results = at_once(
        8,
        lambda number: journal.post(f"ads:{number}", "ads", [Line(PREPAID, ADS, 3, USD)], occurred_at=NOON).is_new,
    )

    assert results == {"True": 3, "Overdraft": 5}
    assert journal.balance(PREPAID) == 1
    assert is_clean()


def test_a_sale_is_not_refunded_twice_by_two_at_once() -> None:
    earned = make_sale().postings.get(line=0)
    make_sale(number=2)

    def refund(number: int) -> str:
        with transaction.atomic():
            lines = payees.take_back_lines(42, USD, earned.amount, to=STRIPE, reverses=earned, source="", facts={})
            journal.post(f"refund:{number}", "refund", lines, occurred_at=NOON)
        return "done"

    assert at_once(6, refund) == {"done": 1, "OverReversed": 5}
    assert journal.balance(chart.payee(42, "pending", USD)) == earned.amount
    assert journal.balance(chart.payee(42, "owed", USD)) == 0
    assert is_clean()


def test_an_entry_without_any_guard_is_not_reversed_twice_by_two_at_once() -> None:
    entry = journal.post("fee", "fee", [Line(chart.stripe_fees(USD), STRIPE, 590_000, USD)], occurred_at=NOON).entry

    results = at_once(6, lambda number: journal.reverse(entry, key=f"undo:{number}", occurred_at=NOON).is_new)

    assert results == {"True": 1, "BadEntry": 5}
    assert journal.balance(STRIPE) == 0
    assert is_clean()


def test_two_take_backs_do_not_count_on_the_same_money() -> None:
    for number in (1, 2):
        make_sale(number=number)
    later = NOON + timedelta(days=14)
    payees.mature(later.date(), at=later)
    journal.post("payout", "payout", [Line(PAYABLE, chart.transit(USD), 8_991_000, USD)], occurred_at=later)
    sales = [Entry.objects.get(key=f"sale:{number}").postings.get(line=0) for number in (1, 2)]

    def refund(number: int) -> str:
        with transaction.atomic():
            lines = payees.take_back_lines(42, USD, 8_991_000, to=STRIPE, reverses=sales[number], source="", facts={})
            journal.post(f"refund:{number}", "refund", lines, occurred_at=later)
        return "done"

    assert at_once(2, refund) == {"done": 2}
    assert journal.balance(PAYABLE) == 0
    assert journal.balance(chart.payee(42, "owed", USD)) == 8_991_000
    assert is_clean()


def while_uncommitted(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Let `second` start when `first` has written and not yet committed."""
    written = Event()

    def work(number: int) -> str:
        if number:
            assert written.wait(timeout=30)
            second()
        else:
            with transaction.atomic():
                first()
                written.set()
                sleep(0.3)
        return "done"

    assert at_once(2, work) == {"done": 2}


def take_back(earned: Posting, amount: int, at: datetime) -> None:
    with transaction.atomic():
        lines = payees.take_back_lines(42, USD, amount, to=STRIPE, reverses=earned, source="", facts={})
        journal.post(f"refund:{earned.pk}", "refund", lines, occurred_at=at)


def test_maturity_waits_for_a_refund_that_is_being_written() -> None:
    earned, later = make_sale(number=1).postings.get(line=0), NOON + timedelta(days=14)
    make_sale(number=2, at=NOON + timedelta(days=1))

    while_uncommitted(lambda: take_back(earned, 1_000, later), lambda: payees.mature(later.date(), at=later))

    assert journal.balance(PAYABLE) == earned.amount - 1_000
    assert is_clean()


def test_a_refund_waits_for_a_payout_that_is_being_reserved() -> None:
    earned, later = make_sale().postings.get(line=0), NOON + timedelta(days=14)
    payees.mature(later.date(), at=later)
    reserve = Line(PAYABLE, chart.transit(USD), earned.amount, USD)

    while_uncommitted(
        lambda: journal.post("payout", "payout", [reserve], occurred_at=later),
        lambda: take_back(earned, earned.amount, later),
    )

    assert journal.balance(PAYABLE) == 0
    assert journal.balance(chart.payee(42, "owed", USD)) == earned.amount
    assert is_clean()


def test_maturity_by_many_workers_moves_everything_once() -> None:
    for number in range(5):
        make_sale(number=number, payee=number)
    later = NOON + timedelta(days=14)

    results = at_once(4, lambda _: payees.mature(later.date(), at=later))

    assert sum(int(count) * times for count, times in results.items()) == 5
    assert all(journal.balance(chart.payee(number, "payable", USD)) == 8_991_000 for number in range(5))
    assert is_clean()


def test_maturity_beside_sales_and_refunds_loses_nothing() -> None:
    sales = [make_sale(number=number) for number in range(6)]
    later = NOON + timedelta(days=14)

    def work(number: int) -> str:
        if number == 0:
            payees.mature(later.date(), at=later)
        elif number == 1:
            make_sale(number=100)
        else:
            earned = sales[number].postings.get(line=0)
            with transaction.atomic():
                lines = payees.take_back_lines(42, USD, 1_000, to=STRIPE, reverses=earned, source="", facts={})
                journal.post(f"refund:{number}", "refund", lines, occurred_at=later)
        return "done"

    assert at_once(6, work) == {"done": 6}
    pending, payable = journal.balance(chart.payee(42, "pending", USD)), journal.balance(PAYABLE)
    assert pending + payable == 7 * 8_991_000 - 4 * 1_000
    assert is_clean()
