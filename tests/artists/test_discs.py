"""Tracks lie on discs: each disc counts from 1, a track moves over its edge, and downloads say which disc it is."""

import io
import zipfile

import mutagen
import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from artists import packages, tracks
from artists.models import Album
from tests.artists.factories import make_album, make_track
from tests.artists.test_packages import bytes_of

pytestmark = pytest.mark.django_db


def box() -> Album:
    """Two discs: One and Two on the first, Three on the second."""
    album = make_album("Box")
    for title, disc, position in (("One", 1, 1), ("Two", 1, 2), ("Three", 2, 1)):
        make_track(title, album=album, disc=disc, position=position)
    return album


def shape(album: Album) -> list[tuple[str, int, int]]:
    return list(album.tracks.values_list("title", "disc", "position"))


def test_two_tracks_cannot_have_one_place_on_a_disc_but_on_two() -> None:
    album = box()
    with pytest.raises(IntegrityError), transaction.atomic():
        make_track(album=album, disc=2, position=1)


def test_a_track_goes_over_the_edge_of_its_disc_and_back() -> None:
    album = box()
    three = album.tracks.get(title="Three")
    make_track("Four", album=album, disc=2, position=2)
    tracks.move(three, -1)
    assert shape(album) == [("One", 1, 1), ("Two", 1, 2), ("Three", 1, 3), ("Four", 2, 1)]
    three.refresh_from_db()
    tracks.move(three, 1)
    assert shape(album) == [("One", 1, 1), ("Two", 1, 2), ("Three", 2, 1), ("Four", 2, 2)]


def test_a_disc_that_loses_its_last_track_vanishes() -> None:
    album = box()
    one, two, three = (track.pk for track in album.tracks.all())
    tracks.arrange(album, [[], [three], [one, two]])
    assert shape(album) == [("Three", 1, 1), ("One", 2, 1), ("Two", 2, 2)]
    tracks.move(album.tracks.get(title="Three"), 1)
    assert shape(album) == [("Three", 1, 1), ("One", 1, 2), ("Two", 1, 3)]


@pytest.mark.parametrize("change", ["missing", "twice", "foreign"])
def test_an_order_of_other_tracks_changes_nothing(change: str) -> None:
    album, before = box(), [("One", 1, 1), ("Two", 1, 2), ("Three", 2, 1)]
    ids = [track.pk for track in album.tracks.all()]
    wanted = {"missing": ids[1:], "twice": [*ids, ids[0]], "foreign": [*ids[:2], make_track().pk]}[change]
    with pytest.raises(tracks.Rearranged, match="changed meanwhile"):
        tracks.arrange(album, [wanted])
    assert shape(album) == before


def test_a_download_says_its_disc_only_where_there_are_several() -> None:
    album = box()
    made = packages.tagged_track(album.tracks.get(title="Three"), "flac")
    tags = mutagen.File(io.BytesIO(bytes_of(made.path)))
    assert (tags["tracknumber"], tags["tracktotal"], tags["discnumber"], tags["disctotal"]) == (
        ["1"],
        ["1"],
        ["2"],
        ["2"],
    )
    assert made.filename == "2-01 Nova Kit - Three.flac"
    alone = make_album(tracks=1).tracks.get()
    assert "discnumber" not in mutagen.File(io.BytesIO(bytes_of(packages.tagged_track(alone, "flac").path)))


def test_files_of_a_zip_stand_in_the_order_of_the_discs() -> None:
    made = packages.album_zip(box(), "mp3-v0")
    names = zipfile.ZipFile(io.BytesIO(b"".join(made.read(range(made.size))))).namelist()
    assert [name.rpartition("/")[2] for name in names] == [
        "1-01 Nova Kit - One.mp3",
        "1-02 Nova Kit - Two.mp3",
        "2-01 Nova Kit - Three.mp3",
        "credits.txt",
    ]


def test_the_albums_page_heads_each_disc(client: Client) -> None:
    page = client.get(box().get_absolute_url()).content.decode()
    assert page.index("Disc 1") < page.index(">Two<") < page.index("Disc 2") < page.index(">Three<")
    assert "Disc 1" not in client.get(make_album(tracks=2).get_absolute_url()).content.decode()
