"""Albums are published when all is there, and withdrawn without taking anything from whoever has them."""

from datetime import timedelta
from typing import Any

import pytest

from artists import albums, checklist, profiles, search, tracks
from artists.models import Album, Artist, FreeMode, Rendition, SearchDocument, SplitSheet, Track, Upload
from tests.artists.factories import NOON, make_album, make_artist, make_original, make_rendition, make_sheet, make_track
from tests.artists.pictures import picture
from tests.users.factories import make_user, nina

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)


def draft(**fields: Any) -> Album:
    """An album with two tracks whose files are ready."""
    return make_album(published=False, tracks=2, **fields)


def open_checks(album: Album) -> list[str]:
    return [check.label for check in checklist.of(album) if check.is_required and not check.is_done]


def test_a_new_album_costs_seven_dollars_and_is_free_with_an_ad() -> None:
    album = albums.create(make_artist(), "Night Bus", NOON)
    assert (album.slug, album.price_micros, album.free_mode, album.state) == ("night-bus", 7_000_000, "AD", "DRAFT")


def test_an_album_whose_files_are_ready_is_published_with_its_tracks() -> None:
    album = draft()
    assert open_checks(album) == []
    albums.publish(album, NOON)
    album.refresh_from_db()
    assert (album.state, album.published_at, album.released_on) == ("PUBLISHED", NOON, NOON.date())
    assert set(album.tracks.values_list("state", flat=True)) == {"PUBLISHED"}


def test_publishing_twice_changes_nothing_and_keeps_the_first_day() -> None:
    album = draft()
    albums.publish(album, NOON)
    albums.publish(album, LATER)
    album.refresh_from_db()
    assert album.published_at == NOON
    assert SearchDocument.objects.filter(album=album).count() == 3


def test_an_album_without_tracks_waits() -> None:
    with pytest.raises(albums.NotReady, match="Drop at least one audio file"):
        albums.publish(make_album(published=False), NOON)


@pytest.mark.parametrize("recipe", ["mp3-320", "flac"])
def test_an_album_waits_for_what_it_is_sold_in(recipe: str) -> None:
    album = draft()
    original = make_original(renditions=tuple({"mp3-320", "flac"} - {recipe}))
    make_rendition(original, recipe, state="WANTED")
    make_track(album=album, original=original, published=False)
    with pytest.raises(albums.NotReady, match="1 file is still being made for listeners"):
        albums.publish(album, NOON)


def test_an_album_does_not_wait_for_opus() -> None:
    album = draft()
    make_track(album=album, original=make_original(renditions=("mp3-320", "flac")), published=False)
    albums.publish(album, NOON)


def test_a_format_that_failed_says_why_and_where_to_press() -> None:
    album = draft()
    Rendition.objects.filter(original__tracks__album=album, recipe="flac").update(state="FAILED", reason="It broke.")
    with pytest.raises(albums.NotReady, match=r"“Track 1”: It broke\. Press Try again"):
        albums.publish(album, NOON)


@pytest.mark.parametrize(
    ("state", "words"), [("RECEIVED", "1 file is still being checked"), ("REJECTED", "1 file needs you")]
)
def test_a_file_that_is_not_done_is_not_left_out_by_mistake(state: str, words: str) -> None:
    album = draft()
    ended = None if state == "RECEIVED" else NOON
    Upload.objects.create(
        album=album, by=nina(), filename="x.wav", size_bytes=1, sha256="0" * 64, state=state, reason="No.",
        finished_at=ended,
    )  # fmt: skip
    with pytest.raises(albums.NotReady, match=words):
        albums.publish(album, NOON)


def test_an_unconfirmed_address_may_not_publish() -> None:
    owner = make_user("una@demo.megabox.test", is_artist=True, is_confirmed=False)
    album = draft(artist=make_artist(owner=owner))
    with pytest.raises(albums.NotReady, match="Open the link we sent to una@demo"):
        albums.publish(album, NOON)


def test_an_album_without_a_price_is_not_sold_for_nothing() -> None:
    album = draft(price_micros=0)
    with pytest.raises(albums.NotReady, match="Set a price above zero"):
        albums.publish(album, NOON)


def test_publishing_closes_the_gaps_between_tracks() -> None:
    album = make_album(published=False)
    for position in (7, 3, 1004):
        make_track(f"At {position}", album=album, position=position, published=False)
    albums.publish(album, NOON)
    assert list(album.tracks.values_list("position", "title")) == [(1, "At 3"), (2, "At 7"), (3, "At 1004")]


def test_a_track_added_later_joins_by_publishing_again() -> None:
    album = draft()
    albums.publish(album, NOON)
    track = make_track("Bonus", album=album, published=False)
    assert not search.find("bonus")
    albums.publish(album, LATER)
    track.refresh_from_db()
    assert track.published_at == LATER
    assert [one.title for one in search.find("bonus")] == ["Bonus"]


def test_a_withdrawn_album_leaves_the_search_and_can_come_back() -> None:
    album = draft()
    albums.publish(album, NOON)
    albums.withdraw(album, LATER)
    assert (album.state, album.withdrawn_at) == ("WITHDRAWN", LATER)
    assert not SearchDocument.objects.exists()
    with pytest.raises(albums.NotPossible, match="is not published"):
        albums.withdraw(album, LATER)
    albums.publish(album, LATER)
    album.refresh_from_db()
    assert album.withdrawn_at is None


def test_a_draft_is_deleted_with_its_tracks_and_a_published_album_never() -> None:
    album = draft()
    make_sheet(album, [(album.artist.payee, 10_000)], at=NOON)
    albums.delete(album)
    assert not Album.objects.exists()
    assert not SplitSheet.objects.exists()
    published = make_album(tracks=1)
    with pytest.raises(albums.NotPossible, match="Withdraw it instead"):
        albums.delete(published)


def test_editing_keeps_the_old_address_and_moves_the_tracks_free_mode() -> None:
    album = draft()
    albums.publish(album, NOON)
    old = Album.objects.get(pk=album.pk).slug
    album.refresh_from_db()
    albums.edit(album, albums.Words(title="Day Bus"), LATER)
    albums.edit(album, albums.Terms(free_mode=FreeMode.OFF), LATER)
    assert album.slug == "day-bus"
    assert album.old_slugs.get().slug == old
    assert set(album.tracks.values_list("free_mode", flat=True)) == {"OFF"}
    assert search.find("day bus")[0].title == "Day Bus"


def test_a_published_album_keeps_its_currency_and_a_price() -> None:
    album = make_album(tracks=1)
    with pytest.raises(albums.NotPossible, match="keeps its currency, USD"):
        albums.edit(album, albums.Terms(currency="EUR"), NOON)
    with pytest.raises(albums.NotPossible, match="needs a price"):
        albums.edit(album, albums.Terms(price_micros=0), NOON)


def test_a_cover_gives_the_album_its_colour() -> None:
    album = make_album(published=False)
    albums.set_cover(album, picture("blue"), NOON)
    assert album.cover is not None
    assert album.hue == album.cover.hue


@pytest.mark.parametrize(
    ("price", "sentence"),
    [(7_000_000, "100 buyers at $7.00 → you get $630.00."), (990_000, "100 buyers at $0.99 → you get $89.10.")],
)
def test_the_simulator_shows_ninety_percent(price: int, sentence: str) -> None:
    assert albums.simulation(make_album(price_micros=price)) == sentence


def test_tracks_move_and_keep_their_places_unique() -> None:
    album = make_album(tracks=3)
    first, second, third = album.tracks.all()
    tracks.move(third, -1)
    tracks.move(first, -1)
    assert list(album.tracks.values_list("title", "position")) == [("Track 1", 1), ("Track 3", 2), ("Track 2", 3)]
    tracks.move(second, 1)
    assert album.tracks.get(pk=second.pk).position == 3


def test_a_published_track_is_withdrawn_and_a_draft_deleted() -> None:
    album = make_album(tracks=2)
    bonus = make_track(album=album, published=False)
    tracks.remove(bonus, LATER)
    assert not Track.objects.filter(pk=bonus.pk).exists()
    first, second = album.tracks.all()
    tracks.remove(first, LATER)
    first.refresh_from_db()
    assert (first.state, first.withdrawn_at) == ("WITHDRAWN", LATER)
    assert Track.objects.get(pk=second.pk).position == 1
    with pytest.raises(tracks.LastTrack, match="Withdraw the album instead"):
        tracks.remove(second, LATER)


@pytest.mark.parametrize("typed", ["DE-ABC-26-00001", "deabc2600001", "ISRC DE ABC 26 00001"])
def test_an_isrc_is_read_however_it_is_written(typed: str) -> None:
    assert tracks.parse_isrc(typed) == "DEABC2600001"


@pytest.mark.parametrize("typed", ["DE-ABC-26-0001", "12-ABC-26-00001", "hello"])
def test_what_is_no_isrc_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(tracks.BadIsrc, match="like DE-ABC-26-00001"):
        tracks.parse_isrc(typed)


def test_words_saved_late_do_not_unpublish_an_album() -> None:
    album = draft()
    opened_before = Album.objects.get(pk=album.pk)
    track_before = Track.objects.filter(album=album).first()
    assert track_before is not None
    albums.publish(album, NOON)
    albums.edit(opened_before, albums.Words(title="Night Bus, again"), LATER)
    tracks.edit(track_before, tracks.Details(title="One more"), LATER)
    album.refresh_from_db()
    track_before.refresh_from_db()
    assert (album.title, album.state) == ("Night Bus, again", Album.State.PUBLISHED)
    assert (track_before.title, track_before.state) == ("One more", Track.State.PUBLISHED)


def test_a_picture_that_is_set_late_takes_nothing_out_of_the_search() -> None:
    album = make_album(published=False)
    read_before = Album.objects.get(pk=album.pk)
    Album.objects.filter(pk=album.pk).update(state=Album.State.PUBLISHED, published_at=NOON, title="Renamed meanwhile")
    search.write_album(Album.objects.get(pk=album.pk), at=NOON)
    albums.set_cover(read_before, picture("blue"), NOON)
    assert SearchDocument.objects.get(kind=SearchDocument.Kind.ALBUM, album=album).title == "Renamed meanwhile"


def test_a_picture_of_an_artist_that_is_set_late_keeps_their_new_name() -> None:
    artist = make_album().artist
    read_before = Artist.objects.get(pk=artist.pk)
    profiles.edit(artist, profiles.Details(name="Renamed meanwhile"), at=NOON)
    profiles.set_picture(read_before, picture("blue"), at=NOON)
    assert SearchDocument.objects.get(kind=SearchDocument.Kind.ARTIST, artist=artist).title == "Renamed meanwhile"
