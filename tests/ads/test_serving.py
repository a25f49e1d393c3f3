"""Which ad is shown: each rule, the price, and the same answer to the same question."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import LazySettings
from pytest_django import DjangoAssertNumQueries

from ads import serving
from ads.models import Ad, Campaign, CampaignDay, Place, ServedHour
from ads.serving import Candidate, Choice, Context, Snapshot
from tests.ads.factories import DAY, NOON, make_ad, make_campaign, make_wallet, watch

GOOD = Candidate(
    ad_id=1,
    campaign_id=1,
    kind=Ad.Kind.IMAGE,
    is_house=False,
    is_live=True,
    is_showable=True,
    owner_id=77,
    price_micros=6_000,
    remaining_micros=1_000_000,
    left_today_micros=None,
    starts_at=NOON - timedelta(days=1),
    ends_at=None,
    places=frozenset(Place.values),
    genres=frozenset(),
    countries=frozenset(),
    frequency_cap=5,
)


def _ads(*candidates: Candidate, place: str = Place.GATE, count: int = 1, **context: object) -> list[int]:
    known = Context(**context)  # type: ignore[arg-type]
    return [choice.ad_id for choice in serving.choose(Snapshot(NOON, candidates), place, known, NOON, count=count)]


def _many(*prices: int) -> list[Candidate]:
    return [replace(GOOD, ad_id=n, campaign_id=n, price_micros=price) for n, price in enumerate(prices, 1)]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"is_live": False}, "not live"),
        ({"is_showable": False}, "not approved"),
        ({"starts_at": NOON + timedelta(seconds=1)}, "not begun"),
        ({"ends_at": NOON}, "over"),
        ({"places": frozenset([Place.PAGE])}, "another place"),
        ({"remaining_micros": 5_999}, "budget spent"),
        ({"left_today_micros": 5_999}, "day's cap reached"),
        ({"genres": frozenset(["jazz"])}, "other music"),
        ({"countries": frozenset(["DE"])}, "other countries"),
        ({"owner_id": 5}, "own campaign"),
        ({"frequency_cap": 2}, "seen often enough"),
    ],
)
def test_each_rule_keeps_an_ad_back(change: dict[str, object], why: str) -> None:
    context = Context(genre="dub", country="FR", user_id=5, views_today={1: 2})
    assert serving.reason_against(GOOD, Place.GATE, context, NOON) is None
    assert serving.reason_against(replace(GOOD, **change), Place.GATE, context, NOON) == why  # type: ignore[arg-type]


def test_a_spot_is_not_shown_where_nothing_should_sound() -> None:
    spot = replace(GOOD, kind=Ad.Kind.AUDIO)
    assert serving.reason_against(spot, Place.PAGE, Context(), NOON) == "another place"
    assert serving.reason_against(spot, Place.PLAYER, Context(), NOON) is None


def test_targeting_reaches_its_music_and_country() -> None:
    targeted = replace(GOOD, genres=frozenset(["jazz"]), countries=frozenset(["DE"]))
    assert _ads(targeted, genre="jazz", country="DE") == [1]
    assert _ads(targeted, genre="jazz") == [], "nobody is located who did not say where they are"


def test_the_best_price_wins() -> None:
    for seed in range(50):
        assert _ads(*_many(2_000, 9_000, 6_000), seed=str(seed), count=3) == [2, 3, 1]


def test_the_same_question_has_the_same_answer() -> None:
    candidates = _many(*[6_000] * 20)
    answers = [_ads(*candidates, seed="tuesday", count=3) for _ in range(5)]
    assert answers == [answers[0]] * 5
    assert any(_ads(*candidates, seed=str(n), count=3) != answers[0] for n in range(10))


def test_equal_prices_take_turns() -> None:
    shown = Counter(_ads(*_many(6_000, 6_000), seed=str(n))[0] for n in range(300))
    assert min(shown.values()) > 90


def test_a_small_slice_ignores_the_price_beside_music_but_never_at_the_gate() -> None:
    candidates = _many(1_000, 9_000)
    beside = Counter(_ads(*candidates, place=Place.PAGE, seed=str(n))[0] for n in range(1000))
    assert 5 < beside[1] < 60
    assert {_ads(*candidates, seed=str(n))[0] for n in range(300)} == {2}


def test_an_ad_seen_lately_waits_while_there_is_another() -> None:
    assert _ads(*_many(9_000, 6_000), recent_ads=frozenset([1])) == [2]
    assert _ads(*_many(9_000), recent_ads=frozenset([1])) == [1]


def test_three_ads_come_from_three_campaigns_when_there_are_so_many() -> None:
    twice = [GOOD, replace(GOOD, ad_id=2), replace(GOOD, ad_id=3, campaign_id=2, price_micros=1_000)]
    assert _ads(*twice, count=2) in ([1, 3], [2, 3])
    assert sorted(_ads(*twice, count=3)) == [1, 2, 3]
    poor = [replace(one, remaining_micros=7_000) for one in twice]
    assert len(_ads(*poor, count=3)) == 2, "what one campaign cannot pay twice is not offered twice"


def test_house_ads_fill_pages_but_never_gates() -> None:
    house = replace(GOOD, ad_id=9, is_house=True, price_micros=0)
    assert _ads(house, place=Place.PAGE) == [9]
    assert _ads(house, GOOD, place=Place.PAGE) == [1]
    assert _ads(house, place=Place.GATE) == []


@pytest.mark.parametrize(
    ("price", "wallet", "ads", "asked", "needed"),
    [
        (5_000, 0, [6_000, 4_000], 5_000, [6_000]),
        (5_000, 5_000, [6_000], 5_000, []),
        (5_000, 4_000, [500, 600], 5_000, [600, 500]),
        (50_000, 1_000, [6_000, 5_000, 4_000], 16_000, [6_000, 5_000, 4_000]),
        (50_000, 0, [1_000, 2_000, 3_000, 4_000], 9_000, [4_000, 3_000, 2_000]),
        (5_000, 0, [], 0, []),
        (5_000, 2_000, [], 2_000, []),
        (0, 7_000, [6_000], 0, []),
    ],
)
def test_the_gate_asks_for_the_fewest_best_ads(
    price: int, wallet: int, ads: list[int], asked: int, needed: list[int]
) -> None:
    plan = serving.plan(price, wallet, [Choice(n, n, micros) for n, micros in enumerate(ads)])
    assert plan.asked_micros == asked
    assert [ad.price_micros for ad in plan.ads] == needed


@pytest.mark.django_db
def test_only_live_campaigns_with_approved_ads_are_candidates() -> None:
    shown = make_ad()
    make_ad(review=Ad.Review.PENDING)
    make_ad(media_state=Ad.MediaState.WANTED)
    make_ad(make_campaign(live=False))
    assert [one.ad_id for one in serving.snapshot(NOON).candidates] == [shown.pk]


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
        serving.count_served(campaign.pk, Place.PAGE, NOON + timedelta(minutes=minutes))
    assert [(row.hour, row.count) for row in ServedHour.objects.order_by("hour")] == [
        (NOON, 2),
        (NOON + timedelta(hours=1), 1),
    ]


@pytest.mark.django_db
def test_a_house_campaign_costs_nothing_and_needs_nobody() -> None:
    ad = make_ad(make_campaign(kind=Campaign.Kind.HOUSE))
    choice = serving.pick(Place.PAGE, Context(), NOON)[0]
    assert (choice.ad_id, choice.price_micros) == (ad.pk, 0)
