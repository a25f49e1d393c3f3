"""Are the triggers and constraints that guard the books still there?"""

from collections.abc import Iterator

from django.db import connection

from ledger import triggers
from ledger.audit.finding import Finding
from ledger.models import Account, Balance, Entry, Month, Policy, Posting, Snapshot, SnapshotLine


def findings() -> Iterator[Finding]:
    """Triggers that are missing or changed, constraints and unique columns that are missing."""
    for problem in triggers.problems(connection):
        yield Finding("ledger", "triggers", problem)
    if connection.vendor == "sqlite" and getattr(connection, "transaction_mode", None) != "IMMEDIATE":
        message = "SQLite's transactions must begin IMMEDIATE, or two writers may read the same balance."
        yield Finding("ledger", "constraints", message)
    for model in (Account, Balance, Entry, Month, Policy, Posting, Snapshot, SnapshotLine):
        table = model._meta.db_table
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, table)
        for constraint in model._meta.constraints:
            if constraint.name not in found:
                yield Finding("ledger", "constraints", f"The constraint {constraint.name} on {table} is missing.")
        alone = {tuple(each["columns"]) for each in found.values() if each["unique"] or each["primary_key"]}
        pointing = {each["columns"][0] for each in found.values() if each["foreign_key"]}
        for field in model._meta.local_fields:
            if field.unique and (field.column,) not in alone:
                yield Finding("ledger", "constraints", f"The column {field.column} of {table} is no longer unique.")
            if field.is_relation and field.column not in pointing:
                yield Finding("ledger", "constraints", f"The column {field.column} of {table} points nowhere.")


def policies() -> Iterator[Finding]:
    """Versions count from one and begin one after the other, so that exactly one is in force at any time."""
    before = None
    for number, policy in enumerate(Policy.objects.order_by("version"), 1):
        if policy.version != number or (before is not None and policy.effective_at <= before.effective_at):
            yield Finding("ledger", "policies", f"Policy {policy.version} does not follow the one before it.")
        before = policy
    if before is None:
        yield Finding("ledger", "policies", "There is no policy, so nothing can be shared.")
