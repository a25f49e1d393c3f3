"""Refunds: what Stripe gave back to a buyer is taken back from whoever had it, to the micro.

Stripe tells the sum refunded so far, so a repeated or late event changes nothing. Source: docs/money.md, "refund".
"""

import uuid
from datetime import datetime

from django.db import transaction

from ledger import chart, journal
from megabox import money
from store import disputes, taking
from store.models import Order
from store.orders import Mismatch


def refund(order_id: uuid.UUID, refunded_minor: int, unit: str, *, at: datetime) -> bool:
    """Book that `refunded_minor` minor units of an order have been given back so far; False when that is booked.

    A full refund also takes the music back; a deposit's pauses the campaigns it no longer pays for. Money that an open
    dispute holds is released first where the refund needs it. Raises Order.DoesNotExist, NotYet and Mismatch.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.paid_at is None:
            raise taking.NotYet(f"{order} is not booked as paid yet.")
        refunded = money.from_minor(refunded_minor, order.unit)
        if unit != order.unit or refunded > order.total_micros:
            raise Mismatch(f"{refunded_minor} {unit} were refunded of {order}, which was {order.total_micros} micros.")
        amount = refunded - order.refunded_micros
        if amount <= 0:
            return False
        key = f"order:{order.pk}:refund:{refunded_minor}"
        released = disputes.release_for(order, taking.lacking(order, amount), key=key, at=at)
        lines = taking.lines(order, amount, to=chart.stripe(order.unit))
        journal.post(key, "refund", lines, occurred_at=at)
        disputes.settle_owed(released, order.unit, key=key, at=at)
        order.refunded_micros = refunded
        order.save(update_fields=["refunded_micros"])
        taking.done(order, at)
    return True
