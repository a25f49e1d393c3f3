"""The database itself refuses to change decisions and issued statements, as it does for the books."""

import pytest
from django.core.management import call_command
from django.db import connection, models

from ledger import triggers
from payouts import decisions, runs
from payouts.models import Decision, IssuedStatement
from tests.ledger.test_triggers import IS_SQLITE, execute, refused
from tests.payouts.factories import NOON, earn, make_payee, make_statement
from tests.users.factories import ada, max_

pytestmark = pytest.mark.django_db
BOTH = pytest.mark.parametrize("model", [Decision, IssuedStatement])


def make_both() -> None:
    """A decision and an issued statement."""
    earn(make_payee(), 80_000_000)
    run = runs.open_run(unit="USD", period="2026-10", by=ada(), at=NOON)
    run = runs.approve(run.pk, by=max_(), seen_hash=run.content_hash, at=NOON)
    runs.execute(run.pk, by=ada(), at=NOON)
    decisions.pause(run.pk, by=ada(), why="Something looks wrong.", at=NOON)
    make_statement()


def rows(model: type[models.Model]) -> list[dict[str, object]]:
    return list(model._default_manager.order_by("pk").values())


@BOTH
def test_rows_cannot_be_updated_deleted_or_replaced(model: type[models.Model]) -> None:
    make_both()
    table, before = model._meta.db_table, rows(model)
    refused(lambda: execute(f"UPDATE {table} SET id = id"))
    refused(lambda: execute(f"DELETE FROM {table}"))
    if IS_SQLITE:
        refused(lambda: execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"))
    assert before
    assert rows(model) == before


@pytest.mark.skipif(not IS_SQLITE, reason="only SQLite has INSERT OR REPLACE")
@pytest.mark.parametrize("kept", ["number", "version", "content_hash", "corrects_id"])
def test_a_statement_cannot_be_replaced_under_a_new_id(kept: str) -> None:
    """Each unique key alone would let a replacement delete the old row."""
    make_statement()
    issued = IssuedStatement.objects.get()
    IssuedStatement.objects.bulk_create([_copy(issued, id=issued.pk + 50, version=2, corrects_id=issued.pk)])
    before = rows(IssuedStatement)
    forged = _copy(IssuedStatement.objects.get(version=2), id=issued.pk + 99, version=9, corrects_id=issued.pk + 50)
    setattr(forged, kept, getattr(IssuedStatement.objects.get(version=2), kept))
    values = {str(field.column): getattr(forged, field.attname) for field in forged._meta.local_concrete_fields}

    def replace() -> None:
        marks = ", ".join("%s" for _ in values)
        with connection.cursor() as cursor:
            given = [value if isinstance(value, int) else str(value) for value in values.values()]
            cursor.execute(f"REPLACE INTO payouts_issuedstatement ({', '.join(values)}) VALUES ({marks})", given)

    refused(replace)
    assert rows(IssuedStatement) == before


def _copy(issued: IssuedStatement, *, version: int, **fields: int) -> IssuedStatement:
    given = {field.attname: getattr(issued, field.attname) for field in issued._meta.local_concrete_fields}
    others = {"version": version, "number": f"another {version}", "content_hash": f"{version}" * 64}
    return IssuedStatement(**{**given, **others, **fields})


@pytest.mark.skipif(IS_SQLITE, reason="SQLite has no TRUNCATE and no replication role")
@BOTH
def test_tables_cannot_be_truncated_nor_opened_by_a_session(model: type[models.Model]) -> None:
    make_both()
    execute("SET CONSTRAINTS ALL IMMEDIATE")  # or PostgreSQL refuses for a reason of its own
    refused(lambda: execute(f"TRUNCATE {model._meta.db_table} CASCADE"))
    execute("SET LOCAL session_replication_role = 'replica'")
    refused(lambda: execute(f"DELETE FROM {model._meta.db_table}"))


@BOTH
def test_the_audit_misses_a_trigger_that_is_gone(model: type[models.Model]) -> None:
    assert triggers.problems(connection) == []
    table = model._meta.db_table
    execute(f"DROP TRIGGER {table}_no_delete" if IS_SQLITE else f"DROP TRIGGER {table}_append_only ON {table}")
    assert [table in problem for problem in triggers.problems(connection)] == [True]


@pytest.mark.django_db(transaction=True)
def test_triggers_come_and_go_with_the_migrations_of_the_room() -> None:
    call_command("migrate", "payouts", "0004", verbosity=0)
    try:
        missing = triggers.problems(connection)
        assert missing
        assert all("payouts_issuedstatement" in problem for problem in missing)
        refused(lambda: execute("DELETE FROM ledger_policy"))
    finally:
        call_command("migrate", verbosity=0)
    assert triggers.problems(connection) == []
