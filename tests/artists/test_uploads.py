"""A received file always ends: as a track, or rejected with a reason its artist can act on."""

import dataclasses
import hashlib
import io
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.db import connection
from django.utils import timezone

from artists import albums, audio, blobs, incoming, renditions, sweeping, tracks, uploads
from artists.models import Album, Original, Rendition, Track, Upload
from megabox import claims
from tests.artists import sounds as make_sounds
from tests.artists.factories import NOON, make_album
from tests.users.factories import nina

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=2)


def send(album: Album, path: Path, name: str = "") -> Upload:
    """nina sends the file at `path`."""
    with path.open("rb") as file:
        return uploads.receive(album, file, name or path.name, nina(), NOON)


def test_a_received_file_is_stored_under_its_sha256(sounds: dict[str, Path]) -> None:
    upload = send(make_album(published=False), sounds["wav"])
    data = sounds["wav"].read_bytes()
    assert (upload.sha256, upload.size_bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    with blobs.borrow(blobs.original_path(upload.sha256)) as stored:
        assert stored.read_bytes() == data


@pytest.mark.parametrize(
    ("kind", "title", "position"),
    [("wav", "Night Bus", 1), ("flac", "Rain On Glass", 2), ("mp3", "Third Rail", 3), ("ogg", "Last Stop", 4)],
)
def test_a_file_becomes_a_track_named_by_its_tags_or_its_name(
    sounds: dict[str, Path], kind: str, title: str, position: int
) -> None:
    upload = send(make_album(published=False), sounds[kind])
    assert uploads.ingest(upload.pk, NOON)
    track = Track.objects.get(uploads=upload)
    assert (track.title, track.position, track.state) == (title, position, "DRAFT")
    assert 900 <= track.duration_ms <= 1100
    assert len(track.peaks) == 800
    assert max(track.peaks) == 255
    assert track.original is not None
    assert track.original.loudness_lufs is not None
    states = dict(Rendition.objects.filter(original=track.original).values_list("recipe", "state"))
    assert states == {"mp3-320": "WANTED", "flac": "WANTED", "opus": "READY", "mp3-v0": "READY"}


def test_an_isrc_in_the_file_is_kept(sounds: dict[str, Path]) -> None:
    upload = send(make_album(published=False), sounds["flac"])
    uploads.ingest(upload.pk, NOON)
    assert Track.objects.get().isrc == "DEABC2600002"


def test_the_cover_in_a_file_becomes_the_covers_of_an_album_that_has_none(sound_with_cover: Path) -> None:
    album = make_album(published=False)
    uploads.ingest(send(album, sound_with_cover).pk, NOON)
    album.refresh_from_db()
    assert album.cover is not None
    assert album.cover.url(320).endswith("320.webp")


def test_a_picture_of_gigapixels_inside_a_file_is_left_out_and_the_music_taken(tmp_path: Path) -> None:
    from mutagen.flac import FLAC, Picture

    path, bomb = make_sounds.copy("sound.flac", tmp_path / "a.flac"), Picture()
    held = FLAC(path)
    bomb.type, bomb.mime, bomb.data = 3, "image/png", make_sounds.png_bomb()
    held.add_picture(bomb)
    held.save()
    upload = send(make_album(published=False), path)
    assert uploads.ingest(upload.pk, NOON)
    upload.refresh_from_db()
    assert upload.state == "READY"
    assert upload.reason.startswith("The picture inside the file was not used: ")
    assert upload.album.cover is None


@pytest.mark.parametrize(
    ("given", "kept"), [("sgnos\u202e.exe.wav", "sgnos.exe.wav"), ("a\0b.wav", "ab.wav"), ("🎹 夜.wav", "🎹 夜.wav")]
)
def test_a_name_that_lies_is_kept_as_what_it_is(sounds: dict[str, Path], given: str, kept: str) -> None:
    upload = send(make_album(published=False), sounds["wav"], given)
    assert uploads.ingest(upload.pk, NOON)
    upload.refresh_from_db()
    assert (upload.filename, upload.state) == (kept, "READY")


def test_an_empty_file_is_refused_at_once_with_a_sentence(sounds: dict[str, Path]) -> None:
    with pytest.raises(uploads.EmptyFile, match=r"“silence\.wav” is empty \(0 bytes\)\. Your other files are kept"):
        send(make_album(published=False), sounds["empty"])
    assert not Upload.objects.exists()


@pytest.mark.parametrize(("kind", "words"), [("text", "kept"), ("cut", "cut off")])
def test_a_file_nobody_can_play_is_rejected_with_a_reason(sounds: dict[str, Path], kind: str, words: str) -> None:
    upload = send(make_album(published=False), sounds[kind])
    assert uploads.ingest(upload.pk, NOON)
    upload.refresh_from_db()
    assert upload.state == "REJECTED"
    assert words in upload.reason
    assert upload.finished_at == NOON
    assert not Track.objects.exists()


def test_the_same_bytes_are_not_added_twice_to_an_album(sounds: dict[str, Path]) -> None:
    album = make_album(published=False)
    send(album, sounds["wav"])
    with pytest.raises(uploads.Duplicate, match="on this album already as “01 Night Bus.wav”"):
        send(album, sounds["wav"], "again.wav")


def test_the_same_bytes_on_two_albums_are_stored_and_made_once(sounds: dict[str, Path]) -> None:
    for _ in range(2):
        uploads.ingest(send(make_album(published=False), sounds["wav"]).pk, NOON)
    assert (Track.objects.count(), Original.objects.count(), Rendition.objects.count()) == (2, 1, 4)


def test_a_file_over_the_limit_leaves_nothing_behind(sounds: dict[str, Path], settings: LazySettings) -> None:
    settings.MAX_UPLOAD_BYTES = 1000
    before = set(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())
    with pytest.raises(incoming.TooMuch, match="the most one file may have"):
        send(make_album(published=False), sounds["wav"])
    assert set(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == before


def test_a_nearly_full_disk_refuses_early(sounds: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        total, used, free = 100, 89, 11

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage)
    incoming.check_room()
    Usage.used, Usage.free = 91, 9
    with pytest.raises(incoming.NoRoom, match="nearly full"):
        send(make_album(published=False), sounds["wav"])


def test_more_than_the_quota_is_refused(sounds: dict[str, Path], settings: LazySettings) -> None:
    settings.UPLOAD_QUOTA_BYTES = 1000
    with pytest.raises(uploads.OverQuota, match="all that one person may keep"):
        send(make_album(published=False), sounds["wav"])


def test_what_was_withdrawn_still_lies_on_the_disk_and_counts(sounds: dict[str, Path], settings: LazySettings) -> None:
    album = make_album(published=False)
    for kind in ("wav", "flac"):
        uploads.ingest(send(album, sounds[kind]).pk, NOON)
    Track.objects.update(state=Track.State.PUBLISHED, published_at=NOON)
    settings.UPLOAD_QUOTA_BYTES = sum(Upload.objects.values_list("size_bytes", flat=True))
    tracks.remove(album.tracks.all()[0], NOON)
    with pytest.raises(uploads.OverQuota, match="Put rejected files away, delete drafts"):
        send(album, sounds["text"])


def test_when_every_message_is_lost_the_sweeper_completes_all(sounds: dict[str, Path]) -> None:
    album = make_album(published=False)
    for kind in ("wav", "flac", "text"):
        send(album, sounds[kind])
    clock = lambda: LATER  # noqa: E731
    sweeping.sweep(clock, until=LATER + timedelta(seconds=45))
    sweeping.sweep(lambda: LATER + timedelta(minutes=1), until=LATER + timedelta(minutes=2))
    assert sorted(Upload.objects.values_list("state", flat=True)) == ["READY", "READY", "REJECTED"]
    assert set(Rendition.objects.values_list("state", flat=True)) == {"READY"}
    assert Rendition.objects.count() == 8


def test_what_a_killed_worker_left_is_finished_once_when_its_claim_ends(sounds: dict[str, Path]) -> None:
    upload = send(make_album(published=False), sounds["wav"])
    assert claims.claim(Upload.objects.all(), upload.pk, "killed worker", NOON)
    assert not uploads.ingest(upload.pk, NOON + timedelta(seconds=59))
    assert uploads.ingest(upload.pk, NOON + timedelta(seconds=61))
    assert not uploads.ingest(upload.pk, NOON + timedelta(seconds=200))
    assert Track.objects.count() == 1


def test_a_worker_that_lost_its_claim_changes_nothing(sounds: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    upload = send(make_album(published=False), sounds["wav"])
    real = audio.take_in

    def take_in_while_another_takes_over(*args: Any, **kwargs: Any) -> audio.Taken:
        Upload.objects.filter(pk=upload.pk).update(claimed_by="somebody else")
        return real(*args, **kwargs)

    monkeypatch.setattr(audio, "take_in", take_in_while_another_takes_over)
    assert not uploads.ingest(upload.pk, NOON)
    assert not Track.objects.exists()
    upload.refresh_from_db()
    assert upload.state == "RECEIVED"


def test_an_album_deleted_while_its_file_is_checked_takes_the_file_along(
    sounds: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    album = make_album(published=False, tracks=0)
    upload, real = send(album, sounds["wav"]), audio.take_in

    def take_in_while_the_album_goes(*args: Any, **kwargs: Any) -> audio.Taken:
        albums.delete(album)
        return real(*args, **kwargs)

    monkeypatch.setattr(audio, "take_in", take_in_while_the_album_goes)
    assert not uploads.ingest(upload.pk, NOON)
    assert not Upload.objects.exists()


def test_a_disk_that_fills_up_while_a_file_is_written_is_a_refusal_and_nothing_stays() -> None:
    class Full(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(28, "No space left on device")

    before = set(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())
    with pytest.raises(incoming.NoRoom, match="nearly full"):
        incoming.write(Full())
    assert set(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == before


def test_a_file_that_kills_its_workers_is_rejected_in_the_end(sounds: dict[str, Path]) -> None:
    upload = send(make_album(published=False), sounds["wav"])
    Upload.objects.filter(pk=upload.pk).update(tries=uploads.MOST_TRIES)
    assert uploads.ingest(upload.pk, NOON)
    upload.refresh_from_db()
    assert "stopped our worker" in upload.reason
    assert uploads.retry(upload, NOON)
    assert uploads.ingest(upload.pk, LATER)
    assert Track.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_make_one_track(sounds: dict[str, Path]) -> None:
    upload = send(make_album(published=False), sounds["wav"])
    ended: list[bool] = []

    def work() -> None:
        ended.append(uploads.ingest(upload.pk, timezone.now()))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == [False, False, False, True]
    assert Track.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_four_files_in_parallel_get_four_places(sounds: dict[str, Path], tmp_path: Path) -> None:
    album = make_album(published=False)
    data = sounds["wav"].read_bytes()
    rows = []
    for number in range(4):
        one = tmp_path / f"take {number}.wav"
        one.write_bytes(data + bytes(2 * number))
        rows.append(send(album, one))

    def work(pk: int) -> None:
        uploads.ingest(pk, timezone.now())
        connection.close()

    threads = [threading.Thread(target=work, args=[row.pk]) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    titles = list(Track.objects.filter(album=album).order_by("position").values_list("title", flat=True))
    assert titles == [f"take {number}" for number in range(4)]


def test_rejected_bytes_are_deleted_after_a_week_and_needed_ones_kept(sounds: dict[str, Path]) -> None:
    album = make_album(published=False)
    bad, good = send(album, sounds["text"]), send(album, sounds["wav"])
    for upload in (bad, good):
        uploads.ingest(upload.pk, NOON)
    assert uploads.clean_up(NOON + timedelta(days=6)) == 0
    assert uploads.clean_up(NOON + timedelta(days=8)) == 1
    assert not blobs.exists(blobs.original_path(bad.sha256))
    assert blobs.exists(blobs.original_path(good.sha256))
    assert not uploads.retry(bad, LATER)


def test_what_is_heard_is_there_as_soon_as_a_file_is_checked(sounds: dict[str, Path]) -> None:
    upload = send(make_album(published=False), sounds["wav"])
    uploads.ingest(upload.pk, NOON)
    for recipe in renditions.STREAMED:
        row = Rendition.objects.get(recipe=recipe)
        assert (row.path, row.ready_at) == (blobs.rendition_path(upload.sha256, recipe), NOON)
        with blobs.borrow(row.path) as stored:
            assert stored.stat().st_size == row.size_bytes
            assert renditions.crc32_of(stored) == row.crc32
            assert audio.probe(stored).duration_ms == pytest.approx(1000, abs=30)
    assert not renditions.make(Rendition.objects.get(recipe="opus").pk, NOON)


def test_a_stream_that_could_not_be_made_with_the_rest_is_made_by_itself(
    sounds: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = audio.take_in
    without = lambda *args, **how: dataclasses.replace(real(*args, **how), files={})  # noqa: E731
    monkeypatch.setattr(audio, "take_in", without)
    upload = send(make_album(published=False), sounds["wav"])
    assert uploads.ingest(upload.pk, NOON)
    waiting = renditions.waiting_ids(upload.pk)
    assert len(waiting) == 4
    assert all(renditions.make(pk, NOON) for pk in waiting)


def test_a_rejected_file_leaves_no_streams_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(make_sounds.make(tmp_path / "noise.flac", source="anoisesrc=r=44100:seed=7").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = b"\x55" * 2000
    (tmp_path / "hole.flac").write_bytes(data)
    upload = send(make_album(published=False), tmp_path / "hole.flac")
    assert uploads.ingest(upload.pk, NOON)
    upload.refresh_from_db()
    assert "damaged" in upload.reason
    assert not any(blobs.exists(blobs.rendition_path(upload.sha256, recipe)) for recipe in renditions.STREAMED)


def test_of_known_bytes_only_the_picture_is_read(sound_with_cover: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads.ingest(send(make_album(published=False), sound_with_cover).pk, NOON)
    monkeypatch.setattr(audio, "take_in", None)
    album = make_album(published=False)
    uploads.ingest(send(album, sound_with_cover).pk, NOON)
    album.refresh_from_db()
    assert album.cover is not None
    assert Original.objects.count() == 1


def test_a_rendition_is_made_verified_and_measured(sounds: dict[str, Path]) -> None:
    uploads.ingest(send(make_album(published=False), sounds["wav"]).pk, NOON)
    rendition = Rendition.objects.get(recipe="mp3-320")
    assert renditions.make(rendition.pk, NOON)
    assert not renditions.make(rendition.pk, NOON)
    rendition.refresh_from_db()
    with blobs.borrow(rendition.path) as stored:
        assert stored.stat().st_size == rendition.size_bytes
        assert renditions.crc32_of(stored) == rendition.crc32
    assert 300 <= rendition.bitrate_kbps <= 360


def test_a_rendition_that_cannot_be_made_fails_visibly_after_three_tries(
    sounds: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads.ingest(send(make_album(published=False), sounds["wav"]).pk, NOON)
    rendition = Rendition.objects.get(recipe="flac")

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise audio.TranscodeFailed("FLAC could not be made: the encoder stopped.")

    monkeypatch.setattr(audio, "transcode", refuse)
    at = NOON
    for _ in range(5):
        renditions.make(rendition.pk, at)
        at += timedelta(minutes=10)
    rendition.refresh_from_db()
    assert (rendition.state, rendition.tries) == ("FAILED", 3)
    assert rendition.reason == "FLAC could not be made: the encoder stopped."
    monkeypatch.undo()
    assert renditions.retry(rendition.original, at) == 1
    assert renditions.make(rendition.pk, at)


@pytest.mark.parametrize("is_known_before", [True, False])
def test_what_is_too_large_for_its_format_is_not_tried_again(
    is_known_before: bool, sounds: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads.ingest(send(make_album(published=False), sounds["wav"]).pk, NOON)
    (pk,) = renditions.ask([Original.objects.get().pk], "wav", NOON)
    monkeypatch.setitem(audio.RECIPES, "wav", dataclasses.replace(audio.RECIPES["wav"], most_bytes=20_000))
    if is_known_before:
        monkeypatch.setattr(audio, "transcode", None)  # nothing is encoded
    else:
        Original.objects.update(duration_ms=1)
    assert renditions.make(pk, NOON)
    rendition = Rendition.objects.get(pk=pk)
    assert (rendition.state, rendition.tries) == ("FAILED", 1)
    assert rendition.reason == "WAV could not be made: it would be larger than such a file can be."


class Killed(BaseException):
    """What happens to a worker that gets SIGKILL: nothing after this line runs."""


@pytest.mark.parametrize(
    "boundary",
    [
        "artists.uploads.Upload.objects.select_related",
        "artists.uploads.audio.take_in",
        "artists.uploads.renditions.put",
        "artists.uploads._cover",
        "artists.uploads._finish",
        "artists.uploads._stored",
        "artists.uploads.drafting.draft_track",
        "artists.uploads.drafting.fill_album",
        "artists.renditions.Rendition.objects.bulk_create",
        "artists.renditions.audio.transcode",
        "artists.renditions.crc32_of",
        "artists.renditions.blobs.put",
        "artists.renditions.blobs.rendition_path",
    ],
)
def test_a_worker_killed_at_any_boundary_costs_a_minute_and_nothing_else(
    sounds: dict[str, Path], monkeypatch: pytest.MonkeyPatch, settings: LazySettings, boundary: str
) -> None:
    monkeypatch.setattr(renditions, "WANTED", ("flac", "opus"))
    monkeypatch.setattr(renditions, "STREAMED", ("opus",))
    upload = send(make_album(published=False), sounds["flac"])

    def die(*args: Any, **kwargs: Any) -> None:
        raise Killed

    def sweep_at(*seconds: int) -> None:
        for at in (NOON + timedelta(seconds=one) for one in seconds):
            sweeping.sweep(lambda at=at: at, until=at + timedelta(minutes=1))  # type: ignore[misc]

    with monkeypatch.context() as patch:
        patch.setattr(boundary, die)
        with pytest.raises(Killed):
            sweep_at(30, 60)
    sweep_at(125, 185)
    upload.refresh_from_db()
    assert upload.state == "READY"
    assert Track.objects.count() == Original.objects.count() == 1
    assert list(Rendition.objects.values_list("recipe", "state")) == [("flac", "READY"), ("opus", "READY")]
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).glob("work-*")) == []


def test_whatever_a_killed_worker_left_in_incoming_is_swept_after_a_day(settings: LazySettings) -> None:
    left = Path(settings.FILE_UPLOAD_TEMP_DIR) / "work-killed"
    left.mkdir()
    (left / "half").write_bytes(b"x")
    assert incoming.clean_up(timezone.now()) == 0
    assert incoming.clean_up(timezone.now() + timedelta(days=2)) >= 1
    assert not left.exists()
