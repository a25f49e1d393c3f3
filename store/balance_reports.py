"""Stripe's balance by day beside what the books made of it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDate

from store import reconciliation
from store.models import BalanceTransaction, Naming

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
    start, end = _start(since), _start(until + timedelta(days=1))
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


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


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
