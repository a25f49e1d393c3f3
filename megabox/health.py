"""`/healthz`: is Megabox well, in JSON a monitor can read."""

import os
import uuid
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ads import queue as ads_queue
from artists import queue as artists_queue
from megabox import audit_runs, media
from megabox.celery import app
from payouts import queue as payouts_queue
from store import queue as store_queue
from users import queue as users_queue

OLDEST_WAIT_SECONDS = 600
"""Waiting work older than this means that no worker is there."""

QUEUES: dict[str, Callable[[], datetime | None]] = {
    "mail": users_queue.oldest_waiting,
    "catalogue": artists_queue.oldest_waiting,
    "ads": ads_queue.oldest_waiting,
    "reports of ads": ads_queue.oldest_report,
    "payouts": payouts_queue.oldest_waiting,
    "store": store_queue.oldest_waiting,
    "checks of the books": audit_runs.oldest_waiting,
}


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when all is well, else 503; the state of database, broker, storage and the oldest waiting work in seconds."""
    parts = {"database": _state(_try_database), "broker": _state(_try_broker), "storage": _state(_try_storage)}
    waiting = _waiting_seconds(timezone.now()) if parts["database"] == "ok" else {}
    oldest = max((seconds for seconds in waiting.values() if seconds is not None), default=0)
    is_well = all(state == "ok" for state in parts.values()) and oldest <= OLDEST_WAIT_SECONDS
    body = {
        "status": "ok" if is_well else "failing",
        **parts,
        "oldest_waiting_seconds": oldest,
        "waiting_seconds": waiting,
    }
    return JsonResponse(body, status=200 if is_well else 503)


def _state(attempt: Callable[[], None]) -> str:
    """`ok`, or the kind of failure; the details go to the log, not to strangers."""
    try:
        attempt()
    except Exception as failure:  # whatever breaks here is exactly what this page is there to report
        return f"failing: {type(failure).__name__}"
    return "ok"


def _try_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _try_broker() -> None:
    if not settings.REDIS_URL:
        probe = settings.BROKER_DIR / "queue" / f".health-{uuid.uuid4().hex}"
        probe.touch()
        os.unlink(probe)
        return
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=0, timeout=2)


def _try_storage() -> None:
    storage = media.private()
    name = storage.save(f"health/{uuid.uuid4().hex}", ContentFile(b"ok"))
    storage.delete(name)


def _waiting_seconds(now: datetime) -> dict[str, int | None]:
    """Seconds the oldest row of each room has waited to be worked on; None where nothing waits."""
    oldest = {name: find() for name, find in QUEUES.items()}
    return {name: None if at is None else max(0, int((now - at).total_seconds())) for name, at in oldest.items()}
