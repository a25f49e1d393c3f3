"""What every test shares: no sockets but local ones, a folder of its own for files, and clean books between tests."""

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.db import connections
from django.test import TransactionTestCase
from django.utils import timezone

from ledger import triggers
from tests.crashing import Arena, Clock, make_arena

_connect = socket.socket.connect


def _connect_locally(self: socket.socket, address: Any) -> None:
    if self.family != socket.AF_UNIX and not _is_local(address[0]):
        raise RuntimeError(f"Tests open no socket to other machines, but this one tried {address}.")
    _connect(self, address)


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # some other name
        return False


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", _connect_locally)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _own_files(settings: LazySettings, tmp_path: Path) -> None:
    """Files that a test stores are its own."""
    configured = cast(dict[str, dict[str, Any]], settings.STORAGES)
    storages = {name: dict(one) for name, one in configured.items()}
    for name, folder in (("default", "private"), ("private", "private"), ("public", "public")):
        storages[name]["OPTIONS"] = {**storages[name].get("OPTIONS", {}), "location": str(tmp_path / folder)}
    settings.STORAGES = storages
    settings.MEDIA_ROOT = tmp_path
    cache.clear()


@pytest.fixture(autouse=True, scope="session")
def _books_can_be_flushed() -> Iterator[None]:
    """The flush after a test that commits is the one thing that may empty the books: it finds no triggers."""
    patch = pytest.MonkeyPatch()
    tear_down = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # private, but the only hook

    def without_triggers(case: TransactionTestCase) -> None:
        for connection in connections.all(initialized_only=True):
            triggers.drop(connection)
        tear_down(case)
        for connection in connections.all(initialized_only=True):
            triggers.install(connection)

    patch.setattr(TransactionTestCase, "_fixture_teardown", without_triggers)
    yield
    patch.undo()


@pytest.fixture
def arena(transactional_db: None, tmp_path: Path) -> Iterator[Arena]:
    """A database of its own that can be put back in a moment, for tests that kill processes."""
    arena = make_arena(tmp_path)
    yield arena
    arena.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time, which stands still until the test lets it pass."""
    clock = Clock(timezone.now())
    monkeypatch.setattr(timezone, "now", clock)
    return clock


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many processes were killed, so that nobody takes a sweep that did not run for one that found nothing."""
    swept: dict[str, list[int]] = {}
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, points in report.user_properties:
            if name == "crash points" and report.when == "call":
                swept.setdefault(report.nodeid.partition("[")[0], []).append(points)
    if swept:
        terminalreporter.section("crash points")
    for test, points in sorted(swept.items()):
        terminalreporter.write_line(f"{sum(points):5} lives in {len(points):2} cases: {test}")
