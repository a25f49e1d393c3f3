"""`/desk/reports/`: every room's reports, as pages, CSV and XLSX."""

from collections.abc import Sequence
from typing import cast

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from ads import reports as ads
from ledger import reports as ledger
from megabox.presenting import cells, heads, total_cells
from megabox.reporting import FilterForm, Report
from megabox.sheets import file_response
from megabox.snapshots import reading
from megabox.tables import Row, Table
from payouts import liabilities, pictures, pool_reports
from payouts import reports as payouts
from store import reports as store
from store.reconciliation import balance_reports
from users.access import staff_required

PER_PAGE = 50
ROOMS = (payouts, pool_reports, liabilities, store, ads, ledger, balance_reports)
REPORTS: dict[str, Report] = {report.name: report for room in ROOMS for report in room.REPORTS}
GROUPS = ("What we paid", "What we owe", "What came in", "The books")
"""The headings of the index, in their order."""


@never_cache
@staff_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """All reports, by what they answer."""
    groups = [(group, [report for report in REPORTS.values() if report.group == group]) for group in GROUPS]
    return render(request, "desk/reports.html", {"groups": [pair for pair in groups if pair[1]]})


@never_cache
@staff_required
@require_GET
@reading()
def screen(request: HttpRequest, name: str) -> HttpResponse:
    """One report: what it is asked with, its chart, a page of its rows and the totals of all of them."""
    report = _report(name)
    form = FilterForm(report, request.GET, timezone.now().date())
    context = {"report": report, "form": form}
    if not form.is_valid():
        return render(request, "desk/report.html", context, status=422)
    table = report.table(form.filters)
    context |= _shown(request, table, form)
    bars = report.bars(form.filters) if report.bars else None
    if bars:
        context |= {"bars": bars, "chart": pictures.bar_chart(bars.amounts)}
    return render(request, "desk/report.html", context)


@never_cache
@staff_required
@require_GET
@reading()
def save(request: HttpRequest, name: str, form: str) -> HttpResponseBase:
    """The same report as a file."""
    report = _report(name)
    asked = FilterForm(report, request.GET, timezone.now().date())
    if not asked.is_valid():
        return redirect(f"{reverse('desk_report', args=[name])}?{request.GET.urlencode()}")
    filters = asked.filters
    days = f"{filters.since}-{filters.until}" if "since" in report.asks else f"{filters.until}"
    return file_response(report.table(filters), form, f"megabox-{name}-{days}")


def _report(name: str) -> Report:
    try:
        return REPORTS[name]
    except KeyError:
        raise Http404("There is no such report.") from None


def _shown(request: HttpRequest, table: Table, form: FilterForm) -> dict[str, object]:
    """The part of a table that a page shows."""
    sort = request.GET.get("sort", "")
    position = next((n for n, column in enumerate(table.columns) if column.name == sort.removeprefix("-")), None)
    rows = table.rows
    if position is None:
        sort = ""
    else:
        rows = rows.sorted_by(position, is_descending=sort.startswith("-"))
    page: Page[Row] = Paginator(cast("Sequence[Row]", rows), PER_PAGE).get_page(request.GET.get("page"))
    before = table.before if page.number == 1 and not sort else ()
    after = table.after if not page.has_next() and not sort else ()
    lines = [(False, row) for row in page.object_list]
    lines = [*((True, row) for row in before), *lines, *((True, row) for row in after)]
    query = form.query
    return {
        "table": table,
        "page": page,
        "heads": list(heads(table, query, sort)),
        "lines": [(is_balance, list(cells(table, row))) for is_balance, row in lines],
        "totals": total_cells(table),
        "query": query,
        "page_query": "&".join(part for part in (query, f"sort={sort}" if sort else "") if part),
    }
