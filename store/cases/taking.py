"""What is taken back of a paid order, by a refund or by a card issuer: who bears it, to the micro.

Both count together: an order is never taken back for more than was paid. What a buyer got twice, from us and from the
issuer, is our loss. Source: docs/money.md, "refund" and "Disputes".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ads.demand import campaigns
from ledger import chart, journal, payees
from ledger.journal import Line
from ledger.models import Posting
from megabox import money
from store.access import library
from store.models import Order, PreOrder


class NotYet(Exception):
    """The payment that something is taken back of is not booked yet; the event waits for it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """How a cumulative sum that was taken back is borne, in micros."""

    tax: int
    commission: int
    payees: int


@dataclass(frozen=True, slots=True)
class Case:
    """A dispute as its postings name it, and what it holds: earning -> (posting that holds, micros left) ..."""

    source: str
    facts: Mapping[str, Any]
    holds: Mapping[int, Sequence[tuple[Posting, int]]]

    def held(self, earning: Posting) -> int:
        """Micros that are still held of one earning."""
        return sum(left for _, left in self.holds.get(earning.pk, ()))


def parts_of(taken: int, *, total: int, tax: int, commission: int) -> Parts:
    """How `taken` of `total` micros is borne: tax and commission in proportion, rounded down, payees the rest.

    All of it gives back every part exactly.
    """
    tax_back = tax * taken // total
    commission_back = commission * taken // total
    return Parts(tax_back, commission_back, taken - tax_back - commission_back)


def lines(order: Order, amount: int, *, to: str, case: Case | None = None) -> list[Line]:
    """Lines that take `amount` micros of an order back and credit them to the account `to`.

    A sale's payees give back by take-back (first what `case` holds), then our commission and the tax in proportion; an
    advertiser what is prepaid, the rest is owed. What is more than is left of the order is our loss. Must run in the
    transaction that posts them, with the order locked.
    """
    taken = min(amount, order.total_micros - order.taken_micros)
    take = _deposit_lines if order.kind == Order.Kind.DEPOSIT else _sale_lines
    found = take(order, taken, to, case)
    if amount > taken:
        source, facts = (case.source, case.facts) if case else (f"store.order:{order.pk}", {})
        found.append(Line(chart.clawback_loss(order.unit), to, amount - taken, order.unit, source, facts))
    return found


def done(order: Order, at: datetime) -> None:
    """What follows once more of an order was taken back: all of it, and the music leaves the library.

    A deposit's campaigns never go on with money that is not there any more. Must run in the same transaction.
    """
    if order.kind == Order.Kind.DEPOSIT:
        advertiser = order.lines.select_related("advertiser").get().advertiser
        assert advertiser is not None
        campaigns.stop_unfunded(advertiser, at)
    if order.taken_micros == order.total_micros:
        order.state = Order.State.REFUNDED
        order.save(update_fields=["state"])
        for line in order.lines.all():
            library.revoke(line)
        for row in PreOrder.objects.filter(order=order, ended_at=None):
            row.state, row.why, row.ended_at = PreOrder.State.ENDED, row.why or PreOrder.Why.TAKEN, at
            row.next_try_at, row.problem = None, ""
            row.save(update_fields=["state", "why", "ended_at", "next_try_at", "problem"])


@dataclass(frozen=True, slots=True)
class _Paid:
    """The postings of a sale by who was paid, and what is taken of each, held money included.

    Of what is not delivered yet, `held` is the buyer's price, and neither payees nor we have anything of it.
    """

    held: list[Posting]
    payees: list[Posting]
    commissions: list[Posting]
    taxes: list[Posting]
    gone: dict[int, int]

    def left(self, posting: Posting, case: Case | None = None) -> int:
        """Micros of a posting that nobody took yet; what `case` itself holds counts as left."""
        return posting.amount - self.gone[posting.pk] + (case.held(posting) if case else 0)


def _paid(order: Order) -> _Paid:
    """Read a sale's postings and lock every place of its payees, in one order."""
    keys = {order.entry_key, order.sale_key}
    found = Posting.objects.filter(entry__key__in=keys).select_related("credit", "debit").order_by("entry", "line")
    held = chart.preorders(order.unit)
    paid, is_delivered = list(found), any(posting.debit.code == held for posting in found)
    to_payees = [posting for posting in paid if posting.credit.code.startswith("payee:")]
    taxes = [posting for posting in paid if posting.credit.code.startswith("tax:vat:")]
    commissions = [posting for posting in paid if posting.credit.code == chart.commission(order.unit)]
    still_held = [posting for posting in paid if posting.credit.code == held and not is_delivered]
    payees.lock({payee_of(posting) for posting in to_payees}, order.unit)
    return _Paid(still_held, to_payees, commissions, taxes, journal.reversed_micros([posting.pk for posting in paid]))


def payee_of(posting: Posting) -> int:
    """The payee whom a posting pays."""
    return chart.owner_id(posting.credit.code)


def _step(order: Order, paid: _Paid, before: int, amount: int) -> Parts:
    """How the next `amount` micros are borne when `before` are taken already: cumulative, so rounding never adds up."""
    sums = {"total": order.total_micros, "tax": _sum(paid.taxes), "commission": _sum(paid.commissions)}
    old, new = parts_of(before, **sums), parts_of(before + amount, **sums)
    return Parts(new.tax - old.tax, new.commission - old.commission, new.payees - old.payees)


def _sale_lines(order: Order, amount: int, to: str, case: Case | None) -> list[Line]:
    """What is taken back now: the cumulative parts less what was taken before."""
    paid = _paid(order)
    step = _step(order, paid, order.taken_micros, amount)
    from_payees = 0 if paid.held else step.payees
    shares = _shared(paid.payees, from_payees, [paid.left(posting, case) for posting in paid.payees])
    taken = (line for posting, part in shares for line in _take_back(posting, part, to, case))
    return [
        *_within_payable(taken, is_owed=True),
        *_mirror(paid.held, step.payees - from_payees, paid, to, case),
        *_mirror(paid.commissions, step.commission, paid, to, case),
        *_mirror(paid.taxes, step.tax, paid, to, case),
        *(_beyond(case, {posting.pk: part for posting, part in shares}) if case else ()),
    ]


def hold_lines(order: Order, amount: int, *, before: int, case: Case) -> tuple[list[Line], dict[int, int]]:
    """Lines that keep the payees' part of `amount` micros of a sale for `case`, and what was not there, by payee.

    `before` is what was taken of the order or is held for other cases. Never another sale's pending. Must run in the
    transaction that posts the lines, with the order locked.
    """
    paid = _paid(order)
    amount = min(amount, order.total_micros - before)
    left = [paid.left(posting) for posting in paid.payees]
    wanted = min(_step(order, paid, before, amount).payees, sum(left))
    found: list[Line] = []
    missing: dict[int, int] = {}
    for posting, part in _shared(paid.payees, wanted, left):
        facts = {**posting.facts, **case.facts}
        found += payees.hold_lines(
            payee_of(posting), posting.unit, part, reverses=posting, source=case.source, facts=facts
        )
        missing[payee_of(posting)] = missing.get(payee_of(posting), 0) + part
    kept = list(_within_payable(found, is_owed=False))
    for line in kept:
        missing[chart.owner_id(line.credit)] -= line.amount
    return kept, {payee_id: short for payee_id, short in missing.items() if short}


def release_lines(case: Case, most: int) -> Iterator[Line]:
    """Lines that make payable again what `case` still holds, up to `most` micros."""
    for held, left in (one for holds in case.holds.values() for one in holds):
        part = min(left, most)
        most -= part
        if part:
            yield payees.release_line(held, part)


def lacking(order: Order, amount: int, case: Case | None = None) -> int:
    """Micros that a take-back of `amount` needs of what other cases of the order hold: too little else is left."""
    if order.kind == Order.Kind.DEPOSIT:
        return 0
    paid = _paid(order)
    amount = min(amount, order.total_micros - order.taken_micros)
    wanted = _step(order, paid, order.taken_micros, amount).payees
    return max(0, wanted - sum(paid.left(posting, case) for posting in (*paid.held, *paid.payees)))


def _beyond(case: Case, taken: Mapping[int, int]) -> Iterator[Line]:
    """What the case holds and does not need, because a refund took it meanwhile, is payable again."""
    for earning, holds in case.holds.items():
        needed = taken.get(earning, 0)
        for held, left in holds:
            kept = min(left, needed)
            needed -= kept
            if left > kept:
                yield payees.release_line(held, left - kept)


def _take_back(posting: Posting, part: int, to: str, case: Case | None) -> Iterator[Line]:
    """Take `part` micros of one earning back, first of what the case holds of it."""
    held = case.held(posting) if case else 0
    yield from payees.take_back_lines(
        payee_of(posting),
        posting.unit,
        part,
        to=to,
        reverses=posting,
        source=case.source if case else posting.source,
        facts={**posting.facts, **case.facts} if case else posting.facts,
        held=held,
    )


def _sum(postings: Iterable[Posting]) -> int:
    return sum(posting.amount for posting in postings)


def _shared(postings: list[Posting], amount: int, left: list[int]) -> list[tuple[Posting, int]]:
    """Share `amount` over what is left of each posting: never more than that, and all of it in the end."""
    if not amount:
        return []
    parts = money.allocate(amount, left)
    return [(posting, part) for posting, part in zip(postings, parts, strict=True) if part]


def _mirror(postings: list[Posting], amount: int, paid: _Paid, to: str, case: Case | None) -> Iterator[Line]:
    for posting, part in _shared(postings, amount, [paid.left(posting) for posting in postings]):
        yield Line(
            debit=posting.credit.code,
            credit=to,
            amount=part,
            unit=posting.unit,
            source=case.source if case else posting.source,
            facts={**posting.facts, **case.facts} if case else posting.facts,
            reverses_id=posting.pk,
        )


def _within_payable(found: Iterable[Line], *, is_owed: bool) -> Iterator[Line]:
    """Two lines of one payee do not count on the same payable money: what is not there is owed, or left out."""
    left: dict[str, int] = {}
    for line in found:
        if ":payable:" not in line.debit:
            yield line
            continue
        there = left.setdefault(line.debit, journal.balance(line.debit))
        taken = min(line.amount, there)
        left[line.debit] = there - taken
        if taken:
            yield replace(line, amount=taken)
        if line.amount > taken and is_owed:
            yield replace(line, amount=line.amount - taken, debit=line.debit.replace(":payable:", ":owed:"))


def _deposit_lines(order: Order, amount: int, to: str, case: Case | None) -> list[Line]:
    """An advertiser's money goes back from what is left; what is spent already the advertiser owes."""
    line = order.lines.get()
    assert line.advertiser_id is not None
    prepaid = chart.prepaid(line.advertiser_id, order.unit)
    owed = chart.advertiser_owed(line.advertiser_id, order.unit)
    there = min(amount, journal.lock([prepaid])[prepaid])
    source, facts = (case.source, case.facts) if case else (line.source, {})
    return [
        Line(debit=code, credit=to, amount=part, unit=order.unit, source=source, facts=facts)
        for code, part in ((prepaid, there), (owed, amount - there))
        if part
    ]
