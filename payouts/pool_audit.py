"""What must always be true of the artists' pools: what was stored is what was booked, and no pool is stuck."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import BigIntegerField, CharField, F, Max, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Cast, Coalesce, Concat

from ledger.audit import Finding
from ledger.models import Entry, Month, Posting
from payouts import pool
from payouts.models import PoolShare, PoolSharing

ROOM = "payouts"
STUCK_AFTER = timedelta(days=1)
"""The clock comes every hour."""


def sharings() -> Iterator[Finding]:
    """Each sharing has its entry over all of its pool, each entry its sharing, and every model's parts sum to it."""
    stored = {row.entry_key: row.micros for row in PoolSharing.objects.order_by("pk")}
    entries = Entry.objects.filter(kind__in=[pool.SHARED, pool.CARRIED])
    booked = dict(entries.annotate(total=Sum("postings__amount")).values_list("key", "total"))
    for key in sorted(stored.keys() | booked.keys()):
        if stored.get(key) != booked.get(key):
            message = f"{key} is stored as {stored.get(key)} micros, and booked as {booked.get(key)}."
            yield Finding(ROOM, "pool", message)
    sums = {name: Coalesce(Sum(f"shares__{name}"), 0) for name in pool.AMOUNTS}
    for row in PoolSharing.objects.filter(carried_to="").annotate(**{f"sum_{name}": sums[name] for name in sums}):
        for name in sums:
            total = getattr(row, f"sum_{name}")
            if total != row.micros:
                message = f"{row.entry_key} is {row.micros} micros, its parts' {name} sum to {total}."
                yield Finding(ROOM, "pool", message)


def shares() -> Iterator[Finding]:
    """Each part of a pool has one posting of its amount to its payee, and each posting is of a part."""
    source = Concat(Value("payouts.poolshare:"), Cast(OuterRef("pk"), CharField()), output_field=CharField())
    account = Concat(
        Value("payee:"),
        Cast(OuterRef("payee"), CharField()),
        Value(":pending:"),
        OuterRef("sharing__unit"),
        output_field=CharField(),
    )
    theirs = Posting.objects.filter(source=source, credit__code=account, entry__kind=pool.SHARED, reverses=None)
    total = theirs.order_by().values("source").annotate(total=Sum("amount")).values("total")
    parts = PoolShare.objects.annotate(booked=Coalesce(Subquery(total, output_field=BigIntegerField()), 0))
    for part in parts.filter(~Q(booked=F("micros"))).order_by("pk"):
        message = f"{part.source} is {part.micros} micros to payee {part.payee_id}, {part.booked} are booked."
        yield Finding(ROOM, "pool share", message)


def stuck(at: datetime) -> Iterator[Finding]:
    """No pool of a month that was closed a day ago keeps what came into it a day ago."""
    before = at - STUCK_AFTER
    closed = Month.objects.filter(closed_at__lt=before).order_by("-month").first()
    if closed is None:
        return
    old = Posting.objects.filter(credit__code__startswith="pool:", credit__cached__amount__gt=0)
    by_pool = old.order_by("credit__code").values_list("credit__code").annotate(last=Max("entry__created_at"))
    for code, last in by_pool:
        if code.split(":")[1] <= f"{closed.month:%Y-%m}" and last < before:
            yield Finding(ROOM, "pool", f"{code} holds money that is neither shared out nor carried on.")
