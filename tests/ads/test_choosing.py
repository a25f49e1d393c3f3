"""Which ad is chosen: each rule, the price, and the same answer to the same question."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from ads.delivery import choosing
from ads.delivery.choosing import Candidate, Context, Plan, Snapshot, plan
from ads.models import Ad, Campaign, Place
from ads.tokens import Choice
from tests.ads.factories import NOON

GOOD = Candidate(
    ad_id=1,
    campaign_id=1,
    kind=Ad.Kind.IMAGE,
    campaign_kind=Campaign.Kind.PAID,
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
    return [choice.ad_id for choice in choosing.choose(Snapshot(NOON, candidates), place, known, NOON, count=count)]


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
        ({"beside_artists": frozenset([6])}, "other music"),
        ({"artist_id": 7}, "own music"),
        ({"countries": frozenset(["DE"])}, "other countries"),
        ({"moods": frozenset(["calm"])}, "other moods"),
        ({"languages": frozenset(["de"])}, "other languages"),
        ({"hours": frozenset([11, 13])}, "other hours"),
        ({"owner_id": 5}, "own campaign"),
        ({"frequency_cap": 2}, "seen often enough"),
        ({"pass_permille": 0}, "held back to last"),
    ],
)
def test_each_rule_keeps_an_ad_back(change: dict[str, object], why: str) -> None:
    context = Context(genre="dub", artist_id=7, mood="dark", language="fr", country="FR", user_id=5, views_today={1: 2})
    assert choosing.reason_against(GOOD, Place.GATE, context, NOON) is None
    kept_back = replace(GOOD, **change)  # type: ignore[arg-type]
    assert choosing.reason_against(kept_back, Place.GATE, context, NOON) == why
    taken = Snapshot(NOON, (kept_back,))
    assert choosing.choose(taken, Place.GATE, context, NOON) == [], "the ranks know every rule too"


def test_a_spot_is_not_shown_where_nothing_should_sound() -> None:
    spot = replace(GOOD, kind=Ad.Kind.AUDIO)
    assert choosing.reason_against(spot, Place.PAGE, Context(), NOON) == "another place"
    assert choosing.reason_against(spot, Place.PLAYER, Context(), NOON) is None


def test_only_what_can_be_shown_there_is_chosen() -> None:
    both = (GOOD, replace(GOOD, ad_id=2, campaign_id=2, kind=Ad.Kind.AUDIO, price_micros=1))
    assert _ads(*both, place=Place.PLAYER, kinds=frozenset([Ad.Kind.AUDIO])) == [2]
    assert _ads(*both, place=Place.PLAYER, kinds=frozenset([Ad.Kind.IMAGE, Ad.Kind.TEXT])) == [1]


def test_targeting_reaches_its_music_and_country() -> None:
    targeted = replace(GOOD, genres=frozenset(["jazz"]), countries=frozenset(["DE"]))
    assert _ads(targeted, genre="jazz", country="DE") == [1]
    assert _ads(targeted, genre="jazz") == [], "nobody is located who did not say where they are"


def test_a_campaign_takes_the_part_of_its_chances_that_pacing_leaves_it() -> None:
    """And which of them depends on nothing but the seed."""
    paced = replace(GOOD, pass_permille=300)
    shown = [bool(_ads(paced, seed=str(n))) for n in range(1000)]
    assert 250 < sum(shown) < 350
    assert shown == [bool(_ads(paced, seed=str(n))) for n in range(1000)]


def test_campaigns_draw_their_lots_apart() -> None:
    paced = [replace(GOOD, ad_id=n, campaign_id=n, pass_permille=500) for n in (1, 2)]
    shown = Counter(tuple(sorted(_ads(*paced, seed=str(n), count=2))) for n in range(1000))
    assert len(shown) == 4
    assert min(shown.values()) > 180


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
    house = replace(GOOD, ad_id=9, campaign_kind=Campaign.Kind.HOUSE, price_micros=0)
    assert _ads(house, place=Place.PAGE) == [9]
    assert _ads(house, GOOD, place=Place.PAGE) == [1]
    assert _ads(house, place=Place.GATE) == []


def test_artists_promote_each_other_where_nobody_pays_and_before_the_house() -> None:
    house = replace(GOOD, ad_id=9, campaign_kind=Campaign.Kind.HOUSE, price_micros=0)
    promoted = replace(GOOD, ad_id=8, campaign_id=8, campaign_kind=Campaign.Kind.CROSS, price_micros=0)
    assert _ads(house, promoted, place=Place.PAGE, count=2) == [8]
    assert _ads(house, promoted, GOOD, place=Place.PAGE) == [1]
    assert _ads(promoted, place=Place.GATE) == []


def test_a_promotion_is_shown_beside_its_artists_and_its_genres() -> None:
    wanted = replace(GOOD, genres=frozenset(["dub"]), beside_artists=frozenset([6]))
    seen = [_ads(wanted, genre=genre, artist_id=artist) for genre, artist in (("dub", 5), ("jazz", 6), ("jazz", 5))]
    assert seen == [[1], [1], []]


def test_an_artist_with_many_promotions_has_no_more_chances_than_one_with_a_single_one() -> None:
    def promotion(number: int, artist: int) -> Candidate:
        kind = Campaign.Kind.CROSS
        return replace(
            GOOD, ad_id=number, campaign_id=number, artist_id=artist, campaign_kind=kind, price_micros=0, owner_id=None
        )

    loud, quiet = [promotion(number, 1) for number in range(1, 10)], promotion(10, 2)
    shown = [_ads(*loud, quiet, place=Place.PAGE, seed=str(seed), count=2) for seed in range(400)]
    assert all(10 in both for both in shown), "the first two turns are of two artists"
    assert 150 < sum(both[0] == 10 for both in shown) < 250


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
    plan = choosing.plan(price, wallet, [Choice(n, n, micros) for n, micros in enumerate(ads)])
    assert plan.asked_micros == asked
    assert [ad.price_micros for ad in plan.ads] == needed


def test_whoever_wants_the_full_price_is_asked_for_the_fewest_ads_that_reach_it_or_all_there_are() -> None:
    ads = [Choice(n, n, price) for n, price in ((1, 6_000), (2, 4_000), (3, 2_000))]
    assert plan(9_000, 0, ads, is_full=True) == Plan(9_000, (ads[0], ads[1]))
    assert plan(60_000, 1_000, ads, is_full=True) == Plan(60_000, tuple(ads))
    assert plan(5_000, 0, [], is_full=True) == Plan(5_000, ())
