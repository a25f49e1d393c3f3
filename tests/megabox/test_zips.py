"""Zips that are computed, not packed: other programs read them, and any piece of them is the piece of the whole."""

import io
import random
import shutil
import subprocess
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megabox import zips
from megabox.zips import Part, StoredZip

AT = datetime(2026, 11, 2, 12, 30, 41, tzinfo=UTC)
MIB = 1024 * 1024


def part(name: str, data: bytes) -> Part:
    return Part(name, len(data), zlib.crc32(data), lambda wanted: iter([data[wanted.start : wanted.stop]]))


def whole(archive: StoredZip) -> bytes:
    return b"".join(archive.read(range(archive.size)))


def some(count: int = 3) -> StoredZip:
    chance = random.Random(7)
    return StoredZip([part(f"Álbum 夜/{n} song.flac", chance.randbytes(n * 700)) for n in range(count)], at=AT)


def test_pythons_own_reader_finds_every_file_and_its_sum() -> None:
    archive = some()
    data = whole(archive)
    assert len(data) == archive.size
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["Álbum 夜/0 song.flac", "Álbum 夜/1 song.flac", "Álbum 夜/2 song.flac"]
        assert [one.file_size for one in opened.infolist()] == [0, 700, 1400]
        assert {one.compress_type for one in opened.infolist()} == {zipfile.ZIP_STORED}
        assert opened.infolist()[0].date_time == (2026, 11, 2, 12, 30, 40)


@pytest.mark.parametrize("program", ["unzip", "bsdtar"])
def test_another_program_reads_it(program: str, tmp_path: Path) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    path = tmp_path / "album.zip"
    path.write_bytes(whole(some()))
    command = [program, "-t", str(path)] if program == "unzip" else [program, "-tf", str(path)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=50), max_size=5), st.data())
def test_any_piece_is_the_piece_of_the_whole(contents: list[bytes], data: st.DataObject) -> None:
    archive = StoredZip([part(f"{n}.bin", content) for n, content in enumerate(contents)], at=AT)
    everything = whole(archive)
    start = data.draw(st.integers(0, archive.size))
    stop = data.draw(st.integers(start, archive.size))
    assert b"".join(archive.read(range(start, stop))) == everything[start:stop]


def test_a_piece_reads_no_file_it_does_not_touch() -> None:
    def never(wanted: range) -> Iterator[bytes]:
        raise AssertionError("this file was read")

    middle = part("b", b"music")
    archive = StoredZip([Part("a", 10_000, 1, never), middle, Part("c", 10_000, 1, never)], at=AT)
    start = next(n for n, read in zip(archive._starts, archive._reads, strict=True) if read is middle.read)
    assert b"".join(archive.read(range(start, start + 5))) == b"music"
    assert b"".join(archive.read(range(archive.size - 22, archive.size))).startswith(b"PK\5\6")


class Holes(io.RawIOBase):
    """A zip of many gigabytes as a file to seek in; its data is all zeros and never kept."""

    def __init__(self, archive: StoredZip) -> None:
        self.archive, self.at = archive, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + {0: 0, 1: self.at, 2: self.archive.size}[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def read(self, size: int = -1) -> bytes:
        stop = self.archive.size if size < 0 else min(self.archive.size, self.at + size)
        piece = b"".join(self.archive.read(range(self.at, stop)))
        self.at += len(piece)
        return piece


def zeros(wanted: range) -> Iterator[bytes]:
    for start in range(wanted.start, wanted.stop, MIB):
        yield bytes(min(MIB, wanted.stop - start))


@pytest.mark.parametrize("size", [0xFFFF_FFFE, 0xFFFF_FFFF, 0x1_0000_0000, 6 * 1024**3])
def test_files_and_offsets_beyond_four_gigabytes_are_found(size: int) -> None:
    large = Part("large.wav", size, 0, zeros)
    archive = StoredZip([large, part("after.txt", b"still here"), Part("again.wav", size, 0, zeros)], at=AT)
    with zipfile.ZipFile(Holes(archive)) as opened:
        assert [one.file_size for one in opened.infolist()] == [size, 10, size]
        assert opened.read("after.txt") == b"still here"
        with opened.open("again.wav") as file:
            assert file.read(10) == bytes(10)


def test_more_files_than_sixteen_bits_count() -> None:
    archive = StoredZip([part(f"{n}", b"") for n in range(65_536)], at=AT)
    with zipfile.ZipFile(io.BytesIO(whole(archive))) as opened:
        assert len(opened.namelist()) == 65_536


def test_memory_does_not_grow_with_the_zip() -> None:
    archive = StoredZip([Part(f"{n}.wav", 256 * MIB, 0, zeros) for n in range(4)], at=AT)
    tracemalloc.start()
    try:
        assert sum(len(piece) for piece in archive.read(range(archive.size))) == archive.size
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * MIB


@pytest.mark.parametrize("year", [1950, 2200])
def test_a_year_zips_do_not_know_is_the_nearest_one(year: int) -> None:
    archive = StoredZip([part("a", b"")], at=AT.replace(year=year))
    with zipfile.ZipFile(io.BytesIO(whole(archive))) as opened:
        assert opened.infolist()[0].date_time[0] == (1980 if year < 1980 else 2107)


def test_the_same_parts_make_the_same_bytes() -> None:
    assert whole(some()) == whole(some())
    assert zips._dos_time(AT) == zips._dos_time(AT)
