"""What is to be counted of one UTC day, from the rows themselves: plays, skips, downloads, orders and postings.

The same rows give the same figures whenever they are counted. Money is what the books credited to payees, which is
what their earnings pages show; what was taken back later stands there too, and not here.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Coalesce, Lower, NullIf

from ads.models import ImpressionGroup
from artists.models import Play, Skip
from artists.plays import FEWEST_NAMED
from ledger.models import Posting
from megabox.days import midnight
from store.models import Download, Figure, Gate, Order, OrderLine, PreOrder

What = Figure.What

FEW = "few"
"""The key of all sites, or of all countries, that too few people came from to be named."""
NAMED_OVER = timedelta(days=28)
AT_ONCE = 1_000

EARNERS = {"store.line": "sale", "store.gate": "credits", "ads.group": "ads"}
"""How postings begin to name what earned them, and the key of that in the figures."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a figure is about: an artist, one of their albums, or one of its tracks."""

    artist: int
    album: int | None = None
    track: int | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """What makes a figure that figure, beside its day."""

    about: Subject
    what: What
    key: str = ""
    unit: str = ""


class _Sums:
    """Counts and micros by line."""

    def __init__(self) -> None:
        self.counts: Counter[_Line] = Counter()
        self.micros: Counter[_Line] = Counter()

    def add(self, line: _Line, count: int = 0, micros: int = 0) -> None:
        self.counts[line] += count
        self.micros[line] += micros

    def figures(self, day: date) -> Iterator[Figure]:
        for line, count in self.counts.items():
            yield Figure(
                day=day,
                artist_id=line.about.artist,
                album_id=line.about.album,
                track_id=line.about.track,
                what=line.what,
                key=line.key,
                unit=line.unit,
                count=count,
                micros=self.micros[line],
            )


@dataclass(frozen=True, slots=True)
class _Window:
    """A day, as far as it is over at `through`."""

    start: datetime
    end: datetime
    through: datetime

    def of(self, name: str) -> dict[str, datetime]:
        """The condition that a moment lies in it."""
        return {f"{name}__gte": self.start, f"{name}__lt": self.end}

    def named(self, name: str) -> dict[str, datetime]:
        """The condition that a moment lies in the four weeks that end with it."""
        return {f"{name}__gte": self.start + timedelta(days=1) - NAMED_OVER, f"{name}__lt": self.end}


def of(day: date, *, through: datetime) -> list[Figure]:
    """All figures of a UTC day, not saved yet; nothing counts that happened at `through` or later."""
    window, sums = _Window(midnight(day), min(midnight(day + timedelta(days=1)), through), through), _Sums()
    if window.start < window.end:
        _plays(window, sums)
        _origins(window, sums)
        _downloads(window, sums)
        _sales(window, sums)
        _buyers(window, sums)
        _earned(window, sums)
    return list(sums.figures(day))


# --- listening

HEARD = ("track__album__artist", "track__album", "track")


def _plays(window: _Window, sums: _Sums) -> None:
    plays = Play.objects.filter(**window.of("created_at")).order_by()
    for *about, place, n in plays.values_list(*HEARD, "place").annotate(n=Count("pk")):
        sums.add(_Line(Subject(*about), What.PLAYS, place), n)
    whole = plays.filter(completed_at__lt=window.through)
    for *about, n in whole.values_list(*HEARD).annotate(n=Count("pk")):
        sums.add(_Line(Subject(*about), What.COMPLETE), n)
    skips = Skip.objects.filter(**window.of("created_at")).order_by()
    for *about, n in skips.values_list(*HEARD).annotate(n=Count("pk")):
        sums.add(_Line(Subject(*about), What.SKIPS), n)


def _origins(window: _Window, sums: _Sums) -> None:
    """Plays by the site that led here, where one did, and by country; what few people stand behind has no name."""
    artist = HEARD[0]
    recent = Play.objects.filter(**window.named("created_at")).order_by()
    plays = Play.objects.filter(**window.of("created_at")).order_by()
    for what, field in ((What.SITES, "site"), (What.COUNTRIES, "country")):
        known = recent.exclude(**{field: ""}).values_list(artist, field)
        named = _with_enough(known.annotate(n=Count("listener_key", distinct=True)))
        counted = plays.exclude(site="") if what == What.SITES else plays
        for *about, name, n in counted.values_list(*HEARD, field).annotate(n=Count("pk")):
            sums.add(_Line(Subject(*about), what, _name(about[0], name, named)), n)


def _with_enough(rows: QuerySet[Any, Any]) -> set[tuple[int, str]]:
    """Of (artist, name, people) those that enough people stand behind."""
    return {(artist, name) for artist, name, _ in rows.filter(n__gte=FEWEST_NAMED)}


def _name(artist: int, name: str, named: Collection[tuple[int, str]]) -> str:
    return name if not name or (artist, name) in named else FEW


# --- what the shop did


def _downloads(window: _Window, sums: _Sums) -> None:
    found = _with_subjects(Download.objects.filter(**window.of("at")))
    for *about, reason, n in found.values_list(*SUBJECT, "reason").annotate(n=Count("pk")):
        sums.add(_Line(Subject(*about), What.DOWNLOADS, reason), n)


def _sales(window: _Window, sums: _Sums) -> None:
    """What was sold, also what was given back later: that has a day of its own.

    The price is what everybody was asked, or what a buyer named, before a code took something off for some.
    """
    sold = _with_subjects(_sold().filter(**window.of("sold_at")))
    full = sold.annotate(full=F("price_micros") + F("discount_micros"))
    columns = full.values_list(*SUBJECT, "full", "order__unit")
    for *about, price, unit, n, net in columns.annotate(n=Count("pk"), net=Sum("net_micros", default=0)):
        sums.add(_Line(Subject(*about), What.SALES, str(price), unit), n, net)


BUYER = Coalesce(Cast("order__user", CharField()), NullIf(Lower("order__email"), Value("")), "order__guest_key")
"""Who ordered: an account, else the address that got the receipt, else a browser."""


def _buyers(window: _Window, sums: _Sums) -> None:
    """Sales by the country that the payment named."""
    recent = _with_subjects(_sold().filter(**window.named("sold_at"))).exclude(order__country="")
    buyers = recent.values_list("about_artist", "order__country").annotate(n=Count(BUYER, distinct=True))
    named = _with_enough(buyers)
    sold = _with_subjects(_sold().filter(**window.of("sold_at")))
    for *about, country, n in sold.values_list(*SUBJECT, "order__country").annotate(n=Count("pk")):
        sums.add(_Line(Subject(*about), What.BUYERS, _name(about[0], country, named)), n)


def _sold() -> QuerySet[OrderLine]:
    """What was paid, on its day; what was ordered before it was out, on the day when it was delivered."""
    delivered = Q(order__preorder__state=PreOrder.State.DELIVERED)
    paid = OrderLine.objects.filter(Q(order__kind=Order.Kind.SALE, order__paid_at__isnull=False) | delivered)
    return paid.annotate(
        sold_at=Case(When(delivered, then=F("order__preorder__ended_at")), default=F("order__paid_at"))
    )


SUBJECT = ("about_artist", "about_album", "track")


def _with_subjects(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Rows about an album or a track, with the artist and album that either belongs to."""
    about_artist, about_album = Coalesce("album__artist", "track__album__artist"), Coalesce("album", "track__album")
    found: QuerySet[Any] = rows.order_by().annotate(about_artist=about_artist, about_album=about_album)
    return found


# --- what was earned


def _earned(window: _Window, sums: _Sums) -> None:
    """What payees were credited that day, by what it came from. The pool is nobody's music in particular."""
    credited = Posting.objects.filter(
        **window.of("entry__occurred_at"),
        credit__code__startswith="payee:",
        credit__code__contains=":pending:",
        reverses=None,
    )
    found: dict[str, dict[str, list[tuple[str, int]]]] = defaultdict(lambda: defaultdict(list))
    for source, unit, micros in credited.order_by().values_list("source", "unit").annotate(micros=Sum("amount")):
        kind, _, name = source.partition(":")
        if kind in EARNERS:
            found[kind][name].append((unit, micros))
    for kind, amounts in found.items():
        names = list(amounts)
        for start in range(0, len(names), AT_ONCE):
            for pk, *about in _earners(kind, names[start : start + AT_ONCE]):
                for unit, micros in amounts[str(pk)]:
                    sums.add(_Line(Subject(*about), What.EARNED, EARNERS[kind], unit), 0, micros)


def _earners(kind: str, names: list[str]) -> QuerySet[Any, Any]:
    """(id, artist, album, track) of the rows that postings of this kind name; an ad is beside an artist's music."""
    if kind == "ads.group":
        return ImpressionGroup.objects.filter(pk__in=names, artist__isnull=False).values_list("pk", "artist")
    rows: QuerySet[Any] = (OrderLine if kind == "store.line" else Gate)._default_manager.filter(pk__in=names)
    return _with_subjects(rows).values_list("pk", *SUBJECT)
