"""Stripe's balance by day beside what the books made of it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.urls import reverse

from megabox.days import midnight
from megabox.reporting import Bars, Filters, Queried, Report
from megabox.tables import Column, Kind, Listed, Row, Table, Total
from store.models import BalanceTransaction, Naming
from store.reconciliation import reconciliation

COLUMNS = {
    "charge": "charges",
    "refund": "refunds",
    "refund_failure": "refunds",
    "partial_capture_reversal": "refunds",
    "fee": "fees",
    "transfer": "transfers",
    "transfer_reversal": "transfers",
    "dispute": "disputes",
    "dispute_reversal": "disputes",
    "payout": "payouts",
    "payout_reversal": "payouts",
    "topup": "payouts",
    "topup_reversal": "payouts",
}
"""Stripe's reporting categories and where they stand; all others are `other`. Every transaction's fee is under fees."""


@dataclass
class Day:
    """One day of one unit, in micros: what Stripe tells, and how much of it is booked."""

    day: date
    unit: str
    opening: int = 0
    charges: int = 0
    refunds: int = 0
    fees: int = 0
    transfers: int = 0
    disputes: int = 0
    payouts: int = 0
    other: int = 0
    ours: int = 0
    suspended: int = 0

    @property
    def moved(self) -> int:
        """What the day changed, by Stripe."""
        parts = (self.charges, self.refunds, self.fees, self.transfers, self.disputes, self.payouts, self.other)
        return sum(parts)

    @property
    def closing(self) -> int:
        """Stripe's balance at the day's end."""
        return self.opening + self.moved

    @property
    def difference(self) -> int:
        """What Stripe has more than our books at the day's end: 0, but for what waits."""
        return self.closing - self.ours


def days(since: date, until: date, *, unit: str = "") -> list[Day]:
    """Every day with a movement from `since` up to and including `until`, newest first; of one unit, if asked.

    `ours` is what the books hold of all that Stripe told up to the day's end.
    """
    start, end = midnight(since), midnight(until + timedelta(days=1))
    told = BalanceTransaction.objects.filter(unit=unit) if unit else BalanceTransaction.objects.all()
    opening = dict(told.filter(created_at__lt=start).order_by().values_list("unit").annotate(total=Sum("net_micros")))
    found = _moved(told.filter(created_at__gte=start, created_at__lt=end))
    ours, booked = _booked(start, end)
    for row in told.filter(created_at__gte=start, created_at__lt=end, state=BalanceTransaction.State.SUSPENSE):
        found[row.created_at.date(), row.unit].suspended += reconciliation.suspended(row)
    for day in sorted(found.values(), key=lambda day: day.day):
        day.opening = opening.get(day.unit, 0)
        ours[day.unit] += booked.get((day.day, day.unit), 0)
        opening[day.unit], day.ours = day.closing, ours[day.unit]
    return sorted(found.values(), key=lambda day: (-day.day.toordinal(), day.unit))


def _moved(told: "QuerySet[BalanceTransaction]") -> dict[tuple[date, str], Day]:
    sums = (
        told.order_by()
        .annotate(day=TruncDate("created_at"))
        .values_list("day", "unit", "category")
        .annotate(gross=Sum("gross_micros"), fee=Sum("fee_micros"))
    )
    found: dict[tuple[date, str], Day] = {}
    for day, unit, category, gross, fee in sums:
        line = found.setdefault((day, unit), Day(day, unit))
        column = COLUMNS.get(category, "other")
        setattr(line, column, getattr(line, column) + gross)
        line.fees -= fee
    return found


def _booked(start: datetime, end: datetime) -> tuple[defaultdict[str, int], dict[tuple[date, str], int]]:
    """What the books hold of transactions before `start`, by unit, and of those up to `end`, by day and unit."""
    named = Naming.objects.order_by()
    before = named.filter(transaction__created_at__lt=start).values_list("transaction__unit")
    within = named.filter(transaction__created_at__gte=start, transaction__created_at__lt=end)
    by_day: Iterable[tuple[date, str, int]] = (
        within.annotate(day=TruncDate("transaction__created_at"))
        .values_list("day", "transaction__unit")
        .annotate(total=Sum("micros"))
    )
    sums = defaultdict(int, before.annotate(total=Sum("micros")))
    return sums, {(day, unit): total for day, unit, total in by_day}


# --- as reports


def by_day(asked: Filters) -> Table:
    """Stripe's balance day by day, beside what the books hold of it."""
    rows: list[Row] = [
        (
            day.day,
            day.unit,
            day.opening,
            day.charges,
            day.refunds,
            day.fees,
            day.transfers,
            day.disputes,
            day.payouts,
            day.other,
            day.closing,
            day.ours,
            day.difference,
            day.suspended,
        )
        for day in days(asked.since, asked.until, unit=asked.unit)
    ]
    return Table(
        "Reconciliation with Stripe",
        DAY_COLUMNS,
        Listed(rows),
        note="Closing is Stripe's balance by its own transactions, ours is what the books hold of them; the difference"
        " is what waits for the entry of its event.",
    )


def transactions(asked: Filters) -> Table:
    """Stripe's balance transactions, and how far each is."""
    found = BalanceTransaction.objects.filter(created_at__gte=asked.start, created_at__lt=asked.end)
    if asked.unit:
        found = found.filter(unit=asked.unit)
    if asked.by != EVERY_STATE:
        found = found.filter(state=asked.by)
    if asked.text:
        found = found.filter(
            Q(stripe_id=asked.text) | Q(source=asked.text) | Q(subject=asked.text) | Q(type=asked.text)
        )
    return Table("Stripe's transactions", TRANSACTION_COLUMNS, Queried(found, TRANSACTION_FIELDS, _worded))


def _worded(values: tuple[Any, ...]) -> Row:
    """A row with its state in words."""
    position = TRANSACTION_FIELDS.index("state")
    state = BalanceTransaction.State(values[position]).label
    return (*values[:position], state, *values[position + 1 :])


def closings(asked: Filters) -> Bars | None:
    """Stripe's balance at the end of each day, where it is of one unit."""
    found = days(asked.since, asked.until, unit=asked.unit)
    if len({day.unit for day in found}) != 1:
        return None
    amounts = {f"{day.day:%Y-%m-%d}": day.closing for day in reversed(found)}
    return Bars("Stripe's balance at the end of each day", amounts, found[0].unit, "Day")


def _transactions_of(row: Row) -> str:
    """The transactions of a day."""
    asked = {"since": str(row[0]), "until": str(row[0]), "unit": str(row[1])}
    return f"/desk/reports/stripe-transactions/?{urlencode(asked)}"


def _page(row: Row) -> str:
    return reverse("store:balance_transaction", args=[row[-1]])


def _money(name: str, title: str, total: Total = Total.SUM) -> Column:
    return Column(name, title, Kind.MONEY, total)


DAY_COLUMNS = (
    Column("day", "Day", Kind.DAY, link=_transactions_of),
    Column("unit", "Currency", Kind.UNIT),
    _money("opening", "Opening", Total.NONE),
    _money("charges", "Charges"),
    _money("refunds", "Refunds"),
    _money("fees", "Fees"),
    _money("transfers", "Transfers"),
    _money("disputes", "Disputes"),
    _money("payouts", "To our bank"),
    _money("other", "Other"),
    _money("closing", "Closing", Total.NONE),
    _money("ours", "Ours", Total.NONE),
    _money("difference", "Difference", Total.NONE),
    _money("suspended", "In suspense"),
)
TRANSACTION_COLUMNS = (
    Column("created_at", "When", Kind.MOMENT),
    Column("type", "Type"),
    Column("stripe_id", "Transaction", link=_page),
    Column("state", "State", total=Total.COUNT),
    Column("unit", "Currency", Kind.UNIT),
    _money("gross", "Gross"),
    _money("fee", "Fee"),
    _money("net", "Net"),
    Column("category", "Reporting category", is_shown=False),
    Column("source", "Source", is_shown=False),
    Column("subject", "About", is_shown=False),
    Column("note", "Note"),
    Column("row", "Row", is_shown=False),
)
TRANSACTION_FIELDS = [
    {"gross": "gross_micros", "fee": "fee_micros", "net": "net_micros", "row": "pk"}.get(column.name, column.name)
    for column in TRANSACTION_COLUMNS
]
EVERY_STATE = "ALL"
REPORTS: Sequence[Report] = (
    Report(
        "reconciliation",
        "Reconciliation with Stripe",
        "Is Stripe's balance, day by day, what the books say?",
        "The books",
        by_day,
        bars=closings,
    ),
    Report(
        "stripe-transactions",
        "Stripe's transactions",
        "Which movements does Stripe tell of, and are they in the books?",
        "The books",
        transactions,
        asks=("since", "until", "unit", "text", "by"),
        labels={"text": "Its id, source or type", "by": "State"},
        choices=((EVERY_STATE, "all"), *BalanceTransaction.State.choices),
    ),
)
