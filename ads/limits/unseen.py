"""Offers that somebody pays for and that nobody has looked at yet: whoever leaves too many gets no more of them.

An offer sets its price aside until its view is reported or its token is dead. So whoever asks for ads and looks at
none holds other people's money, for nothing. Of people nobody knows, each network may hold so many at a time in each
process, a proven wallet some by itself; beyond that ads are shown that nobody pays for. A view that is reported gives
one back, whichever process offered it, and what dies comes back by itself.

Kept in memory only, by a hash that no key makes on another day; nothing of it says who or where somebody is.
"""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from ads.limits.lately import Bound, Lately
from ads.measurement.claims import Report
from ads.models import BESIDE_MUSIC, AdEvent, Wallet
from ads.tokens import GATE_LIFETIME_SECONDS, SLOT_LIFETIME_SECONDS, Offer
from ads.traffic import prefixes

MOST_OF_A_WALLET = 20
"""A proven wallet may hold so many: it looks at one or two at a time."""

at_slots = Lately(SLOT_LIFETIME_SECONDS)
at_gates = Lately(GATE_LIFETIME_SECONDS)


def bounds(address: str, wallet: Wallet | None, at: datetime) -> Sequence[Bound]:
    """What is counted of who asks from `address` with `wallet`: the wallet when it is proven, else the networks."""
    if wallet is not None and wallet.proven_at is not None:
        return _of_wallet(wallet.pk)
    return _of_networks(address, at)


def seen(report: Report, address: str) -> None:
    """A view of an ad beside music was reported from `address`, for the first time."""
    offer = report.offer
    if report.stage == AdEvent.Stage.VIEWED and offer.price_micros and offer.place in BESIDE_MUSIC:
        at_slots.give_back(_of_offer(offer, address, report.at), offer.issued_at)


def forget() -> None:
    """Nothing waits to be looked at: what tests do."""
    at_slots.forget()
    at_gates.forget()


def _of_offer(offer: Offer, address: str, at: datetime) -> Sequence[Bound]:
    if offer.is_proven and offer.wallet_id is not None:
        return _of_wallet(offer.wallet_id)
    return _of_networks(address, at)


def _of_wallet(wallet_id: int) -> Sequence[Bound]:
    return [(wallet_id, MOST_OF_A_WALLET)]


def _of_networks(address: str, at: datetime) -> Sequence[Bound]:
    return prefixes.bounds(address, at, settings.ADS_MOST_UNSEEN)
