"""Nudges and the clock of the ads room; the rows are the queue."""

from datetime import datetime
from functools import partial

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
from megabox import steps


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
    works = (campaigns.end_due, _return_leases, _settle_what_was_missed, _ask_for_invalidations, _make_spots)
    steps.all_of(partial(work, timezone.now()) for work in works)


def _return_leases(now: datetime) -> None:
    if counted_until := consumer.counted_until(now):  # what waits in the stream may still be charged to a lease
        leases.return_due(counted_until)


def _settle_what_was_missed(now: datetime) -> None:
    due_at = queue.settlement_due_at()
    if due_at and due_at <= now:
        settlement.settle_due(now)


def _ask_for_invalidations(now: datetime) -> None:
    for invalidation_id in invalidations.waiting_ids(now):
        invalidate.delay(invalidation_id)


def _make_spots(now: datetime) -> None:
    steps.all_of(partial(creatives.make_audio, ad_id, timezone.now()) for ad_id in creatives.waiting_ids(now))


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
    works = (
        settlement.close_due,
        settlement.close_months,
        escrow.release_due,
        _mature,
        credits.expire,
        counting.forget_events,
        decisions.forget_old,
        leases.forget_returned,
        leftovers.delete_old,
        pairings.forget_codes,
    )
    steps.all_of(partial(work, now) for work in works)


def _mature(now: datetime) -> None:
    payees.mature(now.date(), at=now, but=spikes.held_payees())


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
