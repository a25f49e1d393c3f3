"""The library, its downloads, and the wallet: pages of one listener, never cached."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from artists import packages, tasks
from artists.audio import RECIPES
from artists.models import Track
from megabox import media
from megabox.nudges import nudge
from megabox.sheets import file_response
from store.access import downloads
from store.access import library as libraries
from store.listeners import Listener
from store.models import LibraryItem, Order
from store.music import Music, NoSuchMusic
from store.pages import wallet_story
from store.requests.responses import SeeOther
from store.requests.visitors import visitor
from store.sales import preorders


@never_cache
@require_GET
def library(request: HttpRequest) -> HttpResponse:
    """Everything somebody has, with formats; what they ordered and is not out yet; and their orders."""
    listener = visitor(request)
    orders = Order.objects.of(listener).exclude(state=Order.State.CANCELLED).order_by("-placed_at")[:20]
    context = {
        "owned": downloads.owned(libraries.items(listener), downloads.usual(listener)),
        "coming": preorders.waiting(listener),
        "orders": orders,
    }
    return render(request, "store/library.html", context)


@never_cache
@require_safe
def download(request: HttpRequest, kind: str, pk: int, recipe: str) -> HttpResponseBase:
    """The finished file, or an album as a zip with its exact length. 404 for what is not theirs."""
    listener = visitor(request)
    music, item = _theirs_or_404(listener, kind, pk, recipe)
    try:
        if music.track is not None:
            return _track(request, listener, item, music.track, recipe)
        return _album(request, listener, item, recipe)
    except packages.NotPrepared:
        return redirect("store:make", kind=kind, pk=pk, recipe=recipe)


def _theirs_or_404(listener: Listener, kind: str, pk: int, recipe: str) -> tuple[Music, LibraryItem]:
    if recipe not in RECIPES:
        raise Http404
    try:
        music = Music.find(kind, pk)
        return music, downloads.right(listener, music)
    except (NoSuchMusic, downloads.NotYours):
        raise Http404 from None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def make(request: HttpRequest, kind: str, pk: int, recipe: str) -> HttpResponse:
    """A format on its way: looking has it made, the page follows it, and a press tries again what failed."""
    music, item = _theirs_or_404(visitor(request), kind, pk, recipe)
    do = downloads.ask_again if request.method == "POST" else downloads.ask
    for rendition_id in do(item, music, recipe, at=timezone.now()):
        nudge(tasks.make, rendition_id)
    if request.method == "POST":
        return SeeOther(request.path)
    return render(request, "store/make.html", {"music": music, "making": downloads.making(item, music, recipe)})


def _track(request: HttpRequest, listener: Listener, item: LibraryItem, track: Track, recipe: str) -> HttpResponseBase:
    file = downloads.track_file(track, recipe)
    if _is_a_start(request):
        downloads.record(item, Music(track=track), listener, recipe, file.size, at=timezone.now())
    opened, size = media.open_private(file.path)
    return media.range_response(
        request,
        opened,
        size,
        filename=file.filename,
        content_type=file.content_type,
        is_download=True,
        etag=file.etag,
    )


def _album(request: HttpRequest, listener: Listener, item: LibraryItem, recipe: str) -> HttpResponseBase:
    archive = downloads.album_zip(item, recipe)
    if _is_a_start(request):
        downloads.record(item, Music(album=item.album), listener, recipe, archive.size, at=timezone.now())
    return media.computed_response(
        request,
        archive.read,
        archive.size,
        filename=archive.filename,
        content_type=archive.content_type,
        etag=archive.etag,
    )


def _is_a_start(request: HttpRequest) -> bool:
    """Whether this fetches the file from its beginning: parts that follow are not counted again."""
    asked = request.headers.get("Range", "")
    return request.method == "GET" and (not asked or asked.startswith("bytes=0-"))


@never_cache
@require_GET
def wallet(request: HttpRequest) -> HttpResponse:
    """Credits: how many, where each came from, and which artist it went to."""
    story = wallet_story.of(visitor(request), page=request.GET.get("page", "1"))
    return render(request, "store/wallet.html", {"story": story, "is_guest": not request.user.is_authenticated})


@never_cache
@require_GET
def wallet_csv(request: HttpRequest) -> HttpResponseBase:
    """All that ever happened in the wallet, for a spreadsheet."""
    return file_response(wallet_story.table(visitor(request)), "csv", "megabox-wallet")
