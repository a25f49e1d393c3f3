"""What advertisers see of a campaign: served, viewed, clicked, rejected and why, spent, and which artists it reached.

Numbers come from the same rows that settle; amounts are micros of the ads currency, days are UTC days.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from ads.models import Campaign, Impression, Place, ServedHour
from ads.traffic.fraud import Reason
from megabox.days import midnight
from megabox.tables import Column, Kind, Listed, Table, Total

DAYS = 30
CHART_HEIGHT = 100
CHART_STEP = 20
"""Units of the chart's view box: its height, and the width of one day."""


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day of a campaign; what was spent in micros."""

    day: date
    served: int = 0
    viewed: int = 0
    clicks: int = 0
    rejected: int = 0
    spent: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """Views and spend of one place or of one artist."""

    label: str
    viewed: int
    clicks: int
    spent: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart, in units of its view box."""

    name: str
    label: str
    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Views by day as bars, ready for an SVG."""

    bars: tuple[Bar, ...]
    width: int
    height: int
    most: int


@dataclass(frozen=True, slots=True)
class Report:
    """A campaign over a window of days, both ends included."""

    campaign: Campaign
    since: date
    until: date
    days: tuple[Day, ...]
    rejected: tuple[tuple[str, int], ...]
    places: tuple[Row, ...]
    artists: tuple[Row, ...]
    total: Day

    @property
    def chart(self) -> Chart:
        """Views by day."""
        return chart_of([(f"{day.day:%-d %b}", day.viewed) for day in self.days])

    @property
    def click_percent(self) -> str:
        """Clicks for a hundred views, with one decimal."""
        if not self.total.viewed:
            return "0"
        tenths = 1000 * self.total.clicks // self.total.viewed
        return f"{tenths // 10}.{tenths % 10}"


def report(campaign: Campaign, *, until: date, days: int = DAYS) -> Report:
    """The report of the `days` UTC days that end with `until`; the same few queries for any campaign."""
    since = until - timedelta(days=days - 1)
    seen = Impression.objects.filter(campaign=campaign, day__range=(since, until)).order_by()
    by_day = list(_days(campaign, since, until))
    reasons = seen.filter(state=Impression.State.REJECTED).values_list("reason").annotate(count=Count("pk"))
    return Report(
        campaign=campaign,
        since=since,
        until=until,
        days=tuple(by_day),
        rejected=tuple(sorted(((Reason.say(reason), count) for reason, count in reasons), key=lambda row: -row[1])),
        places=tuple(_rows(seen.viewed(), "place", {place.value: str(place.label) for place in Place})),
        artists=tuple(_rows(seen.viewed(), "artist__name", {})),
        total=_total(by_day, until),
    )


def totals(campaign_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Counted views and clicks of many campaigns since they began, by id; those never seen are left out."""
    seen = Impression.objects.viewed().filter(campaign__in=list(campaign_ids)).order_by()
    counted = seen.values_list("campaign").annotate(viewed=Count("pk"), clicks=Count("clicked_at"))
    return {campaign: (viewed, clicks) for campaign, viewed, clicks in counted}


def table(found: Report) -> Table:
    """The days of a report for a spreadsheet, totals in the last line."""
    columns = [
        Column("day", "Day", Kind.DAY),
        Column("campaign", "Campaign"),
        Column("served", "Served", Kind.COUNT, Total.SUM),
        Column("viewed", "Viewed", Kind.COUNT, Total.SUM),
        Column("clicks", "Clicks", Kind.COUNT, Total.SUM),
        Column("rejected", "Rejected", Kind.COUNT, Total.SUM),
        Column("unit", "Unit", Kind.UNIT),
        Column("spent", "Spent", Kind.MONEY, Total.SUM),
    ]
    rows = [
        [
            day.day,
            found.campaign.name,
            day.served,
            day.viewed,
            day.clicks,
            day.rejected,
            settings.ADS_CURRENCY,
            day.spent,
        ]
        for day in found.days
    ]
    return Table("Days", columns, Listed(rows))


def chart_of(values: Sequence[tuple[str, int]]) -> Chart:
    """Labelled numbers as bars; the highest one fills the height."""
    most = max((value for _, value in values), default=0)
    bars = []
    for number, (label, value) in enumerate(values):
        height = CHART_HEIGHT * value // most if most else 0
        height = max(height, 1) if value else 0
        bars.append(Bar(label, f"{label}: {value}", number * CHART_STEP, CHART_HEIGHT - height, height))
    return Chart(tuple(bars), max(1, len(values)) * CHART_STEP, CHART_HEIGHT, most)


def _days(campaign: Campaign, since: date, until: date) -> Iterable[Day]:
    end = midnight(until + timedelta(days=1))
    hours = ServedHour.objects.filter(campaign=campaign, hour__gte=midnight(since), hour__lt=end)
    served = dict(
        hours.annotate(day=TruncDate("hour", tzinfo=UTC)).values_list("day").annotate(total=Sum("count")).order_by()
    )
    viewed = Q(state=Impression.State.VIEWED)
    counted = (
        Impression.objects.filter(campaign=campaign, day__range=(since, until))
        .order_by()
        .values_list("day")
        .annotate(
            viewed=Count("pk", filter=viewed),
            clicks=Count("pk", filter=viewed & Q(clicked_at__isnull=False)),
            rejected=Count("pk", filter=~viewed),
            spent=Sum("price_micros", filter=viewed, default=0),
        )
    )
    by_day = {day: numbers for day, *numbers in counted}
    for number in range((until - since).days + 1):
        day = since + timedelta(days=number)
        yield Day(day, served.get(day, 0), *by_day.get(day, (0, 0, 0, 0)))


def _rows(seen: QuerySet[Impression], field: str, labels: dict[str, str]) -> Iterable[Row]:
    found = seen.values_list(field).annotate(
        viewed=Count("pk"), clicks=Count("clicked_at"), spent=Sum("price_micros", default=0)
    )
    for value, viewed, clicks, spent in sorted(found, key=lambda row: (-row[3], -row[1])):
        if value:
            yield Row(labels.get(value, value), viewed, clicks, spent)


def _total(days: Sequence[Day], until: date) -> Day:
    return Day(
        until,
        sum(day.served for day in days),
        sum(day.viewed for day in days),
        sum(day.clicks for day in days),
        sum(day.rejected for day in days),
        sum(day.spent for day in days),
    )
