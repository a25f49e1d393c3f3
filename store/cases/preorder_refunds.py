"""Giving buyers back what they paid for albums that they will not get: all of it, once.

Stripe never gives back more of a payment than was paid, so what is left of it is asked for until nothing is. Asking is
outside of every transaction, with a key that holds what was given back before: the same question twice is one refund,
and a lost answer is found in what Stripe lists. The books learn of it by the sum that Stripe says it gave back, so a
webhook and a worker never book anything twice. Source: docs/money.md, "Pre-orders".
"""

import logging
from datetime import datetime, timedelta

from megabox import claims, money
from store.cases import refunds
from store.models import PreOrder
from store.sales import checkout
from store.sales.orders import Mismatch

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
AT_ONCE = 200

SILENT = "Stripe has not answered yet."
REFUSED = "Stripe refuses: "

State = PreOrder.State
log = logging.getLogger(__name__)


def send_due(at: datetime) -> int:
    """Ask Stripe for every refund that is due; return how many were asked about."""
    due = PreOrder.objects.filter(claims.unclaimed(at), state=State.ENDING, next_try_at__lte=at)
    return sum(send(pk, at) for pk in list(due.order_by("next_try_at", "pk").values_list("pk", flat=True)[:AT_ONCE]))


def send(pk: int, at: datetime) -> bool:
    """Ask Stripe to give one pre-order's money back; False when it is not due or somebody else has it.

    Safe to repeat, to run twice at once and to kill. Raises nothing that asking does: the row says it.
    """
    by = claims.worker_name()
    if not claims.claim(PreOrder.objects.filter(state=State.ENDING, next_try_at__lte=at), pk, by, at):
        return False
    row = PreOrder.objects.select_related("order").get(pk=pk)
    order = row.order
    try:
        made = _given_back(row)
        refunds.refund(order.pk, made, order.unit, at=at)
    except checkout.Refused as refusal:
        # A disputed payment is not given back while its bank decides; whatever it is, a person can see it.
        _pause(row, by, f"{REFUSED}{refusal}", at, tries=row.tries + 1)
    except checkout.Unreachable:
        _pause(row, by, SILENT, at, tries=row.tries)
    except Mismatch as reason:
        _pause(row, by, str(reason), at, tries=row.tries)
    except Exception as fault:  # a bug of ours or an answer we do not know: kept in sight, and nobody else waits
        log.exception("%s of order %s cannot be given back.", row, order.pk)
        _pause(row, by, f"{type(fault).__name__}: {fault}", at, tries=row.tries)
    else:
        claims.release(PreOrder.objects.all(), pk, by)
    return True


def _given_back(row: PreOrder) -> int:
    """Minor units that Stripe gave back of the payment, once nothing is left. Raises Refused and Unreachable."""
    order = row.order
    total = money.floor_to_minor(order.total_micros - order.charged_back_micros, order.unit)
    before = checkout.refunds_of(order.payment_intent).made_minor
    if before >= total:
        return before
    key = f"preorder:{row.pk}:{before}:{row.tries}"
    checkout.refund(order.payment_intent, total - before, row.pk, key=key, of=checkout.PRE_ORDER)
    made = checkout.refunds_of(order.payment_intent).made_minor
    if made < total:  # Stripe's list lags behind its answers
        raise checkout.Unreachable
    return made


def _pause(row: PreOrder, by: str, problem: str, at: datetime, *, tries: int) -> None:
    """Ask again, ever later."""
    assert row.next_try_at is not None
    mine = PreOrder.objects.filter(pk=row.pk, claimed_by=by, state=State.ENDING)
    pause = min(FIRST_PAUSE * 2 ** min(tries, 6), LONGEST_PAUSE)
    mine.update(problem=problem[:500], tries=tries, next_try_at=at + pause, claimed_by="", claimed_until=None)
