"""What UUIDv7 is for: rows inserted into a growing table of events, by ids in the order of time and by chance."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from ads import tokens
from ads.measurement import sql
from benchmarks.figures import Figure, scaled, seconds
from tests.ads.factories import make_campaign

SIZES = [scaled(size) for size in (100_000, 400_000, 1_600_000)]
MEASURED = scaled(20_000)
BATCH = 1_000
_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def run() -> list[Figure]:
    """Rows a second at each size, in time order against by chance, and what an event writes into the database's log."""
    campaign_id = make_campaign().pk
    rates: dict[str, list[float]] = {}
    logged: dict[str, float] = {}
    for name, make in (("in time order", _in_order()), ("by chance", lambda _: uuid.uuid4())):
        _empty()
        there = 0
        rates[name] = []
        for size in SIZES:
            _insert(campaign_id, make, there, size - MEASURED)
            there = size
            _checkpoint()
            before = _log_bytes()
            rates[name].append(MEASURED / seconds(lambda: _insert(campaign_id, make, size - MEASURED, size)))  # noqa: B023
            logged[name] = (_log_bytes() - before) / MEASURED
        print(f"  {name}: " + ", ".join(f"{rate:,.0f}/s at {n:,}" for rate, n in zip(rates[name], SIZES, strict=True)))
    _empty()
    ordered, chance = (rates[name][-1] for name in ("in time order", "by chance"))
    figures = [
        Figure(f"ids: events inserted at {SIZES[-1]:,}, by time against by chance", ordered, "rows/s", chance, goal=1)
    ]
    if logged["by chance"]:
        log = Figure(
            "ids: log written for an event, by time against by chance",
            logged["in time order"],
            "bytes",
            logged["by chance"],
            goal=1 / 3,
            is_rate=False,
        )
        figures.append(log)
    return figures


def _checkpoint() -> None:
    """Begin where the database must log a whole page when it first changes it, as it must every few minutes."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")


def _log_bytes() -> int:
    """How much the database has logged so far; 0 where it does not say."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
        logged: int = cursor.fetchone()[0]
        return logged


def _in_order() -> Callable[[int], uuid.UUID]:
    return lambda number: tokens.uuid7(_AT + timedelta(milliseconds=number // 10))


def _insert(campaign_id: int, make: Callable[[int], uuid.UUID], first: int, end: int) -> None:
    for start in range(first, end, BATCH):
        rows = [(make(n), "viewed", "", campaign_id, _AT) for n in range(start, min(end, start + BATCH))]
        with transaction.atomic():
            sql.insert_events(rows)


def _empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE ads_adevent" if connection.vendor == "postgresql" else "DELETE FROM ads_adevent")
