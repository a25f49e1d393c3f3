"""Nudges for the outbox."""

from celery import shared_task
from django.utils import timezone

from users import mail


@shared_task(time_limit=300)
def sweep() -> None:
    """Send the mail that waits."""
    mail.send_waiting(timezone.now())
