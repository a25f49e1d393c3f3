"""The address browsers report to, told by friends and strangers."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from ads import tokens
from ads.models import Ad, AdEvent, Impression, Place
from tests.ads.factories import AGENT, make_ad, make_campaign, make_wallet, page_token
from tests.users.factories import acme

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"user-agent": AGENT}, enforce_csrf_checks=True)


def _tell(visitor: Client, *events: Any, **headers: Any) -> Any:
    return visitor.post("/ads/events", json.dumps(list(events)), content_type="application/json", **headers)


def _ad(**terms: Any) -> Ad:
    return make_ad(make_campaign(starts_at=timezone.now() - timedelta(days=1), **terms))


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


def test_an_advertiser_to_whom_it_was_shown_reports_in_vain(visitor: Client) -> None:
    token = page_token(_ad(), at=timezone.now() - timedelta(seconds=5), user_id=acme().pk)
    _tell(visitor, {"token": token, "stage": "viewed", "visible_ms": 1_200})
    assert Impression.objects.get().reason == "own_campaign"


def test_a_gate_token_earns_nothing_here(visitor: Client) -> None:
    wallet, ad = make_wallet(), _ad()
    choice = tokens.Choice(ad.pk, ad.campaign_id, 6_000)
    token = tokens.issue(choice, Place.GATE, at=timezone.now(), wallet_id=wallet.pk)
    answer = _tell(visitor, {"token": token, "stage": "completed", "visible_ms": 15_000})
    assert answer.json() == {"answers": ["invalid"]}
    assert wallet.balance_micros() == 0


def test_a_network_that_reports_without_end_is_told_when_to_come_back_and_no_other_is(
    settings: LazySettings,
) -> None:
    settings.ADS_MOST_REPORTS = 3
    one, other = (Client(headers={"user-agent": AGENT}, REMOTE_ADDR=at) for at in ("192.0.2.1", "198.51.100.9"))
    assert [_tell(one).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = _tell(one)
    assert 0 < int(answer["Retry-After"]) <= 63
    assert "Too many reports come from your network. Try again in" in answer.json()["error"]
    assert _tell(other).status_code == 200
