"""Files on their way in: written to `var/incoming` while their sha256 is computed, within limits, or not at all."""

import errno
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

CHUNK_BYTES = 1024 * 1024
PIECES = "transfers"
"""The folder of files that arrive in pieces; their rows say how long they stay."""
FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT)
FULL = 0.90
"""From this part of the disk on nothing new is taken in, so that what is there can still be worked on."""


class Refused(Exception):
    """The file is not taken in; the message says why, what was kept and what to do."""


class TooMuch(Refused):
    """More bytes than one file may have."""


class NoRoom(Refused):
    """The disk is nearly full."""


@dataclass(frozen=True)
class Incoming:
    """A file that arrived whole: where it lies until it is stored, its size in bytes, the sha256 of its content.

    Where `is_kept`, somebody else decides when it goes.
    """

    path: Path
    size_bytes: int
    sha256: str
    is_kept: bool = False

    def discard(self) -> None:
        """Delete it, if it was not moved to its place."""
        if not self.is_kept:
            self.path.unlink(missing_ok=True)


def write(stream: "IO[bytes] | UploadedFile[bytes]", *, expected_bytes: int = 0) -> Incoming:
    """Write `stream` to a file of our own. Raises TooMuch and NoRoom, leaving nothing behind."""
    check_room(expected_bytes)
    return _write(_chunks(stream))


def of_file(path: Path) -> Incoming:
    """The file at `path` as one that arrived, and that is kept; its bytes are read once, for their sha256."""
    with path.open("rb") as file:
        return Incoming(path, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest(), is_kept=True)


def piece(transfer_id: uuid.UUID | str) -> Path:
    """Where the bytes of a transfer lie until they are stored."""
    folder = Path(settings.FILE_UPLOAD_TEMP_DIR) / PIECES
    folder.mkdir(exist_ok=True)
    return folder / str(transfer_id)


def check_room(coming_bytes: int = 0) -> None:
    """Raise NoRoom if the disk is nearly full, or would be with `coming_bytes` more."""
    usage = shutil.disk_usage(settings.FILE_UPLOAD_TEMP_DIR)
    # What others reserve is not ours to fill: measure by what is left to us.
    fill = 1 - (usage.free - coming_bytes) / (usage.used + usage.free)
    if fill >= FULL:
        raise no_room()


def clean_up(at: datetime) -> int:
    """Delete what killed processes left in `var/incoming` more than a day ago; return how many things went.

    Files that arrive in pieces are none of it: they may be gone on with for days.
    """
    before, count = (at - timedelta(days=1)).timestamp(), 0
    for left in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        if left.name != PIECES and left.stat().st_mtime < before:
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
            count += 1
    return count


class IncomingHandler(FileUploadHandler):
    """Django's hook for request bodies: the first writing of a file is already the one we keep.

    Each file becomes an ArrivedFile, whose `incoming` is hashed while it arrives. A body over the limit stops there.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.arrived = ArrivedFile(str(self.file_name), str(self.content_type), self.charset, self.content_type_extra)
        self.digest = hashlib.sha256()
        self.size = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.size += len(raw_data)
        if self.size > settings.MAX_UPLOAD_BYTES:
            self.arrived.close()
            raise too_much()
        self.digest.update(raw_data)
        self.arrived.write(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[bytes]":
        self.arrived.finish(self.size, self.digest.hexdigest())
        return self.arrived

    def upload_interrupted(self) -> None:
        if hasattr(self, "arrived"):
            self.arrived.close()


class ArrivedFile(TemporaryUploadedFile):
    """An uploaded file in `var/incoming` whose size and sha256 are known; gone when closed, unless it was moved."""

    incoming: Incoming

    def __init__(self, name: str, kind: str, charset: str | None, extra: dict[str, bytes] | None) -> None:
        # The name goes into no path: it is not ours, and may be longer than paths can be.
        super().__init__("upload", kind, 0, charset, extra)
        self.name = name

    def finish(self, size: int, sha256: str) -> None:
        """All bytes are here."""
        self.flush()
        self.seek(0)
        self.size = size
        self.incoming = Incoming(Path(self.temporary_file_path()), size, sha256)


def no_room() -> NoRoom:
    """The refusal when the disk is nearly full."""
    return NoRoom(
        "Our disk is nearly full, so no new files can be taken just now. All your files that arrived are kept. "
        "We have been told; try again in an hour."
    )


def too_much() -> TooMuch:
    """The refusal of a file over the limit."""
    limit = settings.MAX_UPLOAD_BYTES / 1024**3
    return TooMuch(
        f"This file has more than {limit:g} GB, the most one file may have. Your other files are kept. "
        "Save it as FLAC, which is half the size and loses nothing, and drop it here."
    )


def _write(chunks: Iterable[bytes]) -> Incoming:
    digest, size = hashlib.sha256(), 0
    handle, name = tempfile.mkstemp(dir=settings.FILE_UPLOAD_TEMP_DIR, prefix="in-")
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > settings.MAX_UPLOAD_BYTES:
                    raise too_much()
                digest.update(chunk)
                file.write(chunk)
    except OSError as fault:
        Path(name).unlink(missing_ok=True)
        if fault.errno not in FULL_ERRORS:
            raise
        raise no_room() from fault
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Incoming(Path(name), size, digest.hexdigest())


def _chunks(stream: "IO[bytes] | UploadedFile[bytes]") -> Iterator[bytes]:
    if isinstance(stream, UploadedFile):
        yield from stream.chunks(CHUNK_BYTES)
        return
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk
