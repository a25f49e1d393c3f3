"""Pages of the map itself: signed files, public covers while developing, and who is signed in."""

import mimetypes

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_safe

from megabox import media

LINK_SECONDS = 600


@require_safe
def file(request: HttpRequest, token: str, filename: str) -> HttpResponseBase:
    """One private file, to the listener its link was made for."""
    try:
        link = media.read_link(token, bound_to=media.listener_key(request), seconds=LINK_SECONDS)
    except media.BadLink as reason:
        return render(request, "403.html", {"reason": str(reason)}, status=403)
    try:
        content, size = media.open_private(link.path)
    except FileNotFoundError:
        raise Http404 from None
    return media.range_response(request, content, size, filename=link.filename, is_download=link.is_download)


@require_safe
def public_file(request: HttpRequest, path: str) -> HttpResponseBase:
    """One public file. Behind a web server or object storage this address never reaches us."""
    storage = media.public()
    if not storage.exists(path):
        raise Http404
    kind = mimetypes.guess_type(path)[0] or ""
    if not kind.startswith("image/"):
        raise Http404
    response = media.range_response(
        request, storage.open(path, "rb"), storage.size(path), filename=path.rsplit("/", 1)[-1], content_type=kind
    )
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@never_cache
@ensure_csrf_cookie
@require_GET
def me(request: HttpRequest) -> HttpResponse:
    """The corner of the header that knows the person; loaded apart so that pages can be cached.

    It also gives the browser its CSRF cookie, which the forms of cached pages need.
    """
    return render(request, "_me.html")
