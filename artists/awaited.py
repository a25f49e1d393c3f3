"""Tracks that wait for their sound: a sheet, or somebody's hand, said what they are; then the file comes.

What was said of a track stays; the file adds its sound, and what nobody said.
"""

from collections.abc import Callable

from artists import naming
from artists.models import Album, Artist, Original, Track
from artists.models.catalogue import AlbumQuerySet
from artists.naming import Guess


def find(album: Album, original: Original, filename: str, guess: Guess) -> Track | None:
    """The track of `album` that waits for this file: by the name of the file, ISRC, title, or number; else None.

    Where two could be meant, none is.
    """
    waiting = list(Track.objects.kept().filter(album=album, original__isnull=True).defer("peaks"))
    if not waiting:
        return None
    tags = original.tags
    isrc, title = str(tags.get("isrc", "")), str(tags.get("title") or guess.title)
    disc = int(str(tags.get("disc") or 0)) or guess.disc or 1
    number = int(str(tags.get("position") or 0)) or guess.position
    is_meant: tuple[Callable[[Track], bool], ...] = (
        lambda track: bool(track.awaits) and track.awaits.casefold() == filename.casefold(),
        lambda track: bool(track.awaits) and naming.stem(track.awaits) == naming.stem(filename),
        lambda track: bool(isrc) and track.isrc == isrc,
        lambda track: naming.is_alike(track.title, title),
        # A track that waits for a file of another name is not meant by a number.
        lambda track: not track.awaits and (track.disc, track.position) == (disc, number),
    )
    for is_it in is_meant:
        found = [track for track in waiting if is_it(track)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def fill(track: Track, original: Original) -> None:
    """Give a track its sound, and of what the file tells what nobody said."""
    track.original, track.duration_ms, track.peaks, track.awaits = original, original.duration_ms, original.peaks, ""
    track.isrc = track.isrc or str(original.tags.get("isrc", ""))
    track.lyrics = track.lyrics or str(original.tags.get("lyrics", ""))
    track.save(update_fields=["original", "duration_ms", "peaks", "awaits", "isrc", "lyrics"])


def album_called(artist: Artist, title: str) -> Album | None:
    """The draft of this title whose tracks wait for their sound, if there is one: where its files belong."""
    waiting: AlbumQuerySet = Album.objects.filter(artist=artist, published_at__isnull=True).order_by("pk")
    rows = waiting.filter(tracks__original__isnull=True, tracks__state=Track.State.DRAFT).distinct()
    found = [album for album in rows if naming.is_alike(album.title, title)]
    return found[0] if len(found) == 1 else None
