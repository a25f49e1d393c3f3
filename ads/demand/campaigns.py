"""Campaigns: from draft to live and back, and the review of their ads. Every transition is one conditional UPDATE."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from ads.budgets import funds, leases, pacing
from ads.delivery import serving
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


def save(campaign: Campaign, at: datetime, *, only: Collection[str] | None = None) -> Campaign:
    """Store a campaign that its advertiser edited: a draft, or a paused one within what is prepaid.

    `only` names the fields that were edited; all of them when it is left out. Raises NotPossible. What was spent is
    never overwritten.
    """
    with transaction.atomic():
        if campaign.pk is None:
            campaign.save()
            return campaign
        advertiser = _locked(campaign)
        kept = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if not kept.is_open:
            raise NotPossible(f"This campaign is {kept.get_state_display()}. Pause it first, then change it.")
        is_money = only is None or "budget_micros" in only
        if is_money and campaign.budget_micros < (least := kept.spent_micros + kept.leased_micros):
            spent = money.display_exact(least, settings.ADS_CURRENCY)
            raise NotPossible(f"{spent} of this campaign is spent already. The budget cannot be lower than that.")
        if (
            advertiser
            and is_money
            and kept.state == State.PAUSED
            and campaign.budget_micros > kept.budget_micros
            and campaign.budget_micros - kept.spent_micros > funds.of(advertiser, at, without=kept).free
        ):
            raise NotPossible("There is not enough free money for this budget. Add money first, or choose less.")
        edited = EDITABLE if only is None else EDITABLE.intersection(only)
        campaign.save(update_fields=sorted(edited))
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
        "beside_artists",
        "countries",
        "moods",
        "languages",
        "hours",
        "pacing",
        "frequency_cap",
    }
)
"""What an advertiser may change."""


def missing(campaign: Campaign, at: datetime) -> list[str]:
    """What keeps a campaign from going live, in sentences that say what to do; nothing when it is ready."""
    reasons = []
    if campaign.cpm_micros and not campaign.budget_micros:
        reasons.append("It has no budget yet. Say how much it may spend.")
    elif campaign.price_micros > campaign.remaining_micros:
        reasons.append("The budget is spent. Raise it to go on.")
    if campaign.ends_at is not None and campaign.ends_at <= at:
        reasons.append("Its last day is over. Choose a later one, or none.")
    if not campaign.ads.showable().exists():
        is_sent = campaign.ads.filter(review=Review.PENDING).exclude(media_state=Ad.MediaState.FAILED).exists()
        how = "One waits for review: a person looks at it." if is_sent else "Add one and send it for review."
        reasons.append(f"No ad is approved yet. {how}")
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
        if not campaign.is_open:
            raise NotPossible(f"This campaign is {campaign.get_state_display()}.")
        if reasons := missing(campaign, at):
            raise NotReady(reasons)
        still = Campaign.objects.filter(pk=campaign.pk, state=campaign.state)
        if not still.update(state=State.LIVE, stopped_at=None, **_first_time(campaign, at)):
            raise NotPossible("This campaign was changed in the meantime. Look at it again.")
    _changed(campaign)


def _first_time(campaign: Campaign, at: datetime) -> dict[str, Any]:
    """What changes when a campaign goes live for the first time: what it spends evenly begins then."""
    if campaign.went_live_at is not None:
        return {}
    return {"went_live_at": at, "pass_permille": pacing.first(campaign, pacing.asked_lately(at), at)}


def pause(campaign: Campaign, at: datetime) -> bool:
    """Stop showing a live campaign; False when it was not live."""
    stopped = Campaign.objects.filter(pk=campaign.pk, state=State.LIVE).update(state=State.PAUSED, stopped_at=at)
    leases.drop([campaign.pk], at)
    _changed(campaign)
    return stopped == 1


def end(campaign: Campaign, at: datetime) -> bool:
    """End a campaign for good; False when it had ended. What is not on its way to be watched is free at once."""
    ended = _end(Campaign.objects.filter(pk=campaign.pk), at)
    leases.drop([campaign.pk], at)
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
        stopped = _pause_live(advertiser, at)
    serving.forget()
    return len(stopped)


def pause_all(advertiser: Advertiser, at: datetime) -> int:
    """Pause all of an advertiser's live campaigns; return how many were live."""
    with transaction.atomic():
        Advertiser.objects.select_for_update().get(pk=advertiser.pk)
        stopped = _pause_live(advertiser, at)
    leases.drop(stopped, at)
    serving.forget()
    return len(stopped)


def stop_all(advertiser: Advertiser, at: datetime) -> int:
    """Pause all of an advertiser's live campaigns and let none go live until `allow`; return how many were live."""
    with transaction.atomic():
        Advertiser.objects.select_for_update().get(pk=advertiser.pk)
        Advertiser.objects.filter(pk=advertiser.pk, stopped_at=None).update(stopped_at=at)
        stopped = _pause_live(advertiser, at)
    serving.forget()
    return len(stopped)


def allow(advertiser: Advertiser) -> bool:
    """Let an advertiser's campaigns go live again, when they press the button; False when they were allowed."""
    return Advertiser.objects.filter(pk=advertiser.pk, stopped_at__isnull=False).update(stopped_at=None) == 1


# --- review


def send_for_review(campaign: Campaign) -> int:
    """Send the ads that were not sent yet; return how many. A spot that is still being made is looked at when it is.

    Raises NotPossible when all that is left cannot be used.
    """
    drafts = Ad.objects.filter(campaign=campaign, review=Review.DRAFT)
    sent = drafts.exclude(media_state=Ad.MediaState.FAILED).update(review=Review.PENDING)
    if not sent and drafts.exists():
        raise NotPossible("The file of this ad cannot be used; beside it stands why. Choose another file.")
    return sent


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
    if ad.campaign.is_of(by.pk):
        raise NotPossible("This is an ad of your own. Somebody else reviews it.")
    waiting = [Review.PENDING] if review == Review.APPROVED else [Review.PENDING, Review.APPROVED]
    with transaction.atomic():
        now = Ad.objects.select_for_update().get(pk=ad.pk)
        if review == Review.APPROVED and now.media_state != Ad.MediaState.READY:
            raise NotPossible("The file of this ad is not made. There is nothing to approve yet.")
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
    behind = ad.campaign.advertiser or ad.campaign.artist
    owner = behind.owner if behind else None
    if owner is None:
        return
    said = "was approved. It is shown while its campaign is live." if review == Review.APPROVED else "was refused."
    why = f"\n\nWhy: {reason}" if reason else ""
    pages = "advertise/campaigns" if ad.campaign.advertiser else "studio/promotions"
    link = f"{settings.SITE_URL}/{pages}/{ad.campaign_id}/"
    body = f"Your ad “{ad.title}” of the campaign “{ad.campaign.name}” {said}{why}\n\n{link}\n"
    mail.queue(owner.email, f"Your ad “{ad.title}” {said.split('.')[0]}", body, key=f"ad:{ad.pk}:{at.isoformat()}")


# --- inside


def _locked(campaign: Campaign) -> Advertiser | None:
    """The advertiser, locked until the transaction ends."""
    if campaign.advertiser_id is None:
        return None
    return Advertiser.objects.select_for_update().get(pk=campaign.advertiser_id)


def _pause_live(advertiser: Advertiser, at: datetime) -> list[int]:
    """Pause all that is live of an advertiser whose row is locked; return which campaigns."""
    live = Campaign.objects.live().filter(advertiser=advertiser)
    ids = list(live.values_list("pk", flat=True))
    live.update(state=State.PAUSED, stopped_at=at)
    return ids


def _end(campaigns: QuerySet[Campaign], at: datetime) -> int:
    open_ones = campaigns.exclude(state=State.ENDED)
    with transaction.atomic():
        open_ones.filter(state=State.LIVE).update(stopped_at=at)
        return open_ones.update(state=State.ENDED, ended_at=at)


def _changed(campaign: Campaign) -> None:
    campaign.refresh_from_db()
    serving.forget()
