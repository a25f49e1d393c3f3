"""Nudges for the listener's side; what they miss the sweeper finds."""

from contextlib import suppress

from celery import shared_task
from django.utils import timezone

from store import balance_checks, events, gate, stripe_balance, waiting


@shared_task(time_limit=120)
def process_event(event_pk: int) -> None:
    """Work on one event of Stripe's, then on what it leaves to ask, such as the fee."""
    events.process(event_pk, at=timezone.now())
    waiting.ask_about_orders(timezone.now())


@shared_task(time_limit=300)
def sweep() -> None:
    """Go on with everything that waits."""
    now = timezone.now()
    waiting.work_on_events(now)
    waiting.ask_about_orders(now)
    gate.finish_waiting(now)


@shared_task(time_limit=3300)
def reconcile() -> None:
    """Compare the books with Stripe's; what a killed one left, the next goes on with."""
    with suppress(stripe_balance.NoAnswer):
        balance_checks.run(at=timezone.now())
