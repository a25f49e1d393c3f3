"""A payee's money between its places: maturing, taking back what was earned in error, settling what is owed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from ledger import chart, journal, pending
from ledger.journal import Line
from ledger.models import Balance, Entry, Posting

_AT_ONCE = 50
"""Payees who mature in one transaction: few enough that a sale of theirs does not wait long."""


def mature(day: date, *, at: datetime) -> int:
    """Make payable what matures by `day`, for every payee and unit; return how many entries are new.

    What a payee owes is settled first, the rest becomes payable. One entry per payee, unit and day; safe to repeat
    and to kill. What is credited later with a day already covered matures with the next day.
    Source: docs/money.md, "Maturity".
    """
    assert day <= at.date(), f"{day} has not come yet"
    due_postings = Posting.objects.filter(credit=OuterRef("account"), matures_on__lte=day)
    waiting = list(
        Balance.objects.filter(account__code__startswith="payee:", account__code__contains=":pending:", amount__gt=0)
        .filter(Exists(due_postings))
        .order_by("account")
        .values_list("account__code", flat=True)
    )
    return sum(_mature(waiting[i : i + _AT_ONCE], day, at=at) for i in range(0, len(waiting), _AT_ONCE))


def _mature(pending_codes: Sequence[str], day: date, *, at: datetime) -> int:
    """Mature some pending accounts in one transaction."""
    places = {
        code: (code.replace(":pending:", ":payable:"), code.replace(":pending:", ":owed:")) for code in pending_codes
    }
    keys = {code: _maturity_key(code, day) for code in pending_codes}
    with transaction.atomic():
        balances = journal.lock([code for pending_code in places for code in (pending_code, *places[pending_code])])
        ids = chart.open_all(pending_codes)
        due = pending.due(list(ids.values()), day)
        done = set(Entry.objects.filter(key__in=keys.values()).values_list("key", flat=True))
        count = 0
        for code in pending_codes:
            payable, owed = places[code]
            settled = min(due[ids[code]], balances[owed])
            lines = [
                Line(debit=code, credit=to, amount=amount, unit=chart.meaning(code).unit, matures_on=day)
                for to, amount in ((owed, settled), (payable, due[ids[code]] - settled))
                if amount > 0
            ]
            if lines and keys[code] not in done:
                count += journal.post(keys[code], pending.MATURITY, lines, occurred_at=at).is_new
    return count


def _maturity_key(pending_code: str, day: date) -> str:
    _, payee_id, _, unit = pending_code.split(":")
    return f"mature:{payee_id}:{unit}:{day.isoformat()}"


def lock(payee_ids: Iterable[int], unit: str) -> None:
    """Lock all places of several payees in one order, before taking back from more than one in a transaction."""
    journal.lock([chart.payee(payee_id, place, unit) for payee_id in set(payee_ids) for place in chart.PLACES])


def take_back_lines(
    payee_id: int,
    unit: str,
    amount: int,
    *,
    to: str,
    reverses: Posting | None,
    source: str,
    facts: Mapping[str, Any],
) -> list[Line]:
    """Lines that take `amount` micros back from a payee and credit them to the account `to`.

    First what is still pending of the posting that `reverses` names, never another sale's pending; then what is
    payable; the rest is owed by the payee. Money in transit counts as gone. Must run in the transaction that posts
    the lines: the payee's places stay locked in it, so two take-backs cannot count on the same money.
    Source: docs/money.md, "Take-back".
    """
    assert amount >= 0, f"taking back {amount} micros"
    pending_code, payable, owed = (chart.payee(payee_id, place, unit) for place in ("pending", "payable", "owed"))
    if reverses is not None:
        journal.lock_postings([reverses.pk])
    balances = journal.lock([pending_code, payable, owed])
    still_pending = 0
    if reverses is not None and reverses.credit.code == pending_code:
        still_pending = pending.rest([reverses.pk]).get(reverses.pk, 0)
    from_pending = min(amount, still_pending)
    from_payable = min(amount - from_pending, balances[payable])
    parts = (
        (pending_code, from_pending),
        (payable, from_payable),
        (owed, amount - from_pending - from_payable),
    )
    return [
        Line(
            debit=code,
            credit=to,
            amount=part,
            unit=unit,
            source=source,
            facts=facts,
            reverses_id=reverses.pk if reverses else None,
        )
        for code, part in parts
        if part
    ]


def settle_owed(payee_id: int, unit: str, *, key: str, at: datetime) -> journal.Posted | None:
    """Settle what a payee owes from what is payable, as far as it goes; None when there is nothing to settle.

    Follows every credit to a payee's payable that is not maturity, in the same transaction, so that a payee never
    has money to be paid and owes at once.
    """
    payable, owed = chart.payee(payee_id, "payable", unit), chart.payee(payee_id, "owed", unit)
    with transaction.atomic():
        balances = journal.lock([payable, owed])
        amount = min(balances[payable], balances[owed])
        if not amount:
            return None
        line = Line(debit=payable, credit=owed, amount=amount, unit=unit)
        return journal.post(key, "owed settled", [line], occurred_at=at)
