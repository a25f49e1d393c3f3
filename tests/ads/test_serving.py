"""What is served: who is a candidate, what a listener saw already, and how old the picture of it may be."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from pytest_django import DjangoAssertNumQueries

from ads.delivery import hours, serving, snapshots
from ads.delivery.serving import Context
from ads.models import Ad, Campaign, CampaignDay, Place, ServedHour
from tests.ads.factories import DAY, NOON, make_ad, make_campaign, make_wallet, watch
from tests.artists.factories import make_artist


@pytest.mark.django_db
def test_only_live_campaigns_with_approved_ads_are_candidates() -> None:
    shown = make_ad()
    make_ad(review=Ad.Review.PENDING)
    make_ad(media_state=Ad.MediaState.WANTED)
    make_ad(make_campaign(live=False))
    assert [one.ad_id for one in snapshots.current(NOON).candidates] == [shown.pk]


@pytest.mark.django_db
def test_the_days_cap_counts_what_was_spent_today() -> None:
    campaign = make_campaign(daily_cap_micros=20_000)
    make_ad(campaign)
    CampaignDay.objects.create(campaign=campaign, day=DAY, spent_micros=15_000)
    assert serving.pick(Place.GATE, Context(), NOON) == []
    assert len(serving.pick(Place.GATE, Context(), NOON + timedelta(days=1))) == 1


@pytest.mark.django_db
def test_a_listener_sees_a_campaign_so_often_a_day_and_again_tomorrow() -> None:
    ad, wallet = make_ad(make_campaign(frequency_cap=2)), make_wallet()
    for minute in (0, 10):
        watch(ad, wallet, at=NOON + timedelta(minutes=minute))

    def picked(at_hours: int) -> int:
        at = NOON + timedelta(hours=at_hours)
        return len(serving.pick(Place.GATE, serving.context_for(wallet, at), at))

    assert picked(1) == 0
    assert picked(13) == 1
    context = serving.context_for(wallet, NOON + timedelta(minutes=11))
    assert context.recent_ads == frozenset([ad.pk])
    assert serving.context_for(wallet, NOON + timedelta(minutes=20)).recent_ads == frozenset()


@pytest.mark.django_db
def test_the_snapshot_is_read_every_few_seconds_and_not_for_every_request(
    settings: LazySettings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.ADS_SNAPSHOT_SECONDS = 3
    serving.forget()
    for _ in range(20):
        make_ad()
    serving.forget()
    try:
        with django_assert_num_queries(2):
            assert len(serving.pick(Place.GATE, Context(), NOON, count=3)) == 3
        with django_assert_num_queries(0):
            serving.pick(Place.GATE, Context(), NOON + timedelta(seconds=2))
        with django_assert_num_queries(2):
            serving.pick(Place.GATE, Context(), NOON + timedelta(seconds=4))
    finally:
        serving.forget()


@pytest.mark.django_db
def test_offers_are_counted_by_the_hour() -> None:
    campaign = make_campaign()
    for minutes in (0, 5, 70):
        hours.count_served(campaign.pk, Place.PAGE, NOON + timedelta(minutes=minutes))
    assert [(row.hour, row.count) for row in ServedHour.objects.order_by("hour")] == [
        (NOON, 2),
        (NOON + timedelta(hours=1), 1),
    ]


@pytest.mark.django_db
def test_a_house_campaign_costs_nothing_and_needs_nobody() -> None:
    ad = make_ad(make_campaign(kind=Campaign.Kind.HOUSE))
    choice = serving.pick(Place.PAGE, Context(), NOON)[0]
    assert (choice.ad_id, choice.price_micros) == (ad.pk, 0)


@pytest.mark.django_db
def test_a_snapshot_is_written_down_and_read_back_as_it_was() -> None:
    promoted = make_artist()
    make_ad(make_campaign(genres=["jazz"], countries=["DE"], ends_at=NOON + timedelta(days=1), daily_cap_micros=9_000))
    make_ad(make_campaign(kind=Campaign.Kind.CROSS, artist=promoted, moods=["calm"], languages=["de"], hours=[7, 8]))
    taken = snapshots.take(NOON)
    assert snapshots.from_json(snapshots.to_json(taken), taken.taken_at) == taken
    cross = taken.candidates[1]
    assert (cross.artist_id, cross.owner_id, cross.hours) == (promoted.pk, promoted.owner_id, frozenset([7, 8]))
