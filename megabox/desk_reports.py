"""`/desk/reports/`: every room's reports, as pages, CSV and XLSX."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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
from megabox import money
from megabox.reporting import FilterForm, Report
from megabox.sheets import Column, Kind, Row, Table, Value, file_response, percent
from payouts import liabilities, pictures, pool_reports
from payouts import reports as payouts
from store import balance_reports
from store import reports as store
from users.access import staff_required

PER_PAGE = 100
ROOMS = (payouts, pool_reports, liabilities, store, ads, ledger, balance_reports)
REPORTS: dict[str, Report] = {report.name: report for room in ROOMS for report in room.REPORTS}
GROUPS = ("What we paid", "What we owe", "What came in", "The books")
"""The headings of the index, in their order."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as a page shows it."""

    column: Column
    text: str
    href: str = ""
    at: str = ""

    @property
    def is_number(self) -> bool:
        """Whether it stands to the right."""
        return self.column.kind in (Kind.MONEY, Kind.COUNT, Kind.SHARE)


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column: where a press on it leads, and how the rows are sorted by it."""

    column: Column
    query: str
    order: str

    @property
    def is_number(self) -> bool:
        """Whether its column stands to the right."""
        return self.column.kind in (Kind.MONEY, Kind.COUNT, Kind.SHARE)


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
        "heads": list(_heads(table, query, sort)),
        "lines": [(is_balance, list(_cells(table, row))) for is_balance, row in lines],
        "totals": [list(_cells(table, row, is_linked=False)) for row in table.totals()],
        "query": query,
        "page_query": "&".join(part for part in (query, f"sort={sort}" if sort else "") if part),
    }


def _heads(table: Table, query: str, sort: str) -> Iterator[Head]:
    for column in table.columns:
        if column.is_shown:
            order = {column.name: "ascending", f"-{column.name}": "descending"}.get(sort, "")
            by = f"-{column.name}" if order == "ascending" else column.name
            yield Head(column, f"{query}&sort={by}" if query else f"sort={by}", order)


def _cells(table: Table, row: Row, *, is_linked: bool = True) -> Iterator[Cell]:
    unit = "" if table.unit_position is None else str(row[table.unit_position] or "")
    for column, value in zip(table.columns, row, strict=True):
        if column.is_shown:
            href = column.link(row) if column.link and is_linked and value is not None else ""
            at = value.isoformat() if isinstance(value, datetime) else ""
            yield Cell(column, _text(column.kind, value, unit), href, at)


def _text(kind: Kind, value: Value, unit: str) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if kind == Kind.MONEY and isinstance(value, int):
        return money.display_exact(value, unit) if unit else money.plain(value)
    if kind == Kind.SHARE and isinstance(value, int):
        return f"{percent(value)} %"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f") if kind == Kind.COUNT else str(value)
    return str(value)
