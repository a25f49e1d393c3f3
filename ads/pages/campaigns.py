"""One campaign: what it is and lacks, and what can be done with it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from ads.demand import campaigns, drafts
from ads.pages.owned import campaign_of
from ads.pages.summary import about
from users.access import advertiser_required, confirmed_email_required


@never_cache
@require_GET
@advertiser_required
@confirmed_email_required
def campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """One campaign: what it is, what it lacks, its ads, and what can be done with it."""
    return render(request, "ads/campaign.html", about(request, campaign_of(request, pk)))


@never_cache
@require_POST
@advertiser_required
@confirmed_email_required
def campaign_do(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Send a campaign's ads for review, take it live, pause, end, copy or throw it away."""
    chosen, now = campaign_of(request, pk), timezone.now()
    try:
        if verb == "review":
            count = campaigns.send_for_review(chosen)
            said = (
                f"Sent for review: {count} ad{'s' if count != 1 else ''}. " if count else "Every ad was sent already. "
            )
            messages.success(request, f"{said}A person looks at each; you get an e-mail.")
        elif verb == "live":
            campaigns.go_live(chosen, now)
            messages.success(request, "The campaign is live.")
        elif verb == "pause" and campaigns.pause(chosen, now):
            messages.success(request, "Paused. Ads that are on screen now may still count within half an hour.")
        elif verb == "end" and campaigns.end(chosen, now):
            messages.success(request, "Ended. What it did not spend is free again in half an hour.")
        elif verb == "copy":
            made = drafts.duplicate(chosen, now)
            messages.success(request, "This is the copy, a draft. Change what you like, then send it.")
            return redirect("ads:campaign_step", pk=made.pk, step="show")
        elif verb == "discard":
            drafts.discard(chosen)
            messages.success(request, f"The draft “{chosen.name}” is deleted.")
            return redirect("ads:overview")
    except campaigns.NotReady as reason:
        for sentence in reason.reasons:
            messages.error(request, sentence)
    except campaigns.NotPossible as reason:
        messages.error(request, str(reason))
    return redirect("ads:campaign", pk=pk)
