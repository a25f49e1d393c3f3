"""Packages: what people download, tagged and with its cover, and whole albums as zips of exactly known size.

Tags are written when somebody downloads, so a retitled album never serves stale ones. The tagged copy is kept in
`private/packages/<hash of what is written>/` for a while, so that a browser can ask for byte ranges of it.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from zipstream import ZipStream

from artists import artwork, audio, blobs, renditions
from artists.models import Album, Rendition, Track
from megabox import media

KEPT_DAYS = 3
VERSION = 1
"""Part of every package's name: raise it when tags are written differently."""

_CHUNK_BYTES = 256 * 1024
_FORBIDDEN = dict.fromkeys(map(ord, '<>:"/\\|?*'), "-")
_log = logging.getLogger(__name__)


class NotPrepared(Exception):
    """The files are not all there; the message says which and what happens next. Nothing is handed out in part."""


@dataclass(frozen=True)
class TaggedFile:
    """One finished download: a private file (see `media.signed_url`), its bytes, its name for people, its kind."""

    path: str
    size: int
    filename: str
    content_type: str


@dataclass(frozen=True)
class Zip:
    """An album as one stream of exactly `size` bytes; reading it opens the files one after the other."""

    chunks: Iterator[bytes]
    size: int
    filename: str
    content_type: str = "application/zip"


@dataclass(frozen=True)
class Format:
    """A format on offer: whether it can be had now, and its bytes without tags (0 while unknown)."""

    recipe: str
    label: str
    is_ready: bool
    size: int


def formats(thing: Album | Track) -> list[Format]:
    """All formats of a track or album, in the order they are offered."""
    sizes: dict[str, list[int]] = {recipe: [] for recipe in audio.RECIPES}
    tracks = _tracks(thing, None) if isinstance(thing, Album) else [thing]
    ready = Rendition.objects.filter(original__tracks__in=tracks, state=Rendition.State.READY)
    for recipe, size in ready.values_list("recipe", "size_bytes"):
        sizes.setdefault(recipe, []).append(size)
    return [
        Format(
            recipe=name,
            label=recipe.label,
            is_ready=0 < len(tracks) == len(sizes[name]),
            size=sum(sizes[name]) if len(tracks) == len(sizes[name]) else 0,
        )
        for name, recipe in audio.RECIPES.items()
    ]


def is_ready(thing: Album | Track, recipe: str) -> bool:
    """Whether the track, or every track of the album, can be had in this format now."""
    return any(one.is_ready for one in formats(thing) if one.recipe == recipe)


def tagged_track(track: Track, recipe: str) -> TaggedFile:
    """The track in this format with today's tags and cover, prepared if it was not. Raises NotPrepared."""
    rendition = _ready_rendition(track, recipe)
    positions = track.album.tracks.filter(state=Track.State.PUBLISHED).count()
    return _tagged(track, rendition, positions=positions, jpeg=_jpeg(track.album))


def album_zip(album: Album, recipe: str, *, owned_since: datetime | None = None) -> Zip:
    """The album as a zip of tagged files and its cover, stored, streamed, with its size known before the first byte.

    It holds the published tracks and, for somebody who had the album by `owned_since`, those withdrawn later.
    Raises NotPrepared if any of them is not there: a track is never left out.
    """
    tracks = _tracks(album, owned_since)
    if not tracks:
        raise NotPrepared(f"“{album}” has no published tracks, so there is nothing to download.")
    picked = [(track, _ready_rendition(track, recipe)) for track in tracks]
    jpeg = _jpeg(album)
    files = [_tagged(track, rendition, positions=len(tracks), jpeg=jpeg) for track, rendition in picked]
    folder = safe_name(f"{album.artist.name} - {album.title}")
    archive = ZipStream(sized=True)
    for file, name in zip(files, _unique([file.filename for file in files]), strict=True):
        archive.add(_read(file), f"{folder}/{name}", size=file.size)
    if jpeg:
        archive.add(jpeg, f"{folder}/cover.jpg")
    return Zip(iter(archive), len(archive), f"{folder}.zip")


def clean_up(at: datetime) -> int:
    """Delete prepared copies that are older than three days; return how many. They are made again when asked for."""
    storage, count = media.private(), 0
    if not storage.exists("packages"):
        return 0
    for key in storage.listdir("packages")[0]:
        for name in storage.listdir(f"packages/{key}")[1]:
            if storage.get_modified_time(f"packages/{key}/{name}") < at - timedelta(days=KEPT_DAYS):
                storage.delete(f"packages/{key}/{name}")
                count += 1
        if not storage.listdir(f"packages/{key}")[1]:
            storage.delete(f"packages/{key}")
    return count


def safe_name(text: str, longest: int = 120) -> str:
    """`text` as a file name that every system takes: no separators, no trailing dots, no name Windows reserves."""
    kept = audio.clean_text(text.replace("\n", " "), longest).translate(_FORBIDDEN)
    kept = " ".join(kept.split()).strip(" .")
    while len(kept.encode()) > 200:
        kept = kept[:-1]
    reserved = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
    return f"_{kept}" if kept.split(".")[0].lower() in reserved else kept or "untitled"


def _tracks(album: Album, owned_since: datetime | None) -> list[Track]:
    shown = Q(state=Track.State.PUBLISHED)
    if owned_since:
        shown |= Q(state=Track.State.WITHDRAWN, published_at__isnull=False, withdrawn_at__gt=owned_since)
    tracks = list(album.tracks.filter(shown).select_related("original"))
    for track in tracks:
        track.album = album
    return tracks


def _ready_rendition(track: Track, recipe: str) -> Rendition:
    """The stored rendition. Raises NotPrepared, after having it made again if its file is gone."""
    label = audio.RECIPES[recipe].label
    rendition = Rendition.objects.filter(original=track.original_id, recipe=recipe).select_related("original").first()
    if rendition is None or rendition.state == Rendition.State.FAILED:
        raise NotPrepared(f"“{track}” cannot be had as {label}. Choose another format.")
    if rendition.state == Rendition.State.WANTED:
        raise NotPrepared(f"“{track}” is still being made as {label}. Try again in a minute, or choose another format.")
    if not blobs.exists(rendition.path):
        renditions.want_again(rendition)
        raise NotPrepared(
            f"The {label} file of “{track}” is missing on our side and is being made again. Try again in a minute."
        )
    return rendition


def _tagged(track: Track, rendition: Rendition, *, positions: int, jpeg: bytes | None) -> TaggedFile:
    """The copy with tags, from the cache of packages or written now."""
    recipe = audio.RECIPES[rendition.recipe]
    tags = _tags(track, rendition, positions)
    told = json.dumps([VERSION, rendition.path, rendition.crc32, recipe.name, asdict(tags)], sort_keys=True)
    key = hashlib.sha256(told.encode() + b"\0" + (jpeg or b"")).hexdigest()
    path = f"packages/{key}/{recipe.name}.{recipe.extension}"
    if blobs.exists(path):
        blobs.touch(path)
    else:
        with blobs.workplace() as folder, blobs.borrow(rendition.path) as source:
            copy = folder / f"copy.{recipe.extension}"
            shutil.copyfile(source, copy)
            audio.write_tags(copy, recipe.name, tags, jpeg)
            blobs.put(copy, path)
    return TaggedFile(path, media.private().size(path), _filename(track, recipe), recipe.content_type)


def _tags(track: Track, rendition: Rendition, positions: int) -> audio.Tags:
    album, original = track.album, rendition.original
    return audio.Tags(
        title=track.title,
        artist=track.performer,
        album=album.title,
        album_artist=album.artist.name,
        position=track.position,
        positions=max(positions, track.position),
        date=album.released_on.isoformat() if album.released_on else "",
        genre=track.get_genre_display() or album.get_genre_display(),
        isrc=track.isrc,
        copyright=album.get_licence_display(),
        lyrics=track.lyrics,
        barcode=album.upc,
        url=f"{settings.SITE_URL}{album.get_absolute_url()}",
        loudness_lufs=original.loudness_lufs,
        true_peak_dbtp=original.true_peak_dbtp,
    )


def _jpeg(album: Album) -> bytes | None:
    """The album's picture for downloads; without it the music is still whole, so its loss is logged, not refused."""
    if album.cover is None:
        return None
    try:
        return artwork.jpeg(album.cover)
    except FileNotFoundError:
        _log.error("The picture of cover %s is gone from the storage", album.cover_id)
        return None


def _filename(track: Track, recipe: audio.Recipe) -> str:
    stem = safe_name(f"{track.position:02d} {track.performer} - {track.title}")
    return f"{stem}.{recipe.extension}"


def _unique(names: Sequence[str]) -> list[str]:
    """The same names, numbered where two would be one on systems that ignore case."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        number = seen[name.lower()] = seen.get(name.lower(), 0) + 1
        stem, _, extension = name.rpartition(".")
        unique.append(name if number == 1 else f"{stem} ({number}).{extension}")
    return unique


def _read(file: TaggedFile) -> Iterator[bytes]:
    """The bytes of a prepared file, opened when the zip comes to it."""
    with media.private().open(file.path, "rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk
