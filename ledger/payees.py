"""A payee's money between its places: maturing, taking back what was earned in error, settling what is owed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from ledger import batch, chart, journal, pending
from ledger.batch import Draft
from ledger.journal import Line
from ledger.models import Balance, Entry, Posting

_AT_ONCE = 50
"""Payees who mature in one transaction: few enough that a sale of theirs does not wait long."""
_LOOKED_AT_ONCE = 500


def mature(day: date, *, at: datetime, but: Collection[int] = ()) -> int:
    """Make payable what matures by `day`, for every payee `but` those, and unit; return how many entries are new.

    What a payee owes is settled first, the rest becomes payable. One entry per payee, unit and day; safe to repeat
    and to kill. What is credited later with a day already covered matures with the next day.
    Source: docs/money.md, "Maturity".
    """
    assert day <= at.date(), f"{day} has not come yet"
    waiting = [code for code in _with_something_due(day) if chart.owner_id(code) not in but]
    return sum(_mature(waiting[i : i + _AT_ONCE], day, at=at) for i in range(0, len(waiting), _AT_ONCE))


def _with_something_due(day: date) -> list[str]:
    """Codes of the pending accounts of which something is due by `day`: a look that locks nobody."""
    codes = dict(
        Balance.objects.filter(account__code__startswith="payee:", account__code__contains=":pending:", amount__gt=0)
        .order_by("account")
        .values_list("account", "account__code")
    )
    ids = list(codes)
    found: list[str] = []
    for start in range(0, len(ids), _LOOKED_AT_ONCE):
        due = pending.due(ids[start : start + _LOOKED_AT_ONCE], day)
        found += [codes[pk] for pk, micros in due.items() if micros > 0]
    return found


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
        drafts = []
        for code in pending_codes:
            payable, owed = places[code]
            settled = min(due[ids[code]], balances[owed])
            lines = [
                Line(debit=code, credit=to, amount=amount, unit=chart.meaning(code).unit, matures_on=day)
                for to, amount in ((owed, settled), (payable, due[ids[code]] - settled))
                if amount > 0
            ]
            if lines and keys[code] not in done:
                drafts.append(Draft(keys[code], pending.MATURITY, lines, at))
        return batch.post_all(drafts) if drafts else 0


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
    held: int = 0,
) -> list[Line]:
    """Lines that take `amount` micros back from a payee and credit them to the account `to`.

    First the `held` micros that the case itself keeps of this earning; then what is still pending of the posting that
    `reverses` names, never another sale's pending; then what is payable; the rest is owed by the payee. Money in
    transit counts as gone. Must run in the transaction that posts the lines: the payee's places stay locked in it, so
    two take-backs cannot count on the same money. Source: docs/money.md, "Take-back".
    """
    assert amount >= 0, f"taking back {amount} micros"
    hold, owed = chart.payee(payee_id, "hold", unit), chart.payee(payee_id, "owed", unit)
    from_hold = min(amount, held)
    there = _there(payee_id, unit, amount - from_hold, reverses)
    missing = amount - from_hold - sum(there.values())
    earning = reverses.pk if reverses else None
    # What is held was taken back from its earning when it was held: it names no earning a second time.
    from_earning = [(code, part, earning) for code, part in (*there.items(), (owed, missing))]
    return [
        Line(debit=code, credit=to, amount=part, unit=unit, source=source, facts=facts, reverses_id=named)
        for code, part, named in [(hold, from_hold, None), *from_earning]
        if part
    ]


def hold_lines(
    payee_id: int, unit: str, amount: int, *, reverses: Posting, source: str, facts: Mapping[str, Any]
) -> list[Line]:
    """Lines that keep up to `amount` micros of an earning for a case: only what is there, so they may sum to less.

    First what is still pending of the posting that `reverses` names, then what is payable. `source` names the case.
    What is held does not mature and is not paid; `release_line` gives it back. Must run in the transaction that
    posts the lines. Source: docs/money.md, "Disputes".
    """
    hold = chart.payee(payee_id, "hold", unit)
    return [
        Line(debit=code, credit=hold, amount=part, unit=unit, source=source, facts=facts, reverses_id=reverses.pk)
        for code, part in _there(payee_id, unit, amount, reverses).items()
        if part
    ]


def release_line(held: Posting, amount: int) -> Line:
    """The line that makes `amount` micros of what a posting of `hold_lines` keeps payable again.

    Whoever posts it settles next what the payee owes, in the same transaction.
    """
    code = held.credit.code
    payable = code.replace(":hold:", ":payable:")
    return Line(code, payable, amount, held.unit, held.source, held.facts, reverses_id=held.pk)


def _there(payee_id: int, unit: str, amount: int, reverses: Posting | None) -> dict[str, int]:
    """Where up to `amount` micros of an earning can be taken from: its own pending, then payable. Locks the places."""
    places = {place: chart.payee(payee_id, place, unit) for place in chart.PLACES}
    if reverses is not None:
        journal.lock_postings([reverses.pk])
    balances = journal.lock(places.values())
    still_pending = 0
    if reverses is not None and reverses.credit.code == places["pending"]:
        still_pending = pending.rest([reverses.pk]).get(reverses.pk, 0)
    from_pending = min(amount, still_pending)
    return {
        places["pending"]: from_pending,
        places["payable"]: min(amount - from_pending, balances[places["payable"]]),
    }


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


def write_off(
    payee_id: int, unit: str, amount: int, *, key: str, source: str, why: str, at: datetime
) -> journal.Posted:
    """Give up `amount` micros of what a payee owes: our loss. Raises journal.Overdraft for more than is owed."""
    line = Line(chart.clawback_loss(unit), chart.payee(payee_id, "owed", unit), amount, unit, source)
    return journal.post(key, "write-off", [line], occurred_at=at, why=why)


def withhold(
    payee_id: int, unit: str, amount: int, *, country: str, key: str, source: str, why: str, at: datetime
) -> journal.Posted:
    """Keep `amount` micros of what is payable back for the tax office of a country (two capital letters).

    Raises journal.Overdraft for more than is payable.
    """
    payable = chart.payee(payee_id, "payable", unit)
    facts = {"title": f"Tax withheld for {country}", "country": country}
    line = Line(payable, chart.withheld(country, unit), amount, unit, source, facts)
    return journal.post(key, "tax withheld", [line], occurred_at=at, why=why)
