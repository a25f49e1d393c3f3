"""What may be shown, and the ranks that find it: dearest first, without asking every campaign whether it fits.

A snapshot is read once and asked thousands of times. So what does not depend on the listener is worked out when it is
taken: each rule (a genre, a country, an hour ...) has a number whose bit n says whether the candidate of rank n passes.
A decision ANDs a handful of numbers, and looks only at candidates that are left, from the best on.
"""

import random
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, reduce
from operator import or_
from typing import Generic, TypeVar

from ads.models import WHOLE_PERMILLE, Ad, Place

Value = TypeVar("Value")

MOST_GATE_ADS = 3
"""No choice is of more ads than the gate shows."""

KINDS_BY_PLACE: dict[str, tuple[str, ...]] = {
    Place.GATE: (Ad.Kind.IMAGE, Ad.Kind.AUDIO, Ad.Kind.TEXT),
    Place.PLAYER: (Ad.Kind.IMAGE, Ad.Kind.AUDIO, Ad.Kind.TEXT),
    Place.PAGE: (Ad.Kind.IMAGE, Ad.Kind.TEXT),
    Place.MEGAKEY: (Ad.Kind.IMAGE, Ad.Kind.TEXT),
}


@dataclass(frozen=True, slots=True)
class Context:
    """What is known where an ad is wanted: the music, the country, and what this listener saw today.

    `kinds` are the kinds of ad that can be shown there; empty: all that the place can show. `is_unpaid` says that too
    many offers wait to be looked at where the listener is: nobody is to pay for another one.
    """

    genre: str = ""
    artist_id: int | None = None
    country: str = ""
    user_id: int | None = None
    views_today: Mapping[int, int] = field(default_factory=dict)
    recent_ads: frozenset[int] = frozenset()
    seed: str = ""
    mood: str = ""
    language: str = ""
    kinds: frozenset[str] = frozenset()
    is_unpaid: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """One ad of one campaign, with all that the rules ask about. Amounts in micros.

    `kind` is the ad's, `campaign_kind` the campaign's; `artist_id` is the artist whom a cross-promotion promotes.
    """

    ad_id: int
    campaign_id: int
    kind: str
    campaign_kind: str
    is_live: bool
    is_showable: bool
    owner_id: int | None
    price_micros: int
    remaining_micros: int
    left_today_micros: int | None
    starts_at: datetime
    ends_at: datetime | None
    places: frozenset[str]
    genres: frozenset[str]
    countries: frozenset[str]
    frequency_cap: int
    advertiser_id: int | None = None
    artist_id: int | None = None
    moods: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    hours: frozenset[int] = frozenset()
    pass_permille: int = WHOLE_PERMILLE
    beside_artists: frozenset[int] = frozenset()

    @property
    def can_pay(self) -> bool:
        """Whether budget and day's cap have room for one more view."""
        is_under_cap = self.left_today_micros is None or self.price_micros <= self.left_today_micros
        return self.price_micros <= self.remaining_micros and is_under_cap


@dataclass(frozen=True)
class Snapshot:
    """All that may be shown, as it was at one moment."""

    taken_at: datetime
    candidates: tuple[Candidate, ...]

    @cached_property
    def ranks(self) -> "Ranks":
        """Its candidates by price, worked out on first use."""
        return Ranks(self.candidates)


class Ranks:
    """The candidates that can be shown at all, dearest first, and for each rule the set of ranks that pass it.

    Sets are whole numbers whose bit n stands for rank n.
    """

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        able = (one for one in candidates if one.is_live and one.is_showable and one.can_pay)
        self.candidates = tuple(sorted(able, key=lambda one: (-one.price_micros, one.ad_id)))
        self.of_kind = _values(self.candidates, lambda one: [one.campaign_kind])
        self._of_ad_kind = _values(self.candidates, lambda one: [one.kind])
        self._of_campaign = _values(self.candidates, lambda one: [one.campaign_id])
        self._places = _values(self.candidates, _places_for)
        self._any_music = _set(self.candidates, lambda one: not one.genres and not one.beside_artists)
        self._genres = _values(self.candidates, lambda one: one.genres)
        self._beside = _values(self.candidates, lambda one: one.beside_artists)
        self._of_artist = _values(self.candidates, lambda one: [one.artist_id] if one.artist_id else [])
        self._moods = _Rule(self.candidates, lambda one: one.moods)
        self._languages = _Rule(self.candidates, lambda one: one.languages)
        self._countries = _Rule(self.candidates, lambda one: one.countries)
        self._hours = _Rule(self.candidates, lambda one: one.hours)
        self._begun = _Passed([one.starts_at for one in self.candidates])
        self._over = _Passed([one.ends_at for one in self.candidates])
        equals = _values(self.candidates, lambda one: [one.price_micros])
        self._equals = [equals[one.price_micros] for one in self.candidates]

    def fitting(self, place: str, context: Context, at: datetime) -> int:
        """The set of all that may be shown at `place` beside this music, in this country, at `at`, to anybody."""
        return (
            self._places.get(place, 0)
            & self._that_are(context.kinds)
            & self._beside_music(context)
            & self._moods.passed_by(context.mood)
            & self._languages.passed_by(context.language)
            & self._countries.passed_by(context.country)
            & self._hours.passed_by(at.astimezone(UTC).hour)
            & self._begun.until(at)
            & ~self._over.until(at)
        )

    def _that_are(self, kinds: frozenset[str]) -> int:
        """The set of ads of these kinds; all of them when none is named."""
        return sum(self._of_ad_kind.get(kind, 0) for kind in kinds) if kinds else -1

    def of_campaigns(self, campaign_ids: Iterable[int]) -> int:
        """The set of all ads of some campaigns."""
        return reduce(or_, (self._of_campaign.get(campaign_id, 0) for campaign_id in campaign_ids), 0)

    def _beside_music(self, context: Context) -> int:
        """Who names the genre or the artist, or neither; and nobody beside their own music."""
        beside, own = 0, 0
        if context.artist_id is not None:
            beside, own = self._beside.get(context.artist_id, 0), self._of_artist.get(context.artist_id, 0)
        return (self._any_music | self._genres.get(context.genre, 0) | beside) & ~own

    def by_price(self, some: int, chance: random.Random) -> Iterator[Candidate]:
        """Those of a set, the dearest first; equal prices take turns."""
        while some:
            best = (some & -some).bit_length() - 1
            equal = some & self._equals[best]
            some ^= equal
            yield from self.by_lot(equal, chance)

    def by_lot(self, some: int, chance: random.Random) -> Iterator[Candidate]:
        """Those of a set, in an order that chance alone decides."""
        while some:
            count = some.bit_count()
            rank = _nth(some, chance.randrange(count) if count > 1 else 0)
            some ^= 1 << rank
            yield self.candidates[rank]

    def by_turns(self, some: int, chance: random.Random, allows: Callable[[Candidate], bool]) -> Iterator[Candidate]:
        """Those of a set that `allows` passes: by chance, one of each artist before the second of any.

        Three promotions have no more chances than one: whoever has three is taken at every third draw only.
        """
        while some:
            of_round = some
            while of_round:
                rank = _nth(of_round, chance.randrange(of_round.bit_count()))
                one, bit = self.candidates[rank], 1 << rank
                mine = self._of_artist[one.artist_id] & of_round if one.artist_id else bit
                if chance.randrange(mine.bit_count()):
                    continue
                of_round, some = of_round ^ bit, some ^ bit
                if allows(one):
                    of_round &= ~mine
                    yield one


def _places_for(one: Candidate) -> list[str]:
    """Where the campaign wants its ad shown, and an ad of this kind can be."""
    return [place for place in one.places if one.kind in KINDS_BY_PLACE[place]]


def _values(candidates: Sequence[Candidate], values_of: Callable[[Candidate], Iterable[Value]]) -> dict[Value, int]:
    """For each value the set of those that name it."""
    found: dict[Value, int] = {}
    for rank, one in enumerate(candidates):
        for value in values_of(one):
            found[value] = found.get(value, 0) | 1 << rank
    return found


def _set(candidates: Sequence[Candidate], belongs: Callable[[Candidate], bool]) -> int:
    return sum(1 << rank for rank, one in enumerate(candidates) if belongs(one))


class _Rule(Generic[Value]):
    """Who passes one kind of targeting: whoever names the value, and whoever names none."""

    def __init__(self, candidates: Sequence[Candidate], wanted: Callable[[Candidate], frozenset[Value]]) -> None:
        self._open = _set(candidates, lambda one: not wanted(one))
        self._naming = _values(candidates, wanted)

    def passed_by(self, value: Value) -> int:
        return self._open | self._naming.get(value, 0)


class _Passed:
    """Whose moment has come: `until(at)` is the set of those whose time is at or before `at`."""

    def __init__(self, times: Sequence[datetime | None]) -> None:
        order = sorted((time, rank) for rank, time in enumerate(times) if time is not None)
        self._times = [time for time, _ in order]
        self._sets = [0]
        for _, rank in order:
            self._sets.append(self._sets[-1] | 1 << rank)

    def until(self, at: datetime) -> int:
        return self._sets[bisect_right(self._times, at)]


def _nth(some: int, n: int) -> int:
    """The `n`-th rank of a set, from 0; by halves, so that a thousand take ten steps."""
    low, width = 0, some.bit_length()
    while width > 1:
        half = width // 2
        below = some & ((1 << half) - 1)
        count = below.bit_count()
        if n < count:
            some, width = below, half
        else:
            some, n, low, width = some >> half, n - count, low + half, width - half
    return low
