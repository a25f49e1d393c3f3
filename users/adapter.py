"""How django-allauth fits into Megabox."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Mail goes through the outbox (EMAIL_BACKEND); new people land where their role begins."""

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        if getattr(request.user, "is_artist", False):
            return "/studio/"
        if getattr(request.user, "is_advertiser", False):
            return "/advertise/"
        return "/"
