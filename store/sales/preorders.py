"""Pre-orders: an album is paid for while it is announced, and is its buyer's when it is out, or the money is.

Until it is delivered the price is held for the buyer, and nobody has earned anything. A pre-order is delivered or ended
once, by whoever locks its order first: the buyer who cancels, the sweeper that finds the album out, or that it will not
be. Source of the rules: docs/money.md, "Pre-orders".
"""

import logging
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from artists.models import Album
from ledger import policy
from megabox import money
from store.access import library
from store.listeners import Listener
from store.models import Dispute, LibraryItem, Order, PreOrder
from store.music import Music
from store.sales import booking, orders
from store.sales.orders import CannotPlace
from users import mail

State, Why = PreOrder.State, PreOrder.Why
log = logging.getLogger(__name__)

MOST_MOVED = timedelta(days=90)
"""So much later than it was promised an album may come out; an order is given back whose album is moved farther."""
PATIENCE = timedelta(days=14)
"""So long an album may be late on its day before what was ordered is given back."""
AT_ONCE = 1_000


class CannotCancel(Exception):
    """The pre-order cannot be cancelled any more; the message says why."""


def check_price(music: Music, price_micros: int) -> None:
    """Raise CannotPlace unless `music` can be ordered now, before it is out, for `price_micros`."""
    if music.album is None or not music.album.may_be_ordered:
        raise CannotPlace(f"“{music.title}” cannot be ordered before it is out.")
    orders.check_amount(music, price_micros)
    if music.unit not in settings.SALE_CURRENCIES:
        raise CannotPlace(f"Nothing can be sold in {music.unit} here.")
    orders.check_card(price_micros, music.unit)


def seen(album: Album) -> str:
    """What a buyer saw when they pressed the button, to be compared when the form arrives: the price and the day."""
    return f"{album.price_micros} {album.currency} {album.out_at:%Y-%m-%dT%H:%M:%S%z}"


def place(
    album: Album, price_micros: int, listener: Listener, *, order_id: uuid.UUID, at: datetime, email: str = ""
) -> Order:
    """Order an announced album, with price, split shares, policy and the day it is promised for frozen.

    `order_id` is the form's own: placing it twice gives the first order back. Raises CannotPlace.
    """
    before = Order.objects.filter(pk=order_id).first()
    if before is not None:
        return orders.as_placed(before, listener)
    music = Music(album=album)
    check_price(music, price_micros)
    if open_one(listener, album) is not None:
        raise CannotPlace(f"You have ordered “{album}” already. It is in your library when it is out.")
    assert album.out_at is not None, "an announced album has a time"
    with transaction.atomic():
        order, is_new = Order.objects.get_or_create(
            pk=order_id,
            defaults={
                **listener.owner,
                "email": email,
                "kind": Order.Kind.PREORDER,
                "unit": music.unit,
                "price_micros": price_micros,
                "total_micros": price_micros,
                "placed_at": at,
                "next_check_at": at + orders.FIRST_CHECK,
            },
        )
        if is_new:
            orders.line_of(order, 0, orders.Wish(music, price_micros), policy.current(at)).save()
            PreOrder.objects.create(order=order, album=album, promised_for=album.out_at)
    return orders.as_placed(order, listener)


def waiting(listener: Listener) -> QuerySet[PreOrder]:
    """What a listener has paid for and has not got yet, or gets back, with what its list shows."""
    mine = Order.objects.of(listener).filter(kind=Order.Kind.PREORDER, state=Order.State.PAID)
    found = PreOrder.objects.filter(order__in=mine, ended_at=None)
    return found.select_related("order", "album__artist", "album__cover").order_by("album__out_at", "pk")


def open_one(listener: Listener, album: Album) -> PreOrder | None:
    """The listener's paid pre-order of `album` that waits, if any."""
    return waiting(listener).filter(album=album, state=State.WAITING).first()


def cancel(order_id: uuid.UUID, listener: Listener, *, at: datetime) -> None:
    """Give a listener all their money back for what is not out yet. Safe to repeat.

    Raises CannotCancel once it is out or given back, and PreOrder.DoesNotExist for what is not theirs.
    """
    with transaction.atomic():
        order = Order.objects.of(listener).select_for_update().filter(pk=order_id).first()
        row = PreOrder.objects.select_related("album__artist").filter(order=order).first() if order else None
        if order is None or row is None:
            raise PreOrder.DoesNotExist
        if row.state == State.ENDING:
            return
        if row.state != State.WAITING or order.state != Order.State.PAID:
            raise CannotCancel(f"The order of “{row.album}” is not open any more.")
        if row.album.is_published:
            raise CannotCancel(f"“{row.album}” is out, so it is yours: it is in your library within a minute.")
        _end(row, order, Why.CANCELLED, at)


def settle_due(at: datetime) -> int:
    """Deliver what is out, and end what will not be; return how many pre-orders that were.

    Any number of workers may do this at once, and be killed: each pre-order is settled once. One that cannot be settled
    says so in its row, is tried again after the others, and holds up none of them.
    """
    found = list(_ripe(at).order_by("problem", "pk").values_list("order", flat=True)[:AT_ONCE])
    return sum(_settle_one(order_id, at) for order_id in found)


def _settle_one(order_id: uuid.UUID, at: datetime) -> bool:
    try:
        return settle(order_id, at=at)
    except Exception as fault:  # a bug of ours or a row we did not think of: kept in sight, and nobody else waits
        log.exception("The pre-order of order %s cannot be settled.", order_id)
        problem = f"{type(fault).__name__}: {fault}"[:500]
        PreOrder.objects.filter(order=order_id, state=State.WAITING).update(problem=problem)
        return False


def settle(order_id: uuid.UUID, *, at: datetime) -> bool:
    """Deliver or end one pre-order, if its time has come; False when there is nothing to do."""
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        row = _ripe(at).select_related("album__artist").filter(order=order).first()
        if row is None:
            return False
        why = _why_ended(row, order, at)
        if why is not None:
            _end(row, order, why, at)
        else:
            _deliver(row, order, at)
    return True


# --- what becomes of it


def _ripe(at: datetime) -> QuerySet[PreOrder]:
    """Paid pre-orders that can be delivered or will never be.

    What a card's bank holds waits for its decision: either the money stays, or it is the buyer's already.
    """
    held = Dispute.objects.undecided().filter(order=OuterRef("order"))
    announced = Q(album__state=Album.State.ANNOUNCED)
    too_late = Q(album__out_at__gt=F("promised_for") + MOST_MOVED) | Q(album__out_at__lt=at - PATIENCE)
    taken = Q(order__refunded_micros__gt=0) | Q(order__charged_back_micros__gt=0)
    nobody = Q(order__user=None, order__guest_key="")
    paid = PreOrder.objects.filter(state=State.WAITING, order__state=Order.State.PAID)
    return paid.filter(~announced | announced & too_late | taken | nobody).exclude(Exists(held))


def _why_ended(row: PreOrder, order: Order, at: datetime) -> PreOrder.Why | None:
    """Why a ripe pre-order is given back; None when it is to be delivered."""
    album, owner = row.album, orders.owner_of(order)
    if order.taken_micros:
        return Why.PARTLY
    if not order.user_id and not order.guest_key:
        return Why.NOBODY
    if album.is_announced:
        assert album.out_at is not None, "an announced album has a time"
        return Why.MOVED if album.out_at > row.promised_for + MOST_MOVED else Why.LATE
    if not album.is_published:
        return Why.WITHDRAWN
    return Why.OWNED if library.has(owner, Music(album=album)) else None


def _deliver(row: PreOrder, order: Order, at: datetime) -> None:
    """Share out what was held, and put the album into its buyer's library."""
    lines = list(order.lines.select_related("album__artist"))
    booking.sale(order, lines, at)
    for line in lines:
        library.grant(Music.of(line), orders.owner_of(order), LibraryItem.Reason.ORDER, at=at, order_line=line)
    row.state, row.ended_at, row.problem = State.DELIVERED, at, ""
    row.save(update_fields=["state", "ended_at", "problem"])
    _write(
        order,
        f"“{row.album}” is out",
        f"“{row.album}” by {row.album.artist.name}, which you ordered, is out. It is in your library, to download as "
        f"often as you like:\n{settings.SITE_URL}/library/",
    )


def _end(row: PreOrder, order: Order, why: PreOrder.Why, at: datetime) -> None:
    """Begin to give the money back; the sweeper asks Stripe."""
    row.state, row.why, row.next_try_at, row.problem = State.ENDING, why, at, ""
    row.save(update_fields=["state", "why", "next_try_at", "problem"])
    left = money.display(order.total_micros - order.taken_micros, order.unit)
    _write(
        order,
        f"{left} for “{row.album}” goes back to you",
        f"You ordered “{row.album}” by {row.album.artist.name}, and get {left} back on the card you paid with, because "
        f"{Why(why).label}. Banks show it within five to ten days.\n\nYour order: "
        f"{settings.SITE_URL}{order.get_absolute_url()}",
    )


def _write(order: Order, subject: str, body: str) -> None:
    """A letter to the buyer; the outbox keeps it with what it tells of."""
    to = order.email or (order.user.email if order.user else "")
    if to:
        mail.queue(to, subject, body, key=f"order:{order.pk}:preorder")
