"""Downloads: who may fetch what, in which formats, and that they did. Owners download again for ever."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from artists import packages
from artists.audio import RECIPES
from artists.models import Rendition, Track
from store import library
from store.listeners import Listener
from store.models import Download, LibraryItem
from store.music import Music

ADVICE = {
    "mp3-320": "Plays everywhere, and nobody hears the difference.",
    "mp3-v0": "Plays everywhere, a third smaller.",
    "flac": "Every sample as the artist made it.",
    "opus": "The smallest, for phones made after 2015.",
}
BEST_FOR_MOST = "mp3-320"


class NotYours(Exception):
    """The listener has no right to this download."""


@dataclass(frozen=True)
class Offer:
    """One format of something owned. `size` in bytes without tags, 0 while it is being made."""

    recipe: str
    label: str
    advice: str
    size: int

    @property
    def is_ready(self) -> bool:
        """Whether it can be fetched now."""
        return self.size > 0


@dataclass(frozen=True)
class Owned:
    """One thing in a library and the formats it can be had in."""

    item: LibraryItem
    music: Music
    offers: Sequence[Offer]


def owned(items: Iterable[LibraryItem]) -> list[Owned]:
    """Library items with their formats; one query for the sizes of all of them."""
    found = [(item, Music.of(item), _tracks(item)) for item in items]
    sizes = _sizes({track.original_id for _, _, tracks in found for track in tracks if track.original_id})
    return [Owned(item, music, _offers(tracks, sizes)) for item, music, tracks in found]


def offers(music: Music) -> list[Offer]:
    """The formats of published music, before it is owned."""
    tracks = [music.track] if music.track else list(music.home.tracks.filter(state=Track.State.PUBLISHED))
    return _offers(tracks, _sizes({track.original_id for track in tracks if track.original_id}))


def _tracks(item: LibraryItem) -> list[Track]:
    """What the item holds: of an album what is published, and what was withdrawn after it was had."""
    if item.track is not None:
        return [item.track]
    assert item.album is not None
    return [
        track
        for track in item.album.tracks.all()
        if track.state == Track.State.PUBLISHED or (track.withdrawn_at and track.withdrawn_at > item.added_at)
    ]


def _sizes(originals: Iterable[int]) -> dict[tuple[int, str], int]:
    ready = Rendition.objects.filter(original__in=originals, state=Rendition.State.READY)
    return {
        (original, recipe): size for original, recipe, size in ready.values_list("original", "recipe", "size_bytes")
    }


def _offers(tracks: Sequence[Track], sizes: dict[tuple[int, str], int]) -> list[Offer]:
    result = []
    for recipe in RECIPES.values():
        parts = [sizes.get((track.original_id or 0, recipe.name), 0) for track in tracks]
        size = sum(parts) if parts and all(parts) else 0
        result.append(Offer(recipe.name, recipe.label, ADVICE.get(recipe.name, ""), size))
    return result


def right(listener: Listener, music: Music) -> LibraryItem:
    """The library item that allows the listener to fetch `music`, withdrawn or not. Raises NotYours."""
    item = library.item_for(listener, music)
    if item is None:
        raise NotYours(f"“{music.title}” is not in your library. Buy it, or get it free with an ad.")
    return item


def track_file(track: Track, recipe: str) -> packages.TaggedFile:
    """The finished file, with today's tags and cover. Raises packages.NotPrepared."""
    return packages.tagged_track(track, recipe)


def album_zip(item: LibraryItem, recipe: str) -> packages.Zip:
    """The whole album as its owner may have it. Raises packages.NotPrepared; a track is never left out."""
    assert item.album is not None
    return packages.album_zip(item.album, recipe, owned_since=item.added_at)


def record(item: LibraryItem, music: Music, listener: Listener, recipe: str, size: int, *, at: datetime) -> Download:
    """Write down that somebody began to fetch `music`."""
    return Download.objects.create(
        **listener.owner, **music.columns, reason=item.reason, recipe=recipe, size_bytes=size, at=at
    )
