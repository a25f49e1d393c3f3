"""Counting figures: every hour once the hour is over, each day anew from its rows, by whichever worker comes first.

Any number of workers may come at once and any of them may be killed: a counting is claimed, each of its days is one
transaction, and the next worker goes on with the day that was not reached. Pages read figures only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max, Min
from django.db.models.functions import TruncDate

from artists.models import Play, Skip
from artists.plays import COMPLETED_WITHIN
from ledger.models import Entry
from megabox import claims
from megabox.days import day_of
from store.models import Counting, Download, Figure, Order
from store.stats import day_figures, prices

Clock = Callable[[], datetime]

HOUR = timedelta(hours=1)
PATIENCE = timedelta(minutes=15)
"""A counting that is not finished so long after its hour is late."""
SLOWEST = timedelta(minutes=30)
"""No transaction takes that long: what was under way when a counting began is seen by one that begins so much later."""
KEPT = timedelta(days=30)


class Lost(Exception):
    """Somebody else has the counting now; what they count is the same."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far the figures go: all before `through` is counted, None before the first counting ended."""

    through: datetime | None
    next_at: datetime
    is_late: bool


def freshness(at: datetime) -> Freshness:
    """How far the figures go, by the last counting that was finished."""
    through = Counting.objects.filter(is_open=False).aggregate(last=Max("through"))["last"]
    due = through + HOUR if through else full_hour(at) + HOUR
    begun = Counting.objects.filter(is_open=True).aggregate(first=Min("started_at"))["first"]
    waiting_since = due if through else begun
    return Freshness(through, due, waiting_since is not None and at >= waiting_since + PATIENCE)


def full_hour(at: datetime) -> datetime:
    """The last full hour, UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def count_due(clock: Clock) -> bool:
    """Count what is over and not counted yet; True when a counting was finished.

    Safe to repeat, to run many times at once and to kill.
    """
    worker = claims.worker_name()
    mine = _take(clock(), worker)
    if mine is None:
        return False
    try:
        for day in _days(mine):
            _count(mine, day, worker, clock())
    except Lost:
        return False
    mine_now = Counting.objects.filter(pk=mine.pk, claimed_by=worker, is_open=True)
    with claims.renewing(mine_now, mine.pk, worker):
        _predict(mine, clock())
    done = {"is_open": False, "finished_at": clock(), "claimed_by": "", "claimed_until": None}
    return mine_now.update(**done) == 1


def _predict(counting: Counting, at: datetime) -> None:
    """With the first counting of a month its sales are predicted."""
    before = Counting.objects.filter(is_open=False, through__lt=counting.through).first()
    if prices.is_first_of_month(counting.through, before.through if before else None):
        prices.predict(prices.month_to_predict(counting.through), at=at)


def count_again(clock: Clock) -> bool:
    """Count everything that ever happened from its rows, as if nothing had been counted; for when rows came late."""
    Counting.objects.all().delete()
    return count_due(clock)


def _take(at: datetime, worker: str) -> Counting | None:
    """The open counting, or a new one for the last full hour; None when there is none to do, or somebody does it."""
    found = Counting.objects.filter(is_open=True).first() or _begin(at)
    if found is None or not claims.claim(Counting.objects.filter(is_open=True), found.pk, worker, at):
        return None
    return Counting.objects.get(pk=found.pk)


def _begin(at: datetime) -> Counting | None:
    through = full_hour(at)
    if Counting.objects.filter(through__gte=through).exists():
        return None
    before = Counting.objects.filter(is_open=False, started_at__lte=at - SLOWEST).first()
    Counting.objects.filter(is_open=False, through__lt=through - KEPT).delete()
    try:
        with transaction.atomic():
            return Counting.objects.create(
                through=through,
                started_at=at,
                since=day_of(before.through - COMPLETED_WITHIN - SLOWEST) if before else _first_day(through),
                entries_after=before.entries_through if before else 0,
                entries_through=Entry.objects.aggregate(last=Max("pk"))["last"] or 0,
            )
    except IntegrityError:
        return None  # somebody began it at the same moment, and does it


def _first_day(through: datetime) -> date:
    """The first day of which there is anything to count, or was when it was counted last."""
    firsts: list[datetime | None] = [
        Play.objects.aggregate(at=Min("created_at"))["at"],
        Skip.objects.aggregate(at=Min("created_at"))["at"],
        Download.objects.aggregate(at=Min("at"))["at"],
        Order.objects.aggregate(at=Min("paid_at"))["at"],
    ]
    counted: date | None = Figure.objects.aggregate(day=Min("day"))["day"]
    return min([day_of(through), *(day_of(at) for at in firsts if at), *([counted] if counted else [])])


def _days(counting: Counting) -> Iterator[date]:
    """The days to count, in order, without those that a killed worker had counted."""
    last = day_of(counting.through - timedelta(microseconds=1))
    days = {counting.since + timedelta(days=n) for n in range((last - counting.since).days + 1)}
    new = Entry.objects.filter(pk__gt=counting.entries_after, pk__lte=counting.entries_through).order_by()
    days.update(new.annotate(day=TruncDate("occurred_at", tzinfo=UTC)).values_list("day", flat=True).distinct())
    if counting.reached is not None:
        days = {day for day in days if day > counting.reached}
    return iter(sorted(day for day in days if day <= last))


def _count(counting: Counting, day: date, worker: str, at: datetime) -> None:
    """Replace a day's figures by those its rows give now. Raises Lost."""
    found = day_figures.of(day, through=counting.through)
    until = at + timedelta(seconds=claims.CLAIM_SECONDS)
    with transaction.atomic():
        mine = Counting.objects.filter(pk=counting.pk, claimed_by=worker, is_open=True)
        if not mine.update(reached=day, claimed_until=until):
            raise Lost
        Figure.objects.filter(day=day).delete()
        Figure.objects.bulk_create(found, batch_size=500)
