"""Step-up sign-in: approvals and payout details ask for the password again when the last sign-in is a while ago."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

View = Callable[..., HttpResponseBase]


def fresh_sign_in_required(view: View) -> View:
    """Only people who signed in (or typed their password again) a few minutes ago.

    Goes with the second factor of the staff: with STAFF_MFA optional, on a developer's machine, nobody is asked.
    """

    @wraps(view)
    def fresh(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.STAFF_MFA == "required" and not _is_fresh(request):
            raise ReauthenticationRequired  # allauth asks, and goes on with this request afterwards
        return view(request, *args, **kwargs)

    return fresh


def _is_fresh(request: HttpRequest) -> bool:
    latest: float = max(
        (record.get("at", 0) for record in get_authentication_records(request, request.user)), default=0
    )
    return time.time() - latest < float(app_settings.REAUTHENTICATION_TIMEOUT)
