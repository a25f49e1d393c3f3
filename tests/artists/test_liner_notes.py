"""Who did what, which codes it has, what is sung when: typed in the studio, shown on pages, in API and downloads."""

import io
from typing import Any

import mutagen
import pytest
from django.test import Client
from django.urls import reverse
from mutagen.id3 import ID3

from artists import albums, changes, packages, tracks
from artists.models import Album, Change, Contribution, Track
from artists.tracks import Credit
from tests.artists.factories import NOON, make_album, make_artist, make_payee, make_track
from tests.artists.pictures import picture
from tests.artists.test_packages import bytes_of
from tests.users.factories import nina

pytestmark = pytest.mark.django_db
LRC = "[00:00.10]Rain on glass\n[00:00.50]Night bus"


@pytest.fixture
def studio() -> Client:
    """nina's browser."""
    client = Client()
    client.force_login(nina())
    return client


def told(**fields: Any) -> Track:
    """A published track that says everything."""
    album = make_album("Box")
    albums.set_cover(album, picture("blue"), NOON)
    rights = albums.Rights(licence="CC-BY-NC-ND-4.0", label="Quay", p_line="2026 Quay", c_line="2026 Nova Kit")
    albums.edit(album, rights, NOON)
    Album.objects.filter(pk=album.pk).update(cover_alt="A bus in the rain")
    track = make_track("Rain", album=album)
    said = tracks.Details(
        title="Rain",
        isrc="DEABC2600001",
        iswc="T0345246801",
        is_explicit=True,
        synced_lyrics=LRC,
        credits=(
            Credit("COMPOSER", "Ana Ruiz"), Credit("COMPOSER", "Bo Li"), Credit("LYRICIST", "Cleo"),
            Credit("PRODUCER", "Dee"), Credit("FEATURED", "Eve"),
        ),
    )  # fmt: skip
    tracks.edit(track, said, NOON)
    return Track.objects.select_related("album__artist", "album__cover").get(pk=track.pk)


# --- What is typed ---------------------------------------------------------------------------------------------


def test_a_tracks_page_saves_credits_in_their_order_and_keeps_who_is_paid(studio: Client) -> None:
    track, payee = make_track(published=False), make_payee("Bo Li")
    Contribution.objects.create(track=track, role="PRODUCER", name="Bo Li", payee=payee)
    url = reverse("artists:track", args=[track.pk])
    typed = {
        "title": "Uno", "is_explicit": "on", "iswc": "t-034.524.680-1", "synced_lyrics": LRC,
        "credits-role": ["COMPOSER", "PRODUCER", "OTHER"], "credits-name": [" Ana  Ruiz ", "Bo Li", ""],
    }  # fmt: skip
    assert studio.post(url, typed).status_code == 302
    track.refresh_from_db()
    assert (track.is_explicit, track.iswc, track.spoken_iswc) == (True, "T0345246801", "T-034.524.680-1")
    assert list(track.contributions.values_list("role", "name", "payee")) == [
        ("COMPOSER", "Ana Ruiz", None), ("PRODUCER", "Bo Li", payee.pk),
    ]  # fmt: skip
    page = studio.get(url).content.decode()
    assert 'value="Ana Ruiz"' in page
    assert "[00:00.10]Rain on glass" in page


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("iswc", "T-034.524.680-2", "is no ISWC. One looks like T-034.524.680-1"),
        ("iswc", "hello", "is no ISWC"),
        ("synced_lyrics", "[00:00.10]a\nb", "Line 2: “b” has no time that can be read"),
        ("synced_lyrics", "[01:00.00]a", "Line 1: 1:00 is after the end of the track, 0:01."),
        ("credits", "DRUMMER: Bo", "Line 1: choose a role"),
        ("credits", "\n".join(f"OTHER: {n}" for n in range(61)), "These are 61 credits"),
        ("isrc", "x", "is no ISRC"),
    ],
)
def test_what_is_wrong_about_a_track_gets_a_sentence(studio: Client, field: str, value: str, sentence: str) -> None:
    track = make_track(published=False)
    url = reverse("artists:track", args=[track.pk])
    answer = studio.post(url, {"title": "Uno", field: value})
    assert answer.status_code == 422
    for page in (answer.content.decode(), studio.get(url).content.decode()):
        assert sentence in page
    track.refresh_from_db()
    assert track.title == "Rain On Glass"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [("p_line", "Quay", "A ℗ line begins with a year"), ("c_line", "1", "A © line begins with a year")],
)
def test_a_line_about_rights_begins_with_a_year(studio: Client, field: str, value: str, sentence: str) -> None:
    album = make_album(published=False)
    url = reverse("artists:rights", args=[album.pk])
    assert sentence in studio.post(url, {"licence": "CC0-1.0", field: value}).content.decode()
    studio.post(url, {"licence": "CC0-1.0", "p_line": "℗ 2026  Quay", "c_line": "(c) 2026 Quay", "label": "Quay"})
    album.refresh_from_db()
    assert (album.p_line, album.c_line, album.label) == ("2026 Quay", "2026 Quay", "Quay")


def test_the_cover_is_told_in_words(studio: Client) -> None:
    album = make_album(tracks=1, published=False)
    studio.post(reverse("artists:cover_words", args=[album.pk]), {"cover_alt": "A bus in the rain"})
    album.refresh_from_db()
    assert (album.cover_alt, album.cover_words) == ("A bus in the rain", "A bus in the rain")
    albums.set_cover(album, picture("blue"), NOON)
    album.refresh_from_db()
    assert album.cover_words == "A bus in the rain", "a new picture keeps the words"


def test_one_isrc_on_two_recordings_of_one_owner_is_a_warning(studio: Client) -> None:
    owner = make_artist(owner=nina())
    other = make_track("Old", album=make_album("Elsewhere", artist=owner), isrc="DEABC2600001")
    track = make_track(album=make_album(published=False, artist=owner), isrc="DEABC2600001", published=False)
    page = studio.get(reverse("artists:track", args=[track.pk])).content.decode()
    assert "Another recording of yours has this ISRC too" in page
    assert "Elsewhere" in page
    assert "an ISRC twice" in page
    Track.objects.filter(pk=other.pk).update(original=track.original)
    assert tracks.with_the_same_isrc(track) == [], "the same recording on two albums has one ISRC"
    make_track(album=make_album(artist=make_artist(owner=nina())), isrc="DEABC2600002")
    assert "an ISRC twice" not in studio.get(reverse("artists:track", args=[track.pk])).content.decode()


# --- Many tracks at once ---------------------------------------------------------------------------------------


def many(studio: Client, album: Album, **typed: Any) -> Any:
    return studio.post(reverse("artists:many_tracks", args=[album.pk]), {"which": "all", **typed})


def test_all_tracks_are_told_the_same_and_isrcs_follow_the_first(studio: Client) -> None:
    album = make_album(tracks=3, published=False)
    Track.objects.filter(album=album).update(mood="dark")
    Contribution.objects.create(track=album.tracks.all()[0], role="PRODUCER", name="Bo Li")
    answer = many(
        studio, album, artist_name="Ivo", genre="dub", mood="album", language="ga", price="0.99", is_explicit="on",
        isrc="DE-ABC-26-00009", adds_credits="on", **{"credits-role": ["COMPOSER"], "credits-name": ["Ana Ruiz"]},
    )  # fmt: skip
    assert answer.status_code == 302
    rows = album.tracks.values_list("artist_name", "genre", "mood", "language", "price_micros", "is_explicit", "isrc")
    assert list(rows) == [("Ivo", "dub", "", "ga", 990_000, True, f"DEABC26{number:05d}") for number in (9, 10, 11)]
    first, second, _ = album.tracks.all()
    assert [str(one) for one in first.contributions.all()] == ["Bo Li (producer)", "Ana Ruiz (composer)"]
    many(studio, album, **{"credits-role": ["COMPOSER"], "credits-name": ["Cleo"]})
    assert [str(one) for one in first.contributions.all()] == ["Cleo (composer)"]
    second.refresh_from_db()
    assert second.artist_name == "Ivo", "what was left empty stayed"


def test_only_the_ticked_tracks_are_told(studio: Client) -> None:
    album = make_album(tracks=3, published=False)
    ids = list(album.tracks.values_list("pk", flat=True))
    many(studio, album, which="chosen", track=[ids[0], ids[2]], genre="dub")
    assert list(album.tracks.values_list("genre", flat=True)) == ["dub", "", "dub"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"price": "1,5"}, "“Track 1”, Price alone: Write the amount with a point"),
        ({"isrc": "DE-ABC-26-99999"}, "must fit below number 99999"),
        ({"isrc": "x"}, "is no ISRC"),
        ({"genre": "dub", "which": "chosen"}, "Tick at least one track"),
        ({}, "Nothing is filled in"),
        ({"genre": "sweaty"}, "not one of the available choices"),
        ({"credits-role": ["DRUMS"], "credits-name": ["Bo"]}, "Line 1: choose a role"),
    ],
)
def test_what_is_wrong_about_many_tracks_changes_none(studio: Client, typed: dict[str, Any], sentence: str) -> None:
    album = make_album(tracks=2, published=False)
    before = list(album.tracks.values())
    answer = many(studio, album, **typed)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert list(album.tracks.values()) == before


def test_a_table_of_five_hundred_tracks_is_saved_whole_or_not_at_all(studio: Client) -> None:
    album = make_album(published=False)
    original = make_track(published=False).original
    Track.objects.bulk_create(
        Track(album=album, position=place, title=f"T {place}", slug=f"t-{place}", original=original)
        for place in range(1, 501)
    )
    rows = list(album.tracks.all())
    typed = {f"{row.pk}-{name}": value for row in rows for name, value in (("title", row.title), ("price", "0.99"))}
    typed |= {f"{row.pk}-isrc": "" for row in rows}
    url = reverse("artists:tracks", args=[album.pk])
    wrong = studio.post(url, {**typed, f"{rows[-1].pk}-price": "1,5"})
    assert wrong.status_code == 422
    assert not album.tracks.filter(price_micros__isnull=False).exists()
    assert studio.post(url, typed).status_code == 302
    assert album.tracks.filter(price_micros=990_000).count() == 500


def test_of_a_published_album_what_many_tracks_share_waits_too(studio: Client) -> None:
    album = make_album(tracks=2)
    page = many(studio, album, genre="dub", page="credits").headers["Location"]
    assert page == reverse("artists:credits", args=[album.pk])
    assert list(album.tracks.values_list("genre", flat=True)) == ["", ""]
    assert Change.objects.count() == 2
    changes.publish(album, NOON)
    assert list(album.tracks.values_list("genre", flat=True)) == ["dub", "dub"]


# --- Where it is read ------------------------------------------------------------------------------------------


def test_pages_show_what_was_typed(client: Client) -> None:
    track = told()
    page = client.get(track.get_absolute_url()).content.decode()
    for words in (
        "Explicit", "T-034.524.680-1", "DEABC2600001", "Quay", "℗ 2026 Quay", "Ana Ruiz, Bo Li", "Lyricist",
        'data-at="100"', "Rain on glass", 'alt="A bus in the rain"', "CC BY-NC-ND 4.0",
    ):  # fmt: skip
        assert words in page
    page = client.get(track.album.get_absolute_url()).content.decode()
    for words in ("Explicit", "Quay", "℗ 2026 Quay", "© 2026 Nova Kit", 'alt="A bus in the rain"'):
        assert words in page


def test_the_api_tells_it_in_as_many_queries_for_one_track_as_for_many(
    client: Client, django_assert_num_queries: Any
) -> None:
    track = told()
    answer = client.get(f"/api/v1/albums/{track.album_id}/").json()
    assert (answer["label"], answer["p_line"], answer["c_line"]) == ("Quay", "2026 Quay", "2026 Nova Kit")
    assert (answer["is_explicit"], answer["cover"]["alt"]) == (True, "A bus in the rain")
    one = answer["tracks"][0]
    assert (one["iswc"], one["is_explicit"]) == ("T0345246801", True)
    assert one["credits"][0] == {"role": "composer", "name": "Ana Ruiz"}
    make_track(album=track.album)
    with django_assert_num_queries(3):
        client.get(f"/api/v1/albums/{track.album_id}/")


def test_an_mp3_carries_it_all() -> None:
    tags = ID3(io.BytesIO(bytes_of(packages.tagged_track(told(), "mp3-320").path)))
    assert tags["TCOM"].text == ["Ana Ruiz; Bo Li"]
    assert (tags["TEXT"].text, tags["TPUB"].text, tags["TSRC"].text) == (["Cleo"], ["Quay"], ["DEABC2600001"])
    assert tags["TCOP"].text == ["© 2026 Nova Kit, ℗ 2026 Quay"]
    assert (tags["TXXX:ISWC"].text, tags["TXXX:ITUNESADVISORY"].text) == (["T0345246801"], ["1"])
    assert [tuple(line) for line in tags.getall("SYLT")[0].text] == [("Rain on glass", 100), ("Night bus", 500)]
    assert tags.getall("USLT")[0].text == "Rain on glass\nNight bus"
    assert "/artists/" in tags.getall("COMM")[0].text[0]
    assert tags.getall("APIC")[0].desc == "A bus in the rain"
    assert ["producer", "Dee"] in [list(one) for one in tags.getall("TIPL")[0].people]


@pytest.mark.parametrize("recipe", ["flac", "opus"])
def test_flac_and_opus_carry_it_all(recipe: str) -> None:
    tags = mutagen.File(io.BytesIO(bytes_of(packages.tagged_track(told(), recipe).path)))
    said = {
        "composer": "Ana Ruiz; Bo Li", "lyricist": "Cleo", "producer": "Dee", "performer": "Eve", "label": "Quay",
        "iswc": "T0345246801", "itunesadvisory": "1", "copyright": "© 2026 Nova Kit, ℗ 2026 Quay",
        "syncedlyrics": LRC, "lyrics": "Rain on glass\nNight bus",
    }  # fmt: skip
    assert {name: tags[name] for name in said} == {name: [text] for name, text in said.items()}
    assert "/artists/" in tags["comment"][0]
