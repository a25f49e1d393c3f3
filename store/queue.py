"""How long the oldest waiting work of the listener's side has waited."""

from datetime import datetime

from django.db.models import Min

from store.models import DepositRefund, Order, PreOrder, StripeEvent


def oldest_waiting() -> datetime | None:
    """When the oldest event or question to Stripe became due; None if none waits. It may lie in the future."""
    event = StripeEvent.objects.filter(state=StripeEvent.State.RECEIVED).aggregate(at=Min("next_try_at"))["at"]
    refund = DepositRefund.objects.filter(state=DepositRefund.State.WANTED).aggregate(at=Min("next_try_at"))["at"]
    back = PreOrder.objects.aggregate(at=Min("next_try_at"))["at"]
    order = Order.objects.aggregate(at=Min("next_check_at"))["at"]
    return min((at for at in (event, order, refund, back) if at is not None), default=None)
