"""What a price brings: from what an album really sold at each price, and from nothing else.

All of it is read from the figures that were counted. A month is predicted once, before anything of it is known, and
kept, so that everybody can see by how much it missed.
"""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, Sum

from artists.models import Album, Payee
from artists.splits import current as current_sheet
from ledger import policy
from megabox import money
from megabox.days import midnight
from store.models import Figure, Prediction

What = Figure.What

LOOKED_BACK = timedelta(days=365)
INTEREST = 28
"""How often an album was heard in so many days says how often it will be."""
FEWEST_SALES = 5
"""Fewer sales than that at a price say nothing about it."""


class TooLittle(Exception):
    """Too little was sold to say anything; the sentence says how much is needed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A price an album was sold for: how often, between which days, and how often it was heard and had free then."""

    price_micros: int
    sales: int
    first: date
    last: date
    plays: int
    downloads: int

    @property
    def plays_per_sale(self) -> int:
        """One sale for so many plays, rounded."""
        return (2 * self.plays + self.sales) // (2 * self.sales)


@dataclass(frozen=True, slots=True)
class Brings:
    """What `buyers` bring at a price: to all payees together, to each, and what is ours; micros, exact."""

    price_micros: int
    buyers: int
    payees_micros: int
    commission_micros: int
    parts: Sequence[tuple[str, int]]

    @property
    def whole_micros(self) -> int:
        """What all of them pay without tax."""
        return self.price_micros * self.buyers


@dataclass(frozen=True, slots=True)
class Expected:
    """What some days would bring: `plays` times what was sold per play at `by`, the nearest price that was asked."""

    plays: int
    sales: int
    brings: Brings
    by: Asked


@dataclass(frozen=True, slots=True)
class Miss:
    """A month that was predicted, and what happened: sales, and what they earned the payees, in micros."""

    predicted: Prediction
    sales: int
    earned_micros: int
    is_over: bool

    @property
    def said(self) -> str:
        """The miss in words."""
        if not self.is_over:
            return "not over yet"
        off = self.predicted.sales - self.sales
        if not off:
            return "none"
        return f"{abs(off)} {'too many' if off > 0 else 'too few'} predicted"


def brings(album: Album, price_micros: int, buyers: int, at: datetime) -> Brings:
    """What `buyers` of an album bring at a price, shared sale by sale as the books do it, by the rules in force."""
    shares = policy.split(price_micros, policy.current(at))
    pairs = current_sheet(album).pairs
    names = Payee.objects.in_bulk([payee_id for payee_id, _ in pairs])
    parts = money.allocate(shares.payee, [points for _, points in pairs])
    return Brings(
        price_micros,
        buyers,
        shares.payee * buyers,
        shares.commission * buyers,
        [(names[payee_id].name, part * buyers) for (payee_id, _), part in zip(pairs, parts, strict=True)],
    )


def asked(album: Album, unit: str, *, before: date) -> list[Asked]:
    """The prices an album was sold for in the year before a day, the lowest first, in two queries.

    A sale with a discount code counts at the price before it, which is what everybody was asked. Where buyers name the
    price they all were asked the same: there is one line, at what they named on average.
    """
    past = Figure.objects.filter(album=album, day__lt=before, day__gte=before - LOOKED_BACK).order_by()
    sold: dict[int, list[tuple[date, int]]] = defaultdict(list)
    rows = past.filter(what=What.SALES, track=None, unit=unit, count__gt=0)
    named: list[tuple[int, date, int]] = [(int(key), day, n) for key, day, n in rows.values_list("key", "day", "count")]
    if album.is_name_your_price and named:
        average = sum(price * n for price, _, n in named) // sum(n for _, _, n in named)
        named = [(average, day, n) for _, day, n in named]
    for price, day, count in named:
        sold[price].append((day, count))
    heard = past.filter(Q(what=What.PLAYS) | (Q(what=What.DOWNLOADS) & ~Q(key="ORDER")))
    by_day = list(heard.values_list("what", "day").annotate(n=Sum("count")))
    found = []
    for price, days in sorted(sold.items()):
        first, last = min(days)[0], max(days)[0]
        within = [(what, n) for what, day, n in by_day if first <= day <= last]
        plays, downloads = (sum(n for what, n in within if what == kind) for kind in (What.PLAYS, What.DOWNLOADS))
        if price:
            found.append(Asked(price, sum(count for _, count in days), first, last, plays, downloads))
    return found


def expected(
    album: Album, price_micros: int, history: Iterable[Asked], *, first: date, days: int, at: datetime
) -> Expected:
    """What `days` days from `first` on would bring at a price, heard as often as in the four weeks before.

    Counts by the nearest price that was asked often enough, the lower of two. Raises TooLittle.
    """
    enough = [one for one in history if one.sales >= FEWEST_SALES and one.plays > 0]
    if not enough:
        raise TooLittle(
            f"Not enough was sold yet to say how many would buy: it takes {FEWEST_SALES} sales at one price "
            "while the album is heard."
        )
    by = min(enough, key=lambda one: (abs(one.price_micros - price_micros), one.price_micros))
    weeks = Figure.objects.filter(
        album=album, what=What.PLAYS, day__lt=first, day__gte=first - timedelta(days=INTEREST)
    )
    heard = (weeks.aggregate(n=Sum("count"))["n"] or 0) * days // INTEREST
    sales = (2 * heard * by.sales + by.plays) // (2 * by.plays)
    return Expected(heard, sales, brings(album, price_micros, sales, at), by)


def usual_price(album: Album, history: Sequence[Asked]) -> int:
    """What a buyer pays now, in micros: the price, or what buyers named on average; 0 for what is not sold."""
    if not album.is_for_sale:
        return 0
    return history[0].price_micros if album.is_name_your_price and history else album.price_micros or 0


def predict(month: date, *, at: datetime) -> int:
    """Predict a month for every album that sold enough before it; return how many predictions are new.

    What happened in the month itself is not looked at. Safe to repeat and to kill: each is predicted once.
    """
    sold = Figure.objects.filter(what=What.SALES, track=None, day__lt=month, day__gte=month - LOOKED_BACK).order_by()
    enough = sold.values_list("album").annotate(n=Sum("count")).filter(n__gte=FEWEST_SALES)
    done = set(Prediction.objects.filter(month=month).values_list("album", flat=True))
    new = 0
    for album in Album.objects.published().filter(pk__in=[pk for pk, _ in enough if pk not in done]).iterator(500):
        days, history = monthrange(month.year, month.month)[1], asked(album, album.currency, before=month)
        price = usual_price(album, history)
        if not price:
            continue
        try:
            found = expected(album, price, history, first=month, days=days, at=at)
        except TooLittle:
            continue
        Prediction.objects.bulk_create([_prediction(album, month, found, at)], ignore_conflicts=True)
        new += 1
    return new


def _prediction(album: Album, month: date, found: Expected, at: datetime) -> Prediction:
    return Prediction(
        album=album,
        month=month,
        unit=album.currency,
        price_micros=found.brings.price_micros,
        plays=found.plays,
        sales=found.sales,
        earned_micros=found.brings.payees_micros,
        made_at=at,
    )


def misses(album: Album, today: date, *, most: int = 3) -> list[Miss]:
    """The last predicted months of an album beside what happened in them so far, the newest first."""
    found = list(Prediction.objects.filter(album=album, month__lte=today)[:most])
    return [_miss(one, today) for one in found]


def _miss(predicted: Prediction, today: date) -> Miss:
    month = predicted.month
    last = month.replace(day=monthrange(month.year, month.month)[1])
    happened = Figure.objects.filter(
        album=predicted.album_id, track=None, unit=predicted.unit, day__range=(month, last)
    )
    sales = happened.filter(what=What.SALES).aggregate(n=Sum("count"))["n"] or 0
    earned = happened.filter(what=What.EARNED, key="sale").aggregate(m=Sum("micros"))["m"] or 0
    return Miss(predicted, sales, earned, is_over=today > last)


def month_to_predict(through: datetime) -> date:
    """The month that a counting through this moment knows nothing of yet, or the least of: the one it falls in."""
    return through.date().replace(day=1)


def is_first_of_month(through: datetime, last: datetime | None) -> bool:
    """Whether no counting went into this month before; `last` is how far the one before went."""
    return last is None or last < midnight(month_to_predict(through))
