"""Nothing is sold whose master or files for sale are not what they were; and what is mended is sold again."""

import hashlib
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from artists import albums, audio, blobs, packages, progress, renditions, uploads, verifying
from artists.models import Album, Original, Rendition, Track, Upload
from megabox import media
from tests.artists.factories import NOON, make_album, make_original, tiny
from tests.users.factories import ada, nina
from users.models import User

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def album() -> Album:
    """A published album whose two masters are what their rows say, as if they had been sent."""
    made = make_album("Night Bus", tracks=2)
    for number, track in enumerate(made.tracks.all()):
        data = tiny("flac") + bytes(number)  # different by a byte
        sha256 = hashlib.sha256(data).hexdigest()
        path = media.private().save(blobs.original_path(sha256), ContentFile(data))
        values = {"sha256": sha256, "path": path, "size_bytes": len(data), "verified_at": NOON}
        assert track.original is not None
        Original.objects.filter(pk=track.original.pk).update(**values)
        Upload.objects.create(
            album=made,
            by=nina(),
            track=track,
            filename=f"{track}.flac",
            size_bytes=len(data),
            sha256=sha256,
            state=Upload.State.READY,
            finished_at=NOON,
        )
    return made


def make_files() -> None:
    later = NOON + timedelta(hours=1)
    for rendition in Rendition.objects.filter(state=Rendition.State.WANTED):
        assert renditions.make(rendition.pk, later)


def first_original(album: Album) -> Original:
    track = album.tracks.all()[0]
    assert track.original is not None
    return track.original


def place_of(name: str) -> Path:
    return Path(media.private().path(name))


def is_sold(album: Album) -> bool:
    return not verifying.unsound(Track.objects.filter(album=album)).exists()


def test_what_just_came_and_was_decoded_is_verified(sounds: dict[str, Path]) -> None:
    draft = make_album(published=False)
    with sounds["flac"].open("rb") as file:
        uploads.ingest(uploads.receive(draft, file, "a.flac", nina(), NOON).pk, NOON)
    original = first_original(draft)
    assert (original.verified_at, original.fault) == (NOON, "")
    assert not is_sold(draft), "its MP3 and FLAC are not made yet"


def test_a_whole_album_stays_sold(album: Album) -> None:
    original = first_original(album)
    assert verifying.verify(original.pk, NOON + DAY) == ""
    original.refresh_from_db()
    assert original.verified_at == NOON + DAY
    assert is_sold(album)


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (lambda path: path.unlink(), "no longer in our storage"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1_000]), "shorter than the one you sent"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "longer than the one you sent"),
        (lambda path: path.write_bytes(bytes(path.stat().st_size)), "not the one you sent"),
        (lambda path: (path.unlink(), path.mkdir()), "the one you sent|cannot be read"),
    ],
    ids=["gone", "truncated", "longer", "swapped", "no file"],
)
def test_a_master_that_is_not_what_was_sent_stops_its_album_being_sold(album: Album, harm: Any, fault: str) -> None:
    original = first_original(album)
    harm(place_of(original.path))
    assert is_sold(album), "nobody has looked yet"
    sweeper_at = NOON + 2 * DAY
    assert verifying.verify_some(lambda: sweeper_at, until=sweeper_at + timedelta(minutes=1)) == 2
    original.refresh_from_db()
    assert not is_sold(album)
    step = progress.of_original(original)
    assert step.state == "needs_you"
    assert "drop the very same file here again" in step.reason
    assert any(part in original.fault for part in fault.split("|"))
    assert Rendition.objects.exclude(state="READY").count() == 0, "what was made of it may be all that is left"
    with pytest.raises(albums.NotReady, match="damaged in our storage"):
        albums.publish(album, NOON)


def test_sending_the_same_file_again_mends_it(album: Album) -> None:
    original = first_original(album)
    place_of(original.path).write_bytes(b"something else")
    verifying.verify(original.pk, NOON)
    upload = uploads.receive(album, io.BytesIO(tiny("flac")), "again.flac", nina(), NOON)
    assert upload.track is not None
    assert upload.track.original == original, "it is the upload that was there"
    original.refresh_from_db()
    assert (original.fault, is_sold(album)) == ("", True)
    assert hashlib.sha256(place_of(original.path).read_bytes()).hexdigest() == original.sha256
    with pytest.raises(uploads.Duplicate):
        uploads.receive(album, io.BytesIO(tiny("flac")), "once more.flac", nina(), NOON)


def test_a_file_that_is_gone_is_taken_again_before_anybody_looked(album: Album) -> None:
    original = first_original(album)
    blobs.delete(original.path)
    uploads.receive(album, io.BytesIO(tiny("flac")), "again.flac", nina(), NOON)
    assert blobs.exists(original.path)


def test_a_backup_that_is_put_back_is_noticed_soon_and_on_a_press(album: Album) -> None:
    original = first_original(album)
    path = place_of(original.path)
    kept = path.read_bytes()
    path.unlink()
    verifying.verify(original.pk, NOON)
    client = Client()
    client.force_login(nina())
    press = f"/studio/tracks/{album.tracks.all()[0].pk}/retry/"
    assert "still damaged" in client.post(press, follow=True).content.decode()
    assert "not sold: 1 damaged" in client.get("/studio/").content.decode()
    path.write_bytes(kept)
    assert "is whole again" in client.post(press, follow=True).content.decode()
    assert is_sold(album)
    Original.objects.filter(pk=original.pk).update(fault="Gone.", verified_at=NOON)
    soon = NOON + timedelta(minutes=11)
    assert verifying.verify_some(lambda: soon, until=soon + timedelta(minutes=1)) == 1
    assert is_sold(album)


@pytest.mark.parametrize("recipe", ["mp3-320", "flac", "opus"])
@pytest.mark.parametrize("harm", ["gone", "truncated", "swapped"])
def test_a_made_file_that_is_not_what_was_made_is_made_again(album: Album, recipe: str, harm: str) -> None:
    original = first_original(album)
    rendition = Rendition.objects.get(original=original, recipe=recipe)
    path = place_of(rendition.path)
    data = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-7] if harm == "truncated" else bytes(len(data)))
    assert verifying.verify(original.pk, NOON) == ""
    assert is_sold(album) == (recipe not in renditions.FOR_SALE)
    make_files()
    assert is_sold(album)
    rendition.refresh_from_db()
    assert place_of(rendition.path).read_bytes() == data, "encoders write the same bytes each time"


def test_an_album_without_one_of_its_files_for_sale_is_not_sold(album: Album) -> None:
    Rendition.objects.filter(original=first_original(album), recipe="flac").delete()
    assert not is_sold(album)


def test_what_nobody_uses_is_not_read_and_a_round_is_bounded(monkeypatch: pytest.MonkeyPatch, album: Album) -> None:
    make_original()  # of no track
    Original.objects.update(verified_at=None)
    monkeypatch.setattr(verifying, "MOST_BYTES", 1)
    later = NOON + timedelta(minutes=1)
    assert verifying.verify_some(lambda: NOON, until=NOON) == 0
    assert verifying.verify_some(lambda: NOON, until=later) == 1
    assert verifying.verify_some(lambda: NOON, until=later) == 1
    assert verifying.verify_some(lambda: NOON, until=later) == 0, "all were read today"
    assert verifying.verify_some(lambda: NOON + DAY, until=later + DAY) == 0
    assert verifying.verify_some(lambda: NOON + 2 * DAY, until=later + 2 * DAY) == 1


def test_a_master_that_is_deleted_meanwhile_is_nothing_to_verify() -> None:
    assert verifying.verify(987_654, NOON) == ""


def test_the_desk_sees_masters_that_are_damaged(album: Album) -> None:
    Original.objects.filter(pk=first_original(album).pk).update(fault="Gone.")
    client = Client()
    client.force_login(ada())
    assert "masters that are gone or changed" in client.get("/desk/").content.decode()
    User.objects.filter(pk=ada().pk).update(is_superuser=True)
    shown = client.get("/admin/artists/original/?fault__gt=").content.decode()
    assert "1 original" in shown


def test_what_could_not_be_made_has_its_master_read_soon(album: Album) -> None:
    original = first_original(album)
    blobs.delete(original.path)
    renditions.ask([original.pk], "wav", NOON)
    for hour in range(renditions.MOST_TRIES):
        renditions.make(Rendition.objects.get(recipe="wav").pk, NOON + timedelta(hours=hour))
    assert Rendition.objects.get(recipe="wav").state == "FAILED"
    assert verifying.verify_some(lambda: NOON, until=NOON + timedelta(minutes=1)) == 1
    assert not is_sold(album)


# --- what was made because somebody asked, and nobody asks for any more


def on_demand(album: Album) -> Rendition:
    """A WAV of the first track, made and asked for at NOON."""
    renditions.ask([first_original(album).pk], "wav", NOON)
    rendition = Rendition.objects.get(recipe="wav")
    assert renditions.make(rendition.pk, NOON)
    rendition.refresh_from_db()
    return rendition


def test_a_format_nobody_asks_for_is_deleted_and_made_again_when_asked(album: Album) -> None:
    rendition = on_demand(album)
    assert renditions.clean_up(NOON + 30 * DAY) == 0
    assert renditions.clean_up(NOON + 31 * DAY) == 1
    assert not blobs.exists(rendition.path)
    assert Rendition.objects.count() == 8, "what is made ahead stays"
    assert all(blobs.exists(one.path) for one in Rendition.objects.all())
    again = renditions.ask([first_original(album).pk], "wav", NOON + 32 * DAY)
    assert renditions.make(again[0], NOON + 32 * DAY)
    assert place_of(rendition.path).stat().st_size == rendition.size_bytes


def test_a_format_that_is_asked_for_again_stays(album: Album) -> None:
    rendition = on_demand(album)
    assert renditions.ask([rendition.original_id], "wav", NOON + 20 * DAY) == []
    assert renditions.clean_up(NOON + 45 * DAY) == 0
    assert blobs.exists(rendition.path)


def test_a_download_under_way_keeps_its_files(album: Album) -> None:
    rendition = on_demand(album)
    file = packages.tagged_track(album.tracks.all()[0], "wav")
    Rendition.objects.filter(pk=rendition.pk).update(asked_at=NOON)
    assert renditions.clean_up(NOON + 400 * DAY) == 0, "a copy is being read"
    assert blobs.exists(file.path)


def test_a_download_notes_that_it_is_asked_for_but_not_at_each_piece(album: Album) -> None:
    rendition = on_demand(album)
    track = album.tracks.all()[0]
    packages.tagged_track(track, "wav")
    rendition.refresh_from_db()
    assert rendition.asked_at is not None
    assert rendition.asked_at > NOON
    noted = rendition.asked_at
    packages.tagged_track(track, "wav")
    rendition.refresh_from_db()
    assert rendition.asked_at == noted


def test_what_failed_for_a_listener_is_forgotten_in_time_and_what_waits_is_not(album: Album) -> None:
    rendition = on_demand(album)
    Rendition.objects.filter(pk=rendition.pk).update(state="WANTED")
    assert renditions.clean_up(NOON + 31 * DAY) == 0
    Rendition.objects.filter(pk=rendition.pk).update(state="FAILED", reason="No.", path="")
    assert renditions.clean_up(NOON + 31 * DAY) == 0
    assert not Rendition.objects.filter(recipe="wav").exists()


def test_a_row_without_its_file_left_by_a_killed_clean_up_is_made_again(album: Album) -> None:
    rendition = on_demand(album)
    blobs.delete(rendition.path)
    with pytest.raises(packages.NotPrepared):
        packages.tagged_track(album.tracks.all()[0], "wav")
    assert renditions.make(rendition.pk, NOON + DAY)
    assert packages.tagged_track(album.tracks.all()[0], "wav").content_type == audio.RECIPES["wav"].content_type
