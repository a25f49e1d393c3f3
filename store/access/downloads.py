"""Downloads: who may fetch what, in which formats, and that they did. Owners download again for ever."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from artists import packages, renditions
from artists.audio import RECIPES
from artists.formats import Format, Stock
from artists.models import Rendition, Track
from store.access import library
from store.listeners import Listener
from store.models import Download, LibraryItem
from store.music import Music

BEST_FOR_MOST = "mp3-320"


class NotYours(Exception):
    """The listener has no right to this download."""


@dataclass(frozen=True)
class Owned:
    """One thing in a library, the formats it can be had in, and the one its listener takes."""

    item: LibraryItem
    music: Music
    offers: Sequence[Format]
    usual: Format


@dataclass(frozen=True)
class Making:
    """How far a format of something is: so many of its files are there, and why some cannot be made."""

    offer: Format
    made: int
    total: int
    failures: Sequence[str]

    @property
    def is_open(self) -> bool:
        """Whether it goes on by itself."""
        return self.total > 0 and not self.offer.is_ready and not self.failures


def owned(items: Iterable[LibraryItem], usual_recipe: str) -> list[Owned]:
    """Library items with their formats, in two queries for all of them."""
    found = [(item, Music.of(item), _originals(_tracks(item))) for item in items]
    stock = Stock(original for _, _, originals in found for original in originals)
    result = []
    for item, music, originals in found:
        offers = stock.formats(originals)
        result.append(Owned(item, music, offers, chosen(offers, usual_recipe)))
    return result


def offers(music: Music) -> list[Format]:
    """The formats of published music, before it is owned."""
    rows = Track.objects.filter(pk=music.track.pk) if music.track else music.home.tracks.published()
    return offers_of(rows.only("original"))


def offers_of(tracks: Iterable[Track]) -> list[Format]:
    """The formats these tracks can be had in together."""
    originals = _originals(tracks)
    return Stock(originals).formats(originals)


def usual(listener: Listener) -> str:
    """The recipe a listener took last; before the first, what is best for most."""
    last = Download.objects.of(listener).order_by("-at", "-pk").values_list("recipe", flat=True).first()
    return last if last in RECIPES else BEST_FOR_MOST


def chosen(offers: Sequence[Format], recipe: str) -> Format:
    """The format of this recipe; what is best for most instead of one that could not be made."""
    found = {offer.recipe: offer for offer in offers}
    return found[BEST_FOR_MOST] if found[recipe].has_failed else found[recipe]


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


def _originals(tracks: Iterable[Track]) -> list[int]:
    return [track.original_id for track in tracks if track.original_id is not None]


def ask(item: LibraryItem, music: Music, recipe: str, *, at: datetime) -> list[int]:
    """Have a format made that nobody asked for before; return the ids of the renditions that are made now."""
    return renditions.ask(_originals(_asked_for(item, music)), recipe, at)


def ask_again(item: LibraryItem, music: Music, recipe: str, *, at: datetime) -> list[int]:
    """Have tried once more what could not be made; return the ids of the renditions that are tried."""
    return renditions.ask_again(_originals(_asked_for(item, music)), recipe, at)


def making(item: LibraryItem, music: Music, recipe: str) -> Making:
    """How far a format is."""
    tracks = _asked_for(item, music)
    originals = _originals(tracks)
    rows = {row.original_id: row for row in Rendition.objects.filter(original__in=originals, recipe=recipe)}
    mine = [(track, rows.get(track.original_id or 0)) for track in tracks]
    offer = next(one for one in Stock(originals).formats(originals) if one.recipe == recipe)
    return Making(
        offer,
        made=sum(row is not None and row.state == Rendition.State.READY for _, row in mine),
        total=len(tracks),
        failures=[f"“{track}”: {row.reason}" for track, row in mine if row and row.state == Rendition.State.FAILED],
    )


def _asked_for(item: LibraryItem, music: Music) -> list[Track]:
    """The tracks of `music`, which the item holds all of."""
    return [music.track] if music.track is not None else _tracks(item)


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
