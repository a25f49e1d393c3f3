"""What must always be true of payouts; a finding is a sentence about a row that breaks it."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from ledger import chart, journal
from ledger.audit import Check, Finding, all_findings
from ledger.models import Entry, Posting
from payouts.models import Attempt, Payout, PayoutRun

ROOM = "payouts"


def checks(at: datetime) -> Sequence[Check]:
    """Every question about payouts, their attempts and their entries."""
    return (
        Check(ROOM, "what is in transit is in open payouts", _transit, Payout),
        Check(ROOM, "payouts have the entries of their states", _entries, Payout),
        Check(ROOM, "every paid payout has exactly one transfer", _attempts, Attempt),
        Check(ROOM, "runs reserved what two people agreed on", _runs, PayoutRun),
    )


def findings() -> Iterator[Finding]:
    """All that is wrong: transit, transfers, run totals, approvals. Repairs nothing.

    Tables are compared that workers change meanwhile: read them at one moment (`megabox.snapshots`).
    """
    yield from all_findings(checks(timezone.now()))


def _transit() -> Iterator[Finding]:
    """What is in transit is what is reserved by open payouts, to the micro."""
    units = set(Payout.objects.values_list("unit", flat=True).distinct())
    units |= {
        code.rpartition(":")[2]
        for code in Posting.objects.filter(credit__code__startswith="payout:transit:")
        .values_list("credit__code", flat=True)
        .distinct()
    }
    for unit in sorted(units):
        open_micros = (
            Payout.objects.filter(unit=unit, state__in=Payout.OPEN).aggregate(s=Sum("amount_micros"))["s"] or 0
        )
        in_transit = journal.balance(chart.transit(unit))
        if open_micros != in_transit:
            yield Finding(
                ROOM, "transit", f"{in_transit} {unit} micros are in transit, open payouts are {open_micros}."
            )


def _entries() -> Iterator[Finding]:
    """Each payout has the entries its state asks for, once each, over its amount, and no others."""
    for event, states in (
        ("paid", (Payout.State.PAID, Payout.State.RETURNED)),
        ("failed", (Payout.State.FAILED,)),
        ("returned", (Payout.State.RETURNED,)),
    ):
        amounts = {
            f"payout:{pk}:{event}": amount
            for pk, amount in Payout.objects.filter(state__in=states).values_list("pk", "amount_micros")
        }
        posted = dict(
            Entry.objects.filter(key__startswith="payout:", key__endswith=f":{event}")
            .annotate(total=Sum("postings__amount"))
            .values_list("key", "total")
        )
        for key in sorted(amounts.keys() ^ posted.keys()):
            missing = "has no entry" if key in amounts else "is booked, but no payout is in that state"
            yield Finding(ROOM, "entry", f"{key} {missing}.")
        for key in sorted(amounts.keys() & posted.keys()):
            if amounts[key] != posted[key]:
                yield Finding(ROOM, "entry", f"{key} moves {posted[key]} micros, the payout is {amounts[key]}.")


def _attempts() -> Iterator[Finding]:
    """A payout that was paid has exactly one attempt that succeeded; one that was not has none."""
    succeeded = Count("attempts", filter=Q(attempts__state=Attempt.State.SUCCEEDED))
    paid = [Payout.State.PAID, Payout.State.RETURNED]
    counted = Payout.objects.annotate(succeeded=succeeded)
    for pk, count in counted.filter(state__in=paid).exclude(succeeded=1).values_list("pk", "succeeded"):
        yield Finding(ROOM, "attempt", f"Payout {pk} is paid with {count} successful attempts.")
    for pk, state in counted.exclude(state__in=paid).exclude(succeeded=0).values_list("pk", "state"):
        yield Finding(ROOM, "attempt", f"Payout {pk} is {state}, but an attempt succeeded.")


def _runs() -> Iterator[Finding]:
    """A run that was agreed reserved exactly its payouts, by two persons, and is complete when nothing is open."""
    for run in PayoutRun.objects.filter(approved_by=F("created_by")):
        yield Finding(ROOM, "two persons", f"Run {run.pk} was approved by the person who opened it.")
    for run in PayoutRun.objects.filter(state__in=PayoutRun.AGREED):
        kept = run.payouts.exclude(state__in=[Payout.State.SKIPPED, Payout.State.PROPOSED])
        total = kept.aggregate(s=Sum("amount_micros"))["s"] or 0
        reserved = (
            Posting.objects.filter(entry__key=f"payout-run:{run.pk}:reserved").aggregate(s=Sum("amount"))["s"] or 0
        )
        if total != reserved:
            yield Finding(ROOM, "run total", f"Run {run.pk} is {total} micros, but {reserved} were reserved.")
        is_open = run.payouts.filter(state__in=Payout.OPEN).exists()
        if is_open and run.state in (PayoutRun.State.COMPLETED, PayoutRun.State.COMPLETED_WITH_ERRORS):
            yield Finding(ROOM, "run state", f"Run {run.pk} is {run.state} with open payouts.")
