"""What browsers report is counted once, at the price it was offered for, and only when it was seen."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from ads import audit, tokens
from ads.measurement import claims, counting, line
from ads.measurement.claims import Report
from ads.models import AdEvent, BookDay, Campaign, CampaignDay, Impression, Place
from ads.rewards import wallets
from ads.traffic import fraud
from ledger.models import Entry
from tests.ads.factories import (
    DAY,
    NOON,
    choice,
    gate_token,
    make_ad,
    make_campaign,
    make_wallet,
    page_token,
    see,
)
from tests.artists.factories import make_album, make_artist
from tests.users.factories import acme, leo

pytestmark = pytest.mark.django_db


def test_a_view_beside_music_is_billed_to_its_artist_and_split() -> None:
    album = make_album()
    shares = [[album.artist.payee_id, 6_000], [99, 4_000]]
    view = see(make_ad(), album, shares=shares)
    assert (view.state, view.artist, view.album, view.shares) == ("VIEWED", album.artist, album, shares)
    assert view.beneficiary.startswith(f"artist:{album.artist_id}:")
    assert view.day == DAY
    assert Campaign.objects.get().spent_micros == 6_000
    assert not Entry.objects.filter(kind="gate view").exists()


def test_the_same_event_again_is_a_duplicate_and_another_payload_a_conflict() -> None:
    token, at = page_token(make_ad()), NOON + timedelta(seconds=3)
    assert counting.record(token, "viewed", {"visible_ms": 1_500}, at) == "accepted"
    assert counting.record(token, "viewed", {"visible_ms": 1_500}, at) == "duplicate"
    assert counting.record(token, "viewed", {"visible_ms": 1_500, "noise": 1}, at) == "duplicate"
    assert counting.record(token, "viewed", {"visible_ms": 1_501}, at) == "conflict"
    assert Impression.objects.count() == 1
    assert Campaign.objects.get().spent_micros == 6_000


def test_a_rejected_view_keeps_its_reason_and_cannot_be_repaired() -> None:
    token, at = page_token(make_ad()), NOON + timedelta(seconds=3)
    assert counting.record(token, "viewed", {"visible_ms": 500}, at) == "accepted"
    assert Impression.objects.get().reason == "too_short"
    assert counting.record(token, "viewed", {"visible_ms": 1_500}, at) == "conflict"
    assert Campaign.objects.get().spent_micros == 0


def test_an_expired_token_is_expired_and_a_strange_one_invalid() -> None:
    token = page_token(make_ad())
    good: dict[str, Any] = {"visible_ms": 1_500}
    assert counting.record(token, "viewed", good, NOON + timedelta(hours=1)) == "expired"
    assert counting.record(token[:-4] + "AAAA", "viewed", good, NOON) == "invalid"
    assert counting.record("", "viewed", good, NOON) == "invalid"
    assert counting.record(token, "bought", good, NOON) == "invalid"
    assert not AdEvent.objects.exists()


@pytest.mark.parametrize(
    "payload",
    [
        {"visible_ms": -1},
        {"played_ms": -1},
        {"visible_ms": 10**12},
        {"visible_ms": 1.5},
        {"visible_ms": "1500"},
        {"visible_ms": True},
        {"visible_ms": None},
        {"visible_ms": [1]},
        {"hidden": "no"},
        {"muted": 1},
        {"mode": "dancing"},
        {"mode": ["audio"]},
        {"mode": {}},
    ],
)
def test_payloads_without_sense_are_invalid(payload: dict[str, Any]) -> None:
    assert counting.record(page_token(make_ad()), "viewed", payload, NOON) == "invalid"
    assert not AdEvent.objects.exists()


def test_a_gate_view_cannot_be_reported_from_a_page() -> None:
    wallet = make_wallet()
    token = gate_token(make_ad(), wallet)
    for stage in ("started", "viewed", "completed"):
        assert counting.record(token, stage, {"visible_ms": 15_000}, NOON) == "invalid"
    assert counting.record(token, "clicked", {}, NOON) == "accepted"
    assert wallet.balance_micros() == 0


def test_clicks_belong_to_counted_views_whichever_comes_first() -> None:
    ad = make_ad()
    early, late, never = (page_token(ad) for _ in range(3))
    at = NOON + timedelta(seconds=2)
    for token, stages in ((early, ["clicked", "viewed"]), (late, ["viewed", "clicked"]), (never, ["clicked"])):
        for stage in stages:
            payload = {"visible_ms": 1_500 if stage == "viewed" else 0}
            assert counting.record(token, stage, payload, at) == "accepted"
    assert Impression.objects.filter(clicked_at__isnull=False).count() == 2
    assert Impression.objects.count() == 2


def test_advertisers_views_of_their_own_ads_and_clicks_on_them_are_not_counted() -> None:
    token = page_token(make_ad(), user_id=acme().pk)
    assert counting.record(token, "viewed", {"visible_ms": 1_500}, NOON + timedelta(seconds=2)) == "accepted"
    assert counting.record(token, "clicked", {}, NOON + timedelta(seconds=3)) == "accepted"
    own = Impression.objects.get()
    assert (own.state, own.reason, own.clicked_at) == ("REJECTED", "own_campaign", None)


def test_artists_earn_nothing_by_looking_at_their_own_promotion() -> None:
    artist = make_artist()
    ad = make_ad(make_campaign(kind=Campaign.Kind.CROSS, artist=artist))
    counting.record(
        page_token(ad, user_id=artist.owner_id), "viewed", {"visible_ms": 1_500}, NOON + timedelta(seconds=2)
    )
    assert Impression.objects.get().reason == "own_campaign"


def test_an_uncovered_view_beside_music_is_rejected_and_pays_nobody() -> None:
    campaign = make_campaign(budget_micros=6_000)
    ad = make_ad(campaign)
    see(ad)
    token, payload = page_token(ad), {"visible_ms": 1_500}
    at = NOON + timedelta(seconds=2)
    assert counting.record(token, "viewed", payload, at) == "accepted"
    assert counting.record(token, "viewed", payload, at) == "duplicate"
    assert Impression.objects.get(state="REJECTED").reason == "over_budget"
    assert Campaign.objects.get().spent_micros == 6_000


def test_a_house_ad_is_counted_and_costs_nobody() -> None:
    ad = make_ad(make_campaign(kind=Campaign.Kind.HOUSE))
    view = see(ad)
    assert (view.state, view.price_micros) == ("VIEWED", 0)
    assert not Impression.objects.unposted().exists()


def test_the_extensions_views_go_to_the_wallet_that_holds_the_guests_now() -> None:
    guest, mine = make_wallet("g2"), wallets.for_listener(leo(), "")
    token = tokens.issue(choice(make_ad()), Place.MEGAKEY, at=NOON, wallet_id=guest.pk)
    wallets.claim("g2", leo(), NOON)
    assert counting.record(token, "viewed", {"visible_ms": 1_500}, NOON + timedelta(seconds=2)) == "accepted"
    assert Impression.objects.get().wallet == mine


def test_what_comes_when_a_day_is_closed_counts_on_the_first_open_one() -> None:
    BookDay.objects.create(day=DAY, state=BookDay.State.CLOSED, closed_at=NOON)
    assert see(make_ad()).day == DAY + timedelta(days=1)
    assert see(make_ad(), at=NOON + timedelta(days=5)).day == DAY + timedelta(days=5)


def test_old_events_are_forgotten_and_views_are_not() -> None:
    see(make_ad())
    assert counting.forget_events(NOON + timedelta(days=29)) == 0
    assert counting.forget_events(NOON + timedelta(days=31)) == 1
    assert Impression.objects.count() == 1


# --- many at once


def _taken(token: str, stage: str = "viewed", *, visible_ms: int = 1_500, seconds: int = 2) -> Report:
    report = claims.take(token, stage, {"visible_ms": visible_ms}, NOON + timedelta(seconds=seconds))
    assert isinstance(report, Report)
    return report


def test_a_batch_is_answered_in_order_and_counted_like_one_after_the_other() -> None:
    ad = make_ad()
    one, two, three = (page_token(ad) for _ in range(3))
    reports = [
        _taken(two),
        _taken(one, "clicked", visible_ms=0),
        _taken(one),
        _taken(two),
        _taken(two, visible_ms=1_600),
        _taken(three, visible_ms=500),
    ]
    assert counting.count(reports) == ["accepted", "accepted", "accepted", "duplicate", "conflict", "accepted"]
    assert counting.count(reports) == ["duplicate"] * 4 + ["conflict", "duplicate"]
    clicked = Impression.objects.get(clicked_at__isnull=False)
    assert clicked.pk == tokens.verify(one).id
    assert sorted(Impression.objects.values_list("reason", flat=True)) == ["", "", "too_short"]
    assert Campaign.objects.get().spent_micros == CampaignDay.objects.get().spent_micros == 12_000
    assert counting.count([]) == []


def test_a_batch_spends_a_budget_to_the_last_view_it_covers_and_rejects_the_rest() -> None:
    poor, rich = make_ad(make_campaign(budget_micros=15_000)), make_ad()
    capped = make_ad(make_campaign(daily_cap_micros=7_000))
    reports = [_taken(page_token(ad)) for ad in (poor, capped, rich, poor, capped, poor)]
    assert counting.count(reports) == ["accepted"] * 6
    spent = {row.pk: row.spent_micros for row in Campaign.objects.all()}
    assert spent == {poor.campaign_id: 12_000, rich.campaign_id: 6_000, capped.campaign_id: 6_000}
    assert {day.campaign_id: day.spent_micros for day in CampaignDay.objects.all()} == spent
    assert sorted(Impression.objects.filter(state="REJECTED").values_list("reason", flat=True)) == ["over_budget"] * 2
    assert list(audit.findings()) == []


def test_a_batch_of_one_listener_keeps_to_the_frequency_cap() -> None:
    ad, wallet = make_ad(make_campaign(frequency_cap=2)), make_wallet()
    counting.count([_taken(page_token(ad, wallet_id=wallet.pk)) for _ in range(3)])
    assert sorted(Impression.objects.values_list("reason", flat=True)) == ["", "", "frequency"]


def test_who_names_an_ad_or_a_wallet_that_is_gone_takes_nobody_along() -> None:
    gone, ad = make_ad(), make_ad()
    reports = [_taken(page_token(gone)), _taken(page_token(ad)), _taken(page_token(ad, wallet_id=999_999))]
    gone.delete()
    assert counting.count(reports) == ["invalid", "accepted", "invalid"]
    assert Impression.objects.get().ad == ad


def test_a_batch_costs_the_same_queries_however_many_views_it_holds(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ad, album = make_ad(), make_album()
    counting.count([_taken(page_token(ad, album))])
    for size in (1, 20):
        reports = [_taken(page_token(ad, album)) for _ in range(size)]
        with django_assert_num_queries(11):
            counting.count(reports)


def test_the_numbers_of_a_batch_rise_and_are_its_own() -> None:
    with transaction.atomic():
        numbers = line.take_many(5)
        assert numbers == sorted(set(numbers))
        assert len(numbers) == 5
    see(make_ad())
    with transaction.atomic():
        assert line.take() > Impression.objects.get().number


# --- the stream


def test_a_report_comes_out_of_the_stream_as_it_went_in() -> None:
    token = page_token(make_ad(), user_id=7, is_proven=True)
    said = {"visible_ms": 1_500, "played_ms": 9_000, "muted": True, "mode": "reading"}
    at, signals = NOON + timedelta(milliseconds=2_345), fraud.Signals(is_prefetch=True)
    report = claims.take(token, "viewed", said, at, signals=signals, prefix_hash="ab")
    assert isinstance(report, Report)
    assert claims.from_entry(claims.to_entry(report)) == report
    assert all(isinstance(value, str) for value in claims.to_entry(report).values())


@pytest.mark.parametrize(
    "change",
    [{"v": "0"}, {"token": "x"}, {"claims": "{"}, {"claims": "[1]"}, {"claims": '{"no": 1}'}, {"at_ms": "soon"}],
)
def test_an_entry_that_was_damaged_is_nothing(change: dict[str, str]) -> None:
    entry = claims.to_entry(_taken(page_token(make_ad())))
    assert claims.from_entry({**entry, **change}) is None
    assert claims.from_entry({}) is None


@pytest.mark.parametrize(
    ("played_ms", "quarters"), [(0, 0), (3_749, 0), (3_750, 1), (7_500, 2), (14_999, 3), (15_000, 4), (99_000, 4)]
)
def test_how_far_an_ad_was_played_is_told_in_quarters(played_ms: int, quarters: int) -> None:
    assert claims.Claims(played_ms=played_ms).quarters(15_000) == quarters
