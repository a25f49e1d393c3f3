"""Card fees: ours, booked once Stripe tells them, in an entry of their own; an unknown fee is never booked as 0."""

import uuid
from datetime import datetime

from django.db import transaction

from ledger import chart, journal
from ledger.journal import Line
from megabox import money
from store.models import Order
from store.sales import checkout


def book(order_id: uuid.UUID, *, at: datetime) -> bool:
    """Ask Stripe what a paid order's charge cost and book it; False while Stripe does not know, or when it is booked.

    A fee in another currency than the sale's is left to a person. Raises checkout.Unreachable.
    """
    order = Order.objects.get(pk=order_id)
    if order.fee_micros is not None or not order.payment_intent:
        return False
    told = checkout.fee_of(order.payment_intent)
    return told is not None and record(order, told, at=at)


def record(order: Order, told: checkout.Fee, *, at: datetime) -> bool:
    """Book what Stripe tells a paid order's charge cost; False when that is booked.

    The only way a card fee gets into the books. A fee in another currency than the sale's is left to a person.
    """
    if told.unit != order.unit or money.from_minor(told.gross_minor, told.unit) != order.total_micros:
        problem = f"Stripe settled {told.gross_minor} {told.unit} ({told.balance_transaction}): book the fee by hand."
        Order.objects.filter(pk=order.pk).update(problem=problem, next_check_at=None)
        return False
    return _book(order, told, at)


def _book(order: Order, told: checkout.Fee, at: datetime) -> bool:
    fee = money.from_minor(told.fee_minor, order.unit)
    facts = {"balance_transaction": told.balance_transaction}
    with transaction.atomic():
        unknown = Order.objects.filter(pk=order.pk, fee_micros=None)
        if not unknown.update(fee_micros=fee, balance_transaction=told.balance_transaction, next_check_at=None):
            return False
        if fee:
            line = Line(
                debit=chart.stripe_fees(order.unit),
                credit=chart.stripe(order.unit),
                amount=fee,
                unit=order.unit,
                source=f"store.order:{order.pk}",
                facts=facts,
            )
            journal.post(order.fee_key, "card fee", [line], occurred_at=at)
    return True
