"""`/desk/books/`: the staff have the books checked, see how far that is, and what every check ever found."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from megabox import audit_runs, tasks
from megabox.models import AuditRun, Job
from megabox.nudges import nudge
from users.access import SignedInRequest, staff_required

PER_PAGE = 25


@never_cache
@staff_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Every check of the books, newest first, and buttons for what can be asked for."""
    page = Paginator(AuditRun.objects.select_related("asked_by").defer("findings"), PER_PAGE)
    context = {"page": page.get_page(request.GET.get("page")), "last_check": audit_runs.latest()}
    return render(request, "desk/books/home.html", context)


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


def _context(run_id: int) -> dict[str, Any]:
    run = get_object_or_404(AuditRun.objects.select_related("asked_by"), pk=run_id)
    now = timezone.now()
    return {
        "run": run,
        "is_lost": run.state == Job.State.RUNNING and (run.claimed_until is None or run.claimed_until < now),
        "is_unheard": run.state == Job.State.WAITING and (now - run.asked_at).total_seconds() > UNHEARD_SECONDS,
        "hidden": run.findings_count - len(run.findings),
    }


UNHEARD_SECONDS = 60
"""Workers look for what waits every half minute: what waits longer has none."""
