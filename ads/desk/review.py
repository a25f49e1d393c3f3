"""The staff's page: ads that wait for review."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from ads.assets import creatives, links
from ads.demand import campaigns
from ads.forms import terms
from ads.forms.ads import RefusalForm
from ads.models import Ad
from megabox import media
from users.access import SignedInRequest, staff_required

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
def approve(request: SignedInRequest, pk: int) -> HttpResponse:
    """Let an ad be shown."""
    ad = _ad(pk)
    try:
        campaigns.approve(ad, request.user, timezone.now(), seen=request.POST.get("seen", ""))
        messages.success(request, f"“{ad.title}” is approved.")
    except campaigns.NotPossible as reason:
        messages.error(request, str(reason))
    return redirect("ads:review")


@never_cache
@require_POST
@staff_required
def refuse(request: SignedInRequest, pk: int) -> HttpResponse:
    """Keep an ad from being shown, with a reason its advertiser reads."""
    ad, form = _ad(pk), RefusalForm(request.POST)
    if not form.is_valid():
        return _page(request, {pk: form}, status=422)
    try:
        campaigns.refuse(ad, request.user, form.cleaned_data["reason"], timezone.now())
        messages.success(request, f"“{ad.title}” is refused. Its advertiser was told why.")
    except campaigns.NotPossible as reason:
        messages.error(request, str(reason))
    return redirect("ads:review")


def _page(request: HttpRequest, typed: dict[int, RefusalForm] | None = None, *, status: int = 200) -> HttpResponse:
    ads = Ad.objects.select_related("campaign__advertiser", "campaign__artist", "reviewed_by")
    waiting = ads.filter(review=Ad.Review.PENDING, media_state=Ad.MediaState.READY).order_by("created_at")
    decided = ads.filter(review__in=[Ad.Review.APPROVED, Ad.Review.REFUSED], reviewed_at__isnull=False)
    shown = [
        {
            "ad": ad,
            "image_url": creatives.image_url(ad),
            "sound_url": creatives.sound_url(ad, bound_to=media.listener_key(request)),
            "ascii_host": links.ascii_host(ad.click_url),
            "terms": terms.in_words(ad.campaign),
            "form": (typed or {}).get(ad.pk) or RefusalForm(auto_id=f"id_{ad.pk}_%s"),
        }
        for ad in waiting[:50]
    ]
    context = {"waiting": shown, "count": waiting.count(), "decided": decided.order_by("-reviewed_at")[:MOST_DECIDED]}
    return render(request, "ads/review.html", context, status=status)


def _ad(pk: int) -> Ad:
    return get_object_or_404(Ad.objects.select_related("campaign__advertiser__owner", "campaign__artist__owner"), pk=pk)
