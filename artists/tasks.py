"""Nudges for uploads, renditions and splits. Losing any of them loses nothing: the rows wait, and the sweeper comes."""

import uuid
from datetime import timedelta

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from artists import renditions, signing, sweeping, transfers, uploads, verifying
from artists.exporting import exports
from artists.imports import sheets
from megabox.nudges import nudge


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, time_limit=3600)
def ingest(upload_id: int) -> None:
    """Check one received file, then ask for its renditions."""
    uploads.ingest(upload_id, timezone.now())
    for rendition_id in renditions.waiting_ids(upload_id):
        nudge(make, rendition_id)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, time_limit=3600)
def finish(transfer_id: str) -> None:
    """Store a file that arrived in pieces, then have it checked."""
    for upload_id in transfers.finish(uuid.UUID(transfer_id), timezone.now):
        nudge(ingest, upload_id)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, time_limit=7200)
def make(rendition_id: int) -> None:
    """Make one rendition."""
    renditions.make(rendition_id, timezone.now())


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, time_limit=3600)
def make_drafts(sheet_id: str) -> None:
    """Make drafts of the albums in a sheet."""
    sheets.work(uuid.UUID(sheet_id), timezone.now)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, time_limit=7200)
def export(export_id: str) -> None:
    """Get an export ready to be sent."""
    exports.work(uuid.UUID(export_id), timezone.now)


@shared_task(time_limit=7200)
def sweep() -> None:
    """Do the work whose message was lost or whose worker was killed."""
    sweeping.sweep(timezone.now, until=timezone.now() + timedelta(seconds=45))


@shared_task(time_limit=3600)
def verify() -> None:
    """Read some of the masters again, and what is sold of them."""
    verifying.verify_some(timezone.now, until=timezone.now() + timedelta(seconds=30))


@shared_task(time_limit=3600)
def clean_up() -> None:
    """Delete bytes that nobody needs any more."""
    sweeping.clean_up(timezone.now())


@shared_task(time_limit=600)
def follow_splits() -> None:
    """Remind whoever has not signed a split, and end what was not signed in time."""
    signing.follow(timezone.now())
