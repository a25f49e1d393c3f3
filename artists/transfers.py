"""Transfers: files that arrive in pieces, are gone on with days later, and end as uploads or with a reason in words.

The row is the truth: `offset_bytes` of the file count, and it grows only after they are on the disk. What lies behind
that is written over. One request at a time may write: it has the claim, and looks whether it still has it, under a lock
of the file, before every step. So whatever is killed, repeated or sent twice, the bytes are those that were sent.
"""

import fcntl
import hashlib
import logging
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from artists import albums, archives, audio, blobs, covers, incoming, uploads
from artists.incoming import Refused
from artists.models import Album, Transfer
from megabox.claims import claim, release, renewing, unclaimed, worker_name
from users.models import User

STEP_BYTES = 4 * 1024**2
"""So much is held in memory, written and counted at once."""
STEP_SECONDS = 10
READ_BYTES = 16 * 1024
SILENCE = timedelta(seconds=30)
"""Who sent nothing for so long may be overtaken by the next request."""
MOST_OPEN = 2_000
MOST_TRIES = 4
DIGESTS = ("sha256", "sha1")

Clock = Callable[[], datetime]
Read = Callable[[int], bytes]

_log = logging.getLogger(__name__)


class Gone(Exception):
    """There is no such transfer any more."""


class WrongOffset(Exception):
    """These bytes do not follow on what is here: `offset_bytes` is where to go on."""

    def __init__(self, offset_bytes: int) -> None:
        super().__init__(f"The next byte this file needs is number {offset_bytes}.")
        self.offset_bytes = offset_bytes


class Busy(Exception):
    """Another request writes to it just now."""


class Overrun(Refused):
    """More bytes than were announced."""


class BadChecksum(Exception):
    """The bytes are not those that were sent, so none of them was taken."""


@dataclass(frozen=True)
class Piece:
    """What a request brings: from which byte on, how many, how to read them, and their digest if it is told."""

    offset_bytes: int
    length_bytes: int
    read: Read
    digest: str = ""
    expected: bytes = b""


def create(album: Album, filename: str, size_bytes: int, by: User, at: datetime, *, fingerprint: str = "") -> Transfer:
    """A place for a file of `size_bytes`; its room is reserved from now on.

    Raises incoming.Refused (EmptyFile, TooMuch, OverQuota, NoRoom) with a sentence, before a byte is sent.
    """
    name = audio.clean_filename(filename)
    if size_bytes == 0:
        raise uploads.empty(name)
    if size_bytes > settings.MAX_UPLOAD_BYTES:
        raise incoming.too_much()
    incoming.check_room(size_bytes + Transfer.objects.missing_bytes())
    with transaction.atomic():
        # One after the other, so that two files cannot take the same room.
        User.objects.select_for_update().get(pk=album.artist.owner_id)
        if Transfer.objects.owned_by(album.artist.owner).unfinished().count() >= MOST_OPEN:
            raise uploads.OverQuota(f"{MOST_OPEN} files are on their way already. Let some of them arrive first.")
        uploads.check_quota(album, name, size_bytes)
        return Transfer.objects.create(
            album=album,
            by=by,
            filename=name,
            fingerprint=fingerprint,
            size_bytes=size_bytes,
            created_at=at,
            expires_at=at + timedelta(days=settings.TRANSFER_DAYS),
        )


def append(transfer_id: uuid.UUID, piece: Piece, clock: Clock) -> int:
    """Write what `piece` brings and return how many bytes of the file are here now; fewer if it breaks off.

    Raises Gone, WrongOffset, Busy, Overrun, BadChecksum and incoming.NoRoom. Whatever is raised, bytes that count are
    on the disk. A piece with a digest counts as a whole or not at all.
    """
    by, at = worker_name(), clock()
    row = Transfer.objects.filter(pk=transfer_id, expires_at__gt=at).first()
    if row is None:
        raise Gone
    if piece.offset_bytes != row.offset_bytes:
        raise WrongOffset(row.offset_bytes)
    if piece.offset_bytes + piece.length_bytes > row.size_bytes:
        raise Overrun(f"“{row}” was announced with {row.size_bytes} bytes, and these are more. Send the file anew.")
    if piece.length_bytes == 0:
        return row.offset_bytes
    here = Transfer.objects.filter(pk=transfer_id, state=Transfer.State.RECEIVING, offset_bytes=piece.offset_bytes)
    if here.filter(unclaimed(at)).update(claimed_by=by, claimed_until=at + SILENCE) != 1:
        raise Busy
    writer = _Writer(row, by, piece, clock)
    try:
        return writer.write()
    finally:
        release(Transfer.objects.all(), transfer_id, by)


def cancel(transfer: Transfer, at: datetime) -> None:
    """Delete a transfer with all that came of it. Raises Busy while it is being stored as an upload."""
    stored = Q(state=Transfer.State.ARRIVED) & ~unclaimed(at)
    if Transfer.objects.filter(pk=transfer.pk).exclude(stored).delete()[0] == 0:
        if Transfer.objects.filter(pk=transfer.pk).exists():
            raise Busy
        return
    incoming.piece(transfer.pk).unlink(missing_ok=True)


def finish(transfer_id: uuid.UUID, clock: Clock) -> list[int]:
    """Make uploads of a file that arrived whole, or refuse it with a reason; return the ids of what is to be checked.

    Nothing if it has ended, or somebody else does it. Whatever is killed in between, the next call goes on.
    """
    by, rows = worker_name(), Transfer.objects.filter(state=Transfer.State.ARRIVED)
    if not claim(rows, transfer_id, by, clock()):
        return []
    mine = rows.filter(pk=transfer_id, claimed_by=by)
    mine.update(tries=F("tries") + 1)
    transfer = Transfer.objects.select_related("album__artist__owner", "by").get(pk=transfer_id)
    taking = _Taking(transfer, mine, clock)
    with renewing(rows, transfer_id, by):
        try:
            if transfer.tries > MOST_TRIES:
                _log.error("Transfer %s stopped its worker %s times", transfer_id, MOST_TRIES)
                raise Refused(_KILLED)
            note = taking.take()
        except Refused as reason:
            taking.end(Transfer.State.REFUSED, str(reason))
        else:
            taking.end(Transfer.State.ENDED, note)
    return taking.received


def takes_long(transfer_id: uuid.UUID) -> bool:
    """Whether to leave it to a worker: zips are unpacked."""
    path = incoming.piece(transfer_id)
    if not path.exists():
        return False
    with path.open("rb") as file:
        return file.read(4) in archives.MAGIC


def clean_up(at: datetime) -> int:
    """Delete transfers nobody went on with in time, and bytes no transfer needs; return how many things went."""
    expired = Transfer.objects.filter(unclaimed(at), expires_at__lte=at)
    count = expired.delete()[1].get(Transfer._meta.label, 0)
    before = (at - timedelta(days=1)).timestamp()
    for path in incoming.piece("").iterdir():
        is_old = path.stat().st_mtime < before
        if is_old and not Transfer.objects.unfinished().filter(pk=path.name).exists():
            path.unlink(missing_ok=True)
            count += 1
    return count


_KILLED = (
    "Storing this file stopped our worker several times, so we gave up. Your other files are kept. "
    "Drop it here again; if it is a zip, drop the files inside it instead."
)
_LOST = "The bytes of this file are no longer here, which is our fault. Your other files are kept. Drop it here again."


# --- Writing pieces


class _Writer:
    """One request that writes: to the disk first, then to the row, in steps, as long as it has the claim."""

    def __init__(self, row: Transfer, by: str, piece: Piece, clock: Clock) -> None:
        self.row, self.piece, self.clock = row, piece, clock
        self.mine = Transfer.objects.filter(pk=row.pk, claimed_by=by, state=Transfer.State.RECEIVING)
        self.written = self.counted = piece.offset_bytes
        self.digest = hashlib.new(piece.digest) if piece.digest else None

    def write(self) -> int:
        """All of the piece, or as much as comes."""
        with _whole(incoming.piece(self.row.pk)) as file:
            self._look_at(file)
            for step in self._steps():
                self._write_step(file, step)
        if self.digest and self.written > self.counted:
            is_whole = self.written == self.piece.offset_bytes + self.piece.length_bytes
            if is_whole and self.digest.digest() != self.piece.expected:
                raise BadChecksum
            if is_whole:
                self._count()
        return self.counted

    def _look_at(self, file: int) -> None:
        """Somebody restored the database but not the disk: what is not there does not count."""
        size = os.fstat(file).st_size
        if size < self.counted:
            self.mine.update(offset_bytes=size)
            raise WrongOffset(size)

    def _steps(self) -> Iterator[bytes]:
        """What comes, in steps that are as large as memory allows and as long as a claim lasts."""
        left, held, since = self.piece.length_bytes, bytearray(), self.clock()
        while left:
            try:
                read = self.piece.read(min(READ_BYTES, left))
            except OSError:  # the connection broke off: what came counts
                break
            if not read:
                break
            held += read
            left -= len(read)
            if len(held) >= STEP_BYTES or self.clock() - since >= timedelta(seconds=STEP_SECONDS):
                yield bytes(held)
                held, since = bytearray(), self.clock()
        if held:
            yield bytes(held)

    def _write_step(self, file: int, step: bytes) -> None:
        with _locked(file):
            # Nobody who lost the claim writes over what the next one wrote.
            if self.mine.update(claimed_until=self.clock() + SILENCE) != 1:
                self._lost()
            _write_at(file, step, self.written)
        self.written += len(step)
        if self.digest:
            self.digest.update(step)
        else:
            self._count()

    def _count(self) -> None:
        """From now on they count, for they are on the disk."""
        at, is_whole = self.clock(), self.written == self.row.size_bytes
        changed = self.mine.filter(offset_bytes=self.counted).update(
            offset_bytes=self.written,
            state=Transfer.State.ARRIVED if is_whole else Transfer.State.RECEIVING,
            claimed_until=None if is_whole else at + SILENCE,
            claimed_by="" if is_whole else F("claimed_by"),
            expires_at=at + timedelta(days=settings.TRANSFER_DAYS),
        )
        if changed != 1:
            self._lost()
        self.counted = self.written

    def _lost(self) -> None:
        now = Transfer.objects.filter(pk=self.row.pk).first()
        raise WrongOffset(now.offset_bytes) if now else Gone


@contextmanager
def _whole(path: Path) -> Iterator[int]:
    """The file at `path`, to be written anywhere; a full disk is a refusal."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield file
    except OSError as fault:
        if fault.errno not in incoming.FULL_ERRORS:
            raise
        raise incoming.no_room() from fault
    finally:
        os.close(file)


@contextmanager
def _locked(file: int) -> Iterator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _write_at(file: int, step: bytes, position: int) -> None:
    view = memoryview(step)
    while view:
        done = os.pwrite(file, view, position)
        view, position = view[done:], position + done
    os.fsync(file)


# --- Storing what arrived


class _Taking:
    """A worker that stores one whole file: as an upload, as many uploads, or as the cover."""

    def __init__(self, transfer: Transfer, mine: QuerySet[Transfer], clock: Clock) -> None:
        self.transfer, self.mine, self.clock = transfer, mine, clock
        self.received: list[int] = []
        self.path = incoming.piece(transfer.pk)

    def take(self) -> str:
        """Store it; a note about what was left out. Raises Refused."""
        if not self.path.exists():
            # Moved into the storage already, by somebody who was killed before the rows were written.
            if not blobs.exists(blobs.original_path(self.transfer.sha256 or "-")):
                _log.error("The bytes of transfer %s are not there", self.transfer.pk)
                raise Refused(_LOST)
            self._receive(incoming.Incoming(self.path, self.transfer.size_bytes, self.transfer.sha256, is_kept=True))
            return ""
        with self.path.open("rb") as file:
            head = file.read(16)
        if head.startswith(archives.MAGIC):
            return self._take_archive()
        if covers.is_picture(head):
            return self._take_picture(self.path, self.transfer.filename)
        arrived = incoming.of_file(self.path)
        self.mine.update(sha256=arrived.sha256)
        self._receive(arrived)
        return ""

    def end(self, state: Transfer.State, reason: str) -> None:
        """Nothing is left on the disk; the row stays a while, to be asked what became of it."""
        ended = self.mine.update(
            state=state,
            reason=reason,
            claimed_by="",
            claimed_until=None,
            expires_at=self.clock() + timedelta(days=settings.TRANSFER_DAYS),
        )
        if ended == 1:
            self.path.unlink(missing_ok=True)

    def _receive(self, arrived: incoming.Incoming, name: str = "") -> None:
        try:
            upload = uploads.receive(
                self.transfer.album,
                arrived,
                name or self.transfer.filename,
                self.transfer.by,
                self.clock(),
                transfer=self.transfer,
            )
        except uploads.Duplicate as known:
            if known.upload.transfer_id != self.transfer.pk:
                raise
            return  # by somebody who was killed afterwards
        self.received.append(upload.pk)

    def _take_picture(self, path: Path, name: str) -> str:
        with path.open("rb") as file:
            data = file.read(covers.MAX_BYTES + 1)
        album = Album.objects.select_related("cover").get(pk=self.transfer.album_id)
        is_that = album.cover is not None and album.cover.sha256 == hashlib.sha256(data).hexdigest()
        if album.cover and not is_that:
            raise Refused(f"This album has a cover already, so the picture “{name}” was not used. Change it below.")
        try:
            albums.set_cover(album, data, self.clock())
        except covers.BadPicture as reason:
            raise Refused(f"“{name}” was not used as the cover: {reason}") from None
        return f"“{name}” is the cover now."

    def _take_archive(self) -> str:
        taken, left = 0, []
        with archives.opened(self.path) as archive:
            left += [f"“{one.name}” {one.why}" for one in archive.skipped]
            for entry in archive.sounds:
                name = archives.clean_name(entry)
                try:
                    self._receive(archive.unpack(entry), name)
                    taken += 1
                except archives.BadEntry as reason:
                    left.append(f"“{name}” {reason}")
                except (uploads.OverQuota, incoming.NoRoom, incoming.TooMuch, uploads.Duplicate) as reason:
                    left.append(str(reason))
            for entry in archive.pictures[:1]:
                left += self._take_cover_of(archive, entry)
            left += [f"“{archives.clean_name(one)}” was not needed as the cover" for one in archive.pictures[1:]]
        if not taken:
            raise Refused(f"There was no music to take in this zip. {_told(left)}".strip())
        return f"{taken} {'file was' if taken == 1 else 'files were'} taken out of this zip. {_told(left)}".strip()

    def _take_cover_of(self, archive: archives.Archive, entry: archives.Entry) -> list[str]:
        try:
            picture = archive.unpack(entry)
        except Refused:
            return [f"“{archives.clean_name(entry)}” is damaged inside the zip"]
        try:
            self._take_picture(picture.path, archives.clean_name(entry))
        except Refused as reason:
            return [str(reason)]
        finally:
            picture.discard()
        return []


def _told(left: list[str]) -> str:
    """What was left out, in a sentence of bearable length."""
    if not left:
        return ""
    more = f", and {len(left) - 8} more" if len(left) > 8 else ""
    return f"Left out: {'; '.join(one.removesuffix('.') for one in left[:8])}{more}."
