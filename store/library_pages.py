"""The library, its downloads, and the wallet: pages of one listener, never cached."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from artists import packages
from artists.audio import RECIPES
from artists.models import Track
from megabox import media
from store import downloads, wallet_story
from store import library as libraries
from store.listeners import Listener
from store.models import LibraryItem, Order
from store.music import Music, NoSuchMusic
from store.visitors import visitor


@never_cache
@require_GET
def library(request: HttpRequest) -> HttpResponse:
    """Everything somebody has, with formats; and their orders."""
    listener = visitor(request)
    orders = Order.objects.of(listener).exclude(state=Order.State.CANCELLED).order_by("-placed_at")[:20]
    context = {"owned": downloads.owned(libraries.items(listener)), "orders": orders, "best": downloads.BEST_FOR_MOST}
    return render(request, "store/library.html", context)


@never_cache
@require_safe
def download(request: HttpRequest, kind: str, pk: int, recipe: str) -> HttpResponseBase:
    """The finished file, or an album as a zip with its exact length. 404 for what is not theirs."""
    if recipe not in RECIPES:
        raise Http404
    listener = visitor(request)
    try:
        music = Music.find(kind, pk)
        item = downloads.right(listener, music)
    except (NoSuchMusic, downloads.NotYours):
        raise Http404 from None
    try:
        if music.track is not None:
            return _track(request, listener, item, music.track, recipe)
        return _album(request, listener, item, recipe)
    except packages.NotPrepared as reason:
        messages.warning(request, str(reason))
        return redirect("store:library")


def _track(request: HttpRequest, listener: Listener, item: LibraryItem, track: Track, recipe: str) -> HttpResponseBase:
    file = downloads.track_file(track, recipe)
    if _is_a_start(request):
        downloads.record(item, Music(track=track), listener, recipe, file.size, at=timezone.now())
    opened, size = media.open_private(file.path)
    return media.range_response(
        request, opened, size, filename=file.filename, content_type=file.content_type, is_download=True
    )


def _album(request: HttpRequest, listener: Listener, item: LibraryItem, recipe: str) -> HttpResponseBase:
    archive = downloads.album_zip(item, recipe)
    if _is_a_start(request):
        downloads.record(item, Music(album=item.album), listener, recipe, archive.size, at=timezone.now())
    answer = StreamingHttpResponse(archive.chunks, content_type=archive.content_type)
    answer["Content-Length"] = str(archive.size)
    answer["Content-Disposition"] = str(content_disposition_header(True, archive.filename))
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _is_a_start(request: HttpRequest) -> bool:
    """Whether this fetches the file from its beginning: parts that follow are not counted again."""
    asked = request.headers.get("Range", "")
    return request.method == "GET" and (not asked or asked.startswith("bytes=0-"))


@never_cache
@require_GET
def wallet(request: HttpRequest) -> HttpResponse:
    """Credits: how many, where each came from, and which artist it went to."""
    return render(request, "store/wallet.html", {"story": wallet_story.of(visitor(request))})
