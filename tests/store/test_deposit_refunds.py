"""An advertiser gets back what is left: to the micro, once, whatever Stripe answers and whoever is killed."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from ads import audit as ads_audit
from ads.budgets import funds, leases
from ads.demand import campaigns
from ads.models import Advertiser, Campaign
from ledger import audit as ledger_audit
from ledger import chart, journal
from store.audit import findings
from store.cases import deposit_refunds, disputes, refunds, taking
from store.cases.deposit_refunds import CannotGiveBack
from store.models import DepositRefund, Order
from store.payments import events
from store.sales import checkout, orders
from store.sales.checkout import Refunds
from tests.ads.factories import lease, make_ad, make_advertiser, make_campaign, page_token, usd
from tests.store.factories import NOON, listener, paid_session, told
from tests.users.factories import acme, leo

State = DepositRefund.State
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    """Every test of this file reads and writes."""


def deposit(advertiser: Advertiser, micros: int = usd("500"), *, days: int = 0) -> Order:
    at = NOON + timedelta(days=days)
    order = orders.place_deposit(advertiser, micros, listener(), order_id=uuid.uuid4(), at=at)
    orders.fulfil(order.pk, paid_session(order), at=at)
    order.refresh_from_db()
    return order


class Stripe:
    """Stripe as far as refunds go: keys are remembered, and it can fail before or after it did what was asked."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}
        self.by_refund: dict[int, str] = {}
        self.refunds: dict[str, dict[str, int]] = {}
        self.failed: dict[str, str] = {}
        self.fails: list[str] = []
        self.keys: list[str] = []
        self.lock = threading.Lock()

    @property
    def given_back(self) -> int:
        """Minor units that cards have now."""
        return sum(minor for made in self.refunds.values() for pk, minor in made.items() if pk not in self.failed)

    def refund(self, payment_intent: str, minor: int, refund_id: int, *, key: str) -> str:
        checkout.refuse_transactions()
        with self.lock:
            how = self.fails.pop(0) if self.fails else ""
            self.keys.append(key)
            if how == "refuses":
                raise checkout.Refused("This card was closed.")
            if how == "is silent before":
                raise checkout.Unreachable
            if key not in self.made:
                self.made[key] = self.by_hand(payment_intent, minor)
                self.by_refund[refund_id] = self.made[key]
            if how == "is silent after":
                raise checkout.Unreachable
            return self.made[key]

    def by_hand(self, payment_intent: str, minor: int) -> str:
        """A refund that somebody made in Stripe's own pages."""
        made = self.refunds.setdefault(payment_intent, {})
        pk = f"re_{sum(map(len, self.refunds.values()))}"
        made[pk] = minor
        return pk

    def find(self, payment_intent: str, refund_id: int) -> str | None:
        return self.by_refund.get(refund_id)

    def refunds_of(self, payment_intent: str) -> Refunds:
        made = dict(self.refunds.get(payment_intent, {}))
        return Refunds(made, {pk: reason for pk, reason in self.failed.items() if pk in made})


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> Stripe:
    stripe = Stripe()
    monkeypatch.setattr(checkout, "refund", stripe.refund)
    monkeypatch.setattr(checkout, "find_refund", stripe.find)
    monkeypatch.setattr(checkout, "refunds_of", stripe.refunds_of)
    return stripe


def is_clean() -> bool:
    found = [*findings(), *ledger_audit.findings(NOON), *ads_audit.findings()]
    assert found == []
    return True


def rows() -> list[tuple[str, int]]:
    return list(DepositRefund.objects.order_by("pk").values_list("state", "amount_micros"))


def test_what_is_left_goes_back_to_the_newest_deposits_first(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    old, new = deposit(advertiser), deposit(advertiser, usd("20"), days=1)
    deposit_refunds.want(advertiser, NOON)
    assert [(row.order_id, row.amount_micros) for row in DepositRefund.objects.order_by("pk")] == [
        (new.pk, usd("20")),
        (old.pk, usd("500")),
    ]
    assert funds.of(advertiser, NOON).free == 0, "from this moment nothing else may have it"
    assert advertiser.prepaid_micros() == usd("520"), "and it is still here"
    assert deposit_refunds.send_due(NOON) == 2
    assert advertiser.prepaid_micros() == 0
    assert {order.state for order in Order.objects.all()} == {Order.State.REFUNDED}
    assert journal.balance(chart.stripe("USD")) == 0
    assert is_clean()


def test_what_was_shown_and_what_can_still_be_watched_stays(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    deposit(advertiser, usd("20"))
    ad = make_ad(make_campaign(advertiser=advertiser))
    lease(ad)
    assert sum(part.micros for part in deposit_refunds.plan(advertiser, NOON)) == usd("19.94"), "a slice of ten views"
    deposit_refunds.want(advertiser, NOON)
    assert rows() == [("WANTED", usd("19.99"))], "one view was offered; the slice went back, and a part of a cent stays"
    assert Campaign.objects.get().state == Campaign.State.PAUSED
    with pytest.raises(campaigns.NotReady, match="not prepaid"):
        campaigns.go_live(Campaign.objects.get(), NOON)
    deposit_refunds.send_due(NOON)
    leases.return_due(NOON + HOUR)
    assert advertiser.prepaid_micros() == usd("0.01")
    assert is_clean()


def test_no_lease_is_granted_from_money_on_its_way_back(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    deposit(advertiser, usd("20"))
    deposit_refunds.want(advertiser, NOON)
    ad = make_ad(make_campaign(advertiser=advertiser))  # live, as if nobody had looked
    with pytest.raises(leases.NothingLeft):
        lease(ad)
    assert page_token(ad)


def test_never_more_than_was_agreed_to(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    deposit(advertiser, usd("20"))
    deposit_refunds.want(advertiser, NOON, most=usd("5.009"))
    assert rows() == [("WANTED", usd("5"))]


def test_the_audit_sees_a_refund_that_nobody_booked(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    deposit(advertiser, usd("20"))
    deposit_refunds.want(advertiser, NOON)
    DepositRefund.objects.update(state=State.REFUNDED, provider_id="re_1", ended_at=NOON)
    assert {finding.rule for finding in findings()} == {"deposit refund"}


def test_pressing_twice_wants_it_once(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    deposit(advertiser, usd("20"))
    first = deposit_refunds.want(advertiser, NOON, most=usd("5"))
    assert deposit_refunds.want(advertiser, NOON, most=usd("5")) == first
    deposit_refunds.send_due(NOON)
    assert deposit_refunds.send_due(NOON) == 0
    assert len(stripe.made) == 1
    assert advertiser.prepaid_micros() == usd("15")


def test_an_answer_that_is_lost_is_asked_for_with_the_same_key_and_booked_once(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    deposit(advertiser, usd("20"))
    deposit_refunds.want(advertiser, NOON)
    stripe.fails = ["is silent after", "is silent before"]
    deposit_refunds.send_due(NOON)
    assert rows() == [("WANTED", usd("20"))], "unknown is not failed"
    assert deposit_refunds.send_due(NOON) == 0, "not before a minute"
    deposit_refunds.send_due(NOON + MINUTE)
    deposit_refunds.send_due(NOON + HOUR)
    assert rows() == [("REFUNDED", usd("20"))]
    assert len(set(stripe.keys)) == 1
    assert len(stripe.made) == 1
    assert is_clean()


@pytest.mark.parametrize("how", ["is silent after", "is silent before"])
def test_a_key_that_stripe_forgot_is_not_used_again_before_we_know(stripe: Stripe, how: str) -> None:
    advertiser = make_advertiser()
    deposit(advertiser, usd("20"))
    deposit_refunds.want(advertiser, NOON)
    stripe.fails = [how]
    deposit_refunds.send_due(NOON)
    later = NOON + timedelta(hours=24)
    stripe.made = {}  # the keys are gone
    deposit_refunds.send_due(later)
    assert stripe.given_back == 2_000, "given back once"
    assert rows() == [("REFUNDED", usd("20"))]
    assert len(set(stripe.keys)) == (1 if how == "is silent after" else 2)
    assert is_clean()


def test_what_stripe_refuses_is_free_again_and_says_why(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    deposit(advertiser, usd("20"))
    deposit_refunds.want(advertiser, NOON)
    stripe.fails = ["refuses"]
    deposit_refunds.send_due(NOON)
    row = DepositRefund.objects.get()
    assert (row.state, row.problem) == (State.FAILED, "This card was closed.")
    assert funds.of(advertiser, NOON).free == usd("20")
    deposit_refunds.want(advertiser, NOON)
    deposit_refunds.send_due(NOON)
    assert advertiser.prepaid_micros() == 0
    assert is_clean()


def test_an_answer_of_another_shape_holds_up_no_other_refund_and_stays_in_sight(
    stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    advertiser = make_advertiser()
    bad = deposit(advertiser, usd("20"))
    deposit(advertiser, usd("30"), days=1)
    deposit_refunds.want(advertiser, NOON + timedelta(days=1))

    def fail(payment_intent: str) -> Refunds:
        assert payment_intent != bad.payment_intent, "an answer of another shape"
        return stripe.refunds_of(payment_intent)

    with monkeypatch.context() as patch:
        patch.setattr(checkout, "refunds_of", fail)
        assert deposit_refunds.send_due(NOON + timedelta(days=1)) == 2
    assert rows() == [(State.REFUNDED, usd("30")), (State.WANTED, usd("20"))]
    assert any("another shape" in finding.message for finding in findings())
    deposit_refunds.send_due(NOON + timedelta(days=2))
    assert len(stripe.made) == 2, "the key that was used once is used again"
    assert advertiser.prepaid_micros() == 0
    assert is_clean()


def test_the_webhook_of_our_own_refund_waits_for_us_and_books_nothing_twice(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser, usd("20"))
    row = deposit_refunds.want(advertiser, NOON)[0]
    stripe.fails = ["is silent after"]
    deposit_refunds.send_due(NOON)
    charge = {"object": "charge", "payment_intent": order.payment_intent, "amount_refunded": 2_000, "currency": "usd"}
    with pytest.raises(taking.NotYet):
        events._learn_refunds(charge, NOON)
    deposit_refunds.send(row.pk, NOON + HOUR)
    events._learn_refunds(charge, NOON + HOUR)
    assert events._refunded(charge, NOON + HOUR) == "Known."
    assert advertiser.prepaid_micros() == 0
    assert is_clean()


def test_a_refund_made_by_hand_and_ours_add_up(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser, usd("20"))
    stripe.by_hand(order.payment_intent, 500)
    refunds.refund(order.pk, 500, "USD", at=NOON)
    deposit_refunds.want(advertiser, NOON)
    deposit_refunds.send_due(NOON)
    assert rows() == [("REFUNDED", usd("15"))]
    assert advertiser.prepaid_micros() == 0
    assert is_clean()


def test_disputed_deposits_are_refused_with_a_sentence(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser)
    disputes.learn(order.pk, disputes.read(told(order, "needs_response")), at=NOON)
    advertiser.refresh_from_db()
    with pytest.raises(CannotGiveBack, match="until the bank has decided"):
        deposit_refunds.want(advertiser, NOON)
    assert rows() == []


def test_deposits_that_no_card_can_take_back_are_refused_with_a_sentence(stripe: Stripe) -> None:
    advertiser = make_advertiser(prepaid=usd("7"))  # money that came by no card
    order = deposit(advertiser, usd("20"))
    refunds.refund(order.pk, 2_000, "USD", at=NOON)
    with pytest.raises(CannotGiveBack, match="Write to us"):
        deposit_refunds.want(advertiser, NOON)
    empty = make_advertiser()
    with pytest.raises(CannotGiveBack, match="no free money"):
        deposit_refunds.want(empty, NOON)


# --- the pages


def test_an_advertiser_reads_what_comes_back_and_presses_once(client: Client, stripe: Stripe) -> None:
    advertiser = make_advertiser()
    deposit(advertiser, usd("20"))
    campaign = make_campaign(advertiser=advertiser, name="Autumn buses")
    client.force_login(acme())
    assert "Get unspent money back" in client.get("/advertise/").content.decode()
    page = client.get(f"/advertise/{advertiser.pk}/give-back/").content.decode()
    assert "Get $20.00 back" in page
    assert "“Autumn buses”" in page
    answer = client.post(f"/advertise/{advertiser.pk}/give-back/", {"most": usd("20")}, follow=True)
    assert "$20.00 is on its way back" in answer.content.decode()
    assert "on its way since" in answer.content.decode()
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.PAUSED
    deposit_refunds.send_due(timezone.now())
    page = client.get("/advertise/").content.decode()
    assert "given back on" in page
    assert "Get unspent money back" not in page
    refused = client.get(f"/advertise/{advertiser.pk}/give-back/", follow=True).content.decode()
    assert "There is no free money to give back" in refused


def test_what_is_held_is_said_with_its_time(client: Client, stripe: Stripe) -> None:
    advertiser = make_advertiser()
    deposit(advertiser, usd("20"))
    campaign = make_campaign(advertiser=advertiser)
    lease(make_ad(campaign), timezone.now())
    campaigns.end(campaign, timezone.now())
    client.force_login(acme())
    page = client.get("/advertise/").content.decode()
    assert "$0.006 is held for ads that were offered and can still be watched." in page
    assert " is free again by " in page


def test_nobody_gives_back_the_money_of_others(client: Client, stripe: Stripe) -> None:
    theirs, mine = make_advertiser(owner=leo()), make_advertiser()
    deposit(theirs)
    client.force_login(acme())
    assert client.post(f"/advertise/{theirs.pk}/give-back/").status_code == 404
    assert client.get(f"/advertise/{mine.pk}/give-back/").status_code == 303
    assert rows() == []


# --- at once


def _at_once(*calls: Callable[[], Any]) -> list[Any]:
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait(timeout=10)
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(run, call) for call in calls]]


def test_a_press_that_looked_just_before_another_one_finds_what_that_wanted(
    stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    advertiser = make_advertiser()
    deposit(advertiser, usd("20"))
    wanted = deposit_refunds.want(advertiser, NOON)
    looks, look = iter([True]), deposit_refunds._open
    monkeypatch.setattr(deposit_refunds, "_open", lambda one: [] if next(looks, False) else look(one))
    assert deposit_refunds.want(advertiser, NOON) == wanted


@pytest.mark.django_db(transaction=True)
def test_two_presses_and_two_workers_at_once_give_back_once(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    deposit(advertiser, usd("20"))
    wanted = _at_once(*[lambda: deposit_refunds.want(advertiser, NOON)] * 3)
    assert len({row.pk for rows in wanted for row in rows}) == 1
    _at_once(*[lambda: deposit_refunds.send_due(NOON)] * 3)
    assert len(stripe.made) == 1
    assert advertiser.prepaid_micros() == 0
    assert is_clean()
