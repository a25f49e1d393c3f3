"""Nudges for payouts. Losing any of them loses nothing: the rows wait, and the sweeper comes."""

from datetime import timedelta

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from megabox import steps
from megabox.claims import worker_name
from payouts import issuing, pool, queue, runs, transfers


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, time_limit=300)
def pay(run_id: int) -> None:
    """Ask the workers to send every payout of an executing run."""
    for payout_id in queue.due(timezone.now(), run_id=run_id).values_list("pk", flat=True):
        send.delay(payout_id)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, time_limit=120)
def send(payout_id: int) -> None:
    """Send one payout."""
    transfers.send(payout_id, by=worker_name(), at=timezone.now())


@shared_task(time_limit=300)
def sweep() -> None:
    """Go on where somebody was killed, send what was forgotten, and find out what became of what is unknown."""
    until = timezone.now() + timedelta(seconds=45)
    steps.all_of(
        (
            lambda: runs.carry_on(at=timezone.now()),
            lambda: transfers.send_due(timezone.now, by=worker_name, until=until),
        )
    )


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, time_limit=3600)
def share_out_pools() -> None:
    """Hourly: share out or carry on what is in the pools of closed months; nothing most of the time."""
    pool.share_due(timezone.now())


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, time_limit=3600)
def issue_statements() -> None:
    """Hourly: issue the statements of months that were closed; nothing most of the time."""
    issuing.issue_due(timezone.now())
