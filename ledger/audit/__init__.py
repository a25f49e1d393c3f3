"""The audit of the books: what is wrong with them, if anything. It repairs nothing.

Each check reads in one statement, or rows that can no longer change, so it may run while entries are posted.
"""

from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone

from ledger.audit import balances, credits, entries, payees, schema
from ledger.audit.finding import Finding

__all__ = ["Finding", "findings"]


def findings(at: datetime | None = None) -> Iterator[Finding]:
    """Everything that is wrong with the books at `at` (now by default); nothing at all when they are clean."""
    yield from schema.findings()
    yield from balances.findings()
    yield from entries.findings()
    yield from payees.findings()
    yield from credits.findings()
    yield from credits.old_suspense(at or timezone.now())
