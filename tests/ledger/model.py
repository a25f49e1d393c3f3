"""A second, plain opinion on the books: dictionaries that know each earning by itself and lock nothing.

Every event of docs/money.md is a method here. Amounts are micros of USD; credits count as the money behind them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


class No(Exception):
    """The model says that the books must refuse this."""


@dataclass
class Earning:
    """A credit to a payee's pending: what is left of it there, and what was taken back of it anywhere."""

    payee: int
    amount: int
    matures_on: date
    rest: int
    commission: int = 0
    tax: int = 0
    taken: int = 0


@dataclass
class Case:
    """A dispute: what the issuer took, and what is held for it."""

    key: str
    amount: int
    held: int
    is_open: bool = True


@dataclass
class Model:
    """Balances by name, each seen from its own side."""

    amounts: dict[str, int] = field(default_factory=dict)
    earnings: dict[str, Earning] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    reserved: dict[str, tuple[int, int]] = field(default_factory=dict)
    paid: dict[str, tuple[int, int]] = field(default_factory=dict)
    closed: tuple[int, int] = (0, 0)

    def __getitem__(self, name: str) -> int:
        return self.amounts.get(name, 0)

    def add(self, changes: Mapping[str, int] | None = None, **more: int) -> None:
        for name, change in {**(changes or {}), **more}.items():
            self.amounts[name] = self[name] + change

    def need(self, name: str, amount: int) -> None:
        if self[name] < amount:
            raise No(f"{name} has {self[name]}, not {amount}")

    def earn(self, key: str, payee: int, amount: int, matures_on: date, *, commission: int = 0, tax: int = 0) -> None:
        self.earnings[key] = Earning(payee, amount, matures_on, rest=amount, commission=commission, tax=tax)
        self.add({f"pending{payee}": amount})

    def settle_owed(self, payee: int) -> None:
        amount = min(self[f"payable{payee}"], self[f"owed{payee}"])
        self.add({f"payable{payee}": -amount, f"owed{payee}": -amount})

    # --- sales

    def sale(self, key: str, payee: int, price: int, tax: int, day: date) -> None:
        commission = price // 10
        self.add(stripe=price + tax, commission=commission, vat=tax)
        self.earn(key, payee, price - commission, day, commission=commission, tax=tax)

    def fee(self, amount: int) -> None:
        self.add(fees=amount, stripe=-amount)

    def take(self, key: str, amount: int, *, to: str, held: int = 0) -> None:
        """Take back from where it is: the case's hold, the earning's own pending, payable, else it is owed."""
        earning = self.earnings[key]
        if earning.taken + amount - held > earning.amount:
            raise No(f"{earning.taken} of {earning.amount} are taken back")
        wanted = amount - held
        earning.taken += wanted
        from_pending = min(wanted, earning.rest)
        earning.rest -= from_pending
        from_payable = min(wanted - from_pending, self[f"payable{earning.payee}"])
        payee = earning.payee
        self.add(
            {
                f"hold{payee}": -held,
                f"pending{payee}": -from_pending,
                f"payable{payee}": -from_payable,
                f"owed{payee}": wanted - from_pending - from_payable,
                to: -amount,
            }
        )

    def undo(self, key: str) -> None:
        """The mirror of what is left of a sale, which must still be pending."""
        earning = self.earnings[key]
        left = earning.amount - earning.taken
        if left > earning.rest:
            raise No("matured, or held")
        if not left and not earning.commission and not earning.tax:
            raise No("nothing is left")
        self.add({f"pending{earning.payee}": -left}, commission=-earning.commission, vat=-earning.tax)
        self.add(stripe=-left - earning.commission - earning.tax)
        earning.rest, earning.taken, earning.commission, earning.tax = 0, earning.amount, 0, 0

    # --- disputes

    def open_case(self, name: str, key: str, amount: int, fee: int) -> None:
        earning = self.earnings[key]
        if earning.taken + amount > earning.amount:
            raise No("no more than is left of it can be disputed")
        payee = earning.payee
        from_pending = min(amount, earning.rest)
        from_payable = min(amount - from_pending, self[f"payable{payee}"])
        earning.rest -= from_pending
        held = from_pending + from_payable
        earning.taken += held
        self.cases[name] = Case(key, amount, held)
        self.add(receivable=amount, stripe=-amount - fee, dispute_fees=fee)
        self.add({f"pending{payee}": -from_pending, f"payable{payee}": -from_payable, f"hold{payee}": held})

    def win_case(self, name: str) -> None:
        case = self.cases[name]
        case.is_open = False
        earning = self.earnings[case.key]
        earning.taken -= case.held
        self.add({f"hold{earning.payee}": -case.held, f"payable{earning.payee}": case.held})
        self.add(stripe=case.amount, receivable=-case.amount)
        self.settle_owed(earning.payee)

    def lose_case(self, name: str) -> None:
        case = self.cases[name]
        self.take(case.key, case.amount, to="receivable", held=case.held)
        case.is_open = False

    # --- payees

    def mature(self, day: date) -> None:
        for earning in self.earnings.values():
            if earning.matures_on <= day:
                moved, earning.rest = earning.rest, 0
                payee = earning.payee
                settled = min(moved, self[f"owed{payee}"])
                self.add({f"pending{payee}": -moved, f"owed{payee}": -settled, f"payable{payee}": moved - settled})

    def reserve(self, name: str, payee: int, amount: int) -> None:
        self.need(f"payable{payee}", amount)
        self.reserved[name] = (payee, amount)
        self.add({f"payable{payee}": -amount}, transit=amount)

    def pay(self, name: str, source: str) -> None:
        self.paid[name] = self.reserved.pop(name)
        amount = self.paid[name][1]
        self.add({source: -amount}, transit=-amount)

    def fail(self, name: str) -> None:
        payee, amount = self.reserved.pop(name)
        self.add({f"payable{payee}": amount}, transit=-amount)
        self.settle_owed(payee)

    def give_back(self, name: str) -> None:
        """A paid payout that came back."""
        payee, amount = self.paid.pop(name)
        self.add({f"payable{payee}": amount}, stripe=amount)
        self.settle_owed(payee)

    def withhold(self, payee: int, amount: int) -> None:
        self.need(f"payable{payee}", amount)
        self.add({f"payable{payee}": -amount}, withheld=amount)

    def write_off(self, payee: int, amount: int) -> None:
        self.need(f"owed{payee}", amount)
        self.add({f"owed{payee}": -amount}, loss=amount)

    # --- advertisers

    def top_up(self, amount: int) -> None:
        self.add(stripe=amount, prepaid=amount)

    def take_top_up(self, amount: int, to: str) -> None:
        """A deposit goes back: what is spent already the advertiser owes."""
        there = min(amount, self["prepaid"])
        self.add({to: -amount}, prepaid=-there, advertiser_owed=amount - there)

    def move(self, debit: str, credit: str, amount: int, *, need: str = "") -> None:
        """Between two accounts: an asset or expense grows by the debit, anything else by the credit."""
        if need:
            self.need(need, amount)
        grows_by_debit = {"stripe", "bank", "receivable", "unsettled", "fees", "dispute_fees", "ad_share", "rewards"}
        grows_by_debit |= {"publishers", "loss", "suspense", "advertiser_owed"}
        self.add({debit: amount if debit in grows_by_debit else -amount})
        self.add({credit: -amount if credit in grows_by_debit else amount})

    # --- ads and credits

    def beside_music(self, keys: Mapping[str, tuple[int, int]], price: int, day: date) -> None:
        self.need("prepaid", price)
        self.add(prepaid=-price, ads=price, ad_share=sum(amount for _, amount in keys.values()))
        for key, (payee, amount) in keys.items():
            self.earn(key, payee, amount, day)

    def reward(self, price: int, *, paid_from: str) -> None:
        """A view that earns credits: settled already (prepaid) or not yet (unsettled)."""
        if paid_from == "prepaid":
            self.need("prepaid", price)
        self.add({paid_from: -price if paid_from == "prepaid" else price})
        self.add(ads=price, rewards=price, backing=price, wallet=price)

    def replaced(self, price: int) -> None:
        """An ad of another site replaced: seven tenths to the listener, three to the site."""
        self.need("prepaid", price)
        part = price * 7 // 10
        self.add(prepaid=-price, ads=price, rewards=part, backing=part, wallet=part)
        self.add(publishers=price - part, escrow=price - part)

    def download(self, key: str, payee: int, price: int, day: date) -> None:
        self.need("wallet", price)
        self.add(wallet=-price, backing=-price, commission=price // 10)
        self.earn(key, payee, price - price // 10, day, commission=price // 10)

    def undo_download(self, key: str, price: int) -> None:
        earning = self.earnings[key]
        if earning.commission != price // 10 or earning.taken:
            raise No("undone before")
        self.take(key, earning.amount, to="nothing")
        self.add(commission=-earning.commission, backing=price, wallet=price)
        earning.commission = 0

    def leave_wallet(self, price: int, *, to: str) -> None:
        """Credits expire (their money to the pool) or are revoked (to the rewards they came from)."""
        self.need("wallet", price)
        self.add(wallet=-price, backing=-price)
        self.add({to: price if to == "pool" else -price})

    def merge(self, price: int) -> None:
        self.need("wallet", price)
        self.add(wallet=-price, other_wallet=price)

    def share_pool(self, keys: Mapping[str, tuple[int, int]], day: date) -> None:
        self.need("pool", sum(amount for _, amount in keys.values()))
        for key, (payee, amount) in keys.items():
            self.add(pool=-amount)
            self.earn(key, payee, amount, day)
