"""What earns is shared by the version that was in force at its time, to the micro, whatever is signed later."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ads.revenue import settlement
from artists import plays, signing, splits
from artists.models import Album, SplitSheet
from ledger import chart, journal
from payouts import statements
from store.audit import findings
from store.cases import refunds
from store.sales import orders
from tests.ads.factories import NEXT_DAY, make_ad, make_advertiser, make_campaign, see, usd
from tests.ads.factories import NOON as AD_NOON
from tests.artists.factories import make_track
from tests.artists.signers import LEO, NINA, agree, line_of, part, send, sign
from tests.store.factories import NOON, guest, make_order, make_paid_order, make_sold_album, paid_session
from tests.users.factories import charlie, leo

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def pending(payee_id: int) -> int:
    return journal.balance(chart.payee(payee_id, "pending", "USD"))


def leos() -> int:
    return leo().payees.get().pk


def test_a_sale_and_its_refund_keep_the_version_of_the_moment_it_was_ordered() -> None:
    album = make_sold_album(10_000_000)
    nina = album.artist.payee_id
    agree(album, [part(NINA, 7_000), part(LEO, 3_000)], at=NOON)
    order = make_order(album, at=NOON + HOUR)
    agree(album, [part(NINA, 1_000), part(LEO, 9_000)], at=NOON + 2 * HOUR)
    orders.fulfil(order.pk, paid_session(order), at=NOON + 3 * HOUR)
    assert (pending(nina), pending(leos())) == (6_300_000, 2_700_000)
    make_paid_order(album, at=NOON + 3 * HOUR, by=guest("another"))
    assert (pending(nina), pending(leos())) == (7_200_000, 10_800_000)
    refunds.refund(order.pk, 1_000, "USD", at=NOON + 4 * HOUR)
    assert (pending(nina), pending(leos())) == (900_000, 8_100_000)
    year = statements.statement(leo().payees.get(), "USD", since=NOON, until=NOON + 365 * 24 * HOUR)
    assert [line.rule for line in year.lines] == [f"policy 1, album split {number}" for number in (1, 2, 1)]
    assert list(findings()) == []


def test_a_version_that_waits_or_was_declined_shares_nothing() -> None:
    album = make_sold_album(10_000_000)
    nina = album.artist.payee_id
    sheet = send(album, [part(NINA, 5_000), part(LEO, 5_000)], at=NOON)
    make_paid_order(album, at=NOON + HOUR)
    signing.decline(line_of(sheet, LEO).pk, user=None, reason="Too little.", at=NOON + HOUR)
    assert pending(nina) == 9_000_000


def test_ads_beside_music_pay_by_the_version_they_were_offered_under() -> None:
    album, ad = make_sold_album(), make_ad(make_campaign(advertiser=make_advertiser(prepaid=usd("100"))))
    nina = album.artist.payee_id

    def look(hours: int) -> None:
        see(ad, album, at=AD_NOON + hours * HOUR, shares=[list(pair) for pair in splits.current(album).pairs])

    look(0)
    agree(album, [part(NINA, 2_500), part(LEO, 7_500)], at=AD_NOON + HOUR)
    send(album, [part(LEO, 10_000)], at=AD_NOON + 2 * HOUR)
    look(3)
    settlement.settle_due(NEXT_DAY)
    # 90 % of two views of 0.006 each: the first all nina's, of the second a quarter.
    assert (pending(nina), pending(leos())) == (5_400 + 1_350, 4_050)


def test_plays_count_for_the_pool_by_the_version_they_were_heard_under() -> None:
    track = make_track(duration_ms=60_000)
    nina = track.album.artist.payee_id
    sheet = send(track.album, [part(LEO, 10_000)], at=NOON)
    plays.record(track, "user:1", NOON + HOUR, seconds=40)
    sign(sheet, LEO, at=NOON + 2 * HOUR)
    plays.record(track, "user:1", NOON + 3 * HOUR, seconds=40)
    found = plays.heard(NOON, NOON + 24 * HOUR)
    assert sorted(found.shares) == sorted([((nina, 10_000),), ((leos(), 10_000),)])


SPLITS = ((10_000, 0, 0), (5_000, 3_000, 2_000), (3_333, 3_333, 3_334), (1, 9_998, 1), (0, 1, 9_999), (6_667, 0, 3_333))
EMAILS = (NINA, LEO, "charlie@demo.megabox.test")
Deal = tuple[int, bool, int]
"""Of a deal: which split, whether everybody signed it, and how many sales come after it."""


class TestAnyDeals(TestCase):
    """Whatever is agreed and sold in whatever order."""

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        cents=st.integers(50, 20_000),
        deals=st.lists(st.tuples(st.integers(0, len(SPLITS) - 1), st.booleans(), st.integers(0, 2)), max_size=5),
    )
    def test_every_sale_is_shared_by_the_version_of_its_time_and_the_parts_sum_to_it(
        self, cents: int, deals: list[Deal]
    ) -> None:
        album = make_sold_album(cents * 10_000)
        people = {NINA: album.artist.payee_id}
        holds: dict[str, int] = {NINA: 10_000}
        at, sold = NOON, 0
        for index, is_signed, sales in deals:
            at += HOUR
            points = {email: one for email, one in zip(EMAILS, SPLITS[index], strict=True) if one}
            parts = [part(email, one) for email, one in points.items()]
            sheet = agree(album, parts, at=at) if is_signed else send(album, parts, at=at)
            if sheet.is_signed:
                holds = points
            for user in (leo(), charlie()):
                if payee := user.payees.first():
                    people[user.email] = payee.pk
            for _ in range(sales):
                at += HOUR
                self._sell(album, holds, people, at)
                sold += 1
        self._check(album, people, sold * (cents * 10_000 - cents * 1_000))

    def _sell(self, album: Album, holds: dict[str, int], people: dict[str, int], at: datetime) -> None:
        order = make_order(album, at=at, by=guest(f"at {at}"))
        assert order.lines.get().shares == [[people[email], points] for email, points in holds.items()]
        before = sum(pending(pk) for pk in people.values())
        orders.fulfil(order.pk, paid_session(order), at=NOON)
        assert sum(pending(pk) for pk in people.values()) - before == order.price_micros - order.price_micros // 10

    def _check(self, album: Album, people: dict[str, int], earned: int) -> None:
        assert sum(pending(pk) for pk in people.values()) == earned
        assert list(findings()) == []
        versions = list(SplitSheet.objects.of(album).order_by("version"))
        assert [sheet.version for sheet in versions] == list(range(1, len(versions) + 1))
        in_force = [sheet.in_force_at for sheet in versions if sheet.in_force_at]
        assert in_force == sorted(in_force)
