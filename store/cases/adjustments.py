"""What the staff decide about money that is owed or payable: giving it up, or withholding tax. Booked and kept.

One person decides, with a reason and a fresh sign-in; it is an entry like any other, so it shows on the statement and
in the books, and a mistake is made good by the next entry. Source: docs/money.md, "Write-offs and withheld tax".
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from ads.budgets import funds
from ads.models import Advertiser
from artists.models import Payee
from ledger import journal, payees
from ledger.models import Balance
from megabox import money
from store.models import Adjustment
from users.models import User

Kind = Adjustment.Kind


class CannotAdjust(Exception):
    """The decision cannot be booked; the message says why."""


@dataclass(frozen=True, slots=True)
class Debt:
    """What somebody owes, in micros."""

    who: Payee | Advertiser
    unit: str
    micros: int

    @property
    def kind(self) -> str:
        """As what they owe."""
        return "payee" if isinstance(self.who, Payee) else "advertiser"

    @property
    def code(self) -> str:
        """How a form names it: `payee:7:USD`."""
        return f"{self.kind}:{self.who.pk}:{self.unit}"


def debts() -> list[Debt]:
    """Everybody who owes, the largest debt first."""
    owed = Balance.objects.filter(account__code__contains=":owed:", amount__gt=0)
    found = []
    for code, amount in owed.values_list("account__code", "amount"):
        kind, pk, _, unit = code.split(":")
        who = Payee.objects.filter(pk=pk).first() if kind == "payee" else Advertiser.objects.filter(pk=pk).first()
        if who is not None:
            found.append(Debt(who, unit, amount))
    return sorted(found, key=lambda debt: (-debt.micros, debt.code))


def write_off(
    form_id: uuid.UUID, who: Payee | Advertiser, unit: str, amount: int, *, reason: str, by: User, at: datetime
) -> Adjustment:
    """Give up `amount` micros of what a payee or an advertiser owes: our loss. Raises CannotAdjust."""
    column = {"payee": who} if isinstance(who, Payee) else {"advertiser": who}
    decided = Adjustment(id=form_id, kind=Kind.WRITE_OFF, unit=unit, amount_micros=amount, reason=reason, **column)
    return _decide(decided, by, at)


def withhold(
    form_id: uuid.UUID, payee: Payee, unit: str, amount: int, *, country: str, reason: str, by: User, at: datetime
) -> Adjustment:
    """Keep `amount` micros of what a payee could be paid back for a tax office. Raises CannotAdjust."""
    decided = Adjustment(
        id=form_id, kind=Kind.WITHHELD, payee=payee, unit=unit, amount_micros=amount, country=country, reason=reason
    )
    return _decide(decided, by, at)


def _decide(decided: Adjustment, by: User, at: datetime) -> Adjustment:
    """Keep the decision and book it, in one transaction, once per form; a form sent again must say the same."""
    decided.decided_by, decided.decided_at = by, at
    if decided.payee and decided.payee.user_id == by.pk:
        raise CannotAdjust("This is money of your own. Somebody else decides about it.")
    if decided.advertiser and decided.advertiser.owner_id == by.pk:
        raise CannotAdjust("This is money of your own. Somebody else decides about it.")
    try:
        with transaction.atomic():
            before = Adjustment.objects.filter(pk=decided.pk).first()
            if before is not None:
                return _same(before, decided)
            decided.save(force_insert=True)
            _book(decided, at)
    except IntegrityError:  # the same form at the same moment: the other one has kept and booked it
        before = Adjustment.objects.filter(pk=decided.pk).first()
        if before is None:
            raise
        return _same(before, decided)
    except journal.Overdraft as short:
        there = money.display_exact(short.available, decided.unit)
        what = "owed" if decided.kind == Kind.WRITE_OFF else "payable"
        raise CannotAdjust(f"Only {there} is {what} now. Write that, or less.") from short
    return decided


def _same(before: Adjustment, decided: Adjustment) -> Adjustment:
    for name in ("kind", "payee_id", "advertiser_id", "unit", "amount_micros", "country"):
        if getattr(before, name) != getattr(decided, name):
            raise CannotAdjust("This form was sent before with something else. Open the page again.")
    return before


def _book(decided: Adjustment, at: datetime) -> None:
    amount, unit = decided.amount_micros, decided.unit
    key, source, why = decided.key, decided.source, decided.reason
    if decided.advertiser:
        funds.write_off(decided.advertiser.pk, unit, amount, key=key, source=source, why=why, at=at)
        return
    assert decided.payee is not None
    payee_id = decided.payee.pk
    if decided.kind == Kind.WRITE_OFF:
        payees.write_off(payee_id, unit, amount, key=key, source=source, why=why, at=at)
    else:
        payees.withhold(payee_id, unit, amount, country=decided.country, key=key, source=source, why=why, at=at)
