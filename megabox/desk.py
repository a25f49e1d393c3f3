"""The desk: what the staff have to look at, and whether the books agree."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from ads.models import Ad, Invalidation, ParkedReport, SiteClaim, Spike
from artists.models import Original, Rendition
from megabox import audit_runs
from payouts.models import Payout, PayoutRun
from store.models import Dispute, StripeEvent
from store.reconciliation import balance_checks
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
    tasks = _tasks()
    context = {
        "waiting": [task for task in tasks if task.count],
        "others": [task for task in tasks if not task.count],
        "last_check": audit_runs.latest(),
    }
    return render(request, "desk/home.html", context)


def _tasks() -> list[Task]:
    return [*_about_ads(), *_about_payouts(), *_about_the_books(), *_about_sales(), *_stuck()]


def _about_ads() -> list[Task]:
    pending = Ad.objects.filter(review=Ad.Review.PENDING)
    spikes = Spike.objects.filter(state=Spike.State.OPEN)
    claims = SiteClaim.objects.filter(state=SiteClaim.State.OPEN)
    given_up = Invalidation.objects.filter(state=Invalidation.State.FAILED)
    traffic = reverse("ads:traffic")
    return [
        Task("ads to review", pending.count(), reverse("ads:review")),
        Task("hours of traffic that stand out", spikes.count(), traffic),
        Task("claims on sites to decide", claims.count(), reverse("ads:sites")),
        Task("orders to reject views that were given up", given_up.count(), traffic, is_fault=True),
    ]


def _about_payouts() -> list[Task]:
    computed = PayoutRun.objects.filter(state=PayoutRun.State.COMPUTED)
    unknown = Payout.objects.filter(state=Payout.State.UNKNOWN)
    runs = reverse("payouts:runs")
    return [
        Task("payout runs to approve", computed.count(), runs),
        Task("payouts whose outcome is unknown", unknown.count(), runs, is_fault=True),
    ]


def _about_the_books() -> list[Task]:
    """What the last check found; a check that failed is a fault of its own."""
    last = audit_runs.latest()
    page = reverse("desk_audit_run", args=[last.pk]) if last else reverse("desk_books")
    if last and last.error:
        return [Task("check of the books that failed", 1, page, is_fault=True)]
    found = last.findings_count if last else 0
    return [Task("findings in the last check of the books", found, page, is_fault=True)]


def _about_sales() -> list[Task]:
    troubles = balance_checks.troubles(timezone.now())
    return [
        Task("disputes to answer", Dispute.objects.waiting().count(), reverse("store:disputes")),
        Task(
            "things that Stripe and the books do not agree on",
            len(troubles),
            reverse("store:reconciliation"),
            is_fault=True,
        ),
    ]


def _stuck() -> list[Task]:
    """What workers gave up, and that is looked at in Django's admin."""
    events = StripeEvent.objects.filter(state=StripeEvent.State.PARKED)
    reports = ParkedReport.objects.all()
    files = Rendition.objects.filter(state=Rendition.State.FAILED)
    masters = Original.objects.exclude(fault="")
    letters = Mail.objects.filter(state=Mail.State.DEAD)
    stuck: list[tuple[str, QuerySet[Any], str, str]] = [
        ("events of Stripe that could not be processed", events, "store_stripeevent", "?state__exact=PARKED"),
        ("reports of ads that could not be counted", reports, "ads_parkedreport", ""),
        ("files that could not be made", files, "artists_rendition", "?state__exact=FAILED"),
        ("masters that are gone or changed", masters, "artists_original", "?fault__gt="),
        ("letters that could not be sent", letters, "users_mail", "?state__exact=DEAD"),
    ]
    return [
        Task(title, rows.count(), reverse(f"admin:{table}_changelist") + query, is_fault=True)
        for title, rows, table, query in stuck
    ]
