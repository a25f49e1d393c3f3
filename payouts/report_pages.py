"""`/desk/reports/`: the reports that payouts and the books can make by themselves."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from ledger.reports import trial_balance, trial_totals
from megabox.sheets import csv_file
from payouts import reports
from payouts.models import Block, Payout, PayoutRun
from users.access import staff_required

PER_PAGE = 200


@never_cache
@staff_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """All reports, and what each answers."""
    return render(request, "payouts/reports.html")


@never_cache
@staff_required
@require_GET
def register(request: HttpRequest) -> HttpResponse:
    """Every payout ever made or tried."""
    shown = Payout.objects.exclude(state__in=[Payout.State.SKIPPED, Payout.State.PROPOSED, Payout.State.CANCELLED])
    page = Paginator(shown.select_related("payee", "run").order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "payouts/register.html", {"page": page})


@never_cache
@staff_required
@require_GET
def register_csv(request: HttpRequest) -> HttpResponse:
    """The register of all runs that were agreed, as a file."""
    agreed = PayoutRun.objects.filter(state__in=PayoutRun.AGREED)
    return csv_file(reports.register_csv(agreed), f"megabox-payout-register-{timezone.now():%Y-%m-%d}.csv")


@never_cache
@staff_required
@require_GET
def trial(request: HttpRequest) -> HttpResponse:
    """The trial balance: every account, and both sides the same."""
    lines = trial_balance()
    page = Paginator(lines, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "payouts/trial_balance.html", {"page": page, "totals": trial_totals(lines)})


@never_cache
@staff_required
@require_GET
def trial_csv(request: HttpRequest) -> HttpResponse:
    """The trial balance as a file."""
    return csv_file(reports.trial_balance_csv(trial_balance()), f"megabox-trial-balance-{timezone.now():%Y-%m-%d}.csv")


@never_cache
@staff_required
@require_GET
def blocks_csv(request: HttpRequest) -> HttpResponse:
    """Blocks with their reasons as a file."""
    found = Block.objects.select_related("payee", "created_by", "lifted_by").order_by("pk")
    return csv_file(reports.blocks_csv(found), f"megabox-blocks-{timezone.now():%Y-%m-%d}.csv")
