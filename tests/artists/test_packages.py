"""What is downloaded is whole, tagged as the album is today, and of the size that was promised."""

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import mutagen
import pytest
from django.utils import timezone
from mutagen.id3 import ID3

from artists import albums, audio, blobs, packages, tracks
from artists.models import Album, Rendition, Track
from megabox import media
from tests.artists.factories import NOON, make_album, make_artist, make_track
from tests.artists.pictures import picture

pytestmark = pytest.mark.django_db
RECIPES = ["mp3-320", "mp3-v0", "flac", "opus"]


def bytes_of(path: str) -> bytes:
    with media.private().open(path, "rb") as file:
        return bytes(file.read())


def covered_album() -> Album:
    album = make_album("Night Bus", tracks=2, artist=make_artist("Nova Kit"))
    albums.set_cover(album, picture(), NOON)
    return album


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_download_carries_todays_tags_and_the_cover(recipe: str) -> None:
    album = covered_album()
    track = album.tracks.first()
    assert track is not None
    made = packages.tagged_track(track, recipe)
    data = bytes_of(made.path)
    assert len(data) == made.size
    tags = mutagen.File(io.BytesIO(data), easy=True)
    assert (tags["title"], tags["album"], tags["artist"]) == (["Track 1"], ["Night Bus"], ["Nova Kit"])
    assert made.filename.startswith("01 Nova Kit - Track 1.")
    if recipe.startswith("mp3"):
        assert ID3(io.BytesIO(data)).getall("APIC")


def test_a_retitled_track_is_never_served_stale() -> None:
    track = covered_album().tracks.first()
    assert track is not None
    before = packages.tagged_track(track, "flac")
    assert packages.tagged_track(track, "flac") == before
    tracks.edit(track, tracks.Details(title="Renamed"), NOON)
    after = packages.tagged_track(track, "flac")
    assert after.path != before.path
    assert mutagen.File(io.BytesIO(bytes_of(after.path)))["title"] == ["Renamed"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_zip_has_the_promised_size_and_every_track_in_it(recipe: str) -> None:
    album = covered_album()
    archive = packages.album_zip(album, recipe)
    data = b"".join(archive.chunks)
    assert len(data) == archive.size
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        extension = audio.RECIPES[recipe].extension
        assert opened.namelist() == [
            f"Nova Kit - Night Bus/01 Nova Kit - Track 1.{extension}",
            f"Nova Kit - Night Bus/02 Nova Kit - Track 2.{extension}",
            "Nova Kit - Night Bus/cover.jpg",
        ]
        assert {one.compress_type for one in opened.infolist()} == {zipfile.ZIP_STORED}
    assert archive.filename == "Nova Kit - Night Bus.zip"


def test_a_missing_track_refuses_the_whole_zip_and_is_made_again() -> None:
    album = covered_album()
    rendition = Rendition.objects.filter(recipe="flac").last()
    assert rendition is not None
    blobs.delete(rendition.path)
    with pytest.raises(packages.NotPrepared, match="missing on our side and is being made again"):
        packages.album_zip(album, "flac")
    rendition.refresh_from_db()
    assert rendition.state == "WANTED"
    assert not packages.is_ready(album, "flac")
    with pytest.raises(packages.NotPrepared, match="still being made as FLAC"):
        packages.album_zip(album, "flac")


def test_a_format_that_failed_is_refused_in_words() -> None:
    track = make_track()
    Rendition.objects.filter(recipe="opus").update(state="FAILED", reason="no")
    assert not packages.is_ready(track, "opus")
    assert packages.is_ready(track, "mp3-320")
    with pytest.raises(packages.NotPrepared, match="cannot be had as Opus"):
        packages.tagged_track(track, "opus")


def test_owners_keep_a_track_that_was_withdrawn_later() -> None:
    album = covered_album()
    first = album.tracks.first()
    assert first is not None
    tracks.remove(first, NOON + timedelta(days=2))
    assert len(packages._tracks(album, None)) == 1
    assert len(packages._tracks(album, NOON + timedelta(days=1))) == 2
    assert len(packages._tracks(album, NOON + timedelta(days=3))) == 1


def test_an_album_without_published_tracks_has_no_zip() -> None:
    with pytest.raises(packages.NotPrepared, match="no published tracks"):
        packages.album_zip(make_album(), "flac")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("AC/DC: Live?", "AC-DC- Live-"),
        ("../../etc", "-..-etc"),
        ("CON", "_CON"),
        ("lpt1.txt", "_lpt1.txt"),
        ("dots...", "dots"),
        ("a\u202eb\nc", "ab c"),
        ("\U0001f3b5" * 90, "\U0001f3b5" * 50),
        ("", "untitled"),
    ],
)
def test_a_name_is_safe_on_every_system(text: str, name: str) -> None:
    assert packages.safe_name(text) == name


def test_two_tracks_of_one_name_are_two_files() -> None:
    assert packages._unique(["a.mp3", "A.mp3", "b.mp3"]) == ["a.mp3", "A (2).mp3", "b.mp3"]


def test_old_copies_are_deleted_and_made_again() -> None:
    track = covered_album().tracks.first()
    assert isinstance(track, Track)
    made = packages.tagged_track(track, "mp3-320")
    assert packages.clean_up(timezone.now() + timedelta(days=1)) == 0
    assert packages.clean_up(timezone.now() + timedelta(days=4)) == 1
    assert not blobs.exists(made.path)
    assert not Path(media.private().path(made.path)).parent.exists()
    assert packages.tagged_track(track, "mp3-320") == made


def test_formats_say_what_can_be_had_and_how_big_it_is() -> None:
    album = make_album(tracks=2)
    Rendition.objects.filter(recipe="opus", original__tracks=album.tracks.first()).delete()
    told = {one.recipe: one for one in packages.formats(album)}
    assert [one for one, made in told.items() if made.is_ready] == ["mp3-320", "mp3-v0", "flac"]
    assert told["flac"].size == sum(Rendition.objects.filter(recipe="flac").values_list("size_bytes", flat=True))
    assert told["opus"].size == 0
