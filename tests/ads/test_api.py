"""The slot beside music and the address browsers report to, asked by friends and strangers."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ads import serving, tokens
from ads.models import Ad, AdEvent, Campaign, Impression, Place, ServedHour
from artists.models import Album
from tests.ads.factories import AGENT, make_ad, make_campaign, make_wallet, page_token
from tests.artists.factories import make_album, make_artist, make_track
from tests.users.factories import acme, leo

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"user-agent": AGENT}, enforce_csrf_checks=True)


def _slot(visitor: Client, album: Album, place: str = "page", kind: str = "album") -> Any:
    return visitor.get(f"/ads/slot/{place}/{kind}/{album.pk}/")


def _tell(visitor: Client, *events: Any, **headers: Any) -> Any:
    return visitor.post("/ads/events", json.dumps(list(events)), content_type="application/json", **headers)


def _token(html: str) -> str:
    return html.split('data-ad-token="')[1].split('"')[0]


def _ad(**terms: Any) -> Ad:
    return make_ad(make_campaign(starts_at=timezone.now() - timedelta(days=1), **terms))


# --- the slot


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


def test_a_slot_costs_the_same_few_queries_however_many_ads_there_are(
    visitor: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    album = make_album()
    _ad()
    _slot(visitor, album)
    serving.count_served(_ad().campaign_id, "page", timezone.now())
    with django_assert_max_num_queries(8) as few:
        _slot(visitor, album)
    for _ in range(20):
        serving.count_served(_ad().campaign_id, "page", timezone.now())
    with django_assert_max_num_queries(len(few)):
        _slot(visitor, album)


# --- events


def _offered(seconds_ago: float = 5) -> str:
    return page_token(_ad(), at=timezone.now() - timedelta(seconds=seconds_ago))


def test_a_page_reports_what_was_seen_and_is_answered_item_by_item(visitor: Client) -> None:
    token, old = _offered(), _offered(7_200)
    seen = {"token": token, "stage": "viewed", "visible_ms": 1_200}
    answer = _tell(
        visitor,
        seen,
        seen,
        {**seen, "visible_ms": 1_300},
        {"token": token, "stage": "clicked"},
        {"token": old, "stage": "viewed", "visible_ms": 1_200},
        {"token": "nonsense", "stage": "viewed"},
    )
    assert answer.json() == {"answers": ["accepted", "duplicate", "conflict", "accepted", "expired", "invalid"]}
    view = Impression.objects.get()
    assert (view.state, view.clicked_at is not None) == ("VIEWED", True)


def test_a_report_from_a_robot_counts_nothing() -> None:
    robot = Client(headers={"user-agent": "python-requests/2.32"})
    answer = _tell(robot, {"token": _offered(), "stage": "viewed", "visible_ms": 1_200})
    assert answer.json() == {"answers": ["accepted"]}, "a cheat is not told"
    assert Impression.objects.get().reason == "bot"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("[]", "application/json", 200),
        ("{}", "application/json", 400),
        (" ", "application/json", 400),
        ("null", "application/json", 400),
        ("[" * 50_000, "application/json", 400),
        ("\x00", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        ("[1" + "0" * 5_000 + "]", "application/json", 400),
        ("[]", "text/plain", 415),
        ("[]", "application/x-www-form-urlencoded", 415),
        ("[" + " " * 100_001 + "]", "application/json", 413),
        (json.dumps([{}] * 51), "application/json", 413),
    ],
)
def test_bodies_that_make_no_sense_are_refused(
    visitor: Client, body: str | bytes, content_type: str, status: int
) -> None:
    answer = visitor.post("/ads/events", body, content_type=content_type)
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]


@pytest.mark.parametrize(
    "event",
    [
        None,
        1,
        "x",
        [],
        {},
        {"token": None, "stage": "viewed"},
        {"token": 5, "stage": "viewed"},
        {"token": "x" * 5_000, "stage": "viewed"},
        {"token": "ünïcode" * 20, "stage": "viewed"},
        {"token": "A" * 100, "stage": ["viewed"]},
        {"token": "\x00" * 100, "stage": "viewed"},
    ],
)
def test_events_that_make_no_sense_are_invalid(visitor: Client, event: Any) -> None:
    good = {"token": _offered(), "stage": "viewed", "visible_ms": 1_200}
    assert _tell(visitor, event, good).json() == {"answers": ["invalid", "accepted"]}


def test_a_hostile_payload_of_a_good_token_is_invalid(visitor: Client) -> None:
    token = _offered()
    for claim in ({"visible_ms": 1e400}, {"visible_ms": "9"}, {"mode": {"$ne": 1}}, {"hidden": None}):
        body = json.dumps([{"token": token, "stage": "viewed", **claim}])
        answer = visitor.post("/ads/events", body, content_type="application/json")
        assert answer.json() == {"answers": ["invalid"]}
    assert not AdEvent.objects.exists()


def test_views_are_never_counted_by_get(visitor: Client) -> None:
    assert visitor.get("/ads/events").status_code == 405
    assert visitor.head("/ads/events").status_code == 405


def test_an_advertiser_signed_in_reports_in_vain(visitor: Client) -> None:
    token = _offered()
    visitor.force_login(acme())
    _tell(visitor, {"token": token, "stage": "viewed", "visible_ms": 1_200})
    assert Impression.objects.get().reason == "own_campaign"


def test_a_gate_token_earns_nothing_here(visitor: Client) -> None:
    wallet, ad = make_wallet(), _ad()
    choice = tokens.Choice(ad.pk, ad.campaign_id, 6_000)
    token = tokens.issue(choice, Place.GATE, at=timezone.now(), wallet_id=wallet.pk)
    answer = _tell(visitor, {"token": token, "stage": "completed", "visible_ms": 15_000})
    assert answer.json() == {"answers": ["invalid"]}
    assert wallet.balance_micros() == 0
