"""A pre-order in the demo: somebody has paid for the album that is not out yet."""

import uuid
from datetime import datetime, timedelta

from artists.models import Album
from store.listeners import Listener
from store.models import PreOrder
from store.sales import preorders

from . import history, people, works
from .catalogue import Say

BUYER = "emma"
DAYS_AGO = 2


def make(anchor: datetime, say: Say) -> int:
    """Order what is announced; return how much is new."""
    waiting = [album for album in _coming() if album.may_be_ordered]
    for album in waiting:
        buyer, at = people.of(BUYER), anchor - timedelta(days=DAYS_AGO)
        order_id = uuid.uuid5(history.NAMESPACE, f"ahead:{album.pk}")
        order = preorders.place(
            album, album.price_micros, Listener(buyer.pk), order_id=order_id, at=at, email=buyer.email
        )
        history.pay(order, buyer.name, at)
        say(f"  a pre-order of “{album}”")
    return len(waiting)


def is_made() -> bool:
    """Whether all that can still be ordered is."""
    return not any(album.may_be_ordered for album in _coming())


def _coming() -> list[Album]:
    """What the demo announced and nobody has paid for yet."""
    titles = [work.title for work in works.WORKS if work.is_coming]
    paid = PreOrder.objects.filter(order__fee_micros__isnull=False).values("album")
    return list(Album.objects.announced().filter(title__in=titles).exclude(pk__in=paid))
