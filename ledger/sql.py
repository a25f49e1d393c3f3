"""The few statements of the journal that are written for each database, so that a post costs the same few
round trips however many lines it has.

PostgreSQL takes whole columns as arrays; SQLite lives in the process, so a prepared statement per row costs
no round trip, and its one writer at a time (`BEGIN IMMEDIATE`) makes reading before writing safe.
"""
# ruff: noqa: S608 - what is put into these statements are constants of this module; values are parameters

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection


class PostingRow(NamedTuple):
    """A posting as the database takes it, without its entry; `facts` is JSON text."""

    line: int
    debit_id: int
    credit_id: int
    unit: str
    amount: int
    source: str
    facts: str
    matures_on: date | None
    reverses_id: int | None


def insert_entry(
    *, key: str, kind: str, digest: str, why: str, occurred_at: datetime, created_at: datetime
) -> int | None:
    """Insert an entry and return its id, or None when the key is taken.

    On PostgreSQL this waits for a transaction that is posting the same key, and sees what it committed.
    """
    adapt = connection.ops.adapt_datetimefield_value
    values = [key, kind, digest, why, adapt(occurred_at), adapt(created_at)]
    if connection.vendor == "postgresql":
        source = "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (key) DO NOTHING"
    else:  # an upsert would trip over the trigger that refuses replacing
        source = "SELECT %s, %s, %s, %s, %s, %s WHERE NOT EXISTS (SELECT 1 FROM ledger_entry WHERE key = %s)"
        values.append(key)
    rows = _rows(
        f"INSERT INTO ledger_entry (key, kind, digest, why, occurred_at, created_at) {source} RETURNING id", values
    )
    return rows[0][0] if rows else None


def account_ids(codes: Sequence[str]) -> dict[str, int]:
    """Ids of those of `codes` that are open."""
    return {
        code: pk for pk, code in _rows(f"SELECT id, code FROM ledger_account WHERE code {_among()}", [_many(codes)])
    }


def open_accounts(rows: Sequence[tuple[str, str, str, bool, bool]]) -> None:
    """Insert accounts (code, kind, unit, is_debit_normal, is_guarded) in the order given, and balances of zero.

    Somebody else may be opening the same accounts right now: on PostgreSQL the later one waits and takes theirs.
    """
    codes = [row[0] for row in rows]
    conflict = "ON CONFLICT DO NOTHING" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ledger_account (code, kind, unit, is_debit_normal, is_guarded)"
            f" VALUES (%s, %s, %s, %s, %s) {conflict}",
            rows,
        )
        cursor.execute(
            "INSERT INTO ledger_balance (account_id, amount) SELECT id, 0 FROM ledger_account"
            f" WHERE is_guarded AND code {_among()} ORDER BY id {conflict}",
            [_many(codes)],
        )


def lock_balances(account_ids: Iterable[int]) -> dict[int, int]:
    """Lock the balance rows of `account_ids` in id order and return their amounts in micros.

    All who lock do it in this order, so opposite movements wait for each other instead of deadlocking.
    """
    lock = "FOR NO KEY UPDATE" if connection.vendor == "postgresql" else ""
    return dict(
        _rows(
            f"SELECT account_id, amount FROM ledger_balance WHERE account_id {_among('bigint')}"
            f" ORDER BY account_id {lock}",
            [_many(account_ids)],
        )
    )


def store_balances(amounts: Mapping[int, int]) -> None:
    """Write the new amounts, in micros, of locked balance rows."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "UPDATE ledger_balance SET amount = new.amount"
                " FROM unnest(%s::bigint[], %s::bigint[]) AS new (account_id, amount)"
                " WHERE ledger_balance.account_id = new.account_id",
                [list(amounts), list(amounts.values())],
            )
        else:
            cursor.executemany(
                "UPDATE ledger_balance SET amount = %s WHERE account_id = %s",
                [(amount, account_id) for account_id, amount in amounts.items()],
            )


_COLUMNS = "line, debit_id, credit_id, unit, amount, source, facts, matures_on, reverses_id"


def insert_postings(entry_id: int, rows: Sequence[PostingRow]) -> None:
    """Insert the postings of an entry in line order."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"INSERT INTO ledger_posting (entry_id, {_COLUMNS}) SELECT %s, {_COLUMNS} FROM unnest("
                "%s::int[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::jsonb[],"
                f" %s::date[], %s::bigint[]) AS new ({_COLUMNS}) ORDER BY line",
                [entry_id, *(list(column) for column in zip(*rows, strict=True))],
            )
        else:
            adapt = connection.ops.adapt_datefield_value
            cursor.executemany(
                f"INSERT INTO ledger_posting (entry_id, {_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [(entry_id, *row[:7], adapt(row.matures_on), row.reverses_id) for row in rows],
            )


def _among(kind: str = "text") -> str:
    """A condition that takes any number of values as one parameter."""
    if connection.vendor == "postgresql":
        return f"= ANY(%s::{kind}[])"
    return "IN (SELECT value FROM json_each(%s))"


def _many(values: Iterable[Any]) -> Any:
    """Any number of values as the one parameter of `_among`."""
    return list(values) if connection.vendor == "postgresql" else json.dumps(list(values))


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
