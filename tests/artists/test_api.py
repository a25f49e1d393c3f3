"""The catalogue for programs shows what is published, and nothing else."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from artists import albums
from tests.artists.factories import NOON, make_album, make_artist, make_track
from tests.artists.pictures import picture

pytestmark = pytest.mark.django_db


def test_a_published_album_is_told_with_its_tracks_and_prices(client: Client) -> None:
    album = make_album("Night Bus", artist=make_artist("Nova Kit"), tags=["tape"])
    make_track("Rain", album=album, price_micros=990_000)
    make_track("Hidden", album=album, published=False)
    albums.set_cover(album, picture(), NOON)
    told = client.get(f"/api/v1/albums/{album.pk}/").json()
    assert told["title"] == "Night Bus"
    assert told["artist"]["name"] == "Nova Kit"
    assert told["price"] == {"micros": 7_000_000, "currency": "USD", "display": "$7.00"}
    assert told["credit_price"] == 5
    assert told["url"] == f"http://testserver{album.get_absolute_url()}"
    assert told["cover"]["url"].endswith(".webp")
    assert [track["title"] for track in told["tracks"]] == ["Rain"]
    assert told["tracks"][0]["price"]["display"] == "$0.99"


def test_what_is_not_published_is_not_told(client: Client) -> None:
    draft = make_album(published=False, tracks=1)
    shown = make_album(tracks=1)
    late = make_track(album=shown, published=False)
    withdrawn = make_album(tracks=1)
    albums.withdraw(withdrawn, NOON)
    for album in (draft, withdrawn):
        assert client.get(f"/api/v1/albums/{album.pk}/").status_code == 404
        assert client.get(f"/api/v1/tracks/{album.tracks.get().pk}/").status_code == 404
        assert client.get(f"/api/v1/artists/{album.artist_id}/").status_code == 404
    assert client.get(f"/api/v1/tracks/{late.pk}/").status_code == 404
    for kind in ("artists", "albums", "tracks"):
        assert len(client.get(f"/api/v1/{kind}/").json()["results"]) == 1


def test_it_is_for_reading_only(client: Client) -> None:
    album = make_album(tracks=1)
    for answer in (client.post("/api/v1/albums/", {}), client.delete(f"/api/v1/albums/{album.pk}/")):
        assert answer.status_code in (401, 403, 405)


def test_lists_are_filtered(client: Client) -> None:
    one, other = make_album(genre="dub", tracks=1), make_album(tracks=1)
    assert [found["id"] for found in client.get("/api/v1/albums/?genre=dub").json()["results"]] == [one.pk]
    found = client.get(f"/api/v1/tracks/?album={other.pk}").json()["results"]
    assert [track["album_id"] for track in found] == [other.pk]


def test_fifty_albums_cost_no_more_queries_than_two(client: Client) -> None:
    counts = []
    for more in (2, 10):
        for _ in range(more):
            make_album(tracks=2)
        for kind in ("artists", "albums", "tracks"):
            with CaptureQueriesContext(connection) as seen:
                client.get(f"/api/v1/{kind}/")
            counts.append(len(seen))
    assert counts[:3] == counts[3:]
    assert max(counts) <= 3
