"""Addresses: readable in every script, unique beside their siblings, never lost."""

import pytest

from artists import profiles, slugs
from artists.models import Album, Track
from tests.artists.factories import NOON, make_album, make_artist, make_track
from tests.users.factories import nina

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Night Bus", "night-bus"),
        ("Don’t Stop / Can't Stop", "dont-stop-cant-stop"),
        ("Ночной автобус", "ночной-автобус"),
        ("हिन्दी गीत", "हिन्दी-गीत"),
        ("夜のバス", "夜のバス"),
        ("Ｆｕｌｌ　Ｗｉｄｔｈ", "full-width"),
        ("a\u202eb\u200bc", "a-b-c"),
        ("../../etc/passwd", "etc-passwd"),
        ("ㅤ", ""),
        ("🎵🎵", ""),
        ("x" * 200, "x" * 80),
    ],
)
def test_a_title_becomes_an_address(title: str, slug: str) -> None:
    assert slugs.slugify(title) == slug


def save_album(title: str, album: Album | None = None) -> Album:
    album = album or Album(artist=make_artist(), title=title)
    album.title = title
    slugs.save(album, at=NOON)
    return album


def test_a_title_of_signs_becomes_its_number() -> None:
    album = save_album("🎵🎵")
    assert album.slug == f"a{album.pk}"


def test_a_reserved_word_and_a_taken_one_get_a_number() -> None:
    first = save_album("Cart")
    assert first.slug == "cart-2"
    second = Album(artist=first.artist, title="Cart")
    slugs.save(second, at=NOON)
    assert second.slug == "cart-3"


def test_two_artists_may_have_albums_of_one_name() -> None:
    assert save_album("Same").slug == save_album("Same").slug == "same"


def test_a_published_albums_old_address_leads_to_it_and_is_nobody_elses() -> None:
    album = make_album("Night Bus", slug="night-bus")
    save_album("Day Bus", album)
    assert album.slug == "day-bus"
    assert slugs.moved_album(album.artist, "night-bus") == album
    other = Album(artist=album.artist, title="Night Bus")
    slugs.save(other, at=NOON)
    assert other.slug == "night-bus-2"
    save_album("Night Bus", album)
    assert album.slug == "night-bus"
    assert slugs.moved_album(album.artist, "day-bus") == album
    assert slugs.moved_album(album.artist, "night-bus") is None


def test_a_draft_leaves_no_old_address() -> None:
    album = make_album("Night Bus", published=False)
    save_album("Day Bus", album)
    assert not album.old_slugs.exists()


def test_an_artists_new_name_moves_them_and_their_documents() -> None:
    artist = profiles.create(nina(), profiles.Details("Nova Kit"), at=NOON)
    make_track(album=make_album(artist=artist))
    profiles.edit(artist, profiles.Details("Nova Kite", bio="New."), at=NOON)
    assert artist.slug == "nova-kite"
    assert slugs.moved_artist("nova-kit") == artist
    assert {one.url.split("/")[2] for one in artist.search_documents.all()} == {"nova-kite"}


def test_a_tracks_old_address_is_kept_within_its_album() -> None:
    track = make_track("One")
    old = track.slug
    track.title = "Two"
    slugs.save(track, at=NOON)
    assert slugs.moved_track(track.album, old) == track
    assert slugs.moved_track(make_album(), old) is None


def test_two_savers_of_one_title_get_two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_track("Same", slug="same")
    real, seen = slugs._siblings, []

    def blind_once(thing: slugs.Thing, base: str) -> list[str]:
        seen.append(base)
        return [] if len(seen) == 1 else real(thing, base)

    monkeypatch.setattr(slugs, "_siblings", blind_once)
    second = Track(album=first.album, position=2, title="Same")
    slugs.save(second, at=NOON)
    assert second.slug == "same-2"
