"""Payments that only people know of, booked by one of the staff: a fixed list of kinds, each with its own check.

Nothing free-form: what is not in docs/money.md, "Journal of every event", cannot be booked here.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from ledger import chart, journal
from ledger.journal import Line
from ledger.models import Account
from megabox import money
from store.models import HandEntry
from users.models import User


class CannotBook(Exception):
    """It cannot be booked so; the message says what can."""


@dataclass(frozen=True, slots=True)
class Owed:
    """VAT collected for a country and not paid to it yet, in micros of `unit`."""

    country: str
    unit: str
    micros: int


def vat_owed() -> list[Owed]:
    """What is there to be paid, by country and unit; countries with nothing are left out."""
    accounts = Account.objects.filter(code__startswith="tax:vat:").order_by("code").values_list("code", flat=True)
    found = [Owed(code.split(":")[2], code.split(":")[3], journal.balance(code)) for code in accounts]
    return [owed for owed in found if owed.micros]


def pay_vat(
    form_id: uuid.UUID, *, country: str, unit: str, micros: int, reason: str, by: User, at: datetime
) -> tuple[HandEntry, bool]:
    """Book that `micros` of VAT were paid from the bank to a country; the row, and whether this call made it.

    `form_id` is the form's own: sent twice, it is booked once. At most what was collected and not paid yet. Raises
    CannotBook.
    """
    code = chart.vat(country, unit)
    with transaction.atomic():
        # Nobody guards this account, because refunds may take more than is left; two payments wait for each other here.
        there = Account.objects.select_for_update(no_key=True).filter(code=code).first()
        before = HandEntry.objects.filter(pk=form_id).first()
        if before is not None:
            return _same(before, country, unit, micros), False
        owed = journal.balance(code) if there else 0
        if not 0 < micros <= owed:
            raise CannotBook(
                f"{money.display_exact(owed, unit)} of VAT for {country} are there in {unit}: book at most that."
                if owed > 0
                else f"No VAT for {country} is there in {unit}."
            )
        lines = [Line(code, chart.bank(unit), micros, unit, source=f"store.hand:{form_id}", facts={"country": country})]
        posted = journal.post(f"hand:{form_id}", "vat paid", lines, occurred_at=at, why=reason)
        row = HandEntry.objects.create(
            id=form_id,
            kind=HandEntry.Kind.VAT_PAID,
            country=country,
            unit=unit,
            micros=micros,
            reason=reason,
            booked_by=by,
            booked_at=at,
            entry=posted.entry,
        )
    return row, True


def _same(before: HandEntry, country: str, unit: str, micros: int) -> HandEntry:
    if (before.country, before.unit, before.micros) != (country, unit, micros):
        raise CannotBook("This form was sent before with something else. Open the page again.")
    return before
