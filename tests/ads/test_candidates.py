"""The ranks: they find what a plain scan of every candidate finds, and look at far fewer."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ads.delivery import choosing
from ads.delivery.candidates import Candidate, Context, Snapshot
from ads.models import Ad, Campaign, Place
from tests.ads.factories import NOON
from tests.ads.test_choosing import GOOD

OF_THE_LISTENER = {"own campaign", "seen often enough", "held back to last", None}


def plain_choice(taken: Snapshot, place: str, context: Context, at: datetime, count: int) -> list[int]:
    """What `choose` says, as a reader of its docstring would write it: ask every rule of every candidate."""
    chance = random.Random(f"{context.seed}|{place}")
    for kind in ["PAID"] if place == Place.GATE else ["PAID", "CROSS", "HOUSE"]:
        fits = [
            one
            for one in sorted(taken.candidates, key=lambda one: (-one.price_micros, one.ad_id))
            if one.campaign_kind == kind and choosing.reason_against(one, place, context, at) in OF_THE_LISTENER
        ]
        ranking = _plain_ranking if kind == "PAID" else _plain_turns
        ranked = list(ranking(fits, place, context, at, chance))
        ranked.sort(key=lambda one: one.ad_id in context.recent_ads)
        firsts = list({one.campaign_id: one for one in reversed(ranked)}.values())
        firsts = [one for one in ranked if one in firsts][:count]
        seen = Counter(one.campaign_id for one in firsts)
        for one in ranked:
            n = seen[one.campaign_id] + 1
            left = min(
                one.remaining_micros, one.remaining_micros if one.left_today_micros is None else one.left_today_micros
            )
            views = context.views_today.get(one.campaign_id, 0) + n
            if (
                len(firsts) < count
                and one not in firsts
                and n * one.price_micros <= left
                and views <= one.frequency_cap
            ):
                firsts.append(one)
                seen[one.campaign_id] += 1
        if firsts:
            return [one.ad_id for one in firsts]
    return []


def _plain_ranking(
    fits: list[Candidate], place: str, context: Context, at: datetime, chance: random.Random
) -> Iterator[Candidate]:
    explored = None
    if place != Place.GATE and chance.randrange(100) < choosing.EXPLORE_PERCENT:
        for one in _drawn(fits, chance):
            if choosing.reason_against(one, place, context, at) is None and one.ad_id not in context.recent_ads:
                explored = one
                yield one
                break
    in_order = []
    for price in sorted({one.price_micros for one in fits}, reverse=True):
        in_order += list(_drawn([one for one in fits if one.price_micros == price], chance))
    in_order = [one for one in in_order if choosing.reason_against(one, place, context, at) is None]
    yield from (one for one in in_order if one is not explored)


def _plain_turns(
    fits: list[Candidate], place: str, context: Context, at: datetime, chance: random.Random
) -> Iterator[Candidate]:
    left = list(fits)
    while left:
        of_round = list(left)
        while of_round:
            one = of_round[chance.randrange(len(of_round))]
            mine = [other for other in of_round if other is one or (one.artist_id and other.artist_id == one.artist_id)]
            if chance.randrange(len(mine)):
                continue
            of_round.remove(one)
            left.remove(one)
            if choosing.reason_against(one, place, context, at) is None:
                of_round = [other for other in of_round if other not in mine]
                yield one


def _drawn(some: list[Candidate], chance: random.Random) -> Iterator[Candidate]:
    left = list(some)
    while left:
        yield left.pop(chance.randrange(len(left)) if len(left) > 1 else 0)


GENRES, COUNTRIES, MOODS, LANGUAGES, HOURS = ["dub", "jazz"], ["DE", "FR"], ["calm", "dark"], ["de", "fr"], [11, 12]


def _some(values: list[str] | list[int]) -> st.SearchStrategy[frozenset[object]]:
    return st.frozensets(st.sampled_from(values), max_size=2)


@st.composite
def candidates(draw: st.DrawFn, ad_id: int) -> Candidate:
    kind = draw(st.sampled_from(["PAID", "PAID", "PAID", "CROSS", "HOUSE"]))
    return Candidate(
        ad_id=ad_id,
        campaign_id=draw(st.integers(1, 4)),
        kind=draw(st.sampled_from(Ad.Kind.values)),
        campaign_kind=kind,
        is_live=draw(st.integers(0, 9)) > 0,
        is_showable=draw(st.integers(0, 9)) > 0,
        owner_id=draw(st.sampled_from([None, 1, 2])),
        price_micros=draw(st.sampled_from([1_000, 2_000, 3_000])) if kind == "PAID" else 0,
        remaining_micros=draw(st.sampled_from([0, 2_500, 5_000, 100_000])),
        left_today_micros=draw(st.sampled_from([None, None, 2_500, 100_000])),
        starts_at=NOON + timedelta(seconds=draw(st.integers(-3, 1))),
        ends_at=draw(st.sampled_from([None, NOON, NOON + timedelta(seconds=1)])),
        places=frozenset(draw(st.sets(st.sampled_from(Place.values), min_size=1))),
        genres=draw(_some(GENRES)),  # type: ignore[arg-type]
        countries=draw(_some(COUNTRIES)),  # type: ignore[arg-type]
        moods=draw(_some(MOODS)),  # type: ignore[arg-type]
        languages=draw(_some(LANGUAGES)),  # type: ignore[arg-type]
        hours=draw(_some(HOURS)),  # type: ignore[arg-type]
        frequency_cap=draw(st.integers(1, 3)),
        artist_id=draw(st.integers(1, 3)) if kind == "CROSS" else None,
        beside_artists=frozenset(draw(st.sets(st.integers(1, 4), max_size=1))) if kind == "CROSS" else frozenset(),
        pass_permille=draw(st.sampled_from([0, 500, 1_000, 1_000])),
    )


snapshots = st.integers(0, 12).flatmap(lambda n: st.tuples(*(candidates(ad_id) for ad_id in range(1, n + 1))))
contexts = st.builds(
    Context,
    genre=st.sampled_from(["", *GENRES]),
    artist_id=st.sampled_from([None, 1, 4]),
    country=st.sampled_from(["", *COUNTRIES]),
    mood=st.sampled_from(["", *MOODS]),
    language=st.sampled_from(["", *LANGUAGES]),
    user_id=st.sampled_from([None, 1]),
    views_today=st.dictionaries(st.integers(1, 4), st.integers(1, 3)),
    recent_ads=st.frozensets(st.integers(1, 12), max_size=4),
    seed=st.text("abc", max_size=4),
    kinds=st.frozensets(st.sampled_from([str(kind) for kind in Ad.Kind])),
)


@settings(max_examples=150, deadline=None)
@given(snapshots, contexts, st.sampled_from(Place.values), st.integers(1, 3), st.integers(-2, 3600))
def test_the_ranks_choose_what_a_scan_of_every_candidate_chooses(
    some: tuple[Candidate, ...], context: Context, place: str, count: int, seconds: int
) -> None:
    at = NOON + timedelta(seconds=seconds)
    taken = Snapshot(NOON, some)
    chosen = [choice.ad_id for choice in choosing.choose(taken, place, context, at, count=count)]
    assert chosen == plain_choice(taken, place, context, at, count)


def _market(size: int) -> tuple[Candidate, ...]:
    """So many campaigns of every price, music and country."""
    return tuple(
        replace(
            GOOD,
            ad_id=n,
            campaign_id=n,
            price_micros=1_000 + n % 50 * 100,
            genres=frozenset([("dub", "jazz", "rock")[n % 3]]) if n % 2 else frozenset(),
            countries=frozenset([("DE", "FR")[n % 2]]) if n % 5 else frozenset(),
        )
        for n in range(1, size + 1)
    )


@pytest.mark.parametrize("place", [Place.GATE, Place.PAGE])
def test_a_decision_looks_at_as_many_of_a_thousand_campaigns_as_of_ten(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    rule = choosing.reason_against_listener

    def told(one: Candidate, context: Context) -> str | None:
        asked.append(one.ad_id)
        return rule(one, context)

    monkeypatch.setattr(choosing, "reason_against_listener", told)
    for size in (10, 1_000):
        taken = Snapshot(NOON, _market(size))
        for seed in range(200):
            asked.clear()
            context = Context(genre="jazz", country="FR", seed=str(seed))
            assert len(choosing.choose(taken, place, context, NOON, count=3)) == 3
            assert len(asked) <= 4, size


@pytest.mark.parametrize(
    "change",
    [
        {"genres": frozenset(["rock"])},
        {"moods": frozenset(["calm"])},
        {"languages": frozenset(["de"])},
        {"countries": frozenset(["DE"])},
        {"hours": frozenset([3])},
        {"places": frozenset([Place.MEGAKEY])},
        {"remaining_micros": 0},
        {"left_today_micros": 0},
        {"starts_at": NOON + timedelta(days=1)},
        {"ends_at": NOON - timedelta(days=1)},
        {"is_showable": False},
    ],
)
def test_dearer_campaigns_that_cannot_be_shown_are_not_looked_at(
    change: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(choosing, "reason_against_listener", lambda one, context: asked.append(one.ad_id))
    dear = [
        replace(GOOD, ad_id=n, campaign_id=n, price_micros=9_000, **change)  # type: ignore[arg-type]
        for n in range(2, 1_000)
    ]
    chosen = choosing.choose(Snapshot(NOON, (*dear, GOOD)), Place.GATE, Context(), NOON)
    assert [one.ad_id for one in chosen] == asked == [1]


def test_among_a_thousand_equal_prices_all_take_turns() -> None:
    taken = Snapshot(NOON, tuple(replace(GOOD, ad_id=n, campaign_id=n) for n in range(1_000)))
    shown = Counter(
        choosing.choose(taken, Place.GATE, Context(seed=str(n)), NOON)[0].ad_id // 100 for n in range(2_000)
    )
    assert len(shown) == 10
    assert min(shown.values()) > 140


def test_hours_are_those_of_the_utc_day() -> None:
    taken = Snapshot(NOON, (replace(GOOD, hours=frozenset([12])),))
    for hours, expected in ((0, 1), (1, 0)):
        at = (NOON + timedelta(hours=hours)).astimezone(UTC)
        assert len(choosing.choose(taken, Place.GATE, Context(), at)) == expected


def test_campaigns_of_other_kinds_come_only_when_nobody_pays() -> None:
    kinds = [replace(GOOD, ad_id=n, campaign_kind=kind, price_micros=0) for n, kind in enumerate(Campaign.Kind, 1)]
    for left in (3, 2, 1):
        taken = Snapshot(NOON, tuple(kinds[-left:]))
        assert choosing.choose(taken, Place.PAGE, Context(), NOON, count=3)[0].ad_id == 4 - left
