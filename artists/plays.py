"""Plays: a track that a listener heard for thirty seconds, counted once however often it is reported."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from django.db import IntegrityError, connection, transaction
from django.db.models import Count
from django.db.models.functions import Collate

from artists import splits
from artists.models import Play, Track
from artists.splits import Shares
from users.models import User

HEARD_SECONDS = 30
LONGEST_SPAN_SECONDS = 600
GUEST = "guest:"
"""How the keys of listeners begin who are nobody we know."""


def record(track: Track, listener_key: str, at: datetime, *, seconds: int, user: User | None = None) -> bool:
    """Count a play of `track` after `seconds` distinct seconds; True if it counts.

    It counts from 30 s on (the whole of a shorter track), and once in the time the track takes, at most ten minutes:
    nobody can hear it through more often.
    """
    length = max(1, track.duration_ms // 1000)
    if seconds < min(HEARD_SECONDS, length):
        return False
    span = min(max(length, HEARD_SECONDS), LONGEST_SPAN_SECONDS)
    try:
        with transaction.atomic():
            Play.objects.create(
                track=track, listener_key=listener_key, user=user, slot=int(at.timestamp()) // span, created_at=at
            )
    except IntegrityError:
        return False
    return True


def counts(tracks: Iterable[Track | int], *, since: datetime | None = None) -> dict[int, int]:
    """How often each track was played, by its id; 0 for tracks nobody heard."""
    ids = [track.pk if isinstance(track, Track) else track for track in tracks]
    plays = Play.objects.filter(track__in=ids)
    if since:
        plays = plays.filter(created_at__gte=since)
    found = dict(plays.order_by().values_list("track").annotate(count=Count("pk")))
    return {pk: found.get(pk, 0) for pk in ids}


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
