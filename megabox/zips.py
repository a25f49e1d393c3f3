"""Zips whose every byte is known before the first is sent: stored, never deflated, read from wherever one likes.

All that depends on the parts' sizes and sums is computed when the zip is laid out; their bytes are asked for only when
they are sent. So the length is exact, a broken download goes on where it stopped, and memory stays what it is however
large the zip. The layout is PKWARE's APPNOTE 6.3: local header and data of each part, central directory, end;
64-bit records where a number asks for them.
"""

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

Read = Callable[[range], Iterator[bytes]]
"""Gives the bytes of a range in pieces."""

_LARGEST_32, _LARGEST_16 = 0xFFFF_FFFF, 0xFFFF
_UTF8_NAMES = 0x0800
_OLD, _ZIP64 = 20, 45
_MADE_ON_UNIX = 3 << 8
_FILE_MODE = 0o100644 << 16


@dataclass(frozen=True)
class Part:
    """One file of a zip: its name with folders, its size in bytes, its CRC-32, and how to read it."""

    name: str
    size: int
    crc32: int
    read: Read


class StoredZip:
    """A zip of `parts` in their order, dated `at`; the same parts make the same bytes."""

    def __init__(self, parts: Sequence[Part], *, at: datetime) -> None:
        names = [part.name for part in parts]
        assert len(set(names)) == len(names), "two parts of a zip have one name"
        self._starts: list[int] = []
        self._reads: list[Read] = []
        self.size = 0
        time, directory = _dos_time(at), bytearray()
        for part in parts:
            directory += _central(part, self.size, time)
            self._add(_local(part, time))
            if part.size:
                self._append(part.size, part.read)
        self._add(bytes(directory) + _end(len(parts), len(directory), self.size))

    def read(self, wanted: range) -> Iterator[bytes]:
        """The bytes of `wanted` in pieces; nothing outside of it is read."""
        number = bisect_right(self._starts, wanted.start) - 1
        while number < len(self._reads) and (start := self._starts[number]) < wanted.stop:
            stop = self._starts[number + 1] if number + 1 < len(self._starts) else self.size
            here = range(max(wanted.start, start) - start, min(wanted.stop, stop) - start)
            if here:
                yield from self._reads[number](here)
            number += 1

    def _add(self, data: bytes) -> None:
        self._append(len(data), lambda wanted: iter((data[wanted.start : wanted.stop],)))

    def _append(self, size: int, read: Read) -> None:
        self._starts.append(self.size)
        self._reads.append(read)
        self.size += size


def _local(part: Part, time: bytes) -> bytes:
    """The header before a part's data. A 64-bit record always holds both sizes here."""
    name, is_large = part.name.encode(), part.size >= _LARGEST_32
    extra = struct.pack("<HHQQ", 1, 16, part.size, part.size) if is_large else b""
    size = _LARGEST_32 if is_large else part.size
    needed = _ZIP64 if is_large else _OLD
    head = struct.pack("<4sHHH4sLLLHH", b"PK\3\4", needed, _UTF8_NAMES, 0, time, part.crc32, size, size, len(name), 0)
    return head[:-2] + struct.pack("<H", len(extra)) + name + extra


def _central(part: Part, offset: int, time: bytes) -> bytes:
    """The line of a part in the central directory. A 64-bit record holds only what does not fit otherwise."""
    name = part.name.encode()
    large = [number for number in (part.size, part.size, offset) if number >= _LARGEST_32]
    extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    needed, size = _ZIP64 if large else _OLD, min(part.size, _LARGEST_32)
    return (
        struct.pack("<4sHHHH4s", b"PK\1\2", _MADE_ON_UNIX | needed, needed, _UTF8_NAMES, 0, time)
        + struct.pack("<LLLHHH", part.crc32, size, size, len(name), len(extra), 0)
        + struct.pack("<HHLL", 0, 0, _FILE_MODE, min(offset, _LARGEST_32))
        + name
        + extra
    )


def _end(count: int, length: int, offset: int) -> bytes:
    """The end of the zip, where readers begin: where the directory of `length` bytes and `count` lines is."""
    is_large = count >= _LARGEST_16 or length >= _LARGEST_32 or offset >= _LARGEST_32
    wide = b""
    if is_large:
        wide = struct.pack(
            "<4sQHHLLQQQQ", b"PK\6\6", 44, _MADE_ON_UNIX | _ZIP64, _ZIP64, 0, 0, count, count, length, offset
        ) + struct.pack("<4sLQL", b"PK\6\7", 0, offset + length, 1)
    few = min(count, _LARGEST_16)
    length_32, offset_32 = min(length, _LARGEST_32), min(offset, _LARGEST_32)
    return wide + struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, few, few, length_32, offset_32, 0)


def _dos_time(at: datetime) -> bytes:
    """Date and time of day in UTC as zips hold them: from 1980 on, in steps of two seconds."""
    moment = at.astimezone(UTC)
    year = min(max(moment.year, 1980), 2107) - 1980
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return struct.pack("<HH", time, year << 9 | moment.month << 5 | moment.day)
