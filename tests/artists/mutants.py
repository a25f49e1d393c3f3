"""Sound files made wrong on purpose, each from a number alone, so that any of them can be made again."""

import random
import struct
import zlib
from collections.abc import Callable, Sequence

from tests.artists import sounds

Change = Callable[[bytes, random.Random, Sequence[bytes]], bytes]
_EXTREMES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def mutant(data: bytes, chance: random.Random, others: Sequence[bytes]) -> tuple[str, bytes]:
    """One to three changes of `data`, and what was done in words; `others` are files of other formats."""
    changes = [chance.choice(CHANGES) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
    for change in changes:
        data = change(data, chance, others) or b"\0"
    return ", ".join(change.__name__.strip("_") for change in changes), data


def _spot(data: bytes, chance: random.Random) -> int:
    """Somewhere in the file, every other time in its first 600 bytes, where it hurts most."""
    return chance.randrange(max(1, min(len(data), 600) if chance.random() < 0.5 else len(data)))


def _flipped_bits(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    held = bytearray(data)
    for _ in range(chance.choice((1, 2, 8, 64))):
        held[_spot(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(held)


def _cut_off(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    return data[: _spot(data, chance)]


def _beheaded(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    return data[_spot(data, chance) :]


def _inserted(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    at, count = _spot(data, chance), chance.choice((1, 3, 4, 100, 5_000))
    return data[:at] + chance.choice((chance.randbytes(count), b"\0" * count, b"\xff" * count)) + data[at:]


def _swapped_blocks(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    first, second = sorted((_spot(data, chance), _spot(data, chance)))
    count = chance.choice((4, 16, 512, 4_096))
    one, two = data[first : first + count], data[second : second + count]
    return data[:first] + two + data[first + count : second] + one + data[second + count :]


def _repeated_block(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    at, count = _spot(data, chance), chance.choice((8, 64, 2_000))
    return data[:at] + data[at : at + count] * chance.choice((2, 50)) + data[at:]


def _blank_block(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    at, count = _spot(data, chance), chance.choice((4, 64, 4_000))
    return data[:at] + chance.choice((b"\0", b"\xff", b"U")) * len(data[at : at + count]) + data[at + count :]


def _extreme_field(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A number at its least or most, best right behind the name of a chunk, where lengths are."""
    names = [at for at in range(min(len(data), 1_500) - 4) if data[at : at + 4].isalpha()]
    at = chance.choice(names) + chance.choice((-4, 4, 8)) if names and chance.random() < 0.6 else _spot(data, chance)
    number, kind = chance.choice(_EXTREMES), chance.choice(("<I", ">I", "<H", ">H", "<Q", ">Q", "B"))
    field = struct.pack(kind, number & (256 ** struct.calcsize(kind) - 1))
    return data[: max(0, at)] + field + data[max(0, at) + len(field) :]


def _joined(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    return chance.choice((data + other, other + data, data[: len(data) // 2] + other, other[:200] + data))


def _heavy_tags(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Tags that announce or unpack to far more than they are, in front or behind."""
    many = b"".join(b"TXXX\0\0\0\x06\0\0\0" + bytes([65 + n % 26]) + b"\0abc" for n in range(3_000))
    packed = zlib.compress(b"\0" * 4_000_000)
    frames = [
        many,
        b"TIT2" + sounds.syncsafe(len(packed) + 4) + b"\0\x09" + sounds.syncsafe(4_000_000) + packed,
        b"APIC" + sounds.syncsafe(2**28 - 1) + b"\0\0" + b"\0image/png\0\3\0" + b"\x89PNG" * 50,
        b"CHAP\0\0\0\x20\0\0" * 400,
    ]
    frame = chance.choice(frames)
    id3 = sounds.id3_header(chance.choice((len(frame), 2**28 - 1, 0, len(frame) * 2))) + frame
    ape = b"APETAGEX" + struct.pack("<IIII", 2000, 2**31 - 1, chance.choice(_EXTREMES), 0) + b"\0" * 8
    atoms = b"".join(struct.pack(">I4s", 2**31 - 1, b"moov") for _ in range(500))
    comments = b"\x03vorbis" + struct.pack("<I", 2**32 - 1) + b"x" * 40
    return chance.choice(
        (id3 + data, data + id3, data + ape, data[:40] + atoms + data[40:], data[:60] + comments + data)
    )


CHANGES: tuple[Change, ...] = (
    _flipped_bits,
    _cut_off,
    _beheaded,
    _inserted,
    _swapped_blocks,
    _repeated_block,
    _blank_block,
    _extreme_field,
    _extreme_field,
    _extreme_field,
    _joined,
    _heavy_tags,
)
