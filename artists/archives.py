"""Zips that artists send: looked through before anything is unpacked, and unpacked one entry at a time. No database.

A zip says of itself how large it becomes; nothing is read that was not announced, and too much is refused unread.
"""

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from artists import audio, incoming
from artists.incoming import Incoming, Refused

MOST_ENTRIES = 2_000
MOST_BYTES = 8 * 1024**3
MOST_RATIO = 50
"""Sound hardly packs: so many times larger than the zip is no album, but a bomb. Below SMALL_BYTES anything may be."""
SMALL_BYTES = 100_000_000
MOST_INDEX_BYTES = 1024 * 1024
MAGIC = (b"PK\x03\x04", b"PK\x05\x06")

SOUNDS = frozenset(suffix.removeprefix(".") for suffix in audio.SUFFIXES)
PICTURES = frozenset(("jpg", "jpeg", "png", "webp", "avif"))
ARCHIVES = frozenset(("zip", "rar", "7z", "tar", "gz", "tgz", "bz2", "xz"))
_DIGITS = "0123456789"
COVER_NAMES = ("cover", "front", "folder", "album", "artwork")
_SYSTEM = frozenset(("thumbs.db", "desktop.ini", "icon\r"))


Entry = zipfile.ZipInfo


class BadArchive(Refused):
    """The zip is not unpacked; the message says why and what to do."""


class BadEntry(Refused):
    """One entry cannot be unpacked; the others can. The message ends the sentence “it ...”."""


@dataclass(frozen=True)
class Skipped:
    """An entry that is not taken, and why in a few words."""

    name: str
    why: str


class Archive:
    """A zip that was looked through: which entries are `sounds` and `pictures`, in their order, and what is skipped."""

    def __init__(self, opened: zipfile.ZipFile, size_bytes: int) -> None:
        self._zip = opened
        self.sounds: list[Entry] = []
        self.pictures: list[Entry] = []
        self.skipped: list[Skipped] = []
        for entry in opened.infolist():
            self._sort(entry)
        self.sounds.sort(key=lambda entry: _natural(entry.filename))
        self.pictures.sort(key=lambda entry: (_rank_of_cover(entry.filename), _natural(entry.filename)))
        _check_size([*self.sounds, *self.pictures[:1]], size_bytes)

    def unpack(self, entry: Entry) -> Incoming:
        """The bytes of one entry as a file of our own. Raises BadEntry, incoming.TooMuch and NoRoom."""
        try:
            with self._zip.open(entry) as stream:
                return incoming.write(stream, expected_bytes=entry.file_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError) as fault:
            raise BadEntry("is damaged inside the zip") from fault

    def _sort(self, entry: Entry) -> None:
        name = clean_name(entry)
        if entry.is_dir() or is_system(entry.filename):
            return
        if why := _against(entry):
            self.skipped.append(Skipped(name, why))
        elif _extension(entry.filename) in SOUNDS:
            self.sounds.append(entry)
        else:
            self.pictures.append(entry)


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The zip at `path`, to be unpacked while the body runs. Raises BadArchive."""
    with _Sipped(io.FileIO(path)) as file:
        try:
            zipped = zipfile.ZipFile(file)
            if len(zipped.infolist()) > MOST_ENTRIES:
                raise BadArchive(f"This zip has more than {MOST_ENTRIES} entries, and no more are unpacked. {_SPLIT}")
            archive = Archive(zipped, path.stat().st_size)
        except (zipfile.BadZipFile, NotImplementedError, UnicodeError, ValueError, OverflowError) as fault:
            raise BadArchive(
                "This zip is damaged or cut off, so nothing was taken from it. Make it again, or drop the folder "
                "itself here instead."
            ) from fault
        yield archive


def clean_name(entry: Entry) -> str:
    """The name of an entry, fit to be kept and shown; never a path."""
    return audio.clean_filename(entry.filename)


def is_system(name: str) -> bool:
    """Whether a system wrote this for itself: nobody misses it."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    is_hidden = any(part.startswith(".") and part != ".." for part in parts)
    return is_hidden or "__MACOSX" in parts or (parts[-1:] != () and parts[-1].lower() in _SYSTEM)


_SPLIT = "Drop the folder itself here instead, or make several zips."


class _Sipped(io.BufferedReader):
    """A file that gives no more than so much at once: zipfile reads the whole index of a zip into memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = os.fstat(self.fileno()).st_size - self.tell()
        if size > MOST_INDEX_BYTES:
            raise BadArchive(f"The table of contents of this zip is too long to be of an album. {_SPLIT}")
        return super().read(size)


def _against(entry: Entry) -> str:
    """Why an entry is not taken; empty if it is."""
    extension = _extension(entry.filename)
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is only a link"
    if extension in ARCHIVES:
        return "is an archive inside the zip"
    if extension not in SOUNDS | PICTURES:
        return "is no music"
    if entry.flag_bits & 0x1:
        return "has a password"
    # What zips of music are made with; the others may ask for gigabytes of memory to unpack a few bytes.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in a way we do not read"
    if entry.file_size == 0:
        return "is empty"
    return ""


def _check_size(entries: list[Entry], size_bytes: int) -> None:
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES:
        raise BadArchive(
            f"This zip unpacks to more than {MOST_BYTES / 1024**3:g} GB, so nothing was taken from it. {_SPLIT}"
        )
    if total > SMALL_BYTES and total > MOST_RATIO * size_bytes:
        raise BadArchive(
            f"This zip would unpack to more than {MOST_RATIO} times its size, as no music does, so nothing was taken "
            "from it. Drop the files themselves here instead."
        )


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def _rank_of_cover(name: str) -> int:
    stem = PurePosixPath(name).stem.lower()
    return next((rank for rank, word in enumerate(COVER_NAMES) if word in stem), len(COVER_NAMES))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts as people do: 2 before 10."""
    parts: list[tuple[int, int, str]] = []
    for is_number, letters in _runs(name.casefold()):
        parts.append((0, int(letters), "") if is_number else (1, 0, letters))
    return parts


def _runs(text: str) -> Iterator[tuple[bool, str]]:
    """Runs of digits and of anything else. Numbers nobody writes are text."""
    run = ""
    for letter in text:
        if run and (letter in _DIGITS) != (run[-1] in _DIGITS):
            yield run[-1] in _DIGITS and len(run) <= 15, run
            run = ""
        run += letter
    if run:
        yield run[-1] in _DIGITS and len(run) <= 15, run
