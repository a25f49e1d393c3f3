"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def stats(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def stats_csv(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)
