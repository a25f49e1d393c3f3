"""Campaigns: what has to be true before one is shown, and what happens when it stops."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from ads.budgets import funds, leases
from ads.demand import campaigns, drafts
from ads.demand.campaigns import NotPossible, NotReady
from ads.models import Ad, BudgetLease, Campaign, Impression
from ads.revenue import settlement
from ads.tokens import LIFETIME_SECONDS
from ledger import chart, journal
from ledger.journal import Line
from tests.ads.factories import (
    NEXT_DAY,
    NOON,
    USD,
    lease,
    make_ad,
    make_advertiser,
    make_campaign,
    make_wallet,
    see,
    top_up,
    usd,
    watch,
)
from tests.users.factories import acme, ada
from users.models import Mail

pytestmark = pytest.mark.django_db
State = Campaign.State


def _state(campaign: Campaign) -> str:
    return Campaign.objects.get(pk=campaign.pk).state


def test_a_funded_campaign_with_an_approved_ad_goes_live_pauses_and_ends() -> None:
    campaign = make_campaign(live=False)
    make_ad(campaign)
    campaigns.go_live(campaign, NOON)
    assert (campaign.state, campaign.went_live_at, campaign.stopped_at) == (State.LIVE, NOON, None)
    assert campaigns.pause(campaign, NOON)
    assert not campaigns.pause(campaign, NOON)
    campaigns.go_live(campaign, NOON)
    assert campaigns.end(campaign, NOON)
    assert not campaigns.end(campaign, NOON)
    assert (campaign.state, campaign.ended_at, campaign.stopped_at) == (State.ENDED, NOON, NOON)
    with pytest.raises(NotPossible, match="ended"):
        campaigns.go_live(campaign, NOON)


def test_what_is_missing_is_said_all_at_once() -> None:
    campaign = make_campaign(live=False, prepaid=usd("4"), ends_at=NOON - timedelta(days=1))
    make_ad(campaign, review=Ad.Review.PENDING)
    with pytest.raises(NotReady) as refusal:
        campaigns.go_live(campaign, NOON)
    assert refusal.value.reasons == [
        "Its last day is over. Choose a later one, or none.",
        "No ad is approved yet. One waits for review: a person looks at it.",
        "Its budget is not prepaid: add $6.00, or lower the budget.",
    ]
    assert _state(campaign) == State.DRAFT


@pytest.mark.parametrize("verb", ["end", "discard"])
def test_a_campaign_that_is_ended_or_deleted_in_another_tab_does_not_go_live(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign, look = make_campaign(live=False), campaigns.missing
    make_ad(campaign)

    def look_while_the_other_tab_is_quicker(looked_at: Campaign, at: datetime) -> list[str]:
        found, other = look(looked_at, at), Campaign.objects.get(pk=looked_at.pk)
        campaigns.end(other, at) if verb == "end" else drafts.discard(other)
        return found

    monkeypatch.setattr(campaigns, "missing", look_while_the_other_tab_is_quicker)
    with pytest.raises(NotPossible, match="in the meantime"):
        campaigns.go_live(campaign, NOON)


def test_two_campaigns_never_count_on_the_same_money() -> None:
    advertiser = make_advertiser(prepaid=usd("15"))
    one, two = (make_campaign(live=False, advertiser=advertiser) for _ in range(2))
    for campaign in (one, two):
        make_ad(campaign)
    campaigns.go_live(one, NOON)
    with pytest.raises(NotReady, match=r"add \$5\.00"):
        campaigns.go_live(two, NOON)
    top_up(advertiser, usd("5"))
    campaigns.go_live(two, NOON)
    assert funds.of(advertiser, NOON).free == 0


def test_free_money_is_prepaid_less_unbilled_less_reserved() -> None:
    advertiser = make_advertiser(prepaid=usd("30"))
    ad = make_ad(make_campaign(advertiser=advertiser))
    watch(ad, make_wallet())
    see(ad)
    before = funds.of(advertiser, NOON)
    assert (before.prepaid, before.unbilled, before.reserved) == (usd("30"), 12_000, usd("10") - 12_000)
    assert before.free == usd("20")
    settlement.settle_due(NEXT_DAY)
    after = funds.of(advertiser, NOON)
    assert (after.prepaid, after.unbilled, after.free) == (usd("30") - 12_000, 0, usd("20"))


def test_only_whole_cents_can_be_given_back_and_less_is_not_offered() -> None:
    rich, poor = make_advertiser(prepaid=usd("10")), make_advertiser(prepaid=usd("0.009"))
    see(make_ad(make_campaign(advertiser=rich)))
    assert funds.of(rich, NOON).refundable == usd("9.99")
    assert funds.of(poor, NOON).refundable == 0
    client = Client()
    client.force_login(acme())
    page = client.get("/advertise/").content.decode()
    assert f"/advertise/{rich.pk}/give-back/" in page
    assert f"/advertise/{poor.pk}/give-back/" not in page


def test_a_stopped_campaign_frees_its_money_when_no_ad_of_it_can_be_on_screen() -> None:
    advertiser = make_advertiser(prepaid=usd("10"))
    campaign = make_campaign(advertiser=advertiser)
    held = lease(make_ad(campaign))
    campaigns.end(campaign, NOON)
    assert funds.of(advertiser, NOON).held == 6_000, "the one that was offered; the rest of the slice is given back"
    assert funds.of(advertiser, NOON).free == usd("9.994")
    returns_at = BudgetLease.objects.get(pk=held).returns_at
    assert returns_at == NOON + timedelta(seconds=30 + LIFETIME_SECONDS)
    leases.return_due(returns_at)
    assert funds.of(advertiser, NOON).free == usd("10")


def test_the_page_of_a_stopped_campaign_says_what_offers_on_their_way_still_hold() -> None:
    advertiser = make_advertiser(prepaid=usd("10"))
    campaign = make_campaign(advertiser=advertiser)
    lease(make_ad(campaign))
    client, page = Client(), f"/advertise/campaigns/{campaign.pk}/"
    client.force_login(acme())
    words = "$0.006 is held for ads that were offered and can still be watched"
    assert words not in client.get(page).content.decode(), "while it is live all of its rest is kept for it"
    campaigns.pause(campaign, NOON)
    assert words in client.get(page).content.decode()
    leases.return_due(BudgetLease.objects.get().returns_at)
    assert words not in client.get(page).content.decode()


def test_without_leases_a_stopped_campaign_keeps_its_rest_as_long_as_a_token_lives(settings: Any) -> None:
    settings.ADS_LEASE_SECONDS = 0
    advertiser = make_advertiser(prepaid=usd("10"))
    campaign = make_campaign(advertiser=advertiser)
    campaigns.end(campaign, NOON)
    assert funds.of(advertiser, NOON + timedelta(seconds=LIFETIME_SECONDS - 1)).free == 0
    assert funds.of(advertiser, NOON + timedelta(seconds=LIFETIME_SECONDS)).free == usd("10")


def test_campaigns_end_when_their_time_is_over() -> None:
    due = make_campaign(ends_at=NOON)
    running = make_campaign(ends_at=NOON + timedelta(seconds=1))
    assert campaigns.end_due(NOON) == 1
    assert campaigns.end_due(NOON) == 0
    assert (_state(due), _state(running)) == (State.ENDED, State.LIVE)


def test_money_taken_back_pauses_what_it_paid_for() -> None:
    advertiser = make_advertiser(prepaid=usd("10"))
    campaign, other = make_campaign(advertiser=advertiser), make_campaign()
    assert campaigns.stop_unfunded(advertiser, NOON) == 0
    taken = Line(chart.prepaid(advertiser.pk, USD), chart.receivable(USD), usd("1"), USD)
    journal.post("dispute", "dispute lost", [taken], occurred_at=NOON)
    assert campaigns.stop_unfunded(advertiser, NOON) == 1
    assert (_state(campaign), _state(other)) == (State.PAUSED, State.LIVE)


def test_only_drafts_and_paused_campaigns_are_changed_and_never_below_their_spend() -> None:
    advertiser = make_advertiser(prepaid=usd("12"))
    campaign = make_campaign(advertiser=advertiser)
    see(make_ad(campaign))
    campaign.refresh_from_db()
    with pytest.raises(NotPossible, match="Pause it first"):
        campaigns.save(campaign, NOON)
    campaigns.pause(campaign, NOON)
    campaign.budget_micros = 5_000
    with pytest.raises(NotPossible, match="cannot be lower"):
        campaigns.save(campaign, NOON)
    campaign.budget_micros = usd("13")
    with pytest.raises(NotPossible, match="not enough free money"):
        campaigns.save(campaign, NOON)
    campaign.budget_micros = usd("12")
    campaign.spent_micros = 0  # a stale copy
    campaigns.save(campaign, NOON)
    kept = Campaign.objects.get()
    assert (kept.budget_micros, kept.spent_micros) == (usd("12"), 6_000)


# --- review


def test_an_ad_is_sent_looked_at_and_shown() -> None:
    campaign = make_campaign(live=False)
    ad = make_ad(campaign, review=Ad.Review.DRAFT)
    assert campaigns.send_for_review(campaign) == 1
    assert campaigns.send_for_review(campaign) == 0
    campaigns.approve(ad, ada(), NOON, seen=ad.content_hash)
    ad.refresh_from_db()
    assert (ad.review, ad.reviewed_by, ad.reviewed_at, ad.is_showable) == ("APPROVED", ada(), NOON, True)
    assert "was approved" in Mail.objects.get(to=acme().email).subject
    with pytest.raises(NotPossible, match="not waiting"):
        campaigns.approve(ad, ada(), NOON)


def test_a_refusal_has_a_reason_that_its_advertiser_reads() -> None:
    ad = make_ad(review=Ad.Review.PENDING)
    with pytest.raises(NotPossible, match="Write why"):
        campaigns.refuse(ad, ada(), "  ", NOON)
    campaigns.refuse(ad, ada(), "The link is dead.", NOON)
    ad.refresh_from_db()
    assert (ad.review, ad.review_reason) == ("REFUSED", "The link is dead.")
    assert "The link is dead." in Mail.objects.get(to=acme().email).body
    with pytest.raises(IntegrityError), transaction.atomic():
        Ad.objects.update(review_reason="")


def test_an_approved_ad_can_still_be_stopped() -> None:
    ad = make_ad()
    campaigns.refuse(ad, ada(), "It changed behind its link.", NOON)
    ad.refresh_from_db()
    assert not ad.is_showable


def test_what_was_changed_while_somebody_looked_is_not_approved() -> None:
    ad = make_ad(review=Ad.Review.PENDING)
    seen = ad.content_hash
    Ad.objects.update(click_url="https://elsewhere.example/")
    with pytest.raises(NotPossible, match="was changed"):
        campaigns.approve(ad, ada(), NOON, seen=seen)


def test_nobody_reviews_their_own_ad() -> None:
    ad = make_ad(make_campaign(advertiser=make_advertiser(owner=ada())), review=Ad.Review.PENDING)
    with pytest.raises(NotPossible, match="of your own"):
        campaigns.approve(ad, ada(), NOON)


def test_a_spot_that_is_still_being_made_may_be_sent_and_is_approved_when_it_is_made() -> None:
    campaign = make_campaign(live=False)
    ad = make_ad(campaign, review=Ad.Review.DRAFT, media_state=Ad.MediaState.WANTED)
    assert campaigns.send_for_review(campaign) == 1
    with pytest.raises(NotPossible, match="is not made"):
        campaigns.approve(ad, ada(), NOON)
    Ad.objects.update(media_state=Ad.MediaState.READY)
    campaigns.approve(ad, ada(), NOON)


def test_an_ad_whose_file_cannot_be_used_is_not_sent() -> None:
    campaign = make_campaign(live=False)
    make_ad(campaign, review=Ad.Review.DRAFT, media_state=Ad.MediaState.FAILED, media_reason="It is silent.")
    with pytest.raises(NotPossible, match="cannot be used"):
        campaigns.send_for_review(campaign)


def test_an_ad_that_was_never_shown_is_deleted_and_one_that_was_is_kept_for_the_books() -> None:
    fresh = make_ad(review=Ad.Review.DRAFT)
    campaigns.drop_ad(fresh)
    assert not Ad.objects.filter(pk=fresh.pk).exists()
    shown = make_ad()
    see(shown)
    campaigns.drop_ad(shown)
    shown.refresh_from_db()
    assert (shown.review, shown.is_showable) == ("WITHDRAWN", False)
    assert Impression.objects.get().ad == shown


# --- what the database refuses


@pytest.mark.parametrize(
    "change",
    [
        {"spent_micros": usd("10.01")},
        {"spent_micros": -1},
        {"cpm_micros": 0},
        {"cpm_micros": 6_000_500},
        {"cpm_micros": 10**12},
        {"budget_micros": 10**12},
        {"ends_at": NOON - timedelta(days=60)},
        {"daily_cap_micros": 0},
        {"frequency_cap": 0},
        {"leased_micros": -1},
        {"leased_micros": usd("9"), "spent_micros": usd("1.01")},
        {"pass_permille": 1_001},
        {"kind": "HOUSE"},
        {"kind": "CROSS"},
        {"advertiser": None},
        {"state": "ENDED"},
    ],
)
def test_the_database_refuses_a_campaign_that_cannot_be(change: dict[str, object]) -> None:
    campaign = make_campaign()
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"price_micros": -1},
        {"weight_permille": 1_001},
        {"state": "REJECTED"},
        {"reason": "bot"},
        {"posting_n": 1},
        {"place": "gate"},
    ],
)
def test_the_database_refuses_an_impression_that_cannot_be(change: dict[str, object]) -> None:
    view = see(make_ad())
    with pytest.raises(IntegrityError), transaction.atomic():
        Impression.objects.filter(pk=view.pk).update(**change)
