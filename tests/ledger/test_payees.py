"""Maturing, taking back and settling what is owed."""

from datetime import date, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger import audit, chart, journal, payees
from ledger.journal import Line
from ledger.models import Entry, Posting
from tests.ledger.factories import NOON, USD, make_credit_download, make_gate_view, make_sale, matures

pytestmark = pytest.mark.django_db

SHARE = 8_991_000  # of a sale at 9.99
STRIPE = chart.stripe(USD)


def places(payee: int = 42, unit: str = USD) -> tuple[int, int, int]:
    """What a payee has pending, payable and owed."""
    pending, payable, owed = (
        journal.balance(chart.payee(payee, place, unit)) for place in ("pending", "payable", "owed")
    )
    return pending, payable, owed


def earned(sale: Entry) -> Posting:
    return sale.postings.get(line=0)


def mature(days: int) -> int:
    at = NOON + timedelta(days=days)
    return payees.mature(at.date(), at=at)


def take_back(sale: Entry, amount: int, *, key: str = "refund", at: datetime = NOON) -> Entry:
    with transaction.atomic():
        lines = payees.take_back_lines(
            42, USD, amount, to=STRIPE, reverses=earned(sale), source="store.line:1", facts={"why": "refund"}
        )
        return journal.post(key, "refund", lines, occurred_at=at).entry


def owe(amount: int, *, key: str = "lost") -> None:
    line = Line(chart.payee(42, "owed", USD), STRIPE, amount, USD)
    journal.post(key, "lost", [line], occurred_at=NOON)


def is_clean() -> bool:
    return list(audit.findings(NOON)) == []


# --- maturity


def test_a_sale_is_payable_on_its_fourteenth_day_and_not_before() -> None:
    make_sale()
    assert mature(13) == 0
    assert places() == (SHARE, 0, 0)
    assert mature(14) == 1
    assert places() == (0, SHARE, 0)
    assert is_clean()


def test_maturing_a_day_twice_moves_nothing_new() -> None:
    make_sale()
    assert mature(14) == 1
    assert mature(14) == 0
    assert places() == (0, SHARE, 0)


def test_the_key_of_a_maturity_names_payee_unit_and_day() -> None:
    make_sale()
    mature(20)
    posting = Posting.objects.get(entry__key="mature:42:USD:2026-11-21")
    assert (posting.entry.kind, posting.matures_on) == ("maturity", date(2026, 11, 21))


def test_days_that_were_missed_mature_together() -> None:
    for number in range(5):
        make_sale(number=number, at=NOON + timedelta(days=number))
    assert mature(16) == 1
    assert places() == (2 * SHARE, 3 * SHARE, 0)
    assert mature(30) == 1
    assert places() == (0, 5 * SHARE, 0)
    assert is_clean()


def test_payees_and_units_mature_apart() -> None:
    make_sale(number=1)
    make_sale(number=2, payee=43)
    make_sale(number=3, unit="EUR")
    assert mature(14) == 3
    assert places(42) == places(43) == places(42, "EUR") == (0, SHARE, 0)


def test_ads_mature_before_sales_of_the_same_day() -> None:
    make_gate_view()
    make_credit_download()
    make_sale(number=2)
    assert mature(7) == 1
    assert places() == (SHARE, 4_500, 0)


def test_what_is_posted_after_its_day_was_covered_matures_with_the_next_day() -> None:
    make_sale(number=1)
    mature(15)
    make_sale(number=2, price=10_000_000)  # its webhook came late
    assert mature(15) == 0
    assert places() == (9_000_000, SHARE, 0)
    assert mature(16) == 1
    assert places() == (0, SHARE + 9_000_000, 0)
    assert is_clean()


def test_what_is_posted_after_its_day_was_covered_can_be_taken_back_from_pending() -> None:
    make_sale(number=1)
    mature(15)
    late = make_sale(number=2)
    take_back(late, SHARE)
    assert places() == (0, SHARE, 0)
    assert is_clean()


def test_an_earlier_day_after_a_later_one_moves_nothing() -> None:
    make_sale(number=1)
    make_sale(number=2, at=NOON + timedelta(days=1))
    mature(15)
    at = NOON + timedelta(days=15)
    assert payees.mature(matures(NOON, 14), at=at) == 0
    assert places() == (0, 2 * SHARE, 0)


def test_what_was_taken_back_does_not_mature() -> None:
    sale = make_sale(number=1)
    make_sale(number=2, at=NOON + timedelta(days=1))
    take_back(sale, 1_000_000)
    assert places() == (2 * SHARE - 1_000_000, 0, 0)
    mature(14)
    assert places() == (SHARE, SHARE - 1_000_000, 0)
    assert is_clean()


def test_what_was_taken_from_a_later_sale_does_not_hold_up_an_earlier_one() -> None:
    make_sale(number=1)
    later = make_sale(number=2, at=NOON + timedelta(days=1))
    take_back(later, SHARE)
    mature(14)
    assert places() == (0, SHARE, 0)
    mature(15)
    assert places() == (0, SHARE, 0)
    assert is_clean()


def test_what_is_held_does_not_mature() -> None:
    sale = make_sale()
    pending, hold = chart.payee(42, "pending", USD), chart.payee(42, "hold", USD)
    held = Line(pending, hold, 2_000_000, USD, reverses_id=earned(sale).pk)
    journal.post("dispute", "dispute", [held], occurred_at=NOON)
    mature(14)
    assert places() == (0, SHARE - 2_000_000, 0)
    assert journal.balance(hold) == 2_000_000


def test_maturity_settles_first_what_is_owed() -> None:
    owe(1_000_000)
    make_sale()
    mature(14)
    assert places() == (0, SHARE - 1_000_000, 0)
    assert is_clean()


def test_maturity_of_less_than_is_owed_leaves_nothing_payable() -> None:
    owe(10_000_000)
    make_sale()
    mature(14)
    assert places() == (0, 0, 10_000_000 - SHARE)
    assert is_clean()


def test_a_day_that_has_not_come_cannot_mature() -> None:
    make_sale()
    with pytest.raises(AssertionError, match="not come yet"):
        payees.mature(matures(NOON, 14), at=NOON)


def test_pending_money_needs_a_day() -> None:
    line = Line(STRIPE, chart.payee(42, "pending", USD), 1, USD)
    with pytest.raises(journal.NeverMatures):
        journal.post("k", "sale", [line], occurred_at=NOON)


# --- take-back


def test_a_take_back_finds_the_sale_while_it_is_pending() -> None:
    sale = make_sale()
    entry = take_back(sale, SHARE)
    posting = entry.postings.get()
    assert (posting.debit.code, posting.credit.code) == (chart.payee(42, "pending", USD), STRIPE)
    assert (posting.reverses, posting.source, posting.facts) == (earned(sale), "store.line:1", {"why": "refund"})
    assert places() == (0, 0, 0)


def test_a_take_back_never_touches_another_sales_pending() -> None:
    old = make_sale(number=1)
    mature(14)
    make_sale(number=2, at=NOON + timedelta(days=14))
    take_back(old, SHARE)
    assert places() == (SHARE, 0, 0)
    assert is_clean()


def test_a_take_back_goes_from_pending_to_payable_to_owed() -> None:
    ripe, young = make_sale(number=1), make_sale(number=2, at=NOON + timedelta(days=5), price=5_000_000)
    mature(14)
    reserve = Line(chart.payee(42, "payable", USD), chart.transit(USD), SHARE - 1_000_000, USD)
    journal.post("payout", "payout", [reserve], occurred_at=NOON)
    assert places() == (4_500_000, 1_000_000, 0)

    take_back(ripe, 1_500_000, key="1")
    assert places() == (4_500_000, 0, 500_000)  # money in transit counts as gone
    take_back(young, 4_500_000, key="2")
    assert places() == (0, 0, 500_000)
    take_back(ripe, SHARE - 1_500_000, key="3")
    assert places() == (0, 0, SHARE - 1_000_000)
    assert is_clean()


def test_nothing_is_taken_back_twice() -> None:
    sale = make_sale()
    take_back(sale, SHARE - 1)
    with pytest.raises(journal.OverReversed):
        take_back(sale, 2, key="again")
    take_back(sale, 1, key="rest")
    assert places() == (0, 0, 0)


def test_a_take_back_without_an_earning_leaves_pending_alone() -> None:
    make_sale()
    with transaction.atomic():
        lines = payees.take_back_lines(42, USD, 100, to=STRIPE, reverses=None, source="", facts={})
        journal.post("k", "refund", lines, occurred_at=NOON)
    assert places() == (SHARE, 0, 100)


def test_taking_back_nothing_makes_no_lines() -> None:
    with transaction.atomic():
        assert payees.take_back_lines(42, USD, 0, to=STRIPE, reverses=None, source="", facts={}) == []


@pytest.mark.parametrize("names", ["nothing", "another sale's", "a commission"])
def test_pending_money_leaves_only_by_naming_its_earning(names: str) -> None:
    sale, other = make_sale(number=1), make_sale(number=2, payee=43)
    reverses = {"nothing": None, "another sale's": earned(other).pk, "a commission": sale.postings.get(line=1).pk}[
        names
    ]
    line = Line(chart.payee(42, "pending", USD), STRIPE, 1_000, USD, reverses_id=reverses)

    with pytest.raises(journal.NotPending):
        journal.post("k", "refund", [line], occurred_at=NOON)


# --- owed


def test_what_is_owed_is_settled_from_what_came_back() -> None:
    make_sale()
    mature(14)
    payable, transit = chart.payee(42, "payable", USD), chart.transit(USD)
    journal.post("reserve", "payout", [Line(payable, transit, SHARE, USD)], occurred_at=NOON)
    owe(1_000_000)
    journal.post("failed", "payout", [Line(transit, payable, SHARE, USD)], occurred_at=NOON)
    assert not is_clean()

    posted = payees.settle_owed(42, USD, key="settle:1", at=NOON)

    assert posted is not None
    assert posted.is_new
    assert places() == (0, SHARE - 1_000_000, 0)
    assert payees.settle_owed(42, USD, key="settle:1", at=NOON) is None
    assert is_clean()


# --- holding for a case


def hold(sale: Entry, amount: int, *, key: str = "case") -> list[Posting]:
    with transaction.atomic():
        lines = payees.hold_lines(42, USD, amount, reverses=earned(sale), source="case:1", facts={})
        return list(journal.post(key, "opened", lines, occurred_at=NOON).entry.postings.select_related("credit"))


def held() -> int:
    return journal.balance(chart.payee(42, "hold", USD))


def test_a_case_holds_what_is_pending_of_its_sale_and_it_does_not_mature() -> None:
    sale = make_sale()
    make_sale(number=2)
    hold(sale, SHARE)
    mature(14)
    assert (*places(), held()) == (0, SHARE, 0, SHARE)
    assert is_clean()


def test_a_case_holds_only_what_is_there() -> None:
    sale = make_sale()
    mature(14)
    spent = Line(chart.payee(42, "payable", USD), chart.transit(USD), 5_000_000, USD)
    journal.post("payout", "payout", [spent], occurred_at=NOON)
    make_sale(number=2)
    hold(sale, SHARE)
    assert (*places(), held()) == (SHARE, 0, 0, SHARE - 5_000_000)
    assert is_clean()


def test_what_is_held_is_taken_first_and_what_is_released_can_be_taken_again() -> None:
    sale = make_sale()
    (kept,) = hold(sale, 3_000_000)
    with transaction.atomic():
        lines = payees.take_back_lines(
            42, USD, 4_000_000, to=STRIPE, reverses=earned(sale), source="case:1", facts={}, held=2_000_000
        )
        lines.append(payees.release_line(kept, 1_000_000))
        journal.post("lost", "lost", lines, occurred_at=NOON)
    assert (*places(), held()) == (SHARE - 5_000_000, 1_000_000, 0, 0)
    take_back(sale, SHARE - 4_000_000)
    assert (*places(), held()) == (0, 0, 0, 0)
    assert is_clean()


def test_more_than_an_earning_is_neither_held_nor_released() -> None:
    sale = make_sale()
    (kept,) = hold(sale, SHARE)
    with pytest.raises(journal.OverReversed):
        journal.post("again", "won", [payees.release_line(kept, SHARE + 1)], occurred_at=NOON)
    assert payees.hold_lines(42, USD, 0, reverses=earned(sale), source="case:2", facts={}) == []


# --- giving up, and tax


def test_writing_off_is_our_loss_and_never_more_than_is_owed() -> None:
    owe(2_000_000)
    payees.write_off(42, USD, 1_500_000, key="w1", source="s", why="Gone.", at=NOON)
    assert places() == (0, 0, 500_000)
    assert journal.balance(chart.clawback_loss(USD)) == 1_500_000
    with pytest.raises(journal.Overdraft):
        payees.write_off(42, USD, 500_001, key="w2", source="s", why="Gone.", at=NOON)
    assert is_clean()


def test_tax_is_withheld_from_what_is_payable() -> None:
    make_sale()
    mature(14)
    payees.withhold(42, USD, 2_697_300, country="US", key="t1", source="s", why="30 %", at=NOON)
    assert places() == (0, SHARE - 2_697_300, 0)
    assert journal.balance(chart.withheld("US", USD)) == 2_697_300
    with pytest.raises(journal.Overdraft):
        payees.withhold(42, USD, SHARE, country="US", key="t2", source="s", why="", at=NOON)
    assert is_clean()


def test_maturing_many_payees_costs_as_few_queries_as_one() -> None:
    def asked(payees_count: int, day: int) -> int:
        for payee in range(payees_count):
            make_sale(payee=100 + payee, number=day * 1_000 + payee, at=NOON + timedelta(days=day))
        with CaptureQueriesContext(connection) as queries:
            assert mature(day + 14) == payees_count
        return len(queries)

    asked(40, 0)  # opens their accounts
    # SQLite lives in the process: there, inserting an entry is a statement of its own that costs no round trip.
    own = 0 if connection.vendor == "postgresql" else 38
    assert asked(40, 2) - asked(2, 1) == own
