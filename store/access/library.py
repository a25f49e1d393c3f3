"""What somebody has for ever: granting, revoking, finding, and what a guest takes along when they log in."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Prefetch, Q

from ads.rewards import wallets
from artists.models import Track
from store.listeners import Listener
from store.models import CartItem, Download, DownloadCode, Gate, LibraryItem, Order, OrderLine
from store.music import Music
from users.models import User


def grant(
    music: Music,
    listener: Listener,
    reason: LibraryItem.Reason,
    *,
    at: datetime,
    order_line: OrderLine | None = None,
    gate: Gate | None = None,
    download_code: DownloadCode | None = None,
) -> LibraryItem:
    """Put `music` into somebody's library, once: whoever has it already keeps the item and its first reason."""
    item, _ = LibraryItem.objects.get_or_create(
        **listener.owner,
        **music.columns,
        defaults={
            "reason": reason,
            "order_line": order_line,
            "gate": gate,
            "download_code": download_code,
            "added_at": at,
        },
    )
    return item


def has(listener: Listener, music: Music) -> bool:
    """Whether the listener has it: itself, or a track by its album."""
    return item_for(listener, music) is not None


def item_for(listener: Listener, music: Music) -> LibraryItem | None:
    """The library item by which the listener has `music`, if any."""
    wanted = Q(track=music.track) | Q(album=music.home) if music.track else Q(album=music.album)
    return LibraryItem.objects.of(listener).filter(wanted).order_by("pk").first()


def items(listener: Listener) -> list[LibraryItem]:
    """Everything in a library, newest first, with what its page shows, in a constant number of queries."""
    tracks = Track.objects.filter(published_at__isnull=False).defer("peaks", "lyrics", "synced_lyrics")
    return list(
        LibraryItem.objects.of(listener)
        .select_related("album__artist", "album__cover", "track__album__artist", "track__album__cover")
        .select_related("order_line")
        .defer("track__peaks", "track__lyrics", "track__synced_lyrics")
        .prefetch_related(Prefetch("album__tracks", queryset=tracks))
        .order_by("-added_at", "-pk")
    )


def revoke(line: OrderLine) -> None:
    """Take back what an order line gave, unless another paid line of the same listener gives it too."""
    for item in LibraryItem.objects.filter(order_line=line).select_related("user"):
        again = _other_reason(item, line)
        if again is None:
            item.delete()
        else:
            item.order_line = again
            item.save(update_fields=["order_line"])


def _other_reason(item: LibraryItem, line: OrderLine) -> OrderLine | None:
    """Another paid order line by which the owner of `item` has the same music."""
    owner = {"order__user": item.user} if item.user else {"order__user": None, "order__guest_key": item.guest_key}
    same = OrderLine.objects.filter(album=line.album, track=line.track, order__state=Order.State.PAID, **owner)
    return same.exclude(pk=line.pk).order_by("pk").first()


def claim_guest(user: User, guest_key: str, *, at: datetime) -> None:
    """Give a person who logged in what their browser earned and bought as a guest; safe to repeat.

    Credits, library, orders, open gates and the cart move; what the person has already is not doubled.
    """
    if not guest_key:
        return
    with transaction.atomic():
        wallets.claim(guest_key, user, at)
        guest = Listener(guest_key=guest_key)
        # Orders and gates first: one that is being fulfilled makes us wait here, and its items are there afterwards.
        for rows in (Order.objects.of(guest), Gate.objects.of(guest), Download.objects.of(guest)):
            rows.update(user=user, guest_key="")
        _move_items(LibraryItem.objects.of(guest), user)
        _move_cart(guest, user)


def claim_by_email(user: User, addresses: Iterable[str], *, at: datetime) -> int:
    """Give a person the orders that guests paid for with one of their confirmed addresses; return how many."""
    wanted = [address.lower() for address in addresses]
    with transaction.atomic():
        orders = list(Order.objects.filter(user=None, email__in=wanted, state=Order.State.PAID).exclude(guest_key=""))
        for order in orders:
            # The order first: one that is being delivered makes us wait here, and its items are there afterwards.
            Order.objects.filter(pk=order.pk, user=None).update(user=user, guest_key="")
            _move_items(LibraryItem.objects.filter(user=None, order_line__order=order), user)
    return len(orders)


def _move_items(found: Iterable[LibraryItem], user: User) -> None:
    for item in found:
        mine = LibraryItem.objects.filter(user=user, album=item.album, track=item.track).first()
        if mine is not None and (item.order_line_id or not mine.order_line_id):
            item.delete()
            continue
        if mine is not None:
            mine.delete()  # what was bought may be given back; a code, credits and gifts are for ever
        LibraryItem.objects.filter(pk=item.pk, user=None).update(user=user, guest_key="")


def _move_cart(guest: Listener, user: User) -> None:
    for item in CartItem.objects.of(guest):
        if CartItem.objects.filter(user=user, album=item.album, track=item.track).exists():
            item.delete()
        else:
            CartItem.objects.filter(pk=item.pk, user=None).update(user=user, guest_key="")
