"""What advertisers make before people look at it: campaigns begun, copied and thrown away, ads made and changed."""

from collections.abc import Collection
from datetime import UTC, datetime, time
from functools import partial

from django.db import transaction

from ads.delivery import serving
from ads.demand.campaigns import NotPossible
from ads.models import Ad, Advertiser, Campaign, Place
from megabox import media, money

USUAL_CPM_MICROS = 6 * money.MICROS
"""What a new campaign offers for 1 000 views until its advertiser says something else."""
MOST_ADS = 20
"""Of one campaign."""
USUAL_PLACES = (Place.GATE, Place.PAGE, Place.PLAYER)
_NAME_LENGTH = 120
_FILE_FIELDS = ("path", "sha256", "width", "height", "duration_ms", "incoming", "media_state", "media_reason", "tries")


def start(advertiser: Advertiser, name: str, at: datetime) -> Campaign:
    """A new draft with nothing but a name: it has no budget, costs nothing and is shown to nobody."""
    return Campaign.objects.create(
        advertiser=advertiser,
        name=name,
        cpm_micros=USUAL_CPM_MICROS,
        starts_at=_midnight(at),
        places=[place.value for place in USUAL_PLACES],
        created_at=at,
    )


def duplicate(campaign: Campaign, at: datetime) -> Campaign:
    """A draft with the terms and the ads of `campaign`, from today on; its ads are reviewed again.

    Days that are over are not copied: a copy of an old campaign runs until its budget is spent.
    """
    today = _midnight(at)
    begins = max(campaign.starts_at, today)
    copied = {field.name: getattr(campaign, field.name) for field in campaign._meta.concrete_fields}
    for name in ("id", "state", "spent_micros", "leased_micros", "settled_micros", "pass_permille", *_TIMES):
        del copied[name]
    copied["name"] = f"{campaign.name[: _NAME_LENGTH - 7]} (copy)"
    ends = campaign.ends_at if campaign.ends_at is not None and campaign.ends_at > begins else None
    with transaction.atomic():
        made = Campaign.objects.create(**copied, starts_at=begins, ends_at=ends, created_at=at)
        usable = campaign.ads.filter(media_state=Ad.MediaState.READY).exclude(review=Ad.Review.WITHDRAWN)
        Ad.objects.bulk_create(_copied(ad, made, at) for ad in usable.order_by("pk"))
    return made


_TIMES = ("created_at", "went_live_at", "stopped_at", "ended_at", "starts_at", "ends_at")


def discard(campaign: Campaign) -> None:
    """Delete a draft that was never live, with its ads. Raises NotPossible."""
    with transaction.atomic():
        kept = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if kept.state != Campaign.State.DRAFT or kept.went_live_at is not None:
            raise NotPossible("This campaign ran already, and its report stays. End it instead.")
        sent = list(kept.ads.exclude(incoming="").values_list("incoming", flat=True))
        kept.ads.all().delete()
        kept.delete()
        for path in sent:
            transaction.on_commit(partial(media.private().delete, path))


def add_ad(ad: Ad) -> None:
    """Store a new ad of a campaign. Raises NotPossible when it has as many as it may have."""
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(pk=ad.campaign_id)
        check_room(campaign)
        ad.save()


def check_room(campaign: Campaign) -> None:
    """Raises NotPossible when a campaign has as many ads as it may have; those that were taken out do not count."""
    if campaign.ads.exclude(review=Ad.Review.WITHDRAWN).count() >= MOST_ADS:
        raise NotPossible(
            f"This campaign has {MOST_ADS} ads, which is the most. Take one out first, or begin another campaign."
        )


def change_ad(ad: Ad, fields: Collection[str]) -> bool:
    """Store what an advertiser changed of an ad, its file too; True if there was a change.

    What was approved or waits for review waits from now on, and is not shown until somebody has looked at it. A file
    that is still to be made is made first, so nobody approves what it replaces.
    """
    with transaction.atomic():
        kept = Ad.objects.select_for_update().get(pk=ad.pk)
        if ad.content_hash == kept.content_hash and ad.incoming == kept.incoming:
            return False
        was_sent = kept.review in (Ad.Review.PENDING, Ad.Review.APPROVED)
        ad.review = Ad.Review.PENDING if was_sent else Ad.Review.DRAFT
        ad.review_reason = ""
        ad.claimed_by, ad.claimed_until = "", None
        ad.save(update_fields=[*fields, *_FILE_FIELDS, "review", "review_reason", "claimed_by", "claimed_until"])
        if kept.incoming and kept.incoming != ad.incoming:
            transaction.on_commit(partial(media.private().delete, kept.incoming))
    serving.forget()
    return True


def _copied(ad: Ad, campaign: Campaign, at: datetime) -> Ad:
    words = {name: getattr(ad, name) for name in ("kind", "title", "body", "click_url", "alt", "transcript")}
    file = {name: getattr(ad, name) for name in ("path", "sha256", "width", "height", "duration_ms")}
    return Ad(campaign=campaign, created_at=at, **words, **file)


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time.min, UTC)
