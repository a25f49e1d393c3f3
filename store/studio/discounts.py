"""Discounts in the studio: making a code, what it took off, changing its limits, stopping it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from megabox.sheets import file_response
from store.forms.discounts import DiscountForm, LimitsForm, limits_of
from store.models import Discount
from store.offers import discount_uses, discounts
from store.requests.responses import SeeOther
from users.access import SignedInRequest, artist_required

ON_A_PAGE = 100


@never_cache
@require_http_methods(["GET", "POST"])
@artist_required
def new_discount(request: SignedInRequest) -> HttpResponse:
    """Make a code."""
    form = DiscountForm(request.POST or None, user=request.user, initial={"scope": request.GET.get("for")})
    if request.method == "POST" and form.is_valid():
        try:
            made = discounts.make(form.details(), at=timezone.now())
        except discounts.NotPossible as reason:
            form.add_error("code", str(reason))
        else:
            messages.success(request, f"“{made}” is good from now on." if not made.starts_on else f"“{made}” is made.")
            return SeeOther(made.get_absolute_url())
    return render(request, "store/discount_new.html", {"form": form}, status=422 if form.errors else 200)


def _own(request: SignedInRequest, discount_id: int) -> Discount:
    """The person's discount of this id; 404 for everybody else's."""
    mine = Discount.objects.owned_by(request.user).select_related("artist", "album")
    return get_object_or_404(mine, pk=discount_id)


@never_cache
@require_http_methods(["GET", "POST"])
@artist_required
def discount(request: SignedInRequest, discount_id: int) -> HttpResponse:
    """One code: its uses, what it took off, and its limits, which can be changed."""
    found = _own(request, discount_id)
    form = LimitsForm(request.POST or None, initial=limits_of(found))
    if request.method == "POST" and form.is_valid():
        discounts.change_limits(found, form.cleaned_data)
        messages.success(request, "Saved. It holds for all who use the code from now on.")
        return SeeOther(found.get_absolute_url())
    page = Paginator(discount_uses.lines(found), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "discount": found,
        "form": form,
        "page": page,
        "sums": discount_uses.sums(found),
        "today": timezone.now().date(),
    }
    return render(request, "store/discount.html", context, status=422 if form.errors else 200)


@require_POST
@artist_required
def stop_discount(request: SignedInRequest, discount_id: int) -> HttpResponse:
    """Stop a code, or let it go on."""
    found = _own(request, discount_id)
    if request.POST.get("do") == "go on":
        discounts.go_on(found)
        messages.success(request, f"“{found}” is good again, within its limits.")
    else:
        discounts.stop(found, at=timezone.now())
        messages.success(request, f"“{found}” is stopped. Who is on the payment page now still pays the lower price.")
    return SeeOther(found.get_absolute_url())


@never_cache
@require_GET
@artist_required
def discount_csv(request: SignedInRequest, discount_id: int) -> HttpResponseBase:
    """Every use as a file for a spreadsheet."""
    found = _own(request, discount_id)
    return file_response(discount_uses.table(found), "csv", f"megabox-discount-{found.pk}")
