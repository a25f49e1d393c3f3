"""The staff's pages of house ads: what is shown where nobody pays and no artist is promoted."""

from datetime import datetime

from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ads.assets import creatives
from ads.demand import campaigns, drafts
from ads.forms.ads import KINDS, AdForm
from ads.forms.free import HouseForm
from ads.forms.terms import choices_of
from ads.models import Ad, Campaign
from ads.reporting import campaign_report
from ads.tasks import make_audio
from megabox import media
from megabox.nudges import nudge
from users.access import SignedInRequest, staff_required

LOGS_SHOWN = 50


@never_cache
@require_GET
@staff_required
def house(request: HttpRequest) -> HttpResponse:
    """All house campaigns, those that run first."""
    ads = Count("ads", filter=~Q(ads__review=Ad.Review.WITHDRAWN))
    found = list(_house().annotate(ads_count=ads).order_by("ended_at", "-created_at"))
    makers = {
        log.object_id: log.user for log in _logs().filter(object_id__in=[one.pk for one in found], action_flag=ADDITION)
    }
    return render(request, "ads/house.html", {"campaigns": [(one, makers.get(str(one.pk))) for one in found]})


@never_cache
@require_http_methods(["GET", "POST"])
@staff_required
def new(request: SignedInRequest) -> HttpResponse:
    """Make a house campaign, as a draft."""
    return _edit(request, Campaign(kind=Campaign.Kind.HOUSE, cpm_micros=0))


@never_cache
@require_http_methods(["GET", "POST"])
@staff_required
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a draft or a paused house campaign."""
    return _edit(request, _campaign(pk))


@never_cache
@require_GET
@staff_required
def campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """One house campaign: its ads, what it lacks, what was seen of it, and what can be done with it."""
    shown, now = _campaign(pk), timezone.now()
    ads = list(shown.ads.exclude(review=Ad.Review.WITHDRAWN).order_by("pk"))
    key = media.listener_key(request)
    context = {
        "campaign": shown,
        "ads": [(ad, creatives.image_url(ad), creatives.sound_url(ad, bound_to=key)) for ad in ads],
        "missing": campaigns.missing(shown, now) if shown.is_open else [],
        "is_waiting": any(ad.media_state == Ad.MediaState.WANTED for ad in ads),
        "has_drafts": any(ad.review == Ad.Review.DRAFT and ad.media_state == Ad.MediaState.READY for ad in ads),
        "places": choices_of(shown.places),
        "genres": choices_of(shown.genres),
        "report": campaign_report.report(shown, until=now.date()),
        "logs": _logs().filter(object_id=pk)[:LOGS_SHOWN],
    }
    return render(request, "ads/house_campaign.html", context)


@never_cache
@require_POST
@staff_required
def do(request: SignedInRequest, pk: int, verb: str) -> HttpResponse:
    """Send a house campaign's ads for review, start it, pause it or end it."""
    chosen, now = _campaign(pk), timezone.now()
    try:
        said = _do(chosen, verb, now)
    except campaigns.NotReady as reason:
        for sentence in reason.reasons:
            messages.error(request, sentence)
    except campaigns.NotPossible as reason:
        messages.error(request, str(reason))
    else:
        _note(request, chosen, said)
        messages.success(request, said)
    return redirect("ads:house_campaign", pk=pk)


def _do(chosen: Campaign, verb: str, now: datetime) -> str:
    if verb == "review":
        count = campaigns.send_for_review(chosen)
        return f"Sent for review: {count} ad{'s' if count != 1 else ''}. Decide at “Review ads”."
    if verb == "live":
        campaigns.go_live(chosen, now)
        return "The house campaign runs now, wherever nobody pays."
    if verb == "pause":
        return "Paused." if campaigns.pause(chosen, now) else "It was not running."
    if verb == "end":
        return "Ended." if campaigns.end(chosen, now) else "It had ended before."
    raise Http404


@never_cache
@require_http_methods(["GET", "POST"])
@staff_required
def ad_new(request: SignedInRequest, pk: int, kind: str) -> HttpResponse:
    """Add a picture, a spot or a text to a house campaign."""
    owner = _campaign(pk)
    if kind not in KINDS:
        raise Http404
    if owner.state == Campaign.State.ENDED:
        messages.error(request, "This campaign has ended. Make a new one for new ads.")
        return redirect("ads:house_campaign", pk=pk)
    try:
        drafts.check_room(owner)
        form = AdForm(request.POST or None, request.FILES or None, instance=Ad(campaign=owner, kind=KINDS[kind]))
        is_added = request.method == "POST" and form.is_valid()
        if is_added:
            with transaction.atomic():
                drafts.add_ad(form.instance)
                _note(request, owner, f"Added the ad “{form.instance.title}”.")
    except campaigns.NotPossible as reason:
        messages.error(request, str(reason))
        return redirect("ads:house_campaign", pk=pk)
    if is_added:
        if form.instance.media_state == Ad.MediaState.WANTED:
            nudge(make_audio, form.instance.pk)
        messages.success(request, "The ad is added. Send it for review.")
        return redirect("ads:house_campaign", pk=pk)
    context = {"form": form, "campaign": owner, "kind": kind}
    return render(request, "ads/house_ad.html", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "POST"])
@staff_required
def ad_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change the words or the file of a house ad; it is reviewed again then."""
    ad = _ad(pk)
    form = AdForm(request.POST or None, request.FILES or None, instance=ad)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            _note(request, ad.campaign, f"Changed the ad “{form.instance.title}”.")
            if drafts.change_ad(form.instance, form.stored) and ad.media_state == Ad.MediaState.WANTED:
                nudge(make_audio, ad.pk)
        messages.success(request, "Saved. What was changed is reviewed before it is shown again.")
        return redirect("ads:house_campaign", pk=ad.campaign_id)
    context = {"form": form, "campaign": ad.campaign, "ad": ad}
    return render(request, "ads/house_ad.html", context, status=422 if form.errors else 200)


@never_cache
@require_POST
@staff_required
def ad_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete a house ad that was never shown; one that was is only taken out of the campaign."""
    ad = _ad(pk)
    with transaction.atomic():
        campaigns.drop_ad(ad)
        _note(request, ad.campaign, f"Took out the ad “{ad.title}”.")
    messages.success(request, f"“{ad.title}” is not part of this campaign any more.")
    return redirect("ads:house_campaign", pk=ad.campaign_id)


# --- inside


def _house() -> QuerySet[Campaign]:
    return Campaign.objects.filter(kind=Campaign.Kind.HOUSE)


def _campaign(pk: int) -> Campaign:
    return get_object_or_404(_house(), pk=pk)


def _ad(pk: int) -> Ad:
    ads = Ad.objects.select_related("campaign").exclude(review=Ad.Review.WITHDRAWN)
    return get_object_or_404(ads, pk=pk, campaign__kind=Campaign.Kind.HOUSE)


def _logs() -> QuerySet[LogEntry]:
    """What the staff did to house campaigns, newest first."""
    about = ContentType.objects.get_for_model(Campaign)
    return LogEntry.objects.filter(content_type=about).select_related("user").order_by("-action_time", "-pk")


def _note(request: SignedInRequest, campaign: Campaign, what: str, *, is_new: bool = False) -> None:
    """Write down who did what to a house campaign, for good."""
    LogEntry.objects.create(
        user=request.user,
        content_type=ContentType.objects.get_for_model(Campaign),
        object_id=str(campaign.pk),
        object_repr=str(campaign)[:200],
        action_flag=ADDITION if is_new else CHANGE,
        change_message=what,
    )


def _edit(request: SignedInRequest, edited: Campaign) -> HttpResponse:
    now = timezone.now()
    form = HouseForm(request.POST or None, campaign=edited, today=now.date())
    if request.method == "POST" and form.is_valid():
        is_new = edited.pk is None
        try:
            with transaction.atomic():
                saved = campaigns.save(form.apply(), now)
                changed = ", ".join(str(form.fields[name].label).lower() for name in form.changed_data)
                _note(request, saved, "Made it." if is_new else f"Changed: {changed or 'nothing'}.", is_new=is_new)
        except campaigns.NotPossible as reason:
            form.add_error(None, str(reason))
        else:
            messages.success(request, "House campaign saved.")
            return redirect("ads:house_campaign", pk=saved.pk)
    context = {"form": form, "campaign": edited}
    return render(request, "ads/house_edit.html", context, status=422 if form.errors else 200)
