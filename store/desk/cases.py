"""`/desk/disputes/` and `/desk/owed/`: the staff see what issuers took back, and decide about what is owed."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from ledger.journal import Refused
from ledger.models import Entry
from payouts.models import Block
from store.cases import adjustments, disputes
from store.forms.cases import WithholdForm, WriteOffForm
from store.models import Adjustment, Dispute
from users.access import SignedInRequest, staff_required
from users.freshness import fresh_sign_in_required

PER_PAGE = 100


@never_cache
@staff_required
@require_GET
def dispute_list(request: HttpRequest) -> HttpResponse:
    """All disputes: what waits for an answer first, then the newest."""
    found = Dispute.objects.select_related("order")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "waiting": found.waiting().order_by("due_by"),
        "page": page,
        "totals": disputes.totals(),
        "now": timezone.now(),
    }
    return render(request, "store/disputes.html", context)


@never_cache
@staff_required
@require_GET
def dispute(request: HttpRequest, pk: int) -> HttpResponse:
    """One dispute: what happened, what is held of whom, until when to answer, and its entries."""
    found = get_object_or_404(Dispute.objects.select_related("order"), pk=pk)
    entries = Entry.objects.filter(postings__source=found.source).distinct().order_by("pk")
    context = {
        "dispute": found,
        "lines": found.order.lines.all(),
        "holds": disputes.holds(found),
        "entries": entries.prefetch_related("postings__debit", "postings__credit"),
        "blocks": Block.objects.filter(case=found.source).select_related("payee", "lifted_by"),
        "now": timezone.now(),
    }
    return render(request, "store/dispute.html", context)


@never_cache
@staff_required
@require_GET
def owed(request: HttpRequest) -> HttpResponse:
    """Who owes what, and what was decided before."""
    return _owed(request)


def _owed(request: HttpRequest, status: int = 200, **forms: Any) -> HttpResponse:
    decided = Adjustment.objects.select_related("payee", "advertiser", "decided_by")
    context = {
        "debts": adjustments.debts(),
        "page": Paginator(decided, PER_PAGE).get_page(request.GET.get("page")),
        "write_off": WriteOffForm(initial={"form_id": uuid.uuid4()}),
        "withhold": WithholdForm(initial={"form_id": uuid.uuid4()}),
        **forms,
    }
    return render(request, "store/owed.html", context, status=status)


@staff_required
@require_POST
@fresh_sign_in_required
def write_off(request: SignedInRequest) -> HttpResponse:
    """Give up what somebody owes."""
    form = WriteOffForm(request.POST)
    if form.is_valid():
        try:
            decided = adjustments.write_off(**form.decision, by=request.user, at=timezone.now())
        except (adjustments.CannotAdjust, Refused) as reason:
            form.add_error(None, str(reason))
        else:
            messages.success(request, f"{decided.who} owes that no more. It is booked as our loss.")
            return redirect("store:owed")
    return _owed(request, 422, write_off=form)


@staff_required
@require_POST
@fresh_sign_in_required
def withhold(request: SignedInRequest) -> HttpResponse:
    """Withhold tax of one payee."""
    form = WithholdForm(request.POST)
    if form.is_valid():
        try:
            decided = adjustments.withhold(**form.decision, by=request.user, at=timezone.now())
        except (adjustments.CannotAdjust, Refused) as reason:
            form.add_error(None, str(reason))
        else:
            messages.success(request, f"Withheld of {decided.who} for {decided.country}.")
            return redirect("store:owed")
    return _owed(request, 422, withhold=form)
