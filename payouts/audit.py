"""What must always be true of payouts; a finding is a sentence about a row that breaks it."""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from ledger import chart, journal
from ledger.audit import Check, Finding, all_findings
from ledger.models import Account, Posting
from payouts import issued_audit, pool_audit
from payouts.models import Attempt, IssuedStatement, Payout, PayoutFile, PayoutRun, PoolShare, PoolSharing, Rail

ROOM = "payouts"


def checks(at: datetime) -> Sequence[Check]:
    """Every question about payouts, their attempts and their entries."""
    return (
        Check(ROOM, "what is in transit is in open payouts", _transit, Payout),
        Check(ROOM, "payouts have the entries of their states", _entries, Payout),
        Check(ROOM, "every payout that Stripe paid has exactly one transfer", _attempts, Attempt),
        Check(ROOM, "every payout that a bank paid is exactly one line of its file", _files, PayoutFile),
        Check(ROOM, "runs reserved what two people agreed on", _runs, PayoutRun),
        Check(ROOM, "pools shared out have their entries", pool_audit.sharings, PoolSharing),
        Check(ROOM, "every part of a pool has its posting", pool_audit.shares, PoolShare),
        Check(ROOM, "no pool keeps money for good", lambda: pool_audit.stuck(at), PoolSharing),
        Check(ROOM, "files of issued statements are what was given out", issued_audit.files, IssuedStatement),
        Check(ROOM, "issued statements follow each other", issued_audit.versions, IssuedStatement),
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
    """Each payout moved as its state says: reserved, given back, paid from where its rail pays, returned; no more."""
    moved = _movements()
    known = set()
    for payout in Payout.objects.order_by("pk").iterator(chunk_size=1_000):
        known.add(payout.source)
        found = moved.get(payout.source, Counter())
        wrong = [
            f"{move} {found[move, payout.amount_micros]} times, not {wanted}"
            for move, wanted in _wanted(payout, found).items()
            if found[move, payout.amount_micros] != wanted
        ]
        strange = sorted(key for key in found if key[1] != payout.amount_micros or key[0] not in _MOVES)
        wrong += [f"{move} over {amount} micros" for move, amount in strange]
        if wrong:
            yield Finding(ROOM, "entry", f"{payout} is {payout.state}, but it was {'; '.join(wrong)}.")
    for source in sorted(moved.keys() - known):
        yield Finding(ROOM, "entry", f"{source} moved money, but there is no such payout.")


_MOVES = ("reserved", "given back", "paid by Stripe", "paid by the bank", "returned to Stripe", "returned to the bank")
Moves = Counter[tuple[str, int]]
"""How often which movement of which amount was posted."""


def _movements() -> dict[str, Moves]:
    """What the postings say of each payout, by its source."""
    transit = Account.objects.filter(code__startswith="payout:transit:")
    about = Q(debit__in=transit) | Q(credit__in=transit) | Q(entry__kind="payout returned")
    rows = Posting.objects.filter(about).order_by().values_list("source", "debit__code", "credit__code", "amount")
    moved: dict[str, Moves] = {}
    for source, debit, credit, amount, count in rows.annotate(count=Count("pk")):
        moved.setdefault(source, Counter())[_move(debit, credit), amount] += count
    return moved


def _move(debit: str, credit: str) -> str:
    """The name of a movement between two accounts."""
    left, entered = ("payable" if ":payable:" in code else code.rpartition(":")[0] for code in (debit, credit))
    return {
        ("payable", "payout:transit"): "reserved",
        ("payout:transit", "payable"): "given back",
        ("payout:transit", "stripe:balance"): "paid by Stripe",
        ("payout:transit", "bank"): "paid by the bank",
        ("stripe:balance", "payable"): "returned to Stripe",
        ("bank", "payable"): "returned to the bank",
    }.get((left, entered), f"moved {debit} -> {credit}")


def _wanted(payout: Payout, found: Moves) -> dict[str, int]:
    """How often each movement must be there."""
    state, is_stripe = payout.state, payout.rail == Rail.STRIPE
    is_failed, is_returned = state == Payout.State.FAILED, state == Payout.State.RETURNED
    is_paid = is_returned or state == Payout.State.PAID
    reserved = 0 if state in (Payout.State.PROPOSED, Payout.State.SKIPPED) else 1 + payout.retries
    given_back = payout.retries + is_failed
    if state == Payout.State.CANCELLED:  # before its run was approved, or after it
        was_reserved = payout.retries or found["reserved", payout.amount_micros]
        reserved = given_back = 1 + payout.retries if was_reserved else 0
    return {
        "reserved": reserved,
        "given back": given_back,
        "paid by Stripe": int(is_paid and is_stripe),
        "paid by the bank": int(is_paid and not is_stripe),
        "returned to Stripe": int(is_returned and is_stripe),
        "returned to the bank": int(is_returned and not is_stripe),
    }


def _attempts() -> Iterator[Finding]:
    """What Stripe paid has exactly one attempt that succeeded; anything else has none."""
    succeeded = Count("attempts", filter=Q(attempts__state=Attempt.State.SUCCEEDED))
    by_stripe = Q(state__in=[Payout.State.PAID, Payout.State.RETURNED], rail=Rail.STRIPE)
    counted = Payout.objects.annotate(succeeded=succeeded)
    for pk, count in counted.filter(by_stripe).exclude(succeeded=1).values_list("pk", "succeeded"):
        yield Finding(ROOM, "attempt", f"Payout {pk} is paid with {count} successful attempts.")
    for pk, state in counted.exclude(by_stripe).exclude(succeeded=0).values_list("pk", "state"):
        yield Finding(ROOM, "attempt", f"Payout {pk} is {state}, but an attempt succeeded.")


def _files() -> Iterator[Finding]:
    """A file is what was issued, and every payout that names it is exactly one line of it, over its amount."""
    for file in PayoutFile.objects.order_by("pk").iterator(chunk_size=20):
        if hashlib.sha256(file.content.encode()).hexdigest() != file.sha256:
            yield Finding(ROOM, "file", f"{file} is not what was issued: its SHA-256 differs.")
        payouts = list(file.payouts.all())
        lines = Counter(_named_in(file))
        if lines != Counter(payout.end_to_end_id for payout in payouts):
            yield Finding(ROOM, "file", f"The lines of {file} are not its payouts, once each.")
        if (file.count, file.micros) != (len(payouts), sum(payout.amount_micros for payout in payouts)):
            yield Finding(ROOM, "file", f"{file} is {file.micros} micros to {file.count}, its payouts are not.")


def _named_in(file: PayoutFile) -> list[str]:
    """The payouts that its lines name; a holder may be called like one."""
    if file.rail == Rail.SEPA:
        return re.findall(r"<EndToEndId>(.*?)</EndToEndId>", file.content)
    rows = csv.DictReader(io.StringIO(file.content, newline=""))
    return [row["payout"] for row in rows if row["payout"] != "TOTAL"]


def _runs() -> Iterator[Finding]:
    """A run that was agreed reserved exactly its payouts, by two persons, and is complete when nothing is open."""
    for run in PayoutRun.objects.filter(approved_by=F("created_by")):
        yield Finding(ROOM, "two persons", f"Run {run.pk} was approved by the person who opened it.")
    for run in PayoutRun.objects.filter(state__in=PayoutRun.AGREED):
        kept = run.payouts.exclude(state__in=[Payout.State.SKIPPED, Payout.State.PROPOSED])
        total = kept.aggregate(s=Sum("amount_micros"))["s"] or 0
        reserved = (
            Posting.objects.filter(entry__key__startswith=f"payout-run:{run.pk}:reserved").aggregate(s=Sum("amount"))[
                "s"
            ]
            or 0
        )
        if total != reserved:
            yield Finding(ROOM, "run total", f"Run {run.pk} is {total} micros, but {reserved} were reserved.")
        is_open = run.payouts.filter(state__in=Payout.OPEN).exists()
        if is_open and run.state in (PayoutRun.State.COMPLETED, PayoutRun.State.COMPLETED_WITH_ERRORS):
            yield Finding(ROOM, "run state", f"Run {run.pk} is {run.state} with open payouts.")
