"""Plays: a track that a listener heard for thirty seconds, counted once however often it is reported.

What was begun and left before that is a skip; of what was heard nearly whole the play says so.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Collate

from artists import splits
from artists.models import Play, Skip, Track
from artists.splits import Shares
from users.models import User

HEARD_SECONDS = 30
LONGEST_SPAN_SECONDS = 600
COMPLETED_WITHIN = timedelta(days=1)
MOST_SITE = 100
FEWEST_NAMED = 5
"""So many different listeners must come from a country or a site before an artist reads its name."""
HOST = re.compile(r"(?!-)([a-z0-9-]+\.)+[a-z][a-z0-9-]+")
"""A name in the internet: no port, no path, no address in numbers, which could name somebody's own computer."""
COUNTRY = re.compile(r"[A-Z]{2}")
GUEST = "guest:"
"""How the keys of listeners begin who are nobody we know."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a play came from: the page it was started on, the site whose link led here, the listener's country."""

    place: str = Play.Place.OTHER
    site: str = ""
    country: str = ""


NOWHERE = Origin()


def origin(place: object, site: object, country: str = "") -> Origin:
    """What a browser says of where a play came from. A hint only: what makes no sense is left out, never refused."""
    host = site.lower().removeprefix("www.") if isinstance(site, str) and len(site) <= MOST_SITE else ""
    return Origin(
        place=place if isinstance(place, str) and place in Play.Place.values else Play.Place.OTHER,
        site=host if HOST.fullmatch(host) else "",
        country=country if COUNTRY.fullmatch(country) else "",
    )


def record(
    track: Track, listener_key: str, at: datetime, *, seconds: int, user: User | None = None, origin: Origin = NOWHERE
) -> bool:
    """Count a play of `track` after `seconds` distinct seconds; True if it counts.

    It counts from 30 s on (the whole of a shorter track), and once in the time the track takes, at most ten minutes:
    nobody can hear it through more often.
    """
    if seconds < _needed(track):
        return False
    made = Play(track=track, listener_key=listener_key, user=user, slot=_slot(track, at), created_at=at)
    made.place, made.site, made.country = origin.place, origin.site, origin.country
    return _is_new(made)


def complete(track: Track, listener_key: str, at: datetime, *, seconds: int) -> bool:
    """Mark the listener's last play of `track` as heard to nine tenths; True if it was not yet.

    Only a play of the last day, and only after so many distinct seconds.
    """
    if 10 * seconds < 9 * _length(track):
        return False
    played = Play.objects.filter(
        track=track, listener_key=listener_key, created_at__gt=at - COMPLETED_WITHIN, created_at__lte=at
    )
    last = played.order_by("-created_at", "-pk").values_list("pk", flat=True)[:1]
    return Play.objects.filter(pk__in=list(last), completed_at=None).update(completed_at=at) == 1


def skip(track: Track, listener_key: str, at: datetime, *, seconds: int) -> bool:
    """Count that `track` was begun and left after `seconds`, before it counted as a play; True if it counts."""
    if not 0 < seconds < _needed(track):
        return False
    return _is_new(Skip(track=track, listener_key=listener_key, slot=_slot(track, at), created_at=at))


def _length(track: Track) -> int:
    return max(1, track.duration_ms // 1000)


def _needed(track: Track) -> int:
    """So many distinct seconds make a play."""
    return min(HEARD_SECONDS, _length(track))


def _slot(track: Track, at: datetime) -> int:
    return int(at.timestamp()) // min(max(_length(track), HEARD_SECONDS), LONGEST_SPAN_SECONDS)


def _is_new(row: Play | Skip) -> bool:
    """Save the row, unless there is one of the same listener, track and slot."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return False
    return True


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Plays of a window as columns: play i is by `listeners[i]` and pays `shares[sheets[i]]`. Both count from 0.

    So many of the listeners are `guests`.
    """

    listeners: npt.NDArray[np.int32]
    sheets: npt.NDArray[np.int32]
    shares: list[Shares]
    guests: int


def heard(since: datetime, until: datetime, *, with_guests: bool = True) -> Heard:
    """All plays from `since` up to but not including `until`, each with the shares in force when it was played.

    Listeners are persons and, unless told otherwise, guests, by their keys; who they are is not told. Eight bytes are
    kept for a play, and the numbers do not depend on the database or on the order of its rows.
    """
    lines = splits.in_force(since, until)
    shares = sorted({one for line in lines.values() for _, one in line})
    number = {one: n for n, one in enumerate(shares)}
    settled = {track: number[line[0][1]] for track, line in lines.items() if len(line) == 1}
    changing = {track: line for track, line in lines.items() if len(line) > 1}
    listeners, sheets = array("i"), array("i")
    last, n, guests = "", -1, 0
    for key, track, at in _rows(since, until, with_guests):
        if key != last:
            last, n, guests = key, n + 1, guests + key.startswith(GUEST)
        listeners.append(n)
        sheet = settled.get(track)
        sheets.append(number[_at(changing[track], at)] if sheet is None else sheet)
    return Heard(np.frombuffer(listeners, np.int32), np.frombuffer(sheets, np.int32), shares, guests)


def _rows(since: datetime, until: datetime, with_guests: bool) -> Iterable[tuple[str, int, datetime]]:
    """Key, track and time of each play, one listener after the other."""
    # By bytes: a language's order of letters differs between databases, and from one version to the next.
    key = Collate("listener_key", "C" if connection.vendor == "postgresql" else "BINARY")
    plays = Play.objects.filter(created_at__gte=since, created_at__lt=until).order_by(key)
    if not with_guests:
        plays = plays.exclude(listener_key__startswith=GUEST)
    return plays.values_list("listener_key", "track", "created_at").iterator(chunk_size=10_000)


def _at(line: list[tuple[datetime, Shares]], at: datetime) -> Shares:
    return line[bisect_right(line, at, key=lambda version: version[0]) - 1][1]
