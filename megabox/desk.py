"""The desk: what the staff have to look at, and whether the books agree."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from ads.models import Ad
from artists.models import Rendition
from megabox import audit
from payouts.models import Payout, PayoutRun
from store.models import StripeEvent
from users.access import staff_required
from users.models import Mail

MOST_FINDINGS = 200


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
    return render(request, "desk/home.html", {"tasks": _tasks()})


@never_cache
@staff_required
@require_POST
def check_books(request: HttpRequest) -> HttpResponse:
    """Run every room's audit now and show what it found."""
    findings = list(audit.findings())
    context = {"tasks": _tasks(), "findings": findings[:MOST_FINDINGS], "count": len(findings), "is_checked": True}
    return render(request, "desk/home.html", context)


def _tasks() -> list[Task]:
    computed = PayoutRun.objects.filter(state=PayoutRun.State.COMPUTED)
    unknown = Payout.objects.filter(state=Payout.State.UNKNOWN)
    return [
        Task("ads to review", Ad.objects.filter(review=Ad.Review.PENDING).count(), reverse("ads:review")),
        Task("payout runs to approve", computed.count(), reverse("payouts:runs")),
        Task("payouts whose outcome is unknown", unknown.count(), reverse("payouts:runs"), is_fault=True),
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
