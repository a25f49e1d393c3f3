"""What artists see of their music: plays, downloads by kind and sales, by day and by track."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from artists.models import Album, Play, Track
from megabox.tables import Column, Kind, Listed, Table, Total
from store.models import Download, LibraryItem, Order, OrderLine
from users.models import User

DAYS = 30
KINDS: dict[str, str] = {
    LibraryItem.Reason.ORDER.value: "Bought",
    LibraryItem.Reason.CREDITS.value: "With an ad",
    LibraryItem.Reason.FREE.value: "Free",
}
CHART_HEIGHT = 120
BAR = 20
"""Units of the chart's view box: its height, and the width of one day."""


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day; `sold` in micros of each currency, without tax, before shares."""

    day: date
    plays: int
    downloads: dict[str, int]
    sales: int
    sold: dict[str, int]

    @property
    def all_downloads(self) -> int:
        """Downloads of every kind."""
        return sum(self.downloads.values())


@dataclass(frozen=True, slots=True)
class Row:
    """One track, or a whole album, over the window."""

    title: str
    album: str
    plays: int | None
    downloads: int
    sales: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart, in units of its view box."""

    label: str
    x: int
    height: int
    y: int
    value: int


@dataclass(frozen=True, slots=True)
class Stats:
    """The window's days, oldest first, and what did best."""

    days: Sequence[Day]
    rows: Sequence[Row]

    @property
    def plays(self) -> int:
        """Plays of all days."""
        return sum(day.plays for day in self.days)

    @property
    def sales(self) -> int:
        """Things sold on all days."""
        return sum(day.sales for day in self.days)

    @property
    def downloads(self) -> dict[str, int]:
        """Downloads of all days, by kind."""
        return {kind: sum(day.downloads.get(kind, 0) for day in self.days) for kind in KINDS.values()}

    @property
    def sold(self) -> dict[str, int]:
        """Micros of all days, by currency."""
        total: Counter[str] = Counter()
        for day in self.days:
            total.update(day.sold)
        return dict(sorted(total.items()))

    def bars(self, what: str) -> list[Bar]:
        """The chart of `plays`, `all_downloads` or `sales`: one bar a day."""
        values = [int(getattr(day, what)) for day in self.days]
        most = max([1, *values])
        heights = [CHART_HEIGHT * value // most for value in values]
        return [
            Bar(f"{day.day:%-d %b}", n * BAR + 2, height, CHART_HEIGHT - height, value)
            for n, (day, value, height) in enumerate(zip(self.days, values, heights, strict=True))
        ]


@dataclass(frozen=True, slots=True)
class _Window:
    """Whose music, and the rows of the time that is looked at."""

    albums: Sequence[int]
    plays: QuerySet[Play]
    downloads: QuerySet[Download]
    lines: QuerySet[OrderLine]


def of(user: User, today: date, days: int = DAYS) -> Stats:
    """What `user`'s music did on the `days` UTC days up to `today`, in a constant number of queries."""
    first = today - timedelta(days=days - 1)
    since = datetime.combine(first, time.min, UTC)
    until = datetime.combine(today + timedelta(days=1), time.min, UTC)
    albums = list(Album.objects.owned_by(user).values_list("pk", flat=True))
    music = Q(album__in=albums) | Q(track__album__in=albums)
    window = _Window(
        albums,
        Play.objects.filter(track__album__in=albums, created_at__gte=since, created_at__lt=until),
        Download.objects.filter(music, at__gte=since, at__lt=until),
        OrderLine.objects.filter(
            music, order__state=Order.State.PAID, order__paid_at__gte=since, order__paid_at__lt=until
        ),
    )
    return Stats(_by_day(window, [first + timedelta(days=n) for n in range(days)]), _by_music(window))


def _by_day(window: _Window, days: Sequence[date]) -> list[Day]:
    plays = dict(window.plays.annotate(d=TruncDate("created_at", tzinfo=UTC)).values_list("d").annotate(n=Count("pk")))
    downloads: dict[date, dict[str, int]] = defaultdict(dict)
    found = window.downloads.annotate(d=TruncDate("at", tzinfo=UTC)).values_list("d", "reason").annotate(n=Count("pk"))
    for day, reason, n in found:
        downloads[day][KINDS.get(reason, reason)] = n
    sales: Counter[date] = Counter()
    sold: dict[date, dict[str, int]] = defaultdict(dict)
    booked = window.lines.annotate(d=TruncDate("order__paid_at", tzinfo=UTC)).order_by()
    for day, unit, n, micros in booked.values_list("d", "order__unit").annotate(n=Count("pk"), net=Sum("net_micros")):
        sales[day] += n
        sold[day][unit] = micros or 0
    return [Day(day, plays.get(day, 0), downloads.get(day, {}), sales[day], sold.get(day, {})) for day in days]


def _by_music(window: _Window) -> list[Row]:
    plays = dict(window.plays.order_by().values_list("track").annotate(n=Count("pk")))
    fetched = _by_column(window.downloads)
    sold = _by_column(window.lines)
    tracks = Track.objects.filter(album__in=window.albums).select_related("album")
    rows = [
        Row(one.title, one.album.title, plays.get(one.pk, 0), fetched["track", one.pk], sold["track", one.pk])
        for one in tracks
    ]
    rows += [
        Row("The whole album", one.title, None, fetched["album", one.pk], sold["album", one.pk])
        for one in Album.objects.filter(pk__in=window.albums)
    ]
    active = [row for row in rows if row.plays or row.downloads or row.sales]
    return sorted(active, key=lambda row: (-(row.sales), -row.downloads, -(row.plays or 0), row.album, row.title))


def _by_column(rows: QuerySet[Download] | QuerySet[OrderLine]) -> Counter[tuple[str, int]]:
    """How many rows are about each album and each track."""
    count: Counter[tuple[str, int]] = Counter()
    for album, track, n in rows.order_by().values_list("album", "track").annotate(n=Count("pk")):
        count["album" if album else "track", album or track] += n
    return count


def table(stats: Stats) -> Table:
    """The days as a table; what was sold has a column for each currency, and the last line is the control total."""
    units = list(stats.sold)
    kinds = list(KINDS.values())
    columns = [
        Column("day", "Day", Kind.DAY),
        Column("plays", "Plays", Kind.COUNT, Total.SUM),
        *(Column(f"downloads: {kind.lower()}", f"Downloads: {kind.lower()}", Kind.COUNT, Total.SUM) for kind in kinds),
        Column("sales", "Sales", Kind.COUNT, Total.SUM),
        *(Column(f"sold {unit}", f"Sold, {unit}", Kind.MONEY, Total.SUM) for unit in units),
    ]
    rows = Listed(
        [
            [
                day.day,
                day.plays,
                *(day.downloads.get(kind, 0) for kind in kinds),
                day.sales,
                *(day.sold.get(unit, 0) for unit in units),
            ]
            for day in stats.days
        ]
    )
    return Table("Statistics", columns, rows)
