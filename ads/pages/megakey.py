"""Pages of Megakey for who is signed in: they pair browsers and take them off, and claim sites that are theirs."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from ads.forms.sites import ClaimForm
from ads.megakey import claiming, extension, optouts, pairings
from ads.models import SiteClaim
from ads.rewards import wallets
from ads.tasks import check_site
from megabox.nudges import nudge
from users.access import SignedInRequest, has_confirmed_email, sign_in_required


@never_cache
@require_http_methods(["GET", "POST"])
@sign_in_required
def megakey(request: SignedInRequest) -> HttpResponse:
    """The browsers that earn for the listener; POST makes a code for one more and shows it, this once."""
    user, now, code = request.user, timezone.now(), ""
    wallet = wallets.for_listener(user, "")
    if request.method == "POST":
        # No music is near an ad of the extension, so views of made-up people would not count less and less.
        if not has_confirmed_email(user):
            messages.warning(request, "Confirm your e-mail address first, here. Then pair your browser.")
            return redirect("account_email")
        try:
            code = pairings.new_code(wallet, now)
        except pairings.NotPaired as reason:
            messages.error(request, str(reason))
            return redirect("ads:megakey")
    context = {
        "code": code,
        "code_minutes": pairings.CODE_LIVES.seconds // 60,
        "browsers": pairings.live(wallet),
        "seen_today": extension.seen_today(wallet, now),
        "daily_ads": settings.MEGAKEY_DAILY_ADS,
        "is_blocked": wallet.blocked_at is not None,
    }
    return render(request, "ads/megakey.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@sign_in_required
def claims(request: SignedInRequest) -> HttpResponse:
    """What the listener's payees claim, what waits for them, and a form for one more site."""
    user = request.user
    form = ClaimForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            claiming.claim(form.cleaned_data["domain"], form.cleaned_data["payee"], timezone.now())
        except claiming.BadClaim as reason:
            form.add_error("domain", str(reason))
        else:
            messages.success(request, "The claim is made. Now show that the site is yours, as it says below.")
            return redirect("ads:site_claims")
    mine = SiteClaim.objects.filter(payee__user=user).select_related("site", "payee").order_by("-made_at")
    context = {
        "form": form,
        "claims": [(one, one.site.escrow_micros()) for one in mine],
        "has_payee": user.payees.exists(),
        "unit": settings.ADS_CURRENCY,
    }
    return render(request, "ads/site_claims.html", context, status=422 if form.errors else 200)


@never_cache
@require_POST
@sign_in_required
def ask(request: SignedInRequest, pk: int) -> HttpResponse:
    """Have the file of a claimed site read now, for its claim or its opt-out, at most once a minute."""
    mine = SiteClaim.objects.select_related("site").filter(payee__user=request.user)
    site = get_object_or_404(mine.exclude(state=SiteClaim.State.REFUSED), pk=pk).site
    if optouts.may_be_asked(site, timezone.now()):
        nudge(check_site, site.pk)
        messages.success(request, f"{site.domain} is asked now. Come back in a moment for what it says.")
    else:
        messages.info(request, f"{site.domain} was asked a moment ago. Try again in a minute.")
    return redirect("ads:site_claims")


@never_cache
@require_POST
@sign_in_required
def revoke(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take a browser off: its token is good no more, at once."""
    wallet = wallets.for_listener(request.user, "")
    if pairings.revoke(wallet, pk, timezone.now()):
        messages.success(request, "The browser is taken off. It earns nothing for you any more.")
    else:
        messages.info(request, "This browser is not paired with your wallet.")
    return redirect("ads:megakey")
