"""Redis for those who tell of the stream: a real one."""

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from pytest_django import Settings

from ads.measurement import consumer, stream


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The Redis that REDIS_URL names, or one that is started for these tests and lives on a socket of its own."""
    if given := os.environ.get("REDIS_URL"):
        yield given
        return
    server = shutil.which("redis-server")
    if server is None:
        assert not os.environ.get("CI"), "The stream is tested on Redis: install redis-server, or set REDIS_URL."
        pytest.skip("NOT TESTED: the stream. Install redis-server, or set REDIS_URL.")
    with tempfile.TemporaryDirectory(prefix="megabox-redis-") as folder:
        socket = Path(folder) / "redis.sock"
        command = [server, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not socket.exists():
                assert process.poll() is None, "redis-server ended"
                time.sleep(0.02)
            yield f"unix://{socket}"
        finally:
            process.terminate()
            process.wait(10)


class Redis:
    """The stream as tests handle it: what is in it, lost, unreachable, back again."""

    def __init__(self, url: str, settings: Settings) -> None:
        self.url, self.settings = url, settings
        self.client: Any = redis.Redis.from_url(url, decode_responses=True)
        self.client.script_load(stream._APPEND)  # so that every life of a sweep goes the same way

    def start(self) -> None:
        self.settings.REDIS_URL = self.url
        stream.forget()

    def stop(self) -> None:
        """Nobody answers at its address."""
        self.settings.REDIS_URL = "redis://127.0.0.1:1/0"
        stream.forget()

    def flush(self) -> None:
        """Everything it knew of these tests is gone."""
        for key in [*self.client.scan_iter(f"{stream.NAME}*", count=1_000)]:
            self.client.delete(key)

    def entries(self) -> list[Any]:
        return list(self.client.xrange(stream.NAME))

    def add(self, entry: dict[str, Any], entry_id: str = "*") -> None:
        """What nobody of ours has written."""
        self.client.xadd(stream.NAME, entry, id=entry_id)


@pytest.fixture
def redis_stream(redis_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """Reports go through a stream of this test's own."""
    settings.ADS_STREAM = True
    monkeypatch.setattr(stream, "NAME", f"megabox:test:{uuid.uuid4().hex}")
    ours = Redis(redis_url, settings)
    ours.start()
    yield ours
    ours.flush()
    ours.client.close()
    stream.forget()


class Way:
    """How reports are counted: at once, or by way of the stream."""

    def __init__(self, name: str, stream: Redis | None) -> None:
        self.name, self.stream = name, stream

    def __repr__(self) -> str:
        return self.name

    def catch_up(self) -> None:
        """Count what waits."""
        if self.stream:
            consumer.drain()

    def flush(self) -> None:
        if self.stream:
            self.stream.flush()

    def stop(self) -> None:
        if self.stream:
            self.stream.stop()

    def start(self) -> None:
        if self.stream:
            self.stream.start()


@pytest.fixture(params=["direct", pytest.param("stream", marks=pytest.mark.redis)])
def way(request: pytest.FixtureRequest) -> Way:
    """Both ways, which must count alike."""
    return Way(request.param, request.getfixturevalue("redis_stream") if request.param == "stream" else None)
