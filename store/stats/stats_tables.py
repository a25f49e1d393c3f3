"""The parts of the statistics page: each a chart, the table behind it, and the same as a file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from babel import Locale

from artists.models import Play
from artists.plays import FEWEST_NAMED
from megabox import money
from megabox.tables import Column, Kind, Listed, Row, Table, Total, Value
from store.stats.day_figures import FEW
from store.stats.drawing import Chart, draw
from store.stats.insights import EARNERS, KINDS, Stats, Sums, What

FEW_SAID = f"Fewer than {FEWEST_NAMED} people each"
NOT_KNOWN = "Not known"
_TERRITORIES = Locale("en").territories

Count = Callable[[Sums], int]
Amount = Callable[[Sums, str], int]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the page: its name in addresses, its title, its table, its charts, and what stands there instead.

    `note` says how it is counted; `empty` what will be here, while there is nothing.
    """

    name: str
    title: str
    note: str
    empty: str
    table: Callable[[Stats], Table]
    charts: Callable[[Stats], list[tuple[str, Chart]]] = lambda stats: []


def _time(stats: Stats) -> Column:
    by_month = stats.window.is_by_month
    return Column("month", "Month") if by_month else Column("day", "Day", Kind.DAY)


def _when(stats: Stats, n: int) -> Value:
    piece = stats.pieces[n]
    return f"{piece.first:%Y-%m}" if stats.window.is_by_month else piece.first


def _counts(stats: Stats, title: str, parts: Sequence[tuple[str, str, Count]], whole: Count) -> Table:
    """Counts by piece, beside them what they are compared with."""
    columns = [_time(stats), *(Column(name, said, Kind.COUNT, Total.SUM) for name, said, _ in parts)]
    if stats.then is not None:
        columns.append(Column("before", "Before", Kind.COUNT, Total.SUM))
    rows: list[Row] = []
    for n, sums in enumerate(stats.now):
        then = [] if stats.then is None else [whole(stats.then[n])]
        rows.append([_when(stats, n), *(count(sums) for _, _, count in parts), *then])
    return Table(title, columns, Listed(rows))


def _count_chart(stats: Stats, parts: Sequence[tuple[str, Count]], whole: Count) -> Chart:
    then = None if stats.then is None else [whole(sums) for sums in stats.then]
    series = [(name, [count(sums) for sums in stats.now]) for name, count in parts]
    return draw([piece.label for piece in stats.pieces], series, then)


# --- what stands on top


@dataclass(frozen=True, slots=True)
class Headline:
    """One big number, and what it was before."""

    label: str
    value: str
    note: str
    kind: str = ""


def headlines(stats: Stats) -> list[Headline]:
    """The sums of the window, each with what it is compared with."""
    total, before = stats.total, stats.before
    counts: Sequence[tuple[str, Count]] = (
        ("Plays", lambda sums: sums.plays),
        ("Skipped", lambda sums: sums.skips),
        ("Downloads", _all_downloads),
        ("Sales", lambda sums: sums.sales),
    )
    found = [
        Headline(said, str(of(total)), "" if before is None else change(of(total), of(before))) for said, of in counts
    ]
    whole = f"{100 * total.complete // total.plays} %" if total.plays else "–"
    was = f"{100 * before.complete // before.plays} % before" if before and before.plays else ""
    found.insert(1, Headline("Heard whole", whole, was))
    for unit in stats.units:
        earned, say = _earned(total, unit), _say(unit)
        note = "" if before is None else change(earned, _earned(before, unit), say)
        found.append(Headline(f"Earned, {unit}", say(earned), note, "money"))
    return found


def change(now: int, before: int, say: Callable[[int], str] = str) -> str:
    """How a number moved: `120 before, +25 %`."""
    if not before:
        return f"{say(before)} before"
    percent = 100 * (now - before) // before if now >= before else -(100 * (before - now) // before)
    sign = "+" if percent > 0 else "−" if percent < 0 else "±"
    return f"{say(before)} before, {sign}{abs(percent)} %"


# --- plays

PLAYED: Sequence[tuple[str, str, Count]] = (
    ("complete", "Heard whole", lambda sums: sums.complete),
    ("rest", "Left later", lambda sums: sums.plays - sums.complete),
    ("plays", "Plays", lambda sums: sums.plays),
    ("skipped", "Skipped", lambda sums: sums.skips),
)


def _plays(stats: Stats) -> Table:
    return _counts(stats, "Plays", PLAYED, lambda sums: sums.plays)


def _play_charts(stats: Stats) -> list[tuple[str, Chart]]:
    parts = [(said, count) for _, said, count in PLAYED[:2]]
    return [("Plays", _count_chart(stats, parts, lambda sums: sums.plays))]


# --- downloads


def _downloads(stats: Stats) -> Table:
    parts = [(kind.lower(), kind, _of_kind(kind)) for kind in KINDS]
    return _counts(stats, "Downloads", [*parts, ("downloads", "All", _all_downloads)], _all_downloads)


def _download_charts(stats: Stats) -> list[tuple[str, Chart]]:
    return [("Downloads", _count_chart(stats, [(kind, _of_kind(kind)) for kind in KINDS], _all_downloads))]


def _of_kind(kind: str) -> Count:
    return lambda sums: sums.downloads_of(kind)


def _all_downloads(sums: Sums) -> int:
    return sums.downloads


# --- money


def _money_table(
    stats: Stats,
    title: str,
    parts: Sequence[tuple[Column, Amount]],
    whole: Amount,
) -> Table:
    """A line for each piece and currency in which anything happened; the totals are by currency."""
    columns = [_time(stats), Column("unit", "Currency", Kind.UNIT), *(column for column, _ in parts)]
    if stats.then is not None:
        columns.append(Column("before", "Before", Kind.MONEY, Total.SUM))
    rows: list[Row] = []
    for n, sums in enumerate(stats.now):
        for unit in stats.units:
            then = [] if stats.then is None else [whole(stats.then[n], unit)]
            rows.append([_when(stats, n), unit, *(amount(sums, unit) for _, amount in parts), *then])
    return Table(title, columns, Listed(rows))


def _money_charts(
    stats: Stats, title: str, parts: Sequence[tuple[str, Amount]], whole: Amount
) -> list[tuple[str, Chart]]:
    names, charts = [piece.label for piece in stats.pieces], []
    for unit in stats.units:
        then = None if stats.then is None else [whole(sums, unit) for sums in stats.then]
        series = [(name, [amount(sums, unit) for sums in stats.now]) for name, amount in parts]
        if any(any(values) for _, values in series) or any(then or ()):
            charts.append((f"{title}, {unit}", draw(names, series, then, say=_say(unit))))
    return charts


def _say(unit: str) -> Callable[[int], str]:
    return lambda micros: money.display_exact(micros, unit)


def _sold(sums: Sums, unit: str) -> int:
    return sums.amount(What.SALES, unit)


def _sales(stats: Stats) -> Table:
    parts: list[tuple[Column, Amount]] = [
        (Column("sales", "Sales", Kind.COUNT, Total.SUM), lambda sums, unit: sums.count(What.SALES, unit=unit)),
        (Column("sold", "Paid without tax", Kind.MONEY, Total.SUM), _sold),
    ]
    return _money_table(stats, "Sales", parts, _sold)


def _sale_charts(stats: Stats) -> list[tuple[str, Chart]]:
    return _money_charts(stats, "Paid without tax", [("Paid", _sold)], _sold)


def _earned(sums: Sums, unit: str) -> int:
    return sums.amount(What.EARNED, unit)


def _earned_by(key: str) -> Amount:
    return lambda sums, unit: sums.amount(What.EARNED, unit, key)


def _earnings(stats: Stats) -> Table:
    by = [(Column(key, said, Kind.MONEY, Total.SUM), _earned_by(key)) for key, said in EARNERS.items()]
    return _money_table(stats, "Earned", [*by, (Column("earned", "All", Kind.MONEY, Total.SUM), _earned)], _earned)


def _earning_charts(stats: Stats) -> list[tuple[str, Chart]]:
    return _money_charts(stats, "Earned", [(said, _earned_by(key)) for key, said in EARNERS.items()], _earned)


# --- lists


def _music(stats: Stats) -> Table:
    columns = [
        Column("music", "Music"),
        Column("album", "Album"),
        Column("plays", "Plays", Kind.COUNT, Total.SUM),
        Column("complete", "Heard whole", Kind.COUNT, Total.SUM),
        Column("skipped", "Skipped", Kind.COUNT, Total.SUM),
        Column("downloads", "Downloads", Kind.COUNT, Total.SUM),
        Column("sales", "Sales", Kind.COUNT, Total.SUM),
        *(Column(f"earned {unit}", f"Earned, {unit}", Kind.MONEY, Total.SUM) for unit in stats.total.units),
    ]
    rows: list[Row] = [
        [
            row.title,
            row.album,
            row.sums.plays,
            row.sums.complete,
            row.sums.skips,
            row.sums.downloads,
            row.sums.sales,
            *(row.sums.amount(What.EARNED, unit) for unit in stats.total.units),
        ]
        for row in stats.music
    ]
    return Table("Music", columns, Listed(rows))


def _places(stats: Stats) -> Table:
    labels = {place.value: str(place.label).capitalize() for place in Play.Place}
    return _list("Started from", "place", "Page", [(labels.get(key, key), n) for key, n in stats.places], "Plays")


def _sites(stats: Stats) -> Table:
    rows = [(FEW_SAID if host == FEW else host, n) for host, n in stats.sites]
    return _list("Other sites", "site", "Site", rows, "Plays")


def _list(title: str, name: str, said: str, rows: Sequence[tuple[str, int]], counted: str) -> Table:
    columns = [Column(name, said), Column(counted.lower(), counted, Kind.COUNT, Total.SUM)]
    return Table(title, columns, Listed([list(row) for row in rows]))


def _countries(stats: Stats) -> Table:
    """Plays and sales by country, those with a name first."""
    plays, sales = dict(stats.countries), dict(stats.buyers)
    order = sorted(plays | sales, key=lambda key: (key in ("", FEW), -plays.get(key, 0), -sales.get(key, 0), key))
    columns = [
        Column("country", "Country"),
        Column("plays", "Plays", Kind.COUNT, Total.SUM),
        Column("sales", "Sales", Kind.COUNT, Total.SUM),
    ]
    rows: list[Row] = [[_country(key), plays.get(key, 0), sales.get(key, 0)] for key in order]
    return Table("Countries", columns, Listed(rows))


def _country(key: str) -> str:
    return {"": NOT_KNOWN, FEW: FEW_SAID}.get(key) or _TERRITORIES.get(key, key)


PARTS = {
    part.name: part
    for part in (
        Part(
            "plays",
            "Plays",
            "A play counts after 30 seconds heard, or all of a shorter track; whole is nine tenths of it. Skipped is "
            "what was left before it counted. Of the time before they were recorded both are not known.",
            "Plays show here within the hour after somebody heard thirty seconds of a track.",
            _plays,
            _play_charts,
        ),
        Part(
            "downloads",
            "Downloads",
            "Each time a file was begun, also when somebody fetched what they have once more.",
            "Downloads show here by how they were had: bought, with an ad, free, by code or as a gift.",
            _downloads,
            _download_charts,
        ),
        Part(
            "sales",
            "Sales",
            "What buyers paid without tax, on the day they paid, before it is shared.",
            "Sales show here once somebody bought an album or a track.",
            _sales,
            _sale_charts,
        ),
        Part(
            "earned",
            "Earned",
            "What the books credited to the payees of this music, by split sheet: the very lines of your earnings. "
            "What was taken back later stands there too, and the pool, which is paid for all your music together.",
            "What your music earns shows here: by sales, by free downloads with an ad, by ads beside it.",
            _earnings,
            _earning_charts,
        ),
        Part(
            "music",
            "By track and album",
            "",
            "The music that was played, fetched or bought in these days is listed here.",
            _music,
        ),
        Part(
            "places",
            "Started from",
            "The page a play was started on.",
            "Where listeners press play is listed here: on the album’s page, in search, on the home page.",
            _places,
        ),
        Part(
            "sites",
            "Other sites that led here",
            f"Their names alone, never a page; only those that at least {FEWEST_NAMED} different listeners came from "
            "within four weeks.",
            "When links on other sites lead to plays, the sites are listed here.",
            _sites,
        ),
        Part(
            "countries",
            "Countries",
            "Nobody is located. Of plays a country is known only where a listener’s account names one, of sales where "
            f"the payment does. Those with fewer than {FEWEST_NAMED} people within four weeks are counted together.",
            "Countries are listed here, as far as listeners and buyers say where they live.",
            _countries,
        ),
    )
}
"""The parts of the page, in its order."""
