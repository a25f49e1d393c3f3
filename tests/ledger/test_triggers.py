"""The database itself refuses to change the books, on PostgreSQL and on SQLite."""

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from ledger import chart, triggers
from ledger.models import Account, Balance, Entry, Policy, Posting
from tests.ledger.factories import make_sale

pytestmark = pytest.mark.django_db

IS_SQLITE = connection.vendor == "sqlite"


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def refused(what: Callable[[], object], because: str = "append-only") -> None:
    with pytest.raises(IntegrityError, match=because), transaction.atomic():
        what()


@pytest.mark.parametrize("model", [Account, Entry, Posting, Policy])
def test_rows_of_the_books_cannot_be_updated_or_deleted(model: type[Account | Entry | Posting | Policy]) -> None:
    make_sale()
    table, pk = model._meta.db_table, model._meta.pk.name
    before = list(model.objects.order_by("pk").values())

    refused(lambda: execute(f"UPDATE {table} SET {pk} = {pk}"))
    refused(lambda: execute(f"DELETE FROM {table}"))

    assert before
    assert list(model.objects.order_by("pk").values()) == before


def test_a_balance_cannot_be_deleted_or_given_to_another_account() -> None:
    make_sale()

    refused(lambda: execute("DELETE FROM ledger_balance"))
    refused(lambda: execute("UPDATE ledger_balance SET account_id = account_id + 1000"))


def test_a_balance_cannot_go_below_zero_by_any_statement() -> None:
    make_sale()

    refused(lambda: execute("UPDATE ledger_balance SET amount = -1"), because="balance_never_negative")


@pytest.mark.skipif(IS_SQLITE, reason="SQLite has no TRUNCATE")
@pytest.mark.parametrize("model", [Account, Entry, Posting, Policy, Balance])
def test_the_books_cannot_be_truncated(model: type[Account]) -> None:
    make_sale()
    execute("SET CONSTRAINTS ALL IMMEDIATE")  # or PostgreSQL refuses for a reason of its own

    refused(lambda: execute(f"TRUNCATE {model._meta.db_table} CASCADE"))


@pytest.mark.skipif(IS_SQLITE, reason="SQLite has no replication role")
def test_switching_triggers_off_for_a_session_does_not_open_the_books() -> None:
    make_sale()
    execute("SET LOCAL session_replication_role = 'replica'")

    refused(lambda: execute("DELETE FROM ledger_posting"))


@pytest.mark.skipif(not IS_SQLITE, reason="only SQLite has INSERT OR REPLACE")
@pytest.mark.parametrize("model", [Account, Entry, Posting, Policy, Balance])
def test_rows_of_the_books_cannot_be_replaced(model: type[Account]) -> None:
    make_sale()
    table = model._meta.db_table
    before = list(model.objects.order_by("pk").values())

    refused(lambda: execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"))

    assert list(model.objects.order_by("pk").values()) == before


@pytest.mark.skipif(not IS_SQLITE, reason="only SQLite has INSERT OR REPLACE")
def test_a_line_cannot_be_replaced_under_a_new_id() -> None:
    make_sale()
    columns = "line, debit_id, credit_id, unit, amount, source, facts, matures_on, reverses_id, entry_id"

    refused(lambda: execute(f"REPLACE INTO ledger_posting ({columns}) SELECT {columns} FROM ledger_posting"))


def test_a_posting_cannot_have_another_unit_than_its_accounts() -> None:
    posting = make_sale().postings.get(line=0)
    posting.pk, posting.line, posting.unit = None, 7, "EUR"

    refused(lambda: posting.save(force_insert=True), because="one unit")


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"amount": 0}, "posting_amount_positive"),
        ({"amount": -1}, "posting_amount_positive"),
        ({"credit_id": None}, "posting_two_accounts"),
        ({"line": 0}, "(?i)unique|append-only"),
    ],
)
def test_the_database_refuses_postings_that_make_no_sense(changes: dict[str, int | None], constraint: str) -> None:
    posting = make_sale().postings.get(line=0)
    posting.pk, posting.line = None, 7
    for name, value in changes.items():
        setattr(posting, name, posting.debit_id if name == "credit_id" else value)

    refused(lambda: posting.save(force_insert=True), because=constraint)


def test_part_of_a_micro_of_money_cannot_be_credited() -> None:
    with transaction.atomic():
        issued, wallet = chart.open(chart.xcr_issued()), chart.open(chart.wallet(9))
    entry = make_sale()
    posting = Posting(entry=entry, line=7, debit=issued, credit=wallet, unit="XCR", amount=1_500)

    refused(lambda: posting.save(force_insert=True), because="posting_xcr_whole_micros_of_money")


def test_the_audit_of_triggers_is_content_with_what_migrations_made() -> None:
    assert triggers.problems(connection) == []


@pytest.mark.django_db(transaction=True)
def test_triggers_survive_a_migration_and_the_flush_of_a_test() -> None:
    triggers.drop(connection)
    assert len(triggers.problems(connection)) > 5

    call_command("migrate", verbosity=0)
    assert triggers.problems(connection) == []

    triggers.drop(connection)
    call_command("flush", verbosity=0, interactive=False)
    assert triggers.problems(connection) == []
    assert Policy.objects.get().version == 1


def test_a_changed_trigger_is_found() -> None:
    if IS_SQLITE:
        execute("DROP TRIGGER ledger_entry_no_delete")
        execute("CREATE TRIGGER ledger_entry_no_delete BEFORE DELETE ON ledger_entry BEGIN SELECT 1; END")
    else:
        execute(
            "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
        )

    assert len(triggers.problems(connection)) == 1


@pytest.mark.skipif(IS_SQLITE, reason="SQLite cannot disable a trigger")
def test_a_disabled_trigger_is_found() -> None:
    execute("ALTER TABLE ledger_posting DISABLE TRIGGER ledger_posting_append_only")

    assert len(triggers.problems(connection)) == 1
