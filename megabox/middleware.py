"""Pieces of the way in and out: what pages may load is said, what is asked all the time goes a short way, text is
packed, pages for strangers are cached, errors while developing are ours.
"""

import hashlib
from collections.abc import Callable
from typing import cast

from csp.constants import HEADER as POLICY
from csp.utils import build_policy
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render
from django.urls import is_valid_path, resolve
from django.utils.cache import patch_cache_control, patch_vary_headers

GetResponse = Callable[[HttpRequest], HttpResponse]
PERSONAL_COOKIES = {settings.SESSION_COOKIE_NAME, "messages"}


class GZipText(GZipMiddleware):
    """Pack text only: audio and zips are packed already, and would lose their length and their ranges."""

    KINDS = ("text/", "application/json", "application/xml", "image/svg+xml")

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Leave everything else, and pieces of anything, as they are."""
        is_text = response.headers.get("Content-Type", "").startswith(self.KINDS)
        return super().process_response(request, response) if is_text and response.status_code != 206 else response


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


def content_policy(get_response: GetResponse) -> GetResponse:
    """Say the Content-Security-Policy of the settings, put together once: no view of ours has one of its own."""
    policy = build_policy()

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not settings.DEBUG or response.status_code not in (404, 500):  # Django's own pages of errors hold scripts
            response.headers.setdefault(POLICY, policy)
        return response

    return middleware


def short_way(get_response: GetResponse) -> GetResponse:
    """Answer the addresses of `settings.SHORT_URLCONF` here, without what only pages for people need.

    Nothing of the house's rules is left out for them: the middleware before this one, the host, framing, who is signed
    in for a view that asks. Their answers are small, never kept for others, read no form, and say nothing in messages;
    a view that others' pages may not post to does not belong here. What is not found goes the whole way, to the page
    that says so.
    """
    short = CommonMiddleware(XFrameOptionsMiddleware(SessionMiddleware(AuthenticationMiddleware(_view))))

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            request.resolver_match = resolve(request.path_info, settings.SHORT_URLCONF)
            return cast(HttpResponse, short(request))
        except Http404:
            return get_response(request)

    return middleware


def _view(request: HttpRequest) -> HttpResponse:
    match = request.resolver_match
    assert match is not None
    answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
    return answer


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


def show_where_forms_are(get_response: GetResponse) -> GetResponse:
    """Lead whoever opens the address of a form, as by a reload after a mistake, to its page: Django shows nothing."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_opened = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        if response.status_code != 405 or not is_opened or response.streaming or response.content:
            return response
        page = render(request, "405.html", {"page": _page_above(request.path_info)}, status=405)
        page.headers["Allow"] = response.headers.get("Allow", "")
        return page

    return middleware


def _page_above(path: str) -> str:
    """The nearest address above this one that is known."""
    while path != "/":
        path = path.rstrip("/").rpartition("/")[0] + "/"
        if is_valid_path(path):
            return path
    return path


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
