"""The page where a download code is typed. Never cached."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from store import letters
from store.forms.codes import RedeemForm
from store.offers import codes
from store.requests import tries
from store.requests.responses import SeeOther
from store.requests.visitors import guest_or_person


@never_cache
@require_http_methods(["GET", "POST"])
def redeem(request: HttpRequest) -> HttpResponse:
    """Type a code, and the album is in the library.

    Whoever looks at the page is a guest already: of two quick presses a browser forgets the first answer, and with it
    the guest that the answer would have made, who would then have the album.
    """
    listener, now = guest_or_person(request), timezone.now()
    if request.method != "POST":
        shown = RedeemForm(initial={"code": request.GET.get("code", "")[: letters.MOST_TYPED]})
        return render(request, "store/redeem.html", {"form": shown})
    form = RedeemForm(request.POST)
    if wait := tries.DOWNLOAD_CODES.wait(request, now):
        form.add_error(None, tries.sentence(wait))
        answer = render(request, "store/redeem.html", {"form": form}, status=429)
        answer["Retry-After"] = str(int(wait.total_seconds()) + 1)
        return answer
    if form.is_valid():
        try:
            item = codes.redeem(form.cleaned_data["code"], listener, at=now)
        except codes.UnknownCode as reason:
            tries.DOWNLOAD_CODES.count(request, now)
            form.add_error("code", str(reason))
        except (letters.Mistyped, codes.NotRedeemed) as reason:
            form.add_error("code", str(reason))
        else:
            messages.success(request, f"“{item}” is yours. Download it as often as you like, for ever.")
            return SeeOther("/library/")
    return render(request, "store/redeem.html", {"form": form}, status=422)
