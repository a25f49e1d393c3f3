"""The artists' pages about ads: what ads beside their music brought, and what they promote beside others'."""

from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ads.assets import creatives
from ads.assets.creatives import BadCreative
from ads.demand import campaigns, promotions
from ads.forms.free import PromotionForm, artist_names
from ads.forms.terms import choices_of
from ads.models import Ad, Campaign
from ads.reporting import artist_report, campaign_report
from ads.traffic import spikes
from artists.models import Album
from megabox.sheets import file_response
from users.access import SignedInRequest, artist_required, confirmed_email_required

SPANS = (7, 30, 90)


@never_cache
@require_GET
@artist_required
def report(request: SignedInRequest) -> HttpResponse:
    """What ads beside the person's music brought."""
    days = _span(request)
    found = artist_report.of(request.user, until=timezone.now().date(), days=days)
    context = {
        "report": found,
        "is_held": spikes.holds(request.user),
        "unit": settings.ADS_CURRENCY,
        "spans": SPANS,
        "span": days,
    }
    return render(request, "ads/artist_report.html", context)


@never_cache
@require_GET
@artist_required
def report_file(request: SignedInRequest, form: str) -> HttpResponseBase:
    """The days of the report for a spreadsheet."""
    found = artist_report.of(request.user, until=timezone.now().date(), days=_span(request))
    return file_response(artist_report.table(found), form, f"megabox-ads-{found.since}-{found.until}")


def _span(request: SignedInRequest) -> int:
    typed = request.GET.get("days", "")
    return next((days for days in SPANS if typed == str(days)), artist_report.DAYS)


@never_cache
@require_GET
@artist_required
def promotions_page(request: SignedInRequest) -> HttpResponse:
    """All promotions of the person's artists, those that run first, with what was seen of them."""
    found = list(Campaign.objects.filter(artist__owner=request.user).select_related("artist", "album"))
    found.sort(key=lambda one: (one.state == Campaign.State.ENDED, -one.pk))
    ads = {ad.campaign_id: ad for ad in Ad.objects.filter(campaign__in=found)}
    seen = campaign_report.totals(one.pk for one in found)
    rows = [(one, ads[one.pk], *seen.get(one.pk, (0, 0))) for one in found if one.pk in ads]
    has_albums = Album.objects.owned_by(request.user).published().exists()
    context = {"rows": rows, "has_albums": has_albums, "most": promotions.MOST_AT_ONCE}
    return render(request, "ads/promotions.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@artist_required
@confirmed_email_required
def promotion_new(request: SignedInRequest) -> HttpResponse:
    """Choose an album, the words, and where it is shown; staff look at it then."""
    albums = Album.objects.owned_by(request.user).published().select_related("artist", "cover")
    if not albums.exists():
        messages.info(request, "Publish an album first: that is what you promote.")
        return redirect("artists:index")
    now = timezone.now()
    form = PromotionForm(request.POST or None, request.FILES or None, albums=albums, today=now.date())
    if request.method == "POST" and form.is_valid():
        try:
            made = promotions.make(form.cleaned_data["album"], form.wish(), now)
        except campaigns.NotPossible as reason:
            form.add_error(None, str(reason))
        except BadCreative as reason:
            form.add_error("picture", str(reason))
        else:
            messages.success(request, "Made, and sent for review. You can start it when it is approved.")
            return redirect("ads:promotion", pk=made.pk)
    return render(request, "ads/promotion_edit.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "POST"])
@artist_required
@confirmed_email_required
def promotion_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a draft or a paused promotion; new words are looked at again."""
    found, now = _promotion(request, pk), timezone.now()
    if not found.is_open:
        messages.error(request, f"This promotion is {found.get_state_display()}. Pause it first, then change it.")
        return redirect("ads:promotion", pk=pk)
    form = PromotionForm(request.POST or None, request.FILES or None, albums=[], today=now.date(), campaign=found)
    if request.method == "POST" and form.is_valid():
        try:
            is_new = promotions.change(found, form.wish(), now)
        except campaigns.NotPossible as reason:
            form.add_error(None, str(reason))
        except BadCreative as reason:
            form.add_error("picture", str(reason))
        else:
            messages.success(request, "Changed. The new words wait for review." if is_new else "Changed.")
            return redirect("ads:promotion", pk=pk)
    context = {"form": form, "campaign": found}
    return render(request, "ads/promotion_edit.html", context, status=422 if form.errors else 200)


@never_cache
@require_GET
@artist_required
def promotion(request: SignedInRequest, pk: int) -> HttpResponse:
    """One promotion: how it looks, what it lacks, and what was seen of it."""
    found, now = _promotion(request, pk), timezone.now()
    ad = promotions.ad_of(found)
    context = {
        "campaign": found,
        "ad": ad,
        "image_url": creatives.image_url(ad),
        "missing": _missing(found, ad, now) if found.is_open else [],
        "places": choices_of(found.places),
        "genres": choices_of(found.genres),
        "beside": artist_names(found),
        "most_a_day": settings.ADS_PROMOTION_VIEWS,
        "report": campaign_report.report(found, until=now.date()),
    }
    return render(request, "ads/promotion.html", context)


@never_cache
@require_POST
@artist_required
def promotion_do(request: SignedInRequest, pk: int, verb: str) -> HttpResponse:
    """Start a promotion, pause it or end it."""
    found, now = _promotion(request, pk), timezone.now()
    try:
        said = _do(found, verb, now)
    except campaigns.NotReady as reason:
        for sentence in reason.reasons:
            messages.error(request, sentence)
    except campaigns.NotPossible as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, said)
    return redirect("ads:promotion", pk=pk)


@never_cache
@require_GET
@artist_required
def promotion_file(request: SignedInRequest, pk: int, form: str) -> HttpResponseBase:
    """The days of a promotion for a spreadsheet."""
    found = campaign_report.report(_promotion(request, pk), until=timezone.now().date())
    name = f"promotion-{slugify(found.campaign.name) or pk}-{found.since}-{found.until}"
    return file_response(campaign_report.table(found), form, name)


# --- inside


def _promotion(request: SignedInRequest, pk: int) -> Campaign:
    mine = Campaign.objects.filter(kind=Campaign.Kind.CROSS, artist__owner=request.user, album__isnull=False)
    return get_object_or_404(mine.select_related("artist__owner", "album__artist", "album__cover"), pk=pk)


def _do(found: Campaign, verb: str, now: datetime) -> str:
    if verb == "live":
        if reasons := _missing(found, promotions.ad_of(found), now):
            raise campaigns.NotReady(reasons)
        campaigns.go_live(found, now)
        return "It is shown from now on, wherever nobody pays."
    if verb == "pause":
        return "Paused." if campaigns.pause(found, now) else "It was not running."
    if verb == "end":
        return "Ended. You can make another one." if campaigns.end(found, now) else "It had ended before."
    raise Http404


def _missing(found: Campaign, ad: Ad, now: datetime) -> list[str]:
    """What keeps a promotion from starting, in the artist's words."""
    reasons = []
    if ad.review == Ad.Review.PENDING:
        reasons.append("Our staff look at it first, usually within a day. We write to you.")
    elif ad.review == Ad.Review.REFUSED:
        reasons.append(f"It was refused: {ad.review_reason} Change it, and it is looked at again.")
    if found.ends_at is not None and found.ends_at <= now:
        reasons.append("Its last day is over. Choose a later one.")
    if found.album is not None and not found.album.is_published:
        reasons.append("The album is withdrawn. Nobody could hear what is promoted.")
    return reasons
