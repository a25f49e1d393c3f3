"""Plays every event of docs/money.md on the real books and on a plain model, and compares all balances after each.

Each event is a method of `Books`, as the rooms above the ledger would post it. It either happens in both or is
refused by both.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from ledger import chart, journal, months, payees, policy, reading
from ledger.journal import Line
from ledger.models import Account, Balance, Entry, Posting
from ledger.refusals import MonthNotOver
from megabox.money import CREDIT, allocate, micros_to_xcr
from tests.ledger.factories import NOON, USD, matures
from tests.ledger.model import Model, No

PAYEES = (1, 2)
CODES = {
    "stripe": chart.stripe(USD),
    "bank": chart.bank(USD),
    "receivable": chart.receivable(USD),
    "suspense": chart.suspense(USD),
    "unsettled": chart.unsettled(USD),
    "transit": chart.transit(USD),
    "pool": chart.pool("2026-11", USD),
    "backing": chart.backing(USD),
    "prepaid": chart.prepaid(7, USD),
    "advertiser_owed": chart.advertiser_owed(7, USD),
    "escrow": chart.escrow(3, USD),
    "vat": chart.vat("DE", USD),
    "withheld": chart.withheld("DE", USD),
    "commission": chart.commission(USD),
    "ads": chart.ads_revenue(USD),
    "fees": chart.stripe_fees(USD),
    "dispute_fees": chart.dispute_fees(USD),
    "ad_share": chart.payee_ad_share(USD),
    "rewards": chart.listener_rewards(USD),
    "publishers": chart.publishers(USD),
    "loss": chart.clawback_loss(USD),
    "wallet": chart.wallet(9),
    "other_wallet": chart.wallet(10),
    **{f"{place}{payee}": chart.payee(payee, place, USD) for payee in PAYEES for place in chart.PLACES},
}
WALLETS = ("wallet", "other_wallet")
SPLIT = (6_000, 4_000)
FEE, DISPUTE_FEE = 590_000, 15_000_000


class Books:
    """The real books beside the model of them. Amounts are micros of USD."""

    def __init__(self) -> None:
        self.model = Model()
        self.at = NOON
        self.number = 0
        self.earnings: dict[str, Posting] = {}
        self.holds: dict[str, list[Posting]] = {}
        self.downloads: dict[str, tuple[Entry, int]] = {}
        self.sales: list[str] = []
        self.last: tuple[str, str, tuple[Line, ...]] | None = None

    def play(self, name: str, *arguments: int, days: int = 0) -> None:
        """Let an event happen some days after the one before it."""
        self.at += timedelta(days=days, minutes=1)
        self.number += 1
        getattr(self, name)(*arguments)

    def check(self) -> None:
        """Do all accounts hold what the model says, by their cached balances and by their postings?"""
        assert self.amounts() == self.expected()

    def amounts(self, at: datetime | None = None) -> dict[str, int]:
        """What the postings say, until now or up to `at`; what has a cached balance must agree with it."""
        sums = reading.totals(at=at)
        cached = dict(Balance.objects.values_list("account", "amount")) if at is None else {}
        amounts = dict.fromkeys(CODES, 0)
        names = {code: name for name, code in CODES.items()}
        for account in Account.objects.filter(code__in=names):
            debits, credits = sums.get(account.pk, (0, 0))
            micros = debits - credits if account.is_debit_normal else credits - debits
            assert cached.get(account.pk, micros) == micros, account.code
            amounts[names[account.code]] = micros
        return amounts

    def expected(self) -> dict[str, int]:
        """What the model says, credits in their own micros."""
        return {name: self.model[name] * (micros_to_xcr(1) if name in WALLETS else 1) for name in CODES}

    # --- posting

    @contextmanager
    def refused(self) -> Iterator[None]:
        with pytest.raises((journal.Refused, MonthNotOver)):
            yield

    def both(self, model: Callable[[], None], books: Callable[[], object]) -> None:
        """Do something in the model and in the books: either both do it or both refuse."""
        try:
            model()
        except No:
            with self.refused():
                books()
        else:
            books()

    def post(self, kind: str, lines: Sequence[Line], *, key: str = "") -> Entry:
        self.last = (key or f"{kind}:{self.number}", kind, tuple(lines))
        return journal.post(*self.last, occurred_at=self.at).entry

    def line(self, debit: str, credit: str, amount: int, *, days: int | None = None) -> Line:
        unit = CREDIT if debit.startswith(("wallet", "xcr")) else USD
        return Line(
            CODES.get(debit, debit),
            CODES.get(credit, credit),
            amount if unit == USD else micros_to_xcr(amount),
            unit,
            source=f"test:{self.number}",
            matures_on=None if days is None else matures(self.at, days),
        )

    def move(self, debit: str, credit: str, amount: int, *, need: str = "") -> None:
        self.both(
            lambda: self.model.move(debit, credit, amount, need=need),
            lambda: self.post(f"{debit} to {credit}", [self.line(debit, credit, amount)]),
        )

    def remember(self, entry: Entry) -> None:
        """Each credit to a payee's pending is an earning that later events may name."""
        postings = entry.postings.select_related("credit", "debit", "entry").order_by("line")
        for posting in postings:
            if chart.is_pending(posting.credit.code):
                self.earnings[f"{self.number}:{posting.line}"] = posting

    def pick(self, index: int) -> str | None:
        """The key of one of the earnings there are."""
        keys = list(self.earnings)
        return keys[index % len(keys)] if keys else None

    # --- sales

    def sale(self, payee: int, price: int, tax: int = 0) -> None:
        shares = policy.split(price)
        lines = [
            self.line("stripe", f"pending{payee}", shares.payee, days=14),
            self.line("stripe", "commission", shares.commission),
            *([self.line("stripe", "vat", tax)] if tax else []),
        ]
        self.model.sale(f"{self.number}:0", payee, price, tax, matures(self.at, 14))
        self.remember(self.post("sale", lines))
        self.sales.append(f"{self.number}:0")

    def cart(self, price: int) -> None:
        """Two artists in one cart: one entry."""
        shares = policy.split(price)
        lines = []
        for line, payee in ((0, 1), (2, 2)):
            self.model.sale(f"{self.number}:{line}", payee, price, 0, matures(self.at, 14))
            lines.append(self.line("stripe", f"pending{payee}", shares.payee, days=14))
            lines.append(self.line("stripe", "commission", shares.commission))
        self.remember(self.post("sale", lines))

    def fee(self) -> None:
        self.model.fee(FEE)
        self.post("card fee", [self.line("fees", "stripe", FEE)])

    def take_back(self, index: int, percent: int) -> None:
        """A refund of a part of what a payee earned."""
        key = self.pick(index)
        if key is None:
            return
        posting = self.earnings[key]
        amount = max(1, posting.amount * percent // 100)

        def post() -> None:
            with transaction.atomic():
                self.post("refund", self.take_back_lines(posting, amount, "stripe"))

        self.both(lambda: self.model.take(key, amount, to="stripe"), post)

    def take_back_lines(self, posting: Posting, amount: int, to: str, held: int = 0) -> list[Line]:
        payee_id = int(posting.credit.code.split(":")[1])
        return payees.take_back_lines(
            payee_id, USD, amount, to=CODES[to], reverses=posting, source="", facts={}, held=held
        )

    def undo(self, index: int) -> None:
        """A sale is mirrored, as far as nothing of it has matured."""
        if not self.sales:
            return
        key = self.sales[index % len(self.sales)]
        self.both(
            lambda: self.model.undo(key),
            lambda: journal.reverse(self.earnings[key].entry, key=f"undo:{self.number}", occurred_at=self.at),
        )

    # --- disputes

    def open_case(self, index: int, percent: int) -> None:
        key = self.pick(index)
        if key is None:
            return
        posting, name = self.earnings[key], f"case:{self.number}"
        amount = max(1, posting.amount * percent // 100)
        payee_id = int(posting.credit.code.split(":")[1])
        left = posting.amount - self.model.earnings[key].taken

        def post() -> None:
            if amount > left:  # the store hands on no more than is left of a sale
                raise journal.BadEntry("More is disputed than is left of the sale.")
            with transaction.atomic():
                held = payees.hold_lines(payee_id, USD, amount, reverses=posting, source=name, facts={})
                issuer = self.line("receivable", "stripe", amount)
                entry = self.post("dispute", [issuer, self.line("dispute_fees", "stripe", DISPUTE_FEE), *held])
            found = entry.postings.select_related("debit", "credit").filter(credit__code__contains=":hold:")
            self.holds[name] = list(found.order_by("line"))

        self.both(lambda: self.model.open_case(name, key, amount, DISPUTE_FEE), post)

    def open_cases(self) -> list[str]:
        return [name for name, case in self.model.cases.items() if case.is_open]

    def win_case(self, index: int) -> None:
        if not self.open_cases():
            return
        name = self.open_cases()[index % len(self.open_cases())]
        case = self.model.cases[name]
        self.model.win_case(name)
        with transaction.atomic():
            released = [payees.release_line(held, held.amount) for held in self.holds[name]]
            self.post("dispute won", [self.line("stripe", "receivable", case.amount), *released])
            payees.settle_owed(self.model.earnings[case.key].payee, USD, key=f"owed:{self.number}", at=self.at)

    def lose_case(self, index: int) -> None:
        if not self.open_cases():
            return
        name = self.open_cases()[index % len(self.open_cases())]
        case = self.model.cases[name]
        posting = self.earnings[case.key]

        def post() -> None:
            with transaction.atomic():
                self.post("dispute lost", self.take_back_lines(posting, case.amount, "receivable", held=case.held))

        self.both(lambda: self.model.lose_case(name), post)

    # --- payees

    def mature(self) -> None:
        self.model.mature(self.at.date())
        payees.mature(self.at.date(), at=self.at)

    def reserve(self, payee: int, percent: int) -> None:
        amount = max(1, self.model[f"payable{payee}"] * percent // 100)
        self.both(
            lambda: self.model.reserve(f"payout:{self.number}", payee, amount),
            lambda: self.post("payout reserved", [self.line(f"payable{payee}", "transit", amount)]),
        )

    def pay(self, source: int) -> None:
        """The oldest payout in transit is paid, by Stripe or from the bank."""
        if self.model.reserved:
            name = next(iter(self.model.reserved))
            account, amount = ("stripe", "bank")[source], self.model.reserved[name][1]
            self.model.pay(name, account)
            self.post("payout paid", [self.line("transit", account, amount)])

    def fail(self) -> None:
        if self.model.reserved:
            name = next(iter(self.model.reserved))
            payee, amount = self.model.reserved[name]
            self.model.fail(name)
            self.back_to_payable(self.line("transit", f"payable{payee}", amount), payee)

    def give_back(self) -> None:
        if self.model.paid:
            name = next(iter(self.model.paid))
            payee, amount = self.model.paid[name]
            self.model.give_back(name)
            self.back_to_payable(self.line("stripe", f"payable{payee}", amount), payee)

    def back_to_payable(self, line: Line, payee: int) -> None:
        with transaction.atomic():
            self.post("payout back", [line])
            payees.settle_owed(payee, USD, key=f"owed:{self.number}", at=self.at)

    def withhold(self, payee: int, percent: int) -> None:
        amount = max(1, self.model[f"payable{payee}"] * percent // 100)
        self.both(
            lambda: self.model.withhold(payee, amount),
            lambda: payees.withhold(
                payee, USD, amount, country="DE", key=f"tax:{self.number}", source="", why="rate", at=self.at
            ),
        )

    def write_off(self, payee: int, percent: int) -> None:
        amount = max(1, self.model[f"owed{payee}"] * percent // 100)
        self.both(
            lambda: self.model.write_off(payee, amount),
            lambda: payees.write_off(payee, USD, amount, key=f"gone:{self.number}", source="", why="gone", at=self.at),
        )

    # --- the operator's own money

    def pay_vat(self, amount: int) -> None:
        self.move("vat", "bank", amount)

    def stripe_pays_us(self, amount: int) -> None:
        self.move("bank", "stripe", amount)

    def unmatched(self, amount: int) -> None:
        self.move("suspense", "stripe", amount)

    def matched(self, amount: int) -> None:
        self.move("fees", "suspense", amount)

    # --- advertisers

    def top_up(self, amount: int) -> None:
        self.model.top_up(amount)
        self.post("deposit", [self.line("stripe", "prepaid", amount)])

    def refund_top_up(self, amount: int) -> None:
        self.take_top_up(amount, "stripe", "refund")

    def dispute_top_up(self, amount: int) -> None:
        self.move("receivable", "stripe", amount)

    def lose_top_up(self, amount: int) -> None:
        self.take_top_up(amount, "receivable", "dispute lost")

    def win_top_up(self, amount: int) -> None:
        self.move("stripe", "receivable", amount)

    def take_top_up(self, amount: int, to: str, kind: str) -> None:
        there = min(amount, self.model["prepaid"])
        self.model.take_top_up(amount, to)
        parts = (("prepaid", there), ("advertiser_owed", amount - there))
        self.post(kind, [self.line(account, to, part) for account, part in parts if part])

    # --- ads and credits

    def beside_music(self, price: int, days: int = 7) -> None:
        """Ads of a day that matures in so many days; what is settled late may have matured already."""
        share = policy.split(price).payee
        parts = allocate(share, list(SPLIT))
        lines = [self.line("prepaid", "ads", price)]
        keys = {}
        for payee, part in zip(PAYEES, parts, strict=True):
            if part:
                keys[f"{self.number}:{len(lines)}"] = (payee, part)
                lines.append(self.line("ad_share", f"pending{payee}", part, days=days))
        self.both(
            lambda: self.model.beside_music(keys, price, matures(self.at, days)),
            lambda: self.remember(self.post("ads", lines)),
        )

    def invalid_beside_music(self, index: int, percent: int) -> None:
        """Views beside music turn out invalid: the payee's part comes back, the advertiser is made whole."""
        key = self.pick(index)
        if key is None or self.earnings[key].debit.code != CODES["ad_share"]:
            return
        posting = self.earnings[key]
        amount = max(1, posting.amount * percent // 100)

        def model() -> None:
            self.model.take(key, amount, to="ad_share")
            self.model.move("ads", "prepaid", amount)

        def post() -> None:
            with transaction.atomic():
                back = self.take_back_lines(posting, amount, "ad_share")
                self.post("rejected", [self.line("ads", "prepaid", amount), *back])

        self.both(model, post)

    def reward_lines(self, price: int) -> list[Line]:
        return [
            self.line("rewards", "backing", price),
            self.line(chart.xcr_issued(), "wallet", price),
        ]

    def gate_view(self, price: int) -> None:
        self.model.reward(price, paid_from="unsettled")
        self.post("gate", [self.line("unsettled", "ads", price), *self.reward_lines(price)])

    def megakey(self, price: int) -> None:
        self.both(
            lambda: self.model.reward(price, paid_from="prepaid"),
            lambda: self.post("megakey", [self.line("prepaid", "ads", price), *self.reward_lines(price)]),
        )

    def replaced(self, price: int) -> None:
        part = price * 7 // 10
        lines = [self.line("prepaid", "ads", price), self.line("publishers", "escrow", price - part)]
        self.both(
            lambda: self.model.replaced(price),
            lambda: self.post("replaced", [*lines, *self.reward_lines(part)]),
        )

    def settle(self, price: int) -> None:
        self.move("prepaid", "unsettled", price, need="prepaid")

    def download(self, payee: int, price: int) -> None:
        shares = policy.split(price)
        lines = [
            self.line("wallet", chart.xcr_spent(), price),
            self.line("backing", f"pending{payee}", shares.payee, days=7),
            self.line("backing", "commission", shares.commission),
        ]

        def post() -> None:
            entry = self.post("spend", lines)
            self.remember(entry)
            self.downloads[f"{self.number}:1"] = (entry, price)

        self.both(lambda: self.model.download(f"{self.number}:1", payee, price, matures(self.at, 7)), post)

    def undo_download(self, index: int) -> None:
        """The mirror of a download, with take-back: the listener has the credits again."""
        if not self.downloads:
            return
        key = list(self.downloads)[index % len(self.downloads)]
        entry, price = self.downloads[key]

        def post() -> None:
            with transaction.atomic():
                postings = list(entry.postings.select_related("debit", "credit").order_by("line"))
                mirrors = [
                    Line(posting.credit.code, posting.debit.code, posting.amount, posting.unit, reverses_id=posting.pk)
                    for posting in (postings[0], postings[2])
                ]
                self.post("undone", [*mirrors, *self.take_back_lines(postings[1], postings[1].amount, "backing")])

        self.both(lambda: self.model.undo_download(key, price), post)

    def expire(self, price: int) -> None:
        lines = [self.line("wallet", chart.xcr_expired(), price), self.line("backing", "pool", price)]
        self.both(lambda: self.model.leave_wallet(price, to="pool"), lambda: self.post("expiry", lines))

    def revoke(self, price: int) -> None:
        """An invalid view whose credits nobody spent, before or after it was settled."""
        lines = [self.line("wallet", chart.xcr_revoked(), price), self.line("backing", "rewards", price)]

        def model() -> None:
            self.model.leave_wallet(price, to="rewards")
            self.model.move("ads", "unsettled", price)

        self.both(model, lambda: self.post("rejected", [self.line("ads", "unsettled", price), *lines]))

    def merge(self, price: int) -> None:
        line = self.line("wallet", "other_wallet", price)
        self.both(lambda: self.model.merge(price), lambda: self.post("merge", [line]))

    def share_pool(self, percent: int) -> None:
        pot = max(1_000, self.model["pool"] * percent // 100)
        parts = allocate(pot, [2, 1])
        keys = {f"{self.number}:{n}": (payee, parts[n]) for n, payee in enumerate(PAYEES)}
        lines = [self.line("pool", f"pending{payee}", part, days=0) for payee, part in keys.values()]
        self.both(
            lambda: self.model.share_pool(keys, self.at.date()),
            lambda: self.remember(self.post("pool shared", lines)),
        )

    # --- time

    def repeat(self) -> None:
        """The last entry again: nothing happens."""
        if self.last and journal.entry_for(self.last[0]):
            assert not journal.post(*self.last, occurred_at=self.at).is_new

    def reuse_key(self) -> None:
        """The last key with other content: refused."""
        if self.last and journal.entry_for(self.last[0]):
            with pytest.raises(journal.KeyReused):
                journal.post(self.last[0], "other", [self.line("fees", "stripe", 1)], occurred_at=self.at)

    def close_month(self) -> None:
        """Close the month before this one; what would occur in it is refused from then on."""
        month = (self.at.replace(day=1) - timedelta(days=1)).date()
        months.close(month, at=self.at)
        late = datetime(month.year, month.month, 1, tzinfo=UTC)
        with pytest.raises(journal.MonthClosed):
            journal.post(f"late:{self.number}", "late", [self.line("fees", "stripe", 1)], occurred_at=late)

    def close_this_month(self) -> None:
        """A month that still runs is not closed."""
        with pytest.raises(MonthNotOver):
            months.close(self.at.date(), at=self.at)
