"""Private files: signed links, bound to one listener, with `Range`."""

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from megabox import media, views
from tests.users.factories import charlie, leo

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(256)) * 4


@pytest.fixture
def link() -> str:
    path = media.private().save("renditions/ab/mp3-320", ContentFile(CONTENT))
    return media.signed_url(path, bound_to=f"user:{leo().pk}", filename="01 Über Glass.mp3", is_download=True)


def body(answer: object) -> bytes:
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def test_the_listener_gets_the_file_under_its_name(client: Client, link: str) -> None:
    client.force_login(leo())
    answer = client.get(link)
    assert body(answer) == CONTENT
    assert answer["Content-Type"] == "audio/mpeg"
    assert answer["Content-Length"] == "1024"
    assert "01%20%C3%9Cber%20Glass.mp3" in answer["Content-Disposition"]


def test_a_browser_that_unpacks_gzip_still_knows_how_long_a_file_is(client: Client, link: str) -> None:
    client.force_login(leo())
    answer = client.get(link, headers={"accept-encoding": "gzip"})
    assert (answer["Content-Length"], answer.get("Content-Encoding")) == ("1024", None)
    assert body(answer) == CONTENT


def test_a_browser_that_unpacks_gzip_gets_its_range_as_it_is(client: Client, link: str) -> None:
    client.force_login(leo())
    answer = client.get(link, headers={"accept-encoding": "gzip", "range": "bytes=300-999"})
    assert (answer.status_code, answer["Content-Length"], answer.get("Content-Encoding")) == (206, "700", None)
    assert body(answer) == CONTENT[300:1000]


@pytest.mark.parametrize("person", [None, charlie])
def test_a_link_is_worth_nothing_to_others(client: Client, link: str, person: object) -> None:
    if callable(person):
        client.force_login(person())
    assert client.get(link).status_code == 403


def test_a_forged_link_is_refused(client: Client, link: str) -> None:
    client.force_login(leo())
    assert client.get(link.replace("/files/", "/files/x")).status_code == 403


def test_an_old_link_is_refused(client: Client, link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(leo())
    monkeypatch.setattr(views, "LINK_SECONDS", -1)
    assert client.get(link).status_code == 403


def test_a_file_that_is_gone_is_not_found(client: Client) -> None:
    client.force_login(leo())
    url = media.signed_url("renditions/none", bound_to=f"user:{leo().pk}", filename="x.mp3")
    assert client.get(url).status_code == 404


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-99", CONTENT[:100]),
        ("bytes=1000-", CONTENT[1000:]),
        ("bytes=-24", CONTENT[-24:]),
        ("bytes=1000-5000", CONTENT[1000:]),
        ("bytes=-5000", CONTENT),
    ],
)
def test_a_range_is_answered_with_just_those_bytes(client: Client, link: str, asked: str, expected: bytes) -> None:
    client.force_login(leo())
    answer = client.get(link, headers={"range": asked})
    assert answer.status_code == 206
    assert body(answer) == expected
    assert answer["Content-Length"] == str(len(expected))


@pytest.mark.parametrize(
    "asked", ["bytes=a-b", "bytes=-", "items=0-1", "bytes=0-1,5-6", "bytes=9-3", f"bytes=0-{'9' * 5000}"]
)
def test_a_range_nobody_understands_is_the_whole_file(client: Client, link: str, asked: str) -> None:
    client.force_login(leo())
    answer = client.get(link, headers={"range": asked})
    assert (answer.status_code, body(answer)) == (200, CONTENT)


def test_a_range_behind_the_end_is_refused_with_the_size(client: Client, link: str) -> None:
    client.force_login(leo())
    answer = client.get(link, headers={"range": "bytes=1024-"})
    assert (answer.status_code, answer["Content-Range"]) == (416, "bytes */1024")


@pytest.mark.parametrize(
    "path", ["../private/renditions/ab/mp3-320", "renditions/ab/mp3-320", "evil.html", "x.svg.txt"]
)
def test_the_public_address_gives_away_nothing_private(client: Client, link: str, path: str) -> None:
    assert client.get("/media/" + path).status_code in (400, 404)
