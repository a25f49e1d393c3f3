"""What we owe, by payee, by when it matures and by how long it could have been paid."""

from datetime import date, timedelta

import pytest

from ledger import chart, journal
from ledger.models import Account
from megabox.reporting import Filters
from megabox.tables import Table
from payouts import liabilities
from tests.payouts.factories import MICROS, NOON, approve, earn, make_payee, open_run

pytestmark = pytest.mark.django_db

TODAY = NOON.date()


def ageing(until: date = TODAY, **what: str) -> Table:
    return liabilities.ageing(Filters(until, until, **what))


def lines(table: Table) -> list[dict[str, object]]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def test_what_matures_is_told_by_when() -> None:
    nina = make_payee()
    for days in (10, 3):
        journal.post(
            f"sale:{days}",
            "sale",
            [
                journal.Line(
                    chart.stripe("USD"),
                    chart.payee(nina.pk, "pending", "USD"),
                    days * MICROS,
                    "USD",
                    matures_on=NOON.date() + timedelta(days=14 - days),
                )
            ],
            occurred_at=NOON - timedelta(days=days),
        )
    earn(nina, 5 * MICROS, is_matured=False, at=NOON - timedelta(days=1))

    [line] = lines(ageing())

    assert (line["due_7_days"], line["due_14_days"], line["due_later"]) == (10 * MICROS, 3 * MICROS, 5 * MICROS)
    assert line["total"] == journal.balance(chart.payee(nina.pk, "pending", "USD"))


def test_what_can_be_paid_is_aged_first_in_first_out() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS, at=NOON - timedelta(days=130))
    earn(nina, 5 * MICROS, at=NOON - timedelta(days=60))
    earn(nina, 7 * MICROS, at=NOON - timedelta(days=20))
    [line] = lines(ageing())
    assert [line[name] for name in ("payable_30_days", "payable_60_days", "payable_90_days", "payable_older")] == [
        7 * MICROS,
        5 * MICROS,
        0,
        60 * MICROS,
    ]

    approve(open_run())  # takes all of it, in whole cents

    assert lines(ageing()) == []


def test_a_past_day_is_what_the_books_knew_then() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    approve(open_run())
    [line] = lines(ageing(NOON.date() - timedelta(days=1)))
    assert line["payable_30_days"] == 60 * MICROS


def test_the_totals_are_all_that_the_books_owe_payees() -> None:
    for number in range(3):
        payee = make_payee(f"Payee {number}")
        earn(payee, 60 * MICROS + number, is_matured=number == 1)
        earn(payee, 7 * MICROS, unit="EUR", at=NOON - timedelta(days=100))
    table = ageing()
    names = [column.name for column in table.columns]
    for row in table.totals():
        total = dict(zip(names, row, strict=True))
        codes = Account.objects.filter(code__startswith="payee:", unit=total["unit"])
        held = sum(journal.balance(code) for code in codes.values_list("code", flat=True))
        parts = [name for name in names if name.startswith(("due", "payable"))]
        assert total["total"] == held == sum(int(str(total[name])) for name in parts)


def test_a_payee_is_found_by_name_and_unit() -> None:
    earn(make_payee("Zoë"), 1 * MICROS)
    earn(make_payee("Nina"), 1 * MICROS)
    assert [line["payee"] for line in lines(ageing(text="zo"))] == ["Zoë"]
    assert lines(ageing(unit="EUR")) == []
