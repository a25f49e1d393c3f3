"""A view is counted once, at the price it was offered for, and only when it happened."""

from datetime import timedelta
from typing import Any

import pytest

from ads import credits, fraud, impressions, tokens, wallets
from ads.impressions import ViewRefused, confirm_gate_view, record_event, start_gate_view
from ads.models import Ad, AdEvent, BookDay, Campaign, CampaignDay, Impression, Place, ServedHour, Wallet
from ledger import chart
from ledger.models import Entry
from tests.ads.factories import (
    DAY,
    NOON,
    USD,
    balance,
    choice,
    gate_token,
    make_ad,
    make_advertiser,
    make_campaign,
    make_wallet,
    page_token,
    see,
    usd,
    watch,
)
from tests.artists.factories import make_album
from tests.users.factories import acme, leo

pytestmark = pytest.mark.django_db
END = NOON + timedelta(seconds=15)


def _refused(token: str, wallet: Wallet, at: Any = END, **terms: Any) -> ViewRefused:
    with pytest.raises(ViewRefused) as refusal:
        confirm_gate_view(token, wallet, "reading", at, **terms)
    return refusal.value


# --- the gate


def test_a_view_watched_to_its_end_credits_the_wallet_at_once() -> None:
    ad, wallet, album = make_ad(), make_wallet(), make_album()
    token = gate_token(ad, wallet, artist_id=album.artist_id, album_id=album.pk)
    started = start_gate_view(token, wallet, NOON)
    assert (started.ad, started.started_at) == (ad, NOON)
    view = confirm_gate_view(token, wallet, "audio", END)
    assert (view.state, view.price_micros, view.mode, view.artist) == ("VIEWED", 6_000, "audio", album.artist)
    assert wallet.balance_micros() == 6_000
    assert wallet.balance_xcr() == 6_000_000
    assert balance(chart.unsettled(USD)) == 6_000
    campaign = Campaign.objects.get()
    assert campaign.spent_micros == 6_000
    assert CampaignDay.objects.get().spent_micros == 6_000
    assert ServedHour.objects.get().count == 1


def test_a_view_needs_a_start_that_we_stamped() -> None:
    ad, wallet = make_ad(), make_wallet()
    assert "not started here" in str(_refused(gate_token(ad, wallet), wallet))
    assert not Impression.objects.exists()


def test_a_view_before_95_percent_of_the_ad_does_not_count_yet() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    start_gate_view(token, wallet, NOON)
    early = _refused(token, wallet, NOON + timedelta(milliseconds=14_249))
    assert (early.reason, early.is_our_fault) == ("too_early", False)
    assert confirm_gate_view(token, wallet, "reading", NOON + timedelta(milliseconds=14_250)).state == "VIEWED"


def test_starting_again_keeps_the_first_stamp() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    start_gate_view(token, wallet, NOON)
    assert start_gate_view(token, wallet, NOON + timedelta(seconds=10)).started_at == NOON
    assert ServedHour.objects.get().count == 1


def test_a_double_click_counts_once_and_both_clicks_succeed() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    start_gate_view(token, wallet, NOON)
    first = confirm_gate_view(token, wallet, "reading", END)
    assert confirm_gate_view(token, wallet, "reading", END + timedelta(hours=2)) == first
    assert wallet.balance_micros() == 6_000
    assert Entry.objects.filter(kind="gate view").count() == 1
    with pytest.raises(ViewRefused, match="already"):
        start_gate_view(token, wallet, END)


def test_only_one_view_is_open_for_a_wallet() -> None:
    wallet = make_wallet()
    one, two = (gate_token(make_ad(), wallet) for _ in range(2))
    start_gate_view(one, wallet, NOON)
    start_gate_view(two, wallet, NOON)
    assert "Another ad was started" in str(_refused(one, wallet))
    assert confirm_gate_view(two, wallet, "reading", END).state == "VIEWED"
    assert "Another ad was started" in str(_refused(one, wallet))
    assert wallet.balance_micros() == 6_000


def test_nobody_else_is_credited_for_a_view() -> None:
    ad, wallet, other = make_ad(), make_wallet(), make_wallet()
    token = gate_token(ad, wallet)
    with pytest.raises(ViewRefused, match="somebody else"):
        start_gate_view(token, other, NOON)
    start_gate_view(token, wallet, NOON)
    assert "somebody else" in str(_refused(token, other))
    confirm_gate_view(token, wallet, "reading", END)
    assert "somebody else" in str(_refused(token, other)), "nor told about it"
    assert other.balance_micros() == 0


def test_an_expired_forged_or_page_token_opens_no_gate() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    start_gate_view(token, wallet, NOON)
    assert "too long ago" in str(_refused(token, wallet, NOON + timedelta(hours=1)))
    assert "not made by us" in str(_refused(token[:-4] + "AAAA", wallet))
    with pytest.raises(ViewRefused, match="not offered for a download"):
        start_gate_view(page_token(ad), wallet, NOON)


def test_a_spent_budget_is_our_fault_and_credits_nobody() -> None:
    ad, wallet = make_ad(make_campaign(budget_micros=10_000)), make_wallet()
    watch(ad, wallet)
    token = gate_token(ad, wallet)
    start_gate_view(token, wallet, NOON)
    refusal = _refused(token, wallet)
    assert (refusal.reason, refusal.is_our_fault) == ("over_budget", True)
    assert Campaign.objects.get().spent_micros == 6_000
    assert wallet.balance_micros() == 6_000
    rejected = Impression.objects.get(state="REJECTED")
    assert (rejected.reason, rejected.price_micros) == ("over_budget", 6_000)
    assert _refused(token, wallet).is_our_fault, "and it stays so when asked again"
    wallet.refresh_from_db()
    assert wallet.open_view is None


def test_the_days_cap_holds_like_the_budget() -> None:
    ad, wallet = make_ad(make_campaign(daily_cap_micros=6_000)), make_wallet()
    watch(ad, wallet)
    with pytest.raises(ViewRefused):
        watch(ad, wallet, at=NOON + timedelta(minutes=1))
    watch(ad, wallet, at=NOON + timedelta(days=1))
    assert Campaign.objects.get().spent_micros == 12_000


def test_a_paused_campaign_pays_what_was_on_screen() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    start_gate_view(token, wallet, NOON)
    Campaign.objects.update(state=Campaign.State.PAUSED, stopped_at=NOON)
    assert confirm_gate_view(token, wallet, "reading", END).state == "VIEWED"


def test_views_beyond_the_frequency_cap_are_rejected_rows() -> None:
    ad, wallet = make_ad(make_campaign(frequency_cap=1)), make_wallet()
    watch(ad, wallet)
    with pytest.raises(ViewRefused):
        watch(ad, wallet, at=NOON + timedelta(minutes=1))
    assert Impression.objects.get(state="REJECTED").reason == "frequency"


def test_advertisers_earn_nothing_from_their_own_ads() -> None:
    ad, wallet = make_ad(), wallets.for_listener(acme(), "")
    with pytest.raises(ViewRefused):
        watch(ad, wallet)
    assert Impression.objects.get().reason == "own_campaign"
    assert wallet.balance_micros() == 0
    assert Campaign.objects.get().spent_micros == 0


def test_robots_earn_nothing_at_the_gate() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    start_gate_view(token, wallet, NOON)
    assert _refused(token, wallet, signals=fraud.Signals("curl/8.5.0")).reason == "bot"
    assert Impression.objects.get().reason == "bot"


def test_a_blocked_wallet_starts_nothing() -> None:
    ad, wallet = make_ad(), make_wallet()
    Wallet.objects.update(blocked_at=NOON, blocked_reason="test")
    wallet.refresh_from_db()
    with pytest.raises(ViewRefused, match="cannot earn"):
        start_gate_view(gate_token(ad, wallet), wallet, NOON)


def test_an_ad_that_was_refused_meanwhile_is_not_started() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    Ad.objects.update(review=Ad.Review.REFUSED, review_reason="no")
    with pytest.raises(ViewRefused) as refusal:
        start_gate_view(token, wallet, NOON)
    assert refusal.value.is_our_fault


def test_who_logs_in_while_an_ad_runs_is_credited_in_their_own_wallet() -> None:
    ad, guest = make_ad(), make_wallet("g1")
    mine = wallets.for_listener(leo(), "")
    token = gate_token(ad, guest)
    start_gate_view(token, guest, NOON)
    assert wallets.claim("g1", leo(), NOON) == mine
    mine.refresh_from_db()
    assert confirm_gate_view(token, mine, "reading", END).wallet == mine
    assert mine.balance_micros() == 6_000


# --- beside music


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
    assert record_event(token, "viewed", {"visible_ms": 1_500}, at) == "accepted"
    assert record_event(token, "viewed", {"visible_ms": 1_500}, at) == "duplicate"
    assert record_event(token, "viewed", {"visible_ms": 1_500, "noise": 1}, at) == "duplicate"
    assert record_event(token, "viewed", {"visible_ms": 1_501}, at) == "conflict"
    assert Impression.objects.count() == 1
    assert Campaign.objects.get().spent_micros == 6_000


def test_a_rejected_view_keeps_its_reason_and_cannot_be_repaired() -> None:
    token, at = page_token(make_ad()), NOON + timedelta(seconds=3)
    assert record_event(token, "viewed", {"visible_ms": 500}, at) == "accepted"
    assert Impression.objects.get().reason == "too_short"
    assert record_event(token, "viewed", {"visible_ms": 1_500}, at) == "conflict"
    assert Campaign.objects.get().spent_micros == 0


def test_an_expired_token_is_expired_and_a_strange_one_invalid() -> None:
    token = page_token(make_ad())
    good: dict[str, Any] = {"visible_ms": 1_500}
    assert record_event(token, "viewed", good, NOON + timedelta(hours=1)) == "expired"
    assert record_event(token[:-4] + "AAAA", "viewed", good, NOON) == "invalid"
    assert record_event("", "viewed", good, NOON) == "invalid"
    assert record_event(token, "bought", good, NOON) == "invalid"
    assert not AdEvent.objects.exists()


@pytest.mark.parametrize(
    "payload",
    [
        {"visible_ms": -1},
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
    assert record_event(page_token(make_ad()), "viewed", payload, NOON) == "invalid"
    assert not AdEvent.objects.exists()


def test_a_gate_view_cannot_be_reported_from_a_page() -> None:
    wallet = make_wallet()
    token = gate_token(make_ad(), wallet)
    for stage in ("started", "viewed", "completed"):
        assert record_event(token, stage, {"visible_ms": 15_000}, NOON) == "invalid"
    assert record_event(token, "clicked", {}, NOON) == "accepted"
    assert wallet.balance_micros() == 0


def test_clicks_belong_to_counted_views_whichever_comes_first() -> None:
    ad = make_ad()
    early, late, never = (page_token(ad) for _ in range(3))
    at = NOON + timedelta(seconds=2)
    for token, stages in ((early, ["clicked", "viewed"]), (late, ["viewed", "clicked"]), (never, ["clicked"])):
        for stage in stages:
            payload = {"visible_ms": 1_500 if stage == "viewed" else 0}
            assert record_event(token, stage, payload, at) == "accepted"
    assert Impression.objects.filter(clicked_at__isnull=False).count() == 2
    assert Impression.objects.count() == 2


def test_advertisers_clicks_on_their_own_ads_are_not_counted() -> None:
    token = page_token(make_ad())
    record_event(token, "viewed", {"visible_ms": 1_500}, NOON + timedelta(seconds=2))
    record_event(token, "clicked", {}, NOON + timedelta(seconds=3), user_id=acme().pk)
    assert Impression.objects.get().clicked_at is None
    own = page_token(make_ad())
    record_event(own, "viewed", {"visible_ms": 1_500}, NOON + timedelta(seconds=2), user_id=acme().pk)
    assert Impression.objects.get(state="REJECTED").reason == "own_campaign"


def test_an_uncovered_view_beside_music_is_rejected_and_pays_nobody() -> None:
    campaign = make_campaign(budget_micros=6_000)
    ad = make_ad(campaign)
    see(ad)
    token, payload = page_token(ad), {"visible_ms": 1_500}
    at = NOON + timedelta(seconds=2)
    assert record_event(token, "viewed", payload, at) == "accepted"
    assert record_event(token, "viewed", payload, at) == "duplicate"
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
    assert record_event(token, "viewed", {"visible_ms": 1_500}, NOON + timedelta(seconds=2)) == "accepted"
    assert Impression.objects.get().wallet == mine


def test_what_comes_when_a_day_is_closed_counts_on_the_first_open_one() -> None:
    BookDay.objects.create(day=DAY, state=BookDay.State.CLOSED, closed_at=NOON)
    assert see(make_ad()).day == DAY + timedelta(days=1)
    assert see(make_ad(), at=NOON + timedelta(days=5)).day == DAY + timedelta(days=5)


def test_old_events_are_forgotten_and_views_are_not() -> None:
    see(make_ad())
    assert impressions.forget_events(NOON + timedelta(days=29)) == 0
    assert impressions.forget_events(NOON + timedelta(days=31)) == 1
    assert Impression.objects.count() == 1


def test_the_price_is_the_one_of_the_offer_whatever_the_campaign_costs_today() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    start_gate_view(token, wallet, NOON)
    Campaign.objects.update(cpm_micros=100_000_000)
    assert confirm_gate_view(token, wallet, "reading", END).price_micros == 6_000
    assert wallet.balance_micros() == 6_000


def test_a_campaign_pays_what_is_prepaid_and_a_listener_is_paid_in_full() -> None:
    advertiser = make_advertiser(prepaid=usd("1"))
    ad, wallet = make_ad(make_campaign(advertiser=advertiser, budget_micros=usd("1"))), make_wallet()
    watch(ad, wallet)
    credits.spend(wallet, 5_000, [[42, 10_000]], key="k", source="s", facts={}, at=END)
    assert wallet.balance_micros() == 1_000
    assert advertiser.prepaid_micros() == usd("1"), "no view touches an advertiser's row"
