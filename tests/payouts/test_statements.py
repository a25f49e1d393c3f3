"""Statements: from the postings alone, to the micro, for any window."""

import csv
import io
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger import chart, journal, payees
from ledger.journal import Line
from megabox.sheets import to_csv
from payouts import reports, runs, statements
from payouts.models import Payout
from payouts.statements import EARNING, PAID, REVERSAL, WITHHELD, Places, Statement
from tests.payouts.factories import MICROS, NOON, approve, earn, make_payee, open_run
from tests.users.factories import ada

pytestmark = pytest.mark.django_db

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
LAST = datetime(2027, 1, 1, tzinfo=UTC)
FACTS = {
    "title": "Night Bus",
    "album": "Lanterns",
    "isrc": "QZMBX2600001",
    "country": "DE",
    "quantity": 1,
    "price_micros": 9_990_000,
    "tax_micros": 1_898_100,
    "rule": "policy 1",
    "share_micros": 8_991_000,
    "split_basis_points": 5_000,
}


def year(payee: object, unit: str = "USD") -> Statement:
    return statements.statement(payee, unit, since=FIRST, until=LAST)  # type: ignore[arg-type]  # a Payee


def take_back(payee_id: int, sale: journal.Posted, micros: int, at: datetime = NOON) -> None:
    posting = sale.entry.postings.get(credit__code=chart.payee(payee_id, "pending", "USD"))
    with transaction.atomic():
        lines = payees.take_back_lines(
            payee_id,
            "USD",
            micros,
            to=chart.stripe("USD"),
            reverses=posting,
            source=posting.source,
            facts=posting.facts,
        )
        journal.post(f"refund:{posting.pk}", "refund", lines, occurred_at=at)


def test_a_sale_is_a_line_with_everything_that_made_it() -> None:
    nina = make_payee()
    earn(nina, 4_495_500, facts=FACTS, is_matured=False)

    [line] = year(nina).lines

    assert (line.kind, line.title, line.album, line.isrc) == (EARNING, "Night Bus", "Lanterns", "QZMBX2600001")
    assert (line.country, line.quantity, line.rule) == ("DE", 1, "policy 1")
    assert (line.price_micros, line.tax_micros, line.share_micros) == (9_990_000, 1_898_100, 8_991_000)
    assert (line.split_percent, line.amount) == ("50", 4_495_500)
    assert line.state.startswith("being checked until")


def test_maturing_moves_the_place_and_makes_no_line() -> None:
    nina = make_payee()
    earn(nina, 5 * MICROS, is_matured=False)
    earn(nina, 7 * MICROS)

    found = year(nina)

    assert found.closing == Places(pending=5 * MICROS, payable=7 * MICROS)
    assert sorted(line.state.split()[0] for line in found.lines) == ["available", "being"]
    assert found.earnings == found.closing.total == 12 * MICROS


def test_what_is_taken_back_is_a_line_of_its_own() -> None:
    nina = make_payee()
    sale = earn(nina, 8_991_000)
    take_back(nina.pk, sale, 8_991_000)

    found = year(nina)

    assert [(line.kind, line.amount) for line in found.lines] == [(EARNING, 8_991_000), (REVERSAL, -8_991_000)]
    assert found.lines[0].state == "taken back"
    assert (found.reversals, found.closing.total) == (-8_991_000, 0)


def test_what_is_owed_after_a_payout_is_below_zero() -> None:
    nina = make_payee()
    sale = earn(nina, 60 * MICROS)
    approve(open_run())
    take_back(nina.pk, sale, 8 * MICROS)

    closing = year(nina).closing

    assert closing == Places(transit=60 * MICROS, owed=8 * MICROS)
    assert closing.total == 52 * MICROS


def test_a_reserved_payout_is_on_its_way_and_a_paid_one_is_a_line() -> None:
    nina = make_payee()
    earn(nina, 60_005_000)
    approve(open_run())
    on_its_way = year(nina)
    assert on_its_way.closing == Places(payable=5_000, transit=60 * MICROS)
    assert on_its_way.paid == 0

    payout = Payout.objects.get()
    from payouts import booking

    booking.paid(payout, at=NOON)

    found = year(nina)
    assert [(line.kind, line.amount) for line in found.lines] == [(EARNING, 60_005_000), (PAID, -60 * MICROS)]
    assert (found.paid, found.closing.total) == (-60 * MICROS, 5_000)


def test_a_cancelled_run_leaves_no_line() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    run = approve(open_run())
    runs.cancel(run.pk, by=ada(), at=NOON)

    found = year(nina)

    assert [line.kind for line in found.lines] == [EARNING]
    assert found.closing == Places(payable=60 * MICROS)


def test_withheld_tax_and_a_write_off_are_told_apart() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    payable = chart.payee(nina.pk, "payable", "USD")
    journal.post(
        "tax", "tax withheld", [Line(payable, chart.withheld("US", "USD"), 6 * MICROS, "USD")], occurred_at=NOON
    )

    found = year(nina)

    assert found.withheld == -6 * MICROS
    assert [line.kind for line in found.lines] == [EARNING, WITHHELD]


def test_any_window_continues_the_one_before_it() -> None:
    nina = make_payee()
    first = earn(nina, 20 * MICROS, at=NOON - timedelta(days=60))
    earn(nina, 40 * MICROS, at=NOON - timedelta(days=30))
    take_back(nina.pk, first, 3 * MICROS, at=NOON - timedelta(days=5))
    approve(open_run())
    edges = [NOON - timedelta(days=days) for days in (90, 61, 46, 30, 16, 5, 0)] + [NOON + timedelta(days=1)]

    windows = [
        statements.statement(nina, "USD", since=since, until=until) for since, until in itertools.pairwise(edges)
    ]

    for before, after in itertools.pairwise(windows):
        assert before.closing == after.opening
    assert windows[0].opening == Places()
    assert windows[-1].closing == statements.places(nina, "USD")


def test_a_statement_knows_nothing_of_other_payees() -> None:
    nina, other = make_payee("Nina"), make_payee("Other")
    earn(nina, 60 * MICROS)
    theirs = earn(other, 70 * MICROS)
    approve(open_run())

    assert year(nina).closing == Places(transit=60 * MICROS)
    assert statements.line(nina, theirs.entry.postings.get().pk) is None


def test_units_have_statements_of_their_own() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    earn(nina, 70 * MICROS, unit="EUR")

    assert statements.units(nina) == ["EUR", "USD"]
    assert year(nina, "EUR").earnings == 70 * MICROS


def test_the_file_ends_with_the_closing_balance_and_its_lines_sum_to_it() -> None:
    nina = make_payee()
    sale = earn(nina, 4_495_500, facts=FACTS | {"title": "=HYPERLINK(1)"})
    take_back(nina.pk, sale, 1_000_001)

    rows = list(csv.DictReader(io.StringIO(to_csv(reports.statement_table(year(nina))))))

    *lines, last = rows[1:]
    assert rows[0]["kind"] == "opening balance"
    assert [line["what"] for line in lines] == ["'=HYPERLINK(1)"] * 2
    assert [line["amount"] for line in lines] == ["4.495500", "-1.000001"]
    assert sum(int(line["amount_micros"]) for line in lines) == int(last["amount_micros"]) == 3_495_499
    assert (last["kind"], last["date"]) == ("closing balance", "2027-01-01T00:00:00Z")


def test_a_long_statement_costs_as_few_queries_as_a_short_one_and_is_read_by_the_page() -> None:
    nina = make_payee()
    queries = []
    for first, last in ((0, 3), (3, 40)):
        for number in range(first, last):
            earn(nina, 1_000_000 + number, is_matured=False)
        with CaptureQueriesContext(connection) as asked:
            found = year(nina)
            page = found.lines[1:11]
        queries.append(len(asked))
    assert queries[0] == queries[1]
    assert len(page) == 10
    assert (len(found.lines), found.earnings) == (40, sum(line.amount for line in found.lines))
    assert [line.posting_id for line in found.lines] == sorted(line.posting_id for line in found.lines)
    assert [line.amount for line in found.lines.latest(2, but=PAID)] == [1_000_039, 1_000_038]


def test_months_are_summed_by_what_was_earned_less_what_was_taken_back() -> None:
    nina = make_payee()
    sale = earn(nina, 5 * MICROS, at=NOON - timedelta(days=60))
    earn(nina, 60 * MICROS, at=NOON)
    take_back(nina.pk, sale, 1 * MICROS)
    approve(open_run())
    assert statements.by_month(nina, "USD", since=FIRST, until=LAST) == {"2026-09": 5 * MICROS, "2026-11": 59 * MICROS}
