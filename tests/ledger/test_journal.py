"""Posting, repeating, refusing and reversing entries."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger import audit, chart, journal
from ledger.journal import Line
from ledger.models import Account, Balance, Entry, Posting
from tests.ledger.factories import NOON, USD, make_credit_download, make_gate_view, make_sale, make_top_up

pytestmark = pytest.mark.django_db

STRIPE, COMMISSION, PREPAID, ADS = (
    chart.stripe(USD),
    chart.commission(USD),
    chart.prepaid(7, USD),
    chart.ads_revenue(USD),
)
WALLET = chart.wallet(9)


def line(amount: int = 1_000_000, **changes: Any) -> Line:
    return Line(**{"debit": STRIPE, "credit": COMMISSION, "amount": amount, "unit": USD, **changes})


def test_an_entry_keeps_all_that_was_said() -> None:
    facts = {"title": "Ünïcode ♫", "quantity": 2, "tax": None, "rule": ["a", True], "at": {"country": "DE"}}
    posted = journal.post(
        "sale:77", "sale", [line(source="store.line:77", facts=facts)], occurred_at=NOON, why="Order 12"
    )

    assert posted.is_new
    entry = Entry.objects.get(key="sale:77")
    assert entry == posted.entry
    assert (entry.kind, entry.why, entry.occurred_at) == ("sale", "Order 12", NOON)
    posting = entry.postings.get()
    assert (posting.debit.code, posting.credit.code, posting.amount, posting.unit) == (
        STRIPE,
        COMMISSION,
        1_000_000,
        USD,
    )
    assert (posting.source, posting.facts, posting.line) == ("store.line:77", facts, 0)


def test_the_same_entry_again_is_the_old_entry_even_a_minute_later() -> None:
    first = make_sale()
    again = make_sale(at=NOON + timedelta(minutes=1))

    assert again == first
    assert again.occurred_at == NOON
    assert Entry.objects.count() == 1
    assert journal.balance(COMMISSION) == 999_000


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 2},
        {"credit": ADS},
        {"source": "store.line:78"},
        {"facts": {"quantity": 2}},
        {"debit": chart.bank(USD)},
    ],
)
def test_a_key_with_other_content_is_refused(other: dict[str, Any]) -> None:
    journal.post("k", "sale", [line(amount=1, facts={"quantity": 1})], occurred_at=NOON)

    with pytest.raises(journal.KeyReused, match="'k'"):
        journal.post("k", "sale", [line(**{"amount": 1, "facts": {"quantity": 1}, **other})], occurred_at=NOON)
    with pytest.raises(journal.KeyReused):
        journal.post("k", "other kind", [line(amount=1, facts={"quantity": 1})], occurred_at=NOON)
    with pytest.raises(journal.KeyReused):
        journal.post("k", "sale", [line(amount=1, facts={"quantity": 1})], occurred_at=NOON, why="other reason")


@pytest.mark.parametrize(
    ("bad", "because"),
    [
        ({"amount": 0}, "above zero"),
        ({"amount": -5}, "above zero"),
        ({"amount": 1.5}, "whole number"),
        ({"amount": True}, "whole number"),
        ({"amount": 2**63}, "above zero"),
        ({"credit": STRIPE}, "same account"),
        ({"facts": {"price": 9.99}}, "whole numbers"),
        ({"facts": {"when": NOON}}, "whole numbers"),
        ({"facts": {"deep": [{"price": 0.5}]}}, "whole numbers"),
        ({"facts": {1: "x"}}, "names are text"),
        ({"facts": {"title": "NUL \0"}}, "cannot be stored"),
        ({"source": "\ud83d"}, "cannot be stored"),
        ({"source": "x" * 101}, "101 characters"),
        ({"reverses_id": 404}, "no posting 404"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(bad: dict[str, Any], because: str) -> None:
    with pytest.raises(journal.BadEntry, match=because):
        journal.post("k", "sale", [line(**bad)], occurred_at=NOON)
    assert not Entry.objects.exists()


def test_an_entry_needs_lines_and_a_key() -> None:
    with pytest.raises(journal.BadEntry, match="moves nothing"):
        journal.post("k", "sale", [], occurred_at=NOON)
    with pytest.raises(journal.BadEntry, match="key"):
        journal.post("", "sale", [line()], occurred_at=NOON)
    with pytest.raises(journal.BadEntry, match="201 characters"):
        journal.post("k" * 201, "sale", [line()], occurred_at=NOON)


@pytest.mark.parametrize(
    "code", ["bank", "bank:usd", "bank:XCR", "payee:42:pocket:USD", "wallet:9:credits:USD", "pool:2026-13:USD"]
)
def test_an_account_that_the_chart_does_not_have_is_refused(code: str) -> None:
    with pytest.raises(journal.UnknownCode):
        journal.post("k", "sale", [line(debit=code, unit=code[-3:])], occurred_at=NOON)
    with pytest.raises(journal.UnknownCode):
        journal.balance(code)


def test_units_never_mix() -> None:
    with pytest.raises(journal.UnitMismatch):
        journal.post("k", "sale", [line(unit="EUR")], occurred_at=NOON)
    with pytest.raises(journal.UnitMismatch):
        journal.post("k", "sale", [line(debit=chart.stripe("EUR"))], occurred_at=NOON)


def test_credits_move_only_with_the_money_behind_them() -> None:
    issue = Line(chart.xcr_issued(), WALLET, 6_000_000, "XCR")
    reward = Line(chart.listener_rewards(USD), chart.backing(USD), 6_000, USD)

    with pytest.raises(journal.Unbacked):
        journal.post("k", "gate", [issue], occurred_at=NOON)
    with pytest.raises(journal.Unbacked):
        journal.post("k", "gate", [reward], occurred_at=NOON)
    with pytest.raises(journal.BadEntry, match="whole number of micros of money"):
        journal.post("k", "gate", [Line(chart.xcr_issued(), WALLET, 6_000_001, "XCR"), reward], occurred_at=NOON)
    assert journal.post("k", "gate", [issue, reward], occurred_at=NOON).is_new


def test_a_merge_of_two_wallets_needs_no_money() -> None:
    make_gate_view(wallet=1)
    journal.post("merge", "merge", [Line(chart.wallet(1), chart.wallet(2), 6_000_000, "XCR")], occurred_at=NOON)

    assert (journal.balance(chart.wallet(1)), journal.balance(chart.wallet(2))) == (0, 6_000_000)


def test_a_guarded_account_never_goes_below_zero_and_nothing_is_left_behind() -> None:
    make_top_up(amount=10)
    with pytest.raises(journal.Overdraft) as refusal:
        journal.post("k", "ads", [line(amount=5), line(amount=11, debit=PREPAID, credit=ADS)], occurred_at=NOON)

    assert (refusal.value.code, refusal.value.available, refusal.value.wanted) == (PREPAID, 10, 11)
    assert journal.entry_for("k") is None
    assert (journal.balance(PREPAID), journal.balance(COMMISSION)) == (10, 0)
    journal.post("k", "ads", [line(amount=10, debit=PREPAID, credit=ADS)], occurred_at=NOON)
    assert journal.balance(PREPAID) == 0


def test_what_a_payee_owes_never_goes_below_zero() -> None:
    owed, payable = chart.payee(42, "owed", USD), chart.payee(42, "payable", USD)
    journal.post("loss", "refund", [line(debit=owed, credit=STRIPE, amount=5)], occurred_at=NOON)
    assert journal.balance(owed) == 5

    with pytest.raises(journal.Overdraft):
        journal.post("k", "write-off", [line(debit=chart.clawback_loss(USD), credit=owed, amount=6)], occurred_at=NOON)
    assert journal.balance(payable) == 0


def test_guards_hold_after_every_line_not_only_at_the_end() -> None:
    spend, earn = line(debit=PREPAID, credit=ADS), line(credit=PREPAID)

    with pytest.raises(journal.Overdraft):
        journal.post("k", "x", [spend, earn], occurred_at=NOON)
    assert journal.post("k", "x", [earn, spend], occurred_at=NOON).is_new


def test_a_refusal_leaves_the_callers_transaction_usable() -> None:
    with transaction.atomic():
        with pytest.raises(journal.Overdraft):
            journal.post("k", "ads", [line(debit=PREPAID, credit=ADS)], occurred_at=NOON)
        make_sale()
    assert Entry.objects.count() == 1


def test_a_post_undone_with_its_transaction_leaves_nothing() -> None:
    with transaction.atomic():
        make_sale()
        transaction.set_rollback(True)
    assert not Entry.objects.exists()
    assert not Account.objects.exists()


def test_only_guarded_accounts_have_a_cached_balance() -> None:
    make_sale()
    assert set(Balance.objects.values_list("account__code", flat=True)) == {chart.payee(42, "pending", USD)}


def queries_of(count: int, key: str) -> int:
    lines = [
        line(credit=chart.payee(payee, "pending", USD), amount=payee, matures_on=date(2026, 11, 15), facts={"n": payee})
        for payee in range(1, count + 1)
    ]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        journal.post(key, "pool", lines, occurred_at=NOON)
    return len(queries)


def test_a_post_costs_the_same_queries_for_one_line_as_for_thousands() -> None:
    queries_of(1, "warm up")
    few = queries_of(1, "one")
    assert queries_of(3_000, "first use of many accounts") <= few + 4
    assert queries_of(3_000, "many") == few
    assert few <= 11
    assert Posting.objects.count() == 6_002
    assert list(audit.findings(NOON)) == []


# --- reading


def test_an_account_that_was_never_used_is_empty() -> None:
    assert journal.balance(PREPAID) == journal.balance(COMMISSION) == journal.balance(COMMISSION, at=NOON) == 0


def test_every_account_grows_on_its_own_side() -> None:
    make_gate_view()
    make_credit_download()
    for code in (chart.unsettled(USD), ADS, chart.listener_rewards(USD)):
        assert journal.balance(code) == 6_000
    assert journal.balance(chart.xcr_issued()) == 6_000_000
    assert journal.balance(chart.xcr_spent()) == 5_000_000
    assert journal.balance(WALLET) == 1_000_000


def test_the_balance_of_a_past_moment_includes_that_moment() -> None:
    for day in (1, 2, 3):
        make_top_up(number=day, amount=day * 100, at=datetime(2026, 11, day, tzinfo=UTC))
    for code in (PREPAID, STRIPE):
        assert journal.balance(code, at=datetime(2026, 10, 31, tzinfo=UTC)) == 0
        assert journal.balance(code, at=datetime(2026, 11, 2, tzinfo=UTC)) == 300
        assert journal.balance(code, at=datetime(2026, 11, 2, tzinfo=UTC) - timedelta(microseconds=1)) == 100
        assert journal.balance(code) == 600


def test_a_statement_opens_moves_and_closes() -> None:
    for day in (1, 2, 3, 4):
        make_sale(number=day, at=datetime(2026, 11, day, tzinfo=UTC))
    pending = chart.payee(42, "pending", USD)

    found = journal.statement(
        [pending], since=datetime(2026, 11, 2, tzinfo=UTC), until=datetime(2026, 11, 4, tzinfo=UTC)
    )

    assert (found.opening, found.closing, found.unit) == (8_991_000, 3 * 8_991_000, USD)
    assert [(each.key, each.amount, each.other_code, each.source) for each in found.lines] == [
        ("sale:2", 8_991_000, STRIPE, "store.line:2"),
        ("sale:3", 8_991_000, STRIPE, "store.line:3"),
    ]


def test_a_statement_of_several_accounts_cancels_what_moves_between_them() -> None:
    make_sale(at=NOON)
    sale = Posting.objects.get(line=0)
    pending, payable, owed = (chart.payee(42, place, USD) for place in ("pending", "payable", "owed"))
    hold = chart.payee(42, "hold", USD)
    journal.post(
        "hold", "hold", [line(debit=pending, credit=hold, amount=1_000, reverses_id=sale.pk)], occurred_at=NOON
    )
    journal.post("lost", "lost", [line(debit=owed, credit=STRIPE, amount=500)], occurred_at=NOON)

    found = journal.statement([pending, payable, hold, owed], since=NOON, until=NOON + timedelta(days=1))

    assert [each.amount for each in found.lines] == [8_991_000, -1_000, 1_000, -500]
    assert (found.opening, found.closing) == (0, 8_990_500)


def test_the_statement_of_accounts_never_used_is_empty() -> None:
    found = journal.statement([PREPAID], since=NOON, until=NOON + timedelta(days=1))
    assert (found.opening, found.lines, found.closing) == (0, (), 0)
