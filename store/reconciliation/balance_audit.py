"""The audit of the reconciliation: namings add up, suspense is what the rows say, and nothing stays open."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import F, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from ledger import chart, journal
from ledger.audit import Finding
from ledger.models import Account, Entry, Posting
from megabox import money
from store.models import BalanceTransaction, HandEntry, Naming
from store.reconciliation import balance_import, naming, reconciliation

ROOM = "store"
OPEN_AGE = timedelta(days=3)
"""What is open longer than this is a finding, whoever was told about it before."""


def sums() -> Iterator[Finding]:
    """A matched transaction, and one in suspense, is named for its net; an entry for no more than it moved."""
    named = Coalesce(Sum("namings__micros"), 0)
    settled = BalanceTransaction.objects.exclude(state=BalanceTransaction.State.WAITING)
    for row in settled.annotate(named=named).exclude(named=F("net_micros")).iterator():
        yield Finding(ROOM, "naming", f"{row} is {row.net_micros} micros, its entries sum to {row.named}.")
    by_entry = dict(Naming.objects.order_by().values_list("entry").annotate(total=Sum("micros")))
    moved = naming.moved(Posting.objects.filter(entry__in=Naming.objects.values("entry")), naming.mirrors())
    found = {row["entry"]: row["moved"] for row in moved}
    for entry, micros in by_entry.items():
        there = found.get(entry, 0)
        if abs(micros) > abs(there) or micros * there < 0:
            yield Finding(ROOM, "naming", f"Entry {entry} moves {there} micros at Stripe, {micros} of it are named.")


def suspense() -> Iterator[Finding]:
    """What each unit has in suspense is what its transactions have there."""
    units = Account.objects.filter(code__startswith="suspense:stripe:").values_list("unit", flat=True)
    held = BalanceTransaction.objects.filter(state=BalanceTransaction.State.SUSPENSE)
    for unit in sorted(set(units) | set(held.values_list("unit", flat=True))):
        rows = sum(reconciliation.suspended(row) for row in held.filter(unit=unit))
        booked = -journal.balance(chart.suspense(unit))  # an asset: money that came in unexplained is below zero
        if rows != booked:
            yield Finding(ROOM, "suspense", f"{booked} {unit} micros are in suspense, its transactions say {rows}.")


def hand_entries() -> Iterator[Finding]:
    """What people booked by hand has its entry, over the same sum, and no entry of the kind is without a person."""
    moved = Coalesce(Sum("entry__postings__amount"), 0)
    for row in HandEntry.objects.annotate(moved=moved).exclude(moved=F("micros")):
        yield Finding(ROOM, "by hand", f"{row} of {row.booked_at:%Y-%m-%d} is booked with {row.moved} micros.")
    known = HandEntry.objects.values("entry")
    for entry in Entry.objects.filter(kind="vat paid").exclude(pk__in=known):
        yield Finding(ROOM, "by hand", f"{entry.key} was booked by nobody.")


def unmatched(at: datetime | None = None) -> Iterator[Finding]:
    """What Stripe tells has its entries, and what we booked Stripe tells, within days."""
    now = at or timezone.now()
    old = BalanceTransaction.objects.exclude(state=BalanceTransaction.State.MATCHED)
    for row in old.filter(imported_at__lt=now - OPEN_AGE):
        amount = money.display_exact(row.net_micros, row.unit)
        yield Finding(ROOM, "unmatched", f"{row}, {amount}, is {row.get_state_display()}: {row.note}")
    reading = balance_import.last()
    if reading is not None:  # what Stripe was never asked about cannot be missing there
        for one in naming.unnamed(until=min(reading.started_at, now) - OPEN_AGE):
            amount = money.display_exact(one.micros, one.unit)
            yield Finding(ROOM, "unmatched", f"{one.entry.key} moved {amount}, and Stripe tells of no such movement.")
