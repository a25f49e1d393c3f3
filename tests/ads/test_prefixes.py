"""Hashes of networks: the same on one day for one artist, and nothing to anybody ever after."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ads import audit, tasks
from ads.measurement import claims, counting, gate_views
from ads.measurement.claims import Report
from ads.models import Ad, Campaign, CampaignDay, DayKey, Impression, PrefixCount, Wallet
from ads.revenue import settlement
from ads.rewards import wallets
from ads.traffic import prefixes
from ads.traffic.prefixes import Key
from artists.models import Album
from tests.ads.factories import (
    AGENT,
    DAY,
    NEXT_DAY,
    NOON,
    gate_token,
    make_ad,
    make_campaign,
    make_wallet,
    page_token,
    pending,
    usd,
)
from tests.artists.factories import make_album

pytestmark = pytest.mark.django_db
HOME, NEIGHBOUR, ELSEWHERE = "198.51.100.7", "198.51.100.200", "203.0.113.7"
SEEN = {"visible_ms": 1_500}


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    prefixes._known.clear()


def test_a_network_is_a_24_of_the_old_addresses_and_a_64_of_the_new() -> None:
    assert prefixes.network_of(HOME) == prefixes.network_of(NEIGHBOUR) == "198.51.100.0/24"
    assert prefixes.network_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64"
    assert prefixes.network_of("") == ""


def test_neighbours_have_one_hash_a_day_and_artist() -> None:
    here = prefixes.hash_of(HOME, 1, NOON)
    assert (len(here), prefixes.hash_of(NEIGHBOUR, 1, NOON + timedelta(hours=11))) == (64, here)
    others = {
        prefixes.hash_of(ELSEWHERE, 1, NOON),
        prefixes.hash_of(HOME, 2, NOON),
        prefixes.hash_of(HOME, 1, NEXT_DAY),
    }
    assert len(others | {here}) == 4
    assert "198.51" not in here


def test_without_an_address_or_an_artist_there_is_nothing_to_count() -> None:
    assert prefixes.hash_of("", 1, NOON) == prefixes.hash_of(HOME, None, NOON) == ""


def test_the_key_is_read_once_a_day_by_a_process(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    prefixes.hash_of(HOME, 1, NOON)
    with django_assert_num_queries(0):
        assert prefixes.hash_of(HOME, 2, NOON)


@pytest.mark.django_db(transaction=True)
def test_the_key_of_a_day_is_made_once_whoever_comes_first() -> None:
    start = threading.Barrier(4)

    def ask(_: int) -> str:
        start.wait(timeout=10)
        prefixes._known.clear()
        try:
            return prefixes.hash_of(HOME, 1, NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == 1
    assert DayKey.objects.count() == 1


def test_after_the_day_there_is_no_key_and_nothing_can_be_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    before = prefixes.hash_of(HOME, 1, NOON)
    early = NOON.replace(hour=0) + timedelta(days=1)
    monkeypatch.setattr("ads.tasks.timezone.now", lambda: early + timedelta(minutes=9))
    tasks.destroy_day_keys()
    assert DayKey.objects.get().key, "a clock of ours may still be in the day"
    monkeypatch.setattr("ads.tasks.timezone.now", lambda: early + timedelta(minutes=11))
    tasks.destroy_day_keys()
    kept = DayKey.objects.get()
    assert (kept.key, kept.destroyed_at) == (None, early + timedelta(minutes=11))
    assert prefixes.hash_of(HOME, 1, NOON) == "", "no other key is made for a day that is over"
    assert prefixes.hash_of(HOME, 1, NEXT_DAY) not in (before, "")
    tasks.destroy_day_keys()
    assert DayKey.objects.exclude(key=None).get().day == NEXT_DAY.date()


def test_old_counts_are_forgotten_by_the_same_clock() -> None:
    with transaction.atomic():
        prefixes.count([Key(DAY, "old"), Key(DAY + timedelta(days=5), "young")])
    prefixes.destroy_keys(NOON + timedelta(days=9))
    assert PrefixCount.objects.get().digest == "young"


def test_views_are_numbered_and_what_is_not_counted_is_the_first() -> None:
    here, there = Key(DAY, "here"), Key(DAY, "there")
    assert prefixes.count([here, None, there, here, Key(DAY, "")]) == [1, 1, 1, 2, 1]
    assert prefixes.count([there, here]) == [2, 3]
    assert prefixes.count([None, Key(DAY, "")]) == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_many_who_count_at_once_lose_nothing_and_never_wait_in_a_ring() -> None:
    keys = [Key(DAY, name) for name in "abc"]
    start = threading.Barrier(4)

    def add(number: int) -> list[int]:
        start.wait(timeout=10)
        try:
            with transaction.atomic():
                return prefixes.count(keys if number % 2 else keys[::-1])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(add, range(4)))
    assert sorted(found) == [[n] * 3 for n in (1, 2, 3, 4)]


# --- what it does to views


def told(ad: Ad, album: Album, minute: int, address: str = HOME, **terms: Any) -> Report:
    """A report of a view from `address`, as the address of events takes it."""
    at = NOON + timedelta(minutes=minute)
    prefix = prefixes.hash_of(address, album.artist_id, at)
    taken = claims.take(
        page_token(ad, album, at=at, **terms), "viewed", SEEN, at + timedelta(seconds=2), prefix_hash=prefix
    )
    assert isinstance(taken, Report)
    return taken


def prices() -> list[int]:
    return list(Impression.objects.order_by("number").values_list("price_micros", flat=True))


def test_what_is_withheld_was_never_charged_and_the_books_are_clean() -> None:
    ad, album = make_ad(), make_album()
    counting.count([told(ad, album, minute) for minute in range(4)])
    counting.count([told(ad, album, minute) for minute in range(4, 6)])
    assert prices() == [6_000, 6_000, 6_000, 3_000, 1_998, 1_500]
    assert set(Impression.objects.values_list("offered_micros", flat=True)) == {6_000}
    assert Campaign.objects.get().spent_micros == CampaignDay.objects.get().spent_micros == sum(prices())
    settlement.settle_due(NEXT_DAY)
    assert pending(album) == sum(prices()) - sum(prices()) // 10
    assert ad.campaign.advertiser is not None
    assert ad.campaign.advertiser.prepaid_micros() == usd("10") - sum(prices())
    assert list(audit.findings()) == []


def test_only_neighbours_of_one_artist_share_a_count() -> None:
    ad, one, two = make_ad(), make_album(), make_album()
    for minute in range(3):
        counting.count([told(ad, one, minute), told(ad, two, minute), told(ad, one, minute, ELSEWHERE)])
    assert prices() == [6_000] * 9
    counting.count([told(ad, one, 5, NEIGHBOUR)])
    assert prices()[-1] == 3_000


def test_people_we_know_neither_lose_nor_count() -> None:
    ad, album, wallet = make_ad(make_campaign(frequency_cap=100)), make_album(), make_wallet()
    Wallet.objects.update(proven_at=NOON)
    counting.count([told(ad, album, minute, is_proven=True) for minute in range(5)])
    counting.count([told(ad, album, minute, wallet_id=wallet.pk) for minute in range(5, 10)])
    assert prices() == [6_000] * 10
    assert not PrefixCount.objects.exists()


def test_views_that_count_nothing_use_nobodys_count_up() -> None:
    ad, album = make_ad(), make_album()
    unseen = [replace(told(ad, album, minute), claims=claims.Claims()) for minute in range(5)]
    counting.count(unseen)
    assert set(Impression.objects.values_list("reason", flat=True)) == {"too_short"}
    assert not PrefixCount.objects.exists()


def test_guests_at_the_gate_are_weighed_too_and_persons_are_not() -> None:
    ad, artist_id = make_ad(make_campaign(frequency_cap=100)), make_album().artist_id
    prefix = prefixes.hash_of(HOME, artist_id, NOON)
    earned = []
    for number in range(6):
        wallet = make_wallet(f"guest-{number}")
        if number == 5:
            wallets.prove(None, NOON, guest_key="guest-5")
            wallet.refresh_from_db()
        token = gate_token(ad, wallet, artist_id=artist_id)
        gate_views.start(token, wallet, NOON)
        counted = gate_views.confirm(token, wallet, "reading", NOON + timedelta(seconds=15), prefix_hash=prefix)
        earned.append((counted.impression.price_micros, counted.withheld_micros, wallet.balance_micros()))
    assert [(price, withheld) for price, withheld, _ in earned] == [
        *[(6_000, 0)] * 3,
        (3_000, 3_000),
        (1_998, 4_002),
        (6_000, 0),
    ]
    assert [balance for _, _, balance in earned] == [price for price, _, _ in earned]
    assert list(audit.findings()) == []


def test_a_browser_reports_from_its_network_and_only_its_hash_is_kept(client: Client) -> None:
    now, album = timezone.now(), make_album()
    ad = make_ad(make_campaign(starts_at=now - timedelta(days=1)))
    for _ in range(4):
        event = {"token": page_token(ad, album, at=now - timedelta(seconds=5)), "stage": "viewed", **SEEN}
        answer = client.post(
            "/ads/events", [event], content_type="application/json", REMOTE_ADDR=HOME, HTTP_USER_AGENT=AGENT
        )
        assert answer.json() == {"answers": ["accepted"]}
    assert sorted(prices()) == [3_000, 6_000, 6_000, 6_000]
    stored = Impression.objects.values_list("prefix_hash", flat=True).distinct().get()
    assert stored == prefixes.hash_of(HOME, album.artist_id, now)
    assert "198.51" not in str(list(Impression.objects.values()))
