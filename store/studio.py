"""The artists' statistics page: a chart for the eye, a table behind it, and a file."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from megabox.sheets import file_response
from store import insights
from users.access import artist_required
from users.models import User

CHARTS = {"plays": "Plays", "all_downloads": "Downloads", "sales": "Sales"}


@never_cache
@require_GET
@artist_required
def stats(request: HttpRequest) -> HttpResponse:
    """Plays, downloads by kind and sales of the last 30 days."""
    found = insights.of(cast(User, request.user), timezone.now().date())
    charts = [{"title": title, "bars": found.bars(what)} for what, title in CHARTS.items()]
    context = {
        "stats": found,
        "charts": charts,
        "width": insights.BAR * len(found.days),
        "height": insights.CHART_HEIGHT,
        "bar": insights.BAR - 4,
        "kinds": list(insights.KINDS.values()),
    }
    return render(request, "store/stats.html", context)


@never_cache
@require_GET
@artist_required
def stats_file(request: HttpRequest, form: str) -> HttpResponseBase:
    """The same days as a file for a spreadsheet."""
    today = timezone.now().date()
    table = insights.table(insights.of(cast(User, request.user), today))
    return file_response(table, form, f"megabox-stats-{today.isoformat()}")
