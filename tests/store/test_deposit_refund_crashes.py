"""Giving a deposit back, killed at every boundary there is: it goes back once, and the books say so once."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings

from ads.models import Advertiser, Campaign
from store.cases import deposit_refunds
from store.models import DepositRefund, Order
from store.payments import events
from store.sales import checkout, orders
from tests.ads.factories import make_advertiser, make_campaign, usd
from tests.crashing import Arena, Clock, at_once, boundaries, findings, sweep
from tests.standin.server import Standin
from tests.store.factories import listener

Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    with Standin(tmp_path_factory.mktemp("standin")) as standin:
        yield standin


@pytest.fixture(autouse=True)
def _provider_is_stripe(provider: Standin, settings: LazySettings) -> None:
    settings.STRIPE_API_KEY = provider.key
    settings.STRIPE_API_BASE = provider.url


class GiveBack:
    """An advertiser with a live campaign wants a deposit back; whoever was killed, they press again."""

    patience = 0.0

    def __init__(self, provider: Standin, clock: Clock) -> None:
        self.provider, self.clock, self.start = provider, clock, clock.now

    def begin(self) -> None:
        """A deposit of its own in each life, because the provider forgets nothing."""
        self.clock.now = self.start
        advertiser = make_advertiser()
        order = orders.place_deposit(advertiser, usd("20"), listener(), order_id=uuid.uuid4(), at=self.clock())
        checkout.start(order)
        self.provider.pay(str(order.checkout_session), deliver=False)
        orders.fulfil(order.pk, checkout.ask(str(order.checkout_session)), at=self.clock())
        make_campaign(advertiser=advertiser, name="Autumn")

    def work(self) -> None:
        deposit_refunds.want(Advertiser.objects.get(), self.clock())
        deposit_refunds.send_due(self.clock())

    def recover(self) -> None:
        self.clock.passes(minutes=2)  # claims of the dead are free
        deposit_refunds.send_due(self.clock())
        if not DepositRefund.objects.exists():
            self.work()
        order = Order.objects.get()
        events._learn_refunds({"object": "charge", "payment_intent": order.payment_intent}, self.clock())

    def faults(self) -> Iterator[str]:
        order, advertiser = Order.objects.get(), Advertiser.objects.get()
        states = list(DepositRefund.objects.values_list("state", flat=True))
        if states != ["REFUNDED"]:
            yield f"The refunds are {states}."
        found = self.provider.client().v1.refunds.list({"payment_intent": order.payment_intent}).data
        if [one.amount for one in found] != [2_000]:
            yield f"Stripe gave {[one.amount for one in found]} back."
        if advertiser.prepaid_micros() or order.state != Order.State.REFUNDED:
            yield f"{advertiser.prepaid_micros()} micros are still prepaid."
        if Campaign.objects.live().exists():
            yield "A campaign is live without money."
        yield from findings(self.clock() + timedelta(hours=1))


def test_killed_anywhere_it_goes_back_once(
    arena: Arena, clock: Clock, provider: Standin, record_property: Record
) -> None:
    arena.keep()
    swept = sweep(arena, GiveBack(provider, clock))
    record_property("crash points", swept.points)
    assert swept.faults == []
    assert "before POST /v1/refunds" in swept.boundaries
    assert "request sent, answer not read" in swept.boundaries


@pytest.mark.sweep
def test_two_workers_at_once_one_killed_anywhere_give_it_back_once(
    arena: Arena, clock: Clock, provider: Standin, record_property: Record
) -> None:
    arena.keep()
    story = GiveBack(provider, clock)
    points = boundaries(arena, story)
    faults = []
    for crash_at in range(len(points) + 1):
        arena.restore()
        story.begin()
        at_once(story.work, story.work, crash_at=crash_at)
        story.recover()
        faults += [f"killed at {crash_at}: {fault}" for fault in story.faults()]
    record_property("crash points", len(points) + 1)
    assert faults == []
