"""`/desk/traffic/`: the staff look at what was seen, decide about spikes, and reject what is invalid."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from ads.forms.traffic import CriteriaForm, OrderForm
from ads.models import Campaign, Invalidation, Spike, Wallet
from ads.revenue import invalidations
from ads.revenue.invalidations import Criteria
from ads.rewards import wallets
from ads.tasks import invalidate
from ads.traffic import spikes
from ads.traffic.fraud import Reason
from artists.models import Artist
from megabox.nudges import nudge
from users.access import SignedInRequest, staff_required
from users.freshness import fresh_sign_in_required

MOST_SHOWN = 50


@never_cache
@staff_required
@require_GET
def traffic(request: HttpRequest) -> HttpResponse:
    """What waits for a decision; and, once days are named, what was seen in them and what rejecting it would do."""
    return _page(request, CriteriaForm(request.GET) if "first" in request.GET else None)


def _page(
    request: HttpRequest, criteria: CriteriaForm | None, order: OrderForm | None = None, *, status: int = 200
) -> HttpResponse:
    found = invalidations.preview(criteria.criteria) if criteria is not None and criteria.is_valid() else None
    order = order or (OrderForm(initial={"through": found.through, "total": found.count}) if found else None)
    context = {
        "form": criteria or CriteriaForm(initial={"first": timezone.now().date()}),
        "found": found,
        "criteria": criteria.criteria if criteria is not None and found else None,
        "parts": _parts(criteria.criteria, found) if criteria is not None and found else [],
        "order": order,
        "spikes": _spikes(),
        "orders": [_told(one) for one in Invalidation.objects.select_related("by").order_by("-created_at", "-pk")[:20]],
        "blocked": Wallet.objects.filter(blocked_at__isnull=False).order_by("-blocked_at")[:MOST_SHOWN],
        "unit": settings.ADS_CURRENCY,
    }
    return render(request, "ads/traffic.html", context, status=status)


def _query(said: dict[str, Any]) -> str:
    return urlencode({name: value for name, value in said.items() if value not in (None, "")})


def _parts(wanted: Criteria, found: invalidations.Preview) -> list[dict[str, Any]]:
    """Of which campaigns, artists, networks and hours most views are; each with the address that looks at it alone."""
    said = wanted.to_json()
    titles = {"campaign": "Campaigns", "artist": "Artists", "network": "Networks, hashed", "hour": "Hours, UTC"}
    return [
        {
            "title": titles[name],
            "is_code": name == "network",
            "rows": [(part, _query({**said, name: part.value})) for part in parts],
        }
        for name, parts in found.most.items()
        if parts
    ]


def _spikes() -> list[dict[str, Any]]:
    """Hours to look at, newest first, with names and the address that looks at each."""
    rows = list(Spike.objects.filter(state=Spike.State.OPEN).order_by("-hour", "pk")[:MOST_SHOWN])
    names: dict[str, dict[int, str]] = {}
    for scope, model in (("campaign", Campaign), ("artist", Artist)):
        ids = [int(row.key) for row in rows if row.scope == scope]
        names[scope] = dict(model._default_manager.filter(pk__in=ids).values_list("pk", "name"))
    return [
        {
            "spike": row,
            "name": names.get(row.scope, {}).get(int(row.key), row.key),
            "query": urlencode({"first": row.hour.date().isoformat(), "hour": row.hour.hour, row.scope: row.key}),
        }
        for row in rows
    ]


def _told(one: Invalidation) -> dict[str, Any]:
    return {"order": one, "criteria": Criteria.from_json(one.criteria), "reason": Reason.say(one.reason)}


@staff_required
@require_POST
@fresh_sign_in_required
def invalidate_views(request: SignedInRequest) -> HttpResponse:
    """Order that the views which were looked at be rejected; workers do it."""
    criteria, form = CriteriaForm(request.POST), OrderForm(request.POST)
    if not criteria.is_valid() or not form.is_valid():
        return _page(request, criteria, form, status=422)
    said = form.cleaned_data
    try:
        made = invalidations.order(
            criteria.criteria,
            through=said["through"],
            total=said["total"],
            reason=Reason(said["reason"]),
            note=said["note"],
            by=request.user,
            at=timezone.now(),
        )
    except invalidations.BadOrder as reason:
        messages.error(request, str(reason))
        return _page(request, criteria, status=422)
    nudge(invalidate, made.pk)
    return redirect("ads:invalidation", made.pk)


@never_cache
@staff_required
@require_GET
def invalidation(request: HttpRequest, pk: int) -> HttpResponse:
    """One order: which views, why, by whom, and how far it is."""
    return render(request, "ads/invalidation.html", _order(pk))


@never_cache
@staff_required
@require_GET
def invalidation_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of its page that changes while it is done."""
    return render(request, "ads/_invalidation.html", _order(pk))


def _order(pk: int) -> dict[str, Any]:
    return _told(get_object_or_404(Invalidation.objects.select_related("by"), pk=pk))


@staff_required
@require_POST
@fresh_sign_in_required
def stop_invalidation(request: SignedInRequest, pk: int) -> HttpResponse:
    """Stop an order; what was rejected stays so."""
    get_object_or_404(Invalidation, pk=pk)
    try:
        invalidations.stop(pk, timezone.now())
    except invalidations.BadOrder as reason:
        messages.error(request, str(reason))
    return redirect("ads:invalidation", pk)


@staff_required
@require_POST
@fresh_sign_in_required
def retry_invalidation(request: SignedInRequest, pk: int) -> HttpResponse:
    """Go on with an order that was given up."""
    get_object_or_404(Invalidation, pk=pk)
    try:
        invalidations.retry(pk, timezone.now())
    except invalidations.BadOrder as reason:
        messages.error(request, str(reason))
    else:
        nudge(invalidate, pk)
        messages.success(request, "It is tried again now.")
    return redirect("ads:invalidation", pk)


@staff_required
@require_POST
@fresh_sign_in_required
def decide_spike(request: SignedInRequest, pk: int, verdict: str) -> HttpResponse:
    """Clear a spike, or find it invalid and look at its views to reject them."""
    spike = get_object_or_404(Spike, pk=pk)
    states = {"clear": Spike.State.CLEARED, "invalid": Spike.State.INVALID}
    if verdict not in states:
        return redirect("ads:traffic")
    try:
        spikes.decide(pk, states[verdict], by=request.user, at=timezone.now())
    except spikes.DecidedBefore as reason:
        messages.error(request, str(reason))
        return redirect("ads:traffic")
    if verdict == "clear":
        messages.success(request, "Found harmless. Nothing waits for it any more.")
        return redirect("ads:traffic")
    messages.info(request, "Here are its views. Look at them, and reject those that are invalid.")
    day = spike.hour.date().isoformat()
    return redirect(f"{reverse('ads:traffic')}?{urlencode({'first': day, spike.scope: spike.key})}")


@staff_required
@require_POST
@fresh_sign_in_required
def unblock(request: SignedInRequest, pk: int) -> HttpResponse:
    """Let a blocked wallet earn again; the records say who did."""
    wallet = get_object_or_404(Wallet, pk=pk)
    if wallets.unblock(pk):
        LogEntry.objects.create(
            user=request.user,
            content_type=ContentType.objects.get_for_model(Wallet),
            object_id=str(pk),
            object_repr=str(wallet),
            action_flag=CHANGE,
            change_message=f"Unblocked. It was blocked because: {wallet.blocked_reason}",
        )
        messages.success(request, f"Wallet {pk} can earn again.")
    else:
        messages.error(request, f"Wallet {pk} is not blocked.")
    return redirect("ads:traffic")
