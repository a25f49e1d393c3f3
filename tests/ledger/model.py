"""A second, plain opinion on the books: dictionaries that know each earning by itself and lock nothing."""

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
    taken: int = 0


@dataclass
class Model:
    """Balances by name, seen from our side: what we owe, earn or spend is a positive number."""

    amounts: dict[str, int] = field(default_factory=dict)
    earnings: dict[str, Earning] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        return self.amounts.get(name, 0)

    def add(self, **changes: int) -> None:
        for name, change in changes.items():
            self.amounts[name] = self[name] + change

    def need(self, name: str, amount: int) -> None:
        if self[name] < amount:
            raise No(f"{name} has {self[name]}, not {amount}")

    def earn(self, key: str, payee: int, amount: int, matures_on: date) -> None:
        self.earnings[key] = Earning(payee, amount, matures_on, rest=amount)
        self.add(**{f"pending{payee}": amount})

    def top_up(self, amount: int) -> None:
        self.add(stripe=amount, prepaid=amount)

    def sale(self, key: str, payee: int, price: int, day: date) -> None:
        self.add(stripe=price, commission=price // 10)
        self.earn(key, payee, price - price // 10, day)
        self.earnings[key].commission = price // 10

    def beside_music(self, key: str, payee: int, price: int, day: date) -> None:
        self.need("prepaid", price)
        self.add(prepaid=-price, ads=price, ad_share=price - price // 10)
        self.earn(key, payee, price - price // 10, day)

    def gate_view(self, price: int) -> None:
        self.add(unsettled=price, ads=price, rewards=price, backing=price, wallet=price * 1_000)

    def settle(self, price: int) -> None:
        self.need("prepaid", price)
        self.add(prepaid=-price, unsettled=-price)

    def download(self, key: str, payee: int, price: int, day: date) -> None:
        self.need("wallet", price * 1_000)
        self.add(wallet=-price * 1_000, backing=-price, commission=price // 10)
        self.earn(key, payee, price - price // 10, day)

    def expire(self, price: int) -> None:
        self.need("wallet", price * 1_000)
        self.add(wallet=-price * 1_000, backing=-price, pool=price)

    def take_back(self, key: str, amount: int) -> None:
        earning = self.earnings[key]
        if earning.taken + amount > earning.amount:
            raise No(f"{earning.taken} of {earning.amount} are taken back")
        earning.taken += amount
        from_pending = min(amount, earning.rest)
        earning.rest -= from_pending
        from_payable = min(amount - from_pending, self[f"payable{earning.payee}"])
        owed = amount - from_pending - from_payable
        names = (f"pending{earning.payee}", f"payable{earning.payee}", f"owed{earning.payee}")
        self.add(**dict(zip(names, (-from_pending, -from_payable, owed), strict=True)), stripe=-amount)

    def undo(self, key: str) -> None:
        """The mirror of what is left of a sale, which must still be pending."""
        earning = self.earnings[key]
        left, commission = earning.amount - earning.taken, earning.commission
        if left > earning.rest:
            raise No("matured")
        if not left and not commission:
            raise No("nothing is left")
        earning.rest, earning.taken, earning.commission = 0, earning.amount, 0
        self.add(stripe=-left - commission, commission=-commission, **{f"pending{earning.payee}": -left})

    def mature(self, day: date) -> None:
        for earning in self.earnings.values():
            if earning.matures_on <= day:
                settled = min(earning.rest, self[f"owed{earning.payee}"])
                moved, earning.rest = earning.rest, 0
                payee = earning.payee
                names = (f"pending{payee}", f"owed{payee}", f"payable{payee}")
                self.add(**dict(zip(names, (-moved, -settled, moved - settled), strict=True)))

    def pay(self, payee: int, amount: int) -> None:
        self.need(f"payable{payee}", amount)
        self.add(**{f"payable{payee}": -amount}, stripe=-amount)
