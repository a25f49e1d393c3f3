"""Whatever happens in whatever order, the books agree with a plain second opinion, and the audit is content."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ledger import audit, journal
from tests.ledger.books import CODES, PAYEES, Books

pytestmark = pytest.mark.django_db

prices = st.integers(min_value=1, max_value=20_000_000)
views = st.integers(min_value=1, max_value=20).map(lambda n: n * 1_000)
payee = st.sampled_from(PAYEES)
index = st.integers(min_value=0, max_value=30)  # of the earnings, sales, cases or downloads there are
percent = st.sampled_from([1, 30, 50, 100])
or_more = st.sampled_from([10, 100, 101])  # one more than there is, now and then
days = st.integers(min_value=0, max_value=5)


class Machine(RuleBasedStateMachine):
    """Every event of docs/money.md, in any order, with any amounts."""

    @initialize()
    def open(self) -> None:
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.books = Books()
        self.moments: list[tuple[datetime, dict[str, int]]] = []

    def teardown(self) -> None:
        if hasattr(self, "atomic"):
            try:
                # What nobody matches stays in suspense, and the audit says so: that it must.
                assert [found for found in audit.findings(self.books.at) if found.rule != "suspense"] == []
            finally:
                transaction.set_rollback(True)
                self.atomic.__exit__(None, None, None)

    @invariant()
    def books_agree_with_the_model(self) -> None:
        if hasattr(self, "books"):
            self.books.check()
            self.moments.append((self.books.at, self.books.expected()))

    @rule(data=st.data())
    def the_past_does_not_change(self, data: st.DataObject) -> None:
        """A balance at any past moment, and a statement since then, say what was true then."""
        at, then = data.draw(st.sampled_from(self.moments))
        assert self.books.amounts(at) == then
        name = data.draw(st.sampled_from(list(CODES)))
        moment = timedelta(microseconds=1)
        found = journal.statement([CODES[name]], since=at + moment, until=self.books.at + moment)
        assert (found.opening, found.closing) == (then[name], self.books.expected()[name])

    # --- sales

    @rule(days=days, payee=payee, price=prices, tax=st.sampled_from([0, 0, 1, 1_900_001]))
    def sale(self, days: int, payee: int, price: int, tax: int) -> None:
        self.books.play("sale", payee, price * 10, tax, days=days)

    @rule(price=prices)
    def cart(self, price: int) -> None:
        self.books.play("cart", price * 10)

    @rule(index=index, percent=percent)
    def take_back(self, index: int, percent: int) -> None:
        self.books.play("take_back", index, percent)

    @rule(index=index)
    def undo(self, index: int) -> None:
        self.books.play("undo", index)

    @rule(name=st.sampled_from(["fee", "repeat", "reuse_key", "close_this_month"]))
    def small_things(self, name: str) -> None:
        self.books.play(name)

    # --- disputes

    @rule(index=index, percent=percent)
    def open_case(self, index: int, percent: int) -> None:
        self.books.play("open_case", index, percent)

    @rule(index=index, days=days)
    def win_case(self, index: int, days: int) -> None:
        self.books.play("win_case", index, days=days)

    @rule(index=index, days=days)
    def lose_case(self, index: int, days: int) -> None:
        self.books.play("lose_case", index, days=days)

    # --- payees

    @rule(days=st.integers(min_value=0, max_value=20))
    def mature(self, days: int) -> None:
        self.books.play("mature", days=days)

    @rule(payee=payee, percent=or_more)
    def reserve(self, payee: int, percent: int) -> None:
        self.books.play("reserve", payee, percent)

    @rule(source=st.sampled_from([0, 1]))
    def pay(self, source: int) -> None:
        self.books.play("pay", source)

    @rule(name=st.sampled_from(["fail", "give_back"]))
    def comes_back(self, name: str) -> None:
        self.books.play(name)

    @rule(payee=payee, percent=or_more)
    def withhold(self, payee: int, percent: int) -> None:
        self.books.play("withhold", payee, percent)

    @rule(payee=payee, percent=or_more)
    def write_off(self, payee: int, percent: int) -> None:
        self.books.play("write_off", payee, percent)

    # --- the operator and advertisers

    @rule(name=st.sampled_from(["pay_vat", "stripe_pays_us", "unmatched", "matched"]), amount=prices)
    def operator(self, name: str, amount: int) -> None:
        self.books.play(name, amount)

    @rule(amount=prices)
    def top_up(self, amount: int) -> None:
        self.books.play("top_up", amount)

    @rule(name=st.sampled_from(["refund_top_up", "dispute_top_up", "lose_top_up", "win_top_up"]), amount=prices)
    def top_up_goes_back(self, name: str, amount: int) -> None:
        self.books.play(name, amount)

    # --- ads and credits

    @rule(price=prices, days=days, matures=st.sampled_from([7, 0, -3]))
    def beside_music(self, price: int, days: int, matures: int) -> None:
        self.books.play("beside_music", price, matures, days=days)

    @rule(index=index, percent=percent)
    def invalid_beside_music(self, index: int, percent: int) -> None:
        self.books.play("invalid_beside_music", index, percent)

    @rule(name=st.sampled_from(["gate_view", "gate_view", "megakey", "replaced", "settle"]), price=views)
    def view(self, name: str, price: int) -> None:
        # Credits are whole thousandths of a micro only when seven tenths of the price are whole.
        self.books.play(name, price * 10 if name == "replaced" else price)

    @rule(payee=payee, price=views, days=days)
    def download(self, payee: int, price: int, days: int) -> None:
        self.books.play("download", payee, price, days=days)

    @rule(index=index)
    def undo_download(self, index: int) -> None:
        self.books.play("undo_download", index)

    @rule(name=st.sampled_from(["expire", "revoke", "merge"]), price=views)
    def leaves_the_wallet(self, name: str, price: int) -> None:
        self.books.play(name, price)

    @rule(percent=or_more)
    def share_pool(self, percent: int) -> None:
        self.books.play("share_pool", percent)

    @rule(days=st.integers(min_value=20, max_value=40))
    def close_month(self, days: int) -> None:
        self.books.play("close_month", days=days)


def test_any_history_agrees_with_the_model_and_satisfies_the_audit() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        ),
    )
