"""Nudges for uploads and renditions. Losing any of them loses nothing: the rows wait, and the sweeper comes."""

from datetime import timedelta

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from artists import renditions, sweeping, uploads
from megabox.nudges import nudge


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, time_limit=3600)
def ingest(upload_id: int) -> None:
    """Check one received file, then ask for its renditions."""
    uploads.ingest(upload_id, timezone.now())
    for rendition_id in renditions.waiting_ids(upload_id):
        nudge(make, rendition_id)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, time_limit=7200)
def make(rendition_id: int) -> None:
    """Make one rendition."""
    renditions.make(rendition_id, timezone.now())


@shared_task(time_limit=7200)
def sweep() -> None:
    """Do the work whose message was lost or whose worker was killed."""
    sweeping.sweep(timezone.now, until=timezone.now() + timedelta(seconds=45))


@shared_task(time_limit=3600)
def clean_up() -> None:
    """Delete bytes that nobody needs any more."""
    sweeping.clean_up(timezone.now())
