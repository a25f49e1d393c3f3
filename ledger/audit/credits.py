"""Is there money behind every credit, and is suspense empty or young?"""
# ruff: noqa: S608 - everything put into these statements is a constant of this module

from collections.abc import Iterator
from datetime import datetime, timedelta

from ledger.audit.finding import Finding, rows
from ledger.models import Posting
from megabox.money import micros_to_xcr

SUSPENSE_AGE = timedelta(days=3)
"""Stripe tells about its balance transactions within this time; what is unmatched longer needs a person."""

# What an account with a code like the first parameter gains by a posting.
_GAIN = """
    CASE WHEN credit.code LIKE %s THEN amount ELSE 0 END - CASE WHEN debit.code LIKE %s THEN amount ELSE 0 END
"""


def findings() -> Iterator[Finding]:
    """Credits in wallets x rate = the money behind them, after every entry."""
    wallet, backing = "wallet:%", "credits:backing:%"
    wrong = rows(
        f"""
        SELECT entry.key, SUM({_GAIN}), SUM({_GAIN})
        FROM ledger_posting AS posting
        JOIN ledger_entry AS entry ON entry.id = posting.entry_id
        JOIN ledger_account AS debit ON debit.id = posting.debit_id
        JOIN ledger_account AS credit ON credit.id = posting.credit_id
        WHERE debit.code LIKE %s OR debit.code LIKE %s OR credit.code LIKE %s OR credit.code LIKE %s
        GROUP BY entry.id, entry.key
        HAVING SUM({_GAIN}) <> %s * SUM({_GAIN})
        ORDER BY entry.id
        """,
        [
            *(wallet, wallet, backing, backing),
            *(wallet, backing, wallet, backing),
            *(wallet, wallet, micros_to_xcr(1), backing, backing),
        ],
    )
    for key, xcr, money in wrong:
        message = f"The entry {key} changes wallets by {xcr} XCR micros and the money behind them by {money} micros."
        yield Finding("ledger", "backing", message)


def old_suspense(at: datetime) -> Iterator[Finding]:
    """Suspense that did not return to zero in time."""
    running: dict[str, int] = {}
    since: dict[str, datetime] = {}
    moves = (
        Posting.objects.filter(debit__code__startswith="suspense:")
        | Posting.objects.filter(credit__code__startswith="suspense:")
    ).order_by("pk")
    for debit, credit, amount, occurred_at in moves.values_list(
        "debit__code", "credit__code", "amount", "entry__occurred_at"
    ).iterator():
        for code, change in ((debit, amount), (credit, -amount)):
            if code.startswith("suspense:"):
                if not running.get(code):
                    since[code] = occurred_at
                running[code] = running.get(code, 0) + change
    for code, amount in sorted(running.items()):
        if amount and at - since[code] > SUSPENSE_AGE:
            message = f"{code} holds {amount} micros since {since[code]:%Y-%m-%d %H:%M} UTC."
            yield Finding("ledger", "suspense", message)
