"""Which ad is shown: one guard for each rule, then the best price. Pure: a snapshot and a context in, ads out.

The same snapshot, context and seed give the same answer, so any decision can be replayed.
"""

import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b

from ads.delivery.candidates import KINDS_BY_PLACE, MOST_GATE_ADS, Candidate, Context, Snapshot
from ads.models import WHOLE_PERMILLE, Campaign, Place
from ads.tokens import Choice

__all__ = ["Candidate", "Context", "Decision", "Plan", "Snapshot", "choose", "decide", "plan", "reason_against"]

RULES = 1
"""Which rules choose. One more whenever another ad may come out of the same question: replays then say so."""

EXPLORE_PERCENT = 5
"""So many choices in a hundred beside music ignore the price, so that no campaign starves."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A question, the snapshot it was asked of, and the answer: all that a replay needs, and what it has to find."""

    taken: Snapshot
    place: str
    context: Context
    at: datetime
    count: int
    without: frozenset[int]
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the gate asks for, in micros of money behind credits, and the fewest ads that cover what is lacking."""

    asked_micros: int
    ads: tuple[Choice, ...]


def decide(
    taken: Snapshot,
    place: str,
    context: Context,
    at: datetime,
    *,
    count: int = 1,
    without: Collection[int] = (),
) -> Decision:
    """What `choose` answers, together with what it was asked."""
    chosen = choose(taken, place, context, at, count=count, without=without)
    return Decision(taken, place, context, at, count, frozenset(without), tuple(chosen))


def choose(
    taken: Snapshot,
    place: str,
    context: Context,
    at: datetime,
    *,
    count: int = 1,
    without: Collection[int] = (),
) -> list[Choice]:
    """At most `count` ads to show at `place` at `at`: who pays, else artists for each other, else house ads.

    Campaigns `without` have no money left since the snapshot was taken.

    The same arguments always give the same answer. At the gate nothing but a paid ad is any use.
    """
    chance = _chance(place, context)
    ranks = taken.ranks
    fitting = ranks.fitting(place, context, at) & ~ranks.of_campaigns(without)
    paid, cross, house = (fitting & ranks.of_kind.get(kind, 0) for kind in Campaign.Kind)
    if context.is_unpaid:
        paid = 0
    chosen = _distinct(_lately_last(_paid(taken, paid, place, context, chance), context.recent_ads), context, count)
    for some in () if place == Place.GATE else (cross, house):
        if not chosen:
            free = ranks.by_turns(some, chance, lambda one: reason_against_listener(one, context) is None)
            chosen = _distinct(_lately_last(free, context.recent_ads), context, count)
    return [_choice(one) for one in chosen]


def reason_against(one: Candidate, place: str, context: Context, at: datetime) -> str | None:
    """Why this ad is not shown here and now, or None. One guard for each rule."""
    if not one.is_live:
        return "not live"
    if not one.is_showable:
        return "not approved"
    if at < one.starts_at:
        return "not begun"
    if one.ends_at is not None and at >= one.ends_at:
        return "over"
    if place not in one.places or one.kind not in KINDS_BY_PLACE[place]:
        return "another place"
    if context.kinds and one.kind not in context.kinds:
        return "another kind"
    if one.price_micros > one.remaining_micros:
        return "budget spent"
    if one.left_today_micros is not None and one.price_micros > one.left_today_micros:
        return "day's cap reached"
    if one.artist_id is not None and one.artist_id == context.artist_id:
        return "own music"
    if (one.genres or one.beside_artists) and not _is_beside(one, context):
        return "other music"
    if one.moods and context.mood not in one.moods:
        return "other moods"
    if one.languages and context.language not in one.languages:
        return "other languages"
    if one.countries and context.country not in one.countries:
        return "other countries"
    if one.hours and at.astimezone(UTC).hour not in one.hours:
        return "other hours"
    return reason_against_listener(one, context)


def reason_against_listener(one: Candidate, context: Context) -> str | None:
    """Why an ad that fits the place and the music is not shown to this listener now: what ranks cannot know."""
    if context.is_unpaid and one.campaign_kind == Campaign.Kind.PAID:
        return "too many unseen"
    if one.owner_id is not None and one.owner_id == context.user_id:
        return "own campaign"
    if context.views_today.get(one.campaign_id, 0) >= one.frequency_cap:
        return "seen often enough"
    if one.pass_permille < WHOLE_PERMILLE and _lot(context.seed, one.campaign_id) >= one.pass_permille:
        return "held back to last"
    return None


def plan(credit_price_micros: int, wallet_micros: int, ads: Sequence[Choice], *, is_full: bool = False) -> Plan:
    """What a download asks for: min(credit price, wallet + what the best three ads pay), and the fewest ads for it.

    All in micros of money behind credits; `ads` as `pick` gave them. `is_full` says that the artist wants the whole
    credit price, whatever the ads pay. Source: docs/money.md.
    """
    best = sorted(ads, key=lambda ad: -ad.price_micros)[:MOST_GATE_ADS]
    in_reach = wallet_micros + sum(ad.price_micros for ad in best)
    asked = credit_price_micros if is_full else min(credit_price_micros, in_reach)
    needed: list[Choice] = []
    covered = wallet_micros
    for ad in best:
        if covered >= asked:
            break
        needed.append(ad)
        covered += ad.price_micros
    return Plan(asked_micros=asked, ads=tuple(needed))


def is_lottery(place: str, context: Context) -> bool:
    """Whether this choice ignores the price, so that no campaign starves."""
    return _explores(place, _chance(place, context))


# --- inside


def _chance(place: str, context: Context) -> random.Random:
    return random.Random(f"{context.seed}|{place}")  # noqa: S311 - a lottery, not a secret


def _explores(place: str, chance: random.Random) -> bool:
    """Drawn before anything else. The gate promises the best paying ads, because they decide what a download costs."""
    return place != Place.GATE and chance.randrange(100) < EXPLORE_PERCENT


def _is_beside(one: Candidate, context: Context) -> bool:
    return context.genre in one.genres or context.artist_id in one.beside_artists


def _paid(taken: Snapshot, some: int, place: str, context: Context, chance: random.Random) -> Iterator[Candidate]:
    """Those of a set that this listener may be shown, the best price first; equal prices take turns."""
    first: Candidate | None = None
    if _explores(place, chance):
        drawn = _allowed(taken.ranks.by_lot(some, chance), context)
        first = next((one for one in drawn if one.ad_id not in context.recent_ads), None)
        if first:
            yield first
    yield from (one for one in _allowed(taken.ranks.by_price(some, chance), context) if one is not first)


def _allowed(candidates: Iterable[Candidate], context: Context) -> Iterator[Candidate]:
    return (one for one in candidates if reason_against_listener(one, context) is None)


def _lately_last(ranked: Iterable[Candidate], recent_ads: Collection[int]) -> Iterator[Candidate]:
    lately = []
    for one in ranked:
        if one.ad_id in recent_ads:
            lately.append(one)
        else:
            yield one
    yield from lately


def _lot(seed: str, campaign_id: int) -> int:
    """The lot that a campaign drew in this decision: 0 to 999, the same for the same seed."""
    digest = blake2b(f"{seed}|{campaign_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % WHOLE_PERMILLE


def _distinct(ranked: Iterable[Candidate], context: Context, count: int) -> list[Candidate]:
    """The first `count`: one ad of each campaign first, then other ads of the same ones within their caps.

    Asks for no more candidates than it needs.
    """
    taken: list[Candidate] = []
    others: list[Candidate] = []
    of_campaign: dict[int, int] = {}
    for one in ranked:
        if one.campaign_id in of_campaign:
            others.append(one)
            continue
        taken.append(one)
        of_campaign[one.campaign_id] = 1
        if len(taken) == count:
            return taken
    for one in others:
        so_far = of_campaign[one.campaign_id]
        if len(taken) < count and _has_room(one, so_far, context):
            taken.append(one)
            of_campaign[one.campaign_id] = so_far + 1
    return taken


def _has_room(one: Candidate, so_far: int, context: Context) -> bool:
    cost = one.price_micros * (so_far + 1)
    is_under_cap = one.left_today_micros is None or cost <= one.left_today_micros
    views = context.views_today.get(one.campaign_id, 0) + so_far
    return cost <= one.remaining_micros and is_under_cap and views < one.frequency_cap


def _choice(one: Candidate) -> Choice:
    return Choice(ad_id=one.ad_id, campaign_id=one.campaign_id, price_micros=one.price_micros)
