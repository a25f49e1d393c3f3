"""Every rule of the audit finds the harm it is there for. The harm is done behind the triggers' back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction

from ledger import audit, chart, journal, payees, sql, triggers
from ledger.content import digest
from ledger.journal import Line
from ledger.models import Entry
from tests.ledger.factories import NOON, USD, make_credit_download, make_gate_view, make_sale, make_top_up

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(days=20)


def found() -> list[tuple[str, str]]:
    return [(finding.rule, finding.message) for finding in audit.findings(LATER)]


def rules() -> set[str]:
    return {rule for rule, _ in found()}


@contextmanager
def without_triggers() -> Iterator[None]:
    """Change the books as nobody should be able to."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # tables with pending checks cannot be altered
        triggers.drop(connection)
        yield
        triggers.install(connection)


def tamper(statement: str) -> None:
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(statement)


def force(key: str, *lines: Line, kind: str = "forced") -> Entry:
    """Write an entry with a true digest past every rule of the journal, as a faulty version of it might."""
    with transaction.atomic():
        entry_id = sql.insert_entry(
            key=key, kind=kind, digest=digest(kind, NOON, "", lines), why="", occurred_at=NOON, created_at=NOON
        )
        assert entry_id is not None
        ids = chart.open_all(code for line in lines for code in (line.debit, line.credit))
        rows = [(entry_id, journal.posting_row(number, line, ids, "{}")) for number, line in enumerate(lines)]
        sql.insert_postings(rows, {})
    return Entry.objects.get(key=key)


def everything() -> Entry:
    """A little of each kind of entry; returns a sale."""
    make_top_up()
    sale = make_sale(number=1)
    make_sale(number=2, at=NOON + timedelta(days=10))
    make_gate_view()
    make_credit_download()
    payees.mature(LATER.date(), at=LATER)
    with transaction.atomic():
        earned = sale.postings.get(line=0)
        lines = payees.take_back_lines(42, USD, 100, to=chart.stripe(USD), reverses=earned, source="", facts={})
        journal.post("refund", "refund", lines, occurred_at=LATER)
    journal.reverse(Entry.objects.get(key="deposit:1"), key="undo", occurred_at=LATER)
    return sale


def test_clean_books_have_no_findings() -> None:
    assert found() == []
    everything()
    assert found() == []


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE ledger_balance SET amount = amount + 1", "cached balance"),
        ("DELETE FROM ledger_balance", "cached balance"),
        ("UPDATE ledger_posting SET amount = amount + 1000 WHERE line = 0", "digests"),
        ("UPDATE ledger_posting SET source = 'store.line:1000'", "digests"),
        ('UPDATE ledger_posting SET facts = \'{"title": "other"}\'', "digests"),
        ("UPDATE ledger_posting SET matures_on = '2026-11-02' WHERE matures_on IS NOT NULL", "digests"),
        ("UPDATE ledger_entry SET occurred_at = '2026-10-01 00:00:00'", "digests"),
        ("UPDATE ledger_entry SET why = 'another reason'", "digests"),
        ("UPDATE ledger_entry SET kind = 'gift' WHERE kind = 'sale'", "digests"),
        ("DELETE FROM ledger_posting WHERE line = 1 AND reverses_id IS NULL", "digests"),
        ("UPDATE ledger_posting SET line = line + 1 WHERE line = 2", "digests"),
        ("UPDATE ledger_account SET is_guarded = false WHERE is_guarded", "chart"),
        ("UPDATE ledger_account SET code = 'bank:GBP' WHERE code = 'stripe:balance:USD'", "chart"),
        ("UPDATE ledger_account SET code = 'mattress:USD' WHERE code = 'stripe:balance:USD'", "chart"),
    ],
)
def test_tampering_with_a_row_is_found(statement: str, rule: str) -> None:
    everything()
    tamper(statement)
    assert rule in rules()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_policy SET version = 2",
        "DELETE FROM ledger_policy",
        "INSERT INTO ledger_policy SELECT 2, '1999-01-01 00:00:00', commission_basis_points, sale_maturity_days,"
        " ads_maturity_days, payout_threshold_micros, payout_threshold_min_micros FROM ledger_policy",
    ],
)
def test_policies_that_do_not_follow_each_other_are_found(statement: str) -> None:
    tamper(statement)
    assert rules() == {"policies"}


def test_more_taken_back_again_after_it_was_restored_is_found() -> None:
    deposit = make_top_up()
    back = journal.reverse(deposit, key="back", occurred_at=NOON).entry
    journal.reverse(back, key="restored", occurred_at=NOON)
    journal.reverse(deposit, key="back again", occurred_at=NOON)
    assert found() == []
    posting = deposit.postings.get()
    force("too much", Line(chart.prepaid(7, USD), STRIPE, 1, USD, reverses_id=posting.pk), kind="refund")
    assert ("reversals", f"Posting {posting.pk} moved 500000000 micros, but 500000001 are taken back.") in found()


def test_a_reversal_of_what_came_later_is_found() -> None:
    sale = make_sale()
    journal.reverse(make_top_up(), key="back", occurred_at=NOON)
    first = sale.postings.order_by("pk")[0]
    tamper(f"UPDATE ledger_posting SET reverses_id = {first.pk + 2} WHERE id = {first.pk}")
    assert "reversals" in rules()


def test_a_missing_trigger_is_found() -> None:
    triggers.drop(connection)
    assert rules() == {"triggers"}


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite cannot drop a constraint")
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE ledger_balance DROP CONSTRAINT balance_never_negative",
        "ALTER TABLE ledger_posting DROP CONSTRAINT posting_line_once",
        "ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_key_key",
    ],
)
def test_a_missing_constraint_is_found(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
    assert rules() == {"constraints"}


def test_a_line_added_to_an_old_entry_is_found() -> None:
    sale = make_sale()
    with transaction.atomic():
        ids = chart.open_all([chart.stripe(USD), chart.commission(USD)])
        row = journal.posting_row(2, Line(chart.stripe(USD), chart.commission(USD), 5, USD), ids, "{}")
        sql.insert_postings([(sale.pk, row)], {})
    assert rules() == {"digests"}


def test_a_guard_that_was_broken_for_a_moment_is_found() -> None:
    prepaid, ads, stripe = chart.prepaid(7, USD), chart.ads_revenue(USD), chart.stripe(USD)
    force("early", Line(prepaid, ads, 10, USD), Line(stripe, prepaid, 10, USD))
    assert rules() == {"guards"}


def test_a_posting_of_mixed_units_is_found() -> None:
    with without_triggers():
        force("mixed", Line(chart.stripe(USD), chart.commission("EUR"), 10, USD))
    assert rules() == {"units", "equation"}


def test_credits_without_money_are_found() -> None:
    make_gate_view()
    force("gift", Line(chart.xcr_issued(), chart.wallet(9), 1_000_000, "XCR"))
    assert (
        "backing",
        "The entry gift changes wallets by 1000000 XCR micros and the money behind them by 0 micros.",
    ) in found()


def test_a_payee_who_has_and_owes_is_found() -> None:
    payable, owed, stripe = chart.payee(42, "payable", USD), chart.payee(42, "owed", USD), chart.stripe(USD)
    journal.post("a", "x", [Line(stripe, payable, 10, USD)], occurred_at=NOON)
    journal.post("b", "x", [Line(owed, stripe, 4, USD)], occurred_at=NOON)
    journal.post("c", "x", [Line(chart.payee(43, "owed", USD), stripe, 4, USD)], occurred_at=NOON)
    assert rules() == {"owed and payable"}
    assert len(found()) == 1


PENDING, STRIPE = chart.payee(42, "pending", USD), chart.stripe(USD)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda pk: Line(PENDING, STRIPE, 5, USD), "pending"),
        (lambda pk: Line(PENDING, STRIPE, 5, USD, reverses_id=pk + 1), "pending"),
        (lambda pk: Line(chart.payee(42, "owed", USD), STRIPE, 8_991_001, USD, reverses_id=pk), "reversals"),
        (lambda pk: Line(chart.payee(43, "owed", USD), STRIPE, 5, USD, reverses_id=pk), "reversals"),
        (lambda pk: Line(chart.payee(42, "owed", "EUR"), chart.stripe("EUR"), 5, "EUR", reverses_id=pk), "reversals"),
    ],
)
def test_a_take_back_of_something_else_or_of_too_much_is_found(make: Callable[[int], Line], expected: str) -> None:
    earned = make_sale().postings.get(line=0)
    force("bad", make(earned.pk))
    assert expected in rules()


def test_a_reversal_that_is_no_mirror_is_found() -> None:
    posting = make_top_up().postings.get()
    force("bad", Line(posting.credit.code, chart.bank(USD), 5, USD, reverses_id=posting.pk), kind=journal.REVERSAL)
    assert "reversals" in rules()


def test_money_that_matured_too_early_is_found() -> None:
    make_sale()
    line = Line(PENDING, chart.payee(42, "payable", USD), 5, USD, matures_on=NOON.date())
    journal.post("mature:early", "maturity", [line], occurred_at=NOON)
    assert found() == [("maturity", f"5 micros of {PENDING} matured, but only 0 were due by 2026-11-01.")]


def test_suspense_may_be_young_but_not_old() -> None:
    suspense = chart.suspense(USD)
    journal.post("a", "x", [Line(suspense, STRIPE, 10, USD)], occurred_at=NOON)
    journal.post("b", "x", [Line(STRIPE, suspense, 10, USD)], occurred_at=NOON)
    journal.post("c", "x", [Line(suspense, STRIPE, 7, USD)], occurred_at=LATER - timedelta(days=2))
    assert found() == []

    late = list(audit.findings(LATER + timedelta(days=2)))
    assert [(each.room, each.rule) for each in late] == [("ledger", "suspense")]
