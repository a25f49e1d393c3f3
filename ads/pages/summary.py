"""What pages say of a campaign: its ads, its money, what it lacks, and its terms."""

from typing import Any

from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest
from django.utils import timezone

from ads.assets import creatives
from ads.budgets import funds
from ads.demand import campaigns
from ads.forms.fields import typed_amount
from ads.forms.terms import first_day, in_words
from ads.models import Ad, BudgetLease, Campaign
from ads.pages.owned import user_of
from megabox import media


def about(request: HttpRequest, shown: Campaign) -> dict[str, Any]:
    """What pages say of a campaign."""
    now = timezone.now()
    assert shown.advertiser is not None, "campaigns with an owner have an advertiser"
    ads = list(shown.ads.exclude(review=Ad.Review.WITHDRAWN).order_by("pk"))
    key = media.listener_key(request)
    account = funds.of(shown.advertiser, now, without=shown)
    held_by = BudgetLease.objects.filter(campaign=shown, returned_at=None)
    return {
        "campaign": shown,
        "funds": account,
        "held": shown.leased_micros if shown.state != Campaign.State.LIVE else 0,
        "held_until": held_by.aggregate(last=Max("returns_at"))["last"],
        "lacking": typed_amount(shown.remaining_micros - account.free) if shown.is_open else "",
        "missing": campaigns.missing(shown, now) if shown.is_open else [],
        "ads": [(ad, creatives.image_url(ad), creatives.sound_url(ad, bound_to=key)) for ad in ads],
        "is_making": any(ad.media_state == Ad.MediaState.WANTED for ad in ads),
        "is_waiting": any(ad.review == Ad.Review.PENDING and ad.media_state != Ad.MediaState.FAILED for ad in ads),
        "has_drafts": any(ad.review == Ad.Review.DRAFT and ad.media_state != Ad.MediaState.FAILED for ad in ads),
        "first": first_day(shown),
        "last": shown.last_day,
        **in_words(shown, user_of(request).time_zone),
        "unit": settings.ADS_CURRENCY,
    }
