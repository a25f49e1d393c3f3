"""`/studio/earnings/bank/`: payees who are not paid through Stripe give their bank details."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from artists.models import Payee
from payouts import bank_details, blocks, rails
from payouts.forms import BankAccountForm
from users.access import SignedInRequest, artist_required, confirmed_email_required
from users.freshness import fresh_sign_in_required


@never_cache
@sensitive_post_parameters("number", "bic", "holder")
@confirmed_email_required
@artist_required
@require_http_methods(["GET", "POST"])
@fresh_sign_in_required
def bank(request: SignedInRequest, payee_id: int) -> HttpResponse:
    """The account in use, shortened, and a form for another."""
    payee = get_object_or_404(Payee, pk=payee_id, user=request.user)
    form = BankAccountForm(request.POST or None)
    now = timezone.now()
    if request.method == "POST" and form.is_valid():
        account = bank_details.choose_account(payee, **form.cleaned_data, by=request.user, at=now)
        messages.success(request, f"Saved: {account}. We have sent you a letter about it.")
        return redirect("payouts:bank", payee_id)
    again = blocks.paid_again_from(payee)
    context = {
        "payee": payee,
        "account": rails.account_of(payee),
        "form": form,
        "again": again if again and again > now else None,
        "days": blocks.BANK_CHANGE_DAYS,
        "is_sepa_on": rails.is_sepa_on(),
    }
    return render(request, "payouts/bank.html", context, status=422 if form.is_bound else 200)


@confirmed_email_required
@artist_required
@require_POST
@fresh_sign_in_required
def use_stripe(request: SignedInRequest, payee_id: int) -> HttpResponse:
    """Be paid through Stripe again."""
    payee = get_object_or_404(Payee, pk=payee_id, user=request.user)
    if bank_details.choose_stripe(payee, at=timezone.now()):
        messages.success(request, "You are paid through Stripe again.")
    return redirect("payouts:bank", payee_id)
