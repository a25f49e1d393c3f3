"""Nudges for the listener's side; what they miss the sweeper finds."""

from contextlib import suppress
from functools import partial

from celery import shared_task
from django.utils import timezone

from megabox import steps
from store.access import gate
from store.cases import deposit_refunds, preorder_refunds
from store.payments import events, waiting
from store.reconciliation import balance_checks, stripe_balance
from store.sales import preorders
from store.stats import figures


@shared_task(time_limit=120)
def process_event(event_pk: int) -> None:
    """Work on one event of Stripe's, then on what it leaves to ask, such as the fee."""
    events.process(event_pk, at=timezone.now())
    waiting.ask_about_orders(timezone.now())


@shared_task(time_limit=120)
def send_deposit_refunds() -> None:
    """Ask Stripe for what advertisers want back."""
    deposit_refunds.send_due(timezone.now())


@shared_task(time_limit=120)
def give_back_preorders() -> None:
    """Give buyers back what they paid for music that they will not get."""
    preorder_refunds.send_due(timezone.now())


@shared_task(time_limit=300)
def sweep() -> None:
    """Go on with everything that waits."""
    now = timezone.now()
    works = (
        waiting.work_on_events,
        waiting.ask_about_orders,
        deposit_refunds.send_due,
        preorders.settle_due,
        preorder_refunds.send_due,
        gate.finish_waiting,
    )
    steps.all_of(partial(work, now) for work in works)


@shared_task(time_limit=3300)
def reconcile() -> None:
    """Compare the books with Stripe's; what a killed one left, the next goes on with."""
    with suppress(stripe_balance.NoAnswer):
        balance_checks.run(at=timezone.now())


@shared_task(time_limit=3300)
def count_figures() -> None:
    """Count the hour that is over, unless it was counted; what a killed one left, the next goes on with."""
    figures.count_due(timezone.now)
