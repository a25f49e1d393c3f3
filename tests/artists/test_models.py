"""The catalogue's tables refuse what must not be."""

import pytest
from django.db import IntegrityError, transaction

from artists import splits
from artists.models import Album, Rendition, Track
from tests.artists.factories import make_album, make_original, make_payee, make_rendition, make_sheet, make_track
from tests.users.factories import charlie

pytestmark = pytest.mark.django_db


def test_a_factory_album_has_ready_files_and_costs_five_credits_a_track() -> None:
    album = make_album(tracks=3)
    assert album.effective_credit_price == 15
    assert Album.objects.for_pages().get(pk=album.pk).effective_credit_price == 15
    assert Rendition.objects.filter(state="READY").count() == 12


@pytest.mark.parametrize(
    "wrong",
    [
        {"price_micros": -1},
        {"currency": "EU"},
        {"state": "PUBLISHED", "published_at": None},
        {"state": "WITHDRAWN"},
        {"state": "GONE"},
        {"price_micros": 0},
        {"hue": 24},
        {"title": ""},
        {"credit_price": 0},
    ],
)
def test_the_database_refuses_a_wrong_album(wrong: dict[str, object]) -> None:
    album = make_album()
    with pytest.raises(IntegrityError), transaction.atomic():
        Album.objects.filter(pk=album.pk).update(**wrong)


def test_two_tracks_never_share_a_place() -> None:
    track = make_track()
    with pytest.raises(IntegrityError), transaction.atomic():
        make_track(album=track.album, position=track.position)


def test_a_withdrawn_track_gives_its_place_up() -> None:
    track = make_track()
    Track.objects.filter(pk=track.pk).update(state="WITHDRAWN", withdrawn_at=track.published_at)
    make_track(album=track.album, position=track.position)


def test_a_rendition_is_ready_only_with_a_file() -> None:
    original = make_original(renditions=())
    rendition = make_rendition(original, "flac", state="WANTED")
    with pytest.raises(IntegrityError), transaction.atomic():
        Rendition.objects.filter(pk=rendition.pk).update(state="READY")


def test_only_the_owner_sees_a_draft_among_their_own() -> None:
    album = make_album(published=False)
    assert album in Album.objects.owned_by(album.artist.owner)
    assert album not in Album.objects.owned_by(charlie())
    assert album not in Album.objects.published()


def test_without_a_split_sheet_the_artist_gets_everything() -> None:
    track = make_track()
    assert splits.current(track).allocate(8_991_000) == [(track.album.artist.payee_id, 8_991_000)]


def test_a_split_sheet_shares_to_the_micro() -> None:
    album = make_album()
    people = [make_payee(name) for name in ("a", "b", "c")]
    sheet = make_sheet(album, list(zip(people, (5_000, 3_000, 2_000), strict=True)), at=album.created_at)
    assert [part for _, part in sheet.allocate(8_991_000)] == [4_495_500, 2_697_300, 1_798_200]
    assert splits.current(make_track(album=album)) == sheet
    assert make_sheet(album, [(people[0], 10_000)], at=album.created_at).version == 2
