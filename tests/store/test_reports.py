"""Sales from gross to net, and refunds: what they say is what the books hold, to the micro."""

from datetime import date, timedelta

import pytest
from django.db.models import Sum

from ledger import chart, journal
from ledger.models import Account, Posting
from megabox.reporting import Filters
from megabox.tables import Table
from store import reports
from store.cases import disputes, refunds
from store.sales import fees
from store.sales.checkout import Fee
from tests.store.factories import NOON, make_order, make_paid_order, make_sold_album, make_sold_track, told

pytestmark = pytest.mark.django_db


def asked(**what: object) -> Filters:
    return Filters(**{"since": date(2026, 1, 1), "until": date(2026, 12, 31), **what})  # type: ignore[arg-type]


def lines(table: Table) -> list[dict[str, object]]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def totals(table: Table) -> dict[object, dict[str, object]]:
    names = [column.name for column in table.columns]
    found: list[dict[str, object]] = [dict(zip(names, row, strict=True)) for row in table.totals()]
    return {row["unit"]: row for row in found}


def held(prefix: str, unit: str = "USD") -> int:
    """What all accounts that begin so hold."""
    codes = Account.objects.filter(code__startswith=prefix, unit=unit).values_list("code", flat=True)
    return sum(journal.balance(code) for code in codes)


@pytest.fixture
def sold() -> None:
    """Two albums and a track, one with tax, one refunded in part; two months; a card fee."""
    lanterns = make_sold_album(title="Lanterns")
    order = make_paid_order(lanterns, tax_minor=190)
    fees._book(order, Fee(fee_minor=59, gross_minor=1_189, unit="USD", balance_transaction="txn_1"), NOON)
    other = make_paid_order(make_sold_track(), make_sold_album(title="Tides", price_micros=5_010_000))
    refunds.refund(other.pk, 301, "USD", at=NOON + timedelta(days=1))
    make_paid_order(make_sold_album(title="Tides again"), at=NOON - timedelta(days=40))
    lost = make_paid_order(make_sold_album(title="Fraud", price_micros=7_000_000))
    for fact in (told(lost), told(lost, "lost")):
        disputes.learn(lost.pk, disputes.read(fact), at=NOON + timedelta(days=3))
    make_order()  # nobody paid this one


@pytest.mark.parametrize("by", ["month", "album", "artist"])
def test_gross_less_refunds_is_tax_and_both_parts_and_each_agrees_with_the_books(sold: None, by: str) -> None:
    table = reports.sales(asked(by=by))
    for line in [*lines(table), totals(table)["USD"]]:
        numbers = {name: int(str(line[name])) for name in ("gross", "refunded", "tax", "payees", "commission")}
        assert numbers["gross"] - numbers["refunded"] == numbers["tax"] + numbers["payees"] + numbers["commission"]
    total = totals(table)["USD"]
    assert total["gross"] == 11_890_000 + 990_000 + 5_010_000 + 9_990_000 + 7_000_000
    assert total["refunded"] == 3_010_000 + 7_000_000
    assert total["tax"] == journal.balance(chart.vat("DE", "USD")) == 1_900_000
    assert total["payees"] == held("payee:")
    assert total["commission"] == journal.balance(chart.commission("USD"))
    assert total["lines"] == 5


def test_by_month_the_card_fees_are_ours(sold: None) -> None:
    table = reports.sales(asked(by="month"))
    assert [line["month"] for line in lines(table)] == ["2026-09", "2026-11"]
    total = totals(table)["USD"]
    assert total["card_fees"] == journal.balance(chart.stripe_fees("USD")) == 590_000
    assert total["ours"] == journal.balance(chart.commission("USD")) - 590_000


def test_an_album_is_found_by_its_name_and_a_track_counts_for_its_album(sold: None) -> None:
    found = lines(reports.sales(asked(by="album", text="tides")))
    assert [(line["album"], line["lines"]) for line in found] == [("Tides", 1), ("Tides again", 1)]
    assert len(lines(reports.sales(asked(by="album")))) == 6


def test_a_window_leaves_out_what_was_sold_before(sold: None) -> None:
    total = totals(reports.sales(asked(by="album", since=date(2026, 11, 1))))["USD"]
    assert total["gross"] == 24_890_000


def test_the_chart_says_what_the_table_says(sold: None) -> None:
    bars = reports._by_month(asked())
    assert bars is not None
    assert sum(bars.amounts.values()) == totals(reports.sales(asked()))["USD"]["gross"]


def test_each_refund_says_who_bore_it(sold: None) -> None:
    table = reports.refunds(asked())
    [line] = lines(table)
    parts = sum(int(str(line[name])) for name in ("tax", "commission", "payees", "advertisers"))
    assert line["refunded"] == parts == 3_010_000
    given_back = Posting.objects.filter(entry__kind="refund").aggregate(total=Sum("amount"))["total"]
    assert totals(table)["USD"]["refunded"] == given_back


def test_each_dispute_says_what_became_of_its_money(sold: None) -> None:
    opened = make_paid_order(make_sold_album(title="Doubt", price_micros=8_000_000))
    disputes.learn(opened.pk, disputes.read(told(opened)), at=NOON + timedelta(days=3))
    table = reports.disputes(asked())
    assert sorted(str(line["state"]) for line in lines(table)) == ["lost", "open"]
    total = totals(table)["USD"]
    assert (total["lost"], total["dispute"]) == (7_000_000, 2)
    assert total["open"] == journal.balance(chart.receivable("USD")) == 8_000_000
    assert total["fee"] == journal.balance(chart.dispute_fees("USD"))
