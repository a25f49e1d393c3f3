"""The desk: what the staff have to look at, and whether the books agree."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from ads.models import Ad
from artists.models import Rendition
from megabox import audit_runs
from megabox.models import AuditRun
from payouts.models import Payout, PayoutRun
from store import balance_checks
from store.models import Dispute, StripeEvent
from users.access import staff_required
from users.models import Mail


@dataclass(frozen=True)
class Task:
    """Something that waits for a person: what, how many, and where to do it."""

    title: str
    count: int
    url: str
    is_fault: bool = False


@never_cache
@staff_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Everything that waits for a person."""
    return render(request, "desk/home.html", {"tasks": _tasks(), "last_check": audit_runs.latest()})


def _tasks() -> list[Task]:
    computed = PayoutRun.objects.filter(state=PayoutRun.State.COMPUTED)
    unknown = Payout.objects.filter(state=Payout.State.UNKNOWN)
    last = audit_runs.latest()
    return [
        Task("ads to review", Ad.objects.filter(review=Ad.Review.PENDING).count(), reverse("ads:review")),
        Task("payout runs to approve", computed.count(), reverse("payouts:runs")),
        Task("payouts whose outcome is unknown", unknown.count(), reverse("payouts:runs"), is_fault=True),
        Task(
            "findings in the last check of the books"
            if not (last and last.error)
            else "check of the books that failed",
            _faults(last),
            reverse("desk_audit_run", args=[last.pk]) if last else reverse("desk_books"),
            is_fault=True,
        ),
        Task("disputes to answer", Dispute.objects.waiting().count(), reverse("store:disputes")),
        Task(
            "things that Stripe and the books do not agree on",
            len(balance_checks.troubles(timezone.now())),
            reverse("store:reconciliation"),
            is_fault=True,
        ),
        Task(
            "events of Stripe that could not be processed",
            StripeEvent.objects.filter(state=StripeEvent.State.PARKED).count(),
            reverse("admin:store_stripeevent_changelist") + "?state__exact=PARKED",
            is_fault=True,
        ),
        Task(
            "files that could not be made",
            Rendition.objects.filter(state=Rendition.State.FAILED).count(),
            reverse("admin:artists_rendition_changelist") + "?state__exact=FAILED",
            is_fault=True,
        ),
        Task(
            "letters that could not be sent",
            Mail.objects.filter(state=Mail.State.DEAD).count(),
            reverse("admin:users_mail_changelist") + "?state__exact=DEAD",
            is_fault=True,
        ),
    ]


def _faults(last: AuditRun | None) -> int:
    """What the last check of the books found; a check that failed is a fault of its own."""
    if last is None:
        return 0
    return 1 if last.error else last.findings_count
