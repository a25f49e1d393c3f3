"""Whether a file an encoder of ours has just written is all there: read by its structure, in milliseconds.

Decoding it again would say little more of what was encoded a moment ago and cost a tenth of the encoding.
"""

import mmap
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from .sniff import mp3_frame_length


class NotWhole(Exception):
    """Something is missing or broken; the message says what, for the log."""


def opus_ms(path: Path) -> int:
    """How long an Ogg Opus plays, all its pages being there with the right sums. Raises NotWhole."""
    with path.open("rb") as file, _mapped(file.fileno()) as data:
        number, at, page = 0, 0, _Page(0, 0, 0)
        preskip = 0
        while at < len(data):
            page = _page(data, at, number)
            if number == 0:
                if data[at + 28 : at + 36] != b"OpusHead":
                    raise NotWhole("it does not begin as Opus")
                (preskip,) = struct.unpack("<H", data[at + 38 : at + 40])
            at, number = page.end, number + 1
        if not page.flags & _LAST:
            raise NotWhole(f"page {number}, the last, is not marked as such")
        return (page.granule - preskip) // 48


def mp3_ms(path: Path) -> int:
    """How long an MP3 with an index plays, all frames it counts being there. Raises NotWhole."""
    with path.open("rb") as file, _mapped(file.fileno()) as data:
        index = _index(data)
        at, frames = mp3_frame_length(data[:4]), 0
        while at < len(data):
            length = mp3_frame_length(data[at : at + 4])
            if not length:
                raise NotWhole(f"no frame at byte {at}")
            at, frames = at + length, frames + 1
        if (at, frames) != (len(data), index.frames) or index.size != len(data):
            raise NotWhole(
                f"{frames} frames to byte {at}, but {index.frames} in {index.size} bytes are announced, of {len(data)}"
            )
        return (frames * index.samples_per_frame - index.padding) * 1000 // index.rate


_LAST = 4
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class _Page:
    """An Ogg page: its flags, the samples played by its end, where it ends in the file."""

    flags: int
    granule: int
    end: int


def _page(data: mmap.mmap, at: int, number: int) -> _Page:
    """The Ogg page at a byte of a file. Raises NotWhole unless it is the one with this number, with its own sum."""
    head = data[at : at + 27]
    if len(head) < 27 or head[:5] != b"OggS\0":
        raise NotWhole(f"no page at byte {at}")
    flags, granule, _, sequence, crc, segments = struct.unpack("<BqIIIB", head[5:])
    end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
    page = data[at:end]
    if sequence != number or len(page) != end - at or ogg_crc(page[:22] + b"\0\0\0\0" + page[26:]) != crc:
        raise NotWhole(f"page {number} at byte {at} is damaged")
    return _Page(flags, granule, end)


def ogg_crc(page: bytes) -> int:
    """The sum of an Ogg page whose own is 0: CRC-32 like zlib's, but highest bit first and not turned over."""
    turned = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{turned:032b}"[::-1], 2)


@dataclass(frozen=True)
class _Index:
    """What the first frame of an MP3 tells of all: frames after it, bytes, samples of the encoder's own, the rate."""

    frames: int
    size: int
    padding: int
    samples_per_frame: int
    rate: int


_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def _index(data: mmap.mmap) -> _Index:
    """Read the Xing or Info header with LAME's part. Raises NotWhole."""
    first = data[: mp3_frame_length(data[:4])]
    at = max(first.find(b"Xing", 4, 64), first.find(b"Info", 4, 64))
    if at < 0 or len(first) < at + 144 or first[at + 7] & 0xF != 0xF:  # frames, bytes, table and quality are there
        raise NotWhole("it has no index")
    frames, size = struct.unpack(">II", first[at + 8 : at + 16])
    gaps = int.from_bytes(first[at + 141 : at + 144])
    version, rate = first[1] >> 3 & 3, first[2] >> 2 & 3
    return _Index(frames, size, (gaps >> 12) + (gaps & 0xFFF), 1152 if version == 3 else 576, _RATES[version][rate])


def _mapped(file: int) -> mmap.mmap:
    try:
        return mmap.mmap(file, 0, access=mmap.ACCESS_READ)
    except ValueError:
        raise NotWhole("it is empty") from None
