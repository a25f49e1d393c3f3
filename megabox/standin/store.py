"""The stand-in's own SQLite file: Stripe's objects as JSON, remembered answers, events to deliver, switches.

Every request works in one transaction (`BEGIN IMMEDIATE`), so the objects it makes, the answer its idempotency
key remembers and the events it sends stand or fall together.
"""

import json
import queue
import secrets
import sqlite3
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from megabox.standin import errors

Obj = dict[str, Any]

ALPHABET = string.ascii_letters + string.digits
PAGE = 10
BIGGEST_PAGE = 100

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    created INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, created DESC, seq DESC);
CREATE INDEX IF NOT EXISTS objects_by_group ON objects (kind, json_extract(body, '$.transfer_group'));
CREATE INDEX IF NOT EXISTS objects_by_intent ON objects (kind, json_extract(body, '$.payment_intent'));
CREATE INDEX IF NOT EXISTS objects_by_source ON objects (kind, json_extract(body, '$.source'));
CREATE TABLE IF NOT EXISTS totals (
    currency TEXT PRIMARY KEY, available INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, at REAL NOT NULL,
    status INTEGER, body TEXT, request_id TEXT);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, next_at REAL,
    tries INTEGER NOT NULL DEFAULT 0, is_done INTEGER NOT NULL DEFAULT 0, last_answer TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (is_done, next_at);
CREATE TABLE IF NOT EXISTS switches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, method TEXT NOT NULL, path TEXT NOT NULL, mode TEXT NOT NULL,
    remaining INTEGER NOT NULL, seconds REAL NOT NULL);
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    params TEXT NOT NULL, key TEXT NOT NULL, status INTEGER NOT NULL);
"""


def new_id(prefix: str, length: int = 24) -> str:
    """A fresh identifier in Stripe's manner: `ch_` and random letters."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))


class Objects:
    """Stripe's objects, inside one transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def add(self, obj: Obj) -> Obj:
        """Store a new object."""
        self.db.execute(
            "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)",
            (obj["id"], obj["object"], obj["created"], json.dumps(obj)),
        )
        return obj

    def save(self, obj: Obj) -> Obj:
        """Store a changed object."""
        changed = self.db.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(obj), obj["id"])).rowcount
        assert changed == 1, f"{obj['id']} was never stored"
        return obj

    def find(self, identifier: str) -> Obj | None:
        """The object with this id, of whatever kind."""
        row = self.db.execute("SELECT body FROM objects WHERE id = ?", (identifier,)).fetchone()
        return json.loads(row[0]) if row else None

    def get(self, kind: str, identifier: str, param: str = "id", status: int = 404) -> Obj:
        """The object of this kind with this id; raises WireError when there is none."""
        obj = self.find(identifier)
        if obj is None or obj["object"] != kind:
            raise errors.unknown_object(kind, identifier, param, status)
        return obj

    def page(self, kind: str, url: str, params: Mapping[str, Any], **filters: Any) -> Obj:
        """A list in Stripe's form, newest first, paged by `limit`, `starting_after` and `ending_before`."""
        limit = params.get("limit") or PAGE
        if not 1 <= limit <= BIGGEST_PAGE:
            raise errors.invalid("limit", f"limit must be between 1 and {BIGGEST_PAGE}.", "parameter_invalid_integer")
        where, values = self._conditions(kind, params, filters)
        backwards = params.get("ending_before") is not None
        order = "created ASC, seq ASC" if backwards else "created DESC, seq DESC"
        query = f"SELECT body FROM objects WHERE {where} ORDER BY {order} LIMIT ?"  # noqa: S608 - names are our own
        rows = self.db.execute(query, [*values, limit + 1]).fetchall()
        data = [json.loads(row[0]) for row in rows[:limit]]
        if backwards:
            data.reverse()
        return {"object": "list", "url": url, "has_more": len(rows) > limit, "data": data}

    def _conditions(self, kind: str, params: Mapping[str, Any], filters: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The WHERE clause of a list; every name in it is the stand-in's own, every value a parameter."""
        where, values = ["kind = ?"], [kind]
        for name, value in filters.items():
            if value is not None:
                where.append(f"json_extract(body, '$.{name}') = ?")
                values.append(value)
        signs = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
        for name, value in (params.get("created") or {}).items():
            where.append(f"created {signs[name]} ?")
            values.append(value)
        for name, sign in (("starting_after", "<"), ("ending_before", ">")):
            if params.get(name) is not None:
                self.get(kind, params[name], name, 400)
                here = "(SELECT created, seq FROM objects WHERE id = ?)"
                where.append(f"(created, seq) {sign} {here}")
                values.append(params[name])
        return " AND ".join(where), values

    def queue(self, event: Obj, now: float) -> None:
        """Note that `event` is to be delivered."""
        self.db.execute("INSERT INTO deliveries (event_id, next_at) VALUES (?, ?)", (event["id"], now))

    def move_balance(self, currency: str, cents: int) -> None:
        """Add `cents` to the available balance of `currency`."""
        self.db.execute(
            "INSERT INTO totals (currency, available) VALUES (?, ?)"
            " ON CONFLICT (currency) DO UPDATE SET available = available + excluded.available",
            (currency, cents),
        )

    def put_into_payout(self, currency: str, payout_id: str) -> None:
        """Note what an automatic payout of `currency` consists of: all that no earlier one had."""
        self.db.execute(
            "UPDATE objects SET body = json_set(body, '$.payout', ?) WHERE kind = 'balance_transaction'"
            " AND json_extract(body, '$.currency') = ? AND json_extract(body, '$.payout') IS NULL",
            (payout_id, currency),
        )

    def reserves(self) -> dict[str, int]:
        """Cents held in reserve for connected accounts, by currency: what reserve transactions took."""
        found = self.db.execute(
            "SELECT json_extract(body, '$.currency'), -SUM(json_extract(body, '$.amount')) FROM objects"
            " WHERE kind = 'balance_transaction' AND json_extract(body, '$.type') = 'reserve_transaction' GROUP BY 1"
        )
        return dict(found.fetchall())

    def balances(self) -> dict[str, int]:
        """Available cents by currency."""
        return dict(self.db.execute("SELECT currency, available FROM totals ORDER BY currency").fetchall())


class Database:
    """The file. Connections wait in a pool between requests; one is used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.connection() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(SCHEMA)
            # Calls that a killed process was answering will never be answered: their keys are free again.
            db.execute("DELETE FROM answers WHERE status IS NULL")

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection whose statements commit one by one; after trouble it is closed and not used again."""
        try:
            db = self._idle.get_nowait()
        except queue.Empty:
            db = sqlite3.connect(self.path, timeout=20, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA synchronous = NORMAL")
        try:
            yield db
        except BaseException:
            db.close()
            raise
        self._idle.put(db)

    @contextmanager
    def transaction(self) -> Iterator[Objects]:
        """All or nothing."""
        with self.connection() as db:
            db.execute("BEGIN IMMEDIATE")
            yield Objects(db)  # trouble closes the connection, which rolls back
            db.execute("COMMIT")
