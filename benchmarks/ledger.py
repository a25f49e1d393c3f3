"""How fast the books are: posts beside bare SQL that does the same inserts and balance updates.

`run` expects Django set up and a migrated scratch database as the default connection: it leaves entries behind that
nobody can delete. Both sides use the same tables with the same triggers, constraints and indexes, one transaction per
entry, in turns; bare SQL only skips what makes the books safe and readable:
digest, idempotency, opening of accounts, locks, guards.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection, transaction

from benchmarks.figures import Figure, in_turn, seconds
from ledger import chart, journal
from ledger.journal import Line

ROUNDS = 15
ENTRIES = 50
"""Single entries in a round."""
LINES = 1_000
"""Lines of the long entry, one per payee."""
GOAL_SINGLE, GOAL_LONG = 0.3, 0.4

_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
_DAY = date(2026, 11, 15)
_STRIPE = chart.stripe("USD")


def run() -> list[Figure]:
    """Measure single entries and one long entry, both per second."""
    single = [_line(1), Line(_STRIPE, chart.commission("USD"), 1_000, "USD")]
    long = [_line(payee) for payee in range(1, LINES + 1)]
    _post(long + single[1:])  # opens the accounts and warms up both sides
    _bare(_prepared(single))
    return [
        _figure("ledger: entries of two lines", "entries/s", single, times=ENTRIES, count=ENTRIES, goal=GOAL_SINGLE),
        _figure("ledger: lines of a 1 000-line entry", "lines/s", long, times=1, count=LINES, goal=GOAL_LONG),
    ]


def _figure(name: str, unit: str, lines: list[Line], *, times: int, count: int, goal: float) -> Figure:
    prepared = _prepared(lines)
    posts, bare = in_turn(
        lambda: seconds(lambda: _repeat(times, lambda: _post(lines))),
        lambda: seconds(lambda: _repeat(times, lambda: _bare(prepared))),
        rounds=ROUNDS,
    )
    return Figure(name, value=count / posts, unit=unit, limit=count / bare, goal=goal)


def _repeat(times: int, work: Callable[[], None]) -> None:
    for _ in range(times):
        work()


def _line(payee: int) -> Line:
    return Line(
        _STRIPE,
        chart.payee(payee, "pending", "USD"),
        9_000,
        "USD",
        source=f"store.line:{payee}",
        facts={"title": "A Song", "isrc": "DEA012600001", "country": "DE", "quantity": 1, "price_micros": 10_000},
        matures_on=_DAY,
    )


def _post(lines: list[Line]) -> None:
    journal.post(uuid.uuid4().hex, "sale", lines, occurred_at=_AT)


# --- the same rows by bare SQL, straight through the driver


def _prepared(lines: list[Line]) -> tuple[list[tuple[Any, ...]], list[tuple[int, int]]]:
    """Rows of postings and additions to balances, with everything looked up beforehand."""
    with transaction.atomic():
        ids = chart.open_all(code for line in lines for code in (line.debit, line.credit))
    facts = '{"title": "A Song", "isrc": "DEA012600001", "country": "DE", "quantity": 1, "price_micros": 10000}'
    rows = [
        (
            number,
            ids[line.debit],
            ids[line.credit],
            "USD",
            line.amount,
            line.source,
            facts if line.facts else "{}",
            str(line.matures_on) if line.matures_on else None,
        )
        for number, line in enumerate(lines)
    ]
    return rows, [(line.amount, ids[line.credit]) for line in lines if chart.meaning(line.credit).is_guarded]


_ENTRY = (
    "INSERT INTO ledger_entry (key, kind, digest, why, occurred_at, created_at) VALUES (%s, 'sale', '', '', %s, %s)"
)
_COLUMNS = "line, debit_id, credit_id, unit, amount, source, facts, matures_on"


def _bare(prepared: tuple[list[tuple[Any, ...]], list[tuple[int, int]]]) -> None:
    rows, additions = prepared
    connection.ensure_connection()
    cursor = connection.connection.cursor()
    entry = (uuid.uuid4().hex, "2026-11-01 12:00:00", "2026-11-01 12:00:00")
    cursor.execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
    if connection.vendor == "sqlite":
        cursor.execute(_ENTRY.replace("%s", "?"), entry)
        entry_id = cursor.lastrowid
        marks = "?, ?, ?, ?, ?, ?, ?, ?, ?"
        cursor.executemany(
            f"INSERT INTO ledger_posting (entry_id, {_COLUMNS}) VALUES ({marks})", [(entry_id, *row) for row in rows]
        )
        cursor.executemany("UPDATE ledger_balance SET amount = amount + ? WHERE account_id = ?", additions)
    else:
        cursor.execute(f"{_ENTRY} RETURNING id", entry)
        entry_id = cursor.fetchone()[0]
        cursor.execute(
            f"INSERT INTO ledger_posting (entry_id, {_COLUMNS}) SELECT %s, * FROM unnest(%s::int[], %s::bigint[],"
            " %s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::jsonb[], %s::date[])",
            [entry_id, *(list(column) for column in zip(*rows, strict=True))],
        )
        cursor.execute(
            "UPDATE ledger_balance SET amount = ledger_balance.amount + new.amount"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS new (amount, account_id)"
            " WHERE ledger_balance.account_id = new.account_id",
            [list(column) for column in zip(*additions, strict=True)],
        )
    cursor.execute("COMMIT")
    cursor.close()
