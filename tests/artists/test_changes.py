"""Changes of a published album wait until they are published together; two windows do not overwrite one another."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artists import albums, changes, search
from artists.forms.albums import PriceForm, WordsForm
from artists.forms.parts import PartForm, merge
from artists.forms.tracks import TrackForm
from artists.models import Album, Change, Track
from tests.artists.factories import NOON, make_album, make_track
from tests.artists.pictures import picture
from tests.users.factories import nina

LATER = NOON + timedelta(days=1)


@pytest.fixture
def studio() -> Client:
    """nina's browser."""
    client = Client()
    client.force_login(nina())
    return client


def opened(form: type[PartForm], thing: Album | Track) -> dict[str, Any]:
    """A window with a part in it: what it shows, and its marks."""
    album = thing if isinstance(thing, Album) else thing.album
    shown = form.show(thing, changes.of(album).get(0 if isinstance(thing, Album) else thing.pk, {}))
    return {"texts": dict(shown.shown), "seen": shown.marks}


def say(window: dict[str, Any], form: type[PartForm], thing: Album | Track, **typed: str) -> changes.Answer:
    return changes.save(thing, form, {**window["texts"], **typed}, window["seen"], LATER)


# --- Two windows --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("published", [False, True])
def test_two_windows_that_change_two_fields_keep_both(published: bool) -> None:
    album = make_album(tracks=1, published=published)
    one, other = opened(WordsForm, album), opened(WordsForm, album)
    assert say(one, WordsForm, album, title="Day Bus").is_right
    answer = say(other, WordsForm, album, description="Slow.")
    assert answer.is_right
    assert answer.taken == {"title": "Day Bus"}
    shown = opened(WordsForm, album)["texts"]
    assert (shown["title"], shown["description"]) == ("Day Bus", "Slow.")


@pytest.mark.django_db
@pytest.mark.parametrize("published", [False, True])
def test_a_field_that_both_changed_keeps_both_values_with_a_sentence_and_a_second_try_wins(published: bool) -> None:
    album = make_album(tracks=1, published=published)
    one, other = opened(WordsForm, album), opened(WordsForm, album)
    say(one, WordsForm, album, title="Day Bus")
    answer = say(other, WordsForm, album, title="Boat", description="Slow.")
    assert not answer.is_right
    assert "Meanwhile “Day Bus” was saved here" in str(answer.form.errors["title"])
    assert answer.form["title"].value() == "Boat"
    shown = opened(WordsForm, album)["texts"]
    assert (shown["title"], shown["description"]) == ("Day Bus", "Slow.")
    again = changes.save(
        album, WordsForm, {**other["texts"], "title": "Boat", "description": "Slow."}, answer.form.marks, LATER
    )
    assert again.is_right
    assert opened(WordsForm, album)["texts"]["title"] == "Boat"


@pytest.mark.django_db
def test_a_save_whose_answer_was_lost_is_tried_again_without_a_conflict() -> None:
    album = make_album(published=False)
    window = opened(WordsForm, album)
    for _ in range(2):
        assert say(window, WordsForm, album, title="Day Bus").is_right


@pytest.mark.django_db
def test_two_parts_never_meet() -> None:
    album = make_album(published=False)
    words, price = opened(WordsForm, album), opened(PriceForm, album)
    say(words, WordsForm, album, title="Day Bus")
    say(price, PriceForm, album, price="9.00")
    album.refresh_from_db()
    assert (album.title, album.price_micros) == ("Day Bus", 9_000_000)


texts = st.tuples(*[st.sampled_from("0123")] * 4).map(lambda values: dict(zip("abcd", values, strict=True)))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(base=texts, mine=texts, theirs=texts)
def test_merging_loses_nothing_that_only_one_of_two_changed(
    base: dict[str, str], mine: dict[str, str], theirs: dict[str, str]
) -> None:
    marks = PartForm(thing=None, shown=base).marks
    merged = merge(mine, theirs, marks)
    for name in base:
        if mine[name] == base[name]:
            assert merged.texts[name] == theirs[name]
        elif theirs[name] in (base[name], mine[name]):
            assert merged.texts[name] == mine[name]
        else:
            assert merged.conflicts[name] == theirs[name] == merged.texts[name]


# --- Changes wait ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_changes_of_a_published_album_hold_when_they_are_published_all_at_once(studio: Client) -> None:
    album = make_album(tracks=1)
    track = album.tracks.get()
    say(opened(WordsForm, album), WordsForm, album, title="Day Bus")
    say(opened(PriceForm, album), PriceForm, album, price="9.00")
    say(opened(TrackForm, track), TrackForm, track, title="Uno")
    page = studio.get(Album.objects.get().get_absolute_url()).content.decode()
    assert "Night Bus" in page
    assert "Day Bus" not in page
    assert not search.find("day bus")
    assert Album.objects.get().price_micros == 7_000_000
    preview = studio.get(reverse("artists:preview", args=[album.pk])).content.decode()
    for word in ("Day Bus", "$9.00", "Uno"):
        assert word in preview
    told = studio.get(reverse("artists:publish", args=[album.pk])).content.decode()
    for word in ("What changes", "Night Bus", "Day Bus", "7.00", "9.00", "“Track 1”", "Uno"):
        assert word in told
    answer = studio.post(reverse("artists:publish", args=[album.pk]), follow=True).content.decode()
    assert "Your changes are published." in answer
    album, track = Album.objects.get(), Track.objects.get()
    assert (album.title, album.price_micros, track.title) == ("Day Bus", 9_000_000, "Uno")
    assert album.old_slugs.exists()
    assert search.find("day bus")
    assert not Change.objects.exists()


@pytest.mark.django_db
def test_one_wrong_change_holds_all_of_them_back(studio: Client) -> None:
    album = make_album(tracks=1)
    say(opened(WordsForm, album), WordsForm, album, title="Day Bus")
    answer = say(opened(PriceForm, album), PriceForm, album, price="1,99")
    assert not answer.is_right
    page = studio.post(reverse("artists:publish", args=[album.pk]), follow=True).content.decode()
    assert "Your changes are kept, and listeners see none of them yet" in page
    assert "Price, Amount: Write the amount with a point" in page
    assert Album.objects.get().title == "Night Bus"
    assert Change.objects.count() == 1


@pytest.mark.django_db
def test_a_published_album_is_not_left_without_a_price_even_as_a_change() -> None:
    album = make_album(tracks=1)
    window = opened(PriceForm, album)
    assert "keeps its currency, USD" in str(say(window, PriceForm, album, currency="EUR").form.errors)
    answer = say(opened(PriceForm, album), PriceForm, album, currency="USD", price_mode="fixed", price="0")
    assert "A fixed price is more than 0" in str(answer.form.errors)


@pytest.mark.django_db
def test_changes_are_discarded(studio: Client) -> None:
    album = make_album(tracks=1)
    say(opened(WordsForm, album), WordsForm, album, title="Day Bus")
    assert "Changes wait" in studio.get(reverse("artists:album", args=[album.pk])).content.decode()
    page = studio.post(reverse("artists:discard", args=[album.pk]), follow=True).content.decode()
    assert "Your changes are discarded" in page
    assert not Change.objects.exists()
    assert opened(WordsForm, album)["texts"]["title"] == "Night Bus"


@pytest.mark.django_db
def test_what_is_typed_back_to_what_holds_is_no_change() -> None:
    album = make_album(tracks=1)
    say(opened(WordsForm, album), WordsForm, album, title="Day Bus")
    say(opened(WordsForm, album), WordsForm, album, title="Night Bus")
    assert not Change.objects.exists()


@pytest.mark.django_db
def test_a_new_cover_of_a_published_album_waits_too(studio: Client) -> None:
    album = make_album(tracks=1)
    url = reverse("artists:cover", args=[album.pk])
    page = studio.post(url, {"picture": SimpleUploadedFile("x.png", picture())}, follow=True).content.decode()
    assert "Not published yet: listeners see the old one." in page
    assert Album.objects.get().cover is None
    changes.publish(album, LATER)
    assert Album.objects.get().cover is not None


@pytest.mark.django_db
def test_changes_go_out_although_a_new_track_is_not_ready_and_it_says_so() -> None:
    album = make_album(tracks=1)
    new = make_track("New", album=album, published=False)
    assert new.original is not None
    new.original.renditions.filter(recipe="flac").update(state="FAILED", reason="It broke.")
    say(opened(WordsForm, album), WordsForm, album, title="Day Bus")
    assert "New tracks are not shown yet. “New”: It broke." in changes.publish(album, LATER)
    assert Album.objects.get().title == "Day Bus"
    assert Track.objects.get(title="New").state == "DRAFT"


@pytest.mark.django_db
def test_a_track_taken_off_meanwhile_takes_its_changes_along() -> None:
    album = make_album(tracks=2)
    track = album.tracks.first()
    assert track is not None
    say(opened(TrackForm, track), TrackForm, track, title="")
    Track.objects.filter(pk=track.pk).update(state="WITHDRAWN", withdrawn_at=NOON)
    changes.publish(album, LATER)
    assert not Change.objects.exists()


@pytest.mark.django_db
def test_a_program_that_edits_a_published_album_is_told_to_whoever_has_an_older_change() -> None:
    album = make_album(tracks=1)
    window = opened(WordsForm, album)
    albums.edit(album, albums.Words(title="By hand"), LATER)
    assert "Meanwhile “By hand” was saved" in str(say(window, WordsForm, album, title="Day Bus").form.errors)


@pytest.mark.django_db
def test_the_pages_of_an_album_of_five_hundred_tracks_ask_the_database_as_often_as_of_five(studio: Client) -> None:
    counts: dict[str, set[int]] = {}
    original = make_track(published=False).original
    for number in (5, 500):
        album = make_album(published=False)
        Track.objects.bulk_create(
            Track(album=album, position=place, title=f"T {place}", slug=f"t-{place}", original=original)
            for place in range(1, number + 1)
        )
        album.changes.create(typed={"title": ""})
        Change.objects.bulk_create(
            Change(album=album, track=track, typed={"isrc": "x"}) for track in album.tracks.all()
        )
        for name in ("album", "words", "cover", "price", "rights", "credits", "publish", "tracks"):
            with CaptureQueriesContext(connection) as seen:
                assert studio.get(reverse(f"artists:{name}", args=[album.pk])).status_code == 200
            counts.setdefault(name, set()).add(len(seen))
    assert all(len(one) == 1 and max(one) <= 25 for one in counts.values()), counts
