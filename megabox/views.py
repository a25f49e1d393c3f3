"""Pages of the map itself: signed files, public covers while developing, the person, and what is kept of views."""

import mimetypes

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_safe

from ads import tokens
from ads.measurement import counting
from ads.traffic import prefixes
from artists import plays, signing
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


@cache_control(public=True, max_age=300)
@require_GET
def privacy(request: HttpRequest) -> HttpResponse:
    """What is kept of listeners, the ads they see, and people in splits; its numbers are those the code goes by."""
    context = {
        "fewest": plays.FEWEST_NAMED,
        "full_views": settings.ADS_FULL_VIEWS,
        "gate_minutes": tokens.GATE_LIFETIME_SECONDS // 60,
        "page_minutes": tokens.SLOT_LIFETIME_SECONDS // 60,
        "megakey_minutes": tokens.MEGAKEY_LIFETIME_SECONDS // 60,
        "count_days": prefixes.COUNT_DAYS,
        "report_days": counting.EVENT_DAYS,
        "decision_days": settings.ADS_DECISION_DAYS,
        "guest_days": settings.SESSION_COOKIE_AGE // 86_400,
        "sign_days": signing.TIME_TO_SIGN.days,
        "is_replacing": settings.MEGAKEY_REPLACES,
    }
    return render(request, "privacy.html", context)
