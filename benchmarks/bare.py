"""The books by bare SQL, straight through the driver: the limit of everything that posts.

The same rows into the same tables with the same triggers, constraints and indexes; it only skips what makes the books
safe and readable: digest, idempotency, opening of accounts, locks, guards.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection, transaction

from ledger import chart

AT = "2026-11-01 12:00:00+00"
AT_NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Row(NamedTuple):
    """One posting; `facts` is JSON text, `matures_on` an ISO date."""

    debit: str
    credit: str
    amount: int
    source: str = ""
    facts: str = "{}"
    matures_on: str | None = None


class Prepared(NamedTuple):
    """An entry with everything looked up beforehand: its key, its rows, and what is added to which balance."""

    key: str
    rows: list[tuple[Any, ...]]
    additions: list[tuple[int, int]]


def prepare(entries: Sequence[tuple[str, Sequence[Row]]], unit: str = "USD") -> list[Prepared]:
    """Look up the accounts of all entries."""
    with transaction.atomic():
        ids = chart.open_all({code for _, rows in entries for row in rows for code in (row.debit, row.credit)})
    guarded = {code for code in ids if chart.meaning(code).is_guarded}
    return [
        Prepared(key, [_row(n, row, ids, unit) for n, row in enumerate(rows)], _sums(rows, ids, guarded))
        for key, rows in entries
    ]


def _row(number: int, row: Row, ids: dict[str, int], unit: str) -> tuple[Any, ...]:
    return (number, ids[row.debit], ids[row.credit], unit, row.amount, row.source, row.facts, row.matures_on)


def _sums(rows: Sequence[Row], ids: dict[str, int], guarded: set[str]) -> list[tuple[int, int]]:
    sums: dict[int, int] = {}
    for row in rows:
        for code, is_debit in ((row.debit, True), (row.credit, False)):
            if code in guarded:
                sign = 1 if chart.meaning(code).is_debit_normal == is_debit else -1
                sums[ids[code]] = sums.get(ids[code], 0) + sign * row.amount
    return [(amount, pk) for pk, amount in sorted(sums.items())]


def post(entries: Sequence[Prepared], *, at_once: int = 1) -> None:
    """Insert the entries, so many in a transaction."""
    connection.ensure_connection()
    cursor = connection.connection.cursor()
    for start in range(0, len(entries), at_once):
        some = entries[start : start + at_once]
        if connection.vendor == "sqlite":
            cursor.execute("BEGIN IMMEDIATE")
            for entry in some:
                _post_sqlite(cursor, entry)
        else:
            cursor.execute("BEGIN")
            _post_postgres(cursor, some)
        cursor.execute("COMMIT")
    cursor.close()


_ENTRY = (
    "INSERT INTO ledger_entry (key, kind, digest, why, occurred_at, created_at) VALUES (%s, 'bare', '', '', %s, %s)"
)
_COLUMNS = "line, debit_id, credit_id, unit, amount, source, facts, matures_on"


def _post_sqlite(cursor: Any, entry: Prepared) -> None:
    cursor.execute(_ENTRY.replace("%s", "?"), (entry.key, AT[:19], AT[:19]))
    entry_id = cursor.lastrowid
    cursor.executemany(
        f"INSERT INTO ledger_posting (entry_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(entry_id, *row) for row in entry.rows],
    )
    cursor.executemany("UPDATE ledger_balance SET amount = amount + ? WHERE account_id = ?", entry.additions)


def _post_postgres(cursor: Any, entries: Sequence[Prepared]) -> None:
    """Three statements, however many entries."""
    cursor.execute(
        "INSERT INTO ledger_entry (key, kind, digest, why, occurred_at, created_at)"
        " SELECT key, 'bare', '', '', %s, %s FROM unnest(%s::text[]) AS new (key) RETURNING id",
        (AT, AT, [entry.key for entry in entries]),
    )
    ids = [pk for (pk,) in cursor.fetchall()]
    rows = [(pk, *row) for pk, entry in zip(ids, entries, strict=True) for row in entry.rows]
    cursor.execute(
        f"INSERT INTO ledger_posting (entry_id, {_COLUMNS}) SELECT * FROM unnest(%s::bigint[], %s::int[],"
        " %s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::jsonb[], %s::date[])",
        [list(column) for column in zip(*rows, strict=True)],
    )
    sums: dict[int, int] = {}
    for entry in entries:
        for amount, pk in entry.additions:
            sums[pk] = sums.get(pk, 0) + amount
    if sums:
        cursor.execute(
            "UPDATE ledger_balance SET amount = ledger_balance.amount + new.amount"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS new (account_id, amount)"
            " WHERE ledger_balance.account_id = new.account_id",
            [list(sums), list(sums.values())],
        )


def settle_down() -> None:
    """Let the database do now what it would do by itself in a while: the statistics its plans are made from."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
