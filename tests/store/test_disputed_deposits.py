"""An advertiser's top-up is disputed: their campaigns stop, and what is spent already they owe."""

import uuid

import pytest

from ads.demand import campaigns
from ads.models import Advertiser, Campaign
from ledger import audit as ledger_audit
from ledger import chart, journal
from ledger.journal import Line
from store.audit import findings
from store.cases import disputes
from store.models import Order
from store.sales import orders
from tests.ads.factories import make_ad, make_advertiser, make_campaign
from tests.store.factories import NOON, listener, paid_session, told

pytestmark = pytest.mark.django_db

FEE = 15_000_000


def deposit(advertiser: Advertiser, micros: int = 500_000_000) -> Order:
    order = orders.place_deposit(advertiser, micros, listener(), order_id=uuid.uuid4(), at=NOON)
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    order.refresh_from_db()
    return order


def spend(advertiser: Advertiser, micros: int) -> None:
    line = Line(chart.prepaid(advertiser.pk, "USD"), chart.ads_revenue("USD"), micros, "USD")
    journal.post("ads", "ads", [line], occurred_at=NOON)


def learn(order: Order, *statuses: str, back: bool = False, number: int = 1) -> None:
    for status in statuses:
        disputes.learn(order.pk, disputes.read(told(order, status, back=back, number=number)), at=NOON)


def money(advertiser: Advertiser) -> tuple[int, int]:
    """What an advertiser has and owes, in whole dollars."""
    return advertiser.prepaid_micros() // 1_000_000, advertiser.owed_micros() // 1_000_000


def live_campaign(advertiser: Advertiser) -> Campaign:
    campaign = make_campaign(advertiser=advertiser)
    make_ad(campaign=campaign)
    return campaign


def is_clean() -> bool:
    return list(findings()) == [] and list(ledger_audit.findings(NOON)) == []


def test_opened_takes_nothing_from_the_advertiser_but_stops_all_their_campaigns() -> None:
    advertiser = make_advertiser()
    order, campaign = deposit(advertiser), live_campaign(advertiser)
    learn(order, "needs_response")
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.PAUSED
    assert money(advertiser) == (500, 0)
    assert journal.balance(chart.receivable("USD")) == 500_000_000
    assert journal.balance(chart.stripe("USD")) == -FEE
    with pytest.raises(campaigns.NotReady, match="disputed at your bank"):
        campaigns.go_live(campaign, NOON)
    assert is_clean()


def test_won_lets_them_go_on() -> None:
    advertiser = make_advertiser()
    order, campaign = deposit(advertiser), live_campaign(advertiser)
    learn(order, "needs_response")
    learn(order, "won", back=True)
    campaigns.go_live(campaign, NOON)
    assert money(advertiser) == (500, 0)
    assert journal.balance(chart.receivable("USD")) == 0
    assert is_clean()


def test_lost_takes_what_is_prepaid_and_the_rest_is_owed() -> None:
    advertiser = make_advertiser()
    order, campaign = deposit(advertiser), live_campaign(advertiser)
    spend(advertiser, 20_000_000)
    learn(order, "needs_response", "lost")
    assert money(advertiser) == (0, 20)
    assert journal.balance(chart.receivable("USD")) == 0
    with pytest.raises(campaigns.NotReady, match="You owe"):
        campaigns.go_live(campaign, NOON)
    order.refresh_from_db()
    assert order.state == Order.State.REFUNDED
    assert is_clean()


def test_the_next_top_up_settles_first_what_is_owed() -> None:
    advertiser = make_advertiser()
    order, campaign = deposit(advertiser), live_campaign(advertiser)
    spend(advertiser, 20_000_000)
    learn(order, "needs_response", "lost")
    deposit(advertiser, 15_000_000)
    assert money(advertiser) == (0, 5)
    deposit(advertiser, 100_000_000)
    assert money(advertiser) == (95, 0)
    campaigns.go_live(campaign, NOON)
    assert is_clean()


def test_while_one_of_two_disputes_is_open_nothing_is_shown() -> None:
    advertiser = make_advertiser()
    first, second, campaign = deposit(advertiser), deposit(advertiser), live_campaign(advertiser)
    learn(first, "needs_response")
    learn(second, "needs_response")
    learn(first, "won", back=True)
    with pytest.raises(campaigns.NotReady, match="disputed"):
        campaigns.go_live(campaign, NOON)
    learn(second, "won", back=True)
    campaigns.go_live(campaign, NOON)


def test_another_advertisers_campaigns_go_on() -> None:
    order, other = deposit(make_advertiser()), live_campaign(make_advertiser("Other", prepaid=20_000_000))
    learn(order, "needs_response")
    other.refresh_from_db()
    assert other.state == Campaign.State.LIVE
