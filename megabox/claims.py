"""Claims: how one worker at a time takes a row, and how another takes over when the first was killed.

The row's state is the queue. A claim says who works on the row and until when; the worker renews it while it
lives, so a killed worker's row is free again within a minute.
"""

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models
from django.db.models import Q, QuerySet
from django.utils import timezone

CLAIM_SECONDS = 60
RENEW_SECONDS = 20


class Claimable(models.Model):
    """A row that workers take turns on."""

    claimed_by = models.CharField(max_length=100, blank=True, default="")
    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


def worker_name() -> str:
    """A name for this piece of work that no other process or thread has."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def unclaimed(at: datetime) -> Q:
    """Rows nobody works on at `at`."""
    return Q(claimed_until__isnull=True) | Q(claimed_until__lt=at)


def claim(rows: QuerySet[Any], pk: object, by: str, at: datetime) -> bool:
    """Take row `pk` of `rows` for `by` until a minute after `at`; False when it is gone or somebody has it.

    One conditional UPDATE: whoever changes the row has it.
    """
    until = at + timedelta(seconds=CLAIM_SECONDS)
    return rows.filter(unclaimed(at), pk=pk).update(claimed_by=by, claimed_until=until) == 1


def release(rows: QuerySet[Any], pk: object, by: str) -> None:
    """Give row `pk` back, if `by` still has it."""
    rows.filter(pk=pk, claimed_by=by).update(claimed_by="", claimed_until=None)


@contextmanager
def renewing(rows: QuerySet[Any], pk: object, by: str) -> Iterator[None]:
    """Renew the claim of `by` on row `pk` every 20 s while the body runs, for work longer than a claim."""
    done = threading.Event()

    def renew() -> None:
        try:
            while not done.wait(RENEW_SECONDS):
                until = timezone.now() + timedelta(seconds=CLAIM_SECONDS)
                rows.filter(pk=pk, claimed_by=by).update(claimed_until=until)
        finally:
            connection.close()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
