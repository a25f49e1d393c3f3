"""A sheet becomes drafts: once, whatever is pressed twice, killed or sent again; and nothing is published."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from openpyxl import Workbook

from artists import artwork, changes, sweeping, uploads
from artists.imports import drafts, sheets
from artists.imports.sheets import BadColumns, Lost, NotOpen
from artists.models import Album, Artist, Sheet, Track, Upload
from megabox import grids, media
from megabox.grids import BadSheet
from tests.artists.factories import NOON, make_album, make_artist, make_original, make_track
from tests.artists.pictures import picture
from tests.users.factories import charlie, nina

pytestmark = pytest.mark.django_db

HEAD = "Album,Artist,UPC,Disc,Track,Title,ISRC,Price,Genre,Released on,File,Explicit,Composer"
ROWS = (
    "Night Bus,Nova Kit,036000291452,1,1,Rain,DEABC2600001,9.00,Jazz,2026-12-24,01 Rain.wav,no,Ana Ruiz",
    "Night Bus,Nova Kit,036000291452,1,2,Glass,DEABC2600002,,,,02 Glass.wav,yes,",
    "Night Bus,Nova Kit,036000291452,2,1,Coda,DEABC2600003,,,,,,",
    "Half Light,Nova Kit,,,1,Dawn,,,,,,,",
)


@pytest.fixture
def artist() -> Artist:
    return make_artist("Nova Kit")


@pytest.fixture
def studio() -> Client:
    """nina's browser."""
    client = Client()
    client.force_login(nina())
    return client


def received(artist: Artist, *rows: str, head: str = HEAD) -> Sheet:
    return sheets.receive(artist, "\n".join([head, *rows]).encode(), "catalogue.csv", artist.owner, NOON)


def imported(artist: Artist, *rows: str, head: str = HEAD, opens_artists: bool = False) -> Sheet:
    """The sheet, all its drafts made."""
    sheet = received(artist, *rows, head=head)
    sheet.opens_artists = opens_artists
    sheet.save()
    assert sheets.ask(sheet, NOON)
    assert sheets.work(sheet.pk, lambda: NOON)
    sheet.refresh_from_db()
    return sheet


def titles(album: Album) -> list[tuple[int, int, str]]:
    return list(album.tracks.values_list("disc", "position", "title"))


# --- Drafts


def test_rows_become_drafts_with_all_that_was_said(artist: Artist) -> None:
    sheet = imported(artist, *ROWS)
    assert (sheet.state, sheet.made, sheet.changed, sheet.left) == ("DONE", 2, 0, [])
    album = Album.objects.get(upc="036000291452")
    assert (album.title, album.state, album.genre, album.price_micros) == ("Night Bus", "DRAFT", "jazz", 9_000_000)
    assert str(album.released_on) == "2026-12-24"
    assert titles(album) == [(1, 1, "Rain"), (1, 2, "Glass"), (2, 1, "Coda")]
    glass = album.tracks.get(title="Glass")
    assert (glass.isrc, glass.is_explicit, glass.awaits, glass.original, glass.state) == (
        "DEABC2600002",
        True,
        "02 Glass.wav",
        None,
        "DRAFT",
    )
    assert [one.name for one in album.tracks.get(title="Rain").contributions.all()] == ["Ana Ruiz"]


def test_the_same_sheet_twice_doubles_nothing(artist: Artist) -> None:
    imported(artist, *ROWS)
    before = list(Track.objects.order_by("pk").values("pk", "disc", "position", "title", "slug", "isrc"))
    sheet = imported(artist, *ROWS)
    assert (sheet.made, sheet.changed, sheet.left) == (0, 2, [])
    assert Album.objects.count() == 2
    assert list(Track.objects.order_by("pk").values("pk", "disc", "position", "title", "slug", "isrc")) == before


def test_a_sheet_without_numbers_twice_doubles_nothing(artist: Artist) -> None:
    for _ in range(2):
        imported(artist, "One,a", "One,b", "One,a", head="Album,Title")
    assert [title for _, _, title in titles(Album.objects.get())] == ["a", "b", "a"]


def test_a_corrected_sheet_changes_what_it_says_and_leaves_the_rest(artist: Artist) -> None:
    imported(artist, *ROWS)
    album = Album.objects.get(title="Half Light")
    Album.objects.filter(pk=album.pk).update(description="Written at night.")
    imported(artist, "Half Light,Nova Kit,,,1,Dawn (Edit),,5.00,,,,,")
    album.refresh_from_db()
    assert (album.description, album.price_micros, titles(album)) == (
        "Written at night.",
        5_000_000,
        [(1, 1, "Dawn (Edit)")],
    )


def test_tracks_that_change_places_keep_their_sound(artist: Artist) -> None:
    album = make_album("One", artist=artist, published=False)
    rain = make_track("Rain", album=album, published=False, position=1)
    glass = make_track("Glass", album=album, published=False, position=2)
    imported(artist, "One,1,Glass", "One,2,Rain", head="Album,Track,Title")
    assert titles(album) == [(1, 1, "Glass"), (1, 2, "Rain")]
    rain.refresh_from_db()
    assert (rain.title, rain.position) == ("Rain", 2)
    assert Track.objects.get(pk=glass.pk).original_id == glass.original_id


def test_a_track_no_row_names_goes_behind(artist: Artist) -> None:
    album = make_album("One", artist=artist, published=False)
    make_track("Hidden", album=album, published=False, position=1)
    imported(artist, "One,1,Rain,DEABC2600001", head="Album,Track,Title,ISRC")
    assert titles(album) == [(1, 1, "Rain")] or titles(album) == [(1, 1, "Rain"), (1, 2, "Hidden")]


def test_a_sheet_that_comes_after_the_files_finds_them_by_name(artist: Artist) -> None:
    album = make_album("One", artist=artist, published=False)
    track = make_track("untitled master 7", album=album, published=False, position=1_000)
    Upload.objects.create(
        album=album,
        by=artist.owner,
        filename="master-7.FLAC",
        size_bytes=1,
        sha256="a" * 64,
        state="READY",
        finished_at=NOON,
        track=track,
    )
    imported(artist, "One,3,Rain,master-7.wav", head="Album,Track,Title,File")
    assert titles(album) == [(1, 3, "Rain")]
    assert album.tracks.get().original_id == track.original_id


def test_what_listeners_see_stays_until_it_is_published(artist: Artist) -> None:
    album = make_album("One", artist=artist, upc="036000291452")
    track = make_track("Rain", album=album)
    imported(
        artist,
        "One again,036000291452,9.00,1,Rain (Edit)",
        "One again,036000291452,,2,New",
        head="Album,UPC,Price,Track,Title",
    )
    album.refresh_from_db()
    track.refresh_from_db()
    assert (album.title, album.price_micros, track.title) == ("One", 7_000_000, "Rain")
    waiting = changes.of(album)
    assert waiting[0] == {"title": "One again", "price": "9.00"}
    assert waiting[track.pk]["title"] == "Rain (Edit)"
    assert album.tracks.get(title="New").state == "DRAFT"


def test_an_album_with_something_wrong_is_left_out_whole_and_named(artist: Artist) -> None:
    sheet = imported(artist, ROWS[0], "Night Bus,Nova Kit,036000291452,1,2,Glass,bad,,,,,,", ROWS[3])
    assert (sheet.made, Album.objects.get().title) == (1, "Half Light")
    assert len(sheet.left) == 1
    assert sheet.left[0].startswith("“Night Bus” was left out. Row 3, ISRC: “bad” is no ISRC.")


def test_names_that_are_nobodys_become_artists_only_if_that_is_wanted(artist: Artist) -> None:
    rows = ("One,Ada,Rain", "Two,ADA,Glass")
    sheet = imported(artist, *rows, head="Album,Artist,Title")
    assert (sheet.made, len(sheet.left)) == (0, 2)
    assert "“Ada” is none of your artists" in sheet.left[0]
    imported(artist, *rows, head="Album,Artist,Title", opens_artists=True)
    made = Artist.objects.exclude(pk=artist.pk).get()
    assert (made.name, made.owner, made.payee.name, made.albums.count()) == ("Ada", artist.owner, "Ada", 2)


def test_what_cannot_be_seen_gets_into_no_name(artist: Artist) -> None:
    row = "Ni\x1bght,No\x1bva\x0b Kit,Ra\x0cin,A\x1bna,LYRICIST: I\x1bvo,2026 No\x1bva,ja\x1bzz"
    sheet = imported(artist, row, head="Album,Artist,Title,Composer,Credits,P line,Tags")
    assert (sheet.made, sheet.left) == (1, [])
    album = Album.objects.get()
    assert (album.title, album.artist, album.p_line) == ("Night", artist, "2026 Nova")
    track = album.tracks.get()
    assert track.title == "Rain"
    assert sorted(one.name for one in track.contributions.all()) == ["Ana", "Ivo"]
    assert "jazz" in str(album.tags)


def test_an_artist_of_somebody_else_is_nobody_here(artist: Artist) -> None:
    make_artist("Ada", owner=charlie())
    other = make_album("One", artist=make_artist("Nova Kit", owner=charlie()), upc="036000291452", published=False)
    sheet = imported(artist, "One,Ada,Rain", head="Album,Artist,Title")
    assert sheet.left
    imported(artist, "One,036000291452,Rain", head="Album,UPC,Title")
    assert other.tracks.count() == 0
    assert Album.objects.filter(artist=artist).count() == 1


def test_an_amount_of_nothing_is_free(artist: Artist) -> None:
    imported(artist, "One,0,Rain,0", "Two,5,Glass,1.50", head="Album,Price,Title,Track price")
    one, two = Album.objects.get(title="One"), Album.objects.get(title="Two")
    assert (one.is_for_sale, one.free_mode, one.tracks.get().price_micros) == (False, "FREE", None)
    assert (two.price_micros, two.tracks.get().price_micros) == (5_000_000, 1_500_000)


def test_an_xlsx_makes_the_same_drafts(artist: Artist) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(["Album", "UPC", "Track", "Title"])
    book.active.append(["One", 36000291452, 1, 1999])
    file = io.BytesIO()
    book.save(file)
    sheet = sheets.receive(artist, file.getvalue(), "catalogue.xlsx", artist.owner, NOON)
    sheets.ask(sheet, NOON)
    sheets.work(sheet.pk, lambda: NOON)
    assert (Album.objects.get().upc, Track.objects.get().title) == ("036000291452", "1999")


# --- Killed, repeated, lost


class _Killed(BaseException):
    """The worker is gone."""


def test_a_worker_that_is_killed_loses_nothing_and_the_next_goes_on(
    artist: Artist, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = received(artist, *[f"Album {n},1,Track" for n in range(5)], head="Album,Track,Title")
    sheets.ask(sheet, NOON)
    store, calls = drafts.store, 0

    def dying(*args: Any, **options: Any) -> bool:
        nonlocal calls
        calls += 1
        is_new = store(*args, **options)
        if calls == 3:
            raise _Killed
        return is_new

    with monkeypatch.context() as killing:
        killing.setattr(drafts, "store", dying)
        with pytest.raises(_Killed):
            sheets.work(sheet.pk, lambda: NOON)
    sheet.refresh_from_db()
    assert (sheet.state, sheet.done, Album.objects.count()) == ("WAITING", 2, 2)
    assert not sheets.work(sheet.pk, lambda: NOON)
    later = NOON + timedelta(minutes=2)
    assert sweeping.sweep(lambda: later, until=later + timedelta(minutes=1)) == 1
    sheet.refresh_from_db()
    assert (sheet.state, sheet.done, sheet.made, Album.objects.count(), Track.objects.count()) == ("DONE", 5, 5, 5, 5)


def test_a_worker_that_was_overtaken_stores_nothing_more(artist: Artist, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = received(artist, "One,1,Rain", head="Album,Track,Title")
    sheets.ask(sheet, NOON)
    store = drafts.store

    def slow(*args: Any, **options: Any) -> bool:
        Sheet.objects.update(claimed_by="another")
        return store(*args, **options)

    monkeypatch.setattr(drafts, "store", slow)
    assert not sheets.work(sheet.pk, lambda: NOON)
    sheet.refresh_from_db()
    assert (sheet.done, Album.objects.count()) == (0, 0)


def test_a_sheet_that_kills_every_worker_is_given_up(artist: Artist) -> None:
    sheet = received(artist, ROWS[0])
    sheets.ask(sheet, NOON)
    Sheet.objects.update(tries=sheets.MOST_TRIES)
    assert sheets.work(sheet.pk, lambda: NOON)
    sheet.refresh_from_db()
    assert sheet.state == "FAILED"
    assert "gave up" in sheet.reason


def test_a_sheet_whose_bytes_are_gone_says_so(artist: Artist) -> None:
    sheet = received(artist, ROWS[0])
    sheets.ask(sheet, NOON)
    media.private().delete(sheet.path)
    assert sheets.work(sheet.pk, lambda: NOON)
    sheet.refresh_from_db()
    assert "no longer here" in sheet.reason
    with pytest.raises(Lost):
        sheets.preview(sheet)


def test_old_sheets_lose_their_bytes_and_nothing_else(artist: Artist) -> None:
    sheet = received(artist, ROWS[0])
    assert sheets.clean_up(NOON + timedelta(days=29)) == 0
    assert sheets.clean_up(NOON + timedelta(days=31)) == 1
    assert not media.private().exists(sheet.path)
    sheet.refresh_from_db()
    assert sheet.path == ""


def test_bytes_without_a_row_are_deleted_a_day_later(artist: Artist) -> None:
    sheet = received(artist, ROWS[0])
    Sheet.objects.all().delete()
    assert sheets.clean_up(timezone.now()) == 0
    assert sheets.clean_up(timezone.now() + timedelta(days=2)) == 1
    assert not media.private().exists(sheet.path)


# --- Columns


def test_what_columns_were_about_is_remembered_for_the_artist(artist: Artist) -> None:
    first = received(artist, "Night Bus,Rain", head="Platte,Stück")
    assert first.columns == ["", ""]
    sheets.choose(first, {0: "album", 1: "title"}, opens_artists=False)
    sheets.ask(first, NOON)
    assert received(artist, "a,b", head="Stück,Platte").columns == ["title", "album"]
    assert received(make_artist("Ada"), "a,b", head="Stück,Platte").columns == ["", ""]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({0: "title"}, "titles of the albums"),
        ({0: "album", 1: "album"}, "Two columns are chosen for “Album”"),
        ({0: "album", 1: "no such thing"}, "nothing a column can be about"),
    ],
)
def test_columns_that_cannot_be_are_refused(artist: Artist, columns: dict[int, str], says: str) -> None:
    with pytest.raises(BadColumns, match=says):
        sheets.choose(received(artist, ROWS[0]), columns, opens_artists=False)


def test_columns_are_not_changed_any_more_once_drafts_are_made(artist: Artist) -> None:
    sheet = received(artist, ROWS[0])
    assert sheets.ask(sheet, NOON)
    assert not sheets.ask(sheet, NOON)
    with pytest.raises(NotOpen):
        sheets.choose(sheet, {0: "album"}, opens_artists=False)


def test_somebody_keeps_no_more_sheets_than_that(artist: Artist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_KEPT", 1)
    sheet = received(artist, ROWS[0])
    with pytest.raises(BadSheet, match="Delete some"):
        received(artist, ROWS[0])
    assert sheets.delete(sheet)
    received(artist, ROWS[0])


# --- Pages


def send(client: Client, artist: Artist, data: bytes, name: str = "catalogue.csv") -> HttpResponse:
    told = {"artist": artist.pk, "file": SimpleUploadedFile(name, data)}
    return client.post(reverse("artists:import"), told)  # type: ignore[return-value]


def test_a_label_goes_from_a_sheet_to_its_drafts(studio: Client, artist: Artist) -> None:
    answer = send(studio, artist, "\n".join([HEAD, *ROWS]).encode())
    sheet = Sheet.objects.get()
    assert answer["Location"] == reverse("artists:sheet", args=[sheet.pk])
    page = studio.get(answer["Location"]).content.decode()
    assert "Night Bus" in page
    assert '<option value="album" selected>' in page
    chosen = {f"column-{number}": name for number, name in enumerate(sheet.columns)}
    answer = studio.post(reverse("artists:sheet", args=[sheet.pk]), chosen)  # type: ignore[assignment]
    assert answer["Location"] == reverse("artists:sheet_preview", args=[sheet.pk])
    page = studio.get(answer["Location"]).content.decode()
    assert "2 albums can be made" in page
    assert Album.objects.count() == 0
    for _ in range(2):  # a double click
        answer = studio.post(reverse("artists:sheet_make", args=[sheet.pk]))  # type: ignore[assignment]
    assert answer["Location"] == reverse("artists:sheet", args=[sheet.pk])
    assert "Waiting for a worker" in studio.get(answer["Location"]).content.decode()
    assert sheets.work(sheet.pk, timezone.now)
    assert "2 new drafts, 0 albums changed." in studio.get(answer["Location"]).content.decode()
    assert studio.get(reverse("artists:sheet_preview", args=[sheet.pk])).status_code == 302
    assert "catalogue.csv" in studio.get(reverse("artists:import")).content.decode()


def test_the_preview_says_what_is_wrong_and_what_is_there(studio: Client, artist: Artist) -> None:
    make_album("Half Light", artist=artist, tracks=1)
    sheet = received(artist, ROWS[3], "Two,Somebody,,,1,Rain,bad,,,,,,")
    page = studio.get(reverse("artists:sheet_preview", args=[sheet.pk])).content.decode()
    assert "1 album can be changed" in page
    assert "changes wait" in page
    assert "Row 3, ISRC: “bad” is no ISRC." in page
    assert "“Somebody” is none of your artists." in page


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "no sheet we can read"),
        (b"", "0 bytes"),
        (b"x" * (grids.MOST_BYTES + 1), "a sheet may have 10 MB"),
        (b"Album\n=SUM(A1)", "holds a formula"),
    ],
    ids=["picture", "empty", "large", "formula"],
)
def test_a_file_that_is_no_sheet_is_answered_with_a_sentence(
    studio: Client, artist: Artist, data: bytes, says: str
) -> None:
    answer = send(studio, artist, data)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Sheet.objects.exists()


def test_wrong_columns_are_answered_with_a_sentence_and_what_was_chosen(studio: Client, artist: Artist) -> None:
    sheet = received(artist, ROWS[0])
    answer = studio.post(reverse("artists:sheet", args=[sheet.pk]), {"column-0": "title", "column-1": "title"})
    assert answer.status_code == 422
    assert "Two columns are chosen for “Title”" in answer.content.decode()


def test_other_peoples_sheets_are_not_there(artist: Artist) -> None:
    sheet = received(artist, ROWS[0])
    other = Client()
    stranger = charlie()
    stranger.is_artist = True
    stranger.save()
    make_artist("Charlie", owner=stranger)
    other.force_login(stranger)
    for name in ("sheet", "sheet_preview"):
        assert other.get(reverse(f"artists:{name}", args=[sheet.pk])).status_code == 404
    for name in ("sheet", "sheet_make", "sheet_delete"):
        assert other.post(reverse(f"artists:{name}", args=[sheet.pk])).status_code == 404
    assert "catalogue.csv" not in other.get(reverse("artists:import")).content.decode()
    told = {"artist": artist.pk, "file": SimpleUploadedFile("a.csv", b"Album\nOne")}
    assert other.post(reverse("artists:import"), told).status_code == 422


def test_a_sheet_is_deleted_unless_drafts_are_being_made(studio: Client, artist: Artist) -> None:
    sheet = received(artist, ROWS[0])
    sheets.ask(sheet, NOON)
    studio.post(reverse("artists:sheet_delete", args=[sheet.pk]))
    assert Sheet.objects.exists()
    sheets.work(sheet.pk, lambda: NOON)
    studio.post(reverse("artists:sheet_delete", args=[sheet.pk]))
    assert not Sheet.objects.exists()
    assert Album.objects.exists()


def test_the_preview_asks_as_much_for_a_hundred_albums_as_for_two(studio: Client, artist: Artist) -> None:
    def queries(count: int) -> int:
        albums = Album.objects.bulk_create(
            Album(artist=artist, title=f"Album {count}-{n}", slug=f"album-{count}-{n}") for n in range(count)
        )
        Track.objects.bulk_create(Track(album=one, position=1, title="Rain", slug="rain") for one in albums)
        sheet = received(artist, *[f"{one.title},{n},Rain {n}" for one in albums for n in (1, 2)], head=head)
        with CaptureQueriesContext(connection) as asked:
            assert studio.get(reverse("artists:sheet_preview", args=[sheet.pk])).status_code == 200
        return len(asked)

    head = "Album,Track,Title"
    assert queries(2) == queries(100) <= 12


# --- The sounds


def ingested(album: Album, filename: str, **tags: Any) -> Track:
    """The track that a checked file became."""
    original = make_original(tags=tags)
    upload = Upload.objects.create(
        album=album, by=album.artist.owner, filename=filename, size_bytes=1, sha256=original.sha256
    )
    assert uploads.ingest(upload.pk, NOON)
    upload.refresh_from_db()
    assert upload.track is not None
    return upload.track


@pytest.fixture
def waiting(artist: Artist) -> Album:
    """An album of a sheet, with its cover, so that known files need no second look."""
    imported(
        artist,
        "One,1,Rain,DEABC2600001,a.wav",
        "One,2,Glass,DEABC2600002,",
        "One,3,Dawn,,",
        "One,4,Dusk,,",
        head="Album,Track,Title,ISRC,File",
    )
    Album.objects.update(cover=artwork.store(picture(), alt="x", at=NOON))
    return Album.objects.get()


@pytest.mark.parametrize(
    ("filename", "tags", "title"),
    [
        ("A.WAV", {"title": "take 3"}, "Rain"),
        ("a.flac", {}, "Rain"),
        ("x.flac", {"isrc": "DEABC2600002", "title": "mix 9"}, "Glass"),
        ("x.flac", {"title": "DAWN"}, "Dawn"),
        ("Nova Kit - One - 04 Dusk.flac", {}, "Dusk"),
        ("03 something else.flac", {}, "Dawn"),
    ],
)
def test_a_file_finds_the_track_that_waits_for_it(
    waiting: Album, filename: str, tags: dict[str, str], title: str
) -> None:
    track = ingested(waiting, filename, **tags)
    assert (track.title, track.awaits, waiting.tracks.count()) == (title, "", 4)
    assert track.original is not None
    assert track.duration_ms == track.original.duration_ms


def test_a_file_that_no_track_waits_for_is_a_track_of_its_own(waiting: Album) -> None:
    assert ingested(waiting, "bonus.flac").title == "bonus"
    assert waiting.tracks.count() == 5


def test_a_number_does_not_give_a_track_the_sound_of_another_file(waiting: Album) -> None:
    ingested(waiting, "01 Intro.flac")
    assert waiting.tracks.get(title="Rain").original is None


def test_what_the_sheet_said_stays_and_the_file_adds_what_it_did_not(waiting: Album) -> None:
    track = ingested(waiting, "a.wav", title="other", isrc="DEABC2699999", lyrics="la la")
    assert (track.title, track.isrc, track.lyrics) == ("Rain", "DEABC2600001", "la la")


def test_an_album_whose_tracks_have_no_sound_says_so_and_is_not_published(studio: Client, waiting: Album) -> None:
    page = studio.get(reverse("artists:album", args=[waiting.pk])).content.decode()
    assert "no sound yet" in page
    assert "Waits for “a.wav”." in page
    answer = studio.post(reverse("artists:publish", args=[waiting.pk]), follow=True).content.decode()
    assert "4 of its tracks have no sound yet" in answer
    assert Album.objects.get().state == "DRAFT"


def test_files_dropped_on_the_front_page_come_to_the_draft_of_that_name(studio: Client, waiting: Album) -> None:
    told = {"name": "Nova Kit - One.zip", "artist": waiting.artist_id}
    answer = studio.post(reverse("artists:drop_album"), told).json()
    assert answer["url"] == reverse("artists:album", args=[waiting.pk])
    Track.objects.all().delete()
    assert studio.post(reverse("artists:drop_album"), told).json()["url"] != answer["url"]
