"""The campaign editor: what you show, whom and where, money and dates, check and send.

Each step stores what is right when it is left, whichever way; what is wrong is kept as it was typed until it is put
right, so going back and forth loses nothing. All of it works without JavaScript.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from ads.budgets import estimate
from ads.demand import campaigns, drafts
from ads.forms.ads import KINDS
from ads.forms.campaigns import MoneyForm, ReachForm, ShowForm, StepForm
from ads.models import Advertiser, Campaign
from ads.pages import typed
from ads.pages.owned import campaign_of, status_of, user_of
from ads.pages.summary import about
from megabox.days import day_of
from users.access import advertiser_required, confirmed_email_required

STEPS = {"show": "What you show", "reach": "Whom and where", "money": "Money and dates", "check": "Check and send"}
_FORMS: Mapping[str, type[StepForm]] = {"show": ShowForm, "reach": ReachForm, "money": MoneyForm}


@never_cache
@require_http_methods(["GET", "POST"])
@advertiser_required
@confirmed_email_required
def campaign_new(request: HttpRequest, advertiser_id: int) -> HttpResponse:
    """The first step of a new campaign: its name makes it a draft, and what it shows comes next."""
    advertiser = get_object_or_404(Advertiser.objects.owned_by(user_of(request)), pk=advertiser_id)
    now = timezone.now()
    form = ShowForm(request.POST or None, campaign=Campaign(advertiser=advertiser), today=now.date())
    if request.method == "POST" and form.is_valid():
        made = drafts.start(advertiser, form.cleaned_data["name"], now)
        return _go(made, "show", request.POST.get("go", ""))
    context = {
        "form": form,
        "campaign": form.campaign,
        "advertiser": advertiser,
        "steps": _steps("show"),
        "step": "show",
    }
    return render(request, "ads/step_show.html", context, status=status_of(form))


@never_cache
@require_GET
@advertiser_required
@confirmed_email_required
def campaign_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a draft or a paused campaign, from its first step on."""
    return redirect("ads:campaign_step", pk=campaign_of(request, pk).pk, step="show")


@never_cache
@require_http_methods(["GET", "POST"])
@advertiser_required
@confirmed_email_required
def campaign_step(request: HttpRequest, pk: int, step: str) -> HttpResponse:
    """One of the four steps of a draft or a paused campaign."""
    edited = campaign_of(request, pk)
    if step not in STEPS:
        raise Http404
    if not edited.is_open:
        messages.error(request, f"This campaign is {edited.get_state_display()}. {_WHAT_NOW.get(edited.state, '')}")
        return redirect("ads:campaign", pk=pk)
    if step == "check":
        return _check(request, edited)
    return _store(request, edited, step) if request.method == "POST" else _show(request, edited, step)


_WHAT_NOW: Mapping[str, str] = {
    Campaign.State.LIVE: "Pause it first, then change it.",
    Campaign.State.ENDED: "Copy it to go on with another one.",
}


@never_cache
@require_GET
@advertiser_required
@confirmed_email_required
def campaign_sum(request: HttpRequest, pk: int, step: str) -> HttpResponse:
    """The running sum of a campaign with what is typed into a step now; what is wrong is as it was stored."""
    if step not in ("reach", "money"):
        raise Http404
    edited = campaign_of(request, pk)
    form = _FORMS[step](request.GET, campaign=edited, today=timezone.now().date())
    form.is_valid()
    return render(request, "ads/_sum.html", {"sum": _sum(edited, form.cleaned_data)})


# --- inside


def _show(request: HttpRequest, edited: Campaign, step: str) -> HttpResponse:
    data = typed.kept(request, edited.pk, step)
    form = _FORMS[step](data, campaign=edited, today=timezone.now().date())
    return _page(request, edited, step, form, is_kept=data is not None)


def _store(request: HttpRequest, edited: Campaign, step: str) -> HttpResponse:
    now, go = timezone.now(), request.POST.get("go", "")
    if go == "forget":
        typed.forget(request, edited.pk, step)
        return redirect("ads:campaign_step", pk=edited.pk, step=step)
    form = _FORMS[step](request.POST, campaign=edited, today=now.date())
    if form.is_valid():
        try:
            campaigns.save(form.apply(), now, only=form.stores)
        except campaigns.NotPossible as reason:
            form.add_error(None, str(reason))
    if not form.errors:
        typed.forget(request, edited.pk, step)
        return _go(edited, step, go)
    typed.keep(request, edited.pk, step, list(form.fields))
    if go in ("", "next"):
        return _page(request, edited, step, form, status=422)
    messages.warning(
        request,
        f"In “{STEPS[step]}” something is not right yet. It is kept as you typed it and not stored: look again.",
    )
    return _go(edited, step, go)


def _check(request: HttpRequest, edited: Campaign) -> HttpResponse:
    kept = typed.steps_kept(request, edited.pk)
    context = about(request, edited)
    context |= {
        "steps": _steps("check", context, kept),
        "step": "check",
        "sum": _sum(edited),
        "unstored": [(name, STEPS[name]) for name in STEPS if name in kept],
    }
    return render(request, "ads/step_check.html", context)


def _page(
    request: HttpRequest, edited: Campaign, step: str, form: StepForm, *, is_kept: bool = False, status: int = 200
) -> HttpResponse:
    if form.is_bound:
        form.is_valid()
    # What was typed was put into the campaign; what the page says of it is what is stored.
    stored = campaign_of(request, edited.pk)
    context = about(request, stored)
    context |= {
        "form": form,
        "advertiser": stored.advertiser,
        "steps": _steps(step, context, typed.steps_kept(request, edited.pk)),
        "step": step,
        "is_kept": is_kept,
        "sum": _sum(stored, form.cleaned_data if form.is_bound else {}),
        "zone": user_of(request).time_zone,
    }
    return render(request, f"ads/step_{step}.html", context, status=status)


def _steps(here: str, context: Mapping[str, Any] | None = None, kept: set[str] | None = None) -> list[dict[str, Any]]:
    """The steps for the line above each: where one is, what is done, where something typed is not right yet."""
    done = {}
    if context:
        has_money = context["campaign"].budget_micros > 0
        done = {"show": bool(context["ads"]), "reach": has_money or here in ("money", "check"), "money": has_money}
    return [
        {
            "name": name,
            "title": title,
            "is_here": name == here,
            "is_done": done.get(name, False) and name != here and name not in (kept or ()),
            "is_wrong": name in (kept or ()),
            "is_open": context is not None,
        }
        for name, title in STEPS.items()
    ]


def _go(edited: Campaign, step: str, go: str) -> HttpResponse:
    """Where a button of a step leads."""
    names = list(STEPS)
    at = names.index(step)
    if go in STEPS:
        return redirect("ads:campaign_step", pk=edited.pk, step=go)
    if go in KINDS:
        return redirect("ads:ad_new", pk=edited.pk, kind=go)
    if go == "leave":
        return redirect("ads:campaign", pk=edited.pk)
    to = names[max(0, at - 1)] if go == "back" else names[at + 1]
    return redirect("ads:campaign_step", pk=edited.pk, step=to)


def _sum(edited: Campaign, said: Mapping[str, Any] | None = None) -> list[str]:
    """The running sum in sentences, with what is `said` by a form in place of what is stored."""
    said, today = said or {}, day_of(timezone.now())
    terms = estimate.terms_of(edited)
    budget = said.get("budget_micros")
    terms = estimate.Terms(
        cpm_micros=said.get("cpm_micros") or terms.cpm_micros,
        budget_micros=terms.budget_micros if budget is None else max(0, budget - edited.spent_micros),
        daily_cap_micros=said.get("daily_cap_micros", terms.daily_cap_micros),
        starts_on=said.get("starts_on") or terms.starts_on,
        ends_on=said.get("ends_on", terms.ends_on),
        places=said.get("places", terms.places),
    )
    return estimate.sentences(terms, estimate.chances_a_day(terms.places, today), today)
