"""What ads brought an artist: views beside their music, counted or not and why, what advertisers paid, their 90 %.

Revenue is the frozen prices of the views that count; the artists' part is what the settlement booked of it, to the
micro. Amounts are micros of the ads currency, days are UTC days.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Sum

from ads.models import BESIDE_MUSIC, WHOLE_PERMILLE, GroupEntry, Impression, Place
from ads.reporting.campaign_report import Chart, chart_of
from ads.traffic.fraud import Reason
from artists.models import Artist
from ledger import policy
from ledger.models import Policy
from megabox import money
from megabox.tables import Column, Kind, Listed, Table, Total
from users.models import User

DAYS = 30


@dataclass(frozen=True, slots=True)
class Line:
    """Views and money of one day, or of one place or album: `part` is what was booked for the payees."""

    label: str
    valid: int = 0
    invalid: int = 0
    revenue: int = 0
    part: int = 0

    @property
    def ecpm(self) -> int:
        """Micros that a thousand valid views brought, rounded down."""
        return 1_000 * self.revenue // self.valid if self.valid else 0


@dataclass(frozen=True, slots=True)
class Report:
    """An artist's ads over a window of days, both ends included.

    `at_gates` are views for their free downloads and what advertisers paid for them: it reaches the artist as credits.
    `weighed` are views that counted for less, beside their music and at gates, and what was withheld of their price.
    """

    since: date
    until: date
    days: tuple[tuple[date, Line], ...]
    places: tuple[Line, ...]
    albums: tuple[Line, ...]
    invalid: tuple[tuple[str, int], ...]
    total: Line
    at_gates: tuple[int, int]
    weighed: tuple[int, int]

    @property
    def views_chart(self) -> Chart:
        """Valid views by day."""
        return chart_of([(f"{day:%-d %b}", line.valid) for day, line in self.days])

    @property
    def revenue_chart(self) -> Chart:
        """Revenue by day."""
        chart = chart_of([(f"{day:%-d %b}", line.revenue) for day, line in self.days])
        paid = (money.display_exact(line.revenue, settings.ADS_CURRENCY) for _, line in self.days)
        names = (f"{day:%-d %b}" for day, _ in self.days)
        bars = (replace(bar, label=f"{name}: {text}") for bar, name, text in zip(chart.bars, names, paid, strict=True))
        return replace(chart, bars=tuple(bars))


def of(user: User, *, until: date, days: int = DAYS) -> Report:
    """The report of all artists `user` manages, in a constant number of queries."""
    since = until - timedelta(days=days - 1)
    mine = list(Artist.objects.owned_by(user).values_list("pk", flat=True))
    seen = Impression.objects.filter(artist__in=mine, day__range=(since, until)).order_by()
    beside = seen.filter(place__in=BESIDE_MUSIC)
    by_day = {day: Line("", *counts) for day, *counts in _counted(beside, "day")}
    parts = _parts(mine, since, until)
    window = [since + timedelta(days=number) for number in range(days)]
    labels = {place.value: str(place.label) for place in Place}
    lines = tuple((day, _with_part(by_day.get(day, Line("")), parts[day])) for day in window)
    gates = seen.viewed().filter(place=Place.GATE).aggregate(n=Count("pk"), paid=Sum("price_micros", default=0))
    less = seen.viewed().filter(weight_permille__lt=WHOLE_PERMILLE)
    weighed = less.aggregate(n=Count("pk"), withheld=Sum(F("offered_micros") - F("price_micros"), default=0))
    return Report(
        since=since,
        until=until,
        days=lines,
        places=_ranked(Line(labels[place], *counts) for place, *counts in _counted(beside, "place")),
        albums=_ranked(Line(title or "Artist page", *counts) for title, *counts in _counted(beside, "album__title")),
        invalid=_reasons(beside),
        total=_sum([line for _, line in lines]),
        at_gates=(gates["n"], gates["paid"]),
        weighed=(weighed["n"], weighed["withheld"]),
    )


def table(found: Report) -> Table:
    """The days of a report for a spreadsheet, totals in the last line."""
    columns = [
        Column("day", "Day", Kind.DAY),
        Column("valid", "Valid views", Kind.COUNT, Total.SUM),
        Column("invalid", "Invalid views", Kind.COUNT, Total.SUM),
        Column("unit", "Unit", Kind.UNIT),
        Column("ecpm", "Revenue of 1 000 views", Kind.MONEY),
        Column("revenue", "Revenue", Kind.MONEY, Total.SUM),
        Column("part", "Your 90 %, booked", Kind.MONEY, Total.SUM),
    ]
    unit = settings.ADS_CURRENCY
    rows = [[day, line.valid, line.invalid, unit, line.ecpm, line.revenue, line.part] for day, line in found.days]
    return Table("Ads beside your music", columns, Listed(rows))


def _counted(beside: "QuerySet[Impression]", field: str) -> "QuerySet[Impression, tuple[Any, ...]]":
    viewed = Q(state=Impression.State.VIEWED)
    return beside.values_list(field).annotate(
        valid=Count("pk", filter=viewed & Q(price_micros__gt=0)),
        invalid=Count("pk", filter=~viewed),
        revenue=Sum("price_micros", filter=viewed, default=0),
    )


def _parts(artist_ids: Sequence[int], since: date, until: date) -> Counter[date]:
    """What still stands of the payees' part, by day: each entry shared what its views brought by its own policy.

    The same sum by which a rejected view is taken back from the payees, so it agrees with the books to the micro.
    """
    entries = GroupEntry.objects.filter(
        group__artist__in=artist_ids, group__day__range=(since, until), group__place__in=BESIDE_MUSIC
    )
    rules = Policy.objects.in_bulk(field_name="version")
    parts: Counter[date] = Counter()
    for day, version, gross in entries.values_list("group__day", "group__policy_version", "gross_micros"):
        parts[day] += policy.split(gross, rules[version]).payee
    return parts


def _with_part(line: Line, part: int) -> Line:
    return replace(line, part=part)


def _ranked(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: (-line.revenue, -line.valid, line.label)))


def _reasons(beside: "QuerySet[Impression]") -> tuple[tuple[str, int], ...]:
    rejected = beside.filter(state=Impression.State.REJECTED).values_list("reason").annotate(n=Count("pk"))
    return tuple(sorted(((Reason.say(why), n) for why, n in rejected), key=lambda row: (-row[1], row[0])))


def _sum(lines: Sequence[Line]) -> Line:
    numbers = zip(*((line.valid, line.invalid, line.revenue, line.part) for line in lines), strict=True)
    return Line("Total", *(sum(column) for column in numbers))
