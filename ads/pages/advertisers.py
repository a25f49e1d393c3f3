"""Pages of advertisers about themselves: what advertising here is, their accounts, their money, their campaigns."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from ads.budgets import funds
from ads.forms.advertisers import AdvertiserForm
from ads.models import Ad, Advertiser, Campaign
from ads.pages.owned import status_of, user_of
from users.access import confirmed_email_required
from users.models import User

PAGE = 50
"""Campaigns on one page."""


@never_cache
@require_GET
def overview(request: HttpRequest) -> HttpResponseBase:
    """What advertising here is, for strangers; money and campaigns, for advertisers."""
    if not request.user.is_authenticated or not request.user.is_advertiser:
        return render(request, "ads/welcome.html", {"unit": settings.ADS_CURRENCY})
    return _overview(request)


@confirmed_email_required
def _overview(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    mine = Advertiser.objects.owned_by(user_of(request)).order_by("name")
    accounts = [(advertiser, funds.of(advertiser, now)) for advertiser in mine]
    campaigns = Campaign.objects.filter(advertiser__in=mine).select_related("advertiser")
    page = Paginator(campaigns.annotate(**_COUNTS).order_by("-created_at"), PAGE).get_page(request.GET.get("page"))
    reviews = set(Ad.objects.filter(campaign__advertiser__in=mine).values_list("review", flat=True).distinct())
    context = {
        "accounts": accounts,
        "page": page,
        "is_new": bool(accounts) and not campaigns.filter(went_live_at__isnull=False).exists(),
        "has_money": any(account.prepaid > 0 for _, account in accounts),
        "was_sent": bool(reviews - {Ad.Review.DRAFT}),
        "is_approved": Ad.Review.APPROVED in reviews,
        "unit": settings.ADS_CURRENCY,
    }
    return render(request, "ads/overview.html", context)


_COUNTS = {
    "ads_count": Count("ads", filter=~Q(ads__review=Ad.Review.WITHDRAWN)),
    "waiting_count": Count("ads", filter=Q(ads__review=Ad.Review.PENDING)),
    "refused_count": Count("ads", filter=Q(ads__review=Ad.Review.REFUSED)),
}


@never_cache
@require_http_methods(["GET", "POST"])
@confirmed_email_required
def advertiser_new(request: HttpRequest) -> HttpResponse:
    """Open an advertiser's account, or another one."""
    user = user_of(request)
    form = AdvertiserForm(request.POST or None, owner=user)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
            User.objects.filter(pk=user.pk).update(is_advertiser=True)
        messages.success(request, f"{form.instance.name} can advertise now. The steps below lead to its first view.")
        return redirect("ads:overview")
    return render(request, "ads/advertiser_new.html", {"form": form}, status=status_of(form))
