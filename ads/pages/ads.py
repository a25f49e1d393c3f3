"""Ads of a campaign: add one, change its words or its file, see it as listeners do, take it out."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from ads.assets import creatives
from ads.demand import campaigns, drafts
from ads.forms.ads import KINDS, AdForm
from ads.models import Ad, Campaign
from ads.pages.owned import ad_of, campaign_of, status_of
from ads.tasks import make_audio
from megabox import media
from megabox.nudges import nudge
from users.access import advertiser_required, confirmed_email_required


@never_cache
@require_http_methods(["GET", "POST"])
@advertiser_required
@confirmed_email_required
def ad_new(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Add a picture, a spot or a text to a campaign."""
    owner = campaign_of(request, pk)
    if kind not in KINDS:
        raise Http404
    if owner.state == Campaign.State.ENDED:
        messages.error(request, "This campaign has ended. Copy it to go on with new ads.")
        return redirect("ads:campaign", pk=pk)
    try:
        drafts.check_room(owner)  # before a file is taken, and again when the ad is stored
        form = AdForm(request.POST or None, request.FILES or None, instance=Ad(campaign=owner, kind=KINDS[kind]))
        is_added = request.method == "POST" and form.is_valid()
        if is_added:
            drafts.add_ad(form.instance)
    except campaigns.NotPossible as reason:
        messages.error(request, str(reason))
        return _back(owner)
    if is_added:
        if form.instance.media_state == Ad.MediaState.WANTED:
            nudge(make_audio, form.instance.pk)
        messages.success(request, "The ad is added. Send it for review when the campaign is as you want it.")
        return _back(owner)
    context = {"form": form, "campaign": owner, "ad": form.instance, "kind": kind, "is_new": True}
    return render(request, "ads/ad_edit.html", context, status=status_of(form))


@never_cache
@require_http_methods(["GET", "POST"])
@advertiser_required
@confirmed_email_required
def ad_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change the words or the file of an ad; it is reviewed again then."""
    ad = ad_of(request, pk)
    owner = ad.campaign
    if owner.state == Campaign.State.ENDED:
        messages.error(request, "This campaign has ended. Copy it to go on with its ads.")
        return redirect("ads:campaign", pk=owner.pk)
    form = AdForm(request.POST or None, request.FILES or None, instance=ad)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            is_changed = drafts.change_ad(form.instance, form.stored)
            if is_changed and ad.media_state == Ad.MediaState.WANTED:
                nudge(make_audio, ad.pk)
        if not is_changed:
            messages.info(request, "Nothing was changed.")
        elif ad.review == Ad.Review.PENDING:
            messages.success(request, "Changed, and sent for review again. It is not shown until somebody has seen it.")
        else:
            messages.success(request, "Changed. Send the ad for review to have it shown.")
        return _back(owner)
    # What the page shows beside the form is what is stored.
    shown = ad_of(request, pk)
    context = {"form": form, "campaign": owner, "ad": shown, "is_new": False}
    key = media.listener_key(request)
    context |= {"image_url": creatives.image_url(shown), "sound_url": creatives.sound_url(shown, bound_to=key)}
    return render(request, "ads/ad_edit.html", context, status=status_of(form))


@never_cache
@require_POST
@advertiser_required
@confirmed_email_required
def ad_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete an ad that was never shown; one that was is only taken out of the campaign."""
    ad = ad_of(request, pk)
    campaigns.drop_ad(ad)
    messages.success(request, f"“{ad.title}” is not part of this campaign any more.")
    return _back(ad.campaign)


def _back(owner: Campaign) -> HttpResponse:
    """To the first step while the campaign is a draft, else to the campaign."""
    if owner.state == Campaign.State.DRAFT:
        return redirect("ads:campaign_step", pk=owner.pk, step="show")
    return redirect("ads:campaign", pk=owner.pk)
