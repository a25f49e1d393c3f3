"""The pages of download codes: making, printing and stopping them in the studio, and typing one."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from artists.models import Album
from store import letters
from store.access import library
from store.models import CodeBatch, DownloadCode, LibraryItem
from store.offers import codes
from store.requests import tries
from tests.artists.factories import make_artist
from tests.crashing import Clock
from tests.store.factories import NOON, listener, make_sold_album, music
from tests.users.factories import leo, make_user, nina
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ninas(client: Client) -> Client:
    """Nina's browser."""
    client.force_login(nina())
    return client


def album_of(owner: User, **fields: Any) -> Album:
    name = fields.pop("name", "Nova Kit")
    return make_sold_album(artist=make_artist(name, owner=owner), **fields)


def ninas_batch(count: int = 3, **fields: Any) -> CodeBatch:
    return codes.make(album_of(nina()), count, at=NOON, **fields)


def first(batch: CodeBatch) -> DownloadCode:
    code = batch.codes.first()
    assert code is not None
    return code


# --- in the studio


def test_an_artist_makes_codes_and_sees_how_many_are_used(ninas: Client) -> None:
    album = album_of(nina())
    answer = ninas.post("/studio/codes/downloads/new/", {"album": album.pk, "count": "12", "name": "First  pressing"})
    batch = CodeBatch.objects.get()
    assert answer["Location"] == f"/studio/codes/downloads/{batch.pk}/"
    assert (batch.album, batch.codes.count(), batch.name) == (album, 12, "First pressing")
    codes.redeem(first(batch).letters, listener(), at=NOON)
    page = ninas.get(answer["Location"]).content.decode()
    assert first(batch).spoken in page
    assert "3 Nov 2026, 12:00" in page
    listed = ninas.get("/studio/codes/").content.decode()
    assert "First pressing" in listed
    assert ">11<" in listed


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"count": ""}, "Write how many codes"),
        ({"count": "0"}, "at least one"),
        ({"count": "-3"}, "at least one"),
        ({"count": "5001"}, "5,000 codes at once"),
        ({"count": "ten"}, "whole number"),
        ({"count": "9" * 40}, "5,000 codes at once"),
        ({"album": "0"}, "Choose one of your albums"),
        ({"album": ""}, "Choose an album"),
        ({"name": "x" * 101}, "at most 100"),
    ],
    ids=str,
)
def test_a_batch_that_cannot_be_has_a_sentence(ninas: Client, typed: dict[str, str], sentence: str) -> None:
    fields = {"album": str(album_of(nina()).pk), "count": "10", "name": ""} | typed
    page = ninas.post("/studio/codes/downloads/new/", fields)
    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert not CodeBatch.objects.exists()


def test_nobody_makes_codes_for_somebody_elses_album(ninas: Client) -> None:
    theirs = album_of(make_user("other@demo.megabox.test", is_artist=True), name="Other")
    page = ninas.post("/studio/codes/downloads/new/", {"album": theirs.pk, "count": "10"})
    assert page.status_code == 422
    assert theirs.title not in ninas.get("/studio/codes/downloads/new/").content.decode()


def test_nobody_sees_or_stops_somebody_elses_codes(client: Client) -> None:
    batch = ninas_batch()
    client.force_login(make_user("other@demo.megabox.test", is_artist=True))
    url = f"/studio/codes/downloads/{batch.pk}"
    assert [client.get(url + end).status_code for end in ("/", "/cards/", ".csv")] == [404] * 3
    assert client.post(f"{url}/stop/").status_code == 404
    assert str(batch) not in client.get("/studio/codes/").content.decode()
    batch.refresh_from_db()
    assert batch.stopped_at is None


def test_a_batch_is_stopped_and_goes_on(ninas: Client) -> None:
    batch = ninas_batch()
    url = f"/studio/codes/downloads/{batch.pk}/"
    ninas.post(f"{url}stop/", {"do": "stop"})
    assert "Let codes go on" in ninas.get(url).content.decode()
    ninas.post(f"{url}stop/", {"do": "go on"})
    batch.refresh_from_db()
    assert batch.stopped_at is None


def test_the_file_has_every_code_its_address_and_when_it_was_used(ninas: Client) -> None:
    batch = ninas_batch(2)
    used, fresh = batch.codes.all()
    codes.redeem(used.letters, listener(), at=NOON)
    answer = ninas.get(f"/studio/codes/downloads/{batch.pk}.csv")
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines == [
        "code,address,used_at",
        f"{used.spoken},http://testserver/redeem/?code={used.letters},2026-11-03T12:00:00Z",
        f"{fresh.spoken},http://testserver/redeem/?code={fresh.letters},",
    ]


def test_cards_are_printed_ten_to_a_sheet_without_those_that_were_used(ninas: Client) -> None:
    batch = ninas_batch(12)
    codes.redeem(first(batch).letters, listener(), at=NOON)
    page = ninas.get(f"/studio/codes/downloads/{batch.pk}/cards/")
    text = page.content.decode()
    assert [len(sheet) for sheet in page.context["sheets"]] == [10, 1]
    assert text.count('class="code-card"') == 11
    assert first(batch).spoken not in text
    assert "testserver/redeem/" in text


def test_many_cards_come_a_hundred_at_a_time(ninas: Client) -> None:
    url = f"/studio/codes/downloads/{ninas_batch(101).pk}/cards/"
    assert ninas.get(url).content.decode().count('class="code-card"') == 100
    assert ninas.get(f"{url}?page=2").content.decode().count('class="code-card"') == 1


@pytest.mark.parametrize("path", ["", "new/", "{}/", "{}/cards/"], ids=["list", "new", "batch", "cards"])
def test_pages_of_codes_cost_the_same_for_many(ninas: Client, path: str, django_assert_max_num_queries: Any) -> None:
    many = [ninas_batch(60) for _ in range(5)]
    url = "/studio/codes/" + (f"downloads/{path.format(many[0].pk)}" if path else "")
    ninas.get(url)
    with django_assert_max_num_queries(8):
        assert ninas.get(url).status_code == 200


# --- redeeming


def test_a_guest_types_a_code_and_has_the_album(client: Client) -> None:
    batch = ninas_batch()
    client.get("/redeem/")
    answer = client.post("/redeem/", {"code": first(batch).spoken.lower()})
    assert (answer.status_code, answer["Location"]) == (303, "/library/")
    page = client.get("/library/").content.decode()
    assert batch.album.title in page
    assert "download code" in page


def test_two_quick_presses_of_a_new_guest_are_one_guest(client: Client) -> None:
    code = first(ninas_batch())
    client.get("/redeem/")
    key = client.session["guest_key"]
    other = Client()
    other.cookies.update(client.cookies)  # the browser, before the first answer has come
    for browser in (client, other):
        assert browser.post("/redeem/", {"code": code.letters}).status_code == 303
    assert LibraryItem.objects.get().guest_key == key


def test_the_address_on_a_card_fills_the_code_in_and_gives_nothing_yet(client: Client) -> None:
    code = first(ninas_batch())
    page = client.get(f"/redeem/?code={code.letters}")
    assert f'value="{code.letters}"' in page.content.decode()
    assert not LibraryItem.objects.exists()


def test_a_wrong_code_comes_back_with_a_sentence_and_what_was_typed(client: Client) -> None:
    page = client.post("/redeem/", {"code": "BCDF-GHJK"})
    assert page.status_code == 422
    assert "these are 8" in page.content.decode()
    assert 'value="BCDF-GHJK"' in page.content.decode()
    assert client.post("/redeem/", {"code": ""}).status_code == 422
    assert client.post("/redeem/", {"code": "B" * 101}).status_code == 422
    assert client.post("/redeem/", {"code": "B\x00C"}).status_code == 422


def test_somebody_elses_used_code_says_so(client: Client) -> None:
    code = first(ninas_batch())
    codes.redeem(code.letters, listener(leo()), at=NOON)
    page = client.post("/redeem/", {"code": code.letters})
    assert page.status_code == 422
    assert "This code was used on 3 November 2026" in page.content.decode()


def test_guessing_waits_but_typing_errors_do_not(client: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "DOWNLOAD_CODES", tries.Limit("download codes", of_network=3, of_all=100))
    code = first(ninas_batch())
    for _ in range(10):
        assert client.post("/redeem/", {"code": "BCDF-GHJK"}).status_code == 422
    for _ in range(3):
        assert client.post("/redeem/", {"code": letters.new()}).status_code == 422
    page = client.post("/redeem/", {"code": code.letters})
    assert page.status_code == 429
    assert int(page["Retry-After"]) > 3_500
    assert "Wait 60 minutes" in page.content.decode()
    assert client.post("/redeem/", {"code": code.letters}, REMOTE_ADDR="203.0.113.9").status_code == 303
    clock.now += timedelta(hours=1)
    assert client.post("/redeem/", {"code": code.letters}).status_code == 303, "the same guest, who waited"


def test_guessing_from_everywhere_waits_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "DOWNLOAD_CODES", tries.Limit("download codes", of_network=10, of_all=3))
    for n in range(3):
        client.post("/redeem/", {"code": letters.new()}, REMOTE_ADDR=f"203.0.{n}.9")
    assert client.post("/redeem/", {"code": letters.new()}, REMOTE_ADDR="203.0.77.9").status_code == 429


def test_whoever_has_many_networks_of_one_line_is_no_crowd(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "DOWNLOAD_CODES", tries.Limit("download codes", of_network=1, of_all=100))
    for n in range(5):
        assert client.post("/redeem/", {"code": letters.new()}, REMOTE_ADDR=f"2001:db8:1:{n}::9").status_code == 422
    assert client.post("/redeem/", {"code": letters.new()}, REMOTE_ADDR="2001:db8:1:77::9").status_code == 429
    assert client.post("/redeem/", {"code": letters.new()}, REMOTE_ADDR="2001:db8:2:77::9").status_code == 422


def test_a_count_of_wrong_codes_names_no_network(client: Client) -> None:
    client.post("/redeem/", {"code": letters.new()}, REMOTE_ADDR="203.0.113.9")
    assert "203.0" not in str(cache._cache.keys())  # type: ignore[attr-defined]  # of the cache in memory


def test_redeeming_costs_few_queries(client: Client, django_assert_max_num_queries: Any) -> None:
    client.force_login(leo())
    code = first(ninas_batch())
    with django_assert_max_num_queries(14):
        assert client.post("/redeem/", {"code": code.letters}).status_code == 303
    assert library.has(listener(), music(code.batch.album))
