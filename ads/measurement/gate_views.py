"""Gate views: an ad that is watched to its end before a free download, counted and credited in one transaction.

They never use the stream: the listener waits for the answer. The server stamps the start, and takes the end when
enough time has passed since; a wallet has one open gate view.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db import transaction

from ads import tokens
from ads.budgets import charges
from ads.delivery import frequency, hours
from ads.measurement import counting, line, stages
from ads.models import Ad, AdEvent, BookDay, Impression, Place, Wallet
from ads.rewards import credits, wallets
from ads.tokens import BadToken, Offer
from ads.traffic import fraud, prefixes
from ads.traffic.fraud import Reason, Signals, View
from ledger import chart, journal
from ledger.journal import Line

Mode = Literal["audio", "reading", "visible"]


class ViewRefused(Exception):
    """A gate view that cannot be counted, with a sentence for the listener.

    `is_our_fault` says that the listener did their part: the gate gives another ad, or the download on the house.
    """

    def __init__(self, sentence: str, *, reason: str = "", is_our_fault: bool = False) -> None:
        self.reason, self.is_our_fault = reason, is_our_fault
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Started:
    """A gate view that runs: what to show, and since when."""

    offer: Offer
    ad: Ad
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """A gate view that counts, and how many micros of what was offered it did not earn."""

    impression: Impression
    withheld_micros: int


class _CannotCharge(Exception):
    """The budget or the day's cap has no room for this view; undoes the transaction."""


def start(token: str, wallet: Wallet, at: datetime) -> Started:
    """Stamp the start of a gate view; it becomes the one open view of its wallet. A repeat keeps the first stamp.

    Raises ViewRefused.
    """
    offer = _read(token, wallet, at)
    ad = Ad.objects.select_related("campaign").filter(pk=offer.ad_id, campaign=offer.campaign_id).first()
    if ad is None or not ad.is_showable:
        raise ViewRefused("This ad is not shown any more. Here is another one.", is_our_fault=True)
    if wallet.blocked_at:
        raise ViewRefused("This wallet cannot earn credits. Write to us and we will look at it.", reason=Reason.BLOCKED)
    with transaction.atomic():
        if Impression.objects.filter(pk=offer.id).exists():
            raise ViewRefused("This ad was already watched and counted.")
        event, is_new = AdEvent.objects.get_or_create(
            token_id=offer.id,
            stage=AdEvent.Stage.STARTED,
            defaults={"payload_hash": "", "campaign_id": offer.campaign_id, "at": at},
        )
        Wallet.objects.filter(pk=wallet.pk).update(open_view=offer.id)
    if is_new:
        hours.count_served(offer.campaign_id, offer.place, at)
        stages.add_gate(offer.campaign_id, at, is_end=False)
    return Started(offer=offer, ad=ad, started_at=event.at)


def confirm(
    token: str,
    wallet: Wallet,
    mode: Mode,
    at: datetime,
    *,
    signals: Signals | None = None,
    prefix_hash: str = "",
) -> Counted:
    """Count a gate view that was watched to its end, and credit the wallet, in one transaction.

    Safe to repeat: the second of two clicks, on this or another machine, gets the same impression. Raises
    ViewRefused; a view that we reject is kept with its reason.
    """
    try:
        offer = tokens.verify(token)
    except BadToken as fault:
        raise ViewRefused(str(fault)) from None
    seen = _Seen(offer, mode, at, signals, prefix_hash)
    counted = Impression.objects.filter(pk=offer.id).first()
    if counted is None:
        _read(token, wallet, at)
        try:
            counted = _confirm(seen, wallet)
        except _CannotCharge:
            counted = _close_rejected(seen, wallet)
    if not _is_holder(wallet, offer):
        raise ViewRefused("This ad was offered to somebody else. Start again to get your own.")
    if counted.state == Impression.State.REJECTED:
        raise _refusal(Reason(counted.reason))
    return Counted(counted, counted.offered_micros - counted.price_micros)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What came with the end of a gate view."""

    offer: Offer
    mode: Mode
    at: datetime
    signals: Signals | None
    prefix_hash: str


def _read(token: str, wallet: Wallet, at: datetime) -> Offer:
    try:
        offer = tokens.read(token, at)
    except BadToken as fault:
        raise ViewRefused(str(fault), is_our_fault=False) from None
    if offer.place != Place.GATE:
        raise ViewRefused("This ad was not offered for a download. Start again at the gate.")
    if not _is_holder(wallet, offer):
        raise ViewRefused("This ad was offered to somebody else. Start again to get your own.")
    return offer


def _is_holder(wallet: Wallet, offer: Offer) -> bool:
    """Whether the offer was made to this wallet, or to the guest it took over."""
    if offer.wallet_id == wallet.pk:
        return True
    return offer.wallet_id is not None and wallets.holder(offer.wallet_id) == wallet.pk


def _confirm(seen: _Seen, wallet: Wallet) -> Impression:
    offer, at = seen.offer, seen.at
    started = AdEvent.objects.filter(token_id=offer.id, stage=AdEvent.Stage.STARTED).first()
    ad = Ad.objects.select_related("campaign__advertiser").get(pk=offer.ad_id, campaign=offer.campaign_id)
    if started is None:
        raise ViewRefused("This ad was not started here. Press the button to start it.")
    elapsed_ms = (at - started.at) // timedelta(milliseconds=1)
    if not fraud.is_long_enough(elapsed_ms, ad.duration_ms):
        raise ViewRefused("The ad has not ended yet. It counts when it was played to its end.", reason="too_early")
    with transaction.atomic():
        # One conditional UPDATE: whoever closes the open view counts it; the others find the impression.
        if not Wallet.objects.filter(pk=wallet.pk, open_view=offer.id).update(open_view=None):
            counted = Impression.objects.filter(pk=offer.id).first()
            if counted is None:
                raise ViewRefused("Another ad was started since, so this one does not count. Watch the newer one.")
            return counted
        view = View(
            is_gate=True,
            is_audio=ad.kind == Ad.Kind.AUDIO,
            mode=seen.mode,
            elapsed_ms=elapsed_ms,
            duration_ms=ad.duration_ms,
            signals=seen.signals,
            is_own_campaign=ad.campaign.is_of(wallet.user_id),
            is_blocked=wallet.blocked_at is not None,
            is_showable=ad.is_showable,
            views_today=frequency.views_of(wallet.pk, offer.campaign_id, at),
            frequency_cap=ad.campaign.frequency_cap,
        )
        impression = _insert(seen, wallet, fraud.rejection_reason(view))
        if impression.state == Impression.State.VIEWED:
            _post(impression, at)
        # Last in its transaction, because all views of a campaign meet here.
        charged = impression.price_micros if impression.state == Impression.State.VIEWED else 0
        charge = (offer.campaign_id, offer.lease_id, impression.day)
        if charges.bill({charge: charged}, {charge: offer.price_micros - charged}):
            raise _CannotCharge
    if impression.state == Impression.State.VIEWED:
        stages.add_gate(offer.campaign_id, at, is_end=True)
    return impression


def _insert(seen: _Seen, wallet: Wallet, reason: Reason | None) -> Impression:
    is_proven = seen.offer.is_proven or wallet.proven_at is not None
    number = line.take()
    is_weighed = not reason and not is_proven
    (n,) = prefixes.count([prefixes.Key(seen.at.date(), seen.prefix_hash) if is_weighed else None])
    impression = counting.row(
        seen.offer,
        number=number,
        day=BookDay.objects.taking(seen.at),
        mode=seen.mode,
        at=seen.at,
        reason=reason,
        wallet_id=wallet.pk,
        weight_permille=fraud.weight(n, is_proven),
        prefix_hash=seen.prefix_hash,
    )
    impression.save(force_insert=True)
    return impression


def _post(impression: Impression, at: datetime) -> None:
    """Credit the wallet at once; the advertiser is charged at settlement, so no view locks an advertiser's row."""
    if not impression.price_micros:
        return
    assert impression.wallet_id is not None
    unit, source = settings.ADS_CURRENCY, f"ads.impression:{impression.pk}"
    facts = {"campaign": impression.campaign_id, "ad": impression.ad_id, "place": impression.place}
    earned = Line(chart.unsettled(unit), chart.ads_revenue(unit), impression.price_micros, unit, source, facts)
    credited = credits.earn_lines(impression.wallet_id, impression.price_micros, source=source, facts=facts)
    journal.post(entry_key(impression), "gate view", [earned, *credited], occurred_at=at)


def entry_key(impression: Impression) -> str:
    """The key of the entry that a gate view made."""
    return f"view:{impression.pk}"


def _close_rejected(seen: _Seen, wallet: Wallet) -> Impression:
    """Keep a view that could not be charged as a rejected one, unless somebody else counted it meanwhile."""
    with transaction.atomic():
        Wallet.objects.filter(pk=wallet.pk, open_view=seen.offer.id).update(open_view=None)
        counted = Impression.objects.filter(pk=seen.offer.id).first()
        return counted or _insert(seen, wallet, Reason.OVER_BUDGET)


def _refusal(reason: Reason) -> ViewRefused:
    is_ours = reason in (Reason.OVER_BUDGET, Reason.NOT_SHOWABLE, Reason.FREQUENCY)
    if is_ours:
        return ViewRefused(
            "Nobody could be charged for this ad any more. That is our fault, and you lose nothing.",
            reason=reason,
            is_our_fault=True,
        )
    return ViewRefused(f"This view does not count: {reason.label.lower()}.", reason=reason)
