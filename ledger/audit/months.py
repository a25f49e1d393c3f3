"""Did anything occur in a month after its books were closed, and do the snapshots hold what the postings say?"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from django.db.models import Sum

from ledger.audit.finding import Finding
from ledger.models import Account, Entry, Month, Posting, SnapshotLine

Totals = dict[int, tuple[int, int]]
"""Debits and credits in micros, by account."""


def findings() -> Iterator[Finding]:
    """Entries in months that were closed before they were written, and snapshots that are missing or wrong."""
    begins_at: datetime | None = None
    totals: Totals = {}
    for month in Month.objects.order_by("month"):
        yield from _too_late(month, begins_at)
        totals = _grown(totals, _moved(begins_at, month.ends_at))
        yield from _snapshot(month, totals)
        begins_at = month.ends_at


def _too_late(month: Month, begins_at: datetime | None) -> Iterator[Finding]:
    """An entry has an id by the time its month is closed, or it was let in by the back door."""
    late = Posting.objects.filter(entry__occurred_at__lt=month.ends_at, pk__gt=month.last_posting)
    if begins_at is not None:
        late = late.filter(entry__occurred_at__gte=begins_at)
    for key in Entry.objects.filter(postings__in=late).distinct().order_by("pk").values_list("key", flat=True):
        yield Finding("ledger", "closed months", f"The entry {key} came into {month} after its books were closed.")


def _moved(since: datetime | None, until: datetime) -> Totals:
    """What the postings of a window debit and credit."""
    postings = Posting.objects.filter(entry__occurred_at__lt=until).order_by()
    if since is not None:
        postings = postings.filter(entry__occurred_at__gte=since)
    debits = dict(postings.values_list("debit").annotate(total=Sum("amount")))
    credits = dict(postings.values_list("credit").annotate(total=Sum("amount")))
    return {pk: (debits.get(pk, 0), credits.get(pk, 0)) for pk in debits.keys() | credits.keys()}


def _grown(totals: Totals, moved: Mapping[int, tuple[int, int]]) -> Totals:
    grown = dict(totals)
    for pk, (debits, credits) in moved.items():
        before = grown.get(pk, (0, 0))
        grown[pk] = (before[0] + debits, before[1] + credits)
    return grown


def _snapshot(month: Month, totals: Totals) -> Iterator[Finding]:
    if not hasattr(month, "snapshot"):
        yield Finding(
            "ledger", "snapshots", f"{month} is closed, but what its accounts held is not kept: close it again."
        )
        return
    lines = SnapshotLine.objects.filter(snapshot=month.pk).values_list("account", "debits", "credits")
    kept = {pk: (debits, credits) for pk, debits, credits in lines}
    wrong = [pk for pk in sorted(kept.keys() | totals.keys()) if kept.get(pk) != totals.get(pk)]
    codes = dict(Account.objects.filter(pk__in=wrong).values_list("pk", "code"))
    for pk in wrong:
        message = f"The snapshot of {month} keeps {kept.get(pk)} for {codes[pk]}, its postings sum to {totals.get(pk)}."
        yield Finding("ledger", "snapshots", message)
