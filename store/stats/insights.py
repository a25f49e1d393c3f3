"""What artists see of their music, read from the figures that were counted (store.figures) and from nothing else.

Days are UTC days, money is micros of each currency: `sold` without tax and before shares, `earned` what the books
credited to payees.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Case, CharField, F, Q, QuerySet, Sum, Value, When

from artists.models import Album, Track
from store.models import Figure, LibraryItem
from store.stats.periods import Compared, Piece, Window
from users.models import User

What = Figure.What
Reason = LibraryItem.Reason

KINDS: dict[str, tuple[str, ...]] = {
    "Bought": (Reason.ORDER,),
    "With an ad": (Reason.CREDITS,),
    "Free": (Reason.FREE,),
    "By code or gift": (Reason.CODE, Reason.GIFT),
}
"""How downloads were had, and the reasons of the library that say so."""
EARNERS = {"sale": "Sales", "credits": "Free with an ad", "ads": "Ads beside the music"}


@dataclass(slots=True)
class Sums:
    """What was counted together: counts and micros, by kind of figure, its key and its unit."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    micros: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, name: tuple[str, str, str], count: int, micros: int) -> None:
        """Count one more figure in."""
        self.counts[name] += count
        self.micros[name] += micros

    def count(self, what: str, key: str | None = None, unit: str | None = None) -> int:
        """The count of a kind; of one key and unit, where they are given."""
        return _of(self.counts, what, key, unit)

    def amount(self, what: str, unit: str, key: str | None = None) -> int:
        """Micros of a kind in one unit; of one key, where it is given."""
        return _of(self.micros, what, key, unit)

    @property
    def plays(self) -> int:
        """Plays: thirty seconds heard, or all of a shorter track."""
        return self.count(What.PLAYS)

    @property
    def complete(self) -> int:
        """Plays of which nine tenths were heard."""
        return self.count(What.COMPLETE)

    @property
    def skips(self) -> int:
        """Tracks begun and left before they counted."""
        return self.count(What.SKIPS)

    @property
    def downloads(self) -> int:
        """Downloads of every kind."""
        return self.count(What.DOWNLOADS)

    def downloads_of(self, kind: str) -> int:
        """Downloads of one of the KINDS."""
        return sum(self.count(What.DOWNLOADS, reason) for reason in KINDS[kind])

    @property
    def sales(self) -> int:
        """Albums and tracks sold by themselves."""
        return self.count(What.SALES)

    @property
    def units(self) -> list[str]:
        """The currencies in which anything was sold or earned."""
        return sorted({unit for _, _, unit in self.micros if unit})


def _of(counted: Counter[tuple[str, str, str]], what: str, key: str | None, unit: str | None) -> int:
    return sum(
        n for (w, k, u), n in counted.items() if w == what and (key is None or k == key) and (unit is None or u == unit)
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One track, an album sold or fetched as a whole, or what an artist earned beside both."""

    title: str
    album: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Stats:
    """A window of some music: its pieces oldest first, beside each what it is compared with, and what did best.

    `places`, `sites`, `countries` and `buyers` are counts by name, the largest first.
    """

    window: Window
    pieces: Sequence[Piece]
    now: Sequence[Sums]
    then: Sequence[Sums] | None
    compared_with: Window | None
    total: Sums
    before: Sums | None
    music: Sequence[Row]
    places: Sequence[tuple[str, int]]
    sites: Sequence[tuple[str, int]]
    countries: Sequence[tuple[str, int]]
    buyers: Sequence[tuple[str, int]]

    @property
    def units(self) -> list[str]:
        """The currencies of the window, and of what it is compared with."""
        return sorted({*self.total.units, *(self.before.units if self.before else ())})


def of(
    user: User,
    window: Window,
    *,
    compared: Compared | None = None,
    album: Album | None = None,
    track: Track | None = None,
) -> Stats:
    """What `user`'s music did, or one album's or track's of it, in a constant number of queries."""
    figures = Figure.objects.filter(artist__owner=user).order_by()
    if track is not None:
        figures = figures.filter(track=track)
    elif album is not None:
        figures = figures.filter(album=album)
    mine, pieces = figures.filter(day__range=(window.since, window.until)), window.pieces()
    now = _by_piece(mine, pieces, lambda day: day)
    then, before = None, None
    if compared is not None:
        earlier = figures.filter(day__range=(compared.window.since, compared.window.until))
        then = _by_piece(earlier, pieces, compared.beside)
        before = _together(then)
    named = _named(mine)
    return Stats(
        window=window,
        pieces=pieces,
        now=now,
        then=then,
        compared_with=compared.window if compared else None,
        total=_together(now),
        before=before,
        music=_by_music(mine),
        places=named[What.PLAYS],
        sites=named[What.SITES],
        countries=named[What.COUNTRIES],
        buyers=named[What.BUYERS],
    )


KEYED = Q(what__in=[What.DOWNLOADS, What.EARNED])
"""The kinds whose keys a chart tells apart; of the others there may be many keys."""
DRAWN = [What.PLAYS, What.COMPLETE, What.SKIPS, What.DOWNLOADS, What.SALES, What.EARNED]


def _summed(figures: QuerySet[Figure], *columns: str) -> Iterable[tuple[Any, ...]]:
    """Rows of the columns, kind, key, unit, count and micros."""
    drawn = figures.filter(what__in=DRAWN).annotate(
        told=Case(When(KEYED, then=F("key")), default=Value(""), output_field=CharField())
    )
    names = drawn.values_list(*columns, "what", "told", "unit")
    return names.annotate(n=Sum("count"), m=Sum("micros"))


def _by_piece(figures: QuerySet[Figure], pieces: Sequence[Piece], beside: Callable[[date], date]) -> list[Sums]:
    firsts = [piece.first for piece in pieces]
    sums = [Sums() for _ in pieces]
    for day, what, key, unit, count, micros in _summed(figures, "day"):
        sums[bisect_right(firsts, beside(day)) - 1].add((what, key, unit), count, micros)
    return sums


def _together(sums: Iterable[Sums]) -> Sums:
    total = Sums()
    for one in sums:
        total.counts.update(one.counts)
        total.micros.update(one.micros)
    return total


def _named(figures: QuerySet[Figure]) -> dict[str, list[tuple[str, int]]]:
    """Counts by key of the kinds that have names for keys, the largest first."""
    kinds = [What.PLAYS, What.SITES, What.COUNTRIES, What.BUYERS]
    found: dict[str, list[tuple[str, int]]] = {kind.value: [] for kind in kinds}
    rows = figures.filter(what__in=kinds).values_list("what", "key").annotate(n=Sum("count"))
    for what, key, count in sorted(rows, key=lambda row: (-row[2], row[1])):
        found[what].append((key, count))
    return found


def _by_music(figures: QuerySet[Figure]) -> list[Row]:
    """What did best: by sales, then downloads, then plays."""
    sums: dict[tuple[str, str, int], Sums] = {}
    columns = ("artist__name", "album", "album__title", "track", "track__title")
    for artist, album, album_title, track, title, what, key, unit, count, micros in _summed(figures, *columns):
        name = title or ("The whole album" if album else f"{artist}, beside all music")
        one = sums.setdefault((name, album_title or "", track or album or 0), Sums())
        one.add((what, key, unit), count, micros)
    rows = [Row(title, album, one) for (title, album, _), one in sums.items()]
    return sorted(rows, key=lambda row: (-row.sums.sales, -row.sums.downloads, -row.sums.plays, row.album, row.title))
