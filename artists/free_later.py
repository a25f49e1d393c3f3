"""Music that becomes free with an ad some days after it is published: from when, and its turning free at that time.

Whoever may have it free looks at `free_mode` alone: it stays LATER until the sweeper turns it into AD.
"""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from artists.models import Album, FreeMode, Track

COLUMNS = ("free_mode", "free_after_days", "free_from")


def settle(thing: Album | Track, at: datetime) -> None:
    """Say of `thing` from when it is free, without storing it; one whose time has passed is free with an ad at once."""
    thing.free_from = None
    if thing.free_mode != FreeMode.LATER:
        thing.free_after_days = None
    elif thing.published_at is not None and thing.free_after_days is not None:
        thing.free_from = thing.published_at + timedelta(days=thing.free_after_days)
        if thing.free_from <= at:
            thing.free_mode, thing.free_after_days, thing.free_from = FreeMode.AD, None, None


def settle_all(tracks: QuerySet[Track], at: datetime, *, now: tuple[str, int | None] | None = None) -> None:
    """Say of each of `tracks` from when it is free, and store it; `now` is what holds of all of them from now on."""
    settled = list(tracks.only(*COLUMNS, "published_at"))
    for track in settled:
        if now is not None:
            track.free_mode, track.free_after_days = now
        settle(track, at)
    Track.objects.bulk_update(settled, COLUMNS)


def begin(at: datetime) -> int:
    """Make free with an ad what has waited until now; return how many albums and tracks became so.

    Two sweepers at once do it once: each row is changed under its condition.
    """
    ad = {"free_mode": FreeMode.AD, "free_after_days": None, "free_from": None}
    return sum(
        rows.filter(free_mode=FreeMode.LATER, free_from__lte=at).update(**ad)
        for rows in (Album.objects.all(), Track.objects.all())
    )
