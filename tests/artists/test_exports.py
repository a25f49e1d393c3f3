"""Everything an artist gave us and said, back in their hands: byte for byte, and readable by the import."""

import csv
import hashlib
import io
import itertools
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from artists import albums, artwork, sweeping, tracks
from artists.exporting import documents, exports
from artists.exporting.exports import NotReady
from artists.imports import sheets
from artists.models import Album, Artist, Export, Original, Track
from artists.tracks import Credit
from megabox import media
from tests.artists.factories import (
    NOON,
    make_album,
    make_artist,
    make_original,
    make_payee,
    make_sheet,
    make_track,
    tiny,
)
from tests.artists.pictures import picture
from tests.users.factories import charlie, leo, nina

pytestmark = pytest.mark.django_db
_numbers = itertools.count(1)


@pytest.fixture
def artist() -> Artist:
    return make_artist("Nova Kit")


@pytest.fixture
def studio() -> Client:
    """nina's browser."""
    client = Client()
    client.force_login(nina())
    return client


def master() -> Original:
    """A master whose row tells its bytes truly."""
    data = tiny("flac") + next(_numbers).to_bytes(4, "big")
    sha256 = hashlib.sha256(data).hexdigest()
    path = media.private().save(f"originals/{sha256[:2]}/{sha256}", ContentFile(data))
    return make_original(renditions=(), sha256=sha256, path=path, size_bytes=len(data))


def rich_album(artist: Artist) -> Album:
    """An album with all that can be said of one."""
    album = make_album("=Night: Bus?", artist=artist, upc="036000291452", label="Nova Records", genre="jazz")
    album.tags, album.description, album.cover_alt = ["night", "tape"], "Line one\n- line two", "A bus"
    album.p_line, album.c_line, album.licence, album.language = "2026 Nova", "2026 Nova", "CC-BY-4.0", "de"
    album.cover = artwork.store(picture(), alt="x", at=NOON)
    album.price_micros, album.is_name_your_price, album.credit_price = 3_500_000, True, 40
    album.save()
    rain = make_track("Rain", album=album, original=master(), isrc="DEABC2600001", iswc="T0345246801", lyrics="la\n=la")
    details = tracks.Details.of(rain)
    credits = (Credit("COMPOSER", "Ana; Ruiz"), Credit("PRODUCER", "Bo"))
    tracks.edit(rain, tracks.Details(**{**vars(details), "credits": credits, "is_explicit": True}), NOON)
    make_track(
        "+Glass",
        album=album,
        original=master(),
        disc=2,
        position=1,
        price_micros=1_000_000,
        artist_name="Ada",
        genre="dub",
    )
    make_sheet(album, [(artist.payee, 7_000), (make_payee("Ana Ruiz"), 3_000)], at=NOON)
    return album


def made(artist: Artist, album: Album | None = None) -> Export:
    export = exports.ask(artist, album, artist.owner, NOON)
    assert exports.work(export.pk, lambda: NOON)
    export.refresh_from_db()
    return export


def opened(export: Export) -> zipfile.ZipFile:
    archive = exports.zip_of(export)
    data = b"".join(archive.read(range(archive.size)))
    assert len(data) == archive.size == export.size_bytes
    zipped = zipfile.ZipFile(io.BytesIO(data))
    assert zipped.testzip() is None
    return zipped


def test_everything_is_in_the_zip_byte_for_byte(artist: Artist) -> None:
    album = rich_album(artist)
    make_album("Draft", artist=artist, published=False)
    zipped = opened(made(artist))
    assert zipped.namelist() == [
        "Nova Kit/catalogue.json",
        "Nova Kit/albums.csv",
        "Nova Kit/tracks.csv",
        "Nova Kit/=Night- Bus-/1-01 Rain.flac",
        "Nova Kit/=Night- Bus-/2-01 +Glass.flac",
        "Nova Kit/=Night- Bus-/cover.jpg",
    ]
    told = json.loads(zipped.read("Nova Kit/catalogue.json"))
    assert (told["schema"], told["version"], told["artist"]["name"]) == ("megabox-catalogue", 1, "Nova Kit")
    first = told["albums"][0]
    assert (first["title"], first["price"], first["is_name_your_price"]) == ("=Night: Bus?", "3.5", True)
    assert first["splits"][0]["shares"][1] == {"payee": "Ana Ruiz", "basis_points": 3_000}
    for track in first["tracks"]:
        data = zipped.read(f"Nova Kit/{track['original']['file']}")
        assert hashlib.sha256(data).hexdigest() == track["original"]["sha256"]
    assert first["tracks"][0]["credits"][0] == {"role": "composer", "name": "Ana; Ruiz"}
    assert (first["tracks"][0]["lyrics"], told["albums"][1]["tracks"]) == ("la\n=la", [])
    assert album.cover is not None
    assert zipped.read("Nova Kit/=Night- Bus-/cover.jpg") == artwork.jpeg(album.cover)


def csv_rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def said_of(artist: Artist) -> list[dict[str, Any]]:
    """All that the documents say, but for what is of the time and the sound."""
    gone = {"slug", "state", "created_at", "published_at", "withdrawn_at", "splits", "original", "cover", "folder"}

    def bare(told: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in told.items() if key not in gone}

    return [
        bare({**told, "tracks": [bare(track) for track in told["tracks"]]})
        for told in map(documents._album, documents.folders(artist, None))
    ]


def copied(artist: Artist, export: Export) -> Artist:
    """Another artist of the same name, filled from the CSVs of an export."""
    other = make_artist(artist.name, owner=charlie())
    zipped = opened(export)
    for name in ("albums.csv", "tracks.csv"):
        sheet = sheets.receive(other, zipped.read(f"{artist.name}/{name}"), name, other.owner, NOON)
        sheets.ask(sheet, NOON)
        sheets.work(sheet.pk, lambda: NOON)
        sheet.refresh_from_db()
        assert (sheet.state, sheet.left, "" in sheet.columns) == ("DONE", [], False)
    return other


def test_what_is_exported_comes_back_in_by_the_import(artist: Artist) -> None:
    rich_album(artist)
    free = make_album("Free", artist=artist, published=False)
    Album.objects.filter(pk=free.pk).update(price_micros=0, free_mode="FREE")
    later = make_album("Later", artist=artist, published=False, free_mode="LATER", free_after_days=30)
    make_track("Soon", album=later, original=master(), published=False, free_mode="LATER", free_after_days=7)
    other = copied(artist, made(artist))
    assert said_of(other) == said_of(artist)
    assert other.albums.get(title="=Night: Bus?").tracks.get(title="Rain").awaits == "1-01 Rain.flac"


WORDS = st.text(st.characters(exclude_categories=("C", "Z")) | st.sampled_from("=+-@';\t \n"), max_size=20).map(
    lambda text: " ".join(text.split())
)


class RoundTrip(TestCase):
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.tuples(WORDS.filter(bool), WORDS, WORDS), min_size=1, max_size=4))
    def test_any_words_come_back(self, told: list[tuple[str, str, str]]) -> None:
        artist = make_artist("Nova Kit")
        album = albums.create(artist, "One", NOON)
        for number, (title, performer, lyrics) in enumerate(told, 1):
            Track.objects.create(
                album=album,
                position=number,
                title=title,
                slug=f"t{number}",
                artist_name=performer,
                lyrics=lyrics,
                isrc=f"DEABC26{number:05d}",
            )
        other = copied(artist, made(artist))
        assert said_of(other) == said_of(artist)


def test_cells_that_look_like_formulas_are_marked(artist: Artist) -> None:
    rich_album(artist)
    zipped = opened(made(artist))
    assert csv_rows(zipped.read("Nova Kit/albums.csv"))[0]["Album"] == "'=Night: Bus?"
    assert [row["Title"] for row in csv_rows(zipped.read("Nova Kit/tracks.csv"))] == ["Rain", "'+Glass"]


def test_one_album_is_exported_alone(artist: Artist) -> None:
    album = rich_album(artist)
    make_album("Other", artist=artist, tracks=0)
    zipped = opened(made(artist, album))
    told = json.loads(zipped.read("Nova Kit - =Night- Bus-/catalogue.json"))
    assert [one["title"] for one in told["albums"]] == ["=Night: Bus?"]


def test_an_album_may_be_called_like_a_document_that_lies_beside_it(artist: Artist) -> None:
    for title in ("catalogue.json", "Tracks.CSV"):
        make_track("Rain", album=make_album(title, artist=artist, tracks=0), original=master())
    entries = opened(made(artist)).namelist()
    files = {name.casefold() for name in entries}
    assert len(entries) == 5
    assert not files & {name.rpartition("/")[0] for name in files}


def test_withdrawn_tracks_are_in_the_zip_and_not_in_the_csv(artist: Artist) -> None:
    album = rich_album(artist)
    tracks.remove(album.tracks.get(title="+Glass"), NOON)
    zipped = opened(made(artist))
    assert "Nova Kit/=Night- Bus-/2-01 +Glass.flac" in zipped.namelist()
    assert [row["Title"] for row in csv_rows(zipped.read("Nova Kit/tracks.csv"))] == ["Rain"]
    assert json.loads(zipped.read("Nova Kit/catalogue.json"))["albums"][0]["tracks"][1]["state"] == "withdrawn"


def test_a_track_without_its_sound_is_told_and_has_no_file(artist: Artist) -> None:
    album = make_album("One", artist=artist, published=False)
    Track.objects.create(album=album, position=1, title="Rain", slug="rain", awaits="a.wav")
    zipped = opened(made(artist))
    assert [name for name in zipped.namelist() if "/One/" in name] == []
    assert csv_rows(zipped.read("Nova Kit/tracks.csv"))[0]["File"] == "a.wav"


# --- Killed, repeated, damaged


def test_a_second_press_finds_the_first_export(studio: Client, artist: Artist) -> None:
    rich_album(artist)
    answers = [studio.post(reverse("artists:export_artist", args=[artist.pk])) for _ in range(2)]
    assert Export.objects.count() == 1
    export = Export.objects.get()
    assert {answer["Location"] for answer in answers} == {reverse("artists:export", args=[export.pk])}
    assert "Waiting for a worker" in studio.get(answers[0]["Location"]).content.decode()
    assert studio.get(reverse("artists:export_zip", args=[export.pk])).status_code == 302
    assert exports.work(export.pk, timezone.now)
    assert "Save the zip" in studio.get(answers[0]["Location"]).content.decode()
    studio.post(reverse("artists:export_artist", args=[artist.pk]))
    assert Export.objects.count() == 2
    assert "ready" in studio.get(reverse("artists:exports")).content.decode()


def test_a_worker_that_is_killed_loses_one_file_at_most(artist: Artist, monkeypatch: pytest.MonkeyPatch) -> None:
    rich_album(artist)
    export = exports.ask(artist, None, artist.owner, NOON)
    read, calls = exports._sum, []

    def dying(pk: int, path: str, sha256: str) -> int:
        calls.append(pk)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return read(pk, path, sha256)

    with monkeypatch.context() as killing:
        killing.setattr(exports, "_sum", dying)
        with pytest.raises(KeyboardInterrupt):
            exports.work(export.pk, lambda: NOON)
        later = NOON + timedelta(minutes=2)
        assert sweeping.sweep(lambda: later, until=later + timedelta(minutes=1)) == 1
    assert calls == [calls[0], calls[1], calls[1]]
    export.refresh_from_db()
    assert (export.state, export.total, export.done) == ("READY", 2, 2)
    opened(export)
    made(artist)
    assert len(calls) == 3


@pytest.mark.parametrize("loss", ["gone", "changed"])
def test_a_damaged_master_is_never_handed_out_as_if_it_were_whole(artist: Artist, loss: str) -> None:
    album = rich_album(artist)
    original = album.tracks.get(title="Rain").original
    assert original is not None
    media.private().delete(original.path)
    if loss == "changed":
        media.private().save(original.path, ContentFile(b"x" * original.size_bytes))
    export = made(artist)
    assert (export.state, export.size_bytes) == ("FAILED", 0)
    assert "“Rain” is missing or damaged" in export.reason


def test_music_deleted_since_is_said_before_a_byte_is_sent(studio: Client, artist: Artist) -> None:
    album = rich_album(artist)
    export = made(artist)
    original = album.tracks.get(title="Rain").original
    assert original is not None
    media.private().delete(original.path)
    with pytest.raises(NotReady, match="Export again"):
        exports.zip_of(export)
    assert "Export again" in studio.get(reverse("artists:export_zip", args=[export.pk]), follow=True).content.decode()


def test_documents_are_kept_for_a_week(studio: Client, artist: Artist) -> None:
    rich_album(artist)
    export = made(artist)
    assert exports.clean_up(NOON + timedelta(days=6)) == 0
    assert exports.clean_up(NOON + timedelta(days=8)) == 1
    assert not media.private().exists(f"{export.folder}/catalogue.json")
    assert "deleted after 7 days" in studio.get(reverse("artists:export", args=[export.pk])).content.decode()
    assert exports.clean_up(NOON + timedelta(days=8)) == 0


# --- Sending


def test_a_broken_download_goes_on_where_it_stopped(studio: Client, artist: Artist) -> None:
    rich_album(artist)
    export = made(artist)
    url = reverse("artists:export_zip", args=[export.pk])
    answer = studio.get(url)
    whole = b"".join(answer)
    assert (answer["Content-Length"], len(whole)) == (str(export.size_bytes), export.size_bytes)
    assert answer["Content-Disposition"] == 'attachment; filename="Nova Kit - everything 2026-11-02.zip"'
    told = {"Range": "bytes=1000-", "If-Range": answer["ETag"]}
    rest = studio.get(url, headers=told)
    assert (rest.status_code, b"".join(rest)) == (206, whole[1000:])


def test_only_the_owner_exports(artist: Artist) -> None:
    album = rich_album(artist)
    export = made(artist)
    other, stranger = Client(), charlie()
    stranger.is_artist = True
    stranger.save()
    make_artist("Charlie", owner=stranger)
    other.force_login(stranger)
    assert other.get(reverse("artists:export", args=[export.pk])).status_code == 404
    assert other.get(reverse("artists:export_zip", args=[export.pk])).status_code == 404
    assert other.post(reverse("artists:export_artist", args=[artist.pk])).status_code == 404
    assert other.post(reverse("artists:export_album", args=[album.pk])).status_code == 404
    assert "Nova Kit" not in other.get(reverse("artists:exports")).content.decode()
    other.force_login(leo())
    assert other.get(reverse("artists:export_zip", args=[export.pk])).status_code in (302, 403)


def test_an_album_is_asked_about_as_often_however_many_tracks_it_has(artist: Artist) -> None:
    def queries(count: int) -> int:
        album = make_album(f"Of {count}", artist=artist, published=False)
        for number in range(1, count + 1):
            Track.objects.create(album=album, position=number, title=f"t{number}", slug=f"t{number}")
        with CaptureQueriesContext(connection) as asked:
            made(artist, album)
        return len(asked)

    assert queries(2) == queries(40)
