"""The staff's page: ads that wait for review."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from ads import campaigns, creatives
from ads.forms import RefusalForm, choices_of
from ads.models import Ad
from megabox import media
from users.access import staff_required
from users.models import User

MOST_DECIDED = 20


@never_cache
@require_GET
@staff_required
def review(request: HttpRequest) -> HttpResponse:
    """What waits, oldest first, and what was decided lately."""
    return _page(request)


@never_cache
@require_POST
@staff_required
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an ad be shown."""
    ad = _ad(pk)
    try:
        campaigns.approve(ad, cast(User, request.user), timezone.now(), seen=request.POST.get("seen", ""))
        messages.success(request, f"“{ad.title}” is approved.")
    except campaigns.NotPossible as reason:
        messages.error(request, str(reason))
    return redirect("ads:review")


@never_cache
@require_POST
@staff_required
def refuse(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep an ad from being shown, with a reason its advertiser reads."""
    ad, form = _ad(pk), RefusalForm(request.POST)
    if not form.is_valid():
        return _page(request, {pk: form}, status=422)
    try:
        campaigns.refuse(ad, cast(User, request.user), form.cleaned_data["reason"], timezone.now())
        messages.success(request, f"“{ad.title}” is refused. Its advertiser was told why.")
    except campaigns.NotPossible as reason:
        messages.error(request, str(reason))
    return redirect("ads:review")


def _page(request: HttpRequest, typed: dict[int, RefusalForm] | None = None, *, status: int = 200) -> HttpResponse:
    ads = Ad.objects.select_related("campaign__advertiser", "reviewed_by")
    waiting = ads.filter(review=Ad.Review.PENDING).order_by("created_at")
    decided = ads.filter(review__in=[Ad.Review.APPROVED, Ad.Review.REFUSED], reviewed_at__isnull=False)
    shown = [
        {
            "ad": ad,
            "image_url": creatives.image_url(ad),
            "sound_url": _sound_url(request, ad),
            "places": choices_of(ad.campaign.places),
            "form": (typed or {}).get(ad.pk) or RefusalForm(auto_id=f"id_{ad.pk}_%s"),
        }
        for ad in waiting[:50]
    ]
    context = {"waiting": shown, "count": waiting.count(), "decided": decided.order_by("-reviewed_at")[:MOST_DECIDED]}
    return render(request, "ads/review.html", context, status=status)


def _ad(pk: int) -> Ad:
    return get_object_or_404(Ad.objects.select_related("campaign__advertiser__owner"), pk=pk)


def _sound_url(request: HttpRequest, ad: Ad) -> str:
    if ad.kind != Ad.Kind.AUDIO or not ad.path:
        return ""
    return media.signed_url(ad.path, bound_to=media.listener_key(request), filename=f"ad-{ad.pk}.mp3")
