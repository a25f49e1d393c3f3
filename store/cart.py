"""The cart: music of any artists, at the prices its listener named, until it is bought."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from ledger import policy
from megabox import money
from store import orders
from store.listeners import Listener
from store.models import CartItem, OrderLine
from store.music import Music

MOST_ITEMS = 50


@dataclass(frozen=True)
class Entry:
    """One line of a cart; `problem` says why it cannot be bought, empty if it can."""

    item: CartItem
    music: Music
    problem: str


@dataclass(frozen=True)
class Bill:
    """What is paid together: everything of one currency. Amounts in micros."""

    unit: str
    entries: Sequence[Entry]

    @property
    def total(self) -> int:
        """The sum of the prices, without tax."""
        return sum(entry.item.price_micros for entry in self.entries)

    @property
    def artists(self) -> int:
        """What of it the artists get."""
        return sum(policy.split(entry.item.price_micros).payee for entry in self.entries)

    @property
    def artist_count(self) -> int:
        """How many artists are paid by it."""
        return len({entry.music.home.artist_id for entry in self.entries})

    @property
    def seen(self) -> str:
        """What the buyer saw when they pressed Buy, to be compared when the form arrives."""
        return ",".join(f"{entry.item.pk}:{entry.item.price_micros}" for entry in self.entries)

    @property
    def problem(self) -> str:
        """Why this cannot be paid, if it cannot."""
        for entry in self.entries:
            if entry.problem:
                return entry.problem
        least = orders.LEAST_CARD_MINOR.get(self.unit, 50)
        if 0 < money.floor_to_minor(self.total, self.unit) < least:
            smallest = money.display(money.from_minor(least, self.unit), self.unit)
            return f"Cards can pay {smallest} and more. Add more music, or pay more for it."
        return ""

    def wishes(self) -> list[orders.Wish]:
        """The bill as an order takes it."""
        return [orders.Wish(entry.music, entry.item.price_micros) for entry in self.entries]


def bills(listener: Listener) -> list[Bill]:
    """A listener's cart, one bill a currency, in a constant number of queries but for what has a problem."""
    found = (
        CartItem.objects.of(listener)
        .select_related("album__artist", "album__cover", "track__album__artist", "track__album__cover")
        .order_by("added_at", "pk")
    )
    entries = [Entry(item, Music.of(item), _problem(item)) for item in found]
    units = list(dict.fromkeys(entry.music.unit for entry in entries))
    return [Bill(unit, [entry for entry in entries if entry.music.unit == unit]) for unit in units]


def _problem(item: CartItem) -> str:
    try:
        orders.check_price(Music.of(item), item.price_micros)
    except orders.CannotPlace as reason:
        return str(reason)
    return ""


def put(listener: Listener, music: Music, price_micros: int, *, at: datetime) -> CartItem:
    """Put music into the cart, or change the price it is in there for. Raises orders.CannotPlace."""
    orders.check_price(music, price_micros)
    if music.unit not in settings.SALE_CURRENCIES:
        raise orders.CannotPlace(f"Nothing can be sold in {music.unit} here.")
    mine = CartItem.objects.of(listener)
    if mine.count() >= MOST_ITEMS and not mine.filter(**music.columns).exists():
        raise orders.CannotPlace(f"A cart holds {MOST_ITEMS} things. Buy these first.")
    item, _ = CartItem.objects.update_or_create(
        **listener.owner,
        **music.columns,
        defaults={"price_micros": price_micros},
        create_defaults={"price_micros": price_micros, "added_at": at},
    )
    return item


def put_back(listener: Listener, lines: Iterable[OrderLine], *, at: datetime) -> int:
    """Put what an order had back into the cart, as far as it is still sold at that price; return how many."""
    count = 0
    for line in lines:
        try:
            put(listener, Music.of(line), line.price_micros, at=at)
        except orders.CannotPlace:
            continue  # the cart shows what is there; what is gone cannot be bought
        count += 1
    return count
