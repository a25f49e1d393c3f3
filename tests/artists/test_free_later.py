"""Music is free with an ad some days after it is out: it says from when, and becomes so by itself."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from artists import albums, changes, free_later, sweeping, tracks
from artists.forms.tracks import TrackForm
from artists.models import Album, FreeMode, Track
from tests.artists.factories import NOON, make_album, make_track
from tests.users.factories import nina

pytestmark = pytest.mark.django_db
DAYS = 30
FROM = NOON + timedelta(days=DAYS)
LATER = albums.Terms(free_mode=FreeMode.LATER, free_after_days=DAYS)


@pytest.fixture
def studio() -> Client:
    """nina's browser."""
    client = Client()
    client.force_login(nina())
    return client


def told(thing: Album | Track) -> tuple[str, int | None, Any]:
    """What the database says of how it is free."""
    found: tuple[str, int | None, Any] = type(thing).objects.values_list(*free_later.COLUMNS).get(pk=thing.pk)
    return found


def published(**fields: Any) -> Album:
    """An album that came out at NOON, free with an ad 30 days later."""
    album = make_album(published=False, tracks=2, **fields)
    albums.edit(album, LATER, NOON)
    albums.publish(album, NOON)
    album.refresh_from_db()
    return album


def test_a_draft_knows_the_days_and_its_publication_makes_a_time_of_them() -> None:
    album = make_album(published=False, tracks=2)
    albums.edit(album, LATER, NOON)
    assert told(album) == ("LATER", DAYS, None)
    albums.publish(album, NOON)
    assert told(album) == ("LATER", DAYS, FROM)
    assert {told(track) for track in album.tracks.all()} == {("LATER", DAYS, FROM)}


def test_it_becomes_free_with_an_ad_at_its_time_once_and_not_before() -> None:
    album = published()
    assert free_later.begin(FROM - timedelta(seconds=1)) == 0
    assert sweeping.sweep(lambda: FROM, until=FROM + timedelta(minutes=1)) == 3
    assert told(album) == ("AD", None, None)
    assert {told(track) for track in album.tracks.all()} == {("AD", None, None)}
    assert free_later.begin(FROM) == 0


def test_an_announced_album_counts_its_days_from_when_it_is_out() -> None:
    album = make_album(published=False, tracks=1)
    albums.edit(album, LATER, NOON)
    out = NOON + timedelta(days=10)
    albums.announce(album, out, NOON)
    assert told(album) == ("LATER", DAYS, None)
    assert free_later.begin(out + timedelta(days=100)) == 0
    albums.bring_out(out)
    assert told(album) == ("LATER", DAYS, out + timedelta(days=DAYS))


@pytest.mark.parametrize(
    ("after_days", "holds"),
    [(10, ("AD", None, None)), (40, ("LATER", 40, NOON + timedelta(days=40)))],
    ids=["past", "to come"],
)
def test_other_days_of_a_published_album_set_the_time_anew(after_days: int, holds: tuple[Any, ...]) -> None:
    album = published()
    terms = albums.Terms(free_mode=FreeMode.LATER, free_after_days=after_days)
    albums.edit(album, terms, NOON + timedelta(days=20))
    assert told(album) == holds
    assert {told(track) for track in album.tracks.all()} == {holds}


def test_other_modes_forget_the_days() -> None:
    album = published()
    albums.edit(album, albums.Terms(free_mode=FreeMode.OFF), NOON)
    assert told(album) == ("OFF", None, None)
    assert {told(track) for track in album.tracks.all()} == {("OFF", None, None)}


def test_a_track_with_days_of_its_own_keeps_them() -> None:
    album = published()
    first, second = album.tracks.all()
    details = tracks.Details("Alone", free=tracks.Free(FreeMode.LATER, 5))
    tracks.edit(first, details, NOON)
    albums.edit(album, albums.Terms(), NOON)
    assert told(first) == ("LATER", 5, NOON + timedelta(days=5))
    assert told(second) == ("AD", None, None)
    tracks.edit(first, tracks.Details("Still alone"), NOON)
    assert told(first) == ("LATER", 5, NOON + timedelta(days=5))


def test_a_track_that_joins_later_counts_from_its_own_day() -> None:
    album, later = published(), NOON + timedelta(days=7)
    track = make_track(album=album, published=False, free_mode=FreeMode.LATER, free_after_days=DAYS)
    albums.publish(album, later)
    assert told(track) == ("LATER", DAYS, later + timedelta(days=DAYS))
    assert told(album) == ("LATER", DAYS, FROM)


@pytest.mark.parametrize(
    "fields",
    [
        {"free_mode": "LATER"},
        {"free_mode": "LATER", "free_after_days": 0},
        {"free_mode": "LATER", "free_after_days": 3_651},
        {"free_mode": "AD", "free_after_days": 3},
        {"free_mode": "OFF", "free_from": FROM},
    ],
    ids=["no days", "0 days", "too many", "AD with days", "OFF with a time"],
)
def test_the_database_takes_days_where_it_is_free_later_and_nowhere_else(fields: dict[str, Any]) -> None:
    for make in (make_album, make_track):
        with pytest.raises(IntegrityError), transaction.atomic():
            make(**fields)


# --- in the studio


def price(**typed: str) -> dict[str, str]:
    """The form about a price as a browser sends it."""
    return {"currency": "USD", "price_mode": "fixed", "price": "7.00", "credit_price": "", **typed}


@pytest.mark.parametrize("days", ["", "0", "3651", "soon", "-1", "1.5", "٣", "99999999999999"])
def test_wrong_days_are_kept_as_typed_with_a_sentence(studio: Client, days: str) -> None:
    album = make_album(published=False)
    typed = price(free_mode="LATER", free_after_days=days)
    answer = studio.post(reverse("artists:price", args=[album.pk]), typed)
    assert answer.status_code == 422
    assert "Write after how many days it is free with an ad: 1 to 3,650" in answer.content.decode()
    assert told(album) == ("AD", None, None)


def test_the_price_says_after_how_many_days_and_the_page_shows_it_without_scripts(studio: Client) -> None:
    album = make_album(published=False)
    url = reverse("artists:price", args=[album.pk])
    studio.post(url, price(free_mode="LATER", free_after_days=" 30 "))
    assert told(album) == ("LATER", 30, None)
    page = studio.get(url).content.decode()
    assert 'name="free_after_days" value="30"' in page
    studio.post(url, price(free_mode="AD", free_after_days="what"))
    assert told(album) == ("AD", None, None)


def test_of_a_published_album_it_waits_until_it_is_published(studio: Client) -> None:
    album = make_album(tracks=1)
    studio.post(reverse("artists:price", args=[album.pk]), price(free_mode="LATER", free_after_days="30"))
    assert told(album) == ("AD", None, None)
    changed = {one.label: one.after for one in changes.differences(album)}
    assert changed["Free download"] == FreeMode.LATER.label
    assert changed["Days until it is free with an ad"] == "30"
    changes.publish(album, NOON + timedelta(days=1))
    assert told(album) == ("LATER", 30, FROM)
    assert told(album.tracks.get()) == ("LATER", 30, FROM)


def test_one_track_and_many_say_it_too(studio: Client) -> None:
    album = make_album(published=False, tracks=2)
    first, second = album.tracks.all()
    typed = {**TrackForm.texts_of(first), "free_mode": "LATER", "free_after_days": "5"}
    studio.post(reverse("artists:track", args=[first.pk]), typed)
    assert (told(first)[:2], told(second)[0]) == (("LATER", 5), "AD")
    many = reverse("artists:many_tracks", args=[album.pk])
    studio.post(many, {"which": "all", "free_mode": "LATER", "free_after_days": "9"})
    assert {told(track)[:2] for track in album.tracks.all()} == {("LATER", 9)}
    studio.post(many, {"which": "all", "free_mode": "OFF"})
    assert {told(track)[:2] for track in album.tracks.all()} == {("OFF", None)}
    for wrong, sentence in (
        ({"free_after_days": "9"}, "too, or leave the days empty"),
        ({"free_mode": "LATER"}, "Write after how many days"),
        ({"free_mode": "LATER", "free_after_days": "x"}, "Write after how many days"),
    ):
        answer = studio.post(many, {"which": "all", **wrong})
        assert answer.status_code == 422
        assert sentence in answer.content.decode()


def test_the_api_says_from_when(client: Client) -> None:
    album = published()
    answer = client.get(f"/api/v1/albums/{album.pk}/").json()
    assert (answer["free_mode"], answer["free_from"][:10]) == ("LATER", "2026-12-02")
    assert answer["tracks"][0]["free_from"][:10] == "2026-12-02"
