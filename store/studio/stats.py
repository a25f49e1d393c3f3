"""The artists' statistics: charts for the eye, a table behind each, and files; and what a price brings."""

from typing import Any

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from artists.models import Album
from megabox.presenting import cells, heads, total_cells
from megabox.sheets import file_response
from megabox.snapshots import reading
from store.forms.stats import PriceForm, StatsForm
from store.stats import figures, insights, prices
from store.stats.insights import Stats
from store.stats.periods import Compare, Period
from store.stats.stats_tables import PARTS, Part, headlines
from users.access import SignedInRequest, artist_required

USUAL_PRICE_MICROS = 7_000_000
EXPECTED_DAYS = 30
MOST_LINES = 200
MOST_LISTED = 10
"""Lines that the page shows of a table behind a chart, or of a list that was opened, and of a list; files have all."""


@never_cache
@require_GET
@artist_required
def stats(request: SignedInRequest) -> HttpResponse:
    """What the person's music did in the days they choose."""
    now = timezone.now()
    form = _form(request)
    context = {
        "form": form,
        "fresh": figures.freshness(now),
        "periods": [
            (label, form.query(period=value, since="", until=""), value == form.data["period"])
            for value, label in Period.choices
        ],
    }
    if not form.is_valid():
        return render(request, "store/stats.html", context, status=422)
    with reading():
        found = _stats(request, form)
    context |= {
        "stats": found,
        "headlines": headlines(found),
        "parts": [_shown(part, found, is_open=request.GET.get("all") == part.name) for part in PARTS.values()],
        "then": Compare(form.cleaned_data["compare"]).label if found.compared_with else "",
        "is_one": form.cleaned_data["album"] is not None,
        "query": form.query(),
    }
    return render(request, "store/stats.html", context)


@never_cache
@require_GET
@artist_required
def stats_file(request: SignedInRequest, form: str) -> HttpResponseBase:
    """One table of the page as CSV, all of them as XLSX."""
    part = PARTS.get(request.GET.get("table", "plays"))
    if part is None:
        raise Http404("There is no such table.")
    chosen = _form(request)
    if not chosen.is_valid():
        return redirect(f"{reverse('store:stats')}?{request.GET.urlencode()}")
    with reading():
        found = _stats(request, chosen)
    name = f"megabox-{part.name if form == 'csv' else 'stats'}-{found.window.since}-{found.window.until}"
    if form == "csv":
        return file_response(part.table(found), form, name)
    first, *more = (one.table(found) for one in PARTS.values())
    return file_response(first, form, name, more=more)


@never_cache
@require_GET
@artist_required
def album_prices(request: SignedInRequest, pk: int) -> HttpResponse:
    """What a price brings by what the album really sold, and by how much the last months were missed."""
    albums = Album.objects.owned_by(request.user).select_related("artist")
    album, now = get_object_or_404(albums, pk=pk), timezone.now()
    today = now.date()
    history = prices.asked(album, album.currency, before=today)
    usual = prices.usual_price(album, history) or USUAL_PRICE_MICROS
    form = PriceForm(request.GET.dict(), unit=album.currency, usual_micros=usual)
    context: dict[str, Any] = {
        "album": album,
        "form": form,
        "history": history,
        "misses": prices.misses(album, today),
        "fresh": figures.freshness(now),
    }
    if not form.is_valid():
        return render(request, "store/prices.html", context, status=422)
    price = form.cleaned_data["price"]
    context["brings"] = prices.brings(album, price, form.cleaned_data["buyers"], now)
    try:
        context["expected"] = prices.expected(album, price, history, first=today, days=EXPECTED_DAYS, at=now)
    except prices.TooLittle as reason:
        context["too_little"] = str(reason)
    return render(request, "store/prices.html", context)


def _form(request: SignedInRequest) -> StatsForm:
    return StatsForm(request.GET.dict(), user=request.user, today=timezone.now().date())


def _stats(request: SignedInRequest, form: StatsForm) -> Stats:
    chosen = form.cleaned_data
    return insights.of(
        request.user, form.window, compared=form.compared, album=chosen["album"], track=chosen.get("track")
    )


def _shown(part: Part, found: Stats, *, is_open: bool) -> dict[str, object]:
    """One part as the page shows it; without lines when there is nothing in these days."""
    table, charts = part.table(found), part.charts(found)
    most = MOST_LINES if charts or is_open else MOST_LISTED
    totals = table.rows.sums(table.summed, table.unit_position)
    is_empty = not any(any(sums) for _, sums in totals.values())
    return {
        "part": part,
        "charts": [] if is_empty else charts,
        "is_empty": is_empty,
        "heads": list(heads(table, "", "")),
        "lines": [(False, list(cells(table, row))) for row in table.rows[:most]],
        "left": max(0, len(table.rows) - most),
        "is_whole": most == MOST_LINES,
        "totals": total_cells(table),
    }
