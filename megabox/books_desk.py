"""`/desk/books/`: the staff have the books checked or exported, see how far that is, and what every check found."""

from datetime import date
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from megabox import audit_runs, exports, media, tasks
from megabox.models import AuditRun, BooksExport, Job
from megabox.nudges import nudge
from megabox.reporting import usable
from users.access import SignedInRequest, staff_required

PER_PAGE = 25
MOST_EXPORTS = 12


class ExportForm(forms.Form):
    """How much of the books an auditor gets."""

    until = forms.DateField(
        label="Until",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The last day, UTC. Leave it empty for everything.",
    )

    def clean_until(self) -> date | None:
        """A day whose end can be written too."""
        day: date | None = self.cleaned_data["until"]
        return usable(day) if day else None


@never_cache
@staff_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Every check of the books and the last exports, newest first, and buttons for what can be asked for."""
    return _home(request, ExportForm())


def _home(request: HttpRequest, form: ExportForm, status: int = 200) -> HttpResponse:
    page = Paginator(AuditRun.objects.select_related("asked_by").defer("findings"), PER_PAGE)
    context = {
        "page": page.get_page(request.GET.get("page")),
        "last_check": audit_runs.latest(),
        "exports": BooksExport.objects.select_related("asked_by")[:MOST_EXPORTS],
        "form": form,
    }
    return render(request, "desk/books/home.html", context, status=status)


@staff_required
@require_POST
def check(request: SignedInRequest) -> HttpResponse:
    """Ask for a check of all books; a worker does it."""
    run = audit_runs.ask(origin=Job.Origin.DESK, by=request.user, at=timezone.now())
    nudge(tasks.check_books, run.pk)
    return redirect("desk_audit_run", run.pk)


@never_cache
@staff_required
@require_GET
def audit_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One check of the books: what was asked, and what was found."""
    return render(request, "desk/books/audit_run.html", _context(run_id))


@never_cache
@staff_required
@require_GET
def audit_progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """The part of its page that changes while it is done."""
    return render(request, "desk/books/_audit_run.html", _context(run_id))


@staff_required
@require_POST
def export(request: SignedInRequest) -> HttpResponse:
    """Ask for the auditor's folder as a zip; a worker makes it."""
    form = ExportForm(request.POST)
    if not form.is_valid():
        return _home(request, form, status=422)
    try:
        made = exports.ask(until=form.cleaned_data["until"], by=request.user, at=timezone.now())
    except exports.AnotherWaits as reason:
        form.add_error(None, str(reason))
        return _home(request, form, status=422)
    nudge(tasks.export_books, made.pk)
    return redirect("desk_export", made.pk)


@never_cache
@staff_required
@require_GET
def books_export(request: HttpRequest, export_id: int) -> HttpResponse:
    """One export: how far it is, what is in it, and the zip."""
    return render(request, "desk/books/export.html", _export_context(export_id))


@never_cache
@staff_required
@require_GET
def export_progress(request: HttpRequest, export_id: int) -> HttpResponse:
    """The part of its page that changes while it is made."""
    return render(request, "desk/books/_export.html", _export_context(export_id))


@never_cache
@staff_required
@require_GET
def export_zip(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """The zip, whole or in ranges; gone after a month."""
    made = get_object_or_404(BooksExport.objects.exclude(path=""), pk=export_id, state=Job.State.DONE)
    try:
        file, size = media.open_private(made.path)
    except FileNotFoundError:
        raise Http404 from None
    return media.range_response(request, file, size, filename=made.filename, is_download=True)


def _export_context(export_id: int) -> dict[str, Any]:
    made = get_object_or_404(BooksExport.objects.select_related("asked_by"), pk=export_id)
    return {"export": made, "written": exports.rows_written(made), **_who_works(made)}


def _context(run_id: int) -> dict[str, Any]:
    run = get_object_or_404(AuditRun.objects.select_related("asked_by"), pk=run_id)
    return {"run": run, "hidden": run.findings_count - len(run.findings), **_who_works(run)}


def _who_works(job: Job) -> dict[str, bool]:
    """Whether a job's worker was lost, and whether no worker seems to be there to take it."""
    now = timezone.now()
    return {
        "is_lost": job.state == Job.State.RUNNING and (job.claimed_until is None or job.claimed_until < now),
        "is_unheard": job.state == Job.State.WAITING and (now - job.asked_at).total_seconds() > UNHEARD_SECONDS,
    }


UNHEARD_SECONDS = 60
"""Workers look for what waits every half minute: what waits longer has none."""
