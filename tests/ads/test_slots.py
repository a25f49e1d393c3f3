"""The slot beside music, asked by friends and strangers."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ads import tokens
from ads.api import slots
from ads.budgets import leases
from ads.delivery import hours, serving, tally
from ads.measurement import counting
from ads.models import Ad, AskedHour, Campaign, ServedHour
from ads.rewards import wallets
from artists.models import Album, Original
from tests.ads.factories import AGENT, make_ad, make_campaign
from tests.artists.factories import make_album, make_artist, make_track
from tests.users.factories import acme, leo
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"user-agent": AGENT}, enforce_csrf_checks=True)


def _slot(visitor: Client, album: Album, place: str = "page", kind: str = "album") -> Any:
    return visitor.get(f"/ads/slot/{place}/{kind}/{album.pk}/")


def _token(html: str) -> str:
    return html.split('data-ad-token="')[1].split('"')[0]


def _ad(**terms: Any) -> Ad:
    return make_ad(make_campaign(starts_at=timezone.now() - timedelta(days=1), **terms))


def _spot(price: int = 6_000_000) -> Ad:
    campaign = make_campaign(starts_at=timezone.now() - timedelta(days=1), cpm_micros=price)
    return make_ad(campaign, kind=Ad.Kind.AUDIO, path="ads/12/spot.mp3", transcript="Ride the night bus.")


def test_a_slot_holds_one_ad_with_a_signed_offer_that_pays_the_artist(visitor: Client) -> None:
    ad, album = _ad(), make_album()
    answer = _slot(visitor, album)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert ad.title in html
    assert album.artist.name in html
    offer = tokens.read(_token(html), timezone.now())
    assert (offer.ad_id, offer.place, offer.artist_id, offer.album_id) == (ad.pk, "page", album.artist_id, album.pk)
    assert offer.shares == ((album.artist.payee_id, 10_000),)
    assert ServedHour.objects.get().count == 1


def test_a_slot_makes_no_session_for_a_stranger(visitor: Client) -> None:
    _ad()
    answer = _slot(visitor, make_album())
    assert answer.status_code == 200
    assert not answer.cookies


def test_tracks_and_artists_have_slots_too(visitor: Client) -> None:
    _ad()
    track = make_track()
    answer = visitor.get(f"/ads/slot/player/track/{track.pk}/")
    assert tokens.verify(_token(answer.content.decode())).album_id == track.album_id
    answer = visitor.get(f"/ads/slot/page/artist/{track.album.artist_id}/")
    offer = tokens.verify(_token(answer.content.decode()))
    assert (offer.artist_id, offer.album_id) == (track.album.artist_id, None)


def test_a_slot_says_in_words_what_its_picture_shows(visitor: Client) -> None:
    _ad()
    assert 'alt="A bus in the rain"' in _slot(visitor, make_album()).content.decode()


def test_a_slot_shows_no_spot_and_between_tracks_there_is_nothing_but_spots(visitor: Client) -> None:
    track = make_track()
    spot = _spot(price=9_000_000)
    assert visitor.get(f"/ads/slot/player/track/{track.pk}/").status_code == 204
    assert visitor.get(f"/ads/spot/{track.pk}/").status_code == 200
    picture = _ad(cpm_micros=12_000_000)
    for _ in range(5):
        assert picture.title in visitor.get(f"/ads/slot/player/track/{track.pk}/").content.decode()
        assert spot.title in visitor.get(f"/ads/spot/{track.pk}/").content.decode()


def test_a_spot_has_its_words_its_sound_and_an_offer_that_pays_the_artist_just_heard(visitor: Client) -> None:
    spot, track = _spot(), make_track()
    html = visitor.get(f"/ads/spot/{track.pk}/").content.decode()
    offer = tokens.read(html.split('data-ad-spot="')[1].split('"')[0], timezone.now())
    assert (offer.ad_id, offer.place, offer.artist_id) == (spot.pk, "player", track.album.artist_id)
    assert offer.shares == ((track.album.artist.payee_id, 10_000),)
    assert "Advertisement" in html
    assert spot.transcript in html
    link = html.split('data-sound="')[1].split('"')[0]
    assert link.startswith("/"), "the sound comes from here"
    assert ServedHour.objects.get().place == "player"


def test_a_spot_is_as_loud_as_the_track_before_it(visitor: Client) -> None:
    _spot()
    track = make_track()
    assert track.original is not None
    for lufs, gain in ((-18.25, "-4.2"), (-9.0, "0.0"), (None, "0.0"), (-60.0, "-12.0")):
        Original.objects.filter(pk=track.original.pk).update(loudness_lufs=lufs)
        assert f'data-gain-db="{gain}"' in visitor.get(f"/ads/spot/{track.pk}/").content.decode()


def test_there_is_no_spot_after_what_is_not_published_and_none_for_robots(visitor: Client) -> None:
    _spot()
    hidden = make_track(published=False)
    assert visitor.get(f"/ads/spot/{hidden.pk}/").status_code == 404
    robot = Client(headers={"user-agent": "Googlebot/2.1"})
    assert robot.get(f"/ads/spot/{make_track().pk}/").status_code == 204


def test_there_is_no_slot_for_what_strangers_may_not_see(visitor: Client) -> None:
    _ad()
    assert _slot(visitor, make_album(published=False)).status_code == 404
    assert visitor.get(f"/ads/slot/page/artist/{make_artist().pk}/").status_code == 404
    album = make_album()
    for place, kind in (("gate", "album"), ("megakey", "album"), ("page", "user"), ("x", "album")):
        assert _slot(visitor, album, place, kind).status_code == 404
    assert visitor.post(f"/ads/slot/page/album/{album.pk}/").status_code in (403, 405)


def test_without_an_ad_the_slot_is_empty(visitor: Client) -> None:
    assert _slot(visitor, make_album()).status_code == 204


def test_robots_and_pages_loaded_ahead_are_shown_nothing() -> None:
    _ad()
    album = make_album()
    assert _slot(Client(headers={"user-agent": "Googlebot/2.1"}), album).status_code == 204
    assert _slot(Client(), album).status_code == 204
    ahead = Client(headers={"user-agent": AGENT, "sec-purpose": "prefetch"})
    assert _slot(ahead, album).status_code == 204
    assert not ServedHour.objects.exists()


def test_a_house_ad_says_nothing_of_paying(visitor: Client) -> None:
    ad = _ad(kind=Campaign.Kind.HOUSE)
    html = _slot(visitor, make_album()).content.decode()
    assert ad.title in html
    assert "pays" not in html


def test_words_of_an_ad_are_text_and_never_markup(visitor: Client) -> None:
    ad = _ad()
    Ad.objects.filter(pk=ad.pk).update(title='<script>alert("x")</script>', body="</a><img src=x onerror=1>")
    html = _slot(visitor, make_album()).content.decode()
    assert "<script" not in html
    assert "<img src=x" not in html


def test_advertisers_do_not_see_their_own_ads(visitor: Client) -> None:
    _ad()
    visitor.force_login(acme())
    assert _slot(visitor, make_album()).status_code == 204
    visitor.force_login(leo())
    assert _slot(visitor, make_album()).status_code == 200


@pytest.mark.parametrize("kind", ["artist", "album", "track"])
def test_artists_are_shown_no_ads_beside_their_own_music_so_they_earn_nothing_by_themselves(
    kind: str, visitor: Client
) -> None:
    _ad(places=["page", "player"])
    _spot()
    track = make_track()
    pk = {"artist": track.album.artist_id, "album": track.album_id, "track": track.pk}[kind]
    visitor.force_login(track.album.artist.owner)
    assert visitor.get(f"/ads/slot/page/{kind}/{pk}/").status_code == 204
    assert visitor.get(f"/ads/spot/{track.pk}/").status_code == 204
    visitor.force_login(leo())
    assert visitor.get(f"/ads/slot/page/{kind}/{pk}/").status_code == 200
    assert visitor.get(f"/ads/spot/{track.pk}/").status_code == 200


def test_a_slot_costs_the_same_few_queries_however_many_ads_there_are(
    visitor: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    album = make_album()
    _ad()
    _slot(visitor, album)
    _served_and_leased(_ad())
    with django_assert_max_num_queries(12) as few:
        _slot(visitor, album)
    for _ in range(20):
        _served_and_leased(_ad())
    with django_assert_max_num_queries(len(few)):
        _slot(visitor, album)


def _served_and_leased(ad: Ad) -> None:
    now = timezone.now()
    hours.count_served(ad.campaign_id, "page", now)
    leases.reserve(ad.campaign_id, ad.campaign.price_micros, now, tokens.LIFETIMES["page"])


def test_a_warm_slot_asks_the_database_nothing(
    visitor: Client, settings: LazySettings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.ADS_SNAPSHOT_SECONDS = settings.ADS_HOURS_SECONDS = 3_600.0  # its threads sleep through the test
    ad, album = _ad(), make_album()
    person = Client(headers={"user-agent": AGENT})
    person.force_login(leo())
    serving.forget()
    try:
        for one in (visitor, person):
            assert _slot(one, album).status_code == 200
        with django_assert_num_queries(0):
            told = [_slot(one, album).content.decode() for one in (visitor, person, visitor)]
        assert all(ad.title in html for html in told)
        offers = [tokens.verify(_token(html)) for html in told]
        assert len({offer.id for offer in offers}) == 3
        assert [offer.user_id for offer in offers] == [None, leo().pk, None]
        assert not ServedHour.objects.exists(), "no request writes a counter"
        hours.flush()
        assert ServedHour.objects.get().count == 5
    finally:
        slots.forget()


def test_what_is_asked_and_filled_is_counted(visitor: Client) -> None:
    album = make_album()
    _slot(visitor, album)
    _ad(kind=Campaign.Kind.HOUSE)
    _slot(visitor, album)
    _ad()
    _slot(visitor, album)
    _slot(Client(headers={"user-agent": "Googlebot/2.1"}), album)
    row = AskedHour.objects.get()
    assert (row.place, row.asked, row.filled) == ("page", 3, 1), "only what somebody pays for fills"


def test_mood_language_and_country_are_known_where_they_are_said(visitor: Client) -> None:
    album = make_album()
    Album.objects.filter(pk=album.pk).update(mood="calm", language="de")
    _ad(moods=["calm"], languages=["de"], countries=["DE"])
    assert _slot(visitor, album).status_code == 204
    person = leo()
    visitor.force_login(person)
    assert _slot(visitor, album).status_code == 204
    User.objects.filter(pk=person.pk).update(country="DE")
    assert _slot(visitor, album).status_code == 200


class _Tab:
    """What `seen.js` keeps for one tab: it looks at every ad it gets, unless told otherwise."""

    def __init__(self, visitor: Client) -> None:
        self.visitor, self.seen, self.shown = visitor, list[str](), list[str]()

    def ask(self, path: str, *, looks: bool = True) -> str:
        """The title that is shown; empty for none."""
        headers = {tally.SEEN_HEADER: " ".join(self.seen), tally.SHOWN_HEADER: " ".join(self.shown)}
        answer = self.visitor.get(path, headers=headers)
        if answer.has_header(tally.SEEN_HEADER):
            self.seen = [answer[tally.SEEN_HEADER]] if answer[tally.SEEN_HEADER] else []
        if answer.status_code == 204:
            return ""
        if answer.has_header(tally.SHOWN_HEADER):
            (self.seen if looks else self.shown).append(answer[tally.SHOWN_HEADER])
        html = answer.content.decode().replace("data-ad-spot", "data-ad-token")
        offer = tokens.verify(_token(html))
        return Ad.objects.get(pk=offer.ad_id).title


def test_a_guest_sees_an_ad_as_often_as_its_campaign_wants_and_others_after(visitor: Client) -> None:
    best, other, album = _ad(cpm_micros=9_000_000, frequency_cap=2), _ad(frequency_cap=3), make_album()
    tab, path = _Tab(visitor), f"/ads/slot/page/album/{album.pk}/"
    shown = [tab.ask(path) for _ in range(7)]
    assert sorted(shown) == sorted([best.title] * 2 + [other.title] * 3 + [""] * 2)
    assert _Tab(visitor).ask(path) in (best.title, other.title), "another tab is another stranger"
    assert not visitor.cookies


def test_a_guest_hears_a_spot_as_often_as_its_campaign_wants(visitor: Client) -> None:
    campaign = make_campaign(starts_at=timezone.now() - timedelta(days=1), frequency_cap=2)
    spot = make_ad(campaign, kind=Ad.Kind.AUDIO, path="ads/12/spot.mp3", transcript="Ride the night bus.")
    tab, path = _Tab(visitor), f"/ads/spot/{make_track().pk}/"
    assert [tab.ask(path) for _ in range(3)] == [spot.title, spot.title, ""]


def test_an_ad_that_is_still_on_screen_counts_and_one_that_nobody_looked_at_does_not(visitor: Client) -> None:
    ad, album = _ad(frequency_cap=1), make_album()
    tab, path = _Tab(visitor), f"/ads/slot/page/album/{album.pk}/"
    assert tab.ask(path, looks=False) == ad.title
    assert tab.ask(path) == ""
    tab.shown.clear()
    assert [tab.ask(path), tab.ask(path)] == [ad.title, ""]


def test_what_was_seen_a_moment_ago_waits_for_guests_too(visitor: Client) -> None:
    best, other, album = _ad(cpm_micros=9_000_000), _ad(), make_album()
    tab, path = _Tab(visitor), f"/ads/slot/page/album/{album.pk}/"
    assert {tab.ask(path), tab.ask(path)} == {best.title, other.title}


@pytest.mark.parametrize("said", ["x", "1=9/1=1/AAAAAAAAAAAAAAAAAAAAAA", "é" * 500, "/" * 9_000, " , = / "])
def test_who_says_what_we_did_not_write_is_a_stranger(visitor: Client, said: str) -> None:
    ad, album = _ad(frequency_cap=1), make_album()
    headers = {tally.SEEN_HEADER: said, tally.SHOWN_HEADER: said}
    answer = visitor.get(f"/ads/slot/page/album/{album.pk}/", headers=headers)
    assert ad.title in answer.content.decode()


def test_for_a_listener_with_a_wallet_the_database_counts_and_the_tab_is_told_nothing(visitor: Client) -> None:
    ad, album, person = _ad(frequency_cap=1), make_album(), leo()
    wallets.for_listener(person, "")
    visitor.force_login(person)
    path, now = f"/ads/slot/page/album/{album.pk}/", timezone.now()
    said = tally.write(tally.of_view(ad.campaign_id, ad.pk, now), now)
    answer = visitor.get(path, headers={tally.SEEN_HEADER: said})
    assert answer.status_code == 200
    assert not answer.has_header(tally.SEEN_HEADER)
    assert not answer.has_header(tally.SHOWN_HEADER)
    seen = {"visible_ms": 1_500}
    assert counting.record(_token(answer.content.decode()), "viewed", seen, now + timedelta(seconds=2)) == "accepted"
    assert visitor.get(path).status_code == 204


def test_what_is_remembered_of_a_listener_counts_what_was_offered_since(
    visitor: Client, settings: LazySettings
) -> None:
    settings.ADS_SNAPSHOT_SECONDS = settings.ADS_HOURS_SECONDS = 3_600.0
    ad, album, person = _ad(frequency_cap=2), make_album(), leo()
    wallets.for_listener(person, "")
    visitor.force_login(person)
    slots.forget()
    try:
        told = [_slot(visitor, album).status_code for _ in range(4)]
    finally:
        hours.flush()
        slots.forget()
    assert told == [200, 200, 204, 204], f"{ad.title} may be seen twice, and nobody asked the database again"
