"""What happens when somebody logs in or confirms an address: what they had as a guest becomes theirs.

django-allauth's signals; there are none between our own rooms.
"""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, user_logged_in
from django.http import HttpRequest
from django.utils import timezone

from ads.rewards import wallets
from megabox import media
from store.access import library
from users.models import User


def listen() -> None:
    """Connect, once per process."""
    user_logged_in.connect(logged_in, dispatch_uid="store.logged_in")
    email_confirmed.connect(confirmed, dispatch_uid="store.confirmed")


def logged_in(sender: object, request: HttpRequest, user: User, **more: Any) -> None:
    """Credits, music, orders and the cart of this browser's guest, and what was paid for with a confirmed address."""
    now = timezone.now()
    library.claim_guest(user, media.guest_key(request, create=False), at=now)
    addresses = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    library.claim_by_email(user, list(addresses), at=now)
    if addresses:
        wallets.prove(user, now)


def confirmed(sender: object, request: HttpRequest, email_address: EmailAddress, **more: Any) -> None:
    """What a guest paid for with the address that was just confirmed; and it is known to be a person's now."""
    now = timezone.now()
    library.claim_by_email(email_address.user, [email_address.email], at=now)
    wallets.prove(email_address.user, now)
