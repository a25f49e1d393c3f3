"""The studio's pages: their owner opens them, wrong input keeps all that was typed, and nothing is lost."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from artists import tasks, uploads
from artists.models import Album, Artist, Change, Rendition, Track, Upload
from tests.artists.factories import NOON, make_album, make_artist, make_original, make_track
from tests.artists.pictures import picture
from tests.users.factories import charlie, leo, make_user, nina

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


@pytest.fixture
def studio() -> Client:
    """nina's browser."""
    client = Client()
    client.force_login(nina())
    return client


def make_upload(album: Album, **fields: object) -> Upload:
    values = {"by": nina(), "filename": "x.wav", "size_bytes": 9, "sha256": f"{Upload.objects.count():064}"}
    ended = None if fields.get("state", "RECEIVED") == "RECEIVED" else NOON
    return Upload.objects.create(album=album, finished_at=ended, **{**values, **fields})


def words(**changes: str) -> dict[str, str]:
    """The form about an album's words as a browser sends it."""
    return {"title": "Night Bus", "description": "", "genre": "", "mood": "", "language": "", "tags": "", **changes}


def price(**changes: str) -> dict[str, str]:
    """The form about its price."""
    usual = {"currency": "USD", "price_mode": "fixed", "price": "7.00", "free_mode": "AD", "credit_price": ""}
    return {**usual, **changes}


def rights(**changes: str) -> dict[str, str]:
    """The form about its rights."""
    return {"licence": "all-rights-reserved", "upc": "", "released_on": "", **changes}


FORMS = {"words": words, "price": price, "rights": rights}


def test_what_is_odd_about_a_sound_is_said_beside_its_track_until_the_artist_means_it_so(studio: Client) -> None:
    album = make_album(published=False, artist=make_artist(owner=nina()))
    odd = make_original(remarks=["It ends with 9 seconds of silence. If that is not meant, trim it."])
    track = make_track(album=album, published=False, original=odd)
    page = reverse("artists:album", args=[album.pk])
    assert "9 seconds of silence" in studio.get(page).content.decode()
    answer = studio.post(reverse("artists:dismiss_remarks", args=[track.pk]), follow=True)
    assert "is put away" in answer.content.decode()
    assert "9 seconds of silence" not in studio.get(page).content.decode()


# --- Who may open what ---------------------------------------------------------------------------------------


def own_pages() -> list[tuple[str, str]]:
    """Every address of one album of nina's, with the method that answers."""
    album = make_album(published=False, artist=make_artist(owner=nina()))
    track = make_track(album=album, published=False)
    upload = make_upload(album, state="REJECTED", reason="No.")
    of_album = [
        "album",
        "words",
        "cover",
        "price",
        "rights",
        "credits",
        "publish",
        "preview",
        "tracks",
        "uploads",
        "simulation",
    ]
    posted = [
        "upload",
        "words",
        "cover",
        "price",
        "rights",
        "cover_words",
        "many_tracks",
        "order_tracks",
        "publish",
        "discard",
        "withdraw",
        "delete_album",
    ]
    pages = [("get", reverse(f"artists:{name}", args=[album.pk])) for name in of_album]
    pages += [("post", reverse(f"artists:{name}", args=[album.pk])) for name in posted]
    pages += [("get", reverse("artists:upload_status", args=[upload.pk]))]
    pages += [("post", reverse(f"artists:{name}", args=[upload.pk])) for name in ("retry_upload", "dismiss_upload")]
    pages += [("get", reverse("artists:track", args=[track.pk])), ("post", reverse("artists:track", args=[track.pk]))]
    pages += [("post", reverse(f"artists:{name}", args=[track.pk])) for name in ("move_track", "retry_track")]
    pages += [("post", reverse("artists:remove_track", args=[track.pk]))]
    pages += [("get", reverse("artists:artist", args=[album.artist_id]))]
    return [*pages, ("post", reverse("artists:artist_picture", args=[album.artist_id]))]


def test_another_artist_finds_nothing_of_ninas() -> None:
    pages = own_pages()
    client = Client()
    client.force_login(make_user("ivo@demo.megabox.test", is_artist=True))
    for method, url in pages:
        assert getattr(client, method)(url).status_code == 404, url
    assert Album.objects.exists()
    assert Track.objects.exists()


def test_somebody_who_is_no_artist_is_turned_away() -> None:
    pages = own_pages()
    client = Client()
    client.force_login(charlie())
    for method, url in pages:
        assert getattr(client, method)(url).status_code == 403, url


def test_a_stranger_is_asked_to_log_in() -> None:
    for method, url in own_pages():
        answer = getattr(Client(), method)(url)
        assert answer.status_code == 302, url
        assert answer["Location"].startswith("/accounts/login/"), url


@pytest.mark.parametrize("headers", [JSON, {}])
def test_a_form_that_would_fill_the_disk_is_refused_before_it_is_read(
    headers: dict[str, str], studio: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        total, used, free = 100, 89, 11

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage)
    url = reverse("artists:upload", args=[make_album(published=False).pk])
    answer = studio.post(url, {"file": SimpleUploadedFile("a.wav", b"12345")}, headers=headers, follow=True)
    assert answer.status_code == (507 if headers else 200)
    assert "Our disk is nearly full" in answer.content.decode()
    assert not Upload.objects.exists()


def test_an_upload_needs_the_csrf_token(studio: Client) -> None:
    album = make_album(published=False)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(nina())
    file = SimpleUploadedFile("a.wav", b"12345")
    url = reverse("artists:upload", args=[album.pk])
    assert strict.post(url, {"file": file}, headers=JSON).status_code == 403
    assert not Upload.objects.exists()


# --- Becoming an artist, albums ----------------------------------------------------------------------------------


def test_a_listener_becomes_an_artist_by_a_name() -> None:
    client = Client()
    client.force_login(leo())
    assert client.get("/studio/", follow=True).redirect_chain[-1][0] == reverse("artists:start")
    wrong = client.post(reverse("artists:start"), {"name": "", "bio": "I play."})
    assert wrong.status_code == 422
    assert "Write the name under which the music appears." in wrong.content.decode()
    assert "I play." in wrong.content.decode()
    client.post(reverse("artists:start"), {"name": "Leo Sound"})
    artist = Artist.objects.get()
    assert (artist.name, artist.owner.is_artist, artist.payee.name) == ("Leo Sound", True, "Leo Sound")


def test_the_front_page_shows_albums_with_their_states(studio: Client) -> None:
    artist = make_artist(owner=nina())
    make_album("Out", artist=artist, tracks=2)
    waiting = make_album("Soon", artist=artist, published=False)
    make_upload(waiting, state="REJECTED", reason="No.")
    page = studio.get("/studio/").content.decode()
    for words in ("Out", "published", "Soon", "draft", "1 needs you"):
        assert words in page


def test_the_number_of_queries_does_not_grow_with_the_tracks(studio: Client) -> None:
    albums = [make_album(published=False, tracks=count, artist=make_artist(owner=nina())) for count in (3, 30)]
    for album in albums:
        for track in album.tracks.all():
            make_upload(album, state="READY", track=track)
    for name in ("album", "words", "cover", "price", "rights", "credits", "publish", "preview", "tracks", "uploads"):
        counts = []
        for album in albums:
            with CaptureQueriesContext(connection) as seen:
                assert studio.get(reverse(f"artists:{name}", args=[album.pk])).status_code == 200
            counts.append(len(seen))
        assert counts[0] == counts[1] <= 25, (name, counts)


@pytest.mark.parametrize(
    ("part", "field", "value", "sentence"),
    [
        ("price", "price", "1,99", "Write the amount with a point"),
        ("price", "price", "-1", "An amount cannot be below zero"),
        ("price", "price", "1e9", "is not an amount"),
        ("price", "price", "", "Write an amount"),
        ("price", "price", "0", "A fixed price is more than 0"),
        ("price", "price", "99999999", "the most that can be entered here"),
        ("price", "price", "9.999", "USD has 2 decimal places"),
        ("price", "credit_price", "five", "Write whole credits in digits"),
        ("price", "credit_price", "0", "choose “Simply free”"),
        ("price", "currency", "XAU", "Choose one of the currencies"),
        ("words", "title", "", "Give the album a title"),
        ("words", "tags", ",".join(f"tag{n}" for n in range(11)), "These are 11 tags"),
        ("words", "mood", "sweaty", "sweaty is not one of the available choices"),
        ("rights", "upc", "123456789013", "no UPC or EAN"),
        ("rights", "released_on", "30.11.2026", "Write the day like 2026-11-30"),
    ],
)
def test_wrong_input_is_answered_with_a_sentence_and_kept_as_it_was_typed(
    studio: Client, part: str, field: str, value: str, sentence: str
) -> None:
    album = make_album("Before", published=False)
    url = reverse(f"artists:{part}", args=[album.pk])
    answer = studio.post(url, FORMS[part](**{field: value}))
    assert answer.status_code == 422
    for page in (answer.content.decode(), studio.get(url).content.decode()):
        assert sentence in page
        assert field in ("currency", "mood") or value in page
    assert "look again" in studio.get(reverse("artists:album", args=[album.pk])).content.decode()
    assert sentence in studio.get(reverse("artists:publish", args=[album.pk])).content.decode()
    album.refresh_from_db()
    assert (album.title, album.price_micros, album.upc, album.tags) == ("Before", 7_000_000, "", [])
    studio.post(url, FORMS[part]())
    assert not Change.objects.exists(), "put right, so nothing waits"


def test_what_is_right_is_saved_part_by_part(studio: Client) -> None:
    album = make_album(published=False)
    said = {"title": "Day Bus", "tags": "Tape, NIGHT , tape", "genre": "ambient", "mood": "calm", "language": "ga"}
    studio.post(reverse("artists:words", args=[album.pk]), words(**said))
    bought = {"price_mode": "named", "price": "3", "credit_price": "20", "free_mode": "OFF", "is_owners_only": "on"}
    studio.post(reverse("artists:price", args=[album.pk]), price(**bought))
    studio.post(reverse("artists:rights", args=[album.pk]), rights(upc="036000291452", released_on="2026-11-30"))
    album.refresh_from_db()
    assert (album.title, album.price_micros, album.is_name_your_price) == ("Day Bus", 3_000_000, True)
    assert (album.mood, album.language) == ("calm", "ga")
    assert (album.tags, album.upc, album.credit_price) == (["tape", "night"], "036000291452", 20)
    assert (album.free_mode, album.is_owners_only, str(album.released_on)) == ("OFF", True, "2026-11-30")


def test_a_free_album_costs_nothing_and_no_credits(studio: Client) -> None:
    album = make_album(published=False)
    url = reverse("artists:price", args=[album.pk])
    studio.post(url, price(price_mode="free", price="what"))
    album.refresh_from_db()
    assert (album.price_micros, album.free_mode, album.is_for_sale) == (0, "FREE", False)
    assert "Free for everybody" in studio.get(url).content.decode()


def test_a_part_that_saves_itself_gets_json(studio: Client) -> None:
    album = make_album(published=False)
    answer = studio.post(reverse("artists:words", args=[album.pk]), words(title="Day Bus"), headers=JSON).json()
    assert (answer["saved"], answer["say"], answer["errors"]) == (True, "Saved", {})
    wrong = studio.post(reverse("artists:price", args=[album.pk]), price(price="1,99"), headers=JSON)
    assert wrong.status_code == 422
    assert wrong.json()["errors"]["price"].startswith("Write the amount with a point")
    assert "look again" in wrong.json()["parts"]["sections"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"price": "7"}, "100 buyers at $7.00 → you get $630.00."),
        ({"price": "7", "currency": "EUR"}, "100 buyers at €7.00 → you get €630.00."),
        ({"price": "1,99"}, "Write the amount with a point"),
        ({"price_mode": "free"}, "Free for everybody"),
        ({"price_mode": "named", "price": ""}, "100 buyers at $7.00"),
    ],
)
def test_the_simulator_follows_what_is_typed(studio: Client, query: dict[str, str], sentence: str) -> None:
    album = make_album(published=False)
    assert sentence in studio.get(reverse("artists:simulation", args=[album.pk]), query).content.decode()
    album.refresh_from_db()
    assert album.price_micros == 7_000_000


def test_a_cover_is_set_and_a_bad_one_explained(studio: Client) -> None:
    album = make_album(published=False)
    url = reverse("artists:cover", args=[album.pk])
    wrong = studio.post(url, {"picture": SimpleUploadedFile("x.svg", b"<svg></svg>")})
    assert wrong.status_code == 422
    assert "SVG drawings cannot be taken" in wrong.content.decode()
    studio.post(url, {"picture": SimpleUploadedFile("x.png", picture())})
    album.refresh_from_db()
    assert album.cover is not None
    assert album.cover.url(600) in studio.get(url).content.decode()


def test_each_section_has_a_tick_or_says_what_is_missing(studio: Client) -> None:
    album = make_album(published=False, price_micros=0)
    page = studio.get(reverse("artists:words", args=[album.pk])).content.decode()
    for words_ in (
        "no music yet",
        "no description and no genre yet",
        "no cover yet",
        "no price yet",
        "not published yet",
    ):
        assert words_ in page
    assert page.count("section-link is-done") == 2, "the licence is chosen, and everything is the artist's own"
    Album.objects.filter(pk=album.pk).update(description="Slow.", genre="dub", price_micros=1_000_000)
    make_track(album=album, published=False)
    page = studio.get(reverse("artists:words", args=[album.pk])).content.decode()
    assert page.count("section-link is-done") == 5


def test_publishing_is_a_button_and_says_what_is_missing(studio: Client) -> None:
    album = make_album(published=False)
    assert "Before you publish" in studio.get(reverse("artists:publish", args=[album.pk])).content.decode()
    page = studio.post(reverse("artists:publish", args=[album.pk]), follow=True).content.decode()
    assert "It is not published yet. Drop at least one audio file." in page
    make_track(album=album, published=False)
    assert "is published" in studio.post(reverse("artists:publish", args=[album.pk]), follow=True).content.decode()
    assert "is withdrawn" in studio.post(reverse("artists:withdraw", args=[album.pk]), follow=True).content.decode()
    assert (
        "was published" in studio.post(reverse("artists:delete_album", args=[album.pk]), follow=True).content.decode()
    )


def test_a_draft_is_heard_by_its_owner_before_it_is_out(studio: Client) -> None:
    album = make_album(published=False, tracks=1)
    page = studio.get(reverse("artists:preview", args=[album.pk])).content.decode()
    link = page.split('data-stream="')[1].split('"')[0]
    answer = studio.get(link)
    assert b"".join(answer.streaming_content)[:2] == b"\xff\xfb"  # type: ignore[attr-defined]  # a file's answer
    assert Client().get(link).status_code in (403, 404, 410)


# --- Files -----------------------------------------------------------------------------------------------------------


def test_states_are_said_in_words(studio: Client) -> None:
    album = make_album(published=False)
    made = make_track("Made", album=album, published=False)
    failed = make_track("Failed", album=album, published=False)
    Rendition.objects.filter(original=failed.original, recipe="opus").update(state="FAILED", reason="It broke.")
    making = make_track("Making", album=album, published=False)
    Rendition.objects.filter(original=making.original, recipe="opus").update(state="WANTED")
    make_upload(album, filename="1")
    make_upload(album, filename="2", claimed_by="w", claimed_until=timezone.now() + timedelta(minutes=1))
    make_upload(album, filename="3", state="REJECTED", reason="Because.")
    for track in (made, failed, making):
        make_upload(album, filename=track.title, state="READY", track=track)
    answer = studio.get(reverse("artists:uploads", args=[album.pk]), headers=JSON).json()
    assert [(one["filename"], one["state"], one["label"], one["progress"]) for one in answer["uploads"]] == [
        ("1", "waiting", "waiting", 0),
        ("2", "checking", "checking", 10),
        ("3", "needs_you", "needs you", 0),
        ("Made", "ready", "ready", 100),
        ("Failed", "needs_you", "needs you", 0),
        ("Making", "making", "making formats, 3 of 4", 80),
    ]
    assert answer["uploads"][2]["reason"] == "Because."
    assert not answer["done"]
    page = studio.get(reverse("artists:album", args=[album.pk])).content.decode()
    assert "It broke. Press Try again" in page
    studio.post(reverse("artists:retry_track", args=[failed.pk]))
    assert not Rendition.objects.filter(state="FAILED").exists()


def test_a_rejected_file_is_tried_again_or_put_away(studio: Client, sounds: dict[str, Path]) -> None:
    album = make_album(published=False)
    with sounds["text"].open("rb") as file:
        upload = uploads.receive(album, file, "notes.mp3", nina(), NOON)
    uploads.ingest(upload.pk, NOON)
    studio.post(reverse("artists:retry_upload", args=[upload.pk]))
    upload.refresh_from_db()
    assert upload.state == "RECEIVED"
    uploads.ingest(upload.pk, timezone.now())
    page = studio.post(reverse("artists:dismiss_upload", args=[upload.pk]), follow=True).content.decode()
    assert "“notes.mp3” is put away" in page
    assert 'class="upload"' not in page


def test_a_file_over_the_limit_is_answered_before_and_while_it_arrives(studio: Client, settings: LazySettings) -> None:
    settings.MAX_UPLOAD_BYTES = 100_000
    album = make_album(published=False)
    url = reverse("artists:upload", args=[album.pk])
    for size in (200_000, 2_000_000):
        answer = studio.post(url, {"file": SimpleUploadedFile("a.wav", b"1" * size)}, headers=JSON)
        assert answer.status_code == 413
        assert "the most one file may have" in answer.json()["error"]
    assert not Upload.objects.exists()
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).glob("*.upload")) == []


def test_a_request_without_a_file_says_so(studio: Client) -> None:
    album = make_album(published=False)
    url = reverse("artists:upload", args=[album.pk])
    assert studio.post(url, headers=JSON).json()["error"].startswith("No file arrived")
    assert "No file was chosen" in studio.post(url, follow=True).content.decode()


def test_names_that_lie_are_shown_clean(studio: Client) -> None:
    album = make_album(published=False)
    for number, name in enumerate(["a\u202egnp.wav", "../../x.wav", "e" * 300 + ".wav", "🎵.wav", "x." + "y" * 300]):
        file = SimpleUploadedFile("f", f"bytes {number}".encode())
        file._name = name  # type: ignore[attr-defined]  # a browser sends what it likes
        answer = studio.post(reverse("artists:upload", args=[album.pk]), {"file": file}, headers=JSON)
        assert answer.status_code == 201, (name, answer.content)
    kept = list(Upload.objects.values_list("filename", flat=True))
    assert all("\u202e" not in name and "/" not in name and len(name) <= 255 for name in kept)


def test_a_received_file_is_not_lost_when_the_broker_is_down(studio: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(tasks.ingest, "delay", fail)
    album = make_album(published=False)
    url = reverse("artists:upload", args=[album.pk])
    answer = studio.post(url, {"file": SimpleUploadedFile("a.wav", b"12345")}, headers=JSON)
    assert answer.status_code == 201
    assert Upload.objects.get().state == "RECEIVED"


# --- Tracks ----------------------------------------------------------------------


def test_the_table_saves_all_rows_or_none(studio: Client) -> None:
    album = make_album(tracks=2, published=False)
    one, two = album.tracks.all()
    url = reverse("artists:tracks", args=[album.pk])
    rows = {f"{one.pk}-title": "Uno", f"{one.pk}-isrc": "DE-ABC-26-00001", f"{one.pk}-price": "0.99"}
    wrong = studio.post(url, {**rows, f"{two.pk}-title": "Due", f"{two.pk}-isrc": "x", f"{two.pk}-price": "1,5"})
    page = wrong.content.decode()
    assert wrong.status_code == 422
    for words in ("is no ISRC", "Write the amount with a point", "Uno", "1,5"):
        assert words in page
    one.refresh_from_db()
    assert one.title == "Track 1"
    studio.post(url, {**rows, f"{two.pk}-title": "Due", f"{two.pk}-isrc": "", f"{two.pk}-price": ""})
    assert list(album.tracks.values_list("title", "isrc", "price_micros")) == [
        ("Uno", "DEABC2600001", 990_000),
        ("Due", "", None),
    ]


def test_a_tracks_page_saves_what_the_table_does_not_show(studio: Client) -> None:
    track = make_track(published=False)
    url = reverse("artists:track", args=[track.pk])
    assert studio.get(url).status_code == 200
    studio.post(url, {"title": "Uno", "lyrics": "La la", "artist_name": "Ivo", "credit_price": "9", "genre": "dub"})
    track.refresh_from_db()
    assert (track.lyrics, track.performer, track.effective_credit_price, track.genre) == ("La la", "Ivo", 9, "dub")


def test_tracks_are_moved_and_removed(studio: Client) -> None:
    album = make_album(tracks=3)
    last = album.tracks.last()
    assert last is not None
    studio.post(reverse("artists:move_track", args=[last.pk]), {"to": "up"})
    assert list(album.tracks.values_list("title", flat=True)) == ["Track 1", "Track 3", "Track 2"]
    page = studio.post(reverse("artists:remove_track", args=[last.pk]), follow=True).content.decode()
    assert "“Track 3” is off the album. Whoever has it keeps it." in page
    assert studio.get(reverse("artists:track", args=[last.pk])).status_code == 404


def test_tracks_go_along_with_the_full_price_unless_they_said_otherwise(studio: Client) -> None:
    album = make_album(tracks=2, published=False)
    first = album.tracks.all()[0]
    url = reverse("artists:price", args=[album.pk])
    assert studio.post(url, price(wants_full_credit_price="on")).status_code == 302
    assert set(album.tracks.values_list("wants_full_credit_price", flat=True)) == {True}
    own = {"title": first.title, "mood": "dark", "language": "zxx"}
    assert studio.post(f"/studio/tracks/{first.pk}/", own).status_code == 302
    first.refresh_from_db()
    assert (first.mood, first.language, first.wants_full_credit_price) == ("dark", "zxx", False)
    shown = studio.get(f"/studio/tracks/{first.pk}/").content.decode()
    assert '<option value="dark" selected>' in shown
    studio.post(url, price(wants_full_credit_price="on"))
    first.refresh_from_db()
    assert not first.wants_full_credit_price, "it had a mind of its own"
    studio.post(f"/studio/albums/{album.pk}/tracks/", _table(album))
    first.refresh_from_db()
    assert (first.mood, first.language) == ("dark", "zxx"), "the table of tracks does not show these and keeps them"


def _table(album: Album) -> dict[str, str]:
    return {f"{track.pk}-title": f"{track.title} (live)" for track in album.tracks.all()}
