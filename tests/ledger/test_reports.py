"""The trial balance, the general ledger and the policy log agree with the journal, to the micro."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from ledger import chart, corrections, journal, reports, words
from ledger.models import Account
from megabox.reporting import Filters
from megabox.tables import Row, Table
from tests.ledger.factories import NOON, make_credit_download, make_gate_view, make_sale, make_top_up

pytestmark = pytest.mark.django_db

DAY = NOON.date()


def asked(**what: object) -> Filters:
    return Filters(**{"since": DAY - timedelta(days=400), "until": DAY + timedelta(days=1), **what})  # type: ignore[arg-type]


def lines(table: Table) -> list[dict[str, object]]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def named(table: Table, row: Row) -> dict[str, object]:
    return dict(zip([column.name for column in table.columns], row, strict=True))


@pytest.fixture
def books() -> None:
    """Two sales, a deposit, a view for credits and what they bought, on two days and in two currencies."""
    make_sale()
    make_sale(price=990_001, payee=43, number=2, at=NOON - timedelta(days=40))
    make_sale(price=5_000_000, payee=43, number=3, unit="EUR")
    make_top_up()
    make_gate_view()
    make_credit_download()


def test_every_balance_of_the_trial_balance_is_the_journals(books: None) -> None:
    found = lines(reports.trial_balance(asked()))
    assert {line["account"] for line in found} == set(
        Account.objects.filter(debits__isnull=False).values_list("code", flat=True)
    ) | set(Account.objects.filter(credits__isnull=False).values_list("code", flat=True))
    for line in found:
        assert line["balance"] == journal.balance(str(line["account"]))


def test_accounts_say_in_words_what_they_are(books: None) -> None:
    for table in (reports.trial_balance(asked()), reports.general_ledger(asked())):
        named_so = {line["account"]: line["words"] for line in lines(table)}
        assert all(named_so.values())
        assert named_so["payee:43:pending:EUR"] == "Payee 43: earned, being checked"
        assert named_so["xcr:issued:XCR"] == "Credits issued"
    assert reports.general_ledger(asked(text="stripe:balance:USD")).note == "Our balance at Stripe"


def test_every_family_of_the_chart_has_words() -> None:
    codes = [
        *(chart.payee(1, place, "USD") for place in chart.PLACES),
        *(code("USD") for code in (chart.stripe, chart.bank, chart.receivable, chart.suspense, chart.unsettled)),
        *(code("USD") for code in (chart.transit, chart.backing, chart.preorders, chart.commission, chart.ads_revenue)),
        *(code("USD") for code in (chart.stripe_fees, chart.dispute_fees, chart.payee_ad_share, chart.publishers)),
        *(code("USD") for code in (chart.listener_rewards, chart.clawback_loss)),
        *(code(1, "USD") for code in (chart.prepaid, chart.advertiser_owed, chart.escrow)),
        *(code("DE", "USD") for code in (chart.vat, chart.withheld)),
        *(code() for code in (chart.xcr_issued, chart.xcr_spent, chart.xcr_expired, chart.xcr_revoked)),
        chart.pool("2026-11", "USD"),
        chart.wallet(1),
    ]
    found = {code: words.of(code) for code in codes}
    assert all(found.values())
    assert len(set(found.values())) == len(codes)
    assert words.of("nothing:of:ours:USD") == ""


def test_debits_and_credits_agree_in_every_unit(books: None) -> None:
    table = reports.trial_balance(asked())
    totals = [named(table, row) for row in table.totals()]
    assert [total["unit"] for total in totals] == ["EUR", "USD", "XCR"]
    assert [total["net"] for total in totals] == [0, 0, 0]
    assert all(total["debits"] == total["credits"] for total in totals)


def test_the_trial_balance_of_a_past_day_is_what_the_journal_knew_then(books: None) -> None:
    past = DAY - timedelta(days=30)
    found = lines(reports.trial_balance(asked(until=past)))
    assert {line["account"] for line in found} == {
        "payee:43:pending:USD",
        "rev:commission:USD",
        "stripe:balance:USD",
    }
    at = NOON - timedelta(days=30)
    assert all(line["balance"] == journal.balance(str(line["account"]), at=at) for line in found)


def test_an_account_runs_from_its_opening_to_its_closing_balance(books: None) -> None:
    code = chart.stripe("USD")
    table = reports.general_ledger(asked(text=code, since=DAY))
    [opening], [closing] = table.before, table.after
    assert named(table, opening)["balance"] == journal.balance(code, at=NOON - timedelta(days=1)) == 990_001
    assert named(table, closing)["balance"] == journal.balance(code)
    running = 990_001
    for line in lines(table):
        running += int(str(line["amount"]))
        assert line["balance"] == running
    assert running == journal.balance(code)
    [total] = table.totals()
    assert named(table, total)["amount"] == journal.balance(code) - 990_001


def test_an_account_that_grows_by_credits_runs_the_other_way(books: None) -> None:
    code = chart.payee(42, "pending", "USD")
    table = reports.general_ledger(asked(text=code))
    assert [line["amount"] for line in lines(table)] == [8_991_000, 4_500]
    assert named(table, table.after[0])["balance"] == journal.balance(code)


def test_a_window_without_a_line_still_has_its_balances(books: None) -> None:
    code = chart.stripe("USD")
    later = DAY + timedelta(days=30)
    table = reports.general_ledger(asked(text=code, since=later, until=later))
    assert lines(table) == []
    assert {named(table, row)["balance"] for row in (*table.before, *table.after)} == {journal.balance(code)}


def test_accounts_are_found_by_how_they_begin(books: None) -> None:
    found = lines(reports.general_ledger(asked(text="payee:", since=DAY)))
    assert [(line["account"], line["opening"], line["closing"]) for line in found] == [
        ("payee:43:pending:EUR", 0, 4_500_000),
        ("payee:42:pending:USD", 0, 8_995_500),
        ("payee:43:pending:USD", 891_001, 891_001),
    ]


def test_tax_is_told_by_country_from_opening_to_what_is_owed() -> None:
    def book(key: str, debit: str, credit: str, micros: int, days: int = 0) -> None:
        line = journal.Line(debit, credit, micros, "EUR")
        journal.post(key, "tax", [line], occurred_at=NOON + timedelta(days=days))

    german, cash = chart.vat("DE", "EUR"), chart.stripe("EUR")
    book("before", cash, german, 100, days=-30)
    book("collected", cash, german, 1_900)
    book("refunded", german, cash, 400)
    book("paid", german, chart.bank("EUR"), 100)
    book("moved", german, chart.vat("FR", "EUR"), 7)

    [france, germany] = sorted(
        lines(reports.taxes(asked(since=DAY))), key=lambda line: str(line["country"]), reverse=True
    )
    assert (germany["opening"], germany["collected"], germany["refunded"], germany["paid"]) == (100, 1_900, -400, -100)
    assert (germany["other"], germany["closing"]) == (-7, journal.balance(german))
    assert (france["other"], france["closing"]) == (7, journal.balance(chart.vat("FR", "EUR")))
    assert [line["country"] for line in lines(reports.taxes(asked(text="fr")))] == ["FR"]


def test_the_adjustments_are_what_took_back_came_late_or_was_explained() -> None:
    sale = make_sale(at=timezone.now())
    journal.reverse(sale, key="undo", occurred_at=timezone.now(), why="sold twice by mistake")
    make_sale(number=2, at=timezone.now() - timedelta(days=3))
    make_sale(number=3, at=timezone.now())
    today = timezone.now().date()
    table = corrections.adjustments(Filters(today - timedelta(days=30), today))
    found = lines(table)
    assert [line["what"] for line in found] == ["late"] * 2 + ["taken back"] * 2
    assert {line["why"] for line in found[2:]} == {"sold twice by mistake"}
    assert {line["takes_back"] for line in found[2:]} == set(sale.postings.values_list("pk", flat=True))
    assert named(table, table.totals()[0])["amount"] == 2 * 9_990_000
    assert len(corrections.adjustments(Filters(today - timedelta(days=30), today, text="twice")).rows) == 2


def test_the_policies_are_listed_and_nothing_of_them_is_summed() -> None:
    table = reports.policies(Filters(date.min, date.max))
    assert lines(table)[0]["commission"] == 1_000
    assert table.totals() == []


def test_the_last_of_many_lines_costs_as_little_as_the_first(books: None) -> None:
    for number in range(10, 40):
        make_sale(number=number)
    rows = reports.general_ledger(asked(text=chart.stripe("USD"))).rows
    assert len(rows) == 65
    assert len(rows[60:90]) == 5
