"""Nudges and the clock of the ads room; the rows are the queue."""

from celery import shared_task
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from ads import queue
from ads.assets import creatives, leftovers
from ads.budgets import leases, pacing
from ads.delivery import decisions
from ads.demand import campaigns
from ads.measurement import consumer, counting, stream
from ads.megakey import optouts, pairings, records, sites
from ads.revenue import escrow, invalidations, settlement
from ads.rewards import credits
from ads.traffic import prefixes, spikes
from ledger import payees


@shared_task(ignore_result=True, time_limit=120)
def look_up_record(claim_id: int) -> None:
    """What the DNS says of one claim, because the staff want to know now."""
    records.look_up(claim_id, timezone.now())


@shared_task(acks_late=True, time_limit=600)
def make_audio(ad_id: int) -> None:
    """Make the file of one spot."""
    creatives.make_audio(ad_id, timezone.now())


@shared_task(time_limit=900)
def sweep() -> None:
    """Make the spots that wait, end the campaigns whose time is over, and settle what the hourly clock missed."""
    now = timezone.now()
    campaigns.end_due(now)
    if counted_until := consumer.counted_until(now):  # what waits in the stream may still be charged to a lease
        leases.return_due(counted_until)
    due_at = queue.settlement_due_at()
    if due_at and due_at <= now:
        settlement.settle_due(now)
    for invalidation_id in invalidations.waiting_ids(now):
        invalidate.delay(invalidation_id)
    for ad_id in creatives.waiting_ids(now):
        creatives.make_audio(ad_id, timezone.now())


@shared_task(time_limit=600)
def count_reports() -> None:
    """Count what waits in the stream, in case `manage.py count_ads` does not run."""
    if stream.is_wanted():
        consumer.drain()


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
    escrow.release_due(now)
    payees.mature(now.date(), at=now, but=spikes.held_payees())
    credits.expire(now)
    counting.forget_events(now)
    decisions.forget_old(now)
    leases.forget_returned(now)
    leftovers.delete_old(now)
    pairings.forget_codes(now)


@shared_task(acks_late=True, time_limit=900)
def invalidate(invalidation_id: int) -> None:
    """Some steps of an order to reject views."""
    invalidations.work(invalidation_id, timezone.now())


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, time_limit=900)
def look_for_spikes() -> None:
    """Hourly: which hours stood out."""
    spikes.look(timezone.now())


@shared_task(time_limit=900)
def check_sites() -> None:
    """Ask sites whether they opt out, each once a day; nobody is asked while nothing is replaced."""
    if settings.MEGAKEY_REPLACES:
        sites.publish(timezone.now())
        for site_id in optouts.due(timezone.now()):
            optouts.check(site_id, timezone.now())


@shared_task(time_limit=60)
def check_site(site_id: int) -> None:
    """Ask one site now."""
    optouts.check(site_id, timezone.now())


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, time_limit=600)
def destroy_day_keys() -> None:
    """Shortly after midnight, and hourly in case it was slept through: destroy the keys of days that are over."""
    prefixes.destroy_keys(timezone.now())


@shared_task(time_limit=50)
def pace() -> None:
    """Each minute: let campaigns that are ahead of their time take fewer of their chances, and those behind more."""
    pacing.step(timezone.now())
