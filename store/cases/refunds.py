"""Refunds: what Stripe gave back to a buyer is taken back from whoever had it, to the micro.

Stripe tells the sum refunded so far, so a repeated or late event changes nothing. A bank can send a refund back weeks
after Stripe called it done; what came back is a sum of its own that only grows, so the two can be told in any order.
Source: docs/money.md, "refund".
"""

import uuid
from datetime import datetime

from django.db import transaction

from ads.budgets import funds
from ledger import chart, journal
from ledger.journal import Line
from megabox import money
from store.cases import disputes, taking
from store.models import Order
from store.sales.orders import Mismatch


def refund(order_id: uuid.UUID, refunded_minor: int, unit: str, *, at: datetime) -> bool:
    """Book that `refunded_minor` minor units of an order have been given back so far; False when that is booked.

    What a bank sent back later counts among them: it is given back here, and comes back by `came_back`. A full refund
    also takes the music back; a deposit's pauses the campaigns it no longer pays for. Money that an open dispute holds
    is released first where the refund needs it. Raises Order.DoesNotExist, NotYet and Mismatch.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.paid_at is None:
            raise taking.NotYet(f"{order} is not booked as paid yet.")
        refunded = money.from_minor(refunded_minor, order.unit)
        if unit != order.unit or refunded - order.returned_micros > order.total_micros:
            raise Mismatch(f"{refunded_minor} {unit} were refunded of {order}, which was {order.total_micros} micros.")
        amount = refunded - order.returned_micros - order.refunded_micros
        if amount <= 0:
            return False
        key = f"order:{order.pk}:refund:{refunded_minor}"
        released = disputes.release_for(order, taking.lacking(order, amount), key=key, at=at)
        lines = taking.lines(order, amount, to=chart.stripe(order.unit))
        journal.post(key, "refund", lines, occurred_at=at)
        disputes.settle_owed(released, order.unit, key=key, at=at)
        order.refunded_micros += amount
        order.save(update_fields=["refunded_micros"])
        taking.done(order, at)
    return True


def came_back(order_id: uuid.UUID, failed_minor: int, *, at: datetime) -> int:
    """Book that `failed_minor` minor units of a deposit's refunds have come back to us so far; return what is new.

    In micros. It is prepaid again; first it settles what the refund left the advertiser owing, and what it made our
    loss. Raises NotYet when those refunds are not booked, Mismatch for a sale: what was sold is gone from the library.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.kind != Order.Kind.DEPOSIT:
            raise Mismatch(f"A refund of {order} came back from the buyer's bank. Pay it another way, then decide it.")
        amount = money.from_minor(failed_minor, order.unit) - order.returned_micros
        if amount <= 0:
            return 0
        if amount > order.refunded_micros:
            raise taking.NotYet(f"A refund of {order} came back that is not booked yet.")
        line = order.lines.get()
        assert line.advertiser_id is not None
        twice = max(0, order.refunded_micros + order.charged_back_micros - order.total_micros)
        key, stripe = f"refund-failed:{order.pk}:{failed_minor}", chart.stripe(order.unit)
        parts = (
            (chart.clawback_loss(order.unit), min(amount, twice)),
            (chart.prepaid(line.advertiser_id, order.unit), max(0, amount - twice)),
        )
        lines = [Line(stripe, code, part, order.unit, source=line.source) for code, part in parts if part]
        journal.post(key, "refund failed", lines, occurred_at=at)
        funds.settle_owed(line.advertiser_id, order.unit, key=f"{key}:owed", at=at)
        order.refunded_micros -= amount
        order.returned_micros += amount
        if order.taken_micros < order.total_micros:
            order.state = Order.State.PAID
        order.save(update_fields=["refunded_micros", "returned_micros", "state"])
    return amount
