"""The cart: music of any artists, at the prices its listener named, less what codes take off, until it is bought."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet

from ledger import policy
from megabox import money
from store.listeners import Listener
from store.models import CartItem, Discount, OrderLine
from store.music import Music
from store.offers import discounts
from store.sales import orders

MOST_ITEMS = 50


@dataclass(frozen=True)
class Entry:
    """One line of a cart; `problem` says why it cannot be bought, empty if it can.

    `discount` is the code that holds, and takes `off` micros; or `no_discount` says why the one that was typed
    does not.
    """

    item: CartItem
    music: Music
    problem: str
    discount: Discount | None = None
    no_discount: str = ""
    off: int = 0

    @property
    def price(self) -> int:
        """What is paid for it."""
        return self.item.price_micros - self.off

    @property
    def wish(self) -> orders.Wish:
        """The line as an order takes it."""
        return orders.Wish(self.music, self.item.price_micros, self.discount)


@dataclass(frozen=True)
class Bill:
    """What is paid together: everything of one currency. Amounts in micros."""

    unit: str
    entries: Sequence[Entry]
    is_cut: bool = False
    """Whether codes take less than they say, so that a card can pay."""

    @property
    def full(self) -> int:
        """The sum of the prices before codes take something off."""
        return sum(entry.item.price_micros for entry in self.entries)

    @property
    def total(self) -> int:
        """The sum of the prices, without tax."""
        return sum(entry.price for entry in self.entries)

    @property
    def discounts(self) -> dict[Discount, int]:
        """The codes that hold, and what each takes off in all."""
        found: dict[Discount, int] = {}
        for entry in self.entries:
            if entry.discount is not None:
                found[entry.discount] = found.get(entry.discount, 0) + entry.off
        return found

    @property
    def least(self) -> int:
        """The smallest payment by card."""
        return money.from_minor(orders.least_card(self.unit), self.unit)

    @property
    def artists(self) -> int:
        """What of it the artists get."""
        return sum(policy.split(entry.price).payee for entry in self.entries)

    @property
    def artist_count(self) -> int:
        """How many artists are paid by it."""
        return len({entry.music.home.artist_id for entry in self.entries})

    @property
    def seen(self) -> str:
        """What the buyer saw when they pressed Buy, to be compared when the form arrives."""
        return ",".join(f"{entry.item.pk}:{entry.price}" for entry in self.entries)

    @property
    def problem(self) -> str:
        """Why this cannot be paid, if it cannot."""
        for entry in self.entries:
            if entry.problem:
                return entry.problem
        if 0 < self.total < self.least:
            return f"Cards can pay {money.display(self.least, self.unit)} and more. Add more music, or pay more for it."
        return ""

    def wishes(self) -> list[orders.Wish]:
        """The bill as an order takes it."""
        return [entry.wish for entry in self.entries]


def bills(listener: Listener, *, at: datetime) -> list[Bill]:
    """A listener's cart, one bill a currency, in a constant number of queries but for what has a problem."""
    found = list(_items(listener))
    things = [Music.of(item) for item in found]
    mending = orders.unsound(things)
    mine = discounts.before(listener, {item.discount for item in found if item.discount})
    entries = []
    for item, music in zip(found, things, strict=True):
        problem = orders.MENDING.format(music.title) if music in mending else _problem(item, music)
        entries.append(_entry(item, music, problem, mine, at))
    units = list(dict.fromkeys(entry.music.unit for entry in entries))
    return [_bill(unit, [entry for entry in entries if entry.music.unit == unit]) for unit in units]


def _items(listener: Listener) -> QuerySet[CartItem]:
    return (
        CartItem.objects.of(listener)
        .select_related("album__artist", "album__cover", "track__album__artist", "track__album__cover", "discount")
        .order_by("added_at", "pk")
    )


def _entry(item: CartItem, music: Music, problem: str, mine: discounts.Before, at: datetime) -> Entry:
    if item.discount is None or problem:
        return Entry(item, music, problem)
    try:
        discounts.check_music(item.discount, music)
        discounts.check(item.discount, at, mine)
    except discounts.NotGood as reason:
        return Entry(item, music, problem, no_discount=str(reason))
    return Entry(item, music, problem, discount=item.discount)


def _bill(unit: str, entries: Sequence[Entry]) -> Bill:
    taken = discounts.taken([entry.wish.asked for entry in entries], unit, least_minor=orders.least_card(unit))
    priced = [replace(entry, off=off) for entry, off in zip(entries, taken.offs, strict=True)]
    return Bill(unit, priced, taken.is_cut)


def _problem(item: CartItem, music: Music) -> str:
    try:
        orders.check_price(music, item.price_micros)
    except orders.CannotPlace as reason:
        return str(reason)
    return ""


def use_code(listener: Listener, text: str, *, at: datetime) -> Discount:
    """Let a code take something off all it goes with in the cart; return it, or one of several that are called so.

    Raises discounts.NotGood; it is discounts.Unknown when no artist of the cart has such a code.
    """
    code, items = discounts.letters_of(text), list(_items(listener))
    if not code:
        raise discounts.NotGood("Type a code.")
    if not items:
        raise discounts.NotGood("Your cart is empty. Put the music into it first, then type your code.")
    found = {one.artist_id: one for one in Discount.objects.filter(code=code, artist__in=_artists(items))}
    if not found:
        raise discounts.Unknown(code)
    mine, reasons, holds = discounts.before(listener, found.values()), [], None
    for item in items:
        music = Music.of(item)
        discount = found.get(music.home.artist_id)
        if discount is None:
            continue
        try:
            discounts.check_music(discount, music)
            discounts.check(discount, at, mine)
        except discounts.NotGood as reason:
            reasons.append(reason)
        else:
            CartItem.objects.filter(pk=item.pk).update(discount=discount)
            holds = discount
    if holds is None:
        raise reasons[0]
    return holds


def _artists(items: Iterable[CartItem]) -> set[int]:
    return {Music.of(item).home.artist_id for item in items}


def drop_code(listener: Listener, discount_id: int) -> None:
    """Take a code out of the cart; prices are what they were."""
    CartItem.objects.of(listener).filter(discount=discount_id).update(discount=None)


def put(listener: Listener, music: Music, price_micros: int, *, at: datetime) -> CartItem:
    """Put music into the cart, or change the price it is in there for. Raises orders.CannotPlace."""
    orders.check_price(music, price_micros)
    orders.check_files([music])
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
    """Put what an order had back into the cart with its codes, as far as it is still sold at that price.

    Returns how many lines that are.
    """
    count = 0
    for line in lines:
        try:
            item = put(listener, Music.of(line), line.full_micros, at=at)
        except orders.CannotPlace:
            continue  # the cart shows what is there; what is gone cannot be bought
        CartItem.objects.filter(pk=item.pk).update(discount=line.discount_id)
        count += 1
    return count
