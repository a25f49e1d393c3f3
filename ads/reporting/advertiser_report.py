"""The whole report of a campaign for its advertiser: its days, and how far, when, by which ads and against what before.

Charts and tables say the same; a file holds all tables. Amounts are micros of the ads currency, days and hours UTC.
Countries are not counted: nobody is located, and a view does not say where its listener lives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta

from django.conf import settings
from django.db.models import Count, Sum
from django.db.models.functions import ExtractHour

from ads.models import Campaign, Impression, StageHour
from ads.reporting import campaign_report
from ads.reporting.campaign_report import Chart, Day, Report, Row, chart_of
from megabox.days import midnight
from megabox.tables import Column, Kind, Listed, Table, Total
from megabox.tables import Row as Line

STAGES = (
    ("started", "Started"),
    ("first_quarter", "A quarter of it"),
    ("half", "Half of it"),
    ("third_quarter", "Three quarters"),
    ("completed", "To its end"),
)


@dataclass(frozen=True, slots=True)
class Full:
    """A report with the days before it, and how far, at which hours and by which ads it was seen."""

    report: Report
    before: Day
    stages: tuple[tuple[str, int], ...]
    skipped: int
    hours: tuple[int, ...]
    ads: tuple[Row, ...]

    @property
    def spent_chart(self) -> Chart:
        """What was spent by day, in micros."""
        return chart_of([(f"{day.day:%-d %b}", day.spent) for day in self.report.days])

    @property
    def stage_chart(self) -> Chart:
        """How far it was played."""
        return chart_of(self.stages)

    @property
    def hour_chart(self) -> Chart:
        """Views by hour of the UTC day."""
        return chart_of([(f"{hour:02}:00", views) for hour, views in enumerate(self.hours)])

    @property
    def compared(self) -> dict[str, str]:
        """Each figure against the same number of days before, in words."""
        now = self.report.total
        names = ("served", "viewed", "clicks", "rejected", "spent")
        return {name: _against(getattr(now, name), getattr(self.before, name)) for name in names}

    @property
    def days_before(self) -> tuple[date, date]:
        """The first and the last day it is compared with."""
        length = self.report.until - self.report.since
        last = self.report.since - timedelta(days=1)
        return last - length, last


def full(campaign: Campaign, *, until: date, days: int = campaign_report.DAYS) -> Full:
    """The full report of the `days` UTC days that end with `until`; the same few queries for any campaign."""
    found = campaign_report.report(campaign, until=until, days=days)
    earlier = campaign_report.report(campaign, until=found.since - timedelta(days=1), days=days)
    end = midnight(until + timedelta(days=1))
    names = [name for name, _ in STAGES]
    hours = StageHour.objects.filter(campaign=campaign, hour__gte=midnight(found.since), hour__lt=end)
    played = hours.aggregate(**{name: Sum(name, default=0) for name in (*names, "skipped")})
    seen = Impression.objects.filter(campaign=campaign, day__range=(found.since, until)).viewed().order_by()
    by_hour = dict(seen.annotate(at=ExtractHour("viewed_at", tzinfo=UTC)).values_list("at").annotate(n=Count("pk")))
    by_ad = seen.values_list("ad", "ad__title").annotate(
        n=Count("pk"), clicks=Count("clicked_at"), spent=Sum("price_micros", default=0)
    )
    return Full(
        report=found,
        before=earlier.total,
        stages=tuple((title, played[name]) for name, title in STAGES),
        skipped=played["skipped"],
        hours=tuple(by_hour.get(hour, 0) for hour in range(24)),
        ads=tuple(
            Row(title, n, clicks, spent) for _, title, n, clicks, spent in sorted(by_ad, key=lambda row: -row[2])
        ),
    )


def tables(found: Full) -> dict[str, Table]:
    """All of a report as tables, by the name that addresses use; the days first."""
    report = found.report
    return {
        "days": campaign_report.table(report),
        "before": _before(found),
        "ads": _views("Ads", "ad", "Ad", found.ads),
        "artists": _views("Artists reached", "artist", "Artist", report.artists),
        "places": _views("Places", "place", "Place", report.places),
        "hours": _counts("Hours", "hour", "Hour, UTC", [(f"{at:02}:00", n) for at, n in enumerate(found.hours)]),
        "stages": _counts("How far", "stage", "Played", found.stages, is_totalled=False),
        "rejected": _counts("Rejected", "reason", "Reason", report.rejected),
    }


def _before(found: Full) -> Table:
    now, before, unit = found.report.total, found.before, settings.ADS_CURRENCY
    columns = [
        Column("since", "From", Kind.DAY),
        Column("until", "To", Kind.DAY),
        Column("served", "Served", Kind.COUNT),
        Column("viewed", "Viewed", Kind.COUNT),
        Column("clicks", "Clicks", Kind.COUNT),
        Column("rejected", "Rejected", Kind.COUNT),
        Column("unit", "Unit", Kind.UNIT),
        Column("spent", "Spent", Kind.MONEY),
    ]
    spans = ((found.report.since, found.report.until, now), (*found.days_before, before))
    rows: list[Line] = [
        [since, until, one.served, one.viewed, one.clicks, one.rejected, unit, one.spent] for since, until, one in spans
    ]
    return Table("Compared", columns, Listed(rows), is_totalled=False)


def _views(title: str, name: str, head: str, rows: Sequence[Row]) -> Table:
    columns = [
        Column(name, head),
        Column("viewed", "Viewed", Kind.COUNT, Total.SUM),
        Column("clicks", "Clicks", Kind.COUNT, Total.SUM),
        Column("unit", "Unit", Kind.UNIT),
        Column("spent", "Spent", Kind.MONEY, Total.SUM),
    ]
    listed: list[Line] = [[row.label, row.viewed, row.clicks, settings.ADS_CURRENCY, row.spent] for row in rows]
    return Table(title, columns, Listed(listed))


def _counts(title: str, name: str, head: str, rows: Sequence[tuple[str, int]], *, is_totalled: bool = True) -> Table:
    columns = [Column(name, head), Column("views", "Views", Kind.COUNT, Total.SUM)]
    return Table(title, columns, Listed([[label, n] for label, n in rows]), is_totalled=is_totalled)


def _against(now: int, before: int) -> str:
    """How much more or less than before, in whole percent."""
    if now == before:
        return "as before"
    if not before:
        return "none before"
    percent = round(100 * (now - before) / before)
    sign = "+" if percent >= 0 else "\u2212"
    return f"{sign}{abs(percent)} % on the days before"
