"""Campaigns: from draft to live and back, and the review of their ads. Every transition is one conditional UPDATE."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from ads import funds, serving
from ads.models import Ad, Advertiser, Campaign
from megabox import media, money
from users import mail
from users.models import User

State = Campaign.State
Review = Ad.Review


class NotReady(Exception):
    """The campaign cannot go live yet; `reasons` are sentences that say what to do."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = list(reasons)
        super().__init__(" ".join(reasons))


class NotPossible(Exception):
    """The campaign or ad is not in a state for this; the message says what it is."""


def save(campaign: Campaign, at: datetime) -> Campaign:
    """Store a campaign that its advertiser edited: a draft, or a paused one within what is prepaid.

    Raises NotPossible. What was spent is never overwritten.
    """
    with transaction.atomic():
        if campaign.pk is None:
            campaign.save()
            return campaign
        advertiser = _locked(campaign)
        kept = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if kept.state not in (State.DRAFT, State.PAUSED):
            raise NotPossible(f"This campaign is {kept.get_state_display()}. Pause it first, then change it.")
        if campaign.budget_micros < kept.spent_micros:
            spent = money.display_exact(kept.spent_micros, settings.ADS_CURRENCY)
            raise NotPossible(f"{spent} of this campaign is spent already. The budget cannot be lower than that.")
        more = campaign.budget_micros - kept.budget_micros
        if advertiser and kept.state == State.PAUSED and more > max(0, funds.of(advertiser, at).free):
            raise NotPossible("There is not enough free money for this budget. Add money first, or choose less.")
        fields = [field.name for field in Campaign._meta.concrete_fields if field.name in EDITABLE]
        campaign.save(update_fields=fields)
    return campaign


EDITABLE = frozenset(
    {
        "name",
        "budget_micros",
        "daily_cap_micros",
        "cpm_micros",
        "starts_at",
        "ends_at",
        "places",
        "genres",
        "countries",
        "frequency_cap",
    }
)
"""What an advertiser may change."""


def missing(campaign: Campaign, at: datetime) -> list[str]:
    """What keeps a campaign from going live, in sentences that say what to do; nothing when it is ready."""
    reasons = []
    if campaign.price_micros > campaign.remaining_micros:
        reasons.append("The budget is spent. Raise it to go on.")
    if campaign.ends_at is not None and campaign.ends_at <= at:
        reasons.append("Its last day is over. Choose a later one, or none.")
    if not campaign.ads.showable().exists():
        reasons.append("No ad is approved yet. Add one and send it for review.")
    if campaign.advertiser:
        reasons += _held_back(campaign.advertiser)
        lacking = campaign.remaining_micros - funds.of(campaign.advertiser, at, without=campaign).free
        if lacking > 0:
            amount = money.display_exact(lacking, settings.ADS_CURRENCY)
            reasons.append(f"Its budget is not prepaid: add {amount}, or lower the budget.")
    return reasons


def _held_back(advertiser: Advertiser) -> list[str]:
    """What stands between an advertiser and any campaign of theirs."""
    reasons = []
    if Advertiser.objects.filter(pk=advertiser.pk, stopped_at__isnull=False).exists():
        reasons.append("A payment of yours is disputed at your bank. Nothing is shown until the bank has decided.")
    if owed := advertiser.owed_micros():
        amount = money.display_exact(owed, settings.ADS_CURRENCY)
        reasons.append(f"You owe {amount} of a payment that was taken back. Add money: it settles that first.")
    return reasons


def go_live(campaign: Campaign, at: datetime) -> None:
    """Show a draft or a paused campaign from now on. Raises NotReady or NotPossible.

    The advertiser's row is locked meanwhile, so that two campaigns never count on the same money.
    """
    with transaction.atomic():
        _locked(campaign)
        campaign.refresh_from_db()
        if campaign.state not in (State.DRAFT, State.PAUSED):
            raise NotPossible(f"This campaign is {campaign.get_state_display()}.")
        if reasons := missing(campaign, at):
            raise NotReady(reasons)
        Campaign.objects.filter(pk=campaign.pk).update(state=State.LIVE, went_live_at=at, stopped_at=None)
    _changed(campaign)


def pause(campaign: Campaign, at: datetime) -> bool:
    """Stop showing a live campaign; False when it was not live."""
    stopped = Campaign.objects.filter(pk=campaign.pk, state=State.LIVE).update(state=State.PAUSED, stopped_at=at)
    _changed(campaign)
    return stopped == 1


def end(campaign: Campaign, at: datetime) -> bool:
    """End a campaign for good; False when it had ended. What it did not spend is free half an hour later."""
    ended = _end(Campaign.objects.filter(pk=campaign.pk), at)
    _changed(campaign)
    return ended == 1


def end_due(at: datetime) -> int:
    """End the campaigns whose time is over; return how many."""
    ended = _end(Campaign.objects.filter(ends_at__lte=at, state__in=[State.LIVE, State.PAUSED]), at)
    if ended:
        serving.forget()
    return ended


def stop_unfunded(advertiser: Advertiser, at: datetime) -> int:
    """Pause an advertiser's live campaigns when their money was taken back; return how many."""
    with transaction.atomic():
        Advertiser.objects.select_for_update().get(pk=advertiser.pk)
        if funds.of(advertiser, at).free >= 0:
            return 0
        live = Campaign.objects.live().filter(advertiser=advertiser)
        stopped = live.update(state=State.PAUSED, stopped_at=at)
    serving.forget()
    return stopped


def stop_all(advertiser: Advertiser, at: datetime) -> int:
    """Pause all of an advertiser's live campaigns and let none go live until `allow`; return how many were live."""
    with transaction.atomic():
        Advertiser.objects.select_for_update().get(pk=advertiser.pk)
        Advertiser.objects.filter(pk=advertiser.pk, stopped_at=None).update(stopped_at=at)
        live = Campaign.objects.live().filter(advertiser=advertiser)
        stopped = live.update(state=State.PAUSED, stopped_at=at)
    serving.forget()
    return stopped


def allow(advertiser: Advertiser) -> bool:
    """Let an advertiser's campaigns go live again, when they press the button; False when they were allowed."""
    return Advertiser.objects.filter(pk=advertiser.pk, stopped_at__isnull=False).update(stopped_at=None) == 1


# --- review


def send_for_review(campaign: Campaign) -> int:
    """Send the ads that were not sent yet; return how many. Raises NotPossible while a file is still being made."""
    drafts = Ad.objects.filter(campaign=campaign, review=Review.DRAFT)
    ready = drafts.filter(media_state=Ad.MediaState.READY).update(review=Review.PENDING)
    if not ready and drafts.exists():
        raise NotPossible("The file of this ad is still being made, or cannot be used. See beside it.")
    return ready


def approve(ad: Ad, by: User, at: datetime, *, seen: str | None = None) -> None:
    """Let an ad be shown. Raises NotPossible when it is not waiting for review.

    `seen` is the content_hash of what the reviewer looked at: an ad that was changed meanwhile is not approved.
    """
    _decide(ad, by, at, Review.APPROVED, "", seen=seen)


def refuse(ad: Ad, by: User, reason: str, at: datetime) -> None:
    """Keep an ad from being shown, or stop one that is; the advertiser reads why. Raises NotPossible."""
    if not reason.strip():
        raise NotPossible("Write why this ad is refused. The advertiser reads it.")
    _decide(ad, by, at, Review.REFUSED, reason.strip())


def drop_ad(ad: Ad) -> None:
    """Take an ad out of its campaign: delete it if it was never shown, else end its approval and hide it."""
    with transaction.atomic():
        ad = Ad.objects.select_for_update().get(pk=ad.pk)
        was_shown = ad.review == Review.APPROVED or ad.reviewed_at is not None or ad.impressions.exists()
        if was_shown:
            Ad.objects.filter(pk=ad.pk).update(review=Review.WITHDRAWN)
        else:
            ad.delete()
            if ad.incoming:
                transaction.on_commit(partial(media.private().delete, ad.incoming))
    serving.forget()


def _decide(ad: Ad, by: User, at: datetime, review: Ad.Review, reason: str, *, seen: str | None = None) -> None:
    if ad.campaign.advertiser and ad.campaign.advertiser.owner_id == by.pk:
        raise NotPossible("This is an ad of your own. Somebody else reviews it.")
    waiting = [Review.PENDING] if review == Review.APPROVED else [Review.PENDING, Review.APPROVED]
    with transaction.atomic():
        now = Ad.objects.select_for_update().get(pk=ad.pk)
        if seen is not None and seen != now.content_hash:
            raise NotPossible("This ad was changed while you looked at it. Look at it again.")
        decided = Ad.objects.filter(pk=ad.pk, review__in=waiting).update(
            review=review, review_reason=reason, reviewed_by=by, reviewed_at=at
        )
        if not decided:
            raise NotPossible("This ad is not waiting for review any more.")
        _tell(ad, review, reason, at)
    serving.forget()


def _tell(ad: Ad, review: Ad.Review, reason: str, at: datetime) -> None:
    owner = ad.campaign.advertiser.owner if ad.campaign.advertiser else None
    if owner is None:
        return
    said = "was approved. It is shown while its campaign is live." if review == Review.APPROVED else "was refused."
    why = f"\n\nWhy: {reason}" if reason else ""
    link = f"{settings.SITE_URL}/advertise/campaigns/{ad.campaign_id}/"
    body = f"Your ad “{ad.title}” of the campaign “{ad.campaign.name}” {said}{why}\n\n{link}\n"
    mail.queue(owner.email, f"Your ad “{ad.title}” {said.split('.')[0]}", body, key=f"ad:{ad.pk}:{at.isoformat()}")


# --- inside


def _locked(campaign: Campaign) -> Advertiser | None:
    """The advertiser, locked until the transaction ends."""
    if campaign.advertiser_id is None:
        return None
    return Advertiser.objects.select_for_update().get(pk=campaign.advertiser_id)


def _end(campaigns: QuerySet[Campaign], at: datetime) -> int:
    open_ones = campaigns.exclude(state=State.ENDED)
    with transaction.atomic():
        open_ones.filter(state=State.LIVE).update(stopped_at=at)
        return open_ones.update(state=State.ENDED, ended_at=at)


def _changed(campaign: Campaign) -> None:
    campaign.refresh_from_db()
    serving.forget()
