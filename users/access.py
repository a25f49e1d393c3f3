"""Who may open a page. Each decorator sends strangers to log in and everybody else to a page that says why not."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from allauth.account.models import EmailAddress
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render

from users.models import User

View = Callable[..., HttpResponseBase]


class SignedInRequest(HttpRequest):
    """A request whose user is known to be signed in, as the decorators here make sure."""

    user: User


def sign_in_required(view: View) -> View:
    """Only people who are signed in."""
    return _only(lambda user: None)(view)


def artist_required(view: View) -> View:
    """Only artists and labels."""
    return _only(lambda user: None if user.is_artist else "This page is for artists. Open an artist account first.")(
        view
    )


def advertiser_required(view: View) -> View:
    """Only advertisers."""
    return _only(lambda user: None if user.is_advertiser else "This page is for advertisers. Open an account first.")(
        view
    )


def staff_required(view: View) -> View:
    """Only staff, with a second factor where STAFF_MFA asks for it."""

    @wraps(view)
    def with_second_factor(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = cast(User, request.user)
        if settings.STAFF_MFA == "required" and not is_mfa_enabled(user):
            messages.warning(request, "Staff sign in with a second factor. Set one up here to go on.")
            return redirect("mfa_index")
        return view(request, *args, **kwargs)

    return _only(lambda user: None if user.is_staff else "This page is for the staff of Megabox.")(with_second_factor)


def has_confirmed_email(user: User) -> bool:
    """Whether the person has shown that their address is theirs."""
    return bool(EmailAddress.objects.filter(user=user, verified=True).exists())


def confirmed_addresses(user: User) -> set[str]:
    """The addresses that the person has shown to be theirs, in lower case."""
    found = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return {email.lower() for email in found}


def confirmed_email_required(view: View) -> View:
    """Only people with a confirmed address: publishing, advertising and being paid need one."""

    @wraps(view)
    def confirmed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not has_confirmed_email(cast(User, request.user)):
            messages.warning(
                request, "Confirm your e-mail address first: we sent you a link, and can send it again here."
            )
            return redirect("account_email")
        return view(request, *args, **kwargs)

    return _only(lambda user: None)(confirmed)


def _only(reason_against: Callable[[User], str | None]) -> Callable[[View], View]:
    """A decorator that lets in whoever `reason_against` has nothing against."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
            if reason := reason_against(request.user):
                return render(request, "403.html", {"reason": reason}, status=403)
            return view(request, *args, **kwargs)

        return guarded

    return decorate
