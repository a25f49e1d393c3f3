"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def home(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def search(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def artist(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def album(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def track(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def tag(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)
