"""What waits here and goes on by itself: events to work on, orders to ask Stripe about, fees not told yet."""

import uuid
from datetime import datetime, timedelta

from megabox import claims
from store.models import Order, StripeEvent
from store.payments import events
from store.sales import checkout, fees, orders

AT_ONCE = 50
LONGEST_PAUSE = timedelta(hours=1)
GIVE_UP_UNSTARTED = timedelta(hours=1)


def work_on_events(at: datetime) -> int:
    """Work on the stored events that are due; return how many were taken."""
    due = StripeEvent.objects.filter(claims.unclaimed(at), state=StripeEvent.State.RECEIVED, next_try_at__lte=at)
    found = list(due.order_by("next_try_at").values_list("pk", flat=True)[:AT_ONCE])
    return sum(events.process(pk, at=at) is not None for pk in found)


def ask_about_orders(at: datetime) -> int:
    """Ask Stripe about orders whose webhook has not come, and for fees; return how many were asked about."""
    due = Order.objects.filter(next_check_at__lte=at).order_by("next_check_at")
    return sum(check(pk, at=at) for pk in list(due.values_list("pk", flat=True)[:AT_ONCE]))


def check(order_id: uuid.UUID, *, at: datetime) -> bool:
    """Ask Stripe what became of one order, unless somebody else does; so a lost webhook loses no payment.

    The time of the next question moves first, which is the claim: ever later, at most an hour.
    """
    order = Order.objects.filter(pk=order_id).first()
    if order is None or order.next_check_at is None:
        return False
    pause = min(timedelta(minutes=1) * 2 ** min(order.checks, 10), LONGEST_PAUSE)
    mine = Order.objects.filter(pk=order_id, next_check_at=order.next_check_at)
    if not mine.update(next_check_at=at + pause, checks=order.checks + 1):
        return False
    try:
        if order.state == Order.State.PENDING:
            _look_after(order, at)
        elif order.fee_micros is None:
            fees.book(order.pk, at=at)
    except checkout.Unreachable:
        return True  # asked again after the pause
    except orders.Mismatch as reason:
        Order.objects.filter(pk=order_id).update(problem=str(reason), next_check_at=None)
    return True


def give_up(order: Order, *, at: datetime) -> None:
    """Close the payment page of an order its buyer came back from, and give the order up unless it was paid.

    So the uses of its codes are free for what they buy instead. Raises checkout.Unreachable and orders.Mismatch.
    """
    if not order.checkout_session:
        orders.cancel(order.pk)
        return
    checkout.expire(order.checkout_session)
    _look_after(order, at)


def _look_after(order: Order, at: datetime) -> None:
    """Fulfil or cancel a waiting order by what Stripe says of its payment page."""
    if not order.checkout_session:
        # Nobody was ever sent to a payment page, so nobody can have paid.
        if at - order.placed_at > GIVE_UP_UNSTARTED:
            orders.cancel(order.pk)
        return
    session = checkout.ask(order.checkout_session)
    if session.is_paid:
        orders.fulfil(order.pk, session, at=at)
    elif session.status == "expired":
        orders.cancel(order.pk)
