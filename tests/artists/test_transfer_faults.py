"""However a file is cut up, repeated, doubled, broken off or killed: the same bytes in the end, or a clean refusal."""

import hashlib
import os
import random
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artists import blobs, incoming, sweeping, transfers
from artists.models import Album, Transfer, Upload
from artists.transfers import Piece
from tests.artists.factories import make_album
from tests.crashing import Arena, Clock, sweep
from tests.users.factories import nina

Record = Callable[[str, object], None]
REFUSALS = (transfers.Gone, transfers.WrongOffset, transfers.Busy, transfers.Overrun, transfers.BadChecksum)
DATA = random.Random(7).randbytes(50_000)


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty steps where life has one."""
    monkeypatch.setattr(transfers, "STEP_BYTES", 1000)
    monkeypatch.setattr(transfers, "READ_BYTES", 300)


def reader(data: bytes, *, breaks_at: int | None = None) -> transfers.Read:
    """Reads `data`; the connection breaks after so many bytes of it."""
    left = bytearray(data if breaks_at is None else data[:breaks_at])

    def read(size: int) -> bytes:
        if not left and breaks_at is not None:
            raise OSError("the connection broke off")
        some = bytes(left[:size])
        del left[:size]
        return some

    return read


def start(album: Album, data: bytes = DATA) -> Transfer:
    return transfers.create(album, "x.wav", len(data), nina(), timezone.now())


def put(row: Transfer, offset: int, data: bytes, **how: Any) -> int:
    """Write a piece."""
    return transfers.append(row.pk, Piece(offset, len(data), reader(data, **how)), timezone.now)


def go_on(row: Transfer, data: bytes, clock: Callable[[], Any] = timezone.now) -> None:
    """What a client does that lost its connection: ask where it is, and send the rest."""
    offset = Transfer.objects.get(pk=row.pk).offset_bytes
    while offset < len(data):
        try:
            offset = transfers.append(row.pk, Piece(offset, len(data) - offset, reader(data[offset:])), clock)
        except transfers.WrongOffset as told:
            offset = told.offset_bytes


def stored() -> bytes:
    """The bytes of the only upload there is."""
    with blobs.borrow(blobs.original_path(Upload.objects.get().sha256)) as path:
        return path.read_bytes()


# --- Any order of pieces

PIECES = st.lists(
    st.tuples(
        st.sampled_from(["next", "next", "next", "broken", "again", "ahead", "false checksum", "lying", "disk lost"]),
        st.integers(0, 20_000),
    ),
    max_size=12,
)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=PIECES)
def test_any_pieces_end_in_the_same_bytes(steps: list[tuple[str, int]]) -> None:
    Upload.objects.all().delete()
    Transfer.objects.all().delete()
    row = start(make_album(published=False))
    for kind, size in steps:
        before = Transfer.objects.get().offset_bytes
        part = DATA[before : before + size]
        try:
            _try(row, kind, before, part)
        except REFUSALS:
            assert kind in ("again", "ahead", "false checksum", "lying", "disk lost")
        now = Transfer.objects.get()
        assert now.claimed_by == ""
        assert now.offset_bytes >= before or kind == "disk lost"
        counting = incoming.piece(row.pk).read_bytes()[: now.offset_bytes] if now.offset_bytes else b""
        assert counting == DATA[: now.offset_bytes]
    go_on(row, DATA)
    assert transfers.finish(row.pk, timezone.now) == [Upload.objects.get().pk]
    assert stored() == DATA
    assert not incoming.piece(row.pk).exists()


def _try(row: Transfer, kind: str, at: int, part: bytes) -> None:
    """One thing a client, a network or a disk may do."""
    if kind == "next":
        put(row, at, part)
    elif kind == "broken":
        put(row, at, part, breaks_at=len(part) // 2)
    elif kind == "again":
        put(row, max(0, at - len(part)), DATA[max(0, at - len(part)) : at])
    elif kind == "ahead":
        put(row, at + 1, part)
    elif kind == "false checksum":
        wrong = bytes(len(part))
        transfers.append(row.pk, Piece(at, len(part), reader(wrong), "sha256", b"another"), timezone.now)
    elif kind == "lying":
        put(row, at, DATA[at:] + b"more than was announced")
    elif kind == "disk lost" and at:
        os.truncate(incoming.piece(row.pk), at // 2)
        put(row, at, part or b"x")


@pytest.mark.django_db
def test_what_was_written_behind_what_counts_is_written_over() -> None:
    row = start(make_album(published=False))
    put(row, 0, DATA[:2000])
    with incoming.piece(row.pk).open("ab") as file:
        file.write(b"left by somebody who was killed before it counted")
    go_on(row, DATA)
    transfers.finish(row.pk, timezone.now)
    assert stored() == DATA


@pytest.mark.django_db
def test_a_piece_with_a_checksum_that_breaks_off_counts_as_nothing() -> None:
    row = start(make_album(published=False))
    digest = hashlib.sha256(DATA[:9000]).digest()
    broken = Piece(0, 9000, reader(DATA[:9000], breaks_at=5000), "sha256", digest)
    assert transfers.append(row.pk, broken, timezone.now) == 0
    whole = Piece(0, 9000, reader(DATA[:9000]), "sha256", digest)
    assert transfers.append(row.pk, whole, timezone.now) == 9000


# --- Two at once


@pytest.mark.django_db(transaction=True)
def test_two_that_write_at_once_do_not_mix() -> None:
    row = start(make_album(published=False))
    outcomes: list[str] = []

    def write() -> None:
        for _ in range(200):
            offset = Transfer.objects.get(pk=row.pk).offset_bytes
            if offset == len(DATA):
                break
            try:
                put(row, offset, DATA[offset : offset + 3000])
                outcomes.append("written")
            except REFUSALS as refusal:
                outcomes.append(type(refusal).__name__)
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    go_on(row, DATA)
    assert set(outcomes) <= {"written", "WrongOffset", "Busy"}
    transfers.finish(row.pk, timezone.now)
    assert stored() == DATA


@pytest.mark.django_db
def test_who_was_silent_and_overtaken_writes_nothing_any_more(clock: Clock) -> None:
    row = start(make_album(published=False))
    evil = iter([b"evil" * 75] * 3)

    def falls_asleep(size: int) -> bytes:
        clock.passes(seconds=31)
        go_on(row, DATA, clock)  # the same client over a new connection
        return next(evil)

    with pytest.raises(transfers.WrongOffset) as told:
        transfers.append(row.pk, Piece(0, 900, falls_asleep), clock)
    assert told.value.offset_bytes == len(DATA)
    transfers.finish(row.pk, clock)
    assert stored() == DATA


@pytest.mark.django_db
def test_who_sends_slowly_keeps_the_right_to_write(clock: Clock) -> None:
    row = start(make_album(published=False))
    rest = reader(DATA)

    def slowly(size: int) -> bytes:
        clock.passes(seconds=9)
        with pytest.raises(transfers.Busy):
            transfers.append(row.pk, Piece(Transfer.objects.get().offset_bytes, 1, reader(b"x")), clock)
        return rest(size)

    assert transfers.append(row.pk, Piece(0, 5000, slowly), clock) == 5000


@pytest.mark.django_db
def test_a_transfer_cancelled_while_it_is_written_leaves_nothing() -> None:
    row = start(make_album(published=False))
    rest = reader(DATA)

    def until_cancelled(size: int) -> bytes:
        Transfer.objects.filter(pk=row.pk).update(claimed_until=None)
        transfers.cancel(row, timezone.now())
        return rest(size)

    with pytest.raises(transfers.Gone):
        transfers.append(row.pk, Piece(0, len(DATA), until_cancelled), timezone.now)
    assert not incoming.piece(row.pk).exists()


# --- The disk


@pytest.mark.django_db
def test_a_full_disk_keeps_what_counts_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    row = start(make_album(published=False))
    put(row, 0, DATA[:2000])

    def full(*args: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(incoming.NoRoom, match="nearly full"):
            put(row, 2000, DATA[2000:])
    assert Transfer.objects.get().offset_bytes == 2000
    go_on(row, DATA)
    transfers.finish(row.pk, timezone.now)
    assert stored() == DATA


@pytest.mark.django_db
def test_bytes_that_vanished_are_asked_for_again() -> None:
    row = start(make_album(published=False))
    put(row, 0, DATA[:2000])
    incoming.piece(row.pk).unlink()
    with pytest.raises(transfers.WrongOffset) as told:
        put(row, 2000, DATA[2000:])
    assert told.value.offset_bytes == 0
    go_on(row, DATA)
    transfers.finish(row.pk, timezone.now)
    assert stored() == DATA


@pytest.mark.django_db
def test_bytes_that_vanished_when_all_were_there_are_a_refusal_in_words() -> None:
    row = start(make_album(published=False))
    go_on(row, DATA)
    incoming.piece(row.pk).unlink()
    assert transfers.finish(row.pk, timezone.now) == []
    row.refresh_from_db()
    assert row.state == "REFUSED"
    assert "which is our fault" in row.reason


@pytest.mark.django_db
def test_a_file_of_any_size_takes_the_memory_of_a_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "STEP_BYTES", 4 * 1024**2)
    monkeypatch.setattr(transfers, "READ_BYTES", 16 * 1024)
    size, block = 200 * 1024**2, bytes(16 * 1024)
    row = transfers.create(make_album(published=False), "x.wav", size, nina(), timezone.now())
    tracemalloc.start()
    transfers.append(row.pk, Piece(0, size, lambda wanted: block[:wanted]), timezone.now)
    transfers.finish(row.pk, timezone.now)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert Upload.objects.get().size_bytes == size
    assert peak < 24 * 1024**2


# --- kill -9


class Send:
    """A file is sent in three pieces, by a request each, and stored."""

    patience = 0.0

    def __init__(self, clock: Clock) -> None:
        self.clock, self.start = clock, clock.now

    def begin(self) -> None:
        self.clock.now = self.start
        self.row = start(make_album(published=False))

    def work(self) -> None:
        for begin, end in ((0, 1500), (1500, 3000), (3000, len(DATA))):
            with_digest = begin == 1500
            part = DATA[begin:end]
            told = ("sha256", hashlib.sha256(part).digest()) if with_digest else ("", b"")
            transfers.append(self.row.pk, Piece(begin, len(part), reader(part), *told), self.clock)
        transfers.finish(self.row.pk, self.clock)

    def recover(self) -> None:
        self.clock.passes(minutes=2)  # claims of the dead are free
        go_on(self.row, DATA, self.clock)
        sweeping._sweep_transfers(self.clock, self.clock() + timedelta(minutes=1))

    def faults(self) -> Iterator[str]:
        if stored() != DATA:
            yield "The bytes are others."
        row = Transfer.objects.get()
        if row.state != Transfer.State.ENDED:
            yield f"The transfer is {row.state}: {row.reason}"
        if incoming.piece(row.pk).exists():
            self.clock.passes(days=2)
            transfers.clean_up(self.clock())
            if incoming.piece(row.pk).exists():
                yield "Its bytes lie around."


def test_killed_anywhere_the_same_bytes_arrive(
    arena: Arena, clock: Clock, record_property: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "STEP_BYTES", 9_000)
    monkeypatch.setattr(transfers, "READ_BYTES", 9_000)
    nina()
    arena.keep()
    swept = sweep(arena, Send(clock))
    record_property("crash points", swept.points)
    assert swept.faults == []
    assert len(swept.boundaries) > 20


class Killed(BaseException):
    """What happens to a process that gets SIGKILL: nothing after this line runs."""


@pytest.mark.django_db
@pytest.mark.parametrize("share", [0, 1, 500, 999])
def test_killed_in_the_middle_of_a_write_the_rest_is_sent_again(share: int, monkeypatch: pytest.MonkeyPatch) -> None:
    row = start(make_album(published=False))
    put(row, 0, DATA[:3000])
    real = os.pwrite

    def dies(file: int, data: Any, position: int) -> int:
        real(file, bytes(data)[:share], position)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", dies)
        with pytest.raises(Killed):
            put(row, 3000, b"\0" * 3000)
    assert Transfer.objects.get().offset_bytes == 3000
    go_on(row, DATA)
    transfers.finish(row.pk, timezone.now)
    assert stored() == DATA


@pytest.mark.django_db
@pytest.mark.parametrize(
    "boundary",
    [
        "artists.transfers.incoming.of_file",
        "artists.uploads._check",
        "artists.uploads.blobs.put",
        "artists.uploads._new",
        "artists.uploads._saved",
        "artists.transfers._Taking.end",
        "pathlib.Path.unlink",
    ],
)
def test_killed_while_it_is_stored_it_is_stored_once(
    boundary: str, monkeypatch: pytest.MonkeyPatch, clock: Clock, tmp_path: Path
) -> None:
    row = start(make_album(published=False))
    go_on(row, DATA, clock)

    def dies(*args: object, **kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(boundary, dies)
        with pytest.raises(Killed):
            transfers.finish(row.pk, clock)
    clock.passes(minutes=2)
    sweeping._sweep_transfers(clock, clock() + timedelta(minutes=1))
    assert stored() == DATA
    assert Transfer.objects.get().state == "ENDED"


@pytest.mark.django_db
def test_a_file_that_kills_its_workers_is_refused_in_the_end(clock: Clock) -> None:
    row = start(make_album(published=False))
    go_on(row, DATA, clock)
    Transfer.objects.update(tries=transfers.MOST_TRIES)
    assert transfers.finish(row.pk, clock) == []
    assert "stopped our worker" in Transfer.objects.get().reason


@pytest.mark.django_db(transaction=True)
def test_an_album_deleted_while_its_file_is_stored_leaves_nothing(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    album = make_album(published=False)
    row = start(album)
    go_on(row, DATA, clock)
    real = blobs.put

    def meanwhile(path: Path, name: str) -> None:
        real(path, name)
        Album.objects.filter(pk=album.pk).delete()

    monkeypatch.setattr(blobs, "put", meanwhile)
    assert transfers.finish(row.pk, clock) == []
    assert not Upload.objects.exists()
    path = blobs.original_path(hashlib.sha256(DATA).hexdigest())
    clock.now = timezone.now() + timedelta(days=2)
    for _ in range(24):
        clock.passes(hours=1)
        sweeping.clean_up(clock())
    assert not blobs.exists(path)
