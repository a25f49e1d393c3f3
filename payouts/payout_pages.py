"""`/desk/payouts/`: one payout with its attempts, and what the staff decide while a run is paid."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from ledger.journal import Refused
from ledger.models import Posting
from megabox.nudges import nudge
from payouts import decisions, files, runs, tasks
from payouts.forms import BookingForm
from payouts.models import BankAccount, Payout, PayoutFile, PayoutRun, Rail
from users.access import SignedInRequest, staff_required
from users.freshness import fresh_sign_in_required


@never_cache
@staff_required
@require_GET
def payout(request: HttpRequest, payout_id: int) -> HttpResponse:
    """One payout: where it stands, every attempt at it, every posting of it, and what can be done now."""
    found = get_object_or_404(Payout.objects.select_related("run", "payee", "file"), pk=payout_id)
    return render(request, "payouts/payout.html", _context(found))


def _context(payout: Payout) -> dict[str, Any]:
    state, by_stripe = payout.state, payout.rail == Rail.STRIPE
    is_running = payout.run.state in (PayoutRun.State.EXECUTING, PayoutRun.State.APPROVED)
    postings = Posting.objects.filter(source=payout.source).select_related("entry", "debit", "credit").order_by("pk")
    is_agreed = payout.run.state in PayoutRun.AGREED
    return {
        "payout": payout,
        "run": payout.run,
        "account": _account(payout),
        "attempts": payout.attempts.all(),
        "decisions": payout.decisions.select_related("by"),
        "postings": postings,
        "can_retry": state == Payout.State.FAILED and is_agreed and not payout.file_id,
        "can_release": state == Payout.State.RESERVED and is_running,
        "can_confirm": state == Payout.State.SENDING and not by_stripe,
        "can_come_back": state in (Payout.State.SENDING, Payout.State.PAID) and not by_stripe,
        "form": BookingForm(initial={"booked_on": timezone.now().date()}),
    }


def _account(payout: Payout) -> BankAccount | None:
    """The bank account a payout names; None when it goes through Stripe."""
    if payout.rail == Rail.STRIPE:
        return None
    return BankAccount.objects.filter(pk=payout.destination.removeprefix("bank:")).first()


@staff_required
@require_POST
@fresh_sign_in_required
def retry(request: SignedInRequest, payout_id: int) -> HttpResponse:
    """Try a failed payout again."""
    found = get_object_or_404(Payout, pk=payout_id)
    try:
        decisions.retry(payout_id, by=request.user, why=request.POST.get("why", ""), at=timezone.now())
    except (runs.CannotRun, Refused) as reason:
        messages.error(request, str(reason))
    else:
        nudge(tasks.pay, found.run_id)
        messages.success(request, "Its money is reserved again, and the workers try it with a new key.")
    return redirect("payouts:payout", payout_id)


@staff_required
@require_POST
@fresh_sign_in_required
def release(request: SignedInRequest, payout_id: int) -> HttpResponse:
    """Give a payout back that was not sent."""
    get_object_or_404(Payout, pk=payout_id)
    try:
        decisions.release(payout_id, by=request.user, why=request.POST.get("why", ""), at=timezone.now())
    except (runs.CannotRun, Refused) as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, "Given back: it is the payee's again, and the next run pays it.")
    return redirect("payouts:payout", payout_id)


@staff_required
@require_POST
@fresh_sign_in_required
def come_back(request: SignedInRequest, payout_id: int) -> HttpResponse:
    """The bank refused or returned a payout of a file."""
    get_object_or_404(Payout, pk=payout_id)
    try:
        files.come_back(payout_id, why=request.POST.get("why", ""), by=request.user, at=timezone.now())
    except (runs.CannotRun, Refused) as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, "Booked: the money is the payee's again.")
    return redirect("payouts:payout", payout_id)


@staff_required
@require_POST
@fresh_sign_in_required
def confirm_one(request: SignedInRequest, payout_id: int) -> HttpResponse:
    """The bank has paid one payout of a file."""
    found = get_object_or_404(Payout, pk=payout_id)
    if found.file_id is None:
        raise Http404("This payout is in no file.")
    _confirm(request, found.file_id, [payout_id])
    return redirect("payouts:payout", payout_id)


@staff_required
@require_POST
@fresh_sign_in_required
def confirm_file(request: SignedInRequest, file_id: int) -> HttpResponse:
    """The bank has paid all that waits of a file."""
    file = get_object_or_404(PayoutFile, pk=file_id)
    _confirm(request, file_id, None)
    return redirect("payouts:run", file.run_id)


def _confirm(request: SignedInRequest, file_id: int, payout_ids: list[int] | None) -> None:
    form = BookingForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Write the day on which the bank booked it, as 2026-11-25.")
        return
    day = form.cleaned_data["booked_on"]
    try:
        count = files.confirm(file_id, booked_on=day, by=request.user, at=timezone.now(), payout_ids=payout_ids)
    except (runs.CannotRun, Refused) as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, f"Confirmed: {count} payout{'s' if count != 1 else ''} paid by the bank on {day}.")


@staff_required
@require_POST
@fresh_sign_in_required
def issue_file(request: SignedInRequest, run_id: int, rail: str) -> HttpResponse:
    """Make the file of one rail; from then on its payouts count as sent."""
    get_object_or_404(PayoutRun, pk=run_id)
    if rail not in (Rail.SEPA.value, Rail.CSV.value):
        raise Http404("There is no such file.")
    try:
        file = files.issue(run_id, Rail(rail), by=request.user, at=timezone.now())
    except (runs.CannotRun, Refused) as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, f"{file.name} is ready: download it and give it to the bank.")
    return redirect("payouts:run", run_id)


@never_cache
@staff_required
@require_GET
@fresh_sign_in_required
def download_file(request: HttpRequest, file_id: int) -> HttpResponse:
    """The file as it was issued, however often it is asked for."""
    file = get_object_or_404(PayoutFile, pk=file_id)
    kind = "application/xml" if file.rail == Rail.SEPA else "text/csv; charset=utf-8"
    disposition = f'attachment; filename="{file.name}"'
    return HttpResponse(file.content.encode(), content_type=kind, headers={"Content-Disposition": disposition})


@staff_required
@require_POST
@fresh_sign_in_required
def pause(request: SignedInRequest, run_id: int) -> HttpResponse:
    """Let workers start no more payouts of a run."""
    get_object_or_404(PayoutRun, pk=run_id)
    try:
        decisions.pause(run_id, by=request.user, why=request.POST.get("why", ""), at=timezone.now())
    except runs.CannotRun as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, "Paused. What Stripe was asked already is still resolved, nothing new is sent.")
    return redirect("payouts:run", run_id)


@staff_required
@require_POST
@fresh_sign_in_required
def resume(request: SignedInRequest, run_id: int) -> HttpResponse:
    """Let workers go on with a paused run."""
    get_object_or_404(PayoutRun, pk=run_id)
    try:
        decisions.resume(run_id, by=request.user, at=timezone.now())
    except runs.CannotRun as reason:
        messages.error(request, str(reason))
    else:
        nudge(tasks.pay, run_id)
        messages.success(request, "The workers go on.")
    return redirect("payouts:run", run_id)
