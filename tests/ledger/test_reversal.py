"""Taking entries back by their mirror, in whole and in part."""

from datetime import date

import pytest

from ledger import audit, chart, journal, payees
from ledger.journal import Line
from tests.ledger.factories import NOON, USD, make_credit_download, make_gate_view, make_sale, make_top_up

pytestmark = pytest.mark.django_db

PENDING = chart.payee(42, "pending", USD)


def test_a_reversal_mirrors_every_line_and_leaves_all_balances_as_they_were() -> None:
    sale = make_sale()
    posted = journal.reverse(sale, key="undo", occurred_at=NOON, why="typed twice")

    mirror = [(p.debit.code, p.credit.code, p.amount, p.reverses_id) for p in posted.entry.postings.order_by("line")]
    assert mirror == [(p.credit.code, p.debit.code, p.amount, p.pk) for p in sale.postings.order_by("-line")]
    assert journal.balance(PENDING) == journal.balance(chart.commission(USD)) == journal.balance(chart.stripe(USD)) == 0
    assert list(audit.findings(NOON)) == []


def test_the_same_reversal_again_is_the_old_one() -> None:
    sale = make_sale()
    first = journal.reverse(sale, key="undo", occurred_at=NOON)
    again = journal.reverse(sale, key="undo", occurred_at=NOON)

    assert (again.entry, again.is_new) == (first.entry, False)


def test_a_reversal_under_a_used_key_is_refused() -> None:
    sale, other = make_sale(number=1), make_sale(number=2)
    journal.reverse(other, key="undo", occurred_at=NOON)

    for key in ("undo", "sale:2"):
        with pytest.raises(journal.KeyReused):
            journal.reverse(sale, key=key, occurred_at=NOON)


def test_parts_are_taken_back_until_nothing_is_left() -> None:
    top_up = make_top_up(amount=100)
    journal.reverse(top_up, key="part", occurred_at=NOON, amounts={0: 30})
    assert journal.balance(chart.prepaid(7, USD)) == 70

    with pytest.raises(journal.OverReversed):
        journal.reverse(top_up, key="too much", occurred_at=NOON, amounts={0: 71})
    assert journal.reverse(top_up, key="part", occurred_at=NOON, amounts={0: 30}).is_new is False

    journal.reverse(top_up, key="rest", occurred_at=NOON)
    assert journal.balance(chart.prepaid(7, USD)) == 0
    with pytest.raises(journal.BadEntry, match="moves nothing"):
        journal.reverse(top_up, key="again", occurred_at=NOON)
    assert list(audit.findings(NOON)) == []


def test_what_was_restored_can_be_taken_back_again() -> None:
    top_up = make_top_up(amount=100)
    taken = journal.reverse(top_up, key="1", occurred_at=NOON)
    journal.reverse(taken.entry, key="2", occurred_at=NOON)
    assert journal.balance(chart.prepaid(7, USD)) == 100

    journal.reverse(top_up, key="3", occurred_at=NOON)
    assert journal.balance(chart.prepaid(7, USD)) == 0
    with pytest.raises(journal.BadEntry):
        journal.reverse(top_up, key="4", occurred_at=NOON)
    assert list(audit.findings(NOON)) == []


def test_credits_that_were_spent_cannot_be_mirrored_away() -> None:
    view = make_gate_view()
    make_credit_download()

    with pytest.raises(journal.Overdraft):
        journal.reverse(view, key="undo", occurred_at=NOON)


def test_an_earning_that_matured_cannot_be_mirrored_out_of_another_sale() -> None:
    sale = make_sale(number=1)
    payees.mature(date(2026, 11, 15), at=NOON.replace(day=15))
    make_sale(number=2, at=NOON.replace(day=15))
    assert journal.balance(PENDING) == 8_991_000

    with pytest.raises(journal.NotPending):
        journal.reverse(sale, key="undo", occurred_at=NOON)
    assert journal.balance(PENDING) == 8_991_000


def test_a_reversal_in_another_unit_is_refused() -> None:
    posting = make_top_up().postings.get()
    line = Line(chart.prepaid(7, "EUR"), chart.stripe("EUR"), 1, "EUR", reverses_id=posting.pk)

    with pytest.raises(journal.BadEntry, match="in EUR"):
        journal.post("undo", "refund", [line], occurred_at=NOON)


def test_an_undone_take_back_matures_with_the_earning_it_restores() -> None:
    sale = make_sale().postings.get(line=0)
    line = Line(PENDING, chart.stripe(USD), 1_000, USD, reverses_id=sale.pk)
    refund = journal.post("refund", "refund", [line], occurred_at=NOON).entry

    restored = journal.reverse(refund, key="refund failed", occurred_at=NOON).entry.postings.get()

    assert restored.matures_on == sale.matures_on
    payees.mature(date(2026, 11, 15), at=NOON.replace(day=15))
    assert journal.balance(chart.payee(42, "payable", USD)) == 8_991_000
    assert list(audit.findings(NOON.replace(day=15))) == []
