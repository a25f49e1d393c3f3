"""Nudges for the listener's side; what they miss the sweeper finds."""

import uuid

from celery import shared_task
from django.utils import timezone

from store import events, gate, waiting
from store.models import Order


@shared_task(time_limit=120)
def process_event(event_pk: int) -> None:
    """Work on one event of Stripe's, then ask for the fee of what it paid."""
    events.process(event_pk, at=timezone.now())
    waiting.ask_about_orders(timezone.now())


@shared_task(time_limit=120)
def check_order(order_id: str) -> None:
    """Ask Stripe about one order now."""
    order = Order.objects.get(pk=order_id)
    waiting.check(uuid.UUID(order_id), at=timezone.now()) if order.next_check_at else None


@shared_task(time_limit=300)
def sweep() -> None:
    """Go on with everything that waits."""
    now = timezone.now()
    waiting.work_on_events(now)
    waiting.ask_about_orders(now)
    gate.finish_waiting(now)
