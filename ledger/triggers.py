"""The triggers that make the database itself refuse to change the books.

Django rebuilds SQLite tables when it alters them, and drops their triggers silently; and it cannot alter a table
that a trigger of another table names. So all are dropped before every migration and installed after it
(`ledger.apps`), and the audit verifies that they are there, unchanged and enabled. Rooms above add tables of their own.
"""
# ruff: noqa: S608 - everything put into these statements is a constant of this module

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

# Table -> what makes two rows the same row. Rows of these tables are only ever added.
APPEND_ONLY: Mapping[str, tuple[str, ...]] = {
    "ledger_account": ("id = NEW.id", "code = NEW.code"),
    "ledger_entry": ("id = NEW.id", "key = NEW.key"),
    "ledger_posting": ("id = NEW.id", "(entry_id = NEW.entry_id AND line = NEW.line)"),
    "ledger_policy": ("version = NEW.version", "effective_at = NEW.effective_at"),
    "ledger_month": ("month = NEW.month", "ends_at = NEW.ends_at"),
    "ledger_snapshot": ("month_id = NEW.month_id",),
    "ledger_snapshotline": ("id = NEW.id", "(account_id = NEW.account_id AND snapshot_id = NEW.snapshot_id)"),
}
_TABLES = (*APPEND_ONLY, "ledger_balance")
_added: dict[str, tuple[str, ...]] = {}
"""The same for tables of the rooms above, which the books know nothing of."""

_UNITS_DIFFER = "ledger: a posting and its two accounts have one unit"
MONTH_CLOSED = "ledger: nothing occurs in a closed month"
"""What the database says to an entry that would occur in a closed month."""


def append_only(table: str, *same: str) -> None:
    """Let the database refuse changes of a table of another room too; `same` says what makes two rows the same row.

    For the `ready` of a room's AppConfig. The room's tables may come and go with its migrations.
    """
    _added[table] = same


def install(connection: BaseDatabaseWrapper) -> None:
    """Install all triggers, replacing what is there; nothing where the tables are not made yet."""
    tables = set(connection.introspection.table_names())
    if not set(_TABLES) <= tables:
        return
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        drop(connection)
        if connection.vendor == "postgresql":
            for name, body in _POSTGRES_FUNCTIONS.items():
                cursor.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body${body}$body$")
        for name, (table, statement) in _triggers(connection.vendor).items():
            if table not in tables:
                continue
            cursor.execute(statement)
            if connection.vendor == "postgresql":
                # Also for sessions that switch ordinary triggers off by session_replication_role.
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def drop(connection: BaseDatabaseWrapper) -> None:
    """Drop all triggers: for migrations and for the flush of a test database, never for a repair."""
    tables = set(connection.introspection.table_names())
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for name, (table, _) in _triggers(connection.vendor).items():
            if table in tables:
                where = f" ON {table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{where}")
        if connection.vendor == "postgresql":
            for name in _POSTGRES_FUNCTIONS:
                cursor.execute(f"DROP FUNCTION IF EXISTS {name}()")


def problems(connection: BaseDatabaseWrapper) -> list[str]:
    """Sentences about triggers that are missing, changed or disabled; none when all is well."""
    found = _found(connection)
    sentences = []
    for name, (table, statement) in _triggers(connection.vendor).items():
        if name not in found:
            sentences.append(f"The trigger {name} on {table} is missing.")
        elif found[name] != _plain(statement):
            sentences.append(f"The trigger {name} on {table} is not the one we made, or is disabled.")
    if connection.vendor == "postgresql":
        bodies = _function_bodies(connection)
        sentences += [
            f"The function {name} of our triggers is missing or not the one we made."
            for name, body in _POSTGRES_FUNCTIONS.items()
            if bodies.get(name) != body
        ]
    return sentences


def _triggers(vendor: str) -> dict[str, tuple[str, str]]:
    """Name -> (table, statement that makes it)."""
    return dict(_postgres_triggers() if vendor == "postgresql" else _sqlite_triggers())


def _plain(statement: str) -> str:
    return " ".join(statement.split())


# --- PostgreSQL

_POSTGRES_FUNCTIONS = {
    "ledger_refuse": """
BEGIN
    RAISE EXCEPTION 'ledger: % of % is refused, the books are append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END""",
    "ledger_refuse_mixed_units": f"""
BEGIN
    IF EXISTS (
        SELECT 1 FROM added
        JOIN ledger_account AS debit ON debit.id = added.debit_id
        JOIN ledger_account AS credit ON credit.id = added.credit_id
        WHERE added.unit <> debit.unit OR added.unit <> credit.unit
    ) THEN
        RAISE EXCEPTION '{_UNITS_DIFFER}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END""",
    # Reads what others committed while this insert waited for a month that was being closed.
    "ledger_refuse_closed_month": f"""
BEGIN
    IF EXISTS (SELECT 1 FROM added WHERE occurred_at < (SELECT MAX(ends_at) FROM ledger_month)) THEN
        RAISE EXCEPTION '{MONTH_CLOSED}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END""",
}


def _postgres_triggers() -> Iterable[tuple[str, tuple[str, str]]]:
    """Written as pg_get_triggerdef prints them, so that what is there can be compared with what we made."""
    refusals = dict.fromkeys((*APPEND_ONLY, *_added), "DELETE OR UPDATE OR TRUNCATE")
    refusals["ledger_balance"] = "DELETE OR UPDATE OF account_id OR TRUNCATE"
    for table, events in refusals.items():
        name = f"{table}_append_only"
        yield (
            name,
            (
                table,
                f"CREATE TRIGGER {name} BEFORE {events} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
            ),
        )
    for name, table, function in (
        ("ledger_posting_one_unit", "ledger_posting", "ledger_refuse_mixed_units"),
        ("ledger_entry_open_month", "ledger_entry", "ledger_refuse_closed_month"),
    ):
        yield (
            name,
            (
                table,
                f"CREATE TRIGGER {name} AFTER INSERT ON {table} REFERENCING NEW TABLE AS added"
                f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()",
            ),
        )


# --- SQLite


def _sqlite_triggers() -> Iterable[tuple[str, tuple[str, str]]]:
    # INSERT OR REPLACE deletes the old row without firing a DELETE trigger, so the insert itself is refused.
    replaced = {**APPEND_ONLY, **_added, "ledger_balance": ("account_id = NEW.account_id",)}
    for table, same in replaced.items():
        updated = "UPDATE OF account_id" if table == "ledger_balance" else "UPDATE"
        exists = " OR ".join(same)
        yield _sqlite_refusal(table, "no_update", updated)
        yield _sqlite_refusal(table, "no_delete", "DELETE")
        yield _sqlite_refusal(table, "no_replace", "INSERT", f"EXISTS (SELECT 1 FROM {table} WHERE {exists})")
    yield _sqlite_refusal(
        "ledger_posting",
        "one_unit",
        "INSERT",
        "NEW.unit IS NOT (SELECT unit FROM ledger_account WHERE id = NEW.debit_id)"
        " OR NEW.unit IS NOT (SELECT unit FROM ledger_account WHERE id = NEW.credit_id)",
        message=_UNITS_DIFFER,
    )
    yield _sqlite_refusal(
        "ledger_entry",
        "open_month",
        "INSERT",
        "NEW.occurred_at < (SELECT MAX(ends_at) FROM ledger_month)",
        message=MONTH_CLOSED,
    )


def _sqlite_refusal(
    table: str, rule: str, event: str, when: str = "", message: str = ""
) -> tuple[str, tuple[str, str]]:
    name = f"{table}_{rule}"
    condition = f" WHEN {when}" if when else ""
    sentence = message or f"ledger: {event.split()[0]} of {table} is refused, the books are append-only"
    return (
        name,
        (
            table,
            f"CREATE TRIGGER {name} BEFORE {event} ON {table}{condition} BEGIN SELECT RAISE(ABORT, '{sentence}'); END",
        ),
    )


# --- what is there


def _found(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """Name -> definition of the enabled triggers on our tables."""
    if connection.vendor == "postgresql":
        statement = (
            "SELECT tgname, pg_get_triggerdef(pg_trigger.oid, true) FROM pg_trigger"
            " WHERE tgrelid = ANY(SELECT to_regclass(unnest(%s::text[]))) AND NOT tgisinternal AND tgenabled = 'A'"
        )
        parameters: list[Any] = [[*_TABLES, *_added]]
    else:
        statement, parameters = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'", []
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {name: _plain(definition) for name, definition in cursor.fetchall()}


def _function_bodies(connection: BaseDatabaseWrapper) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, prosrc FROM pg_proc"
            " WHERE proname = ANY(%s) AND pronamespace = current_schema()::regnamespace",
            [list(_POSTGRES_FUNCTIONS)],
        )
        return dict(cursor.fetchall())
