"""Packages: what people download, tagged and with its cover, and whole albums as zips of exactly known size.

Tags are written when somebody downloads, so a retitled album never serves stale ones. The tagged copy is kept in
`private/packages/<hash of what is written>/` for a while, so that a browser can ask for byte ranges of it.
"""

import hashlib
import json
import logging
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from artists import artwork, audio, blobs, copies, liner_notes, lrc, names, renditions
from artists.models import Album, Contribution, Licence, Package, Rendition, Track
from megabox.zips import Part, StoredZip

VERSION = 3
"""Part of every package's name: raise it when tags are written differently."""

_log = logging.getLogger(__name__)


class NotPrepared(Exception):
    """The files are not all there; the message says which and what happens next. Nothing is handed out in part."""


@dataclass(frozen=True)
class TaggedFile:
    """One finished download: its copy (see `media.open_private`), its name for people, its kind."""

    package: Package
    filename: str
    content_type: str

    @property
    def path(self) -> str:
        """Where it is in the private storage."""
        return self.package.path

    @property
    def size(self) -> int:
        """In bytes."""
        return self.package.size_bytes

    @property
    def etag(self) -> str:
        """The name of these very bytes."""
        return self.package.sha256


@dataclass(frozen=True)
class Zip:
    """An album as one file of exactly `size` bytes that can be read from anywhere; `etag` names these very bytes."""

    archive: StoredZip
    filename: str
    etag: str
    content_type: str = "application/zip"

    @property
    def size(self) -> int:
        """In bytes."""
        return self.archive.size

    def read(self, wanted: range) -> Iterator[bytes]:
        """The bytes of `wanted`. Raises copies.Damaged rather than give wrong ones."""
        return self.archive.read(wanted)


def tagged_track(track: Track, recipe: str) -> TaggedFile:
    """The track in this format with today's tags and cover, prepared if it was not. Raises NotPrepared."""
    renditions.note_use([track.original_id or 0], recipe, timezone.now())
    rendition = _ready_rendition(track, recipe)
    discs = Counter(track.album.tracks.filter(state=Track.State.PUBLISHED).values_list("disc", flat=True))
    return _tagged(track, rendition, discs=discs, jpeg=_jpeg(track.album))


def album_zip(album: Album, recipe: str, *, owned_since: datetime | None = None) -> Zip:
    """The album as a zip of tagged files and its cover, stored, streamed, with its size known before the first byte.

    It holds the published tracks and, for somebody who had the album by `owned_since`, those withdrawn later.
    Raises NotPrepared if any of them is not there: a track is never left out.
    """
    tracks = _tracks(album, owned_since)
    if not tracks:
        raise NotPrepared(f"“{album}” has no published tracks, so there is nothing to download.")
    renditions.note_use([track.original_id or 0 for track in tracks], recipe, timezone.now())
    picked = [(track, _ready_rendition(track, recipe)) for track in tracks]
    jpeg = _jpeg(album)
    discs = Counter(track.disc for track in tracks)
    files = [_tagged(track, rendition, discs=discs, jpeg=jpeg) for track, rendition in picked]
    folder = names.safe(f"{album.artist.name} - {album.title}")
    notes = liner_notes.text(album, tracks, f"{settings.SITE_URL}{album.get_absolute_url()}")
    parts = [
        Part(name, file.size, file.package.crc32, partial(copies.read, file.package))
        for file, name in zip(files, names.unique(file.filename for file in files), strict=True)
    ]
    parts += [_part("cover.jpg", jpeg)] if jpeg else []
    parts.append(_part("credits.txt", notes.encode()))
    archive = StoredZip([replace(part, name=f"{folder}/{part.name}") for part in parts], at=_dated(album))
    manifest = [[part.name, part.size, part.crc32] for part in parts] + [file.etag for file in files]
    told = json.dumps([VERSION, folder, _dated(album).isoformat(), manifest])
    return Zip(archive, f"{folder}.zip", etag=hashlib.sha256(told.encode()).hexdigest())


def _part(name: str, data: bytes) -> Part:
    return Part(name, len(data), zlib.crc32(data), lambda wanted: iter((data[wanted.start : wanted.stop],)))


def _dated(album: Album) -> datetime:
    """The day its files bear: the same whenever they are packed."""
    return album.published_at or album.created_at


def _tracks(album: Album, owned_since: datetime | None) -> list[Track]:
    shown = Q(state=Track.State.PUBLISHED)
    if owned_since:
        shown |= Q(state=Track.State.WITHDRAWN, published_at__isnull=False, withdrawn_at__gt=owned_since)
    tracks = list(album.tracks.filter(shown).select_related("original").prefetch_related("contributions"))
    for track in tracks:
        track.album = album
    return tracks


def _ready_rendition(track: Track, recipe: str) -> Rendition:
    """The stored rendition. Raises NotPrepared, after having it made again if its file is gone."""
    label = audio.RECIPES[recipe].label
    rendition = Rendition.objects.filter(original=track.original_id, recipe=recipe).select_related("original").first()
    if rendition is None:
        raise NotPrepared(f"“{track}” is made as {label} when somebody asks for it. Ask for it.")
    if rendition.state == Rendition.State.FAILED:
        raise NotPrepared(f"“{track}” cannot be had as {label}. Choose another format.")
    if rendition.state == Rendition.State.WANTED:
        raise NotPrepared(f"“{track}” is still being made as {label}. Try again in a minute, or choose another format.")
    if not blobs.exists(rendition.path):
        renditions.want_again(rendition)
        raise NotPrepared(_LOST.format(label, track))
    return rendition


def _tagged(track: Track, rendition: Rendition, *, discs: Counter[int], jpeg: bytes | None) -> TaggedFile:
    """The copy with tags, from the cache of packages or written now; `discs` says how many tracks are on each."""
    recipe = audio.RECIPES[rendition.recipe]
    tags = _tags(track, rendition, discs)
    told = json.dumps([VERSION, rendition.path, rendition.crc32, recipe.name, asdict(tags)], sort_keys=True)
    key = hashlib.sha256(told.encode() + b"\0" + (jpeg or b"")).hexdigest()
    try:
        package = copies.get(key, rendition, tags, jpeg, timezone.now())
    except (copies.Damaged, FileNotFoundError) as reason:
        _log.error("%s", reason)
        renditions.want_again(rendition)
        raise NotPrepared(_LOST.format(recipe.label, track)) from None
    return TaggedFile(package, _filename(track, recipe, discs), recipe.content_type)


_LOST = "The {} file of “{}” is missing or damaged on our side and is being made again. Try again in a minute."


def _tags(track: Track, rendition: Rendition, discs: Counter[int]) -> audio.Tags:
    album, original = track.album, rendition.original
    last_disc = max([track.disc, *discs])
    people: dict[str, list[str]] = defaultdict(list)
    for one in track.contributions.all():
        people[one.role].append(one.name)
    people_of = {role: "; ".join(people[role]) for role in Contribution.Role.values}
    address = f"{settings.SITE_URL}{album.get_absolute_url()}"
    lines = [f"{sign} {line}" for sign, line in (("©", album.c_line), ("℗", album.p_line)) if line]
    synced = lrc.parse(track.synced_lyrics)
    return audio.Tags(
        title=track.title,
        artist=track.performer,
        album=album.title,
        album_artist=album.artist.name,
        position=track.position,
        positions=max(discs[track.disc], track.position),
        disc=track.disc if last_disc > 1 else 0,
        discs=last_disc if last_disc > 1 else 0,
        date=album.released_on.isoformat() if album.released_on else "",
        genre=track.get_genre_display() or album.get_genre_display(),
        isrc=track.isrc,
        iswc=track.iswc,
        comment=address,
        copyright=", ".join(lines) or album.get_licence_display(),
        licence=album.get_licence_display(),
        licence_url=Licence(album.licence).url,
        label=album.label,
        lyrics=track.lyrics or lrc.plain(track.synced_lyrics),
        synced_lyrics=tuple((line.at_ms, line.text) for line in synced),
        is_explicit=track.is_explicit,
        composer=people_of[Contribution.Role.COMPOSER],
        lyricist=people_of[Contribution.Role.LYRICIST],
        producer=people_of[Contribution.Role.PRODUCER],
        engineer=people_of[Contribution.Role.ENGINEER],
        remixer=people_of[Contribution.Role.REMIXER],
        performer="; ".join([*people[Contribution.Role.PERFORMER], *people[Contribution.Role.FEATURED]]),
        barcode=album.upc,
        url=address,
        picture=album.cover_words,
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


def _filename(track: Track, recipe: audio.Recipe, discs: Counter[int]) -> str:
    number = f"{track.position:02d}" if max(discs, default=1) == 1 else f"{track.disc}-{track.position:02d}"
    stem = names.safe(f"{number} {track.performer} - {track.title}")
    return f"{stem}.{recipe.extension}"
