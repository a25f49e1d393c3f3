"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def library(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def download(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def wallet(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)
