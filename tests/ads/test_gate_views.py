"""A gate view is counted once, at the price it was offered for, and only when it was watched."""

from datetime import timedelta
from typing import Any

import pytest

from ads.measurement import gate_views
from ads.measurement.gate_views import ViewRefused
from ads.models import Ad, Campaign, CampaignDay, Impression, ServedHour, Wallet
from ads.rewards import credits, wallets
from ads.traffic import fraud
from ledger import chart
from ledger.models import Entry
from tests.ads.factories import (
    NOON,
    USD,
    balance,
    gate_token,
    lease,
    make_ad,
    make_advertiser,
    make_campaign,
    make_wallet,
    page_token,
    usd,
    watch,
)
from tests.artists.factories import make_album
from tests.users.factories import acme, leo

pytestmark = pytest.mark.django_db
END = NOON + timedelta(seconds=15)


def _refused(token: str, wallet: Wallet, at: Any = END, **terms: Any) -> ViewRefused:
    with pytest.raises(ViewRefused) as refusal:
        gate_views.confirm(token, wallet, "reading", at, **terms)
    return refusal.value


def test_a_view_watched_to_its_end_credits_the_wallet_at_once() -> None:
    ad, wallet, album = make_ad(), make_wallet(), make_album()
    token = gate_token(ad, wallet, artist_id=album.artist_id, album_id=album.pk)
    started = gate_views.start(token, wallet, NOON)
    assert (started.ad, started.started_at) == (ad, NOON)
    counted = gate_views.confirm(token, wallet, "audio", END)
    view = counted.impression
    assert counted.withheld_micros == 0
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
    gate_views.start(token, wallet, NOON)
    early = _refused(token, wallet, NOON + timedelta(milliseconds=14_249))
    assert (early.reason, early.is_our_fault) == ("too_early", False)
    assert (
        gate_views.confirm(token, wallet, "reading", NOON + timedelta(milliseconds=14_250)).impression.state == "VIEWED"
    )


def test_starting_again_keeps_the_first_stamp() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    gate_views.start(token, wallet, NOON)
    assert gate_views.start(token, wallet, NOON + timedelta(seconds=10)).started_at == NOON
    assert ServedHour.objects.get().count == 1


def test_a_double_click_counts_once_and_both_clicks_succeed() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    gate_views.start(token, wallet, NOON)
    first = gate_views.confirm(token, wallet, "reading", END)
    assert gate_views.confirm(token, wallet, "reading", END + timedelta(hours=2)) == first
    assert wallet.balance_micros() == 6_000
    assert Entry.objects.filter(kind="gate view").count() == 1
    with pytest.raises(ViewRefused, match="already"):
        gate_views.start(token, wallet, END)


def test_only_one_view_is_open_for_a_wallet() -> None:
    wallet = make_wallet()
    one, two = (gate_token(make_ad(), wallet) for _ in range(2))
    gate_views.start(one, wallet, NOON)
    gate_views.start(two, wallet, NOON)
    assert "Another ad was started" in str(_refused(one, wallet))
    assert gate_views.confirm(two, wallet, "reading", END).impression.state == "VIEWED"
    assert "Another ad was started" in str(_refused(one, wallet))
    assert wallet.balance_micros() == 6_000


def test_nobody_else_is_credited_for_a_view() -> None:
    ad, wallet, other = make_ad(), make_wallet(), make_wallet()
    token = gate_token(ad, wallet)
    with pytest.raises(ViewRefused, match="somebody else"):
        gate_views.start(token, other, NOON)
    gate_views.start(token, wallet, NOON)
    assert "somebody else" in str(_refused(token, other))
    gate_views.confirm(token, wallet, "reading", END)
    assert "somebody else" in str(_refused(token, other)), "nor told about it"
    assert other.balance_micros() == 0


def test_an_expired_forged_or_page_token_opens_no_gate() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    gate_views.start(token, wallet, NOON)
    assert "too long ago" in str(_refused(token, wallet, NOON + timedelta(hours=1)))
    assert "not made by us" in str(_refused(token[:-4] + "AAAA", wallet))
    with pytest.raises(ViewRefused, match="not offered for a download"):
        gate_views.start(page_token(ad), wallet, NOON)


def test_a_spent_budget_is_our_fault_and_credits_nobody() -> None:
    ad, wallet = make_ad(make_campaign(budget_micros=10_000)), make_wallet()
    watch(ad, wallet)
    token = gate_token(ad, wallet)
    gate_views.start(token, wallet, NOON)
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
    token = gate_token(ad, wallet, lease_id=lease(ad))
    gate_views.start(token, wallet, NOON)
    Campaign.objects.update(state=Campaign.State.PAUSED, stopped_at=NOON)
    assert gate_views.confirm(token, wallet, "reading", END).impression.state == "VIEWED"


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
    gate_views.start(token, wallet, NOON)
    assert _refused(token, wallet, signals=fraud.Signals(is_bot=True)).reason == "bot"
    assert Impression.objects.get().reason == "bot"


def test_a_blocked_wallet_starts_nothing() -> None:
    ad, wallet = make_ad(), make_wallet()
    Wallet.objects.update(blocked_at=NOON, blocked_reason="test")
    wallet.refresh_from_db()
    with pytest.raises(ViewRefused, match="cannot earn"):
        gate_views.start(gate_token(ad, wallet), wallet, NOON)


def test_an_ad_that_was_refused_meanwhile_is_not_started() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    Ad.objects.update(review=Ad.Review.REFUSED, review_reason="no")
    with pytest.raises(ViewRefused) as refusal:
        gate_views.start(token, wallet, NOON)
    assert refusal.value.is_our_fault


def test_who_logs_in_while_an_ad_runs_is_credited_in_their_own_wallet() -> None:
    ad, guest = make_ad(), make_wallet("g1")
    mine = wallets.for_listener(leo(), "")
    token = gate_token(ad, guest)
    gate_views.start(token, guest, NOON)
    assert wallets.claim("g1", leo(), NOON) == mine
    mine.refresh_from_db()
    assert gate_views.confirm(token, mine, "reading", END).impression.wallet == mine
    assert mine.balance_micros() == 6_000


def test_the_price_is_the_one_of_the_offer_whatever_the_campaign_costs_today() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    gate_views.start(token, wallet, NOON)
    Campaign.objects.update(cpm_micros=100_000_000)
    assert gate_views.confirm(token, wallet, "reading", END).impression.price_micros == 6_000
    assert wallet.balance_micros() == 6_000


def test_a_campaign_pays_what_is_prepaid_and_a_listener_is_paid_in_full() -> None:
    advertiser = make_advertiser(prepaid=usd("1"))
    ad, wallet = make_ad(make_campaign(advertiser=advertiser, budget_micros=usd("1"))), make_wallet()
    watch(ad, wallet)
    credits.spend(wallet, 5_000, [[42, 10_000]], key="k", source="s", facts={}, at=END)
    assert wallet.balance_micros() == 1_000
    assert advertiser.prepaid_micros() == usd("1"), "no view touches an advertiser's row"
