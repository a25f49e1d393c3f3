"""Zips: music comes out as files of its own, all else is named, and no zip takes more than it may."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils import timezone

from artists import archives, blobs, incoming, sweeping, transfers, uploads
from artists.models import Album, Transfer, Upload
from artists.transfers import Piece
from tests.artists.factories import make_album
from tests.artists.pictures import picture
from tests.users.factories import nina

pytestmark = pytest.mark.django_db


@pytest.fixture
def album() -> Album:
    return make_album(published=False)


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def send(album: Album, data: bytes, name: str = "album.zip") -> Transfer:
    """nina sends a zip, and a worker takes it."""
    row = transfers.create(album, name, len(data), nina(), timezone.now())
    transfers.append(row.pk, Piece(0, len(data), io.BytesIO(data).read), timezone.now)
    assert transfers.takes_long(row.pk)
    transfers.finish(row.pk, timezone.now)
    row.refresh_from_db()
    assert not incoming.piece(row.pk).exists()
    return row


def test_each_sound_becomes_an_upload_of_its_own_in_its_order(album: Album, sounds: dict[str, Path]) -> None:
    wav, flac = sounds["wav"].read_bytes(), sounds["flac"].read_bytes()
    row = send(album, zipped({"Night Bus/10 b.flac": flac, "Night Bus/2 a.wav": wav}, zipfile.ZIP_DEFLATED))
    assert (row.state, row.reason) == ("ENDED", "2 files were taken out of this zip.")
    assert list(Upload.objects.values_list("filename", flat=True)) == ["2 a.wav", "10 b.flac"]
    for upload, data in zip(Upload.objects.all(), (wav, flac), strict=True):
        assert upload.transfer == row
        with blobs.borrow(blobs.original_path(upload.sha256)) as stored:
            assert stored.read_bytes() == data


def test_the_picture_that_looks_like_a_cover_becomes_the_cover(album: Album) -> None:
    row = send(album, zipped({"a.wav": b"1", "booklet.png": picture("navy"), "Cover.jpg": picture()}))
    album.refresh_from_db()
    assert album.cover is not None
    assert row.reason == "1 file was taken out of this zip. Left out: “booklet.png” was not needed as the cover."


def test_what_is_left_out_is_named_and_what_systems_write_is_not(album: Album) -> None:
    inner = zipped({"b.wav": b"2"})
    row = send(
        album,
        zipped({
            "a.wav": b"1", "notes.txt": b"la", "inner.zip": inner, "empty.flac": b"", ".DS_Store": b"x",
            "__MACOSX/._a.wav": b"x", "Thumbs.db": b"x", "x/desktop.ini": b"x",
        }),
    )  # fmt: skip
    assert row.reason == (
        "1 file was taken out of this zip. Left out: “notes.txt” is no music; “inner.zip” is an archive inside the "
        "zip; “empty.flac” is empty."
    )
    assert Upload.objects.get().filename == "a.wav"


def test_a_zip_without_music_is_refused_in_words(album: Album) -> None:
    row = send(album, zipped({"notes.txt": b"la"}))
    assert row.state == "REFUSED"
    assert row.reason == "There was no music to take in this zip. Left out: “notes.txt” is no music."


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../../etc/cron.d/x.wav", "x.wav"),
        ("/etc/x.wav", "x.wav"),
        ("C:\\Windows\\x.wav", "x.wav"),
        ("..\\..\\x.wav", "x.wav"),
        ("a\u202evaw.exe.wav", "avaw.exe.wav"),
        ("🎵.wav", "🎵.wav"),
        ("n" * 300 + ".wav", "n" * 146 + ".wav"),
    ],
)
def test_a_name_is_never_a_path(album: Album, name: str, kept: str, tmp_path: Path, settings: LazySettings) -> None:
    folder = tmp_path / "a" / "b" / "incoming"
    folder.mkdir(parents=True)
    settings.FILE_UPLOAD_TEMP_DIR = str(folder)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    send(album, zipped({name: b"sound"}))
    assert Upload.objects.get().filename == kept
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert [path.parent.parent.name for path in new] == ["originals"]


def test_links_and_entries_with_a_password_are_left_out(album: Album) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link.wav")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("locked.wav", b"12345")
        archive.writestr("a.wav", b"sound")
    data = bytearray(out.getvalue())
    at = data.rfind(b"PK\x01\x02", 0, data.rfind(b"locked.wav"))
    data[at + 8] |= 1
    assert send(album, bytes(data)).reason.endswith("Left out: “link.wav” is only a link; “locked.wav” has a password.")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_the_usual_packing_is_read(album: Album, method: int) -> None:
    assert "is packed in a way we do not read" in send(album, zipped({"a.wav": b"sound"}, method)).reason


def test_a_bomb_is_refused_before_it_is_unpacked(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives.Archive, "unpack", None)
    row = send(album, zipped({"a.wav": bytes(120_000_000)}, zipfile.ZIP_DEFLATED))
    assert "50 times its size" in row.reason


def test_a_zip_that_unpacks_to_too_much_is_refused(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1000)
    assert "unpacks to more than" in send(album, zipped({"a.wav": bytes(600), "b.wav": bytes(600)})).reason


def test_an_entry_that_is_longer_than_it_says_gives_no_more_than_it_says(album: Album) -> None:
    data = bytearray(zipped({"a.wav": bytes(5_000_000), "b.wav": b"sound"}, zipfile.ZIP_DEFLATED))
    at = data.find(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 1000)
    row = send(album, bytes(data))
    assert row.reason.endswith("Left out: “a.wav” is damaged inside the zip.")
    assert [one.size_bytes for one in Upload.objects.all()] == [5]


def test_too_many_entries_are_refused(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_ENTRIES", 2)
    assert "more than 2 entries" in send(album, zipped({f"{n}.wav": b"x" for n in range(3)})).reason


def test_a_table_of_contents_that_would_fill_the_memory_is_not_read(
    album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_INDEX_BYTES", 70_000)
    data = zipped({f"{n}" + "n" * 200 + ".wav": b"x" for n in range(400)})
    assert "table of contents" in send(album, data).reason


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _noise(data: bytes) -> bytes:
    return b"PK\x03\x04" + bytes(range(256)) * 40


def _wrong_sum(data: bytes) -> bytes:
    return data.replace(b"sound" * 100, b"noise" * 100)


@pytest.mark.parametrize("harm", [_cut, _noise, _wrong_sum])
def test_a_damaged_zip_is_refused_in_words(album: Album, harm: Callable[[bytes], bytes]) -> None:
    row = send(album, harm(zipped({"a.wav": b"sound" * 100})))
    assert row.state == "REFUSED"
    assert "damaged" in row.reason
    assert not Upload.objects.exists()


def test_the_quota_holds_for_what_is_inside(album: Album, settings: LazySettings) -> None:
    data = zipped({"a.wav": b"1" * 500, "b.wav": b"2" * 5000}, zipfile.ZIP_DEFLATED)
    settings.UPLOAD_QUOTA_BYTES = len(data) + 1000
    row = send(album, data)
    assert row.reason.startswith("1 file was taken out of this zip. Left out: Your files have")
    assert Upload.objects.get().filename == "a.wav"


def test_a_zip_whose_worker_was_killed_in_the_middle_gives_each_file_once(
    album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    data = zipped({f"{n}.wav": b"%d" % n for n in range(4)})
    row = transfers.create(album, "album.zip", len(data), nina(), timezone.now())
    transfers.append(row.pk, Piece(0, len(data), io.BytesIO(data).read), timezone.now)
    real, count = uploads.receive, iter(range(10))

    def dies(*args: object, **kwargs: object) -> Upload:
        if next(count) == 2:
            raise Killed
        return real(*args, **kwargs)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(uploads, "receive", dies)
        with pytest.raises(Killed):
            transfers.finish(row.pk, timezone.now)
    Transfer.objects.update(claimed_until=None)
    sweeping._sweep_transfers(timezone.now, timezone.now() + timedelta(minutes=1))
    row.refresh_from_db()
    assert (row.state, row.reason) == ("ENDED", "4 files were taken out of this zip.")
    assert sorted(Upload.objects.values_list("filename", flat=True)) == ["0.wav", "1.wav", "2.wav", "3.wav"]
