"""The audit of the books: what is wrong with them, if anything. It repairs nothing.

Each check reads in one statement, or rows that can no longer change, so it may run while entries are posted.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from django.utils import timezone

from ledger.audit import balances, credits, entries, months, payees, schema
from ledger.audit.finding import Check, Finding, all_findings
from ledger.models import Account, Balance, Entry, Month, Policy, Posting

__all__ = ["Check", "Finding", "all_findings", "checks", "findings"]

ROOM = "ledger"


def checks(at: datetime) -> Sequence[Check]:
    """Every question about the books alone, at `at`."""
    return (
        Check(ROOM, "triggers and constraints are there", schema.findings, Account),
        Check(ROOM, "policies are in order", schema.policies, Policy),
        Check(ROOM, "accounts are what the chart says", balances.accounts, Account),
        Check(ROOM, "cached balances are the sums of postings", balances.caches, Balance),
        Check(ROOM, "guards held after every posting", balances.guards, Posting),
        Check(ROOM, "units never mix", balances.units, Posting),
        Check(ROOM, "debits equal credits in every unit", balances.equation, Posting),
        Check(ROOM, "digests recompute", entries.digests, Entry),
        Check(ROOM, "reversals mirror what they take back", entries.reversals, Posting),
        Check(ROOM, "closed months stay closed, snapshots hold", months.findings, Month),
        Check(ROOM, "nobody has and owes", payees.owed_and_payable, Balance),
        Check(ROOM, "pending left by maturity or by name", payees.pending_left, Posting),
        Check(ROOM, "nothing matured early", payees.matured_early, Posting),
        Check(ROOM, "credits and their money move together", credits.findings, Posting),
        Check(ROOM, "suspense is zero or young", partial(credits.old_suspense, at), Posting),
    )


def findings(at: datetime | None = None) -> Iterator[Finding]:
    """Everything that is wrong with the books at `at` (now by default); nothing at all when they are clean."""
    yield from all_findings(checks(at or timezone.now()))
