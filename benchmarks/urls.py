"""The map with one view more, which does nothing: the limit of everything the same server answers."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from megabox.urls import urlpatterns as house


def empty(request: HttpRequest) -> HttpResponse:
    """Two bytes."""
    return HttpResponse(b"ok")


urlpatterns = [path("bench/empty/", empty), *house]
