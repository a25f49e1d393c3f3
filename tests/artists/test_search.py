"""Everything published is found, in any spelling people type, and nothing else."""

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artists import search
from artists.models import SearchDocument
from tests.artists.factories import NOON, make_album, make_artist, make_track

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def catalogue() -> None:
    artist = make_artist("Nova Kit", location="Tromsø")
    album = make_album("Night Bus", artist=artist, genre="ambient", tags=["tape", "ночь"])
    make_track("Rain On Glass", album=album, isrc="DEABC2600001")
    make_track("Café del Mar", album=album)
    make_track("Don’t 100% Stop_It", album=album)
    make_track("Hidden", album=album, published=False)
    other = make_album("Rain", artist=make_artist("Ivo Sand"))
    make_track("Rain Dance", album=other)
    for one in (album, other):
        search.write_album(one, at=NOON)


def titles(q: str) -> list[str]:
    return [one.title for one in search.find(q)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("night bus", "Night Bus"),
        ("NIGHT", "Night Bus"),
        ("cafe", "Café del Mar"),
        ("CAFÉ", "Café del Mar"),
        ("dont stop it", "Don’t 100% Stop_It"),
        ("100%", "Don’t 100% Stop_It"),
        ("nova", "Nova Kit"),
        ("kit glass", "Rain On Glass"),
        ("DEABC2600001", "Rain On Glass"),
        ("tromsø", "Nova Kit"),
        ("ночь", "Night Bus"),
        ("ra", "Rain"),
        ("rain", "Rain"),
        ("raim on glas", "Rain On Glass"),
    ],
)
def test_what_people_type_finds_what_they_mean(typed: str, first: str) -> None:
    assert titles(typed)[0] == first


@pytest.mark.parametrize(
    "typed", ["", "   ", "%", "_", "\0", "'", '"', "*", "hidden", 'x" OR "y', "'; DROP TABLE x; --", "AND OR NOT NEAR"]
)
def test_what_is_not_there_or_hostile_finds_nothing(typed: str) -> None:
    assert titles(typed) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_text_may_be_typed(typed: str) -> None:
    assert isinstance(search.find(typed), list)


def test_an_answer_knows_all_a_page_shows() -> None:
    one = search.find("rain on glass")[0]
    assert (one.kind, one.subtitle) == ("TRACK", "Nova Kit · Night Bus")
    assert one.track is not None
    assert one.url == one.track.get_absolute_url()


def test_reindex_makes_the_same_documents_again(capsys: pytest.CaptureFixture[str]) -> None:
    before = set(SearchDocument.objects.values_list("kind", "title", "text"))
    SearchDocument.objects.filter(kind="TRACK").delete()
    call_command("reindex")
    assert set(SearchDocument.objects.values_list("kind", "title", "text")) == before
    assert "8 documents" in capsys.readouterr().out
    assert titles("rain on glass") == ["Rain On Glass"]


def test_an_artist_without_albums_is_not_found() -> None:
    search.write_artist(make_artist("Nobody Yet"), at=NOON)
    assert titles("nobody yet") == []
