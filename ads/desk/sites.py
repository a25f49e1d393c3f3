"""The staff's pages of Megakey: the sites, importing them, opt-outs, and who claims a site."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ads.forms.sites import SitesForm
from ads.megakey import claiming, sites
from ads.models import Site, SiteClaim, SiteList
from ads.tasks import check_site, look_up_record
from megabox.nudges import nudge
from users.access import SignedInRequest, staff_required
from users.freshness import fresh_sign_in_required

PER_PAGE = 50
SHOWN = 20
"""So many sites of each kind an import lists; it counts all."""


@never_cache
@require_GET
@staff_required
def sites_page(request: HttpRequest) -> HttpResponse:
    """The sites by rank, found by a part of their name; claims that wait stand first."""
    words = request.GET.get("q", "").replace("\0", "").strip()[:253]
    found = Site.objects.select_related("payee").order_by("rank", "domain")
    waiting = SiteClaim.objects.filter(state=SiteClaim.State.OPEN).select_related("site__payee", "payee")
    query = urlencode({"q": words}) if words else ""
    context = {
        "query": query,
        "page": Paginator(found.filter(domain__contains=words.lower()) if words else found, PER_PAGE).get_page(
            request.GET.get("page")
        ),
        "q": words,
        "listed": Site.objects.listed().count(),
        "claims": [(one, one.site.escrow_micros()) for one in waiting.order_by("made_at")[:PER_PAGE]],
        "is_on": settings.MEGAKEY_REPLACES,
        "newest": SiteList.objects.order_by("-version").first(),
        "public_key": sites.public_key(),
        "unit": settings.ADS_CURRENCY,
    }
    return render(request, "ads/sites.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@staff_required
def import_page(request: HttpRequest) -> HttpResponse:
    """Say what a file would change, and change it when asked; a file with a fault changes nothing."""
    form = SitesForm(request.POST or None, request.FILES or None)
    made = None
    if request.method == "POST" and form.is_valid():
        try:
            made = sites.plan(form.cleaned_data["text"])
        except sites.BadList as fault:
            form.add_error(None, str(fault))
        else:
            if request.POST.get("do") == "import" and not made.faults:
                count = sites.apply(made, timezone.now())
                messages.success(request, f"Imported: {count} site{'s' if count != 1 else ''} new or changed.")
                return redirect("ads:sites")
            form = SitesForm(initial={"text": form.cleaned_data["text"]})
    status = 422 if form.errors or (made and made.faults) else 200
    context = {
        "form": form,
        "made": made,
        "faults": made.faults[: sites.MOST_FAULTS] if made else [],
        "groups": [("New", made.new[:SHOWN], len(made.new)), ("Changed", made.changed[:SHOWN], len(made.changed))]
        if made
        else [],
    }
    return render(request, "ads/sites_import.html", context, status=status)


@never_cache
@require_POST
@staff_required
def do(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Take a site off the list, put it back, or ask it now whether it opts out."""
    site, now = get_object_or_404(Site, pk=pk), timezone.now()
    if verb == "out":
        sites.opt_out(site, Site.OptOut.STAFF, now)
        messages.success(request, f"{site.domain} is off the list, for good.")
    elif verb == "in":
        sites.opt_in(site, now)
        messages.success(request, f"{site.domain} does not opt out any more.")
    elif verb == "check":
        nudge(check_site, site.pk)
        messages.success(request, f"{site.domain} is asked now. What it says shows here in a moment.")
    else:
        raise Http404
    return redirect("ads:sites")


@never_cache
@require_POST
@staff_required
def look_up(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the TXT record of a claim looked up now."""
    made = get_object_or_404(SiteClaim.objects.select_related("site"), pk=pk, state=SiteClaim.State.OPEN)
    nudge(look_up_record, made.pk)
    messages.success(request, f"The record of {made.site.domain} is looked up now. What was answered shows here soon.")
    return redirect("ads:sites")


@never_cache
@require_POST
@staff_required
@fresh_sign_in_required
def decide(request: SignedInRequest, pk: int, verb: str) -> HttpResponse:
    """Confirm a claim whose TXT record was seen, or refuse it."""
    made = get_object_or_404(SiteClaim.objects.select_related("site", "payee"), pk=pk)
    by, now = request.user, timezone.now()
    try:
        if verb == "confirm":
            claiming.confirm(made, by, now)
            messages.success(request, f"{made.site.domain} belongs to {made.payee.name} now.")
        elif verb == "refuse":
            claiming.refuse(made, by, now)
            messages.success(request, "The claim is refused.")
        else:
            raise Http404
    except claiming.BadClaim as reason:
        messages.error(request, str(reason))
    return redirect("ads:sites")
