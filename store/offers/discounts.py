"""Discounts: what a code takes off, whether it is good, and that its last use is given once.

A code takes off the price its artist asks. Where listeners name their price that is the minimum, so what they give
beyond it stays whole. Source: docs/money.md, "Discounts".
"""

import unicodedata
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from megabox import money
from megabox.days import day_of
from store import letters
from store.listeners import Listener
from store.models import Discount, Order, OrderLine
from store.music import Music

MOST_TYPED = 100


class NotPossible(Exception):
    """This code cannot be made; the message says what to do."""


class NotGood(Exception):
    """A code that takes nothing off; the message says why, and what to do."""


class Unknown(NotGood):
    """No artist whose music is in the cart has such a code: it may be a guess."""

    def __init__(self, code: str) -> None:
        sentence = f"No music in your cart goes with “{code[:30]}”. Look at how it is written."
        if letters.is_code(code):
            sentence = "This is a download code, which gives a whole album: type it under “Redeem a code”."
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Asked:
    """A price that somebody means to pay, the least its artist asks, and the code that goes with it, if any."""

    price_micros: int
    least_micros: int
    discount: Discount | None

    @property
    def off_at_most(self) -> int:
        """What a code can take off it; a price that rose since is asked in full before it is paid."""
        return min(self.price_micros, self.least_micros)


@dataclass(frozen=True, slots=True)
class Taken:
    """What codes take off each of some prices, in micros; `is_cut`: less than they say, so that a card can pay."""

    offs: Sequence[int]
    is_cut: bool = False


def make(details: Mapping[str, Any], *, at: datetime) -> Discount:
    """Make a code of these columns. Raises NotPossible when its artist has it already, this very moment too."""
    try:
        with transaction.atomic():
            return Discount.objects.create(**details, made_at=at)
    except IntegrityError:
        raise NotPossible(f"{details['artist']} has a code “{details['code']}” already. Choose another word.") from None


def change_limits(discount: Discount, limits: Mapping[str, Any]) -> None:
    """Change from when to when and how often it can be used; who has a use keeps it."""
    Discount.objects.filter(pk=discount.pk).update(**limits)


def letters_of(text: str) -> str:
    """A code as it is kept: capitals and digits of any alphabet. Hyphens, spaces and case do not matter."""
    typed = unicodedata.normalize("NFKC", text[:MOST_TYPED]).upper()
    return "".join(sign for sign in typed if sign.isalnum())


def taken(asked: Sequence[Asked], unit: str, *, least_minor: int) -> Taken:
    """What the codes take off each price of one payment: whole coins, and never more than its artist asks.

    Per cent are of each price, rounded down. An amount is taken off once a payment, and shared over what it goes
    with. Where less than a card can pay would be left, but not nothing, codes take off less: that much is paid.
    """
    coin = money.micros_per_minor(unit)
    offs = [0] * len(asked)
    by_code: dict[int, list[int]] = {}
    for place, one in enumerate(asked):
        if one.discount is not None:
            by_code.setdefault(one.discount.pk, []).append(place)
    for places in by_code.values():
        discount = asked[places[0]].discount
        assert discount is not None
        parts = _parts(discount, [asked[place].off_at_most // coin for place in places], coin)
        for place, part in zip(places, parts, strict=True):
            offs[place] = part
    full = sum(one.price_micros // coin for one in asked)
    back = _too_much(full, sum(offs), least_minor)
    if back:
        offs = [off - part for off, part in zip(offs, money.allocate(back, offs), strict=True)]
    return Taken([off * coin for off in offs], is_cut=back > 0)


def _parts(discount: Discount, leasts: Sequence[int], coin: int) -> list[int]:
    """What one code takes off the least prices it goes with, all in coins."""
    if discount.percent is not None:
        return [least * discount.percent // 100 for least in leasts]
    amount = min((discount.amount_micros or 0) // coin, sum(leasts))
    return money.allocate(amount, leasts) if amount else [0] * len(leasts)


def _too_much(full: int, off: int, least: int) -> int:
    """How much of `off` must not be taken, so that what is left of `full` is nothing, or enough for a card."""
    rest = full - off
    return min(least, full) - rest if off and 0 < rest < least else 0


@dataclass(frozen=True, slots=True)
class Before:
    """Which codes a listener has paid with, and of which a use is held by an order of theirs that waits."""

    paid: Collection[int] = ()
    waiting: Collection[int] = ()


def check(discount: Discount, at: datetime, mine: Before | None = None) -> None:
    """Raise NotGood unless the code can be used now, by somebody with these orders `before`.

    A use that an order of their own holds is theirs to use: that order is given up when they buy again.
    """
    orders = mine or Before()
    today = day_of(at)
    if discount.stopped_at is not None:
        raise NotGood(f"“{discount}” is no longer good.")
    if discount.starts_on is not None and today < discount.starts_on:
        raise NotGood(f"“{discount}” is good from {discount.starts_on:%-d %B %Y} on. Keep it until then.")
    if discount.ends_on is not None and today > discount.ends_on:
        raise NotGood(f"“{discount}” was good until {discount.ends_on:%-d %B %Y}.")
    if discount.is_once_a_buyer and discount.pk in orders.paid:
        raise _used(discount)
    if discount.left == 0 and discount.pk not in orders.waiting:
        raise NotGood(f"“{discount}” has been used as often as it may be.")


def check_music(discount: Discount, music: Music) -> None:
    """Raise NotGood unless the code goes with this music."""
    if discount.artist_id != music.home.artist_id:
        raise NotGood(f"“{discount}” is for music of another artist.")
    if discount.album_id is not None and (music.track is not None or discount.album_id != music.pk):
        raise NotGood(f"“{discount}” is for another album, or for the whole of it.")
    if discount.percent is None and discount.unit != music.unit:
        raise NotGood(f"“{discount}” takes {discount.words}, and “{music.title}” is sold in {music.unit}.")
    if music.is_sold and not music.least_micros:
        raise NotGood(f"“{music.title}” costs what you like, so a code takes nothing off. Name your own price.")


def before(listener: Listener, codes: Iterable[Discount]) -> Before:
    """What the listener's orders have to do with these codes; no query where none of them has a limit."""
    limited = [one.pk for one in codes if one.is_once_a_buyer or one.most_uses is not None]
    if not limited:
        return Before()
    mine = Order.objects.of(listener).exclude(state=Order.State.CANCELLED)
    lines = OrderLine.objects.filter(discount__in=limited, order__in=mine)
    found = set(lines.order_by().values_list("discount_id", "order__state"))
    return Before(
        paid=frozenset(pk for pk, state in found if state != Order.State.PENDING),
        waiting=frozenset(pk for pk, state in found if state == Order.State.PENDING),
    )


def _used(discount: Discount) -> NotGood:
    return NotGood(f"You have used “{discount}” already; it is good once for each buyer.")


def reserve(discounts: Iterable[Discount], order: Order, listener: Listener, *, at: datetime) -> None:
    """Take a use of each for an order that is being placed; call it in the order's transaction. Raises NotGood.

    One conditional UPDATE a code, in the order of their ids: of two who want the last use one gets it, and whoever is
    second waits here until the first has it or not. So does the same buyer in another window, who is then seen.
    """
    for discount in sorted(discounts, key=lambda one: one.pk):
        if not Discount.objects.good(at).filter(pk=discount.pk).update(use_count=F("use_count") + 1):
            discount.refresh_from_db()
            check(discount, at)
            raise NotGood(f"“{discount}” changed this moment. Try again.")
        mine = Order.objects.of(listener).exclude(pk=order.pk).exclude(state=Order.State.CANCELLED)
        if discount.is_once_a_buyer and mine.filter(lines__discount=discount).exists():
            raise _used(discount)


def give_back(order_id: uuid.UUID) -> None:
    """Give back the uses of an order that nobody paid; call it in the transaction that cancels it."""
    _count(order_id, -1)


def take_again(order_id: uuid.UUID) -> None:
    """Take the uses of an order that was given up and paid after all, even if others have them by now."""
    _count(order_id, 1)


def _count(order_id: uuid.UUID, change: int) -> None:
    for discount_id in _of_order(order_id).order_by("pk").values_list("pk", flat=True):
        Discount.objects.filter(pk=discount_id).update(use_count=F("use_count") + change)


def _of_order(order_id: uuid.UUID) -> QuerySet[Discount]:
    return Discount.objects.filter(order_lines__order=order_id).distinct()


def waiting(listener: Listener, discounts: Iterable[Discount]) -> list[Order]:
    """The listener's own orders that wait for payment and hold a use of these."""
    mine = Order.objects.of(listener).filter(state=Order.State.PENDING)
    return list(mine.filter(lines__discount__in=list(discounts)).distinct())


def stop(discount: Discount, *, at: datetime) -> bool:
    """Let nobody use it any more; orders that wait for their payment keep it. False when it was stopped before."""
    return Discount.objects.filter(pk=discount.pk, stopped_at=None).update(stopped_at=at) == 1


def go_on(discount: Discount) -> bool:
    """Let a stopped one be used again; False when it was not stopped."""
    return Discount.objects.filter(pk=discount.pk, stopped_at__isnull=False).update(stopped_at=None) == 1
