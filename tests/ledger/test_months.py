"""Closed months: nothing occurs in them any more, and what every account held at their end is kept."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from ledger import audit, chart, journal, months, payees, reading, triggers
from ledger.journal import Line
from ledger.models import Entry, Month, Posting, Snapshot, SnapshotLine
from ledger.refusals import ClockWentBack, MonthNotOver
from ledger.reports import trial_balance
from megabox.reporting import Filters
from tests.ledger.factories import NOON, USD, make_gate_view, make_sale, make_top_up
from tests.ledger.test_concurrency import at_once

NOVEMBER, DECEMBER, JANUARY = date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)
CLOSING = datetime(2026, 12, 8, tzinfo=UTC)
PREPAID, STRIPE = chart.prepaid(7, USD), chart.stripe(USD)


def deposit(key: str, at: datetime, amount: int = 100) -> journal.Posted:
    return journal.post(key, "deposit", [Line(STRIPE, PREPAID, amount, USD)], occurred_at=at)


def rules() -> set[str]:
    return {finding.rule for finding in audit.findings(CLOSING)}


# --- closing


@pytest.mark.django_db
def test_nothing_can_be_booked_in_a_closed_month() -> None:
    deposit("before", NOON)
    assert months.close(NOVEMBER, at=CLOSING)

    with pytest.raises(journal.MonthClosed, match=r"November 2026 are closed.*as an adjustment"):
        deposit("late", datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=UTC))

    assert journal.balance(PREPAID) == 100
    assert Entry.objects.count() == 1
    assert deposit("adjustment", datetime(2026, 12, 1, tzinfo=UTC)).is_new
    assert rules() == set()


@pytest.mark.django_db
def test_a_refused_entry_leaves_the_callers_transaction_alive() -> None:
    months.close(NOVEMBER, at=CLOSING)
    with transaction.atomic():
        with pytest.raises(journal.MonthClosed):
            deposit("late", NOON)
        deposit("adjustment", CLOSING)
    assert journal.balance(PREPAID) == 100


@pytest.mark.django_db
def test_months_before_a_closed_one_are_closed_too() -> None:
    months.close(NOVEMBER, at=CLOSING)
    with pytest.raises(journal.MonthClosed):
        deposit("late", datetime(2025, 1, 1, tzinfo=UTC))
    assert months.is_closed(date(2026, 10, 31))
    assert months.is_closed(date(2026, 11, 30))
    assert not months.is_closed(DECEMBER)


@pytest.mark.django_db
def test_a_repeat_of_what_is_booked_already_is_welcome_in_a_closed_month() -> None:
    first = deposit("deposit", NOON)
    months.close(NOVEMBER, at=CLOSING)
    assert deposit("deposit", NOON) == journal.Posted(first.entry, is_new=False)


@pytest.mark.django_db
def test_the_database_itself_refuses_a_closed_month() -> None:
    months.close(NOVEMBER, at=CLOSING)
    with pytest.raises(IntegrityError, match="closed month"), transaction.atomic():
        Entry.objects.create(key="raw", kind="raw", digest="0" * 64, occurred_at=NOON, created_at=timezone.now())


@pytest.mark.django_db
def test_a_month_is_not_closed_while_it_runs() -> None:
    with pytest.raises(MonthNotOver, match="November 2026 is not over yet"):
        months.close(NOVEMBER, at=datetime(2026, 11, 30, 23, 59, tzinfo=UTC))
    assert deposit("deposit", NOON).is_new


@pytest.mark.django_db
def test_a_month_is_closed_once() -> None:
    assert months.close(NOVEMBER, at=CLOSING)
    assert not months.close(date(2026, 11, 17), at=CLOSING + timedelta(days=1))
    assert not months.close(date(2026, 10, 1), at=CLOSING)
    assert Month.objects.count() == 1


@pytest.mark.django_db
def test_a_clock_that_went_back_closes_nothing() -> None:
    months.close(DECEMBER, at=datetime(2027, 3, 1, tzinfo=UTC))
    with pytest.raises(ClockWentBack, match="set the clock right"):
        months.close(JANUARY, at=datetime(2027, 2, 8, tzinfo=UTC))
    assert not months.is_closed(JANUARY)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Month, Snapshot, SnapshotLine])
def test_closed_months_and_snapshots_are_never_changed_or_deleted(model: Any) -> None:
    deposit("deposit", NOON)
    months.close(NOVEMBER, at=CLOSING)
    column = model._meta.get_field("credits" if model is SnapshotLine else "month").attname
    for change in (f"UPDATE {model._meta.db_table} SET {column} = {column}", f"DELETE FROM {model._meta.db_table}"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


# --- what is kept


@pytest.mark.django_db
def test_a_snapshot_keeps_what_every_account_held() -> None:
    make_top_up()
    make_sale()
    make_gate_view()
    deposit("in December", datetime(2026, 12, 1, tzinfo=UTC))

    months.close(NOVEMBER, at=CLOSING)

    kept = {line.account.code: line.credits - line.debits for line in SnapshotLine.objects.select_related("account")}
    assert kept[PREPAID] == 500_000_000
    assert kept[STRIPE] == -509_990_000
    assert kept[chart.wallet(9)] == 6_000_000
    assert sum(amount for code, amount in kept.items() if code.endswith(USD)) == 0


@pytest.mark.django_db
def test_each_snapshot_goes_on_from_the_one_before() -> None:
    deposit("November", NOON, 100)
    months.close(NOVEMBER, at=CLOSING)
    deposit("December", CLOSING, 20)
    months.close(DECEMBER, at=datetime(2027, 1, 8, tzinfo=UTC))
    deposit("January", datetime(2027, 1, 9, tzinfo=UTC), 3)

    ends = [datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)]
    assert [journal.balance(PREPAID, at=at - timedelta(microseconds=1)) for at in ends] == [100, 120]
    assert [journal.balance(STRIPE, at=at) for at in ends] == [100, 120]
    assert journal.balance(STRIPE) == 123
    assert rules() == set()


@pytest.mark.django_db
def test_what_was_posted_out_of_order_is_found_on_its_own_day() -> None:
    """A day's ads are posted in the days after it: ids do not follow the days."""
    deposit("3 December", datetime(2026, 12, 3, tzinfo=UTC), 1)
    deposit("30 November", datetime(2026, 11, 30, 12, tzinfo=UTC), 10)
    deposit("4 December", datetime(2026, 12, 4, tzinfo=UTC), 100)
    months.close(NOVEMBER, at=CLOSING)
    deposit("2 December, late", datetime(2026, 12, 2, tzinfo=UTC), 1_000)

    def at(day: int) -> int:
        return journal.balance(STRIPE, at=datetime(2026, 12, day, tzinfo=UTC))

    assert [at(day) for day in (1, 2, 3, 4)] == [10, 1_010, 1_011, 1_111]
    november = journal.statement([STRIPE], since=NOON, until=datetime(2026, 12, 1, tzinfo=UTC))
    assert [line.key for line in november.lines] == ["30 November"]
    december = journal.statement([STRIPE], since=datetime(2026, 12, 1, tzinfo=UTC), until=CLOSING)
    assert (december.opening, december.closing, len(december.lines)) == (10, 1_111, 3)
    assert {row[0]: row[-1] for row in trial_balance(Filters(NOVEMBER, date(2026, 12, 1))).rows}[STRIPE] == 10


@pytest.mark.django_db
def test_a_balance_reads_only_what_came_since_the_last_snapshot(django_assert_num_queries: Any) -> None:
    for number in range(30):
        deposit(f"deposit:{number}", NOON)
    months.close(NOVEMBER, at=CLOSING)
    deposit("December", CLOSING)
    month = Month.objects.get()

    with django_assert_num_queries(5) as asked:
        assert journal.balance(STRIPE) == 3_100

    for query in asked.captured_queries[-2:]:
        assert f'"ledger_posting"."id" >= {month.first_after}' in query["sql"]
    assert Posting.objects.filter(pk__gte=month.first_after).count() == 1


@pytest.mark.django_db
def test_a_month_that_was_closed_by_a_process_that_died_is_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    deposit("deposit", NOON)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ledger.sql.insert_snapshot_lines", die)
        with pytest.raises(KeyboardInterrupt):
            months.close(NOVEMBER, at=CLOSING)
    assert months.is_closed(NOVEMBER)
    assert not Snapshot.objects.exists()
    assert "snapshots" in rules()
    assert journal.balance(STRIPE, at=CLOSING) == 100

    assert not months.close(NOVEMBER, at=CLOSING)
    assert Snapshot.objects.count() == 1
    assert journal.balance(STRIPE, at=CLOSING) == 100
    assert rules() == set()


# --- what the audit sees


@pytest.mark.django_db
def test_the_audit_sees_a_snapshot_that_was_changed() -> None:
    deposit("deposit", NOON)
    months.close(NOVEMBER, at=CLOSING)
    triggers.drop(connection)
    SnapshotLine.objects.filter(account__code=PREPAID).update(credits=101)
    assert rules() - {"triggers"} == {"snapshots"}


@pytest.mark.django_db
def test_the_audit_sees_an_entry_that_came_after_the_closing() -> None:
    months.close(NOVEMBER, at=CLOSING)
    triggers.drop(connection)
    deposit("by the back door", NOON)
    assert rules() - {"triggers"} == {"closed months", "snapshots"}


# --- many at once


def while_uncommitted(first: Callable[[], object], second: Callable[[], object]) -> dict[str, int]:
    """Let `second` start when `first` has written and not yet committed."""
    written, started = Event(), Event()

    def work(number: int) -> str:
        if number:
            assert written.wait(timeout=30)
            started.set()
            second()
        else:
            with transaction.atomic():
                first()
                written.set()
                started.wait(timeout=30)
                Event().wait(0.3)
        return "done"

    return dict(at_once(2, work))


@pytest.mark.django_db(transaction=True)
def test_closing_waits_for_an_entry_that_is_being_written() -> None:
    deposit("first", NOON)

    results = while_uncommitted(lambda: deposit("second", NOON), lambda: months.close(NOVEMBER, at=CLOSING))

    assert results == {"done": 2}
    assert SnapshotLine.objects.get(account__code=PREPAID).credits == 200
    assert rules() == set()


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_waited_for_the_closing_is_refused() -> None:
    deposit("first", NOON)

    results = while_uncommitted(lambda: months.close(NOVEMBER, at=CLOSING), lambda: deposit("late", NOON))

    assert results == {"done": 1, "MonthClosed": 1}
    assert journal.balance(PREPAID) == 100
    assert rules() == set()


@pytest.mark.django_db(transaction=True)
def test_a_month_is_closed_once_by_many_at_once() -> None:
    deposit("deposit", NOON)

    results = at_once(6, lambda _: months.close(NOVEMBER, at=CLOSING))

    assert results == {"True": 1, "False": 5}
    assert Snapshot.objects.count() == 1
    assert rules() == set()


@pytest.mark.django_db(transaction=True)
def test_closing_beside_sales_loses_nothing() -> None:
    in_december = datetime(2026, 12, 2, tzinfo=UTC)

    def work(number: int) -> str:
        if number == 0:
            months.close(NOVEMBER, at=CLOSING)
        for step in range(5):
            at = NOON if (number + step) % 2 else in_december
            try:
                make_sale(number=number * 10 + step, at=at)
            except journal.MonthClosed:
                make_sale(number=number * 10 + step, at=in_december)
        return "done"

    assert at_once(6, work) == {"done": 6}
    later = in_december + timedelta(days=20)
    payees.mature(later.date(), at=later)
    assert journal.balance(chart.payee(42, "payable", USD)) == 30 * 8_991_000
    assert reading.balance(STRIPE) == 30 * 9_990_000
    assert rules() == set()
