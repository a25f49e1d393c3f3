"""`/desk/stripe/`: whether Stripe and the books agree, what lies between them, and what people decide about it."""

from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from ledger.journal import Refused
from ledger.models import Posting
from megabox.nudges import nudge
from store import tasks
from store.forms.balance import DecisionForm, VatForm
from store.models import BalanceTransaction, Decision, HandEntry
from store.reconciliation import balance_checks, balance_import, balance_pictures, balance_reports, hand_entries, naming
from store.reconciliation import reconciliation as matching
from users.access import SignedInRequest, staff_required
from users.freshness import fresh_sign_in_required

PER_PAGE = 25
DAYS_SHOWN = 31


@never_cache
@staff_required
@require_GET
def reconciliation(request: HttpRequest) -> HttpResponse:
    """Both balances, what lies between them, and Stripe's transactions with how far each is."""
    now = timezone.now()
    state = request.GET.get("state", "")
    shown = BalanceTransaction.objects.filter(state=state) if state in BalanceTransaction.State.values else None
    rows = BalanceTransaction.objects.all() if shown is None else shown
    checks = balance_checks.latest()
    context = {
        "troubles": balance_checks.troubles(now),
        "checks": checks,
        "charts": [balance_pictures.over_time(check.unit, until=now) for check in checks],
        "reading": balance_import.last(),
        "days": balance_reports.days(now.date() - timedelta(days=DAYS_SHOWN - 1), now.date()),
        "days_shown": DAYS_SHOWN,
        "in_flight": naming.unnamed(after=balance_checks.named_through())[:PER_PAGE],
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "state": "" if shown is None else state,
        "states": BalanceTransaction.State.choices,
        "query": f"state={state}" if shown is not None else "",
    }
    return render(request, "store/reconciliation.html", context)


@never_cache
@staff_required
@require_POST
def reconcile(request: HttpRequest) -> HttpResponse:
    """Ask a worker to read and match now, as is done every hour."""
    nudge(tasks.reconcile)
    messages.success(request, "Stripe's list is being read. Open this page again in a moment.")
    return redirect("store:reconciliation")


@never_cache
@staff_required
@require_GET
def balance_transaction(request: HttpRequest, pk: int) -> HttpResponse:
    """One transaction of Stripe's, the entries that name it, and what was decided about it."""
    row = get_object_or_404(BalanceTransaction, pk=pk)
    return _show(request, row, DecisionForm())


def _show(request: HttpRequest, row: BalanceTransaction, form: DecisionForm, status: int = 200) -> HttpResponse:
    namings = list(row.namings.select_related("entry"))
    postings: dict[int, list[Posting]] = {}
    for posting in Posting.objects.filter(entry__in=[one.entry_id for one in namings]).select_related(
        "debit", "credit"
    ):
        postings.setdefault(posting.entry_id, []).append(posting)
    context = {
        "row": row,
        "namings": [(one, postings.get(one.entry_id, [])) for one in namings],
        "named": sum(one.micros for one in namings),
        "decisions": row.decisions.select_related("decided_by", "taken_back_by", "entry"),
        "form": form,
        "can_decide": row.state == BalanceTransaction.State.SUSPENSE,
    }
    return render(request, "store/balance_transaction.html", context, status=status)


@staff_required
@require_POST
@fresh_sign_in_required
def decide(request: SignedInRequest, pk: int) -> HttpResponse:
    """Book a transaction in suspense as what somebody says it is."""
    row = get_object_or_404(BalanceTransaction, pk=pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _show(request, row, form, status=422)
    choice = Decision.Choice(form.cleaned_data["choice"])
    try:
        matching.decide(pk, choice, form.cleaned_data["reason"], by=request.user, at=timezone.now())
    except (matching.NotInSuspense, Refused) as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, "Booked. Suspense is clear of it.")
    return redirect(row)


@staff_required
@require_POST
@fresh_sign_in_required
def take_back(request: SignedInRequest, decision_id: int) -> HttpResponse:
    """Take a decision back."""
    decision = get_object_or_404(Decision, pk=decision_id)
    try:
        is_done = matching.take_back(decision.pk, by=request.user, at=timezone.now())
    except Refused as reason:
        messages.error(request, str(reason))
        return redirect(decision.transaction)
    if is_done:
        messages.success(request, "The decision is taken back, and what it was about was looked for again.")
    else:
        messages.error(request, "That decision was taken back before.")
    return redirect(decision.transaction)


@never_cache
@staff_required
@require_GET
def by_hand(request: HttpRequest) -> HttpResponse:
    """Payments that only people know of, and those that were booked."""
    return _show_by_hand(request, VatForm(owed=hand_entries.vat_owed()))


@staff_required
@require_POST
@fresh_sign_in_required
def pay_vat(request: SignedInRequest) -> HttpResponse:
    """Book a payment of VAT to a country."""
    form = VatForm(request.POST, owed=hand_entries.vat_owed())
    if form.is_valid():
        asked = {name: form.cleaned_data[name] for name in ("form_id", "country", "unit", "micros", "reason")}
        try:
            hand_entries.pay_vat(**asked, by=request.user, at=timezone.now())
        except (hand_entries.CannotBook, Refused) as reason:
            form.add_error("amount", str(reason))
        else:
            messages.success(request, "Booked.")
            return redirect("store:by_hand")
    return _show_by_hand(request, form, status=422)


def _show_by_hand(request: HttpRequest, form: VatForm, status: int = 200) -> HttpResponse:
    past = HandEntry.objects.select_related("booked_by", "entry")[:PER_PAGE]
    context = {"owed": hand_entries.vat_owed(), "form": form, "past": past}
    return render(request, "store/by_hand.html", context, status=status)
