"""Download codes in the studio: making them, who used how many, a file, cards to print, stopping them."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from megabox.sheets import file_response
from store.forms.codes import BatchForm
from store.models import CodeBatch, Discount
from store.offers import codes, qr
from store.requests.responses import SeeOther
from users.access import SignedInRequest, artist_required

ON_A_PAGE = 100
LISTED = 25
"""So many discounts, and as many batches, the list of all codes shows at once."""
CARDS = 100
"""So many cards at once: ten sheets of paper, which a browser prints without trouble."""
ON_PAPER = 10


@never_cache
@require_GET
@artist_required
def codes_of(request: SignedInRequest) -> HttpResponse:
    """All codes of the person's artists, discounts and downloads: how many are used, and when last."""
    batches = CodeBatch.objects.owned_by(request.user).with_counts().select_related("album__artist")
    discounts = Discount.objects.owned_by(request.user).select_related("artist", "album")
    context = {
        "discounts": Paginator(discounts, LISTED).get_page(request.GET.get("discounts")),
        "page": Paginator(batches.order_by("-made_at", "-pk"), LISTED).get_page(request.GET.get("page")),
        "today": timezone.now().date(),
    }
    return render(request, "store/codes.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@artist_required
def new_batch(request: SignedInRequest) -> HttpResponse:
    """Make a batch of codes."""
    album = request.GET.get("album")
    form = BatchForm(request.POST or None, user=request.user, initial={"album": album, "count": 100})
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            made = codes.make(typed["album"], typed["count"], name=typed["name"], at=timezone.now())
        except codes.NotPossible as reason:
            form.add_error(None, str(reason))
        else:
            messages.success(request, f"{made.count:,} code{'' if made.count == 1 else 's'} for “{made.album}” made.")
            return SeeOther(made.get_absolute_url())
    return render(request, "store/code_batch_new.html", {"form": form}, status=422 if form.errors else 200)


def _own(request: SignedInRequest, batch_id: int) -> CodeBatch:
    """The person's batch of this id with its counts; 404 for everybody else's."""
    mine = CodeBatch.objects.owned_by(request.user).with_counts().select_related("album__artist", "album__cover")
    return get_object_or_404(mine, pk=batch_id)


@never_cache
@require_GET
@artist_required
def batch(request: SignedInRequest, batch_id: int) -> HttpResponse:
    """One batch: how many are used and left, and every code."""
    found = _own(request, batch_id)
    page = Paginator(found.codes.all(), ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "store/code_batch.html", {"batch": found, "page": page, "address": codes.redeem_url()})


@require_POST
@artist_required
def stop_batch(request: SignedInRequest, batch_id: int) -> HttpResponse:
    """Stop what is left of a batch, or let it go on."""
    found = _own(request, batch_id)
    if request.POST.get("do") == "go on":
        codes.go_on(found)
        messages.success(request, "These codes are good again.")
    else:
        codes.stop(found, at=timezone.now())
        messages.success(request, "Stopped. What was redeemed stays where it is; nobody can use the rest.")
    return SeeOther(found.get_absolute_url())


@never_cache
@require_GET
@artist_required
def batch_csv(request: SignedInRequest, batch_id: int) -> HttpResponseBase:
    """The codes as a file, for whoever prints cards."""
    found = _own(request, batch_id)
    return file_response(codes.table(found), "csv", f"megabox-codes-{found.album.slug}-{found.pk}")


@never_cache
@require_GET
@artist_required
def cards(request: SignedInRequest, batch_id: int) -> HttpResponse:
    """The codes that are not used yet as cards on A4, ten to a sheet of paper."""
    found = _own(request, batch_id)
    page = Paginator(found.codes.filter(redeemed_at=None), CARDS).get_page(request.GET.get("page"))
    drawn = [(code, qr.draw(codes.redeem_url(code))) for code in page]
    sheets = [drawn[n : n + ON_PAPER] for n in range(0, len(drawn), ON_PAPER)]
    address = codes.redeem_url().partition("://")[2]
    context = {"batch": found, "album": found.album, "page": page, "sheets": sheets, "address": address}
    return render(request, "store/code_cards.html", context)
