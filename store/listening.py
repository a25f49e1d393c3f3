"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def stream(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def played(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)
