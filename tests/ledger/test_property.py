"""Whatever happens in whatever order, the books agree with a plain second opinion, and the audit is content."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import audit, chart, journal, payees, policy
from ledger.journal import Line
from ledger.models import Entry, Posting
from tests.ledger.factories import NOON, USD, make_credit_download, make_gate_view, make_sale, make_top_up, matures
from tests.ledger.model import Model, No

pytestmark = pytest.mark.django_db

STRIPE, PREPAID, ADS, POOL = (
    chart.stripe(USD),
    chart.prepaid(7, USD),
    chart.ads_revenue(USD),
    chart.pool("2026-11", USD),
)
PAYEES = (1, 2)
CODES = {
    "stripe": STRIPE,
    "prepaid": PREPAID,
    "ads": ADS,
    "pool": POOL,
    "commission": chart.commission(USD),
    "ad_share": chart.payee_ad_share(USD),
    "rewards": chart.listener_rewards(USD),
    "unsettled": chart.unsettled(USD),
    "backing": chart.backing(USD),
    "wallet": chart.wallet(9),
    **{
        f"{place}{payee}": chart.payee(payee, place, USD)
        for payee in PAYEES
        for place in ("pending", "payable", "owed")
    },
}

prices = st.integers(min_value=1, max_value=20_000_000)
views = st.integers(min_value=1, max_value=20).map(lambda n: n * 1_000)
payee_ids = st.sampled_from(PAYEES)
earning = st.integers(min_value=0, max_value=30)  # an index into the earnings there are
events = st.one_of(
    st.tuples(st.just("top_up"), prices),
    st.tuples(st.just("sale"), payee_ids, prices.map(lambda price: price * 10)),
    st.tuples(st.just("beside_music"), payee_ids, prices),
    st.tuples(st.just("gate_view"), views),
    st.tuples(st.just("settle"), views),
    st.tuples(st.just("download"), payee_ids, views),
    st.tuples(st.just("expire"), views),
    st.tuples(st.just("take_back"), earning, st.sampled_from([1, 30, 50, 100])),
    st.tuples(st.just("undo"), earning),
    st.tuples(st.just("mature")),
    st.tuples(st.just("pay"), payee_ids, st.sampled_from([10, 100, 101])),
    st.tuples(st.just("repeat")),
)
histories = st.lists(st.tuples(st.integers(min_value=0, max_value=5), events), min_size=1, max_size=40)


def both(model: Callable[[], None], books: Callable[[], object]) -> None:
    """Do something in the model and in the books: either both do it or both refuse."""
    try:
        model()
    except No:
        with pytest.raises(journal.Refused):
            books()
    else:
        books()


class Books:
    """Plays events on the real books and on the model."""

    def __init__(self) -> None:
        self.model = Model()
        self.at = NOON
        self.number = 0
        self.earnings: dict[str, Posting] = {}
        self.last: tuple[str, str, tuple[Line, ...]] | None = None

    def play(self, days: int, event: tuple[Any, ...]) -> None:
        self.at += timedelta(days=days, minutes=1)
        self.number += 1
        name, *arguments = event
        getattr(self, name)(*arguments)

    def post(self, kind: str, *lines: Line) -> Entry:
        self.last = (f"{kind}:{self.number}", kind, lines)
        return journal.post(*self.last, occurred_at=self.at).entry

    def top_up(self, amount: int) -> None:
        self.model.top_up(amount)
        make_top_up(amount=amount, number=self.number, at=self.at)

    def sale(self, payee: int, price: int) -> None:
        key = f"sale:{self.number}"
        self.model.sale(key, payee, price, matures(self.at, 14))
        entry = make_sale(payee=payee, price=price, number=self.number, at=self.at)
        self.earnings[key] = entry.postings.get(line=0)

    def beside_music(self, payee: int, price: int) -> None:
        key, day = f"ads:{self.number}", matures(self.at, 7)
        share, pending = policy.split(price).payee, chart.payee(payee, "pending", USD)

        def post() -> None:
            cost = Line(CODES["ad_share"], pending, share, USD, matures_on=day)
            self.earnings[key] = self.post("ads", Line(PREPAID, ADS, price, USD), cost).postings.get(line=1)

        both(lambda: self.model.beside_music(key, payee, price, day), post)

    def gate_view(self, price: int) -> None:
        self.model.gate_view(price)
        make_gate_view(price=price, number=self.number, at=self.at)

    def settle(self, price: int) -> None:
        line = Line(PREPAID, CODES["unsettled"], price, USD)
        both(lambda: self.model.settle(price), lambda: self.post("settle", line))

    def download(self, payee: int, price: int) -> None:
        key = f"spend:{self.number}"

        def post() -> None:
            entry = make_credit_download(price=price, payee=payee, number=self.number, at=self.at)
            self.earnings[key] = entry.postings.get(line=1)

        both(lambda: self.model.download(key, payee, price, matures(self.at, 7)), post)

    def expire(self, price: int) -> None:
        lines = (
            Line(CODES["wallet"], chart.xcr_expired(), price * 1_000, "XCR"),
            Line(CODES["backing"], POOL, price, USD),
        )
        both(lambda: self.model.expire(price), lambda: self.post("expiry", *lines))

    def take_back(self, index: int, percent: int) -> None:
        if not self.earnings:
            return
        key = list(self.earnings)[index % len(self.earnings)]
        posting, payee = self.earnings[key], self.model.earnings[key].payee
        amount = max(1, posting.amount * percent // 100)

        def post() -> None:
            with transaction.atomic():
                lines = payees.take_back_lines(payee, USD, amount, to=STRIPE, reverses=posting, source="", facts={})
                self.post("refund", *lines)

        both(lambda: self.model.take_back(key, amount), post)

    def undo(self, index: int) -> None:
        sales = [key for key in self.earnings if key.startswith("sale:")]
        if sales:
            key = sales[index % len(sales)]
            entry = self.earnings[key].entry
            both(
                lambda: self.model.undo(key),
                lambda: journal.reverse(entry, key=f"undo:{self.number}", occurred_at=self.at),
            )

    def mature(self) -> None:
        self.model.mature(self.at.date())
        payees.mature(self.at.date(), at=self.at)

    def pay(self, payee: int, percent: int) -> None:
        amount = max(1, self.model[f"payable{payee}"] * percent // 100)
        line = Line(CODES[f"payable{payee}"], STRIPE, amount, USD)
        both(lambda: self.model.pay(payee, amount), lambda: self.post("payout", line))

    def repeat(self) -> None:
        if self.last and journal.entry_for(self.last[0]):
            assert not journal.post(*self.last, occurred_at=self.at).is_new

    def amounts(self, at: datetime | None = None) -> dict[str, int]:
        return {name: journal.balance(code, at=at) for name, code in CODES.items()}

    def expected(self) -> dict[str, int]:
        return {name: self.model[name] for name in CODES}


# Whatever was learnt is kept between runs in .hypothesis; each history is undone, so one database serves all.
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories, data=st.data())
def test_any_history_agrees_with_the_model_and_satisfies_the_audit(
    history: list[tuple[int, tuple[Any, ...]]], data: st.DataObject
) -> None:
    with transaction.atomic():
        books = Books()
        moments: list[tuple[datetime, dict[str, int]]] = [(books.at, books.expected())]
        for days, event in history:
            books.play(days, event)
            moments.append((books.at, books.expected()))
            assert books.amounts() == books.expected(), event
        assert list(audit.findings(books.at)) == []

        at, then = data.draw(st.sampled_from(moments))
        assert books.amounts(at) == then
        name = data.draw(st.sampled_from(list(CODES)))
        moment = timedelta(microseconds=1)
        found = journal.statement([CODES[name]], since=at + moment, until=books.at + moment)
        assert (found.opening, found.closing) == (then[name], books.expected()[name])
        transaction.set_rollback(True)
