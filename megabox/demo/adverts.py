"""The demo's advertiser: an account with money, campaigns, ads made and reviewed the way advertisers and staff do."""

from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path

from django.core.files.base import ContentFile
from django.utils import timezone

from ads.assets import creatives
from ads.demand import campaigns
from ads.models import Ad, Advertiser, Campaign
from users.models import User

from . import people, works
from .catalogue import Say, Stuck
from .workshop import Workshop

NAME = "Acme Media"
FIRST_DAY = 43
"""So many days before the first run the campaigns began."""


def advertiser() -> Advertiser:
    """The demo's advertiser, opened by acme."""
    return Advertiser.objects.get_or_create(owner=people.of("acme"), name=NAME)[0]


def make(shop: Workshop, anchor: datetime, say: Say) -> int:
    """Make the campaigns and ads that are missing, review them and take them live; return how many are new.

    The money must be there: a campaign goes live only with its budget prepaid.
    """
    owner = advertiser()
    wanted = [(push, spot) for push in works.PUSHES for spot in push.spots if not _exists(owner, push, spot)]
    pictures = {spot.title: shop.banner(spot.title) for _, spot in wanted if spot.picture}
    sounds = {spot.title: shop.spot(spot.title) for _, spot in wanted if spot.sound}
    begun = anchor - timedelta(days=FIRST_DAY)
    for push, spot in wanted:
        _ad(_campaign(owner, push, begun), spot, pictures.get(spot.title), sounds.get(spot.title), begun)
    for push in works.PUSHES:
        _go_live(Campaign.objects.get(advertiser=owner, name=push.name), push, begun)
    if wanted:
        say(f"  {len(works.PUSHES)} campaigns with {len(wanted)} ads")
    return len(wanted)


def is_made() -> bool:
    """Whether every ad is there, and every campaign that is to run has begun."""
    titles = {(push.name, spot.title) for push in works.PUSHES for spot in push.spots}
    mine = Ad.objects.filter(campaign__advertiser__name=NAME)
    drafts = Campaign.objects.filter(advertiser__name=NAME, state=Campaign.State.DRAFT)
    begun = not drafts.filter(name__in=[push.name for push in works.PUSHES if push.is_live]).exists()
    return begun and titles <= set(mine.values_list("campaign__name", "title"))


def budget_micros() -> int:
    """What must be prepaid for all campaigns that run, with something to spare."""
    return sum(push.budget_micros for push in works.PUSHES if push.is_live) + 10_000_000


def _exists(owner: Advertiser, push: works.Push, spot: works.Spot) -> bool:
    return Ad.objects.filter(campaign__advertiser=owner, campaign__name=push.name, title=spot.title).exists()


def _campaign(owner: Advertiser, push: works.Push, begun: datetime) -> Campaign:
    found = Campaign.objects.filter(advertiser=owner, name=push.name).first()
    if found:
        return found
    campaign = Campaign(
        advertiser=owner,
        name=push.name,
        budget_micros=push.budget_micros,
        daily_cap_micros=push.daily_cap_micros,
        cpm_micros=push.cpm_micros,
        starts_at=begun,
        places=list(push.places),
        genres=list(push.genres),
        created_at=begun,
    )
    return campaigns.save(campaign, begun)


def _ad(
    campaign: Campaign,
    spot: works.Spot,
    picture: "Future[bytes] | None",
    sound: "Future[Path] | None",
    begun: datetime,
) -> None:
    """Make one ad and its file."""
    ad = Ad(
        campaign=campaign,
        kind=Ad.Kind.TEXT,
        title=spot.title,
        body=spot.body,
        click_url=spot.link,
        transcript=spot.words if sound else "",
        alt=spot.words if picture else "",
        duration_ms=creatives.READING_MS,
        created_at=begun,
    )
    if picture:
        made = creatives.receive_image(picture.result())
        ad.kind, ad.path, ad.sha256, ad.width, ad.height = (
            Ad.Kind.IMAGE,
            made.path,
            made.sha256,
            made.width,
            made.height,
        )
    if sound:
        path = sound.result()
        ad.kind, ad.media_state = Ad.Kind.AUDIO, Ad.MediaState.WANTED
        ad.incoming = creatives.receive_audio(ContentFile(path.read_bytes(), path.name))
        path.unlink()
    ad.save()


def _go_live(campaign: Campaign, push: works.Push, begun: datetime) -> None:
    """Make the files that wait, send the ads for review, approve them, and take the campaign live on its first day."""
    for ad in campaign.ads.filter(media_state=Ad.MediaState.WANTED):
        creatives.make_audio(ad.pk, timezone.now())
        ad.refresh_from_db()
        if ad.media_state != Ad.MediaState.READY:
            raise Stuck(f"The spot “{ad.title}” could not be made: {ad.media_reason or 'somebody else is making it'}.")
    if not push.is_live and campaign.state == Campaign.State.DRAFT:
        return
    campaigns.send_for_review(campaign)
    approved = {spot.title for spot in push.spots if spot.is_approved}
    reviewer: User = people.of("ada")
    for ad in campaign.ads.filter(review=Ad.Review.PENDING, title__in=approved):
        campaigns.approve(ad, reviewer, begun)
    if campaign.state == Campaign.State.DRAFT:
        campaigns.go_live(campaign, begun)
