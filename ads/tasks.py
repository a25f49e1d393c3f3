"""Nudges and the clock of the ads room; the rows are the queue."""

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from ads import campaigns, creatives, credits, impressions, queue, settlement
from ledger import payees


@shared_task(acks_late=True, time_limit=600)
def make_audio(ad_id: int) -> None:
    """Make the file of one spot."""
    creatives.make_audio(ad_id, timezone.now())


@shared_task(time_limit=900)
def sweep() -> None:
    """Make the spots that wait, end the campaigns whose time is over, and settle what the hourly clock missed."""
    now = timezone.now()
    campaigns.end_due(now)
    due_at = queue.settlement_due_at()
    if due_at and due_at <= now:
        settlement.settle_due(now)
    for ad_id in creatives.waiting_ids(now):
        creatives.make_audio(ad_id, timezone.now())


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, time_limit=1800)
def settle() -> None:
    """Hourly: bill what was seen since."""
    settlement.settle_due(timezone.now())


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, time_limit=3600)
def close_days() -> None:
    """Nightly, and hourly in case the night was slept through: close days and months, mature, expire, forget."""
    now = timezone.now()
    settlement.close_due(now)
    settlement.close_months(now)
    payees.mature(now.date(), at=now)
    credits.expire(now)
    impressions.forget_events(now)
