"""Tracks are put in order by one request, on discs; what changed meanwhile is not undone."""

import json
import math
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from artists.models import Album
from tests.artists.factories import make_album, make_track
from tests.users.factories import nina

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Client:
    """nina's browser."""
    client = Client()
    client.force_login(nina())
    return client


def order(client: Client, album: Album, body: Any) -> Any:
    return client.post(reverse("artists:order_tracks", args=[album.pk]), json.dumps(body), "application/json")


def test_a_new_order_over_discs_is_stored(studio: Client) -> None:
    album = make_album(tracks=3)
    one, two, three = album.tracks.values_list("pk", flat=True)
    assert order(studio, album, {"discs": [[three], [], [one, two]]}).json() == {"saved": True}
    assert list(album.tracks.values_list("pk", "disc", "position")) == [(three, 1, 1), (one, 2, 1), (two, 2, 2)]


def test_an_order_of_tracks_that_changed_meanwhile_is_refused_with_a_sentence(studio: Client) -> None:
    album = make_album(tracks=2)
    ids = list(album.tracks.values_list("pk", flat=True))
    make_track("New", album=album)
    answer = order(studio, album, {"discs": [ids[::-1]]})
    assert answer.status_code == 409
    assert "changed meanwhile" in answer.json()["error"]
    assert list(album.tracks.values_list("pk", flat=True))[:2] == ids


@pytest.mark.parametrize(
    "body", [[], {}, {"discs": "x"}, {"discs": [["x"]]}, {"discs": [1]}, {"discs": [[math.inf]]}, None]
)
def test_what_is_no_order_is_refused(studio: Client, body: Any) -> None:
    answer = order(studio, make_album(tracks=1), body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("This is no order of tracks.")


def test_brackets_without_end_are_no_order_either(studio: Client) -> None:
    address = reverse("artists:order_tracks", args=[make_album(tracks=1).pk])
    assert studio.post(address, "[" * 100_000, "application/json").status_code == 400


def test_more_than_fifty_discs_are_refused(studio: Client) -> None:
    album = make_album(tracks=51)
    answer = order(studio, album, {"discs": [[pk] for pk in album.tracks.values_list("pk", flat=True)]})
    assert answer.status_code == 409
    assert "at most 50 discs" in answer.json()["error"]


def test_a_tick_that_is_no_track_is_answered_with_a_sentence(studio: Client) -> None:
    address = reverse("artists:many_tracks", args=[make_album(tracks=1).pk])
    answer = studio.post(address, {"which": "ticked", "track": ["9" * 5_000]})
    assert answer.status_code == 422
