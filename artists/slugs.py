"""Slugs: readable in every script, unique beside their siblings, and never lost once somebody may have the link."""

import re
import unicodedata
import uuid
from datetime import datetime

from django.db import IntegrityError, transaction

from artists.models import Album, Artist, OldSlug, Track

MOST_LETTERS = 80
TRIES = 5
_RESERVED_WORDS = """
about account accounts add admin albums api archive artists browse cart credits delete desk edit embed feed follow
followers free get gift help home index library login logout me media merch music new oembed orders play plays preview
rss search settings share shows static stats stream studio support tags tracks upload videos wallet
"""
RESERVED = frozenset(_RESERVED_WORDS.split())
# Letters of Unicode that show nothing: two addresses would look the same.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u3164\uffa0")

Thing = Artist | Album | Track


def slugify(text: str) -> str:
    """`text` as an address: lower case, letters, marks and digits of every script, dashes between; may be empty."""
    kept: list[str] = []
    for letter in unicodedata.normalize("NFKC", text).lower():
        kind = unicodedata.category(letter)[0]
        is_mark_of_a_letter = kind == "M" and kept and kept[-1] != "-"
        if letter in _INVISIBLE or "\ufe00" <= letter <= "\ufe0f" or letter in "'’‘ʼ":
            continue
        kept.append(letter if kind in "LN" or is_mark_of_a_letter else "-")
    return re.sub(r"-+", "-", "".join(kept))[:MOST_LETTERS].strip("-")


def save(thing: Thing, *, at: datetime) -> None:
    """Save `thing` under a slug made from its name, remembering the old one if others may have seen it.

    It keeps its slug while that still fits its name. Two savers of one name meet at the unique key: the later one
    takes the next number.
    """
    pk, slug = thing.pk, thing.slug
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                _save(thing, at)
            return
        except IntegrityError:
            if attempt == TRIES - 1:
                raise
            thing.pk, thing.slug = pk, slug


def moved_artist(slug: str) -> Artist | None:
    """The artist who once had this slug."""
    old = OldSlug.objects.select_related("artist").filter(scope="artist", slug=slug).first()
    return old.artist if old else None


def moved_album(artist: Artist, slug: str) -> Album | None:
    """The album of `artist` that once had this slug."""
    old = OldSlug.objects.select_related("album").filter(scope=f"album:{artist.pk}", slug=slug).first()
    return old.album if old else None


def moved_track(album: Album, slug: str) -> Track | None:
    """The track of `album` that once had this slug."""
    old = OldSlug.objects.select_related("track").filter(scope=f"track:{album.pk}", slug=slug).first()
    return old.track if old else None


def _save(thing: Thing, at: datetime) -> None:
    base = slugify(_name(thing))
    if not base:
        if thing.pk is None:
            thing.slug = uuid.uuid4().hex
            thing.save()
        base = f"a{thing.pk}"
    before = thing.slug
    if not re.fullmatch(rf"{re.escape(base)}(-\d+)?", before):
        thing.slug = _free(thing, base)
    thing.save()
    scope = _scope(thing)
    OldSlug.objects.filter(scope=scope, slug=thing.slug).delete()
    if before and before != thing.slug and _was_seen(thing):
        owner = {type(thing).__name__.lower(): thing}
        OldSlug.objects.update_or_create(scope=scope, slug=before, defaults={**owner, "created_at": at})


def _free(thing: Thing, base: str) -> str:
    """The first of `base`, `base-2`, `base-3`, ... that no sibling has or had."""
    old = OldSlug.objects.filter(scope=_scope(thing), slug__startswith=base)
    if thing.pk is not None:
        old = old.exclude(**{type(thing).__name__.lower(): thing.pk})
    taken = {*_siblings(thing, base), *old.values_list("slug", flat=True), *RESERVED}
    number, slug = 1, base
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


def _siblings(thing: Thing, base: str) -> list[str]:
    """The slugs beside `thing` that begin with `base`."""
    if isinstance(thing, Artist):
        artists = Artist.objects.filter(slug__startswith=base)
        return list(artists.exclude(pk=thing.pk).values_list("slug", flat=True))
    if isinstance(thing, Album):
        albums = Album.objects.filter(slug__startswith=base, artist_id=thing.artist_id)
        return list(albums.exclude(pk=thing.pk).values_list("slug", flat=True))
    tracks = Track.objects.filter(slug__startswith=base, album_id=thing.album_id)
    return list(tracks.exclude(pk=thing.pk).values_list("slug", flat=True))


def _name(thing: Thing) -> str:
    return thing.name if isinstance(thing, Artist) else thing.title


def _scope(thing: Thing) -> str:
    if isinstance(thing, Artist):
        return "artist"
    return f"album:{thing.artist_id}" if isinstance(thing, Album) else f"track:{thing.album_id}"


def _was_seen(thing: Thing) -> bool:
    """Whether somebody may have kept the address: artists' pages always, music once it was published."""
    is_announced = isinstance(thing, Album) and thing.is_announced
    return isinstance(thing, Artist) or is_announced or thing.published_at is not None
