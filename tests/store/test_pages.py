"""The public pages: whole HTML, cacheable, with nobody's name in them; gone for strangers when withdrawn."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from artists import search
from artists.models import Album, Contribution, FreeMode, Track
from tests.artists.factories import make_album, make_artist, make_track
from tests.store.factories import NOON, make_paid_order, make_sold_album
from tests.users.factories import leo

pytestmark = pytest.mark.django_db


def publish_for_search(album: Album) -> Album:
    search.write_album(album, at=NOON)
    return album


def test_home_shows_what_is_new_and_who_was_paid_today(client: Client) -> None:
    album = make_sold_album()
    make_paid_order(album, at=timezone.now())
    page = client.get("/")
    assert page.status_code == 200
    assert "$8.99 earned by artists today" in page.content.decode()
    assert album.get_absolute_url() in page.content.decode()


def test_an_empty_megabox_says_so(client: Client) -> None:
    assert "The box is empty" in client.get("/").content.decode()


@pytest.mark.parametrize("what", ["home", "album", "track", "artist", "search"])
def test_public_pages_can_be_kept_and_name_nobody(what: str) -> None:
    album = publish_for_search(make_sold_album())
    track = album.tracks.all()[0]
    path = {
        "home": "/",
        "album": album.get_absolute_url(),
        "track": track.get_absolute_url(),
        "artist": album.artist.get_absolute_url(),
        "search": "/search?q=night",
    }[what]
    stranger, known = Client(), Client()
    known.force_login(leo())
    for_stranger, for_leo = stranger.get(path), known.get(path)
    assert for_stranger["Cache-Control"] == "public, max-age=60"
    assert not for_stranger.cookies
    assert b"csrfmiddlewaretoken" not in for_stranger.content
    assert b"leo" not in for_leo.content.lower()
    assert for_stranger.content == for_leo.content


def test_a_page_kept_for_strangers_comes_without_a_query(django_assert_num_queries: object) -> None:
    album = make_sold_album()
    client = Client()
    first = client.get(album.get_absolute_url())
    with django_assert_num_queries(0):  # type: ignore[operator]  # pytest-django's fixture
        assert client.get(album.get_absolute_url()).content == first.content


def test_an_album_page_says_in_words_who_gets_what(client: Client) -> None:
    album = make_sold_album(9_990_000)
    page = client.get(album.get_absolute_url()).content.decode()
    assert "<strong>$8.991</strong> of $9.99 go to Nova Kit" in page
    assert "pays up to 10 credits" in page
    assert f'data-stream="/stream/{album.tracks.all()[0].pk}/"' in page
    assert f"/ads/slot/page/album/{album.pk}/" in page


@pytest.mark.parametrize("tracks", [1, 12])
def test_an_album_page_costs_the_same_queries_for_any_number_of_tracks(
    tracks: int, django_assert_max_num_queries: object
) -> None:
    album = make_sold_album(tracks=tracks)
    make_album("Other", artist=album.artist, tracks=tracks)
    with django_assert_max_num_queries(6):  # type: ignore[operator]  # pytest-django's fixture
        assert Client().get(album.get_absolute_url()).status_code == 200


def test_an_album_of_five_hundred_tracks_opens_with_as_many_queries_as_one_of_five(client: Client) -> None:
    counts = []
    for size in (5, 500):
        album = make_sold_album(tracks=1)
        first = album.tracks.get()
        Track.objects.bulk_create(
            Track(
                album=album,
                title=f"Track {number}",
                slug=f"t{number}",
                position=number,
                duration_ms=1000,
                original=first.original,
                state=Track.State.PUBLISHED,
                published_at=NOON,
            )
            for number in range(2, size + 1)
        )
        with CaptureQueriesContext(connection) as seen:
            page = client.get(album.get_absolute_url())
        assert page.content.count(b'data-stream="') == size
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 6


@pytest.mark.parametrize("albums", [1, 6])
def test_home_costs_the_same_queries_for_any_catalogue(albums: int, django_assert_max_num_queries: object) -> None:
    for _ in range(albums):
        make_paid_order(make_sold_album(), at=timezone.now())
    with django_assert_max_num_queries(11):  # type: ignore[operator]  # pytest-django's fixture
        assert Client().get("/").status_code == 200


def test_a_track_page_shows_words_credits_and_isrc(client: Client) -> None:
    track = make_track(lyrics="Rain on glass", isrc="QZMBX2600012")
    Contribution.objects.create(track=track, role="PRODUCER", name="Ida Lind")
    page = client.get(track.get_absolute_url()).content.decode()
    for text in ("Rain on glass", "QZMBX2600012", "Ida Lind", "Producer", "sold with its album"):
        assert text in page


def test_a_withdrawn_album_is_gone_for_strangers(client: Client) -> None:
    album = make_sold_album(state=Album.State.WITHDRAWN, withdrawn_at=NOON)
    assert client.get(album.get_absolute_url()).status_code == 404
    assert client.get(f"/get/album/{album.pk}/").status_code == 404
    assert client.get(f"/cart/add/album/{album.pk}/").status_code == 404


def test_a_draft_is_nobodys_page(client: Client) -> None:
    album = make_album(published=False)
    assert client.get(album.get_absolute_url()).status_code == 404
    assert client.get(album.artist.get_absolute_url()).status_code == 404


def test_an_old_address_leads_to_the_new_one_for_ever(client: Client) -> None:
    from artists.models import OldSlug

    album = make_sold_album()
    track = album.tracks.all()[0]
    OldSlug.objects.create(scope="artist", slug="old-artist", artist=album.artist)
    OldSlug.objects.create(scope=f"album:{album.artist_id}", slug="old-album", album=album)
    OldSlug.objects.create(scope=f"track:{album.pk}", slug="old-track", track=track)
    for old, new in (
        ("/artists/old-artist/", album.artist),
        ("/artists/old-artist/old-album/", album),
        (f"/artists/{album.artist.slug}/old-album/", album),
        (f"/artists/old-artist/{album.slug}/", album),
        ("/artists/old-artist/old-album/old-track/", track),
    ):
        answer = client.get(old)
        assert answer.status_code == 301
        assert answer["Location"] == new.get_absolute_url()


def test_a_slug_in_any_script_has_a_page(client: Client) -> None:
    album = make_album("Ночной автобус", slug="ночной-автобус", artist=make_artist(slug="нова-кит"), tracks=1)
    assert client.get(album.get_absolute_url()).status_code == 200


def test_search_finds_and_says_what_was_typed(client: Client) -> None:
    publish_for_search(make_album("Night Bus", tracks=1))
    page = client.get("/search", {"q": "night"}).content.decode()
    assert "Night Bus" in page
    nothing = client.get("/search", {"q": "<zzz>"}).content.decode()
    assert "Nothing found" in nothing
    assert "&lt;zzz&gt;" in nothing


def test_the_buy_block_of_a_visitor_has_a_form_and_of_an_owner_has_none() -> None:
    album = make_sold_album(5_000_000, is_name_your_price=True)
    url = f"/buy/album/{album.pk}/"
    stranger = Client().get(url).content.decode()
    assert 'name="price"' in stranger
    assert 'value="5.00"' in stranger
    make_paid_order(album)
    known = Client()
    known.force_login(leo())
    assert "Yours" in known.get(url).content.decode()


def test_music_that_is_only_played_is_not_offered_for_download(client: Client) -> None:
    track = make_track(free_mode=FreeMode.OFF)
    page = client.get(track.get_absolute_url()).content.decode()
    assert "Get it free" not in page
    assert "does not give" in client.get(f"/get/track/{track.pk}/").content.decode()


def test_pages_say_from_when_music_is_free_with_an_ad(client: Client) -> None:
    later: dict[str, Any] = {"free_mode": FreeMode.LATER, "free_after_days": 30, "free_from": NOON + timedelta(days=30)}
    album = make_album(**later)
    track = make_track(album=album, **later)
    for url in (album.get_absolute_url(), track.get_absolute_url(), f"/buy/album/{album.pk}/"):
        page = client.get(url).content.decode()
        assert "free with an ad from <time" in page
        assert "3 December 2026" in page
        assert "Get it free" not in page
        assert f"/get/track/{track.pk}/" not in page
    assert "free from 3 December 2026" in client.get("/").content.decode()
    choice = client.get(f"/get/track/{track.pk}/").content.decode()
    assert "free with an ad from 3 December 2026" in choice
    assert 'name="way"' not in choice


@pytest.mark.parametrize("path", ["/artists/%00/", "/artists/a/%00/", "/artists/a/b/%00/", "/search?q=%00"])
def test_a_nul_in_an_address_is_not_found_on_every_database(client: Client, path: str) -> None:
    assert client.get(path).status_code == (200 if "?" in path else 404)
