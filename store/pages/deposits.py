"""Giving an advertiser back what is left: how much that is, one page to confirm it, and the row that says so."""

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ads.budgets import funds
from ads.models import Advertiser
from megabox import money
from megabox.nudges import nudge
from store import tasks
from store.cases import deposit_refunds
from store.requests.responses import SeeOther
from users.access import advertiser_required
from users.models import User


@never_cache
@advertiser_required
@require_http_methods(["GET", "POST"])
def give_back(request: HttpRequest, pk: int) -> HttpResponse:
    """What would go back to which card, and what stops; a press wants it back, once."""
    user = cast(User, request.user)
    advertiser = get_object_or_404(Advertiser.objects.owned_by(user), pk=pk)
    now = timezone.now()
    try:
        if request.method == "POST":
            wanted = deposit_refunds.want(advertiser, now, user, most=_seen(request))
            nudge(tasks.send_deposit_refunds)
            total = money.display(sum(one.amount_micros for one in wanted), settings.ADS_CURRENCY)
            messages.success(request, f"{total} is on its way back to the card it came from.")
            return SeeOther("/advertise/")
        parts = deposit_refunds.plan(advertiser, now)
    except deposit_refunds.CannotGiveBack as reason:
        messages.error(request, str(reason))
        return SeeOther("/advertise/")
    context = {
        "advertiser": advertiser,
        "parts": parts,
        "total": sum(part.micros for part in parts),
        "funds": funds.of(advertiser, now),
        "live": advertiser.campaigns.live().order_by("name"),
        "unit": settings.ADS_CURRENCY,
    }
    return render(request, "store/give_back.html", context)


def _seen(request: HttpRequest) -> int | None:
    """The amount the advertiser agreed to; more than that is not given back without asking."""
    said = request.POST.get("most", "")
    return int(said) if said.isdecimal() and len(said) < 19 else None
