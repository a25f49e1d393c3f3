"""Work that waits because its message was lost or its worker killed: done here, one row after the other."""

from collections.abc import Callable
from datetime import datetime, timedelta

from artists import incoming, packages, renditions, uploads
from artists.models import Rendition, Upload

PATIENCE = timedelta(seconds=10)
"""So long a fresh row is left to its message."""
BATCH = 200

Clock = Callable[[], datetime]


def sweep(clock: Clock, *, until: datetime) -> int:
    """Check and make what waits, until nothing does or `until` has come; return how many rows ended.

    Any number of sweepers may run at once: each row is claimed.
    """
    return _sweep_uploads(clock, until) + _sweep_renditions(clock, until)


def clean_up(at: datetime) -> int:
    """Delete bytes that nobody needs any more; return how many files went."""
    return uploads.clean_up(at) + packages.clean_up(at) + incoming.clean_up(at)


def _sweep_uploads(clock: Clock, until: datetime) -> int:
    waiting = Upload.objects.waiting(clock()).filter(received_at__lte=clock() - PATIENCE).order_by("received_at")
    return _work(list(waiting.values_list("pk", flat=True)[:BATCH]), uploads.ingest, clock, until)


def _sweep_renditions(clock: Clock, until: datetime) -> int:
    waiting = Rendition.objects.waiting(clock()).filter(next_try_at__lte=clock() - PATIENCE)
    rows = list(waiting.order_by("wanted_at", "pk").values_list("pk", flat=True)[:BATCH])
    return _work(rows, renditions.make, clock, until)


def _work(ids: list[int], do: Callable[[int, datetime], bool], clock: Clock, until: datetime) -> int:
    ended = 0
    for pk in ids:
        now = clock()
        if now >= until:
            break
        ended += do(pk, now)
    return ended
