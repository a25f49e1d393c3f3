"""Refunds: what Stripe gave back to a buyer is taken back from whoever had it, to the micro.

Stripe tells the sum refunded so far, so a repeated or late event changes nothing. Source: docs/money.md, "refund".
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from ads import campaigns
from ledger import chart, journal, payees
from ledger.journal import Line
from ledger.models import Posting
from megabox import money
from store import library
from store.models import Order
from store.orders import Mismatch


class NotYet(Exception):
    """The payment this refund belongs to is not booked yet; the event waits for it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """How a cumulative refund is borne, in micros."""

    tax: int
    commission: int
    payees: int


def parts_of(refunded: int, *, total: int, tax: int, commission: int) -> Parts:
    """How `refunded` of `total` micros is borne: tax and commission in proportion, rounded down, payees the rest.

    A full refund gives back every part exactly.
    """
    tax_back = tax * refunded // total
    commission_back = commission * refunded // total
    return Parts(tax_back, commission_back, refunded - tax_back - commission_back)


def refund(order_id: uuid.UUID, refunded_minor: int, unit: str, *, at: datetime) -> bool:
    """Book that `refunded_minor` minor units of an order have been given back so far; False when that is booked.

    A full refund also takes the music back; a deposit's pauses the campaigns it no longer pays for. Raises
    Order.DoesNotExist, NotYet and Mismatch.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.state in (Order.State.PENDING, Order.State.CANCELLED):
            raise NotYet(f"{order} is not booked as paid yet.")
        refunded = money.from_minor(refunded_minor, order.unit)
        if unit != order.unit or refunded > order.total_micros:
            raise Mismatch(f"{refunded_minor} {unit} were refunded of {order}, which was {order.total_micros} micros.")
        if refunded <= order.refunded_micros:
            return False
        lines = _deposit_lines(order, refunded) if order.kind == Order.Kind.DEPOSIT else _sale_lines(order, refunded)
        key = f"order:{order.pk}:refund:{refunded_minor}"
        journal.post(key, "refund", lines, occurred_at=at)
        if order.kind == Order.Kind.DEPOSIT:
            _stop_unfunded(order, at)
        order.refunded_micros = refunded
        if refunded == order.total_micros:
            order.state = Order.State.REFUNDED
            for line in order.lines.all():
                library.revoke(line)
        order.save(update_fields=["refunded_micros", "state"])
    return True


def _sale_lines(order: Order, refunded: int) -> list[Line]:
    """What is taken back now: the cumulative parts less what earlier refunds took."""
    paid = list(Posting.objects.filter(entry__key=order.entry_key).select_related("credit", "debit").order_by("line"))
    to_payees = [posting for posting in paid if posting.credit.code.startswith("payee:")]
    taxes = [posting for posting in paid if posting.credit.code.startswith("tax:vat:")]
    commissions = [posting for posting in paid if posting not in to_payees and posting not in taxes]
    sums = {"total": order.total_micros, "tax": _sum(taxes), "commission": _sum(commissions)}
    before, now = parts_of(order.refunded_micros, **sums), parts_of(refunded, **sums)
    gone = journal.reversed_micros([posting.pk for posting in paid])
    payees.lock({int(posting.credit.code.split(":")[1]) for posting in to_payees}, order.unit)
    return [
        *_take_back(to_payees, now.payees - before.payees, gone),
        *_mirror(commissions, now.commission - before.commission, gone),
        *_mirror(taxes, now.tax - before.tax, gone),
    ]


def _sum(postings: Iterable[Posting]) -> int:
    return sum(posting.amount for posting in postings)


def _shared(postings: list[Posting], amount: int, gone: dict[int, int]) -> list[tuple[Posting, int]]:
    """Share `amount` over what is left of each posting: never more than that, and all of it in the end."""
    if not amount:
        return []
    parts = money.allocate(amount, [posting.amount - gone[posting.pk] for posting in postings])
    return [(posting, part) for posting, part in zip(postings, parts, strict=True) if part]


def _mirror(postings: list[Posting], amount: int, gone: dict[int, int]) -> Iterable[Line]:
    for posting, part in _shared(postings, amount, gone):
        yield Line(
            debit=posting.credit.code,
            credit=posting.debit.code,
            amount=part,
            unit=posting.unit,
            source=posting.source,
            facts=posting.facts,
            reverses_id=posting.pk,
        )


def _take_back(postings: list[Posting], amount: int, gone: dict[int, int]) -> Iterable[Line]:
    """Take-back lines of several postings; two of one payee do not count on the same payable money."""
    left: dict[str, int] = {}
    for posting, part in _shared(postings, amount, gone):
        payee_id = int(posting.credit.code.split(":")[1])
        lines = payees.take_back_lines(
            payee_id,
            posting.unit,
            part,
            to=posting.debit.code,
            reverses=posting,
            source=posting.source,
            facts=posting.facts,
        )
        payable, owed = chart.payee(payee_id, "payable", posting.unit), chart.payee(payee_id, "owed", posting.unit)
        for line in lines:
            if line.debit != payable:
                yield line
                continue
            there = left.setdefault(payable, journal.balance(payable))
            taken = min(line.amount, there)
            left[payable] = there - taken
            if taken:
                yield replace(line, amount=taken)
            if line.amount > taken:
                yield replace(line, amount=line.amount - taken, debit=owed)


def _stop_unfunded(order: Order, at: datetime) -> None:
    """Campaigns never go on with money that is not there any more."""
    advertiser = order.lines.select_related("advertiser").get().advertiser
    assert advertiser is not None
    campaigns.stop_unfunded(advertiser, at)


def _deposit_lines(order: Order, refunded: int) -> list[Line]:
    """An advertiser's money goes back from what is left; what is spent already the advertiser owes."""
    amount = refunded - order.refunded_micros
    line = order.lines.get()
    assert line.advertiser_id is not None
    prepaid = chart.prepaid(line.advertiser_id, order.unit)
    owed = chart.advertiser_owed(line.advertiser_id, order.unit)
    there = min(amount, journal.lock([prepaid])[prepaid])
    return [
        Line(debit=code, credit=chart.stripe(order.unit), amount=part, unit=order.unit, source=line.source)
        for code, part in ((prepaid, there), (owed, amount - there))
        if part
    ]
