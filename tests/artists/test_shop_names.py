"""A zip as shops sell it becomes an album: title, numbers, discs and cover come from the names of its files."""

import io
import zipfile
from pathlib import Path

import pytest

from artists import naming, transfers, uploads
from artists.models import Album
from artists.transfers import Piece
from tests.artists.factories import NOON, make_album, make_artist, tone
from tests.artists.pictures import picture

pytestmark = pytest.mark.django_db


def sent(album: Album, files: dict[str, bytes]) -> None:
    """A zip of `files` that was sent, unpacked, and all of it checked."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    data = zipped.getvalue()
    transfer = transfers.create(album, "download.zip", len(data), album.artist.owner, NOON)
    transfers.append(transfer.pk, Piece(0, len(data), io.BytesIO(data).read), lambda: NOON)
    for upload_id in transfers.finish(transfer.pk, lambda: NOON):
        assert uploads.ingest(upload_id, NOON)
    album.refresh_from_db()


def test_a_zip_as_shops_make_it_becomes_an_album(tmp_path: Path) -> None:
    album = make_album(naming.UNTITLED, artist=make_artist("Nova Records"), published=False)
    dawn = tone(tmp_path / "a.flac", hertz=300).read_bytes()
    noon = tone(tmp_path / "b.flac", hertz=400).read_bytes()
    files = {
        "Other Band - Half Light - 02 Noon.flac": noon,
        "Other Band - Half Light - 01 Dawn.flac": dawn,
        "cover.jpg": picture(),
    }
    sent(album, files)
    assert album.title == "Half Light"
    assert album.cover is not None
    assert list(album.tracks.values_list("disc", "position", "title")) == [(1, 1, "Dawn"), (1, 2, "Noon")]


def test_one_file_that_begins_like_no_other_names_no_album(tmp_path: Path) -> None:
    album = make_album(naming.UNTITLED, artist=make_artist("Nova Records"), published=False)
    sent(album, {"Other Band - Half Light - 01 Dawn.flac": tone(tmp_path / "a.flac", hertz=500).read_bytes()})
    assert album.title == naming.UNTITLED
    assert album.tracks.get().title == "Other Band - Half Light - 01 Dawn"


def test_a_cover_that_is_there_stays(tmp_path: Path) -> None:
    album = make_album("One", artist=make_artist("Nova Kit"), published=False)
    first = picture()
    sent(album, {"1-02 Rain.flac": tone(tmp_path / "a.flac", hertz=600).read_bytes(), "cover.jpg": first})
    before = album.cover
    sent(album, {"01 - Glass.flac": tone(tmp_path / "b.flac", hertz=650).read_bytes(), "cover.png": picture("navy")})
    assert album.cover == before
    assert list(album.tracks.values_list("disc", "position", "title")) == [(1, 1, "Glass"), (1, 2, "Rain")]
