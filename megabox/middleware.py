"""Two pieces of the way in and out: cached pages for strangers, and our own error pages while developing."""

import hashlib
from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers

GetResponse = Callable[[HttpRequest], HttpResponse]
PERSONAL_COOKIES = {settings.SESSION_COOKIE_NAME, "messages"}


def cache_anonymous_pages(get_response: GetResponse) -> GetResponse:
    """Keep pages that say `Cache-Control: public` for visitors without a session; nobody else gets or fills it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method != "GET" or not request.COOKIES.keys().isdisjoint(PERSONAL_COOKIES):
            return _kept_to_oneself(get_response(request))
        key = _key(request)
        kept: HttpResponse | None = cache.get(key)
        if kept is not None:
            return kept
        response = get_response(request)
        seconds = _public_seconds(response)
        if seconds and not response.cookies:
            patch_vary_headers(response, ["Cookie"])
            cache.set(key, response, seconds)
        return response

    return middleware


def _key(request: HttpRequest) -> str:
    gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    text = f"{request.get_host()}|{request.get_full_path()}|{gzip}|{request.headers.get('Accept-Language', '')}"
    return "page:" + hashlib.sha256(text.encode()).hexdigest()


def _public_seconds(response: HttpResponse) -> int:
    """For how long the page may be shared: the max-age of a public 200, else 0."""
    rules = dict(part.strip().partition("=")[::2] for part in response.get("Cache-Control", "").split(","))
    if response.status_code != 200 or response.streaming or "public" not in rules:
        return 0
    return int(rules.get("max-age") or 0)


def _kept_to_oneself(response: HttpResponse) -> HttpResponse:
    """A page made for somebody with a session may hold what only they may see."""
    if "public" in response.get("Cache-Control", "") and response.get("Content-Type", "").startswith("text/html"):
        del response["Cache-Control"]
        patch_cache_control(response, private=True, no_cache=True)
    return response


def show_our_error_pages(get_response: GetResponse) -> GetResponse:
    """While DEBUG is on Django answers 404 and 500 with its own pages, which would stop the player.

    The traceback of a 500 still goes to the log.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_page = not response.streaming and response.get("Content-Type", "").startswith("text/html")
        if settings.DEBUG and is_page and response.status_code in (404, 500) and b'id="main"' not in response.content:
            return render(request, f"{response.status_code}.html", status=response.status_code)
        return response

    return middleware
