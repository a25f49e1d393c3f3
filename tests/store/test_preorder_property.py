"""Whatever happens to pre-orders, in whatever order: the books agree, and everybody has the music or the money."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artists import albums
from ledger import audit as books
from ledger import chart, journal
from store import audit
from store.access import library
from store.cases import dispute_audit, disputes, preorder_audit, preorder_refunds, refunds, sale_checks, taking
from store.models import Order, PreOrder
from store.music import Music
from store.sales import checkout, orders, preorders
from tests.store.buying_before import Cards, make_coming, make_preorder, pay
from tests.store.factories import NOON, guest, told

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
BUYERS = 2


class World:
    """Two buyers, one album, a card bank and a clock."""

    def __init__(self, cards: Cards, tax_minor: int) -> None:
        self.cards, self.at = cards, NOON
        self.album = make_coming()
        self.rows = [make_preorder(self.album, by=guest(f"buyer {n}"), is_paid=False) for n in range(BUYERS)]
        self.tax_minor = tax_minor

    def order(self, n: int) -> Order:
        return Order.objects.get(pk=self.rows[n].order_id)

    # --- what can happen; each of it may come at a wrong moment

    def pay(self, n: int) -> None:
        pay(self.order(n), at=self.at, tax_minor=self.tax_minor)

    def cancel(self, n: int) -> None:
        try:
            preorders.cancel(self.rows[n].order_id, guest(f"buyer {n}"), at=self.at)
        except preorders.CannotCancel:
            return

    def publish(self, n: int) -> None:
        self.album.refresh_from_db()
        if self.album.is_announced or self.album.state == "DRAFT":
            albums.publish(self.album, self.at)

    def withdraw(self, n: int) -> None:
        self.album.refresh_from_db()
        if self.album.is_announced or self.album.is_published:
            albums.withdraw(self.album, self.at)

    def announce(self, n: int) -> None:
        """Again, for another day: near, or far."""
        self.album.refresh_from_db()
        if self.album.published_at is None:
            albums.announce(self.album, self.at + (20 + 150 * n) * DAY, self.at)

    def wait(self, n: int) -> None:
        self.at += (1 + 40 * n) * DAY
        albums.bring_out(self.at)

    def settle(self, n: int) -> None:
        preorders.settle_due(self.at)

    def send(self, n: int) -> None:
        preorder_refunds.send_due(self.at)

    def stumble(self, n: int) -> None:
        self.cards.fails = [("is silent before", "is silent after")[n]]
        preorder_refunds.send_due(self.at)
        self.cards.fails = []

    def refund(self, n: int) -> None:
        """A part or all, in Stripe's own pages; Stripe gives nothing back of what a bank took."""
        order = self.order(n)
        left = (order.total_micros // 10_000) - self.cards.back(order)
        if not order.payment_intent or order.disputes.exclude(state="WON").exists() or not left:
            return
        self.cards.by_hand(order.payment_intent, min(left, 333 + 500 * n))
        refunds.refund(order.pk, self.cards.back(order), "USD", at=self.at)

    def dispute(self, n: int) -> None:
        if not self.cards.back(self.order(n)):
            self._learn(n, "needs_response")

    def win(self, n: int) -> None:
        if self.order(n).disputes.filter(state="OPEN").exists():
            self._learn(n, "won")

    def lose(self, n: int) -> None:
        if self.order(n).disputes.filter(state="OPEN").exists():
            self._learn(n, "lost")

    def _learn(self, n: int, status: str) -> None:
        order = self.order(n)
        if status == "needs_response" and order.disputes.exists():
            return
        try:
            disputes.learn(order.pk, disputes.read(told(order, status, back=status == "won")), at=self.at)
        except taking.NotYet:
            return  # nobody disputes what nobody paid

    # --- what must be so

    def check(self) -> None:
        """What is looked at after every step: the whole audit is for the end."""
        assert [*preorder_audit.findings(), *sale_checks.findings(), *dispute_audit.findings()] == []

    def end(self) -> None:
        """Time passes, until nothing waits any more."""
        for n in range(BUYERS):
            self.lose(n)
        self.at += 400 * DAY
        albums.bring_out(self.at)
        for _ in range(4):
            preorders.settle_due(self.at)
            preorder_refunds.send_due(self.at)
            self.at += DAY
        assert [*audit.findings(), *books.findings(self.at)] == []
        for n in range(BUYERS):
            self._see(n)
        assert journal.balance(chart.preorders("USD")) == 0

    def _see(self, n: int) -> None:
        order, row = self.order(n), PreOrder.objects.get(order=self.rows[n].order_id)
        if order.state == Order.State.PENDING:
            assert row.state == PreOrder.State.WAITING
            return
        back = self.cards.back(order) * 10_000 + order.charged_back_micros
        has_it = library.has(orders.owner_of(order), Music(album=self.album))
        assert has_it == (back < order.total_micros), "the music, or all of the money"
        assert back == order.taken_micros
        assert row.state == (PreOrder.State.DELIVERED if has_it else row.state)
        assert row.state in (PreOrder.State.DELIVERED, PreOrder.State.ENDED)


NAMES = "pay cancel publish withdraw announce wait settle send stumble refund dispute win lose"
steps = st.lists(st.tuples(st.sampled_from(NAMES.split()), st.integers(0, BUYERS - 1)), max_size=14)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps, tax_minor=st.sampled_from([0, 190]))
def test_everybody_has_the_music_or_the_money_and_the_books_agree(steps: list[tuple[str, int]], tax_minor: int) -> None:
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        cards = Cards()
        patch.setattr(checkout, "refund", cards.refund)
        patch.setattr(checkout, "refunds_of", cards.refunds_of)
        patch.setattr(checkout, "refuse_transactions", lambda: None)
        world = World(cards, tax_minor)
        for name, n in [("pay", 0), *steps]:
            step: Callable[[int], None] = getattr(world, name)
            step(n)
            world.check()
        world.end()
        transaction.set_rollback(True)
