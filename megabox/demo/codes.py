"""Codes in the demo: a discount on all music of one artist, and cards that came with a record, some of them used."""

from datetime import datetime, timedelta

from artists.models import Album, Artist
from store.listeners import Listener
from store.models import CodeBatch, Discount, DownloadCode
from store.offers import codes, discounts

from .catalogue import Say

DISCOUNT = ("Nova Kit", "FERRY20")
CARDS = ("Night Bus Maps", "Second pressing")
COUNT, USED = 60, 7
MADE_DAYS_AGO = 12


def make(anchor: datetime, say: Say) -> int:
    """Make what is missing; return how much is new."""
    made_at = anchor - timedelta(days=MADE_DAYS_AGO)
    new = int(_discount(made_at)) + int(_cards(made_at))
    if new:
        say("  a discount code and download codes")
    return new


def is_made() -> bool:
    """Whether they are there, as far as their artist and album are."""
    used = DownloadCode.objects.filter(batch__album__title=CARDS[0], batch__name=CARDS[1], redeemed_at__isnull=False)
    is_sold = Album.objects.published().filter(title=CARDS[0]).exists()
    is_known = Artist.objects.filter(name=DISCOUNT[0]).exists()
    has_discount = Discount.objects.filter(code=DISCOUNT[1]).exists()
    return (has_discount or not is_known) and (used.count() >= USED or not is_sold)


def _discount(at: datetime) -> bool:
    artist = Artist.objects.filter(name=DISCOUNT[0]).first()
    if artist is None or Discount.objects.filter(artist=artist, code=DISCOUNT[1]).exists():
        return False
    details = {"artist": artist, "code": DISCOUNT[1], "percent": 20, "most_uses": 100, "is_once_a_buyer": True}
    discounts.make(details, at=at)
    return True


def _cards(at: datetime) -> bool:
    """A batch, and guests who typed some of its codes, one a day."""
    album = Album.objects.published().filter(title=CARDS[0]).first()
    if album is None:
        return False
    batch = CodeBatch.objects.filter(album=album, name=CARDS[1]).first()
    batch = batch or codes.make(album, COUNT, name=CARDS[1], at=at)
    used = batch.codes.filter(redeemed_at__isnull=False).count()
    waiting = batch.codes.filter(redeemed_at=None)[: USED - used]
    for number, code in enumerate(waiting, used + 1):
        codes.redeem(code.letters, Listener(guest_key=f"demo-card-{number}"), at=at + timedelta(days=number))
    return used < USED
