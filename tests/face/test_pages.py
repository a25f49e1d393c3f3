"""The style guide, the error pages and the doors render whole pages that navigation can swap."""

import re
from urllib.parse import unquote

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import Client

from tests.users.factories import leo, make_user, nina

pytestmark = pytest.mark.django_db


def main_of(html: str) -> str:
    found = re.search(r'<main id="main".*?</main>', html, re.DOTALL)
    assert found, "the page has no <main id=main>"
    return found[0]


@pytest.mark.parametrize(
    "url",
    [
        "/styleguide/",
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/password/reset/",
        "/accounts/password/reset/done/",
    ],
)
def test_a_page_has_one_main_one_heading_and_a_title(client: Client, url: str) -> None:
    html = client.get(url).content.decode()
    assert html.count("<main") == 1
    assert len(re.findall("<h1", main_of(html))) == 1
    assert re.search(r"<title>[^<]+ · Megabox</title>", html)


@pytest.mark.parametrize("code", ["400", "403", "403_csrf", "404", "500", "503"])
def test_an_error_page_needs_nothing_and_can_be_swapped(code: str) -> None:
    html = render_to_string(f"{code}.html")
    assert "<h1" in main_of(html)
    assert "Oops" not in html


def test_an_unknown_address_answers_with_our_page(client: Client) -> None:
    response = client.get("/nothing/here/")
    assert response.status_code == 404
    assert "There is nothing at this address" in main_of(response.content.decode())


def test_the_page_of_a_stranger_and_of_leo_are_the_same_but_for_what_is_in_main(client: Client) -> None:
    """A page may be cached for strangers, so nothing around <main> may name the person."""
    stranger = client.get("/nothing/here/").content.decode()
    client.force_login(leo())
    known = client.get("/nothing/here/").content.decode()
    assert stranger == known
    assert "csrfmiddlewaretoken" not in stranger


def test_the_corner_of_a_stranger_offers_the_doors_and_brings_the_csrf_cookie(client: Client) -> None:
    response = client.get("/me/")
    assert "Log in" in response.content.decode()
    assert "csrftoken" in response.cookies
    assert "no-store" in response["Cache-Control"]


def test_the_corner_shows_only_the_pages_of_ones_roles(client: Client) -> None:
    client.force_login(nina())
    html = client.get("/me/").content.decode()
    assert "/studio/earnings/" in html
    assert "/desk/" not in html
    assert "/advertise/" not in html
    client.force_login(make_user("ada@demo.megabox.test", is_staff=True))
    assert "/desk/" in client.get("/me/").content.decode()


@pytest.mark.parametrize(
    "url", ["/accounts/email/", "/accounts/password/change/", "/accounts/2fa/", "/accounts/logout/"]
)
def test_the_pages_of_ones_own_account_are_dressed(client: Client, url: str) -> None:
    client.force_login(leo())
    html = main_of(client.get(url, follow=True).content.decode())
    assert 'class="' in html
    assert "<h1" in html


def test_a_wrong_log_in_says_so_and_keeps_the_address(client: Client) -> None:
    response = client.post("/accounts/login/", {"login": "leo@demo.megabox.test", "password": "wrong"})
    html = main_of(response.content.decode())
    assert 'value="leo@demo.megabox.test"' in html
    assert "notice--error" in html


def test_no_page_asks_for_a_file_that_is_not_there(client: Client) -> None:
    html = client.get("/styleguide/").content.decode()
    files = {unquote(found) for found in re.findall(r'(?:href|src)="/static/([^"#]+)', html)}
    assert files
    assert [one for one in files if finders.find(one) is None] == []
