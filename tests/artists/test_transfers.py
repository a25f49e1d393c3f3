"""The protocol tus 1.0.0 as the studio speaks it: each request, each status, and what hostile clients try."""

import base64
import hashlib
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from artists import albums, checklist, incoming, sweeping, transfers, uploads
from artists.models import Album, Transfer, Upload
from megabox import claims
from tests.artists.factories import make_album, make_artist, make_track
from tests.artists.pictures import picture
from tests.crashing import Clock
from tests.users.factories import charlie, leo, make_user, nina

pytestmark = pytest.mark.django_db
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"


@pytest.fixture
def album() -> Album:
    return make_album(published=False)


@pytest.fixture
def studio() -> Client:
    """nina's browser."""
    client = Client()
    client.force_login(nina())
    return client


def metadata(**told: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())


def create(client: Client, album: Album, size: int | str, name: str = "x.wav", **headers: str) -> HttpResponse:
    told = {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata(filename=name), **headers}
    return client.post(reverse("artists:transfers", args=[album.pk]), headers=told)  # type: ignore[return-value]


def patch(client: Client, url: str, offset: int | str, data: bytes, **headers: str) -> HttpResponse:
    told = {"Content-Length": str(len(data)), "Content-Type": PIECE, **TUS, "Upload-Offset": str(offset), **headers}
    return client.patch(url, data, content_type=PIECE, headers=told)  # type: ignore[return-value]


def sent(client: Client, album: Album, data: bytes, name: str = "x.wav") -> str:
    """`data` is sent in one piece; the address of the transfer."""
    url = create(client, album, len(data), name)["Location"]
    assert patch(client, url, 0, data).status_code == 204
    return url


def about(client: Client, url: str) -> dict[str, Any]:
    told: dict[str, Any] = client.get(url).json()
    return told


def sentence(answer: HttpResponse) -> str:
    return str(answer.json()["error"])  # type: ignore[attr-defined]  # of the test client


# --- What the protocol says


def test_the_server_tells_what_it_can(studio: Client, album: Album) -> None:
    answer = studio.options(reverse("artists:transfers", args=[album.pk]))
    assert answer.status_code == 204
    assert answer["Tus-Version"] == answer["Tus-Resumable"] == "1.0.0"
    assert answer["Tus-Extension"] == "creation,creation-with-upload,checksum,expiration,termination"
    assert answer["Tus-Max-Size"] == str(2 * 1024**3)
    assert answer["Tus-Checksum-Algorithm"] == "sha256,sha1"


def test_a_nul_in_what_a_browser_knows_a_file_by_is_left_out(studio: Client, album: Album) -> None:
    # PostgreSQL keeps no such text.
    told = metadata(filename="a\0b.wav", fingerprint="9\0a")
    assert create(studio, album, 9, **{"Upload-Metadata": told}).status_code == 201
    row = Transfer.objects.get()
    assert (row.filename, row.fingerprint) == ("ab.wav", "9a")


def test_a_file_in_two_pieces_becomes_an_upload_with_the_same_bytes(
    studio: Client, album: Album, sounds: dict[str, Path]
) -> None:
    data = sounds["wav"].read_bytes()
    answer = create(studio, album, len(data), "01 Night Bus.wav")
    assert (answer.status_code, answer["Upload-Offset"]) == (201, "0")
    assert answer["Upload-Expires"].endswith("GMT")
    url = answer["Location"]
    assert url.startswith("http://testserver/studio/transfers/")
    half = len(data) // 2
    first = patch(studio, url, 0, data[:half])
    assert (first.status_code, first["Upload-Offset"], first["Tus-Resumable"]) == (204, str(half), "1.0.0")
    head = studio.head(url, headers=TUS)
    assert (head.status_code, head["Upload-Offset"], head["Upload-Length"]) == (200, str(half), str(len(data)))
    assert head["Cache-Control"] == "no-store"
    last = patch(studio, url, half, data[half:])
    assert (last.status_code, last["Upload-Offset"]) == (204, str(len(data)))
    upload = Upload.objects.get()
    assert (upload.filename, upload.sha256) == ("01 Night Bus.wav", hashlib.sha256(data).hexdigest())
    told = about(studio, url)
    assert (told["state"], told["uploads"][0]["id"]) == ("ended", upload.pk)
    assert not incoming.piece(Transfer.objects.get().pk).exists()


def test_the_first_bytes_may_come_with_the_creation(studio: Client, album: Album) -> None:
    answer = studio.post(
        reverse("artists:transfers", args=[album.pk]),
        b"12345",
        content_type=PIECE,
        headers={**TUS, "Upload-Length": "9", "Upload-Metadata": metadata(filename="x.wav")},
    )
    assert (answer.status_code, answer["Upload-Offset"]) == (201, "5")
    assert patch(studio, answer["Location"], 5, b"6789").status_code == 204
    assert Upload.objects.get().sha256 == hashlib.sha256(b"123456789").hexdigest()


@pytest.mark.parametrize("offset", [0, 4, 6, 9])
def test_bytes_that_do_not_follow_are_a_conflict_and_change_nothing(studio: Client, album: Album, offset: int) -> None:
    url = create(studio, album, 9)["Location"]
    patch(studio, url, 0, b"12345")
    answer = patch(studio, url, offset, b"x")
    assert (answer.status_code, answer["Upload-Offset"]) == (409, "5")
    patch(studio, url, 5, b"6789")
    assert Upload.objects.get().sha256 == hashlib.sha256(b"123456789").hexdigest()


@pytest.mark.parametrize("version", ["", "0.2.2", "2.0.0"])
def test_another_version_is_a_failed_precondition(studio: Client, album: Album, version: str) -> None:
    url = create(studio, album, 9)["Location"]
    told = {"Tus-Resumable": version} if version else {}
    for answer in (
        studio.head(url, headers=told),
        studio.delete(url, headers=told),
        studio.patch(url, b"1", content_type=PIECE, headers={**told, "Upload-Offset": "0"}),
        studio.post(reverse("artists:transfers", args=[album.pk]), headers={**told, "Upload-Length": "9"}),
    ):
        assert (answer.status_code, answer["Tus-Version"]) == (412, "1.0.0")
    assert Transfer.objects.get().offset_bytes == 0


def test_bytes_of_another_content_type_are_not_taken(studio: Client, album: Album) -> None:
    url = create(studio, album, 9)["Location"]
    answer = studio.patch(url, b"123", content_type="text/plain", headers={**TUS, "Upload-Offset": "0"})
    assert answer.status_code == 415


def test_more_bytes_than_announced_are_too_much(studio: Client, album: Album) -> None:
    url = create(studio, album, 3)["Location"]
    answer = patch(studio, url, 0, b"1234")
    assert answer.status_code == 413
    assert "was announced with 3 bytes" in sentence(answer)
    assert Transfer.objects.get().offset_bytes == 0


@pytest.mark.parametrize("digest", ["sha256", "sha1"])
def test_a_piece_that_changed_on_its_way_is_not_taken(studio: Client, album: Album, digest: str) -> None:
    url = create(studio, album, 9)["Location"]
    right = base64.b64encode(hashlib.new(digest, b"12345").digest()).decode()
    answer = patch(studio, url, 0, b"12354", **{"Upload-Checksum": f"{digest} {right}"})
    assert answer.status_code == 460
    assert studio.head(url, headers=TUS)["Upload-Offset"] == "0"
    assert patch(studio, url, 0, b"12345", **{"Upload-Checksum": f"{digest} {right}"})["Upload-Offset"] == "5"
    patch(studio, url, 5, b"6789")
    assert Upload.objects.get().sha256 == hashlib.sha256(b"123456789").hexdigest()


@pytest.mark.parametrize("told", ["md5 eA==", "sha256 ???", "sha256"])
def test_checksums_we_do_not_know_are_bad_requests(studio: Client, album: Album, told: str) -> None:
    url = create(studio, album, 9)["Location"]
    assert patch(studio, url, 0, b"1", **{"Upload-Checksum": told}).status_code in (400, 460)
    assert Transfer.objects.get().offset_bytes == 0


def test_a_cancelled_transfer_is_gone_with_its_bytes(studio: Client, album: Album) -> None:
    url = create(studio, album, 9)["Location"]
    patch(studio, url, 0, b"123")
    path = incoming.piece(Transfer.objects.get().pk)
    assert path.read_bytes() == b"123"
    assert studio.delete(url, headers=TUS).status_code == 204
    assert not path.exists()
    assert studio.head(url, headers=TUS).status_code == 404
    assert patch(studio, url, 3, b"4").status_code == 404
    assert studio.delete(url, headers=TUS).status_code == 404


def test_a_transfer_nobody_went_on_with_is_over_after_a_week(studio: Client, album: Album, clock: Clock) -> None:
    url = create(studio, album, 9)["Location"]
    clock.passes(days=6)
    assert patch(studio, url, 0, b"123").status_code == 204
    path = incoming.piece(Transfer.objects.get().pk)
    clock.passes(days=6)
    sweeping.clean_up(clock())
    assert studio.head(url, headers=TUS)["Upload-Offset"] == "3", "it was gone on with"
    assert path.exists(), "the sweeper of what is older than a day leaves it alone"
    clock.passes(days=2)
    assert studio.head(url, headers=TUS).status_code == 410
    assert patch(studio, url, 3, b"4").status_code == 410
    sweeping.clean_up(clock())
    assert not Transfer.objects.exists()
    assert not path.exists()


def test_methods_that_a_proxy_does_not_let_through_may_be_named_in_a_header(studio: Client, album: Album) -> None:
    url = create(studio, album, 9)["Location"]
    told = {**TUS, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert studio.post(url, b"123", content_type=PIECE, headers=told).status_code == 204
    assert studio.put(url, headers=TUS).status_code == 405


def test_a_piece_is_refused_while_another_request_writes(studio: Client, album: Album) -> None:
    url = create(studio, album, 9)["Location"]
    row = Transfer.objects.get()
    assert claims.claim(Transfer.objects.all(), row.pk, "another request", timezone.now())
    assert patch(studio, url, 0, b"123").status_code == 423
    Transfer.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert patch(studio, url, 0, b"123").status_code == 204


def test_sending_the_last_piece_again_says_where_it_is(studio: Client, album: Album) -> None:
    url = sent(studio, album, b"123456789")
    assert patch(studio, url, 4, b"56789")["Upload-Offset"] == "9"
    assert studio.head(url, headers=TUS)["Upload-Offset"] == "9"
    assert patch(studio, url, 9, b"").status_code == 204
    assert Upload.objects.count() == 1


# --- What is refused before a byte is sent


def test_an_empty_file_is_refused_with_a_sentence(studio: Client, album: Album) -> None:
    answer = create(studio, album, 0, "silence.wav")
    assert answer.status_code == 422
    assert sentence(answer).startswith("“silence.wav” is empty (0 bytes)")
    assert not Transfer.objects.exists()


@pytest.mark.parametrize("size", [2 * 1024**3 + 1, 10**17, "9" * 40])
def test_a_file_over_the_limit_is_refused_before_it_is_sent(studio: Client, album: Album, size: int | str) -> None:
    answer = create(studio, album, size)
    assert answer.status_code == 413
    assert "the most one file may have" in sentence(answer)


@pytest.mark.parametrize("size", ["-1", "1e3", "0x10", "", " ", "½", "1.5", "NaN"])
def test_a_length_that_is_no_number_is_a_bad_request(studio: Client, album: Album, size: str) -> None:
    assert create(studio, album, size).status_code == 400
    assert not Transfer.objects.exists()


@pytest.mark.parametrize("offset", ["-1", "1e3", "", "0x0", "9" * 30])
def test_an_offset_that_is_no_number_is_a_bad_request(studio: Client, album: Album, offset: str) -> None:
    url = create(studio, album, 9)["Location"]
    assert patch(studio, url, offset, b"1").status_code == 400


def test_a_length_that_follows_later_is_not_waited_for(studio: Client, album: Album) -> None:
    url = reverse("artists:transfers", args=[album.pk])
    assert studio.post(url, headers={**TUS, "Upload-Defer-Length": "1"}).status_code == 400


def test_unfinished_transfers_count_toward_the_quota_until_they_are_cancelled(
    studio: Client, album: Album, settings: LazySettings
) -> None:
    settings.UPLOAD_QUOTA_BYTES = 1000
    url = create(studio, album, 600)["Location"]
    elsewhere = make_album(published=False, artist=make_artist("Other Name", owner=nina()))
    answer = create(studio, elsewhere, 401)
    assert answer.status_code == 422
    assert "all that one person may keep here" in sentence(answer)
    assert create(studio, elsewhere, 400).status_code == 201
    studio.delete(url, headers=TUS)
    assert create(studio, elsewhere, 600).status_code == 201


def test_a_whole_file_does_not_count_twice(studio: Client, album: Album, settings: LazySettings) -> None:
    settings.UPLOAD_QUOTA_BYTES = 10
    sent(studio, album, b"123456789")
    assert Upload.objects.get().size_bytes == 9
    assert create(studio, album, 2).status_code == 422


def test_a_nearly_full_disk_refuses_what_would_not_fit_beside_what_is_on_its_way(
    studio: Client, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        total, used, free = 1000, 500, 500

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage)
    assert create(studio, album, 300).status_code == 201
    answer = create(studio, album, 100)
    assert answer.status_code == 507
    assert "nearly full" in sentence(answer)
    assert create(studio, album, 99).status_code == 201


def test_a_full_album_refuses_early(studio: Client, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_FILES", 2)
    assert create(studio, album, 5).status_code == create(studio, album, 5).status_code == 201
    answer = create(studio, album, 5)
    assert answer.status_code == 422
    assert "An album holds 2 files" in sentence(answer)


def test_one_person_has_so_many_files_on_their_way(
    studio: Client, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "MOST_OPEN", 1)
    create(studio, album, 5)
    assert "Let some of them arrive first" in sentence(create(studio, album, 5))


def test_an_album_takes_six_hundred_files() -> None:
    assert uploads.MOST_FILES == 600


# --- Whose it is


def test_nobody_else_sees_writes_or_cancels_a_transfer(studio: Client, album: Album) -> None:
    url = create(studio, album, 9)["Location"]
    for person in (charlie(), leo()):
        client = Client()
        client.force_login(person)
        status = 404 if person.is_artist else 403
        assert client.head(url, headers=TUS).status_code == status
        assert client.get(url).status_code == status
        assert patch(client, url, 0, b"evil").status_code == status
        assert client.delete(url, headers=TUS).status_code == status
        assert create(client, album, 9).status_code == status
    guest = Client()
    assert patch(guest, url, 0, b"evil").status_code == 401
    assert "Your session has ended" in sentence(create(guest, album, 9))
    assert Transfer.objects.get().offset_bytes == 0


def test_other_sites_cannot_make_a_browser_send(album: Album) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(nina())
    assert create(client, album, 9).status_code == 403
    assert not Transfer.objects.exists()


def test_the_list_holds_what_is_unfinished_or_refused_and_only_ones_own(studio: Client, album: Album) -> None:
    create(studio, album, 9, "half.wav", **{"Upload-Metadata": metadata(filename="half.wav", fingerprint="9-1-half")})
    sent(studio, album, b"123456789", "whole.wav")
    sent(studio, album, b"123456789", "again.wav")
    other = make_user("other@example.org", is_artist=True)
    theirs = make_album(published=False, artist=make_artist("Theirs", owner=other))
    transfers.create(theirs, "theirs.wav", 5, other, timezone.now())
    told = studio.get(reverse("artists:unfinished")).json()["transfers"]
    assert [(one["filename"], one["state"], one["offset"], one["fingerprint"]) for one in told] == [
        ("half.wav", "receiving", 0, "9-1-half"),
        ("again.wav", "refused", 9, ""),
    ]
    assert told[0]["album"] == album.title
    assert "on this album already as “whole.wav”" in told[1]["reason"]


# --- What hostile clients try


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("a\u202egnp.wav", "agnp.wav"),
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\x.wav", "x.wav"),
        ("nul\0byte.wav", "nulbyte.wav"),
        ("🎵🎶.wav", "🎵🎶.wav"),
        ("", "file"),
        ("\u200b\u200f", "file"),
        ("e" * 400 + ".wav", "e" * 146 + ".wav"),
    ],
)
def test_names_that_lie_are_kept_clean(studio: Client, album: Album, name: str, kept: str) -> None:
    assert create(studio, album, 9, name).status_code == 201
    assert Transfer.objects.get().filename == kept


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("filename ", 201),
        ("filename", 201),
        ("", 201),
        ("filename ====", 400),
        ("filename eA==,filename eQ==", 201),
        ("filename /////w==", 201),
        ("x " + "A" * 5000, 413),
        ("," * 3000, 201),
    ],
)
def test_metadata_of_any_kind_is_taken_or_refused(studio: Client, album: Album, told: str, status: int) -> None:
    assert create(studio, album, 9, **{"Upload-Metadata": told}).status_code == status


def test_a_file_that_is_no_music_is_received_and_then_rejected_with_a_reason(
    studio: Client, album: Album, sounds: dict[str, Path]
) -> None:
    sent(studio, album, sounds["text"].read_bytes(), "notes.mp3")
    uploads.ingest(Upload.objects.get().pk, timezone.now())
    assert Upload.objects.get().state == "REJECTED"


# --- Pictures, deleted albums, lost messages


def test_a_picture_becomes_the_cover_of_an_album_that_has_none(studio: Client, album: Album) -> None:
    url = sent(studio, album, picture(), "cover.jpg")
    album.refresh_from_db()
    assert album.cover is not None
    assert about(studio, url)["reason"] == "“cover.jpg” is the cover now."
    other = sent(studio, album, picture("navy"), "other.jpg")
    assert about(studio, other)["state"] == "refused"
    assert "has a cover already" in about(studio, other)["reason"]


def test_a_deleted_draft_takes_its_transfers_along(studio: Client, album: Album) -> None:
    url = create(studio, album, 9)["Location"]
    patch(studio, url, 0, b"123")
    path = incoming.piece(Transfer.objects.get().pk)
    albums.delete(album)
    assert not Transfer.objects.exists()
    assert not path.exists()
    assert patch(studio, url, 3, b"4").status_code == 404


def test_an_album_whose_files_are_on_their_way_is_not_published_by_mistake(studio: Client) -> None:
    album = make_track().album
    create(studio, album, 9)
    check = next(one for one in checklist.of(album) if one.label == "Every file was accepted")
    assert "1 file is still on the way" in check.advice


def test_what_arrived_while_the_server_was_killed_is_stored_by_the_sweeper(
    studio: Client, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(transfers, "finish", lambda *args: [])
        url = sent(studio, album, b"123456789")
    assert about(studio, url)["state"] == "arrived"
    assert transfers.finish(Transfer.objects.get().pk, timezone.now) == [Upload.objects.get().pk]
    assert transfers.finish(Transfer.objects.get().pk, timezone.now) == []
    assert about(studio, url)["state"] == "ended"
