"""Plays: a track that a listener heard for thirty seconds, counted once however often it is reported."""

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Count

from artists.models import Play, Track
from users.models import User

HEARD_SECONDS = 30
LONGEST_SPAN_SECONDS = 600


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
