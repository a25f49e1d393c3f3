"""Single entries beside django-hordak 2.0, the double-entry books of PyPI: one movement each, on the same server.

Hordak needs PostgreSQL or MySQL, so there is nothing to measure on SQLite. It runs in a process and a virtualenv of its
own (`requirements-peers.lock`), with a database of its own. It knows neither idempotency keys, digests, append-only
tables nor facts; its triggers check that the legs of a transaction balance.
"""

import os
import subprocess
import sys
import uuid
from pathlib import Path

from django.db import connection

from benchmarks.bare import AT_NOON
from benchmarks.figures import Figure, in_turn, scaled, seconds
from benchmarks.server import scratch_url
from ledger import chart, journal
from ledger.journal import Line

ENTRIES = scaled(200)
PYTHON = Path(os.environ.get("PEERS_PYTHON", ".venv/peers/bin/python"))
_DATABASE = "bench_hordak"


def run() -> list[Figure]:
    """Entries a second, ours and theirs."""
    if connection.vendor != "postgresql" or not PYTHON.exists():
        print("  needs PostgreSQL and `make bench`, which installs it: nothing measured", flush=True)
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {_DATABASE}")
        cursor.execute(f"CREATE DATABASE {_DATABASE}")
    url = scratch_url().rpartition("/")[0] + f"/{_DATABASE}"
    here = Path(__file__).with_name("hordak_peer.py")
    process = subprocess.Popen(
        [str(PYTHON), str(here), url, str(ENTRIES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert _ask(process) == "ready"
        _post()  # opens the accounts, warms up
        ours, theirs = in_turn(lambda: seconds(_post), lambda: float(_ask(process, "go")), rounds=5)
    finally:
        process.terminate()
        process.wait(30)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
    name = "entries of one movement, beside django-hordak 2.0"
    return [Figure(name, ENTRIES / ours, "entries/s", ENTRIES / theirs, goal=1.0)]


def _ask(process: "subprocess.Popen[str]", question: str = "") -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    if question:
        process.stdin.write(question + "\n")
        process.stdin.flush()
    answer = process.stdout.readline().strip()
    assert answer, f"the peer ended with {process.poll()}; {sys.executable} cannot say why"
    return answer


def _post() -> None:
    for _ in range(ENTRIES):
        line = Line(chart.stripe("USD"), chart.prepaid(1, "USD"), 9_000, "USD", "store.line:1")
        journal.post(uuid.uuid4().hex, "deposit", [line], occurred_at=AT_NOON)
