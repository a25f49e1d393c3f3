"""Pages of advertisers: their money, campaigns, ads and campaign_report. Foreign campaigns do not exist here."""

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ads import campaign_report, campaigns, creatives, funds
from ads.forms import AdForm, AdvertiserForm, CampaignForm, choices_of
from ads.models import Ad, Advertiser, Campaign
from ads.tasks import make_audio
from megabox import media
from megabox.nudges import nudge
from megabox.sheets import file_response
from users.access import advertiser_required, confirmed_email_required
from users.models import User

KINDS = {"picture": Ad.Kind.IMAGE, "spot": Ad.Kind.AUDIO, "text": Ad.Kind.TEXT}
REPORT_DAYS = (7, 30, 90)


@never_cache
@require_GET
def overview(request: HttpRequest) -> HttpResponseBase:
    """What advertising here is, for strangers; money and campaigns, for advertisers."""
    if not request.user.is_authenticated or not request.user.is_advertiser:
        return render(request, "ads/welcome.html", {"unit": settings.ADS_CURRENCY})
    return _overview(request)


@confirmed_email_required
def _overview(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    mine = Advertiser.objects.owned_by(_user(request)).order_by("name")
    accounts = [(advertiser, funds.of(advertiser, now)) for advertiser in mine]
    running = Campaign.objects.filter(advertiser__in=mine).select_related("advertiser").order_by("-created_at")
    context = {"accounts": accounts, "campaigns": running, "unit": settings.ADS_CURRENCY}
    return render(request, "ads/overview.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@confirmed_email_required
def advertiser_new(request: HttpRequest) -> HttpResponse:
    """Open an advertiser's account, or another one."""
    user = _user(request)
    form = AdvertiserForm(request.POST or None, owner=user)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
            User.objects.filter(pk=user.pk).update(is_advertiser=True)
        messages.success(request, f"{form.instance.name} can advertise now. Add money, then make a campaign.")
        return redirect("ads:overview")
    return render(request, "ads/advertiser_new.html", {"form": form}, status=_status(form))


@never_cache
@require_http_methods(["GET", "POST"])
@advertiser_required
@confirmed_email_required
def campaign_new(request: HttpRequest, advertiser_id: int) -> HttpResponse:
    """Make a campaign of one advertiser, as a draft."""
    advertiser = get_object_or_404(Advertiser.objects.owned_by(_user(request)), pk=advertiser_id)
    return _edit(request, Campaign(advertiser=advertiser))


@never_cache
@require_http_methods(["GET", "POST"])
@advertiser_required
@confirmed_email_required
def campaign_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a draft or a paused campaign."""
    campaign = _campaign(request, pk)
    if campaign.state not in (Campaign.State.DRAFT, Campaign.State.PAUSED):
        messages.error(request, f"This campaign is {campaign.get_state_display()}. Pause it first, then change it.")
        return redirect("ads:campaign", pk=pk)
    return _edit(request, campaign)


@never_cache
@require_GET
@advertiser_required
@confirmed_email_required
def campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """One campaign: what it is, what it lacks, its ads, and what can be done with it."""
    shown, now = _campaign(request, pk), timezone.now()
    assert shown.advertiser is not None, "campaigns with an owner have an advertiser"
    ads = list(shown.ads.exclude(review=Ad.Review.WITHDRAWN).order_by("pk"))
    is_open = shown.state in (Campaign.State.DRAFT, Campaign.State.PAUSED)
    context = {
        "campaign": shown,
        "funds": funds.of(shown.advertiser, now, without=shown),
        "missing": campaigns.missing(shown, now) if is_open else [],
        "is_open": is_open,
        "ads": [(ad, creatives.image_url(ad), _sound_url(request, ad)) for ad in ads],
        "is_waiting": any(ad.media_state == Ad.MediaState.WANTED for ad in ads),
        "has_drafts": any(ad.review == Ad.Review.DRAFT and ad.media_state == Ad.MediaState.READY for ad in ads),
        "places": choices_of(shown.places),
        "genres": choices_of(shown.genres),
        "unit": settings.ADS_CURRENCY,
    }
    return render(request, "ads/campaign.html", context)


@never_cache
@require_POST
@advertiser_required
@confirmed_email_required
def campaign_do(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Send a campaign's ads for review, take it live, pause it or end it."""
    chosen, now = _campaign(request, pk), timezone.now()
    try:
        if verb == "review":
            count = campaigns.send_for_review(chosen)
            said = f"Sent for review: {count} ad{'s' if count != 1 else ''}." if count else "Every ad was sent already."
            messages.success(request, said)
        elif verb == "live":
            campaigns.go_live(chosen, now)
            messages.success(request, "The campaign is live.")
        elif verb == "pause" and campaigns.pause(chosen, now):
            messages.success(request, "Paused. Ads that are on screen now may still count within half an hour.")
        elif verb == "end" and campaigns.end(chosen, now):
            messages.success(request, "Ended. What it did not spend is free again in half an hour.")
    except campaigns.NotReady as reason:
        for sentence in reason.reasons:
            messages.error(request, sentence)
    except campaigns.NotPossible as reason:
        messages.error(request, str(reason))
    return redirect("ads:campaign", pk=pk)


@never_cache
@require_http_methods(["GET", "POST"])
@advertiser_required
@confirmed_email_required
def ad_new(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Add a picture, a spot or a text to a campaign."""
    owner = _campaign(request, pk)
    if kind not in KINDS:
        raise Http404
    if owner.state == Campaign.State.ENDED:
        messages.error(request, "This campaign has ended. Make a new one for new ads.")
        return redirect("ads:campaign", pk=pk)
    form = AdForm(request.POST or None, request.FILES or None, instance=Ad(campaign=owner, kind=KINDS[kind]))
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            ad = form.save()
            if ad.media_state == Ad.MediaState.WANTED:
                nudge(make_audio, ad.pk)
        messages.success(request, "The ad is added. Send it for review when the campaign is as you want it.")
        return redirect("ads:campaign", pk=pk)
    context = {"form": form, "campaign": owner, "kind": kind, "kinds": KINDS}
    return render(request, "ads/ad_edit.html", context, status=_status(form))


@never_cache
@require_http_methods(["GET", "POST"])
@advertiser_required
@confirmed_email_required
def ad_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change the words of an ad; it is reviewed again then."""
    ad = _ad(request, pk)
    form = AdForm(request.POST or None, instance=ad)
    if request.method == "POST" and form.is_valid():
        changed = form.save(commit=False)
        changed.review, changed.review_reason = Ad.Review.DRAFT, ""
        changed.save(update_fields=[*form.fields, "review", "review_reason"])
        messages.success(request, "Changed. Send the ad for review to have it shown.")
        return redirect("ads:campaign", pk=ad.campaign_id)
    context = {"form": form, "campaign": ad.campaign, "ad": ad}
    return render(request, "ads/ad_edit.html", context, status=_status(form))


@never_cache
@require_POST
@advertiser_required
@confirmed_email_required
def ad_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete an ad that was never shown; one that was is only taken out of the campaign."""
    ad = _ad(request, pk)
    campaigns.drop_ad(ad)
    messages.success(request, f"“{ad.title}” is not part of this campaign any more.")
    return redirect("ads:campaign", pk=ad.campaign_id)


@never_cache
@require_GET
@advertiser_required
@confirmed_email_required
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """What a campaign did."""
    found = campaign_report.report(_campaign(request, pk), until=timezone.now().date(), days=_days(request))
    context = {"campaign": found.campaign, "report": found, "unit": settings.ADS_CURRENCY}
    return render(request, "ads/report.html", {**context, "spans": REPORT_DAYS, "span": _days(request)})


@never_cache
@require_GET
@advertiser_required
@confirmed_email_required
def report_file(request: HttpRequest, pk: int, form: str) -> HttpResponseBase:
    """The days of the report for a spreadsheet."""
    found = campaign_report.report(_campaign(request, pk), until=timezone.now().date(), days=_days(request))
    name = f"{slugify(found.campaign.name) or found.campaign.pk}-{found.since}-{found.until}"
    return file_response(campaign_report.table(found), form, name)


# --- inside


def _edit(request: HttpRequest, edited: Campaign) -> HttpResponse:
    now = timezone.now()
    form = CampaignForm(request.POST or None, campaign=edited, today=now.date())
    if request.method == "POST" and form.is_valid():
        try:
            saved = campaigns.save(form.apply(), now)
        except campaigns.NotPossible as reason:
            form.add_error(None, str(reason))
        else:
            messages.success(request, "Campaign saved.")
            return redirect("ads:campaign", pk=saved.pk)
    context = {"form": form, "campaign": edited, "unit": settings.ADS_CURRENCY}
    return render(request, "ads/campaign_edit.html", context, status=_status(form))


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _campaign(request: HttpRequest, pk: int) -> Campaign:
    mine = Campaign.objects.owned_by(_user(request)).select_related("advertiser")
    return get_object_or_404(mine, pk=pk)


def _ad(request: HttpRequest, pk: int) -> Ad:
    mine = Ad.objects.select_related("campaign__advertiser").exclude(review=Ad.Review.WITHDRAWN)
    mine = mine.filter(campaign__advertiser__owner=_user(request))
    return get_object_or_404(mine, pk=pk)


def _sound_url(request: HttpRequest, ad: Ad) -> str:
    """A link to hear a spot, for who looks at this page."""
    if ad.kind != Ad.Kind.AUDIO or not ad.path:
        return ""
    return media.signed_url(ad.path, bound_to=media.listener_key(request), filename=f"ad-{ad.pk}.mp3")


def _days(request: HttpRequest) -> int:
    typed = request.GET.get("days", "")
    return next((days for days in REPORT_DAYS if typed == str(days)), campaign_report.DAYS)


def _status(form: object) -> int:
    return 422 if getattr(form, "errors", None) else 200
