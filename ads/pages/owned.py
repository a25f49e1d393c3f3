"""What advertisers' pages share: whose a campaign or an ad is. What is somebody else's does not exist (404)."""

from typing import cast

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from ads.models import Ad, Campaign
from users.models import User


def user_of(request: HttpRequest) -> User:
    """Who asks; pages of advertisers let nobody in who is not signed in."""
    return cast(User, request.user)


def campaign_of(request: HttpRequest, pk: int) -> Campaign:
    """A campaign of whoever asks. Raises Http404."""
    mine = Campaign.objects.owned_by(user_of(request)).select_related("advertiser")
    return get_object_or_404(mine, pk=pk)


def ad_of(request: HttpRequest, pk: int) -> Ad:
    """An ad of whoever asks, unless it was taken out. Raises Http404."""
    mine = Ad.objects.select_related("campaign__advertiser").exclude(review=Ad.Review.WITHDRAWN)
    return get_object_or_404(mine.filter(campaign__advertiser__owner=user_of(request)), pk=pk)


def status_of(form: object) -> int:
    """422 for a form with something wrong in it."""
    return 422 if getattr(form, "errors", None) else 200
