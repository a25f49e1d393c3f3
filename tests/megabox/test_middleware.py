"""Pages kept for strangers are never filled by, or shown to, somebody with a session."""

import itertools
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from megabox.middleware import cache_anonymous_pages

PUBLIC = "public, max-age=60"


def site(**headers: str) -> Callable[[HttpRequest], HttpResponse]:
    """A site that answers a new number each time it really makes a page."""
    numbers = itertools.count(1)
    return cache_anonymous_pages(lambda request: HttpResponse(str(next(numbers)), headers=headers))


def ask(get_response: Callable[[HttpRequest], HttpResponse], path: str = "/", **cookies: str) -> HttpResponse:
    request = RequestFactory().get(path)
    request.COOKIES.update(cookies)
    return get_response(request)


def test_strangers_share_a_public_page() -> None:
    pages = site(**{"Cache-Control": PUBLIC})
    assert [ask(pages).content for _ in range(3)] == [b"1", b"1", b"1"]
    assert ask(pages, "/?q=other").content == b"2"


def test_somebody_with_a_session_gets_a_page_of_their_own_and_leaves_none_behind() -> None:
    pages = site(**{"Cache-Control": PUBLIC})
    for cookie in ("sessionid", "messages"):
        mine = ask(pages, "/a" + cookie, **{cookie: "x"})
        assert "private" in mine["Cache-Control"]
        assert ask(pages, "/a" + cookie).content != mine.content


def test_pages_that_do_not_say_public_are_never_kept() -> None:
    pages = site()
    assert [ask(pages).content for _ in range(2)] == [b"1", b"2"]


def test_a_page_that_sets_a_cookie_is_never_kept() -> None:
    numbers = itertools.count(1)

    def page(request: HttpRequest) -> HttpResponse:
        response = HttpResponse(str(next(numbers)), headers={"Cache-Control": PUBLIC})
        response.set_cookie("sessionid", "theirs")
        return response

    pages = cache_anonymous_pages(page)
    assert [ask(pages).content for _ in range(2)] == [b"1", b"2"]


def test_a_page_for_browsers_that_unpack_gzip_is_not_given_to_others() -> None:
    pages = site(**{"Cache-Control": PUBLIC})
    request = RequestFactory().get("/", headers={"accept-encoding": "gzip"})
    assert pages(request).content == b"1"
    assert ask(pages).content == b"2"
