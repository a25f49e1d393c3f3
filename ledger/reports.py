"""Reports over the books that need no other room."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger import reading
from ledger.models import Account


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One account of a trial balance, in micros of its unit."""

    code: str
    kind: str
    unit: str
    debits: int
    credits: int
    is_debit_normal: bool

    @property
    def balance(self) -> int:
        """The balance on the account's own side."""
        return self.debits - self.credits if self.is_debit_normal else self.credits - self.debits


@dataclass(frozen=True, slots=True)
class TrialTotal:
    """Control totals of one unit: both sides are the same, or the books are broken."""

    unit: str
    debits: int
    credits: int

    @property
    def difference(self) -> int:
        """Debits less credits, in micros."""
        return self.debits - self.credits


def trial_balance(*, at: datetime | None = None) -> list[TrialLine]:
    """Every account with its debits and credits: ever, or up to and including `at`. Ordered by unit and code."""
    sums = reading.totals(at=at)
    accounts = [account for account in Account.objects.order_by("unit", "code") if account.pk in sums]
    return [
        TrialLine(
            code=account.code,
            kind=account.kind,
            unit=account.unit,
            debits=sums[account.pk][0],
            credits=sums[account.pk][1],
            is_debit_normal=account.is_debit_normal,
        )
        for account in accounts
    ]


def trial_totals(lines: Sequence[TrialLine]) -> list[TrialTotal]:
    """The control totals of a trial balance, by unit."""
    units = sorted({line.unit for line in lines})
    return [
        TrialTotal(
            unit=unit,
            debits=sum(line.debits for line in lines if line.unit == unit),
            credits=sum(line.credits for line in lines if line.unit == unit),
        )
        for unit in units
    ]
