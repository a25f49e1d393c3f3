"""What happened in the weeks before the first run: made up once from a seed, and the same at every run after."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from .people import LISTENERS
from .works import WORKS, Work

DAYS = 42
SEED = 20130119  # the day of Mega's launch, a year after the first Megabox was announced
GUESTS = tuple(f"demo-guest-{number}" for number in range(1, 13))
PAYOUT_DAYS_AGO = 6
RECIPES = ("mp3-320", "mp3-320", "mp3-v0", "flac", "opus")


@dataclass(frozen=True, order=True)
class Event:
    """Something somebody did. `at` is different for each, so it names the event. `song` is empty for whole albums."""

    at: datetime
    kind: str
    who: str
    album: str = ""
    song: str = ""
    recipe: str = ""
    micros: int = 0
    seconds: int = 0


def events(anchor: datetime) -> list[Event]:
    """All that happened, in order; everything is over an hour before `anchor`."""
    chance = random.Random(SEED)  # noqa: S311  a story, not a secret
    clock = _Clock(anchor, chance)
    found = [*_sales(clock, chance), *_gates(clock, chance), *_views(clock, chance), *_plays(clock, chance)]
    # The last of all leaves a trace for certain, by which a later run sees that everything has happened.
    found.append(Event(anchor - timedelta(minutes=90), "play", "leo", "First Light", "First Light", seconds=40))
    return sorted(found)


class _Clock:
    """Moments in the past that nobody else has: their microseconds count up."""

    def __init__(self, anchor: datetime, chance: random.Random) -> None:
        self.anchor, self.chance, self.count = anchor, chance, 0

    def moment(self, days_ago: int) -> datetime:
        """Some time on that day, more often in the evening; today only until two hours ago."""
        self.count += 1
        hour = self.chance.choices(range(24), [2, 1, 1, 0, 0, 1, 2, 4, 5, 4, 4, 5, 6, 5, 4, 5, 6, 8, 9, 9, 10, 9, 7, 4])
        midnight = self.anchor.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
        at = midnight + timedelta(hours=hour[0], minutes=self.chance.randrange(60), seconds=self.chance.randrange(60))
        latest = self.anchor - timedelta(hours=2)
        if at > latest:
            at = latest - timedelta(minutes=self.chance.randrange(90))
        return at.replace(microsecond=self.count)


def _out(days_ago: int) -> list[Work]:
    """Albums that were out on that day."""
    return [work for work in WORKS if work.days_ago > days_ago]


def _popular(works: list[Work], chance: random.Random) -> Work:
    """An album; new ones and Nova Kit's a little more often."""
    return chance.choices(works, [3 if work.artist == "Nova Kit" else 2 for work in works])[0]


def _sales(clock: _Clock, chance: random.Random) -> Iterator[Event]:
    """Albums and songs paid by card. Nobody buys what they have; leo has bought one album and one song."""
    owned = {("leo", work.title) for work in WORKS}
    yield Event(clock.moment(27), "sale", "leo", "Ferry Songs")
    yield Event(clock.moment(12), "sale", "leo", "Night Bus Maps", "Line Nine")
    for days_ago in range(DAYS - 1, -1, -1):
        for _ in range(chance.choice((0, 1, 1, 2, 2))):
            who = chance.choice((*LISTENERS[1:], *GUESTS[:5]))
            works = [work for work in _out(days_ago) if work.price_micros and (who, work.title) not in owned]
            if not works:
                continue
            work = _popular(works, chance)
            owned.add((who, work.title))
            song = chance.choice(work.songs) if chance.random() < 0.25 else None
            if song and song.price_micros:
                yield Event(clock.moment(days_ago), "sale", who, work.title, song.title)
                continue
            more = chance.choice((0, 0, 1_000_000, 3_000_000, 6_000_000)) if work.is_name_your_price else 0
            yield Event(clock.moment(days_ago), "sale", who, work.title, micros=work.price_micros + more)
    yield Event(clock.moment(16), "refund", "yuki", "Dike and Sky")


def _gates(clock: _Clock, chance: random.Random) -> Iterator[Event]:
    """Free downloads: an ad is watched, or the album is simply free."""
    had = set()
    yield Event(clock.moment(8), "gate", "leo", "First Light", "Neon Rain", "mp3-320")
    yield Event(clock.moment(3), "gate", "leo", "Night Bus Maps", "Last Stop, Harbour", "flac")
    for days_ago in range(DAYS - 1, -1, -1):
        for _ in range(chance.choice((1, 1, 2, 2))):
            who = chance.choice((*LISTENERS[1:], *GUESTS))
            works = [work for work in _out(days_ago) if work.free_mode in ("AD", "FREE")]
            work = _popular(works, chance)
            song = "" if work.free_mode == "FREE" or chance.random() < 0.12 else chance.choice(work.songs).title
            if (who, work.title, song) in had:
                continue
            had.add((who, work.title, song))
            yield Event(clock.moment(days_ago), "gate", who, work.title, song, chance.choice(RECIPES))


def _views(clock: _Clock, chance: random.Random) -> Iterator[Event]:
    """Ads seen beside music, by people and strangers; a few too short to count, a few clicked."""
    for days_ago in range(DAYS - 1, -1, -1):
        for _ in range(chance.randrange(4, 11)):
            who = chance.choice(("", "", *LISTENERS, *GUESTS))
            work = _popular(_out(days_ago), chance)
            kind = chance.choices(("view", "short view", "click"), (90, 5, 5))[0]
            yield Event(clock.moment(days_ago), kind, who, work.title, seconds=chance.randrange(2, 40))


def _plays(clock: _Clock, chance: random.Random) -> Iterator[Event]:
    """Songs heard for thirty seconds and more."""
    for days_ago in range(DAYS - 1, -1, -1):
        for _ in range(chance.randrange(4, 14)):
            who = chance.choice((*LISTENERS, *GUESTS))
            work = _popular(_out(days_ago), chance)
            song = chance.choice(work.songs).title
            yield Event(clock.moment(days_ago), "play", who, work.title, song, seconds=chance.randrange(30, 45))
