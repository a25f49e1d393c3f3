"""Tracks of an album as artists change, order and remove them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from artists import search, slugs
from artists.models import Album, SplitSheet, Track, Upload

_OUT_OF_THE_WAY = 16_000
"""Positions from here on are only held inside a transaction, while tracks change places."""


class BadIsrc(ValueError):
    """What was typed is no ISRC; the message says what one looks like."""


class LastTrack(Exception):
    """A published album keeps a track; the message says what to do instead."""


@dataclass(frozen=True)
class Details:
    """What an artist writes about a track. The price in micros of the album's currency; None: with the album only."""

    title: str
    isrc: str = ""
    price_micros: int | None = None
    artist_name: str = ""
    credit_price: int | None = None
    genre: str = ""
    lyrics: str = ""


def parse_isrc(text: str) -> str:
    """The ISRC in `text` as twelve characters, or empty for none. Raises BadIsrc."""
    typed = re.sub(r"^ISRC", "", re.sub(r"[\s.–—-]", "", text).upper())
    if typed and not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", typed):
        raise BadIsrc(
            f"“{text.strip()[:20]}” is no ISRC. One has 12 characters, like DE-ABC-26-00001: two letters of a country, "
            "three of its registrant, two digits of the year, five of the recording. Leave it empty if you have none."
        )
    return typed


def edit(track: Track, details: Details, at: datetime) -> None:
    """Store what the artist says now; a new title gives a new address, and the old one goes on working."""
    with transaction.atomic():
        track.refresh_from_db(from_queryset=Track.objects.select_for_update())
        for name in ("title", "isrc", "price_micros", "artist_name", "credit_price", "genre", "lyrics"):
            setattr(track, name, getattr(details, name))
        slugs.save(track, at=at)
        search.write_album(track.album, at=at)


def move(track: Track, step: int) -> None:
    """Move a track up (-1) or down (+1) by one place; at the end of the list nothing changes."""
    with transaction.atomic():
        Album.objects.select_for_update().get(pk=track.album_id)
        order = list(Track.objects.kept().filter(album=track.album_id).order_by("position", "pk"))
        at = next((index for index, one in enumerate(order) if one.pk == track.pk), None)
        if at is None or not 0 <= at + step < len(order):
            return
        order.insert(at + step, order.pop(at))
        _place(order)


def remove(track: Track, at: datetime) -> None:
    """Take a track off its album. What was published is withdrawn, and whoever has it keeps it; a draft is deleted.

    Raises LastTrack for the only track of a published album.
    """
    with transaction.atomic():
        album = Album.objects.select_for_update().select_related("artist").get(pk=track.album_id)
        others = Track.objects.filter(album=album, state=Track.State.PUBLISHED).exclude(pk=track.pk)
        if album.is_published and not others.exists():
            raise LastTrack(f"“{track}” is the only track people can hear on “{album}”. Withdraw the album instead.")
        # Its file may be sent again from now on.
        Upload.objects.filter(track=track).update(is_dismissed=True)
        if track.published_at is None:
            SplitSheet.objects.filter(track=track).delete()
            Track.objects.filter(pk=track.pk).delete()
        else:
            Track.objects.filter(pk=track.pk).update(state=Track.State.WITHDRAWN, withdrawn_at=at)
            search.write_album(album, at=at)
        renumber(album)


def renumber(album: Album) -> None:
    """Close the gaps between tracks: 1, 2, 3, ..."""
    _place(list(Track.objects.kept().filter(album=album).order_by("position", "pk")))


def _place(order: Sequence[Track]) -> None:
    """Give the tracks of one album the places 1, 2, 3, ... in this order, past the unique key."""
    changed = [(track, place) for place, track in enumerate(order, 1) if track.position != place]
    if not changed:
        return
    ids = [track.pk for track, _ in changed]
    Track.objects.filter(pk__in=ids).update(position=F("position") + _OUT_OF_THE_WAY)
    for track, place in changed:
        Track.objects.filter(pk=track.pk).update(position=place)
