"""Roll-forwards: opening balance, what came in and went out by cause, closing balance; of any accounts, by one query
a side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db.models import Q, QuerySet, Sum

from ledger import reading
from ledger.models import Account, Posting
from megabox.tables import Column, Kind, Total


@dataclass(frozen=True, slots=True)
class Move:
    """A cause of movement: the side of the account it is on, and which postings it is."""

    name: str
    title: str
    side: Literal["debit", "credit"]
    which: Q


@dataclass(frozen=True, slots=True)
class Flow:
    """One account over a window, in micros on its own side: opening + all movements = closing."""

    account: Account
    opening: int
    moves: tuple[int, ...]
    other: int

    @property
    def closing(self) -> int:
        """The balance at the end."""
        return self.opening + sum(self.moves) + self.other

    @property
    def is_used(self) -> bool:
        """Whether there is anything to say of it."""
        return bool(self.opening or self.other or any(self.moves))


def flows(accounts: QuerySet[Account], moves: Sequence[Move], *, start: datetime, end: datetime) -> list[Flow]:
    """What these accounts did from `start` up to but not including `end`; what no move names is `other`."""
    found = {account.pk: account for account in accounts.order_by("unit", "code")}
    before = reading.totals(list(found), at=start - timedelta(microseconds=1)) if found else {}
    sums = {pk: [0] * (len(moves) + 1) for pk in found}
    for side in ("debit", "credit"):
        mine = [(n, move) for n, move in enumerate(moves) if move.side == side]
        within = Posting.objects.filter(entry__occurred_at__gte=start, entry__occurred_at__lt=end)
        named = {f"move_{n}": Sum("amount", filter=move.which, default=0) for n, move in mine}
        rows = within.filter(**{f"{side}__in": accounts.values("pk")}).order_by().values(side)
        for row in rows.annotate(all=Sum("amount"), **named):
            pk = row[side]
            sign = 1 if found[pk].is_debit_normal == (side == "debit") else -1
            for n, _ in mine:
                sums[pk][n] += sign * row[f"move_{n}"]
            sums[pk][-1] += sign * (row["all"] - sum(row[f"move_{n}"] for n, _ in mine))
    return [_flow(account, before.get(pk, (0, 0)), sums[pk]) for pk, account in found.items()]


def _flow(account: Account, before: tuple[int, int], sums: Sequence[int]) -> Flow:
    debits, credits = before
    opening = debits - credits if account.is_debit_normal else credits - debits
    return Flow(account, opening, tuple(sums[:-1]), sums[-1])


def columns(moves: Sequence[Move]) -> list[Column]:
    """Columns for the figures of a flow."""
    named = [("opening", "Opening"), *((m.name, m.title) for m in moves), ("other", "Other"), ("closing", "Closing")]
    return [Column(name, title, Kind.MONEY, Total.SUM) for name, title in named]


def cells(flow: Flow) -> list[int]:
    """The figures of a flow, for those columns."""
    return [flow.opening, *flow.moves, flow.other, flow.closing]
