"""The listener behind a request."""

from django.http import HttpRequest

from megabox import media
from store.listeners import Listener


def visitor(request: HttpRequest) -> Listener:
    """Who asks: a person, a guest, or a stranger, to whom nothing is given yet. Touches the session."""
    if request.user.is_authenticated:
        return Listener(user_id=request.user.pk)
    return Listener(guest_key=media.guest_key(request, create=False))


def guest_or_person(request: HttpRequest) -> Listener:
    """Who asks; a stranger becomes a guest, whose browser gets a key. For requests that leave something behind."""
    if request.user.is_authenticated:
        return Listener(user_id=request.user.pk)
    return Listener(guest_key=media.guest_key(request))
