"""Months of the books: closing one, for good, and the snapshot of every balance at its end.

Nothing occurs inside a closed month; what belongs to it and comes later is an adjustment in an open one.
Source: docs/money.md, "Two clocks".
"""

from datetime import UTC, date, datetime

from django.db import transaction
from django.db.models import Max, Min

from ledger import sql
from ledger.models import Month, Posting, Snapshot
from ledger.refusals import ClockWentBack, MonthNotOver


def first_day(at: date) -> date:
    """The first day of the month that `at` lies in."""
    return date(at.year, at.month, 1)


def ends_at(month: date) -> datetime:
    """The first moment, UTC, after the month that begins with the day `month`."""
    return datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)


def closed_until() -> datetime | None:
    """The moment, UTC, before which nothing may occur any more; None while no month is closed."""
    return Month.objects.order_by("-month").values_list("ends_at", flat=True).first()


def is_closed(month: date) -> bool:
    """Are the books of the month that `month` lies in closed?"""
    return Month.objects.filter(month__gte=first_day(month)).exists()


def latest(*, until: datetime | None = None) -> Month | None:
    """The last closed month that has a snapshot and ended by `until`, or at all."""
    taken = Month.objects.filter(snapshot__isnull=False)
    return (taken.filter(ends_at__lte=until) if until else taken).order_by("-month").first()


def close(month: date, *, at: datetime) -> bool:
    """Close the books of a month and of all before it, and keep what every account held; False when it was closed.

    Waits for entries that are being written, and others wait while it looks for the month's last posting; the
    snapshot is taken when they go on. What a killed process left undone, the next call completes.
    Raises MonthNotOver and ClockWentBack.
    """
    month = first_day(month)
    if at < ends_at(month):
        raise MonthNotOver(month)
    with transaction.atomic():
        sql.lock_entries()
        is_new = not is_closed(month)
        if is_new:
            _close(month, at)
    for waiting in Month.objects.filter(snapshot__isnull=True).order_by("month"):
        _take_snapshot(waiting, at)
    return is_new


def _close(month: date, at: datetime) -> None:
    """Nobody writes now, so every posting still to come has a higher id than all there are."""
    before, end = Month.objects.order_by("-month").first(), ends_at(month)
    if before is not None and at < before.closed_at:
        raise ClockWentBack(at, before.closed_at)
    since = Posting.objects.filter(pk__gte=before.first_after if before else 0)
    within, after = since.filter(entry__occurred_at__lt=end), since.filter(entry__occurred_at__gte=end)
    highest = Posting.objects.aggregate(last=Max("pk"))["last"] or 0
    # Ordered by id, not MAX: the last of them is found without looking at all of them.
    last = within.order_by("-pk").values_list("pk", flat=True).first()
    Month.objects.create(
        month=month,
        ends_at=end,
        closed_at=at,
        last_posting=max(last or 0, before.last_posting if before else 0),
        first_after=after.aggregate(first=Min("pk"))["first"] or highest + 1,
    )


def _take_snapshot(month: Month, at: datetime) -> None:
    """Totals of every account at the month's end: those of the snapshot before it and what has occurred since."""
    with transaction.atomic():
        Month.objects.select_for_update(no_key=True).get(pk=month.pk)  # two at once: the second finds it taken
        if Snapshot.objects.filter(pk=month.pk).exists():
            return
        before = latest(until=month.ends_at)
        Snapshot.objects.create(month=month, taken_at=at)
        sql.insert_snapshot_lines(month, before)
