"""An album as a zip, computed and checked while it is sent, against one plain file of its size from the same server."""

import re
import socket
import tempfile
import time
from pathlib import Path

from django.test import Client
from django.utils import timezone

from artists import blobs, packages, renditions
from artists.models import Album, Rendition
from benchmarks.figures import Figure, in_turn, scaled
from benchmarks.load import HEAD_END
from benchmarks.server import serving
from benchmarks.urls import PLAIN
from store.access import library
from store.listeners import Listener
from store.models import LibraryItem
from store.music import Music
from tests.artists.factories import make_album, make_original, make_track, tone
from tests.users.factories import leo

TRACKS = 10
SECONDS = scaled(240)
"""Of each track, as WAV of 0.18 MB a second: the zip has 423 MB."""
RECEIVED = 1024 * 1024


def run() -> list[Figure]:
    """Megabytes a second to one client on this machine, and the most memory the server ever had."""
    album, small = make(SECONDS), make(max(1, SECONDS // 10))
    whole = packages.album_zip(album, "wav")
    with tempfile.NamedTemporaryFile() as file:
        for piece in whole.read(range(whole.size)):
            file.write(piece)
        file.flush()
        blobs.put(Path(file.name), PLAIN)
        Path(file.name).touch()  # it was moved, and is deleted here
    packages.album_zip(small, "wav")
    browser = Client()
    browser.force_login(leo())
    cookie = f"Cookie: sessionid={browser.cookies['sessionid'].value}\r\n"
    with serving() as port:
        fetch(port, path_of(small), cookie)  # so that all that a zip needs is loaded
        before = fetch_number(port, "/bench/memory/")
        fetch(port, path_of(album), cookie)
        after = fetch_number(port, "/bench/memory/")
        zipped, plain = in_turn(
            lambda: fetch(port, path_of(album), cookie), lambda: fetch(port, "/bench/file/", cookie), rounds=5
        )
    size = f"{whole.size / 1e6:,.0f} MB"
    return [
        Figure(f"a zip of {size}, against one plain file of that size", zipped, "MB/s", plain, goal=0.5),
        Figure(f"memory for a zip of {size}, against a tenth", after, "MB", before, goal=1.1, is_rate=False),
    ]


def make(seconds: int) -> Album:
    """An album in leo's library, whose tracks are one WAV with different tags."""
    album = make_album("Benchmark Zips")
    original = make_original(renditions=(), duration_ms=1_000 * seconds)
    with tempfile.TemporaryDirectory() as folder:
        made = tone(Path(folder) / "tone.wav", seconds=seconds)
        size, crc32 = made.stat().st_size, renditions.crc32_of(made)
        blobs.put(made, path := blobs.rendition_path(original.sha256, "wav"))
    now = timezone.now()
    Rendition.objects.create(
        original=original,
        recipe="wav",
        state=Rendition.State.READY,
        path=path,
        size_bytes=size,
        crc32=crc32,
        ready_at=now,
        asked_at=now,
    )
    for number in range(TRACKS):
        make_track(f"Track {number}", album=album, original=original)
    library.grant(Music(album=album), Listener(user_id=leo().pk), LibraryItem.Reason.GIFT, at=now)
    return album


def path_of(album: Album) -> str:
    """Where its zip is fetched."""
    return f"/library/download/album/{album.pk}/wav/"


def fetch(port: int, path: str, headers: str) -> float:
    """Megabytes a second at which the body of `path` arrives. AssertionError unless it is as long as promised."""
    buffer = bytearray(RECEIVED)
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        started = time.perf_counter()
        head, body = _ask(connection, path, headers)
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]  # a test of the answer
        left = length - len(body)
        while left > 0:
            count = connection.recv_into(buffer)
            assert count, "the body is too short"
            left -= count
        return length / 1e6 / (time.perf_counter() - started)


def fetch_number(port: int, path: str) -> float:
    """The number that is the body of `path`."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        _, body = _ask(connection, path, "")
        while piece := connection.recv(4096):
            body += piece
        return float(body)


def _ask(connection: socket.socket, path: str, headers: str) -> tuple[bytes, bytes]:
    """The head of the answer, and what came of the body with it."""
    asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}\r\n"
    connection.sendall(asked.encode())
    answer = b""
    while HEAD_END not in answer:
        piece = connection.recv(4096)
        assert piece, "the server closed the connection"
        answer += piece
    head, _, body = answer.partition(HEAD_END)
    assert head.startswith(b"HTTP/1.1 200"), head[:200]
    return head, body
