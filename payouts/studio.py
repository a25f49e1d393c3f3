"""`/studio/earnings/`: what an artist earned, where it stands, what is paid next and why, down to every posting."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from artists.models import Payee
from ledger.models import Posting
from megabox import money
from megabox.days import midnight
from megabox.sheets import file_response
from megabox.snapshots import reading
from payouts import holds, outlook, pictures, pool_story, rails, reports, statements, tracing, transfers
from payouts.forms import ThresholdForm, WindowForm
from payouts.models import Payout
from payouts.statements import Statement
from users.access import SignedInRequest, artist_required, confirmed_email_required
from users.freshness import fresh_sign_in_required

LATEST = 12
LINES_PER_PAGE = 50
MOST_PARTS = 500
"""Earnings that the page of a payout lists; the statement has all of them."""
MONTHS_DRAWN = 12


@dataclass(frozen=True, slots=True)
class Chosen:
    """The payee and unit a page is about, and what else could be chosen."""

    payee: Payee
    unit: str
    payees: list[Payee]
    units: list[str]

    @property
    def query(self) -> str:
        """What follows `?` in links that stay with this payee and unit."""
        return f"payee={self.payee.pk}&unit={self.unit}"


@never_cache
@artist_required
@require_GET
def earnings(request: SignedInRequest) -> HttpResponse:
    """The overview: available, being checked, paid, next payout and why, the last months and the latest lines."""
    chosen = _chosen(request)
    if chosen is None:
        return render(request, "payouts/no_earnings.html")
    return _earnings_page(request, chosen, None)


@reading()
def _earnings_page(request: SignedInRequest, chosen: Chosen, form: ThresholdForm | None) -> HttpResponse:
    now = timezone.now()
    since = _months_ago(now, MONTHS_DRAWN - 1)
    until = now + timedelta(seconds=1)
    year = statements.statement(chosen.payee, chosen.unit, since=since, until=until)
    months = {f"{_months_ago(now, back):%Y-%m}": 0 for back in range(MONTHS_DRAWN - 1, -1, -1)}
    amounts = months | statements.by_month(chosen.payee, chosen.unit, since=since, until=until)
    next_payout = outlook.outlook(chosen.payee, chosen.unit, now)
    context = {
        "chosen": chosen,
        "places": statements.places(chosen.payee, chosen.unit),
        "holds": holds.of(chosen.payee, chosen.unit),
        "paid": statements.paid_ever(chosen.payee, chosen.unit),
        "outlook": next_payout,
        "form": form or ThresholdForm(unit=chosen.unit, initial={"threshold": _typed(next_payout.threshold_micros)}),
        "least_micros": outlook.least_threshold(now),
        "chart": pictures.bar_chart(amounts),
        "lines": year.lines.latest(LATEST, but=statements.PAID),
        "payouts": _shown_payouts(chosen),
        "account": rails.account_of(chosen.payee),
    }
    return render(request, "payouts/earnings.html", context, status=200 if form is None else 422)


def _shown_payouts(chosen: Chosen) -> list[Payout]:
    hidden = [Payout.State.SKIPPED, Payout.State.PROPOSED, Payout.State.CANCELLED]
    payouts = Payout.objects.filter(payee=chosen.payee, unit=chosen.unit).exclude(state__in=hidden)
    return list(payouts.select_related("run").order_by("-pk")[:LATEST])


def _typed(micros: int) -> str:
    return money.plain(micros).rstrip("0").rstrip(".")


def _months_ago(now: datetime, months: int) -> datetime:
    """The first moment of the month so many months before now's."""
    index = now.year * 12 + now.month - 1 - months
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)


@artist_required
@require_POST
def choose_threshold(request: SignedInRequest) -> HttpResponse:
    """Choose the least that is paid out."""
    chosen = _required(request)
    form = ThresholdForm(request.POST, unit=chosen.unit)
    if form.is_valid():
        try:
            outlook.choose_threshold(chosen.payee, form.cleaned_data["threshold"], chosen.unit, timezone.now())
        except outlook.BadThreshold as bad:
            form.add_error("threshold", str(bad))
        else:
            messages.success(request, "Saved. Payouts follow it from the next run on.")
            return redirect(_earnings_url(chosen))
    return _earnings_page(request, chosen, form)


@never_cache
@artist_required
@require_GET
def line(request: SignedInRequest, posting_id: int) -> HttpResponse:
    """The proof of one line: what was posted, from which price, by which rule."""
    codes = Posting.objects.filter(pk=posting_id).select_related("entry", "debit", "credit").first()
    for payee in Payee.objects.filter(user=request.user):
        found = statements.line(payee, posting_id)
        if found is not None and codes is not None:
            chosen = Chosen(payee, found.unit, [payee], [found.unit])
            context = {
                "line": found,
                "posting": codes,
                "chosen": chosen,
                "share": pool_story.share(payee, found.source),
                "maturity": tracing.maturity_of(codes) if found.kind == statements.EARNING else None,
                "payouts": tracing.payouts_of(codes) if found.kind == statements.EARNING else [],
                "parts": _parts(codes),
            }
            return render(request, "payouts/line.html", context)
    raise Http404("No line of yours has this number.")


@never_cache
@artist_required
@require_GET
def pool(request: SignedInRequest) -> HttpResponse:
    """What the artists' pool paid, month by month, and what every model would have paid."""
    chosen = _chosen(request)
    if chosen is None:
        return render(request, "payouts/no_earnings.html")
    story = pool_story.story(chosen.payee, chosen.unit)
    return render(request, "payouts/pool.html", {"chosen": chosen, "story": story})


@never_cache
@artist_required
@require_GET
@reading()
def statement(request: SignedInRequest) -> HttpResponse:
    """A statement for any days."""
    chosen = _required(request)
    form = _window_form(request)
    context: dict[str, Any] = {"chosen": chosen, "form": form}
    if not form.is_valid():
        return render(request, "payouts/statement.html", context, status=422)
    found = _statement(chosen, form)
    query = f"{chosen.query}&since={form.cleaned_data['since']}&until={form.cleaned_data['until']}"
    page = Paginator(found.lines, LINES_PER_PAGE).get_page(request.GET.get("page"))
    context |= {"statement": found, "query": query, "page": page}
    return render(request, "payouts/statement.html", context)


@never_cache
@artist_required
@require_GET
@reading()
def statement_file(request: SignedInRequest, form: str) -> HttpResponseBase:
    """The same statement as a file."""
    chosen = _required(request)
    window = _window_form(request)
    if not window.is_valid():
        return redirect(f"{reverse('payouts:statement')}?{request.GET.urlencode()}")
    days = f"{window.cleaned_data['since']}-{window.cleaned_data['until']}"
    table = reports.statement_table(_statement(chosen, window))
    return file_response(table, form, f"megabox-statement-{chosen.unit}-{days}")


def _parts(posting: Posting) -> list[tuple[Posting, int]]:
    """What a payout is made of, first in, first out; nothing for any other line."""
    prefix, _, number = posting.source.partition(":")
    payout = Payout.objects.filter(pk=number).first() if prefix == "payouts.payout" else None
    parts = tracing.made_of(payout)[:MOST_PARTS] if payout else []
    earnings = Posting.objects.select_related("entry").in_bulk([part.posting_id for part in parts])
    return [(earnings[part.posting_id], part.micros) for part in parts]


def _window_form(request: HttpRequest) -> WindowForm:
    """The days asked for; this month when none are."""
    today = timezone.now().date()
    days = {"since": request.GET.get("since", today.replace(day=1)), "until": request.GET.get("until", today)}
    return WindowForm(days)


def _statement(chosen: Chosen, form: WindowForm) -> Statement:
    since = midnight(form.cleaned_data["since"])
    until = midnight(form.cleaned_data["until"] + timedelta(days=1))
    return statements.statement(chosen.payee, chosen.unit, since=since, until=until)


@confirmed_email_required
@artist_required
@require_POST
@fresh_sign_in_required
def set_up(request: SignedInRequest) -> HttpResponse:
    """Lead a payee to Stripe, where they say who they are and where their money goes."""
    return _to_stripe(request, _required(request))


@confirmed_email_required
@artist_required
@require_GET
@fresh_sign_in_required
def set_up_again(request: SignedInRequest, payee_id: int) -> HttpResponse:
    """Where Stripe sends people whose link was old: to a new one."""
    payee = get_object_or_404(Payee, pk=payee_id, user=request.user)
    return _to_stripe(request, Chosen(payee, _first_unit(payee), [payee], []))


@artist_required
@require_GET
def set_up_done(request: SignedInRequest, payee_id: int) -> HttpResponse:
    """Where Stripe sends people back: ask Stripe whether they can be paid now."""
    payee = get_object_or_404(Payee, pk=payee_id, user=request.user)
    try:
        is_enabled = transfers.refresh_account(payee, at=timezone.now())
    except transfers.NoAccount as reason:
        messages.error(request, str(reason))
    else:
        if is_enabled:
            messages.success(request, "Payouts are set up.")
        else:
            messages.warning(request, "Stripe needs more from you before you can be paid. Open the set-up again.")
    return redirect(f"{reverse('payouts:earnings')}?payee={payee.pk}")


def _to_stripe(request: SignedInRequest, chosen: Chosen) -> HttpResponse:
    back, again = (
        request.build_absolute_uri(reverse(name, args=[chosen.payee.pk]))
        for name in ("payouts:set_up_done", "payouts:set_up_again")
    )
    try:
        url = transfers.onboarding_url(chosen.payee, return_url=back, refresh_url=again)
    except transfers.NoAccount as reason:
        messages.error(request, str(reason))
        return redirect(_earnings_url(chosen))
    return HttpResponse(status=303, headers={"Location": url})


def _chosen(request: SignedInRequest) -> Chosen | None:
    """The payee and unit asked for, or the first of one's own; None for people nobody owes anything.

    Raises Http404 for a payee of somebody else.
    """
    payees = list(Payee.objects.filter(user=request.user).order_by("pk"))
    asked = request.POST.get("payee") or request.GET.get("payee")
    mine = [payee for payee in payees if asked in (None, "", str(payee.pk))]
    if asked and not mine:
        raise Http404("No payee of yours has this number.")
    if not mine:
        return None
    payee = mine[0]
    units = statements.units(payee) or [_first_unit(payee)]
    unit = request.POST.get("unit") or request.GET.get("unit") or units[0]
    if unit not in units:
        raise Http404("Nothing was ever earned in this currency.")
    return Chosen(payee, unit, payees, units)


def _required(request: SignedInRequest) -> Chosen:
    chosen = _chosen(request)
    if chosen is None:
        raise Http404("Nobody is paid through this account yet.")
    return chosen


def _first_unit(payee: Payee) -> str:
    """The unit of a payee who has not earned anything yet."""
    return next(iter(statements.units(payee)), str(settings.ADS_CURRENCY))


def _earnings_url(chosen: Chosen) -> str:
    return f"{reverse('payouts:earnings')}?{chosen.query}"
