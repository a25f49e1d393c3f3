"""In whatever order Stripe lists and our own events come, with readings in between, both sides end the same."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import audit as books
from ledger import chart, journal
from ledger.models import Entry
from payouts import booking, transfers
from payouts.models import Payout
from store import audit
from store.cases import disputes, refunds, taking
from store.models import BalanceTransaction, Order
from store.reconciliation import balance_checks, naming
from store.reconciliation.stripe_balance import Told
from store.sales import fees, orders
from store.sales.checkout import Fee
from tests.payouts.factories import earn, executing_run, make_payee
from tests.store.factories import NOON, make_order, make_sold_album, paid_session
from tests.store.factories import told as dispute
from tests.store.stripes import Stripe, minor, told

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)

Step = Callable[[], None]


class World:
    """A few sales with refunds, a payout that comes back, and what only Stripe knows; each side in pieces."""

    def __init__(self, stripe: Stripe, prices: list[int], refunded: list[list[int]]) -> None:
        self.stripe = stripe
        self.at = NOON
        self.steps: list[Step] = []
        for price, parts in zip(prices, refunded, strict=True):
            self._sale(price, parts)
        self._payout()
        for kind, micros in (("stripe_fee", -1_230_000), ("payout", -5_000_000), ("payout_failure", 5_000_000)):
            self._tells(told(kind, micros, at=NOON - HOUR))

    def _tells(self, one: Told) -> None:
        self.steps.append(lambda: self.stripe.tell(one))

    def _sale(self, price: int, parts: list[int]) -> None:
        order = make_order(make_sold_album(price, tracks=0), at=NOON)
        payment, fee = f"pi_{order.pk}", price * 29 // 1000 // 10_000 * 10_000 + 300_000
        self.steps.append(lambda: self._fulfil(order))
        self.steps.append(lambda: self._fee(order, fee))
        self._tells(told("charge", price, fee=fee, subject=payment))
        if not parts:
            self._dispute(order, price)
        so_far = 0
        for part in parts:
            so_far += min(part, price - so_far)
            cumulated = so_far
            self.steps.append(lambda cumulated=cumulated: self._refund(order, cumulated))  # type: ignore[misc]
        taken = 0
        for part in parts:
            part = min(part, price - taken)
            taken += part
            if part:
                self._tells(told("refund", -part, subject=payment))

    def _fulfil(self, order: Order) -> None:
        orders.fulfil(order.pk, paid_session(order), at=self.at)

    def _refund(self, order: Order, cumulated: int) -> None:
        if not cumulated:
            return
        try:
            refunds.refund(order.pk, minor(cumulated), "USD", at=self.at)
        except taking.NotYet:  # as the event does: it comes again
            self.steps.append(lambda: self._refund(order, cumulated))

    def _dispute(self, order: Order, price: int) -> None:
        """The issuer takes the payment and gives it back; each event tells all that is known by then."""
        for known in (dispute(order), dispute(order, "won", back=True)):
            self.steps.append(lambda known=known: self._learn(order, known))  # type: ignore[misc]
        about = {"subject": f"pi_{order.pk}", "source": known["id"]}
        self._tells(told("adjustment", -price, fee=15_000_000, **about))
        self._tells(told("adjustment", price, **about))

    def _learn(self, order: Order, known: dict[str, Any]) -> None:
        try:
            disputes.learn(order.pk, disputes.read(known), at=self.at)
        except taking.NotYet:
            self.steps.append(lambda: self._learn(order, known))

    def _fee(self, order: Order, fee: int) -> None:
        order.refresh_from_db()
        if order.payment_intent:
            fees.record(order, Fee("txn", "USD", minor(fee), minor(order.total_micros)), at=self.at)

    def _payout(self) -> None:
        topup = told("topup", 60_000_000)
        self.stripe.tell(topup)
        earn(make_payee(), 60_000_000)
        payout = executing_run().payouts.get()

        def pay() -> None:
            payout.refresh_from_db()
            payout.state, payout.transfer_id, payout.paid_at = Payout.State.PAID, "tr_1", self.at
            payout.save()
            booking.paid(payout, at=self.at)

        def come_back() -> None:
            if not Payout.objects.filter(pk=payout.pk, state=Payout.State.PAID).exists():
                self.steps.append(come_back)
                return
            transfers.record_return(payout.pk, why="Reversed.", at=self.at)

        self.steps += [pay, come_back]
        self._tells(told("transfer", -60_000_000, subject="tr_1"))
        self._tells(told("transfer_refund", 60_000_000, subject="tr_1"))

    def run(self) -> None:
        self.at += 3 * HOUR
        balance_checks.run(at=self.at)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    prices=st.lists(st.sampled_from([990_000, 9_990_000, 25_000_000]), min_size=1, max_size=2),
    data=st.data(),
)
def test_every_order_of_events_and_readings_ends_with_equal_balances(prices: list[int], data: st.DataObject) -> None:
    parts = st.lists(st.sampled_from([10_000, 500_000, 7_770_000, 25_000_000]), max_size=3)
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        stripe = Stripe(patch)
        world = World(stripe, prices, [data.draw(parts) for _ in prices])
        world.steps = data.draw(st.permutations(world.steps))
        readings = data.draw(st.sets(st.integers(0, len(world.steps) - 1), max_size=4))
        position = 0
        while world.steps:
            world.steps.pop(0)()
            if position in readings:
                world.run()
            position += 1
        world.run()
        assert_equal(stripe)
        transaction.set_rollback(True)


def assert_equal(stripe: Stripe) -> None:
    extra = Entry.objects.filter(key__startswith="test-sale:").values_list("pk", flat=True)  # the payee's earning
    earned = 60_000_000 * len(extra)
    assert journal.balance(chart.stripe("USD")) - earned == stripe.balance()["USD"]
    assert journal.balance(chart.suspense("USD")) == 0
    assert not BalanceTransaction.objects.exclude(state=BalanceTransaction.State.MATCHED).exists()
    assert [one.entry.pk for one in naming.unnamed()] == list(extra)
    assert [one for one in audit.findings() if "unmatched" not in one.rule] == []
    assert list(books.findings(timezone.now())) == []
