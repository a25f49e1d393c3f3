"""Every micro of a payout is of one earning, first in, first out; and every earning knows the payouts that paid it."""

from datetime import datetime, time, timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from artists.models import Payee
from ledger import chart, journal, payees
from ledger.models import Posting
from payouts import booking, tracing
from payouts.models import Payout
from tests.payouts.factories import MICROS, NOON, approve, earn, make_payee, open_run, owner_of

pytestmark = pytest.mark.django_db

EARLY = NOON - timedelta(days=60)


def earned(payee: Payee, micros: int, *, days: int = 0, matures: int = 14) -> Posting:
    """An earning so many days after EARLY, not matured yet."""
    at = EARLY + timedelta(days=days)
    line = journal.Line(
        chart.stripe("USD"),
        chart.payee(payee.pk, "pending", "USD"),
        micros,
        "USD",
        source=f"store.line:{days}",
        matures_on=(at + timedelta(days=matures)).date(),
    )
    entry = journal.post(f"sale:{payee.pk}:{days}:{micros}", "sale", [line], occurred_at=at).entry
    return Posting.objects.get(entry=entry)


def mature(days: int) -> None:
    day = (EARLY + timedelta(days=days)).date()
    payees.mature(day, at=datetime.combine(day, time(13), timezone.now().tzinfo))


def paid() -> Payout:
    """The one payout of a new run that everybody agrees on."""
    return approve(open_run()).payouts.exclude(state=Payout.State.SKIPPED).get()


def parts(payout: Payout) -> list[tuple[int, int]]:
    return [(part.posting_id, part.micros) for part in tracing.made_of(payout)]


def test_a_payout_is_made_of_the_oldest_earnings_and_the_rest_is_carried() -> None:
    nina = make_payee()
    first, second = earned(nina, 40 * MICROS), earned(nina, 20_005_000, days=1)
    mature(15)
    payout = paid()

    assert payout.amount_micros == 60 * MICROS
    assert parts(payout) == [(first.pk, 40 * MICROS), (second.pk, 20 * MICROS)]
    assert tracing.payouts_of(second) == [(payout, 20 * MICROS)]


def test_what_is_carried_is_the_first_part_of_the_next_payout() -> None:
    nina = make_payee()
    first = earned(nina, 60_005_000)
    mature(15)
    before = paid()
    booking.paid(before, at=NOON)
    Payout.objects.filter(pk=before.pk).update(state="PAID", transfer_id="tr_1", paid_at=NOON)
    before.run.__class__.objects.filter(pk=before.run_id).update(state="COMPLETED")
    second = earned(nina, 70 * MICROS, days=20)
    mature(34)
    after = paid()  # 70.005 are there: 70.00 are sent

    assert parts(before) == [(first.pk, 60 * MICROS)]
    assert parts(after) == [(first.pk, 5_000), (second.pk, 70 * MICROS - 5_000)]
    assert tracing.payouts_of(first) == [(before, 60 * MICROS), (after, 5_000)]


def test_what_was_taken_back_before_it_matured_is_in_no_payout() -> None:
    nina = make_payee()
    gone, kept = earned(nina, 9 * MICROS), earned(nina, 60 * MICROS, days=1)
    with transaction.atomic():
        lines = payees.take_back_lines(
            nina.pk, "USD", 4 * MICROS, to=chart.stripe("USD"), reverses=gone, source=gone.source, facts={}
        )
        journal.post("refund", "refund", lines, occurred_at=EARLY + timedelta(days=2))
    mature(15)

    assert parts(paid()) == [(gone.pk, 5 * MICROS), (kept.pk, 60 * MICROS)]


def test_what_settled_a_debt_reached_no_payout() -> None:
    nina = make_payee()
    old = earned(nina, 5 * MICROS)
    mature(14)
    with transaction.atomic():
        lines = payees.take_back_lines(
            nina.pk, "USD", 5 * MICROS, to=chart.stripe("USD"), reverses=old, source=old.source, facts={}
        )
        debt = journal.Line(chart.payee(nina.pk, "owed", "USD"), chart.stripe("USD"), 3 * MICROS, "USD")
        journal.post("refund", "refund", [*lines, debt], occurred_at=EARLY + timedelta(days=15))
    first, second = earned(nina, 2 * MICROS, days=20), earned(nina, 70 * MICROS, days=21)
    mature(35)

    payout = paid()
    assert tracing.payouts_of(old) == tracing.payouts_of(first) == []
    assert parts(payout) == [(second.pk, 69 * MICROS)]


def test_a_payout_that_came_back_is_named_by_the_next_one() -> None:
    nina = make_payee()
    earned(nina, 60 * MICROS)
    mature(15)
    failed = paid()
    booking.failed(failed, at=NOON)
    Payout.objects.filter(pk=failed.pk).update(state="FAILED")
    failed.run.__class__.objects.filter(pk=failed.run_id).update(state="COMPLETED_WITH_ERRORS")
    again = paid()

    given_back = Posting.objects.get(entry__key=f"payout:{failed.pk}:failed")
    assert parts(again) == [(given_back.pk, 60 * MICROS)]


def test_an_earning_that_came_late_goes_with_the_day_that_matured_it() -> None:
    nina = make_payee()
    on_time = earned(nina, 30 * MICROS)
    mature(14)
    late = earned(nina, 31 * MICROS, days=2, matures=3)  # its day is covered already: it matures with the next
    mature(16)
    assert tracing.maturity_of(on_time) != tracing.maturity_of(late)
    assert parts(paid()) == [(on_time.pk, 30 * MICROS), (late.pk, 31 * MICROS)]


def test_whatever_happens_the_parts_sum_to_the_payout() -> None:
    nina = make_payee()
    for number in range(1, 30):
        earned(nina, 3 * MICROS + number * 7, days=number % 11, matures=14 + number % 5)
    for day in range(14, 32, 3):
        mature(day)
    earn(make_payee("Somebody else"), 1 * MICROS)

    payout = paid()
    found = tracing.made_of(payout)
    assert sum(part.micros for part in found) == payout.amount_micros
    for part in found:
        posting = Posting.objects.get(pk=part.posting_id)
        assert 0 < part.micros <= posting.amount
        assert (payout, part.micros) in tracing.payouts_of(posting)


def test_nothing_is_traced_of_what_is_still_pending() -> None:
    posting = earned(make_payee(), 5 * MICROS)
    assert tracing.maturity_of(posting) is None
    assert tracing.uses_of(posting) == []


def test_artists_follow_a_line_to_its_payout_and_a_payout_to_its_lines(client: Client) -> None:
    payee = make_payee("Nova Kit")
    client.force_login(owner_of(payee))
    first = earned(payee, 60_005_000)
    mature(15)
    payout = paid()
    booking.paid(payout, at=NOON)
    Payout.objects.filter(pk=payout.pk).update(state="PAID", transfer_id="tr_1", paid_at=NOON)
    page = client.get(f"/studio/earnings/lines/{first.pk}/").text
    assert "Payouts that took it" in page
    assert "$60.00" in page
    line = Posting.objects.get(entry__key=f"payout:{payout.pk}:paid")
    assert f"/studio/earnings/lines/{first.pk}/" in client.get(f"/studio/earnings/lines/{line.pk}/").text
