"""Nudges and the clock of the map. Losing any of them loses nothing: the rows wait, and the sweeper comes."""

from celery import shared_task
from django.utils import timezone

from megabox import audit_runs, exports


@shared_task(time_limit=4 * 3600)
def check_books(run_id: int) -> None:
    """Do one check of the books that somebody asked for."""
    audit_runs.work(run_id, now=timezone.now)


@shared_task(time_limit=4 * 3600)
def check_books_hourly() -> None:
    """Ask for a check of the books, and do it."""
    run = audit_runs.ask_by_the_clock(timezone.now())
    if run is not None:
        audit_runs.work(run.pk, now=timezone.now)
    exports.forget_old(timezone.now())


@shared_task(time_limit=4 * 3600)
def export_books(export_id: int) -> None:
    """Make one export of the books that somebody asked for."""
    exports.work(export_id, now=timezone.now)


@shared_task(time_limit=4 * 3600)
def sweep() -> None:
    """Do what waits, and what a killed worker left."""
    audit_runs.work_on_open(timezone.now)
    exports.work_on_open(timezone.now)
