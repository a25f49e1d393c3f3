"""An announced album has a page and a time, and nothing to have before; then it is published by itself."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from artists import albums, sweeping
from artists.models import Album, Rendition
from store.music import Music
from tests.artists.factories import NOON, make_album
from tests.users.factories import nina

pytestmark = pytest.mark.django_db
OUT = NOON + timedelta(days=10)


@pytest.fixture
def studio() -> Client:
    """nina's browser."""
    client = Client()
    client.force_login(nina())
    return client


def announced(description: str = "") -> Album:
    album = make_album(published=False, tracks=2, description=description)
    albums.announce(album, OUT, NOON)
    return album


def test_an_announced_album_has_a_page_and_nothing_to_have(client: Client) -> None:
    album = announced(description="Slow water.")
    first, second = album.tracks.all()
    first.is_heard_before = True
    first.save()
    page = client.get(album.get_absolute_url()).content.decode()
    for words in ("Out on", "12 November 2026", "Slow water.", "Track 1"):
        assert words in page
    assert "Track 2" not in page
    assert not Music(album=album).is_sold
    assert not Music(album=album).is_published
    assert client.get(f"/api/v1/albums/{album.pk}/").status_code == 404
    assert client.get(reverse("store:get_album", args=[album.pk])).status_code == 404
    assert client.get(f"/stream/{first.pk}/").status_code == 302
    assert client.get(f"/stream/{second.pk}/").status_code in (403, 404)
    assert client.get(reverse("store:get_track", args=[first.pk])).status_code == 404


@pytest.mark.parametrize("is_first", [True, False])
def test_it_is_found_on_the_home_page_and_on_its_artists_even_when_it_is_their_first(
    client: Client, is_first: bool
) -> None:
    album = announced()
    if not is_first:
        make_album("Before", artist=album.artist)
    for url in ("/", album.artist.get_absolute_url()):
        page = client.get(url).content.decode()
        for words in ("Out soon", f'href="{album.get_absolute_url()}"', "12 November 2026"):
            assert words in page
        assert ("Play Before" in page) is not is_first
        assert f"Play {album.title}" not in page, "there is nothing to play yet"


def test_it_is_published_by_itself_when_its_time_has_come_and_not_before() -> None:
    album = announced()
    assert albums.bring_out(OUT - timedelta(seconds=1)) == 0
    sweeping.sweep(lambda: OUT, until=OUT + timedelta(minutes=1))
    album.refresh_from_db()
    assert (album.state, album.published_at, album.released_on) == ("PUBLISHED", OUT, OUT.date())
    assert set(album.tracks.values_list("state", flat=True)) == {"PUBLISHED"}
    assert albums.bring_out(OUT) == 0


def test_the_day_of_release_goes_with_the_announcement_unless_it_was_written() -> None:
    album, day = announced(), timedelta(days=1)
    albums.announce(album, OUT + day, NOON)
    assert album.released_on == (OUT + day).date()
    albums.withdraw(album, NOON)
    assert album.released_on is None
    albums.announce(album, OUT, NOON)
    albums.publish(album, NOON + day)
    album.refresh_from_db()
    assert album.released_on == (NOON + day).date(), "published before it was announced for"
    written = announced()
    written.released_on = NOON.date()
    written.save()
    albums.announce(written, OUT + day, NOON)
    albums.bring_out(OUT + day)
    written.refresh_from_db()
    assert written.released_on == NOON.date()


def test_one_that_is_not_ready_waits_and_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    album = announced()
    rows = Rendition.objects.filter(original__tracks__album=album, recipe="flac")
    rows.update(state="FAILED", reason="It broke.")
    assert albums.bring_out(OUT) == 0
    assert "should be out and is not ready" in caplog.text
    rows.update(state="READY", reason="")
    assert albums.bring_out(OUT + timedelta(minutes=1)) == 1


def test_only_what_was_never_published_is_announced_and_only_for_a_time_to_come() -> None:
    album = make_album(published=False, tracks=1)
    for wrong in (NOON, NOON - timedelta(days=1), NOON + timedelta(days=1_000)):
        with pytest.raises(albums.NotPossible, match="between now and two years"):
            albums.announce(album, wrong, NOON)
    with pytest.raises(albums.NotReady, match="Drop at least one audio file"):
        albums.announce(make_album(published=False), OUT, NOON)
    with pytest.raises(albums.NotPossible, match="was published before"):
        albums.announce(make_album(tracks=1), OUT, NOON)


def test_an_announcement_is_taken_back_before_anything_is_deleted() -> None:
    album = announced()
    with pytest.raises(albums.NotPossible, match="published or announced"):
        albums.delete(album)
    albums.withdraw(album, NOON)
    assert (album.state, album.out_at) == ("DRAFT", None)
    albums.delete(album)


def test_the_database_knows_no_announcement_without_a_time() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_album(published=False, state="ANNOUNCED")


def test_the_studio_announces_and_takes_back(studio: Client) -> None:
    album = make_album(published=False, tracks=1)
    url = reverse("artists:publish", args=[album.pk])
    for wrong, sentence in (("soon", "Write day and time like"), ("2001-01-01T12:00", "between now and two years")):
        answer = studio.post(url, {"out_at": wrong})
        assert answer.status_code == 422
        assert sentence in answer.content.decode()
    when = timezone.localtime(timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    page = studio.post(url, {"out_at": when}, follow=True).content.decode()
    assert "is announced. Its page says when it is out" in page
    assert when in page
    assert "Publish now" in page
    page = studio.post(reverse("artists:withdraw", args=[album.pk]), follow=True).content.decode()
    assert "no longer announced. It is a draft again." in page
    assert "is published" in studio.post(url, {"out_at": when, "now": "1"}, follow=True).content.decode()
