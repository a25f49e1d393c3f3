"""Refunds take back from whoever had it, to the micro, whatever came before."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ads.models import Campaign
from ledger import chart, journal, payees
from ledger.models import Entry
from store.access import library
from store.audit import findings
from store.cases import refunds, taking
from store.models import LibraryItem, Order, StripeEvent
from store.payments import waiting
from store.sales import orders
from tests.ads.factories import make_advertiser, make_campaign
from tests.artists.factories import make_artist, make_payee, make_sheet
from tests.store.factories import (
    NOON,
    event_of,
    listener,
    make_order,
    make_paid_order,
    make_sold_album,
    make_sold_track,
    music,
    paid_session,
    post_event,
    stored,
)

pytestmark = pytest.mark.django_db


def place_of(payee_id: int, place: str) -> int:
    return journal.balance(chart.payee(payee_id, place, "USD"))  # type: ignore[arg-type]  # one of the places


def test_a_full_refund_undoes_the_sale_and_takes_the_music_back() -> None:
    album = make_sold_album(10_000_000)
    order = make_paid_order(album, tax_minor=190)
    assert refunds.refund(order.pk, 1190, "USD", at=NOON)
    order.refresh_from_db()
    assert order.state == Order.State.REFUNDED
    assert not library.has(listener(), music(album))
    for code in (chart.stripe("USD"), chart.commission("USD"), chart.vat("DE", "USD")):
        assert journal.balance(code) == 0
    assert place_of(album.artist.payee_id, "pending") == 0
    assert list(findings()) == []


def test_a_refund_told_twice_or_late_changes_nothing() -> None:
    order = make_paid_order()
    assert refunds.refund(order.pk, 500, "USD", at=NOON)
    assert not refunds.refund(order.pk, 500, "USD", at=NOON)
    assert not refunds.refund(order.pk, 300, "USD", at=NOON), "Stripe tells the sum: a smaller one is older news"
    order.refresh_from_db()
    assert order.refunded_micros == 5_000_000
    assert order.state == Order.State.PAID
    assert LibraryItem.objects.exists()


def test_the_card_fee_stays_lost() -> None:
    order = make_paid_order()
    Order.objects.filter(pk=order.pk).update(fee_micros=590_000)
    journal.post(
        order.fee_key,
        "card fee",
        [journal.Line(chart.stripe_fees("USD"), chart.stripe("USD"), 590_000, "USD")],
        occurred_at=NOON,
    )
    refunds.refund(order.pk, 999, "USD", at=NOON)
    assert journal.balance(chart.stripe_fees("USD")) == 590_000
    assert journal.balance(chart.stripe("USD")) == -590_000


def test_a_refund_after_maturity_takes_from_payable_then_owed_and_never_from_another_sale() -> None:
    artist = make_artist()
    first = make_sold_album(10_000_000, artist=artist)
    second = make_sold_album(20_000_000, artist=artist)
    order = make_paid_order(first)
    payees.mature(NOON.date() + timedelta(days=14), at=NOON + timedelta(days=14))
    make_paid_order(second, at=NOON + timedelta(days=15))
    assert place_of(artist.payee_id, "payable") == 9_000_000
    refunds.refund(order.pk, 500, "USD", at=NOON + timedelta(days=16))
    assert place_of(artist.payee_id, "payable") == 4_500_000
    assert place_of(artist.payee_id, "pending") == 18_000_000


def test_two_lines_of_one_payee_do_not_count_on_the_same_payable_money() -> None:
    artist = make_artist()
    one = make_sold_album(10_000_000, artist=artist)
    two = make_sold_album(10_000_000, artist=artist)
    order = make_paid_order(one, two)
    payees.mature(NOON.date() + timedelta(days=14), at=NOON + timedelta(days=14))
    code = chart.payee(artist.payee_id, "payable", "USD")
    journal.post("paid out", "payout", [journal.Line(code, chart.transit("USD"), 12_000_000, "USD")], occurred_at=NOON)
    refunds.refund(order.pk, 2000, "USD", at=NOON + timedelta(days=20))
    assert place_of(artist.payee_id, "payable") == 0
    assert place_of(artist.payee_id, "owed") == 12_000_000


def test_a_refund_told_before_the_payment_waits_for_it() -> None:
    order = make_order()
    refund = event_of("charge.refunded", order, amount_refunded=999)
    post_event(refund)
    now = timezone.now()
    waiting.work_on_events(now)
    assert stored(refund).state == StripeEvent.State.RECEIVED
    post_event(event_of("checkout.session.completed", order))
    waiting.work_on_events(now + timedelta(hours=1))
    waiting.work_on_events(now + timedelta(hours=2))
    assert stored(refund).state == StripeEvent.State.PROCESSED
    order.refresh_from_db()
    assert order.state == Order.State.REFUNDED


def test_refund_events_in_every_order_end_the_same() -> None:
    order = make_paid_order()
    for minor in (700, 300, 999, 500):
        post_event(event_of("charge.refunded", order, amount_refunded=minor))
        waiting.work_on_events(timezone.now())
    order.refresh_from_db()
    assert order.state == Order.State.REFUNDED
    assert journal.balance(chart.stripe("USD")) == 0


def test_more_than_was_paid_is_parked() -> None:
    event = event_of("charge.refunded", make_paid_order(), amount_refunded=1_000)
    post_event(event)
    waiting.work_on_events(timezone.now())
    assert stored(event).state == StripeEvent.State.PARKED


def test_music_bought_twice_stays_while_one_payment_stands() -> None:
    album = make_sold_album()
    first, second = make_order(album), make_order(album)
    for order in (first, second):
        orders.fulfil(order.pk, paid_session(order), at=NOON)
    refunds.refund(first.pk, 999, "USD", at=NOON)
    assert library.has(listener(), music(album))
    assert list(findings()) == []
    refunds.refund(second.pk, 999, "USD", at=NOON)
    assert not library.has(listener(), music(album))


def test_a_refunded_track_leaves_nothing_for_the_audit_to_find() -> None:
    track = make_sold_track()
    order = make_paid_order(track)
    refunds.refund(order.pk, 99, "USD", at=NOON)
    assert list(findings()) == []


class TestAnyRefunds(TestCase):
    """Whatever is given back in whatever steps, in the end everything is exactly undone."""

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        cents=st.integers(50, 20_000),
        tax=st.integers(0, 400),
        points=st.lists(st.integers(1, 100), min_size=1, max_size=4),
        steps=st.lists(st.integers(1, 20_400), max_size=6),
        matures=st.booleans(),
    )
    def test_partial_refunds_add_up(
        self, cents: int, tax: int, points: list[int], steps: list[int], matures: bool
    ) -> None:
        whole = sum(points)
        shares = [10_000 * point // whole for point in points]
        shares[0] += 10_000 - sum(shares)
        album = make_sold_album(cents * 10_000)
        people = [make_payee(f"Payee {n}") for n in range(len(points))]
        make_sheet(album, list(zip(people, shares, strict=True)), at=NOON)
        order = make_paid_order(album, tax_minor=tax)
        if matures:
            payees.mature(NOON.date() + timedelta(days=14), at=NOON + timedelta(days=14))
        total = cents + tax
        at = NOON + timedelta(days=20)
        for so_far in [*(step for step in steps if step < total), total]:
            refunds.refund(order.pk, so_far, "USD", at=at)
            order.refresh_from_db()
            assert journal.balance(chart.stripe("USD")) == order.total_micros - order.refunded_micros
            left = sum(place_of(one.pk, "pending") + place_of(one.pk, "payable") for one in people)
            parts = taking.parts_of(
                order.refunded_micros, total=order.total_micros, tax=order.tax_micros, commission=cents * 1_000
            )
            assert left == cents * 9_000 - parts.payees
        for one in people:
            assert place_of(one.pk, "pending") == place_of(one.pk, "payable") == place_of(one.pk, "owed") == 0
        assert journal.balance(chart.commission("USD")) == 0
        assert Entry.objects.filter(key__startswith=f"order:{order.pk}").count() >= 2
        assert list(findings()) == []


def test_campaigns_stop_when_the_deposit_behind_them_is_given_back() -> None:
    advertiser = make_advertiser()
    order = orders.place_deposit(advertiser, 20_000_000, listener(), order_id=uuid.uuid4(), at=NOON)
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    campaign = make_campaign(advertiser=advertiser)
    refunds.refund(order.pk, 500, "USD", at=NOON)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.LIVE, "its ten dollars are still there"
    refunds.refund(order.pk, 2_000, "USD", at=NOON)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.PAUSED
