"""Bytes go when no row names them, and not before; and files keep their order and know their twins."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from artists import albums, blobs, checklist, leftovers, naming, progress, sweeping, tracks, uploads
from artists.models import Album, Contribution, Original, Rendition, Track, Upload
from megabox import media
from tests.artists.factories import NOON, make_album, make_artist, make_track
from tests.users.factories import make_user, nina

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)


def send(album: Album, path: Path, name: str = "", at: timedelta = timedelta()) -> Upload:
    with path.open("rb") as file:
        return uploads.receive(album, file, name or path.name, nina(), NOON + at)


def a_day_of_cleaning() -> None:
    """The hourly clean-up for a day, two days from now."""
    for hour in range(24):
        sweeping.clean_up(timezone.now() + timedelta(days=2, hours=hour))


def files() -> list[str]:
    root = Path(media.private().path("."))
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


# --- Leftovers


def test_a_deleted_draft_takes_its_masters_and_all_made_of_them_along(sounds: dict[str, Path]) -> None:
    album = make_album(published=False)
    uploads.ingest(send(album, sounds["wav"]).pk, NOON)
    uploads.ingest(send(album, sounds["text"]).pk, NOON)
    send(album, sounds["flac"])
    sweeping.sweep(lambda: LATER, until=LATER + timedelta(minutes=1))
    assert len(files()) > 6
    albums.delete(album)
    assert files() == [], "at once, as it leaves its artist's quota"
    assert not Original.objects.exists()
    assert not Rendition.objects.exists()


@pytest.mark.parametrize("is_killed", [False, True], ids=["at once", "a worker killed meanwhile"])
def test_a_removed_draft_of_a_track_takes_its_master_along(
    is_killed: bool, sounds: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    album = make_album(published=False)
    uploads.ingest(send(album, sounds["wav"]).pk, NOON)
    if is_killed:
        monkeypatch.setattr(leftovers, "let_go", lambda names: 0)
    tracks.remove(Track.objects.get(), NOON)
    if is_killed:
        a_day_of_cleaning()
    assert files() == []
    assert not Original.objects.exists()


def test_a_rejected_file_that_is_put_away_goes_at_once_unless_it_is_needed(sounds: dict[str, Path]) -> None:
    bad, same = [send(make_album(published=False), sounds["text"]) for _ in range(2)]
    for upload in (bad, same):
        uploads.ingest(upload.pk, NOON)
    assert uploads.dismiss(bad)
    assert files() == [blobs.original_path(bad.sha256)], "the other one may be tried again"
    assert uploads.dismiss(same)
    assert files() == []


def test_what_another_album_needs_stays(sounds: dict[str, Path]) -> None:
    first, second = make_album(published=False), make_album(published=False)
    for album in (first, second):
        uploads.ingest(send(album, sounds["wav"]).pk, NOON)
    albums.delete(first)
    a_day_of_cleaning()
    original = Original.objects.get()
    assert blobs.exists(original.path)
    assert Track.objects.get().original == original


def test_what_is_sent_again_meanwhile_stays(sounds: dict[str, Path]) -> None:
    album = make_album(published=False)
    uploads.ingest(send(album, sounds["wav"]).pk, NOON)
    albums.delete(album)
    again = send(make_album(published=False), sounds["wav"])
    a_day_of_cleaning()
    assert uploads.ingest(again.pk, NOON)
    again.refresh_from_db()
    assert again.state == "READY"


def test_a_withdrawn_track_keeps_its_files() -> None:
    album = make_album(tracks=2)
    before = files()
    tracks.remove(album.tracks.all()[0], NOON)
    a_day_of_cleaning()
    assert files() == before


def test_a_file_whose_row_was_never_written_goes_after_a_day() -> None:
    sha256 = "ab" * 32
    for name in (blobs.original_path(sha256), blobs.rendition_path(sha256, "flac")):
        media.private().save(name, ContentFile(b"killed before the row"))
    for hour in range(24):
        sweeping.clean_up(timezone.now().replace(hour=hour))
    assert len(files()) == 2, "they are young: their row may be on its way"
    a_day_of_cleaning()
    assert files() == []


# --- Order


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_files_without_numbers_keep_the_order_in_which_they_were_sent(
    sounds: dict[str, Path], order: tuple[int, ...], tmp_path: Path
) -> None:
    album = make_album(published=False)
    rows = []
    for number, name in enumerate(["Zulu", "Alpha", "Mike"]):
        path = tmp_path / f"{name}.wav"
        path.write_bytes(sounds["wav"].read_bytes() + bytes(2 * number))
        rows.append(send(album, path, at=timedelta(seconds=number)))
    for index in order:
        uploads.ingest(rows[index].pk, LATER)
    assert [line.track.title for line in progress.of_tracks(album)] == ["Zulu", "Alpha", "Mike"]


def test_numbers_in_names_go_before_the_order_of_sending(sounds: dict[str, Path], tmp_path: Path) -> None:
    album = make_album(published=False)
    for number, name in enumerate(["Bonus", "02 Rain", "01 Glass"]):
        path = tmp_path / f"{name}.wav"
        path.write_bytes(sounds["wav"].read_bytes() + bytes(2 * number))
        uploads.ingest(send(album, path, at=timedelta(seconds=number)).pk, LATER)
    assert [line.track.title for line in progress.of_tracks(album)] == ["Glass", "Rain", "Bonus"]


# --- Twins


@pytest.fixture
def twins(sounds: dict[str, Path]) -> Upload:
    """The same file on two albums of nina's; the first track has been given words."""
    first = make_album("First Box", published=False)
    uploads.ingest(send(first, sounds["wav"]).pk, NOON)
    Track.objects.update(title="Intro", isrc="DEABC2600001", lyrics="La", price_micros=990_000)
    Contribution.objects.create(track=Track.objects.get(), role="PRODUCER", name="Ivo")
    second = make_album("Second Box", published=False, artist=first.artist)
    upload = send(second, sounds["wav"], "again.wav")
    uploads.ingest(upload.pk, NOON)
    upload.refresh_from_db()
    return upload


@pytest.fixture
def studio() -> Client:
    client = Client()
    client.force_login(nina())
    return client


def test_an_identical_file_is_ready_and_says_what_it_is_identical_to(twins: Upload, studio: Client) -> None:
    assert twins.state == "READY"
    page = studio.get(reverse("artists:album", args=[twins.album_id])).content.decode()
    assert "Identical to “Intro” on “First Box”" in page
    check = next(one for one in checklist.of(twins.album) if one.label == "Every file was accepted")
    assert check.is_done, "the question stops nobody"


def test_that_one_may_be_used(twins: Upload, studio: Client) -> None:
    page = studio.post(reverse("artists:decide_twin", args=[twins.pk]), {"use": "1"}, follow=True).content.decode()
    assert "has the title, ISRC, words and credits of the other track now" in page
    assert "Identical to" not in page
    track = Track.objects.get(uploads=twins)
    assert (track.title, track.isrc, track.lyrics, track.price_micros) == ("Intro", "DEABC2600001", "La", None)
    assert [one.name for one in track.contributions.all()] == ["Ivo"]


def test_or_it_is_kept_as_it_is(twins: Upload, studio: Client) -> None:
    page = studio.post(reverse("artists:decide_twin", args=[twins.pk]), follow=True).content.decode()
    assert "was left as it is" in page
    assert "Identical to" not in page
    assert Track.objects.get(uploads=twins).isrc == ""


def test_a_twin_that_is_gone_meanwhile_changes_nothing(twins: Upload, studio: Client) -> None:
    albums.delete(Album.objects.get(title="First Box"))
    page = studio.post(reverse("artists:decide_twin", args=[twins.pk]), {"use": "1"}, follow=True).content.decode()
    assert "The other track is gone" in page


def test_the_same_file_of_somebody_else_is_nobodys_business(sounds: dict[str, Path]) -> None:
    other = make_user("other@example.org", is_artist=True)
    theirs = make_album(published=False, artist=make_artist("Theirs", owner=other))
    with sounds["wav"].open("rb") as file:
        uploads.ingest(uploads.receive(theirs, file, "x.wav", other, NOON).pk, NOON)
    upload = send(make_album(published=False), sounds["wav"])
    uploads.ingest(upload.pk, NOON)
    upload.refresh_from_db()
    assert upload.twin is None


# --- Albums that begin with a drop


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Night Bus Maps", "Night Bus Maps"),
        ("Nova_Kit_-_Night_Bus", "Night Bus"),
        ("Nova Kit - Night Bus [FLAC 24bit]", "Night Bus"),
        ("2024 - Night Bus (2024) (WAV)", "Night Bus"),
        ("Night Bus.zip", "Night Bus"),
        ("masters", "Untitled album"),
        ("Final Mixes WAV 2", "Untitled album"),
        ("", "Untitled album"),
        ("\u202e\0", "Untitled album"),
        ("x" * 500, "x" * 200),
    ],
)
def test_a_title_is_guessed_only_from_a_name_that_says_something(name: str, title: str) -> None:
    assert naming.album_title(name, artist="Nova Kit") == title


def test_a_drop_on_the_front_page_starts_a_draft(studio: Client) -> None:
    make_artist("Other Name", owner=nina())
    artist = make_artist("Nova Kit", owner=nina())
    told = studio.post(reverse("artists:drop_album"), {"name": "Nova Kit - Rain", "artist": str(artist.pk)})
    assert told.status_code == 201
    album = Album.objects.get()
    assert (album.title, album.artist, album.state) == ("Rain", artist, "DRAFT")
    assert told.json()["transfers_url"] == f"/studio/albums/{album.pk}/transfers/"


def test_nobody_starts_an_album_for_somebody_elses_artist(studio: Client) -> None:
    theirs = make_artist("Theirs", owner=make_user("other@example.org", is_artist=True))
    for told in (str(theirs.pk), "x", "9" * 30, ""):
        assert studio.post(reverse("artists:drop_album"), {"artist": told}).status_code == 422
    assert not Album.objects.exists()


def test_an_untitled_album_is_called_as_its_first_file_says(sounds: dict[str, Path]) -> None:
    album = make_album(naming.UNTITLED, published=False)
    uploads.ingest(send(album, sounds["wav"]).pk, NOON)
    uploads.ingest(send(album, sounds["flac"]).pk, NOON)
    album.refresh_from_db()
    assert (album.title, album.slug) == ("Night Bus", "night-bus")


# --- Large albums


def test_an_album_of_five_hundred_tracks_opens_with_as_many_queries_as_a_small_one(
    studio: Client, settings: LazySettings
) -> None:
    counts = []
    for size in (2, 500):
        album = make_album(published=False, artist=make_artist(owner=nina()))
        original = make_track(published=False).original
        Track.objects.bulk_create(
            Track(album=album, title=f"Track {n}", slug=f"t{n}", position=n, duration_ms=1000, original=original)
            for n in range(1, size + 1)
        )
        values = {"album": album, "by": nina(), "state": "READY", "size_bytes": 9, "finished_at": NOON}
        Upload.objects.bulk_create(
            Upload(sha256=f"{n:064}", filename=f"{n}.wav", track=track, twin=track, **values)
            for n, track in enumerate(album.tracks.all())
        )
        with CaptureQueriesContext(connection) as seen:
            assert studio.get(reverse("artists:album", args=[album.pk])).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 25
