"""`/desk/payouts/`: the staff open, approve and execute runs, hold payees, and see every payout as it goes out."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from megabox.nudges import nudge
from megabox.sheets import file_response
from payouts import blocks, rails, reports, runs, tasks
from payouts.forms import BlockForm, BookingForm, RunForm
from payouts.models import Block, Payout, PayoutFile, PayoutRun, Rail
from users.access import SignedInRequest, staff_required
from users.freshness import fresh_sign_in_required

PER_PAGE = 50


@never_cache
@staff_required
@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    """All runs, newest first, and a form to open one."""
    return _run_list(request, RunForm(today=timezone.now().date()))


def _run_list(request: HttpRequest, form: RunForm, status: int = 200) -> HttpResponse:
    all_runs = PayoutRun.objects.select_related("created_by", "approved_by")
    page = Paginator(all_runs, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(run, runs.totals(run)) for run in page]
    return render(request, "payouts/runs.html", {"rows": rows, "page": page, "form": form}, status=status)


@staff_required
@require_POST
def open_run(request: SignedInRequest) -> HttpResponse:
    """Open a run and compute it."""
    now = timezone.now()
    form = RunForm(request.POST, today=now.date())
    if not form.is_valid():
        return _run_list(request, form, status=422)
    try:
        run = runs.open_run(**form.cleaned_data, by=request.user, at=now)
    except runs.CannotRun as reason:
        form.add_error(None, str(reason))
        return _run_list(request, form, status=422)
    return redirect("payouts:run", run.pk)


@never_cache
@staff_required
@require_GET
def run(request: SignedInRequest, run_id: int) -> HttpResponse:
    """One run: its frozen snapshot, its totals, whether the ledger agrees, and what can be done with it."""
    found = get_object_or_404(PayoutRun.objects.select_related("created_by", "approved_by", "executed_by"), pk=run_id)
    context = _run_context(request, found) | {
        "decisions": found.decisions.select_related("by", "payout__payee"),
        "files": _files(found),
        "form": BookingForm(initial={"booked_on": timezone.now().date()}),
    }
    return render(request, "payouts/run.html", context)


@dataclass(frozen=True, slots=True)
class RailOfRun:
    """What of a run goes by one kind of file: how much, how much of it waits for the bank, and the file."""

    rail: Rail
    count: int
    micros: int
    waiting: int
    file: PayoutFile | None
    is_off: bool


def _files(run: PayoutRun) -> list[RailOfRun]:
    issued = {file.rail: file for file in run.files.defer("content").select_related("issued_by")}
    left_out = [Payout.State.SKIPPED, Payout.State.CANCELLED]
    rows = run.payouts.exclude(rail=Rail.STRIPE).exclude(state__in=left_out).order_by()
    sending = Count("pk", filter=Q(state=Payout.State.SENDING))
    found = rows.values_list("rail").annotate(count=Count("pk"), micros=Sum("amount_micros"), waiting=sending)
    return [
        RailOfRun(Rail(rail), count, micros, waiting, issued.get(rail), rail == Rail.SEPA and not rails.is_sepa_on())
        for rail, count, micros, waiting in found.order_by("-rail")
    ]


@never_cache
@staff_required
@require_GET
def run_progress(request: SignedInRequest, run_id: int) -> HttpResponse:
    """The part of a run's page that changes while it is paid."""
    found = get_object_or_404(PayoutRun, pk=run_id)
    return render(request, "payouts/_run_progress.html", _run_context(request, found) | {"is_part": True})


def _run_context(request: SignedInRequest, run: PayoutRun) -> dict[str, Any]:
    off = runs.difference(run)
    state, sums = Payout.State, runs.by_state(run)
    proposed = runs.together(sums, state.PROPOSED)
    counted = [each for each in state.values if each not in (state.SKIPPED, state.CANCELLED)]
    by_stripe = run.payouts.filter(rail=Rail.STRIPE, state__in=Payout.OPEN)
    return {
        "run": run,
        "totals": runs.together(sums, *counted),
        "paid": runs.together(sums, state.PAID),
        "failed": runs.together(sums, state.FAILED, state.RETURNED),
        "unknown": runs.together(sums, state.UNKNOWN),
        "skipped": runs.together(sums, state.SKIPPED),
        "open": runs.together(sums, *Payout.OPEN),
        "proposed": proposed,
        "found": runs.together(sums, *sums),
        "reserved": runs.together(sums, *(set(sums) - {state.PROPOSED})),
        "difference": off,
        "page": Paginator(runs.register(run), PER_PAGE).get_page(request.GET.get("page")),
        "is_own": run.created_by_id == request.user.pk,
        "can_approve": run.state == PayoutRun.State.COMPUTED and not off and run.created_by_id != request.user.pk,
        "can_pause": run.state == PayoutRun.State.EXECUTING and run.paused_at is None,
        "can_cancel": run.state in PayoutRun.WAITING,
        "is_moving": _is_moving(run, proposed.count, by_stripe.exists()),
    }


def _is_moving(run: PayoutRun, proposed: int, has_open: bool) -> bool:
    """Whether workers, or somebody's request, are changing the run right now."""
    state = PayoutRun.State
    return {
        state.DRAFT.value: True,
        state.APPROVED.value: proposed > 0,
        state.EXECUTING.value: has_open,
    }.get(run.state, False)


@staff_required
@require_POST
def prepare(request: SignedInRequest, run_id: int) -> HttpResponse:
    """Compute a run again."""
    get_object_or_404(PayoutRun, pk=run_id)
    try:
        runs.prepare(run_id, at=timezone.now())
    except runs.CannotRun as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, "Computed again from the books as they are now.")
    return redirect("payouts:run", run_id)


@staff_required
@require_POST
@fresh_sign_in_required
def approve(request: SignedInRequest, run_id: int) -> HttpResponse:
    """Approve what was seen; somebody else than the one who opened it."""
    get_object_or_404(PayoutRun, pk=run_id)
    try:
        run = runs.approve(run_id, by=request.user, seen_hash=request.POST.get("content_hash", ""), at=timezone.now())
    except runs.CannotRun as reason:
        messages.error(request, str(reason))
    else:
        reserved = runs.totals(run, Payout.State.RESERVED)
        messages.success(request, f"Approved. Reserved for payout: {reserved.count}.")
    return redirect("payouts:run", run_id)


@staff_required
@require_POST
def cancel(request: SignedInRequest, run_id: int) -> HttpResponse:
    """Cancel a run that is not being paid yet."""
    get_object_or_404(PayoutRun, pk=run_id)
    try:
        runs.cancel(run_id, by=request.user, at=timezone.now())
    except runs.CannotRun as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, "Cancelled. Nothing was paid; what was reserved is the payees' again.")
    return redirect("payouts:run", run_id)


@staff_required
@require_POST
@fresh_sign_in_required
def execute(request: SignedInRequest, run_id: int) -> HttpResponse:
    """Let the workers pay an approved run."""
    get_object_or_404(PayoutRun, pk=run_id)
    try:
        runs.execute(run_id, by=request.user, at=timezone.now())
    except runs.CannotRun as reason:
        messages.error(request, str(reason))
    else:
        nudge(tasks.pay, run_id)
        messages.success(request, "The workers are paying it. You may close this page.")
    return redirect("payouts:run", run_id)


@never_cache
@staff_required
@require_GET
def register_file(request: HttpRequest, run_id: int, form: str) -> HttpResponseBase:
    """One run as a file."""
    run = get_object_or_404(PayoutRun, pk=run_id)
    return file_response(
        reports.register_of(run.payouts.all()), form, f"megabox-payout-run-{run.pk}-{run.period}-{run.unit}"
    )


@never_cache
@staff_required
@require_GET
def block_list(request: HttpRequest) -> HttpResponse:
    """Who is on hold and why, and a form to hold somebody."""
    return _block_list(request, BlockForm())


def _block_list(request: HttpRequest, form: BlockForm, status: int = 200) -> HttpResponse:
    found = Block.objects.select_related("payee", "created_by", "lifted_by").order_by("-pk")
    now = timezone.now()
    active = set(Block.objects.active(now).values_list("pk", flat=True))
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {"rows": [(block, block.pk in active) for block in page], "page": page, "form": form}
    return render(request, "payouts/blocks.html", context, status=status)


@staff_required
@require_POST
def place_block(request: SignedInRequest) -> HttpResponse:
    """Hold a payee."""
    form = BlockForm(request.POST)
    if not form.is_valid():
        return _block_list(request, form, status=422)
    block = blocks.place(**form.cleaned_data, by=request.user, at=timezone.now())
    messages.success(request, f"{block.payee} is not paid until this is lifted.")
    return redirect("payouts:blocks")


@staff_required
@require_POST
def lift_block(request: SignedInRequest, block_id: int) -> HttpResponse:
    """Let a payee be paid again."""
    block = get_object_or_404(Block.objects.select_related("payee"), pk=block_id)
    if blocks.lift(block.pk, by=request.user, at=timezone.now()):
        messages.success(request, f"{block.payee} may be paid again.")
    else:
        messages.info(request, "Somebody lifted it before you.")
    return redirect("payouts:blocks")
