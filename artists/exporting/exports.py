"""Exports as rows: asked for, got ready by whichever worker comes, and computed while they are sent.

Every master is read once, compared with its sha256, and its sum kept: so a worker that is killed loses one file at
most, and the next export reads none of them again. Nothing is copied; only the documents are stored, for a while.
"""

import hashlib
import json
import logging
import uuid
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from django.core.files.storage import Storage
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from artists import artwork, blobs, names
from artists.exporting import documents
from artists.models import Album, Artist, Cover, Export, Original
from artists.packages import Zip
from megabox import media
from megabox.claims import claim, renewing, worker_name
from megabox.zips import Part, StoredZip
from users.models import User

KEPT = timedelta(days=7)
MOST_TRIES = 20
"""Reading a large catalogue may cost several workers; each goes on where the last one was."""
CHUNK_BYTES = 1024 * 1024
_PARTS, _FOLDER = "parts.json", "exports"

Clock = Callable[[], datetime]
_log = logging.getLogger(__name__)


class NotReady(Exception):
    """The zip cannot be sent; the message says why and what to do."""


class _Damaged(Exception):
    """A master is not what was uploaded, or not there; the message says which."""


@dataclass(frozen=True)
class _Piece:
    """One file of the zip: where its bytes are. A public one is a cover."""

    name: str
    size: int
    crc32: int
    path: str
    is_public: bool = False


def ask(artist: Artist, album: Album | None, by: User, at: datetime) -> Export:
    """An export that waits for a worker; the one that waits already, if there is one."""
    try:
        with transaction.atomic():
            return Export.objects.create(artist=artist, album=album, by=by, asked_at=at)
    except IntegrityError:
        waiting = Export.objects.filter(artist=artist, album=album, state=Export.State.WAITING).first()
        return waiting or ask(artist, album, by, at)


def work(export_id: uuid.UUID, clock: Clock) -> bool:
    """Get one export ready; False when it is not to be done, or somebody else does it."""
    by, rows = worker_name(), Export.objects.filter(state=Export.State.WAITING)
    if not claim(rows, export_id, by, clock()):
        return False
    mine = rows.filter(pk=export_id, claimed_by=by)
    mine.update(tries=F("tries") + 1)
    export = Export.objects.select_related("artist", "album").get(pk=export_id)
    with renewing(rows, export_id, by):
        if export.tries > MOST_TRIES:
            _log.error("Export %s stopped its worker %s times", export_id, MOST_TRIES)
            return _end(mine, clock(), Export.State.FAILED, reason="It stopped our worker several times. Write to us.")
        try:
            if not _read_masters(export, mine):
                return False
            size = _write(export, clock())
        except _Damaged as reason:
            _log.critical("%s: %s", export, reason)
            return _end(mine, clock(), Export.State.FAILED, reason=str(reason))
    return _end(mine, clock(), Export.State.READY, size_bytes=size)


def zip_of(export: Export) -> Zip:
    """The zip, of exactly known size, readable from anywhere. Raises NotReady."""
    if export.state != Export.State.READY or not blobs.exists(f"{export.folder}/{_PARTS}"):
        raise NotReady("This export is no longer here. Export again: the files are all kept.")
    with media.private().open(f"{export.folder}/{_PARTS}", "rb") as file:
        told = file.read()
    pieces = [_Piece(*one) for one in json.loads(told)]
    if not all(_storage(one).exists(one.path) for one in pieces):
        raise NotReady("Some of its files were deleted since it was made. Export again.")
    parts = [Part(one.name, one.size, one.crc32, partial(_read, one)) for one in pieces]
    return Zip(StoredZip(parts, at=export.asked_at), filename_of(export), etag=hashlib.sha256(told).hexdigest())


def filename_of(export: Export) -> str:
    """What the zip is called when it is saved."""
    what = export.album.title if export.album else "everything"
    return f"{names.safe(f'{export.artist.name} - {what}')} {export.asked_at:%Y-%m-%d}.zip"


def clean_up(at: datetime) -> int:
    """Delete the documents of exports from a week ago, and those without a row; return how many exports went."""
    old = Export.objects.filter(finished_at__lt=at - KEPT, state__in=[Export.State.READY, Export.State.FAILED])
    for export in old:
        _delete(export.folder)
    count = old.update(state=Export.State.GONE, reason="")
    storage = media.private()
    folders = storage.listdir(_FOLDER)[0] if storage.exists(_FOLDER) else []
    kept = {str(pk) for pk in Export.objects.exclude(state=Export.State.GONE).values_list("pk", flat=True)}
    for folder in set(folders) - kept:
        _delete(f"{_FOLDER}/{folder}")
    return count


def _read_masters(export: Export, mine: QuerySet[Export]) -> bool:
    """Know the sum of every master; False when the export is another worker's now. Raises _Damaged."""
    wanted = Original.objects.filter(tracks__album__artist=export.artist)
    if export.album:
        wanted = wanted.filter(tracks__album=export.album)
    total = wanted.distinct().count()
    unread = list(wanted.filter(crc32__isnull=True).distinct().values_list("pk", "path", "sha256"))
    done = total - len(unread)
    mine.update(total=total, done=done)
    for pk, path, sha256 in unread:
        Original.objects.filter(pk=pk).update(crc32=_sum(pk, path, sha256))
        done += 1
        if mine.update(done=done) != 1:
            return False
    return True


def _sum(pk: int, path: str, sha256: str) -> int:
    digest, crc32 = hashlib.sha256(), 0
    try:
        with media.private().open(path, "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                crc32 = zlib.crc32(chunk, crc32)
    except FileNotFoundError:
        digest = hashlib.sha256()
    if digest.hexdigest() != sha256:
        titles = list(Original.objects.get(pk=pk).tracks.values_list("title", flat=True)[:1])
        raise _Damaged(
            f"The master of “{(titles or ['a track'])[0]}” is missing or damaged in our storage, which is our fault. "
            "Nothing was exported; we have been told."
        )
    return crc32


def _write(export: Export, at: datetime) -> int:
    """Store the documents and the list of all parts; the size of the zip. Raises _Damaged."""
    top = names.safe(f"{export.artist.name} - {export.album.title}" if export.album else export.artist.name)
    pieces: list[_Piece] = []
    masters: list[_Piece] = []
    with blobs.workplace() as folder:

        def seen(one: documents.Folder) -> None:
            masters.extend(_pieces_of(one, f"{top}/{one.name}"))

        written = documents.write(export.artist, export.album, folder, at, seen)
        for local in (written.catalogue, written.albums, written.tracks):
            size, crc32 = _measure(local)
            path = f"{export.folder}/{local.name}"
            blobs.delete(path)
            blobs.put(local, path)
            pieces.append(_Piece(f"{top}/{local.name}", size, crc32, path))
        pieces += masters
        parts = folder / _PARTS
        parts.write_text(json.dumps([[p.name, p.size, p.crc32, p.path, p.is_public] for p in pieces]), "utf-8")
        blobs.delete(f"{export.folder}/{_PARTS}")
        blobs.put(parts, f"{export.folder}/{_PARTS}")
    laid = [Part(one.name, one.size, one.crc32, partial(_read, one)) for one in pieces]
    return StoredZip(laid, at=export.asked_at).size


def _pieces_of(one: documents.Folder, folder: str) -> Iterator[_Piece]:
    for shelved in one.tracks:
        original = shelved.track.original
        if original is None:
            continue
        if original.crc32 is None:  # it came while the others were read
            original.crc32 = _sum(original.pk, original.path, original.sha256)
            Original.objects.filter(pk=original.pk).update(crc32=original.crc32)
        yield _Piece(f"{folder}/{shelved.filename}", original.size_bytes, original.crc32, original.path)
    for cover in one.covers:
        yield from _cover(cover, f"{folder}/cover.jpg")


def _cover(cover: Cover, name: str) -> Iterator[_Piece]:
    try:
        data = artwork.jpeg(cover)
    except FileNotFoundError:
        _log.error("The picture of cover %s is gone from the storage", cover.pk)
        return
    yield _Piece(name, len(data), zlib.crc32(data), f"{cover.path}/{artwork.JPEG}", is_public=True)


def _measure(path: Path) -> tuple[int, int]:
    """Size and CRC-32 of a file."""
    size = crc32 = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            size, crc32 = size + len(chunk), zlib.crc32(chunk, crc32)
    return size, crc32


def _storage(piece: _Piece) -> Storage:
    return media.public() if piece.is_public else media.private()


def _read(piece: _Piece, wanted: range) -> Iterator[bytes]:
    with _storage(piece).open(piece.path, "rb") as file:
        file.seek(wanted.start)
        left = len(wanted)
        while left and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk


def _end(mine: QuerySet[Export], at: datetime, state: Export.State, *, reason: str = "", size_bytes: int = 0) -> bool:
    told = {"state": state, "reason": reason, "size_bytes": size_bytes, "finished_at": at}
    return mine.update(claimed_by="", claimed_until=None, **told) == 1


def _delete(folder: str) -> None:
    """Delete a folder of the private storage, where storage has folders."""
    storage = media.private()
    if storage.exists(folder):
        for name in storage.listdir(folder)[1]:
            storage.delete(f"{folder}/{name}")
        storage.delete(folder)
