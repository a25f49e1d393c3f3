"""Counting views exactly once: at the gate with credits in one transaction, beside music from what browsers report.

The unique keys of AdEvent and Impression decide what counts; every amount comes from the signed offer, never from
the campaign of today. A rejected view is a row too, with its reason; it costs nobody and earns nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from ads import credits, fraud, line, serving, tokens, wallets
from ads.fraud import Reason, Signals, View
from ads.models import Ad, AdEvent, BookDay, Campaign, CampaignDay, Impression, Place, Wallet
from ads.tokens import BadToken, Fault, Offer
from ledger import chart, journal
from ledger.journal import Line

Answer = Literal["accepted", "duplicate", "conflict", "expired", "invalid"]
Mode = Literal["audio", "reading", "visible"]

MOST_MS = 3_600_000
EVENT_DAYS = 30
_STAGES = frozenset(str(stage.value) for stage in AdEvent.Stage)
_TIMES = ("visible_ms", "audible_ms")
_FLAGS = ("hidden", "muted")


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


class _CannotCharge(Exception):
    """The budget or the day's cap has no room for this view; undoes the transaction."""


# --- the gate


def start_gate_view(token: str, wallet: Wallet, at: datetime) -> Started:
    """Stamp the start of a gate view; it becomes the one open view of its wallet. A repeat keeps the first stamp.

    Raises ViewRefused.
    """
    offer = _read_for_gate(token, wallet, at)
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
        serving.count_served(offer.campaign_id, offer.place, at)
    return Started(offer=offer, ad=ad, started_at=event.at)


def confirm_gate_view(
    token: str, wallet: Wallet, mode: Mode, at: datetime, *, signals: Signals | None = None
) -> Impression:
    """Count a gate view that was watched to its end, and credit the wallet, in one transaction.

    Safe to repeat: the second of two clicks, on this or another machine, gets the same impression. Raises
    ViewRefused; a view that we reject is kept with its reason.
    """
    try:
        offer = tokens.verify(token)
    except BadToken as fault:
        raise ViewRefused(str(fault)) from None
    counted = Impression.objects.filter(pk=offer.id).first()
    if counted is None:
        _read_for_gate(token, wallet, at)
        try:
            counted = _confirm(offer, wallet, mode, at, signals)
        except _CannotCharge:
            counted = _close_rejected(offer, wallet, mode, at, Reason.OVER_BUDGET)
    if not _is_holder(wallet, offer):
        raise ViewRefused("This ad was offered to somebody else. Start again to get your own.")
    if counted.state == Impression.State.REJECTED:
        raise _refusal(Reason(counted.reason))
    return counted


def _read_for_gate(token: str, wallet: Wallet, at: datetime) -> Offer:
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


def _confirm(offer: Offer, wallet: Wallet, mode: Mode, at: datetime, signals: Signals | None) -> Impression:
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
            mode=mode,
            elapsed_ms=elapsed_ms,
            duration_ms=ad.duration_ms,
            signals=signals,
            is_own_campaign=_is_own(ad.campaign, wallet.user_id),
            is_blocked=wallet.blocked_at is not None,
            is_showable=ad.is_showable,
            views_today=serving.views_today(wallet.pk, offer.campaign_id, at),
            frequency_cap=ad.campaign.frequency_cap,
        )
        impression = _insert(offer, mode, at, fraud.rejection_reason(view), wallet_id=wallet.pk)
        if impression.state == Impression.State.VIEWED:
            _post_gate_view(impression, at)
            _charge(offer, impression.day, ad.campaign.daily_cap_micros)
        return impression


def _post_gate_view(impression: Impression, at: datetime) -> None:
    """Credit the wallet at once; the advertiser is charged at settlement, so no view locks an advertiser's row."""
    assert impression.wallet_id is not None
    unit, source = settings.ADS_CURRENCY, f"ads.impression:{impression.pk}"
    facts = {"campaign": impression.campaign_id, "ad": impression.ad_id, "place": impression.place}
    earned = Line(chart.unsettled(unit), chart.ads_revenue(unit), impression.price_micros, unit, source, facts)
    credited = credits.earn_lines(impression.wallet_id, impression.price_micros, source=source, facts=facts)
    journal.post(entry_key(impression), "gate view", [earned, *credited], occurred_at=at)


def entry_key(impression: Impression) -> str:
    """The key of the entry that a gate view made."""
    return f"view:{impression.pk}"


def _close_rejected(offer: Offer, wallet: Wallet, mode: Mode, at: datetime, reason: Reason) -> Impression:
    """Keep a view that could not be charged as a rejected one, unless somebody else counted it meanwhile."""
    with transaction.atomic():
        Wallet.objects.filter(pk=wallet.pk, open_view=offer.id).update(open_view=None)
        counted = Impression.objects.filter(pk=offer.id).first()
        return counted or _insert(offer, mode, at, reason, wallet_id=wallet.pk)


def _refusal(reason: Reason) -> ViewRefused:
    is_ours = reason in (Reason.OVER_BUDGET, Reason.NOT_SHOWABLE, Reason.FREQUENCY)
    if is_ours:
        return ViewRefused(
            "Nobody could be charged for this ad any more. That is our fault, and you lose nothing.",
            reason=reason,
            is_our_fault=True,
        )
    return ViewRefused(f"This view does not count: {reason.label.lower()}.", reason=reason)


# --- beside music


def record_event(
    token: str,
    stage: str,
    payload: Mapping[str, Any],
    at: datetime,
    *,
    signals: Signals | None = None,
    user_id: int | None = None,
) -> Answer:
    """Take one thing a browser says about one token, once. Never raises for what a browser sends.

    `payload` holds `visible_ms`, `audible_ms` (whole milliseconds), `hidden`, `muted` and `mode`; anything else in it
    is passed over. The same again is a duplicate, another payload for the same token and stage a conflict.
    """
    claims = _claims(payload)
    if stage not in _STAGES or claims is None:
        return "invalid"
    try:
        offer = tokens.read(token, at)
    except BadToken as bad:
        return "expired" if bad.fault == Fault.EXPIRED else "invalid"
    if offer.place == Place.GATE and stage not in (AdEvent.Stage.CLICKED, AdEvent.Stage.SKIPPED):
        return "invalid"  # the server stamps the start of a gate view, and the gate takes its end
    digest = hashlib.sha256(json.dumps([stage, claims], sort_keys=True).encode()).hexdigest()
    try:
        with transaction.atomic():
            AdEvent.objects.create(
                token_id=offer.id, stage=stage, payload_hash=digest, campaign_id=offer.campaign_id, at=at
            )
            if stage == AdEvent.Stage.VIEWED:
                _view_beside_music(offer, claims, at, signals, user_id)
            elif stage == AdEvent.Stage.CLICKED:
                _stamp_click(offer, at, user_id)
    except IntegrityError:
        return _answer_to_repeat(offer, stage, digest)
    except Ad.DoesNotExist:
        return "invalid"
    except _CannotCharge:
        return _reject_uncharged(offer, stage, digest, claims, at)
    return "accepted"


def _claims(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the payload claims, in one form for one meaning; None when it makes no sense."""
    claims: dict[str, Any] = {}
    for name in _TIMES:
        value = payload.get(name, 0)
        if type(value) is not int or not 0 <= value <= MOST_MS:
            return None
        claims[name] = value
    for name in _FLAGS:
        value = payload.get(name, False)
        if type(value) is not bool:
            return None
        claims[name] = value
    claims["mode"] = payload.get("mode", "visible")
    return claims if claims["mode"] in ("audio", "reading", "visible") else None


def _view_beside_music(
    offer: Offer, claims: Mapping[str, Any], at: datetime, signals: Signals | None, user_id: int | None
) -> None:
    ad = Ad.objects.select_related("campaign__advertiser").get(pk=offer.ad_id, campaign=offer.campaign_id)
    is_audio = ad.kind == Ad.Kind.AUDIO
    view = View(
        is_gate=False,
        is_audio=is_audio,
        mode=claims["mode"] if claims["mode"] != "visible" or not is_audio else "audio",
        elapsed_ms=(at - offer.issued_at) // timedelta(milliseconds=1),
        duration_ms=ad.duration_ms,
        visible_ms=claims["visible_ms"],
        audible_ms=claims["audible_ms"],
        is_hidden=claims["hidden"],
        is_muted=claims["muted"],
        signals=signals,
        is_own_campaign=_is_own(ad.campaign, user_id),
        is_blocked=offer.wallet_id is not None and wallets.is_blocked(offer.wallet_id),
        is_showable=ad.is_showable,
        views_today=serving.views_today(offer.wallet_id, offer.campaign_id, at) if offer.wallet_id else 0,
        frequency_cap=ad.campaign.frequency_cap,
    )
    # Credits of the extension go to whoever holds the wallet now.
    holder = wallets.holder(offer.wallet_id) if offer.wallet_id else None
    impression = _insert(offer, view.mode, at, fraud.rejection_reason(view), wallet_id=holder)
    if impression.state == Impression.State.VIEWED:
        if AdEvent.objects.filter(token_id=offer.id, stage=AdEvent.Stage.CLICKED).exists():
            _stamp_click(offer, at, user_id)
        _charge(offer, impression.day, ad.campaign.daily_cap_micros)


def _stamp_click(offer: Offer, at: datetime, user_id: int | None) -> None:
    """A click is a fact of a counted view; advertisers who click on their own ads are not counted."""
    viewed = Impression.objects.viewed().filter(pk=offer.id, clicked_at__isnull=True)
    if user_id is not None:
        viewed = viewed.exclude(campaign__advertiser__owner=user_id)
    viewed.update(clicked_at=at)


def _answer_to_repeat(offer: Offer, stage: str, digest: str) -> Answer:
    before = AdEvent.objects.filter(token_id=offer.id, stage=stage).first()
    if before is None:
        return "invalid"  # the token names an ad or a wallet that is gone
    return "duplicate" if before.payload_hash == digest else "conflict"


def _reject_uncharged(offer: Offer, stage: str, digest: str, claims: Mapping[str, Any], at: datetime) -> Answer:
    try:
        with transaction.atomic():
            AdEvent.objects.create(
                token_id=offer.id, stage=stage, payload_hash=digest, campaign_id=offer.campaign_id, at=at
            )
            _insert(offer, claims["mode"], at, Reason.OVER_BUDGET, wallet_id=offer.wallet_id)
    except IntegrityError:
        return _answer_to_repeat(offer, stage, digest)
    return "accepted"


# --- both


def forget_events(at: datetime) -> int:
    """Delete what browsers said long ago, whose tokens are dead; return how many. The impressions stay."""
    deleted, _ = AdEvent.objects.filter(at__lt=at - timedelta(days=EVENT_DAYS)).delete()
    return deleted


def _insert(offer: Offer, mode: str, at: datetime, reason: Reason | None, *, wallet_id: int | None) -> Impression:
    # The number first: from here to the end of the transaction no day's book closes, so the day read next stays true.
    number = line.take()
    return Impression.objects.create(
        id=offer.id,
        number=number,
        campaign_id=offer.campaign_id,
        ad_id=offer.ad_id,
        place=offer.place,
        mode=mode,
        price_micros=offer.price_micros,
        artist_id=offer.artist_id,
        album_id=offer.album_id,
        wallet_id=wallet_id,
        beneficiary=offer.beneficiary,
        shares=[list(share) for share in offer.shares],
        policy_version=offer.policy_version,
        state=Impression.State.REJECTED if reason else Impression.State.VIEWED,
        reason=reason or "",
        viewed_at=at,
        rejected_at=at if reason else None,
        day=BookDay.objects.taking(at),
    )


def _charge(offer: Offer, day: date, daily_cap_micros: int | None) -> None:
    """Move the price into what the campaign spent, by conditional UPDATEs: never above the budget nor the day's cap.

    Last in its transaction, because all views of a campaign meet here. Raises _CannotCharge.
    """
    price = offer.price_micros
    if not price:
        return
    today = CampaignDay.objects.filter(campaign=offer.campaign_id, day=day)
    if daily_cap_micros is not None:
        today = today.filter(spent_micros__lte=daily_cap_micros - price)
    spent = {"spent_micros": F("spent_micros") + price}
    if not today.update(**spent):
        _, is_first = CampaignDay.objects.get_or_create(campaign_id=offer.campaign_id, day=day)
        if not is_first or not today.update(**spent):
            raise _CannotCharge
    campaign = Campaign.objects.filter(pk=offer.campaign_id, spent_micros__lte=F("budget_micros") - price)
    if not campaign.update(**spent):
        raise _CannotCharge


def _is_own(campaign: Campaign, user_id: int | None) -> bool:
    return user_id is not None and campaign.advertiser is not None and campaign.advertiser.owner_id == user_id
