"""`/desk/traffic/decisions/`: the staff look why an ad was shown, or why one was not."""

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from ads.delivery import replaying
from ads.delivery.logbook import NotKept
from ads.delivery.replaying import Verdict
from ads.models import Ad, Campaign
from users.access import staff_required

MOST_SHOWN = 200
_CAMPAIGN = "Campaign, its number"


class NumberForm(forms.Form):
    """Which view, or which offer."""

    number = forms.UUIDField(
        label="Number of a view or an offer",
        error_messages={"invalid": "Copy the number whole: 32 letters and digits, with or without hyphens."},
    )


class MinuteForm(forms.Form):
    """Which campaign, and when."""

    campaign = forms.IntegerField(label=_CAMPAIGN, min_value=1)
    minute = forms.DateTimeField(
        label="Minute, UTC",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def clean_campaign(self) -> int:
        pk: int = self.cleaned_data["campaign"]
        if not Campaign.objects.filter(pk=pk).exists():
            raise forms.ValidationError("No campaign has this number.")
        return pk


@never_cache
@staff_required
@require_GET
def look(request: HttpRequest) -> HttpResponse:
    """Ask for one decision by its number, or what became of a campaign within a minute."""
    number = NumberForm(request.GET if "number" in request.GET else None)
    minute = MinuteForm(request.GET if "minute" in request.GET else None)
    if number.is_valid():
        return redirect("ads:decision", number.cleaned_data["number"])
    context: dict[str, Any] = {"number": number, "minute": minute, "days": settings.ADS_DECISION_DAYS}
    if minute.is_valid():
        at = minute.cleaned_data["minute"].replace(second=0, microsecond=0)
        found = replaying.of_minute(minute.cleaned_data["campaign"], at)
        campaign = Campaign.objects.get(pk=minute.cleaned_data["campaign"])
        context |= {"found": found, "at": at, "campaign": campaign}
    return render(request, "ads/decisions.html", context)


@never_cache
@staff_required
@require_GET
def decision(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """One decision, made again: the same ad or another one, and why each other one was not shown."""
    context: dict[str, Any] = {"token_id": token_id}
    try:
        found = replaying.replay(token_id, timezone.now())
    except NotKept as reason:
        return render(request, "ads/decision.html", {**context, "problem": str(reason)})
    wanted = request.GET.get("campaign", "")
    mine = [one for one in found.verdicts if wanted in ("", str(one.one.campaign_id))]
    context |= {"replay": found, "asked": replaying.asked(found.recorded), "wanted": wanted, "absent": replaying.ABSENT}
    context |= {"rows": _rows(mine[:MOST_SHOWN]), "left_out": len(mine[MOST_SHOWN:])}
    return render(request, "ads/decision.html", {**context, "unit": settings.ADS_CURRENCY})


def _rows(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Each verdict with its ad; one that is gone since has none."""
    ads = Ad.objects.select_related("campaign").in_bulk([one.one.ad_id for one in verdicts])
    return [{"verdict": one, "ad": ads.get(one.one.ad_id)} for one in verdicts]
