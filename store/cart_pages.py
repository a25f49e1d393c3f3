"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def buy_block(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def cart(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def add(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def remove(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def buy(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)


def deposit(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """To be written."""
    return HttpResponse(status=501)
