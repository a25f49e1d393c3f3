"""Orders: placing one freezes every price and share; fulfilling one books the money and fills the library, once."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from ads.models import Advertiser
from ads.rewards import wallets
from artists import verifying
from artists.models import Track
from ledger import policy
from ledger.models import Policy
from megabox import money
from store.access import library
from store.listeners import Listener
from store.models import CartItem, Discount, LibraryItem, Order, OrderLine, PreOrder
from store.music import Music
from store.offers import discounts
from store.sales import booking, receipts
from store.sales.checkout import Session

LEAST_CARD_MINOR = {"USD": 50, "EUR": 50, "GBP": 30, "JPY": 50}
"""The smallest card payment Stripe takes, in minor units."""

LEAST_DEPOSIT_MINOR = 500
"""The smallest deposit, in minor units of the ads currency: below it the card fee would be most of it."""

FIRST_CHECK = timedelta(minutes=1)
"""When Stripe is first asked about an order whose webhook has not come."""

MENDING = "“{}” is not sold just now: one of its files is being mended. Remove it to go on, and look again tomorrow."


class CannotPlace(Exception):
    """The order cannot be placed; the message says what to do."""


class Mismatch(Exception):
    """What Stripe says was paid is not what the order asked: a person must look, we never guess."""


@dataclass(frozen=True)
class Wish:
    """Music somebody wants to buy, at `price_micros` of its currency, less what a code takes off."""

    music: Music
    price_micros: int
    discount: Discount | None = None

    @property
    def asked(self) -> discounts.Asked:
        """The price as codes look at it."""
        least = self.music.least_micros if self.music.is_sold else self.price_micros
        return discounts.Asked(self.price_micros, least, self.discount)


def check_price(music: Music, price_micros: int) -> None:
    """Raise CannotPlace unless `music` can be bought for `price_micros` now."""
    if not music.is_sold:
        raise CannotPlace(f"“{music.title}” is not for sale. Remove it to go on.")
    check_amount(music, price_micros)


def check_amount(music: Music, price_micros: int) -> None:
    """Raise CannotPlace unless `price_micros` is a price of `music` that a card can pay."""
    least, unit = music.least_micros, music.unit
    if price_micros < least:
        raise CannotPlace(
            f"“{music.title}” costs at least {money.display(least, unit)}. Write {money.display(least, unit)} or more."
        )
    if price_micros > least and not music.is_name_your_price:
        raise CannotPlace(f"“{music.title}” costs {money.display(least, unit)}, no more and no less.")
    if price_micros % money.micros_per_minor(unit):
        raise CannotPlace(f"{money.display_exact(price_micros, unit)} cannot be paid by card. Write whole cents.")
    if 0 < money.floor_to_minor(price_micros, unit) > 99_999_999:
        raise CannotPlace("That is more than a card can pay at once.")


def check_files(things: Iterable[Music]) -> None:
    """Raise CannotPlace unless every file of `things` is what it must be, so that what is paid for can be had."""
    for music in unsound(things):
        raise CannotPlace(MENDING.format(music.title))


def unsound(things: Iterable[Music]) -> list[Music]:
    """Those of `things` that are not sold just now because a file is not there or not what it was; one query."""
    asked = list(things)
    albums = {music.pk for music in asked if music.album is not None}
    tracks = {music.pk for music in asked if music.track is not None}
    held = Track.objects.filter(Q(pk__in=tracks) | Q(album__in=albums, state=Track.State.PUBLISHED))
    found = list(verifying.unsound(held).values_list("pk", "album")) if asked else []
    wrong_tracks, wrong_albums = {pk for pk, _ in found}, {pk for _, pk in found}
    return [music for music in asked if music.pk in (wrong_tracks if music.track is not None else wrong_albums)]


def music_of(order: Order) -> list[Music]:
    """What an order buys; nothing for a deposit."""
    lines = order.lines.exclude(kind=OrderLine.Kind.DEPOSIT).select_related("album__artist", "track__album__artist")
    return [Music.of(line) for line in lines]


def place(wishes: Sequence[Wish], listener: Listener, *, order_id: uuid.UUID, at: datetime, email: str = "") -> Order:
    """Order `wishes` in one payment, with price, discount, split shares, policy and title frozen on the lines.

    `order_id` is the form's own: placing it twice gives the first order back. What costs nothing is fulfilled at
    once. The uses of codes are the order's from now on, until it is cancelled. Raises CannotPlace.
    """
    before = Order.objects.filter(pk=order_id).first()
    if before is not None:
        return as_placed(before, listener)
    offs = _check(wishes, listener)
    unit = wishes[0].music.unit
    rules = policy.current(at)
    price = sum(wish.price_micros for wish in wishes) - sum(offs)
    with transaction.atomic():
        order, is_new = Order.objects.get_or_create(
            pk=order_id,
            defaults={
                **listener.owner,
                "email": email,
                "unit": unit,
                "price_micros": price,
                "total_micros": price,
                "placed_at": at,
                "next_check_at": at + FIRST_CHECK,
            },
        )
        if not is_new:
            return as_placed(order, listener)
        lines = [line_of(order, n, wish, rules, off) for n, (wish, off) in enumerate(zip(wishes, offs, strict=True))]
        OrderLine.objects.bulk_create(lines)
        _reserve({line.discount for line in lines if line.discount}, order, listener, at)
        if price == 0:
            _give_free(order, at)
    return order


def place_deposit(
    advertiser: Advertiser, micros: int, listener: Listener, *, order_id: uuid.UUID, at: datetime, email: str = ""
) -> Order:
    """Order an advertiser's top-up of `micros` of the ads currency. Placing it twice gives the first order back.

    Raises CannotPlace.
    """
    unit = settings.ADS_CURRENCY
    before = Order.objects.filter(pk=order_id).first()
    if before is not None:
        return as_placed(before, listener)
    check_card(micros, unit)
    with transaction.atomic():
        order, is_new = Order.objects.get_or_create(
            pk=order_id,
            defaults={
                **listener.owner,
                "email": email,
                "kind": Order.Kind.DEPOSIT,
                "unit": unit,
                "price_micros": micros,
                "total_micros": micros,
                "placed_at": at,
                "next_check_at": at + FIRST_CHECK,
            },
        )
        if is_new:
            OrderLine.objects.create(
                order=order,
                kind=OrderLine.Kind.DEPOSIT,
                advertiser=advertiser,
                title=f"Advertising money for {advertiser.name}",
                price_micros=micros,
                policy_version=policy.current(at).version,
            )
    return as_placed(order, listener)


def _check(wishes: Sequence[Wish], listener: Listener) -> Sequence[int]:
    """Raise CannotPlace unless all of it can be bought; return what codes take off each."""
    if not wishes:
        raise CannotPlace("The cart is empty. Put music into it first.")
    units = {wish.music.unit for wish in wishes}
    if len(units) > 1:
        raise CannotPlace("One payment has one currency. Pay for each currency apart.")
    if units - set(settings.SALE_CURRENCIES):
        raise CannotPlace(f"Nothing can be sold in {units.pop()} here.")
    check_files(wish.music for wish in wishes)
    for wish in wishes:
        check_price(wish.music, wish.price_micros)
        if library.has(listener, wish.music):
            raise CannotPlace(f"“{wish.music.title}” is in your library already. Remove it to go on.")
        if wish.discount is not None:
            try:
                discounts.check_music(wish.discount, wish.music)
            except discounts.NotGood as reason:
                raise CannotPlace(str(reason)) from reason
    _check_ordered(wishes, listener)
    unit = units.pop()
    offs = discounts.taken([wish.asked for wish in wishes], unit, least_minor=least_card(unit)).offs
    check_card(sum(wish.price_micros for wish in wishes) - sum(offs), unit, or_nothing=True)
    return offs


def _check_ordered(wishes: Iterable[Wish], listener: Listener) -> None:
    """Raise CannotPlace where an album is paid for already and comes by itself: it was ordered before it was out."""
    albums = [wish.music.pk for wish in wishes if wish.music.album is not None]
    paid = Order.objects.of(listener).filter(state=Order.State.PAID)
    waiting = PreOrder.objects.filter(order__in=paid, state=PreOrder.State.WAITING, album__in=albums)
    if albums and (row := waiting.select_related("album").first()):
        raise CannotPlace(
            f"You have paid for “{row.album}” already, and it comes into your library by itself. Remove it to go on."
        )


def least_card(unit: str) -> int:
    """The smallest card payment in this currency, in minor units."""
    return LEAST_CARD_MINOR.get(unit, 50)


def check_card(micros: int, unit: str, *, or_nothing: bool = False) -> None:
    """Raise CannotPlace unless a card can pay so little."""
    least = least_card(unit)
    if or_nothing and micros == 0:
        return
    if money.floor_to_minor(micros, unit) < least:
        smallest = money.display(money.from_minor(least, unit), unit)
        raise CannotPlace(f"Cards can pay {smallest} and more. Add more music, or pay more for it.")


def as_placed(order: Order, listener: Listener) -> Order:
    """The order of a repeated form; somebody else's order is nobody's business."""
    if not Order.objects.of(listener).filter(pk=order.pk).exists():
        raise CannotPlace("This form is out of date. Open your cart again.")
    return order


def _reserve(used: Iterable[Discount], order: Order, listener: Listener, at: datetime) -> None:
    try:
        discounts.reserve(used, order, listener, at=at)
    except discounts.NotGood as reason:
        raise CannotPlace(str(reason)) from reason


def line_of(order: Order, position: int, wish: Wish, rules: Policy, off: int = 0) -> OrderLine:
    """What is bought of one thing, with everything frozen that decides who gets what; not stored yet.

    `off` micros are what its code takes off.
    """
    music, sheet = wish.music, wish.music.sheet()
    return OrderLine(
        order=order,
        position=position,
        kind=OrderLine.Kind.TRACK if music.track else OrderLine.Kind.ALBUM,
        **music.columns,
        title=f"{music.title} by {music.home.artist.name}"[:300],
        facts=music.facts(sheet) | ({"discount_micros": off} if off else {}),
        price_micros=wish.price_micros - off,
        discount=wish.discount if off else None,
        discount_micros=off,
        shares=sheet.shares,
        policy_version=rules.version,
    )


def _give_free(order: Order, at: datetime) -> None:
    """Fulfil an order that costs nothing: no card, no entry, straight to the library."""
    for line in order.lines.select_related("album__artist", "track__album__artist"):
        OrderLine.objects.filter(pk=line.pk).update(net_micros=0)
        library.grant(Music.of(line), owner_of(order), LibraryItem.Reason.FREE, at=at, order_line=line)
    order.state, order.paid_at, order.next_check_at = Order.State.PAID, at, None
    order.save(update_fields=["state", "paid_at", "next_check_at"])
    _empty_cart(order)


def owner_of(order: Order) -> Listener:
    """Who bought it."""
    return Listener(user_id=order.user_id, guest_key=order.guest_key)


def fulfil(order_id: uuid.UUID, paid: Session, *, at: datetime) -> bool:
    """Book what Stripe says was paid and give what was bought; False when that was done before.

    One transaction: the state, the entry, the library and the receipt in the outbox stand or fall together. An order
    given up as cancelled is fulfilled too: money that came in is never ignored. Raises Order.DoesNotExist and
    Mismatch.
    """
    is_new = _fulfil(order_id, paid, at)
    # Apart, because whoever logs in takes their wallet first and then their orders; and again for one who was killed.
    order = Order.objects.select_related("user").get(pk=order_id)
    wallets.prove(order.user, at, guest_key=order.guest_key)
    return is_new


def _fulfil(order_id: uuid.UUID, paid: Session, at: datetime) -> bool:
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.state in (Order.State.PAID, Order.State.REFUNDED):
            if order.payment_intent != paid.payment_intent:
                raise Mismatch(f"{order} was paid by {order.payment_intent}, and again by {paid.payment_intent}.")
            return False
        check_payment(order, paid)
        if order.state == Order.State.CANCELLED:
            discounts.take_again(order.pk)
        _take_down(order, paid, at)
        lines = list(order.lines.select_related("album__artist", "track__album__artist", "advertiser", "discount"))
        _freeze_nets(order, lines)
        if order.kind == Order.Kind.DEPOSIT:
            booking.deposit(order, lines, at)
        elif order.kind == Order.Kind.PREORDER:
            booking.preorder(order, lines, at)
        else:
            booking.sale(order, lines, at)
            _deliver(order, lines, at)
        receipts.queue(order, lines)
    return True


def _deliver(order: Order, lines: Sequence[OrderLine], at: datetime) -> None:
    """Fill the buyer's library; somebody who asked to be forgotten before they paid has none, and the sale stands."""
    if order.user_id is None and not order.guest_key:
        return
    for line in lines:
        library.grant(Music.of(line), owner_of(order), LibraryItem.Reason.ORDER, at=at, order_line=line)
    _empty_cart(order)


def check_payment(order: Order, paid: Session) -> None:
    """Raise Mismatch unless what was paid is what the order asked, to the cent and in its currency.

    Prices may hold the tax or have it on top; both are told apart by Stripe's own sums.
    """
    asked = money.floor_to_minor(order.price_micros, order.unit)
    if order.checkout_session and paid.id != order.checkout_session:
        raise Mismatch(f"{order} has the session {order.checkout_session}, but {paid.id} was paid.")
    if paid.unit != order.unit:
        raise Mismatch(f"{order} is in {order.unit}, but was paid in {paid.unit or 'nothing'}.")
    without_tax = paid.total_minor - paid.tax_minor
    if paid.subtotal_minor != asked or asked not in (without_tax, paid.total_minor):
        raise Mismatch(
            f"{order} asked {asked} minor units; {paid.total_minor} were paid, {paid.tax_minor} of them tax."
        )
    if paid.tax_minor and len(paid.country) != 2:
        raise Mismatch(f"{order} was paid with tax, but Stripe names no country.")
    if paid.tax_minor and order.kind == Order.Kind.DEPOSIT:
        raise Mismatch(f"{order} is a deposit, which has no tax, but {paid.tax_minor} was paid.")


def _take_down(order: Order, paid: Session, at: datetime) -> None:
    """Write what Stripe said onto the order."""
    order.state, order.paid_at = Order.State.PAID, at
    order.total_micros = money.from_minor(paid.total_minor, order.unit)
    order.tax_micros = money.from_minor(paid.tax_minor, order.unit)
    order.checkout_session, order.payment_intent = paid.id, paid.payment_intent
    order.email = paid.email or order.email
    order.country = paid.country[:2]
    order.next_check_at, order.checks, order.problem = at, 0, ""
    order.save()


def _freeze_nets(order: Order, lines: Sequence[OrderLine]) -> None:
    """Share what was paid without tax over the lines, by what each asked."""
    nets = money.allocate(order.net_micros, [line.price_micros for line in lines])
    for line, net in zip(lines, nets, strict=True):
        line.net_micros = net
    OrderLine.objects.bulk_update(lines, ["net_micros"])


def _empty_cart(order: Order) -> None:
    """What was bought leaves the cart."""
    for line in order.lines.all():
        CartItem.objects.of(owner_of(order)).filter(album=line.album_id, track=line.track_id).delete()


def rivals(order: Order) -> list[Order]:
    """Other orders of the same listener for some of the same music whose payment pages are still open."""
    lines = list(order.lines.all())
    same = OrderLine.objects.filter(album__in=[line.album_id for line in lines if line.album_id])
    same |= OrderLine.objects.filter(track__in=[line.track_id for line in lines if line.track_id])
    waiting = Order.objects.of(owner_of(order)).filter(state=Order.State.PENDING, checkout_session__isnull=False)
    return list(waiting.filter(lines__in=same).exclude(pk=order.pk).distinct())


def cancel(order_id: uuid.UUID) -> bool:
    """Give up an order nobody paid, and with it the uses of its codes; False when it is not waiting any more."""
    waiting = Order.objects.filter(pk=order_id, state=Order.State.PENDING)
    with transaction.atomic():
        if waiting.update(state=Order.State.CANCELLED, next_check_at=None) != 1:
            return False
        discounts.give_back(order_id)
    return True
