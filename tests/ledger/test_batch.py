"""Many entries at once: each what `journal.post` would have made of it, and all or none."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger import audit, batch, chart, journal, months
from ledger.batch import Draft
from ledger.journal import Line
from ledger.models import Entry, Posting

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
USD = "USD"


def _deposit(number: int, micros: int = 1_000, key: str = "") -> Draft:
    lines = [
        Line(chart.stripe(USD), chart.prepaid(7, USD), micros, USD, f"store.line:{number}", {"n": number}),
        Line(chart.stripe_fees(USD), chart.stripe(USD), 10, USD),
    ]
    return Draft(key or f"deposit:{number}", "deposit", lines, NOON)


def _earned(number: int, micros: int) -> Draft:
    lines = [
        Line(chart.prepaid(7, USD), chart.ads_revenue(USD), micros, USD),
        Line(chart.payee_ad_share(USD), chart.payee(number, "pending", USD), micros, USD, matures_on=date(2026, 11, 8)),
    ]
    return Draft(f"earned:{number}", "ads settled", lines, NOON)


def _written() -> list[tuple[Any, ...]]:
    return list(
        Posting.objects.order_by("entry__key", "line").values_list(
            "entry__key",
            "entry__digest",
            "line",
            "debit__code",
            "credit__code",
            "amount",
            "source",
            "facts",
            "matures_on",
        )
    )


def test_many_at_once_say_the_same_as_one_by_one() -> None:
    drafts = [_deposit(1), _deposit(2, 2_000), _earned(1, 2_500), _earned(2, 500)]
    assert batch.post_all(drafts) == 4
    at_once = _written()
    for draft in drafts:  # the same key and the same content: the digest is the one that `post` makes
        assert not journal.post(draft.key, draft.kind, draft.lines, occurred_at=draft.occurred_at).is_new
    assert _written() == at_once
    assert journal.balance(chart.prepaid(7, USD)) == 0
    assert journal.balance(chart.payee(1, "pending", USD)) == 2_500
    assert [entry.key for entry in Entry.objects.order_by("pk")] == [draft.key for draft in drafts]
    assert list(audit.findings()) == []


def test_a_guard_that_breaks_in_the_last_of_them_writes_none() -> None:
    with pytest.raises(journal.Overdraft) as short:
        batch.post_all([_deposit(1), _earned(1, 600), _earned(2, 600)])
    assert (short.value.available, short.value.wanted) == (400, 600)
    assert not Entry.objects.exists()
    assert journal.balance(chart.prepaid(7, USD)) == 0


def test_what_was_posted_before_is_not_posted_again() -> None:
    assert batch.post_all([_deposit(1)]) == 1
    assert batch.post_all([_deposit(1), _deposit(2), _deposit(3)]) == 2
    assert batch.post_all([_deposit(1), _deposit(2), _deposit(3)]) == 0
    assert journal.balance(chart.prepaid(7, USD)) == 3_000
    with pytest.raises(journal.KeyReused):
        batch.post_all([_deposit(4), _deposit(5, key="deposit:1")])
    assert Entry.objects.count() == 3
    assert list(audit.findings()) == []


def test_the_same_key_twice_in_one_call_is_one_entry_or_refused() -> None:
    assert batch.post_all([_deposit(1), _deposit(1)]) == 1
    with pytest.raises(journal.KeyReused):
        batch.post_all([_deposit(2), _deposit(3, key="deposit:2")])
    assert Entry.objects.count() == 1


def test_a_closed_month_takes_none_of_them() -> None:
    batch.post_all([_deposit(1)])
    months.close(NOON.date(), at=datetime(2026, 12, 8, tzinfo=UTC))
    with pytest.raises(journal.MonthClosed):
        batch.post_all([_deposit(2)])
    assert Entry.objects.count() == 1


def test_what_could_never_be_posted_is_refused() -> None:
    mixed = Line(chart.stripe(USD), chart.commission("EUR"), 1, USD)
    with pytest.raises(journal.UnitMismatch):
        batch.post_all([_deposit(1), Draft("mixed", "sale", [mixed], NOON)])
    assert not Entry.objects.exists()


def test_a_hundred_entries_cost_as_many_statements_as_two() -> None:
    def cost(first: int, count: int) -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            batch.post_all([_deposit(first + number) for number in range(count)])
        return len([query for query in found if "INSERT INTO ledger_entry" not in query["sql"]])

    batch.post_all([_deposit(0)])
    assert cost(1, 2) == cost(10, 100)
