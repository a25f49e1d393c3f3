"""Issued statements: artists list, issue and download their own; the staff download any."""

from datetime import date

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from artists.models import Payee
from ledger.models import Month
from payouts import issuing, statements
from payouts.models import IssuedStatement
from users.access import SignedInRequest, artist_required, staff_required


class IssueForm(forms.Form):
    """Which month's statement is wanted."""

    choice = forms.ChoiceField(label="Statement of")

    def __init__(self, *args: object, payees: list[Payee], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # whatever a form takes
        field = self.fields["choice"]
        assert isinstance(field, forms.ChoiceField)
        closed = list(Month.objects.order_by("-month").values_list("month", flat=True)[:36])
        there = set(IssuedStatement.objects.filter(payee__in=payees).values_list("payee_id", "unit", "month"))
        field.choices = [
            (f"{payee.pk}:{unit}:{month.isoformat()}", f"{month:%B %Y}, {payee.name}, {unit}")
            for month in closed
            for payee in payees
            for unit in statements.units(payee)
            if (payee.pk, unit, month) not in there
        ]

    @property
    def chosen(self) -> tuple[int, str, date]:
        """Payee, unit and month; only of a form that is valid."""
        payee_id, unit, month = self.cleaned_data["choice"].split(":")
        return int(payee_id), unit, date.fromisoformat(month)


@never_cache
@artist_required
@require_GET
def issued(request: SignedInRequest) -> HttpResponse:
    """One's issued statements, newest month first, and what can be issued now."""
    payees = _payees(request)
    found = IssuedStatement.objects.filter(payee__in=payees).select_related("payee", "corrects", "corrected_by")
    context = {"statements": found, "form": IssueForm(payees=payees)}
    return render(request, "payouts/issued.html", context)


@artist_required
@require_POST
def issue(request: SignedInRequest) -> HttpResponse:
    """Issue the statement of a closed month of one's own."""
    payees = _payees(request)
    form = IssueForm(request.POST, payees=payees)
    if not form.is_valid():
        messages.error(request, "Choose a month from the list. A month is there once its books are closed.")
        return redirect("payouts:issued")
    payee_id, unit, month = form.chosen
    payee = next(payee for payee in payees if payee.pk == payee_id)
    made = issuing.issue(payee, unit, month, at=timezone.now())
    messages.success(request, f"Statement {made.number} is issued.")
    return redirect("payouts:issued")


@never_cache
@artist_required
@require_GET
def issued_file(request: SignedInRequest, pk: int) -> HttpResponse:
    """An issued statement of one's own."""
    return _pdf(request, get_object_or_404(IssuedStatement, pk=pk, payee__user=request.user))


@never_cache
@staff_required
@require_GET
def any_issued_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Any issued statement, for the staff."""
    return _pdf(request, get_object_or_404(IssuedStatement, pk=pk))


def _payees(request: SignedInRequest) -> list[Payee]:
    return list(Payee.objects.filter(user=request.user).order_by("pk"))


def _pdf(request: HttpRequest, issued: IssuedStatement) -> HttpResponse:
    try:
        pdf = issuing.read(issued)
    except issuing.Damaged as fault:
        raise Http404(str(fault)) from fault
    name = content_disposition_header(True, f"megabox-statement-{issued.number}.pdf") or ""
    return HttpResponse(pdf, content_type="application/pdf", headers={"Content-Disposition": name})
