"""What is downloaded is whole, tagged as the album is today, and of the size that was promised."""

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import mutagen
import pytest
from django.utils import timezone
from mutagen.id3 import ID3

from artists import albums, audio, blobs, copies, packages, tracks
from artists.models import Album, Package, Rendition, Track
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
    data = b"".join(archive.read(range(archive.size)))
    assert len(data) == archive.size
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        extension = audio.RECIPES[recipe].extension
        assert opened.namelist() == [
            f"Nova Kit - Night Bus/01 Nova Kit - Track 1.{extension}",
            f"Nova Kit - Night Bus/02 Nova Kit - Track 2.{extension}",
            "Nova Kit - Night Bus/cover.jpg",
            "Nova Kit - Night Bus/credits.txt",
        ]
        assert {one.compress_type for one in opened.infolist()} == {zipfile.ZIP_STORED}
    assert archive.filename == "Nova Kit - Night Bus.zip"


def test_a_missing_track_refuses_the_whole_zip_and_is_made_again() -> None:
    album = covered_album()
    rendition = Rendition.objects.filter(recipe="flac").last()
    assert rendition is not None
    blobs.delete(rendition.path)
    with pytest.raises(packages.NotPrepared, match="missing or damaged on our side and is being made again"):
        packages.album_zip(album, "flac")
    rendition.refresh_from_db()
    assert rendition.state == "WANTED"
    with pytest.raises(packages.NotPrepared, match="still being made as FLAC"):
        packages.album_zip(album, "flac")


def test_a_format_that_failed_is_refused_in_words() -> None:
    track = make_track()
    Rendition.objects.filter(recipe="opus").update(state="FAILED", reason="no")
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


def test_old_copies_are_deleted_and_made_again() -> None:
    track = covered_album().tracks.first()
    assert isinstance(track, Track)
    made = packages.tagged_track(track, "mp3-320")
    assert copies.clean_up(timezone.now() + timedelta(days=1)) == 0
    assert copies.clean_up(timezone.now() + timedelta(days=4)) == 1
    assert not blobs.exists(made.path)
    assert not Path(media.private().path(made.path)).parent.exists()
    again = packages.tagged_track(track, "mp3-320")
    assert (again.path, again.etag, again.filename) == (made.path, made.etag, made.filename)


# --- zips that go on where they stopped, and never hold what they should not


def test_any_part_of_a_zip_is_that_part_and_a_changed_title_is_another_zip() -> None:
    album = covered_album()
    archive = packages.album_zip(album, "flac")
    whole = b"".join(archive.read(range(archive.size)))
    for wanted in (range(10), range(archive.size - 30, archive.size), range(1_000, 90_000)):
        assert b"".join(archive.read(wanted)) == whole[wanted.start : wanted.stop]
    assert packages.album_zip(album, "flac").etag == archive.etag
    track = album.tracks.first()
    assert track is not None
    tracks.edit(track, tracks.Details(title="Renamed"), NOON)
    again = packages.album_zip(album, "flac")
    assert again.etag != archive.etag
    names = zipfile.ZipFile(io.BytesIO(b"".join(again.read(range(again.size))))).namelist()
    assert "Nova Kit - Night Bus/01 Nova Kit - Renamed.flac" in names


def test_a_copy_that_changed_on_the_disk_stops_the_zip_and_is_made_again() -> None:
    album = covered_album()
    archive = packages.album_zip(album, "flac")
    package = Package.objects.order_by("pk").last()
    assert package is not None
    path = Path(media.private().path(package.path))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(copies.Damaged, match="changed after it was written"):
        b"".join(archive.read(range(archive.size)))
    again = packages.album_zip(album, "flac")
    assert again.etag == archive.etag
    data_again = b"".join(again.read(range(again.size)))
    assert zipfile.ZipFile(io.BytesIO(data_again)).testzip() is None


def test_a_copy_of_another_size_is_made_again_before_it_is_promised() -> None:
    track = covered_album().tracks.first()
    assert track is not None
    made = packages.tagged_track(track, "mp3-320")
    with Path(media.private().path(made.path)).open("ab") as file:
        file.write(b"more")
    again = packages.tagged_track(track, "mp3-320")
    assert media.private().size(again.path) == again.size == made.size


def test_a_rendition_that_changed_on_the_disk_is_not_tagged_but_made_again() -> None:
    track = covered_album().tracks.first()
    assert track is not None
    rendition = Rendition.objects.get(original=track.original, recipe="flac")
    path = Path(media.private().path(rendition.path))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(packages.NotPrepared, match="damaged on our side"):
        packages.tagged_track(track, "flac")
    rendition.refresh_from_db()
    assert rendition.state == "WANTED"


def test_a_copy_is_checked_block_by_block_and_only_where_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "BLOCK_BYTES", 1_000)
    track = covered_album().tracks.first()
    assert track is not None
    package = packages.tagged_track(track, "mp3-320").package
    whole = bytes_of(package.path)
    assert len(package.blocks) == -(-len(whole) // 1_000)
    for wanted in (range(len(whole)), range(999, 1_001), range(1_500, 1_501), range(len(whole) - 1, len(whole))):
        assert b"".join(copies.read(package, wanted)) == whole[wanted.start : wanted.stop]
    path = Path(media.private().path(package.path))
    path.write_bytes(b"?" + whole[1:])
    assert b"".join(copies.read(package, range(1_000, 2_000))) == whole[1_000:2_000]
    with pytest.raises(copies.Damaged):
        list(copies.read(package, range(500, 600)))


def test_the_credits_beside_the_music_name_everybody_and_the_licence() -> None:
    album = make_album("Night Bus", tracks=1, artist=make_artist("Nova Kit"), licence="CC-BY-4.0", upc="4006381333931")
    track = album.tracks.get()
    track.contributions.create(role="COMPOSER", name="Nina Söderberg")
    archive = packages.album_zip(album, "mp3-320")
    with zipfile.ZipFile(io.BytesIO(b"".join(archive.read(range(archive.size))))) as opened:
        text = opened.read("Nova Kit - Night Bus/credits.txt").decode()
    for told in (
        "Night Bus",
        "by Nova Kit",
        "CC BY 4.0",
        "licenses/by/4.0/",
        "composer: Nina Söderberg",
        "4006381333931",
    ):
        assert told in text
