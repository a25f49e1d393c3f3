"""Pages kept for strangers are never filled by, or shown to, somebody with a session; the short way keeps the rules."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from pytest_django import Settings

from ads import short_urls
from megabox.middleware import cache_anonymous_pages, short_way
from tests.users.factories import ada, leo

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


# --- the short way


def whole_way(request: HttpRequest) -> HttpResponse:
    raise AssertionError("the rest of the middleware was asked")


@pytest.fixture
def asked(settings: Settings) -> list[object]:
    """Who asked at /asked/, an address of the short way."""
    people: list[object] = []

    def view(request: HttpRequest) -> HttpResponse:
        people.append(request.user.pk)
        return HttpResponse("ok")

    settings.SHORT_URLCONF = (path("asked/", view),)
    return people


def test_what_is_asked_all_the_time_does_not_go_the_whole_way(asked: list[object]) -> None:
    answer = short_way(whole_way)(RequestFactory().get("/asked/"))
    assert (answer.status_code, answer.content, answer["X-Frame-Options"]) == (200, b"ok", "DENY")
    with pytest.raises(AssertionError):
        short_way(whole_way)(RequestFactory().get("/other/"))


@pytest.mark.django_db
def test_the_short_way_has_the_headers_of_every_page(asked: list[object], client: Client, settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 60
    short, page = (client.get(address, secure=True) for address in ("/asked/", "/"))
    for name in (
        "Content-Security-Policy",
        "Cross-Origin-Opener-Policy",
        "Referrer-Policy",
        "Strict-Transport-Security",
        "X-Content-Type-Options",
        "X-Frame-Options",
    ):
        assert short[name] == page[name], name
    assert "default-src 'self'" in short["Content-Security-Policy"]
    assert short["Content-Length"] == "2"


def test_the_short_way_leads_to_https_like_every_other(asked: list[object], client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/asked/")["Location"].startswith("https://")
    assert asked == []


def test_the_short_way_is_closed_under_a_name_that_is_not_ours(
    asked: list[object], client: Client, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["ours.example"]
    assert client.get("/asked/", headers={"host": "other.example"}).status_code == 400
    assert asked == []


@pytest.mark.django_db
def test_the_short_way_knows_who_is_signed_in_and_makes_no_session(asked: list[object], client: Client) -> None:
    assert not client.get("/asked/").cookies
    client.force_login(leo())
    client.get("/asked/")
    assert asked == [None, leo().pk]


@pytest.mark.django_db
def test_what_the_short_way_does_not_find_is_told_by_the_page_for_it(client: Client) -> None:
    answer = client.get("/ads/slot/page/album/1000000/")
    assert answer.status_code == 404
    assert b'id="main"' in answer.content


@pytest.mark.parametrize("pattern", short_urls.urlpatterns, ids=lambda pattern: pattern.name)
def test_nothing_on_the_short_way_needs_a_csrf_token(pattern: Any) -> None:
    view = pattern.callback
    kwargs = dict.fromkeys(pattern.pattern.converters)
    is_exempt = getattr(view, "csrf_exempt", False)
    assert is_exempt or view(RequestFactory().post("/"), **kwargs).status_code == 405


# --- addresses of forms


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "above"),
    [
        ("/desk/payouts/open/", "/desk/payouts/"),
        ("/desk/payouts/blocks/7/lift/", "/desk/payouts/blocks/"),
        ("/desk/payouts/7/approve/", "/desk/payouts/7/"),
    ],
)
def test_the_address_of_a_form_leads_to_its_page(client: Client, path: str, above: str) -> None:
    client.force_login(ada())

    opened = client.get(path, headers={"Accept": "text/html,*/*"})
    assert (opened.status_code, opened["Allow"]) == (405, "POST")
    assert "This address only takes a form" in opened.text
    assert f'href="{above}"' in opened.text


@pytest.mark.django_db
def test_programs_are_told_in_a_word_that_an_address_takes_no_such_request(client: Client) -> None:
    client.force_login(ada())
    assert client.get("/desk/payouts/open/", headers={"Accept": "application/json"}).content == b""
    assert client.post("/desk/payouts/", headers={"Accept": "text/html"}).content == b""
