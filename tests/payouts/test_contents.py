"""What a run contains: the same as the sum of all postings up to its mark, however it is read, in a few queries."""

import contextlib
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import chart, journal, marks
from ledger import policy as policies
from ledger.journal import Line
from ledger.models import Posting
from payouts import contents, runs
from payouts.models import Payout
from tests.payouts.factories import MICROS, NOON, approve, earn, make_payee, open_run
from tests.users.factories import ada

pytestmark = pytest.mark.django_db

PLACES = ("payable", "owed", "hold")
moves = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 3]),
        st.sampled_from(PLACES),
        st.sampled_from(["USD", "EUR"]),
        st.integers(min_value=1, max_value=9_999_999),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)
_keys = iter(range(10**9))


def move(payee_id: int, place: Any, unit: str, micros: int, is_in: bool) -> None:
    """Money in or out of a payee's place; what the books refuse does not happen."""
    code, bank = chart.payee(payee_id, place, unit), chart.bank(unit)
    debit, credit = (bank, code) if is_in == (place != "owed") else (code, bank)
    with contextlib.suppress(journal.Overdraft):
        journal.post(f"move:{next(_keys)}", "move", [Line(debit, credit, micros, unit)], occurred_at=NOON)


def summed(place: str, unit: str, mark: int) -> dict[int, int]:
    """The plain second opinion: every posting up to the mark, one by one."""
    sums: dict[int, int] = {}
    for posting in Posting.objects.filter(pk__lte=mark).select_related("debit", "credit"):
        for account, sign in ((posting.credit, 1), (posting.debit, -1)):
            owner, _, rest = account.code.removeprefix("payee:").partition(":")
            if rest == f"{place}:{unit}":
                sums[int(owner)] = sums.get(int(owner), 0) + sign * posting.amount * (-1 if place == "owed" else 1)
    return sums


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=moves, after=moves)
def test_the_cached_balance_less_what_came_later_is_the_sum_up_to_the_mark(before: Any, after: Any) -> None:
    for one in before:
        move(*one)
    mark = Posting.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    for one in after:
        move(*one)

    for place in PLACES:
        for unit in ("USD", "EUR"):
            expected = {payee: micros for payee, micros in summed(place, unit, mark).items() if micros}
            found = {payee: micros for payee, micros in marks.payees_at(place, unit, mark).items() if micros}  # type: ignore[arg-type]  # a place
            assert found == expected


def test_reading_what_is_payable_is_one_statement_however_much_was_earned() -> None:
    for number in range(3):
        nina = make_payee(f"Payee {number}")
        for _ in range(3):
            earn(nina, 20 * MICROS)
    mark = Posting.objects.order_by("-pk").values_list("pk", flat=True)[0]

    with CaptureQueriesContext(
        connection,
    ) as queries:
        contents.payable_at("USD", mark)

    assert len(queries) == 1


def test_a_payee_more_costs_a_run_no_query_more() -> None:
    counts = []
    for number in range(2):
        for each in range(1 + 9 * number):
            earn(make_payee(f"Payee {number}.{each}"), 60 * MICROS)
        with CaptureQueriesContext(connection) as computing:
            run = open_run()
        with CaptureQueriesContext(connection) as approving:
            approve(run)
        with CaptureQueriesContext(connection) as executing:
            runs.execute(run.pk, by=ada(), at=NOON)
        assert run.payouts.filter(state=Payout.State.RESERVED).count() == 1 + 9 * number
        counts.append((len(computing), len(approving), len(executing)))

    [few, many] = counts
    assert many[1] <= few[1] and many[2] <= few[2]
    assert many[0] <= few[0] + 1  # the unit's accounts and the last run are read once more


def test_cancelling_a_run_of_many_costs_no_query_a_payee() -> None:
    counts = []
    for number in range(2):
        for each in range(1 + 9 * number):
            earn(make_payee(f"Payee {number}.{each}"), 60 * MICROS)
        run = approve(open_run())
        with CaptureQueriesContext(connection) as queries:
            runs.cancel(run.pk, by=ada(), at=NOON)
        counts.append(len(queries))

    assert counts[1] <= counts[0]


def test_reading_thousands_of_payees_is_split_but_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        earn(make_payee(f"Payee {number}"), 60 * MICROS)
    policy, mark = policies.current(NOON), Posting.objects.aggregate(last=Sum("pk"))["last"]
    whole = contents.compute("USD", mark, policy, NOON)

    monkeypatch.setattr(contents, "AT_ONCE", 2)

    assert contents.compute("USD", mark, policy, NOON) == whole
    assert len(whole) == 5


def test_the_stored_rows_hash_to_what_was_computed() -> None:
    earn(make_payee(), 60 * MICROS)
    earn(make_payee("Low"), 1 * MICROS)
    run = open_run()

    assert contents.stored_hash(run) == run.content_hash
    run.payouts.filter(state=Payout.State.PROPOSED).update(destination="acct_thief")
    assert contents.stored_hash(run) != run.content_hash
