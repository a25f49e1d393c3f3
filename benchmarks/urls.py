"""The map with some views more: the limits of what the same server answers, and what it takes."""

import resource

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path

from megabox import media
from megabox.urls import urlpatterns as house

PLAIN = "bench.bin"
"""The private file that is sent as it lies there."""


def empty(request: HttpRequest) -> HttpResponse:
    """Two bytes."""
    return HttpResponse(b"ok")


def file(request: HttpRequest) -> HttpResponseBase:
    """One plain file, sent as any is."""
    opened, size = media.open_private(PLAIN)
    return media.range_response(request, opened, size, filename=PLAIN, is_download=True)


def memory(request: HttpRequest) -> HttpResponse:
    """The most memory this process ever had, in MB."""
    return HttpResponse(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000))


urlpatterns = [path("bench/empty/", empty), path("bench/file/", file), path("bench/memory/", memory), *house]
