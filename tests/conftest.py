"""What every test shares: no sockets but local ones, a folder of its own for files, and clean books between tests."""

import ipaddress
import os
import random
import signal
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.db import connections
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import TransactionTestCase
from django.utils import timezone

from ads.budgets import leases
from ads.delivery import ticking
from ads.limits import rates, unseen
from ads.traffic import prefixes
from ledger import triggers
from tests import fixtures
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


def pytest_configure(config: pytest.Config) -> None:
    """Whoever ends the tests, as CI does when they take too long, ends what their fixtures started too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Chosen once for all workers, which inherit it.
    os.environ.setdefault("CORPUS_SEED", str(random.SystemRandom().randrange(10**6)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stores", action="store_true", help="only tests that ask the database or Redis for something")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What asks neither the database nor Redis is the same on every database, and need not be repeated there."""
    if config.getoption("--stores"):
        asking = [one for one in items if _asks_a_store(one)]
        config.hook.pytest_deselected(items=[one for one in items if not _asks_a_store(one)])
        items[:] = asking


def _asks_a_store(item: pytest.Item) -> bool:
    marks = {mark.name for mark in item.iter_markers()}
    fixtures_used = set(getattr(item, "fixturenames", ()))
    return bool(marks & {"django_db", "redis", "postgres"} or fixtures_used & {"db", "transactional_db"})


def pytest_report_header() -> str:
    """What is needed to run the same mutants again; or why there are none."""
    if not fixtures.files():
        return "corpus: MISSING, so hostile files nobody here wrote are not tried: run `make fixtures` once"
    return f"corpus: {len(fixtures.files())} files, CORPUS_SEED={os.environ['CORPUS_SEED']}"


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
    # Whoever cleans up in another worker shall find nothing of this test.
    incoming = tmp_path.with_name(f"{tmp_path.name}-incoming")
    incoming.mkdir(exist_ok=True)
    settings.FILE_UPLOAD_TEMP_DIR = str(incoming)
    cache.clear()
    leases.forget()
    prefixes.forget()
    unseen.forget()
    rates.forget()


@pytest.fixture(autouse=True)
def _no_thread_outlives_its_test() -> Iterator[None]:
    """A thread that reads the live campaigns by the clock of the wall would do so in the next test too."""
    yield
    for ticker in ticking._all:
        if ticker.is_running:
            ticker.stop()


@pytest.fixture(autouse=True, scope="session")
def _books_can_be_flushed() -> Iterator[None]:
    """The flush after a test that commits is the one thing that may empty the books: it finds no triggers.

    Signals that end the flush install them again (`ledger.apps`).
    """
    patch = pytest.MonkeyPatch()
    tear_down = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # private, but the only hook

    def without_triggers(case: TransactionTestCase) -> None:
        for connection in connections.all(initialized_only=True):
            triggers.drop(connection)
        tear_down(case)

    patch.setattr(TransactionTestCase, "_fixture_teardown", without_triggers)
    patch.setattr(DatabaseOperations, "sql_flush", _delete_all)
    yield
    patch.undo()


def _delete_all(
    operations: DatabaseOperations, style: Any, tables: Sequence[str], *, reset_sequences: bool, allow_cascade: bool
) -> list[str]:
    """How PostgreSQL empties the few rows of a test: TRUNCATE would make new files for hundreds of tables."""
    foreign_keys_look_away = "SET LOCAL session_replication_role = replica"
    return [foreign_keys_look_away, *(f"DELETE FROM {operations.quote_name(table)}" for table in tables)]


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
    """How many processes were killed and files refused: a sweep that did not run is none that found nothing."""
    swept: dict[str, list[int]] = {}
    told: list[str] = []
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, points in report.user_properties:
            if name == "crash points" and report.when == "call":
                swept.setdefault(report.nodeid.partition("[")[0], []).append(points)
            if name == "corpus" and report.when == "call":
                told.append(str(points))
    if told:
        terminalreporter.section("corpus")
    for line in sorted(told):
        terminalreporter.write_line(line)
    if swept:
        terminalreporter.section("crash points")
    for test, points in sorted(swept.items()):
        terminalreporter.write_line(f"{sum(points):5} lives in {len(points):2} cases: {test}")
