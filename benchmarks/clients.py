"""Thirty-two clients that post at once: all to one guarded account, each to one of a thousand, and by bare SQL.

Everybody who posts to one guarded account waits for its one row, so what matters is how little is done while it is
locked. SQLite has one writer whatever is locked, so there is nothing to measure there.
"""

import multiprocessing
import threading
import time
import uuid
from collections.abc import Callable
from random import Random
from typing import Any

from django.db import connection, connections

from benchmarks import bare
from benchmarks.figures import Figure, in_turn, scaled
from ledger import chart, journal
from ledger.journal import Line

PROCESSES, THREADS = 4, 8
ACCOUNTS = 1_000
SECONDS = 4.0 if scaled(10) == 10 else 1.0
_UNIT = "USD"

Client = Callable[[Random], None]


def run() -> list[Figure]:
    """Entries a second of 32 clients."""
    if connection.vendor != "postgresql":
        print("  needs PostgreSQL: nothing measured", flush=True)
        return []
    lines = [Line(chart.stripe(_UNIT), chart.prepaid(number, _UNIT), 1, _UNIT) for number in range(1, ACCOUNTS + 1)]
    journal.post(uuid.uuid4().hex, "deposit", lines, occurred_at=bare.AT_NOON)
    row = bare.Row(chart.stripe(_UNIT), chart.prepaid(1, _UNIT), 1)
    prepared = bare.prepare([("", [row])])[0]
    hot, bare_hot = in_turn(lambda: _rate(_hot), lambda: _rate(lambda _: _post_bare(prepared)))
    spread, _ = in_turn(lambda: _rate(_spread), lambda: 0.0)
    print(
        f"  one account {hot:.0f}/s, {ACCOUNTS} accounts {spread:.0f}/s, bare on one row {bare_hot:.0f}/s", flush=True
    )
    name = "32 clients on one account (40 % of many, 0.8 of bare)"
    return [Figure(name, hot, "entries/s", min(0.4 * spread, 0.8 * bare_hot), goal=1.0)]


def _hot(_: Random) -> None:
    _post(1)


def _spread(chance: Random) -> None:
    _post(chance.randint(1, ACCOUNTS))


def _post(number: int) -> None:
    line = Line(chart.stripe(_UNIT), chart.prepaid(number, _UNIT), 1, _UNIT)
    journal.post(uuid.uuid4().hex, "deposit", [line], occurred_at=bare.AT_NOON)


def _post_bare(prepared: bare.Prepared) -> None:
    bare.post([prepared._replace(key=uuid.uuid4().hex)])


def _rate(client: Client) -> float:
    connections.close_all()  # each process has its own
    context = multiprocessing.get_context("fork")
    counts: Any = context.Queue()
    workers = [context.Process(target=_work, args=(client, number, counts)) for number in range(PROCESSES)]
    for worker in workers:
        worker.start()
    total: int = sum(counts.get(timeout=SECONDS * 10 + 60) for _ in workers)
    for worker in workers:
        worker.join()
    return total / SECONDS


def _work(client: Client, number: int, counts: Any) -> None:
    done = [0] * THREADS
    start = threading.Barrier(THREADS)

    def loop(thread: int) -> None:
        chance = Random(number * THREADS + thread)
        connection.ensure_connection()
        start.wait()
        until = time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            client(chance)
            done[thread] += 1
        connection.close()

    threads = [threading.Thread(target=loop, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts.put(sum(done))
