"""The few statements of the journal that are written for each database, so that a post costs the same few
round trips however many lines it has.

PostgreSQL takes any number of rows as one parameter; SQLite lives in the process, so a prepared statement per row costs
no round trip, and its one writer at a time (`BEGIN IMMEDIATE`) makes reading before writing safe.
"""
# ruff: noqa: S608 - what is put into these statements are constants of this module; values are parameters

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection

from ledger.models import Month


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


_ENTRY = "key, kind, digest, why, occurred_at, created_at"


class EntryRow(NamedTuple):
    """An entry as the database takes it."""

    key: str
    kind: str
    digest: str
    why: str
    occurred_at: datetime
    created_at: datetime


def insert_entries(rows: Sequence[EntryRow]) -> dict[str, int]:
    """Insert entries in the order given and return the ids of those that are new, by key."""
    if connection.vendor != "postgresql":
        found = ((row.key, insert_entry(**row._asdict())) for row in rows)
        return {key: pk for key, pk in found if pk is not None}
    return dict(
        _rows(
            f"INSERT INTO ledger_entry ({_ENTRY}) SELECT {_ENTRY} FROM ROWS FROM (json_to_recordset(%s) AS"
            " (key text, kind text, digest text, why text, occurred_at timestamptz, created_at timestamptz))"
            f" WITH ORDINALITY AS new ({_ENTRY}, place) ORDER BY place ON CONFLICT (key) DO NOTHING RETURNING key, id",
            [_records(_ENTRY, rows)],
        )
    )


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


def lock_accounts(codes: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """Ids of those of `codes` that are open, and the balances, in micros, of the guarded ones.

    When all are open, their balance rows are locked in id order until the transaction ends. All who lock do it in
    this order, so opposite movements wait for each other instead of deadlocking; so when one is not open yet nothing
    is locked: open it, and call again.
    """
    if connection.vendor == "postgresql":
        rows = _rows(  # OFFSET 0 keeps the inner rows as they are, in order, and the locks after them
            "SELECT code, id, CASE WHEN open = %s THEN ("
            " SELECT amount FROM ledger_balance WHERE account_id = wanted.id FOR NO KEY UPDATE"
            ") END FROM (SELECT code, id, COUNT(*) OVER () AS open FROM ledger_account WHERE code = ANY(%s::text[])"
            " ORDER BY id OFFSET 0) AS wanted",
            [len(codes), _many(codes)],
        )
    else:
        rows = _rows(
            "SELECT code, id, amount FROM ledger_account LEFT JOIN ledger_balance ON account_id = id"
            f" WHERE code {_among()}",
            [_many(codes)],
        )
    return {code: (pk, amount) for code, pk, amount in rows}


def uncovered_micros(account_ids: Iterable[int], day: date, maturity: str) -> dict[int, int]:
    """What is left of the credits to pending accounts that mature by `day` and that no maturity has covered.

    A maturity (an entry of the kind `maturity`) covers the credits before it up to its day. So what is not covered
    either matures after the latest day covered, or was credited after the maturity that covered that day. Both are
    looked up account by account, whatever the planner thinks of joining: its guesses are worst after a bulk. The days
    of the latter stand in a CASE, so that they are found by their ids: by their days all of history would be read.
    """
    left = """
        SUM(credited.amount - COALESCE((
            SELECT SUM(taken.amount) FROM ledger_posting AS taken
            WHERE taken.reverses_id = credited.id AND taken.debit_id = credited.credit_id
        ), 0)) FROM ledger_posting AS credited WHERE credited.credit_id = covered.id
    """
    latest = """
        FROM ledger_posting AS matured JOIN ledger_entry ON ledger_entry.id = matured.entry_id AND kind = %s
        WHERE matured.debit_id = account.id AND matured.matures_on IS NOT NULL
        ORDER BY matured.matures_on DESC, matured.id DESC LIMIT 1
    """
    adapt = connection.ops.adapt_datefield_value
    rows = _rows(
        f"""
        WITH covered AS (
            SELECT account.id, (SELECT matured.matures_on {latest}) AS day, (SELECT matured.id {latest}) AS posting_id
            FROM ledger_account AS account WHERE account.id {_among("bigint")}
        )
        SELECT id, COALESCE((
            SELECT {left} AND credited.matures_on <= %s AND credited.matures_on > COALESCE(covered.day, %s)
        ), 0) + COALESCE((
            SELECT {left} AND credited.id > covered.posting_id
            AND CASE WHEN credited.matures_on <= %s AND credited.matures_on <= covered.day THEN 1 ELSE 0 END = 1
            AND NOT EXISTS (
                SELECT 1 FROM ledger_posting AS matured JOIN ledger_entry ON ledger_entry.id = entry_id AND kind = %s
                WHERE matured.debit_id = covered.id AND matured.id > credited.id
                AND matured.matures_on >= credited.matures_on
            )
        ), 0) FROM covered
        """,
        [maturity, maturity, _many(account_ids), adapt(day), adapt(date.min), adapt(day), maturity],
    )
    return {account_id: int(micros) for account_id, micros in rows}


def lock_entries() -> None:
    """Wait for all who are writing entries, and let nobody begin, until the transaction ends."""
    if connection.vendor == "postgresql":  # SQLite has one writer at a time anyway
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE ledger_entry IN SHARE ROW EXCLUSIVE MODE")


def insert_snapshot_lines(month: Month, before: Month | None) -> None:
    """Insert every account's totals at the end of `month`: those of `before` and what has occurred since."""
    moment, day = connection.ops.adapt_datetimefield_value, connection.ops.adapt_datefield_value
    window, since = "occurred_at < %s", [moment(month.ends_at)]
    if before is not None:
        window += " AND occurred_at >= %s"
        since.append(moment(before.ends_at))
    moved = f"FROM ledger_posting AS posting JOIN ledger_entry AS entry ON entry.id = entry_id WHERE {window}"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_snapshotline (snapshot_id, account_id, debits, credits)"
            " SELECT %s, account_id, SUM(debits), SUM(credits) FROM ("
            "  SELECT account_id, debits, credits FROM ledger_snapshotline WHERE snapshot_id = %s"
            f" UNION ALL SELECT debit_id, amount, 0 {moved}"
            f" UNION ALL SELECT credit_id, 0, amount {moved}"
            ") AS known GROUP BY account_id ORDER BY account_id",
            [day(month.month), day(before.month) if before else None, *since, *since],
        )


_MOVE = (
    "UPDATE ledger_balance SET amount = new.amount"
    " FROM unnest(%s::bigint[], %s::bigint[]) AS new (account_id, amount)"
    " WHERE ledger_balance.account_id = new.account_id"
)
_POSTING = "entry_id, line, debit_id, credit_id, unit, amount, source, facts, matures_on, reverses_id"


def insert_postings(rows: Sequence[tuple[int, PostingRow]], balances: Mapping[int, int]) -> None:
    """Insert postings, each with its entry's id, in the order given; write the new amounts of locked balances."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            source, values = _few(rows) if len(rows) <= _FEW else _hundreds(rows)
            insert = f"INSERT INTO ledger_posting ({_POSTING}) {source}"
            if balances:
                insert = f"WITH moved AS ({_MOVE}) {insert}"
                values = [_many(balances), _many(balances.values()), *values]
            cursor.execute(insert, values)
        else:
            cursor.executemany(
                "UPDATE ledger_balance SET amount = %s WHERE account_id = %s",
                [(amount, account_id) for account_id, amount in balances.items()],
            )
            adapt = connection.ops.adapt_datefield_value
            cursor.executemany(
                f"INSERT INTO ledger_posting ({_POSTING}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [(entry_id, *row[:7], adapt(row.matures_on), row.reverses_id) for entry_id, row in rows],
            )


_FEW = 5
"""Up to so many postings have a mark for each value: such a statement is prepared fastest, and psycopg keeps it."""


def _few(rows: Sequence[tuple[int, PostingRow]]) -> tuple[str, list[Any]]:
    marks = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"] * len(rows))
    return f"VALUES {marks}", [value for entry_id, row in rows for value in (entry_id, *row)]


def _hundreds(rows: Sequence[tuple[int, PostingRow]]) -> tuple[str, list[Any]]:
    source = (
        "SELECT entry_id, line, debit_id, credit_id, unit, amount, source, facts::jsonb, matures_on, reverses_id"
        " FROM ROWS FROM (json_to_recordset(%s) AS"
        " (entry_id bigint, line int, debit_id bigint, credit_id bigint, unit text, amount bigint,"
        " source text, facts text, matures_on date, reverses_id bigint))"
        f" WITH ORDINALITY AS new ({_POSTING}, place) ORDER BY place"
    )
    return source, [_records(_POSTING, [(entry_id, *row) for entry_id, row in rows])]


def _records(columns: str, rows: Iterable[Sequence[Any]]) -> str:
    """Rows as the one parameter of `json_to_recordset`: far cheaper to write out than an array of each column."""
    names = columns.split(", ")
    return _ENCODER.encode([dict(zip(names, row, strict=True)) for row in rows])


_ENCODER = json.JSONEncoder(default=str)


def _among(kind: str = "text") -> str:
    """A condition that takes any number of values as one parameter."""
    if connection.vendor == "postgresql":
        return f"= ANY(%s::{kind}[])"
    return "IN (SELECT value FROM json_each(%s))"


def _many(values: Iterable[Any]) -> Any:
    """Any number of values as the one parameter of `_among`."""
    text = json.dumps(list(values))  # numbers, and codes that stand in an array of PostgreSQL as they do in JSON
    return f"{{{text[1:-1]}}}" if connection.vendor == "postgresql" else text


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
