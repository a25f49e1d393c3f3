"""The adjustments log: whatever took back, wrote off, came late or was explained by somebody, with its reason."""

from datetime import timedelta
from typing import Any

from django.db.models import F, Q

from ledger.models import Posting
from megabox.reporting import Filters, Queried, account_url, entry_url, posting_url, source_url
from megabox.tables import Column, Kind, Row, Table, Total

LATE = timedelta(days=1)
"""What the books learnt of so long after it happened is late."""

COLUMNS = (
    Column("occurred_at", "When", Kind.MOMENT),
    Column("booked_at", "Booked", Kind.MOMENT),
    Column("posting", "Posting", link=lambda row: posting_url(int(str(row[2])))),
    Column("entry", "Entry", link=lambda row: entry_url(int(str(row[3])))),
    Column("event", "Event"),
    Column("what", "What"),
    Column("why", "Why"),
    Column("debit", "Debit", link=lambda row: account_url(str(row[7]))),
    Column("credit", "Credit", link=lambda row: account_url(str(row[8]))),
    Column("takes_back", "Takes back", link=lambda row: posting_url(int(str(row[9])))),
    Column("source", "Source", link=lambda row: source_url(str(row[10]))),
    Column("unit", "Unit", Kind.UNIT),
    Column("amount", "Amount", Kind.MONEY, Total.SUM),
)
FIELDS = (
    "entry__occurred_at",
    "entry__created_at",
    "pk",
    "entry_id",
    "entry__kind",
    "entry__kind",
    "entry__why",
    "debit__code",
    "credit__code",
    "reverses_id",
    "source",
    "unit",
    "amount",
)


def adjustments(filters: Filters) -> Table:
    """Every posting that takes another back, writes off what was owed, came late, or was explained by somebody."""
    is_odd = (
        Q(reverses__isnull=False)
        | Q(debit__code__startswith="exp:clawback_loss:")
        | ~Q(entry__why="")
        | Q(entry__created_at__gt=F("entry__occurred_at") + LATE)
    )
    found = Posting.objects.filter(entry__occurred_at__gte=filters.start, entry__occurred_at__lt=filters.end)
    found = found.filter(is_odd)
    if filters.unit:
        found = found.filter(unit=filters.unit)
    if filters.text:
        found = found.filter(Q(entry__why__icontains=filters.text) | Q(entry__kind__icontains=filters.text))
    rows = Queried(found.order_by("entry__occurred_at", "pk"), FIELDS, make=_row)
    return Table("Adjustments", COLUMNS, rows, empty="Nothing was taken back, written off or late in these days.")


def _row(values: tuple[Any, ...]) -> Row:
    """With what it is in place of its event."""
    occurred_at, booked_at, debit, reverses = values[0], values[1], values[7], values[9]
    what = [
        name
        for name, is_so in (
            ("taken back", reverses is not None),
            ("written off", debit.startswith("exp:clawback_loss:")),
            ("late", booked_at > occurred_at + LATE),
        )
        if is_so
    ]
    return (*values[:5], ", ".join(what) or "explained", *values[6:])
