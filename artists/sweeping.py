"""Work that waits because its message was lost or its worker killed: done here, one row after the other."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from artists import albums, copies, free_later, incoming, leftovers, renditions, transfers, uploads
from artists.exporting import exports
from artists.imports import sheets
from artists.models import Export, Rendition, Sheet, Transfer, Upload

PATIENCE = timedelta(seconds=10)
"""So long a fresh row is left to its message."""
BATCH = 200

Id = TypeVar("Id", int, uuid.UUID)
Clock = Callable[[], datetime]


def sweep(clock: Clock, *, until: datetime) -> int:
    """Bring out, make free, check and make what waits, until nothing does or `until` has come; return how many ended.

    Any number of sweepers may run at once: each row is claimed.
    """
    ended = albums.bring_out(clock()) + free_later.begin(clock()) + _sweep_transfers(clock, until)
    ended += _sweep_uploads(clock, until) + _sweep_renditions(clock, until)
    return ended + _sweep_sheets(clock, until) + _sweep_exports(clock, until)


def clean_up(at: datetime) -> int:
    """Delete bytes that nobody needs any more; return how many files went."""
    files = uploads.clean_up(at) + copies.clean_up(at) + incoming.clean_up(at)
    files += transfers.clean_up(at) + leftovers.clean_up(at) + renditions.clean_up(at)
    return files + sheets.clean_up(at) + exports.clean_up(at)


def _sweep_transfers(clock: Clock, until: datetime) -> int:
    waiting = Transfer.objects.waiting(clock()).values_list("pk", flat=True)[:BATCH]
    return _work(list(waiting), lambda pk, at: bool(transfers.finish(pk, clock)), clock, until)


def _sweep_uploads(clock: Clock, until: datetime) -> int:
    waiting = Upload.objects.waiting(clock()).filter(received_at__lte=clock() - PATIENCE).order_by("received_at")
    return _work(list(waiting.values_list("pk", flat=True)[:BATCH]), uploads.ingest, clock, until)


def _sweep_renditions(clock: Clock, until: datetime) -> int:
    waiting = Rendition.objects.waiting(clock()).filter(next_try_at__lte=clock() - PATIENCE)
    rows = list(waiting.order_by("wanted_at", "pk").values_list("pk", flat=True)[:BATCH])
    return _work(rows, renditions.make, clock, until)


def _sweep_sheets(clock: Clock, until: datetime) -> int:
    waiting = Sheet.objects.waiting(clock()).filter(asked_at__lte=clock() - PATIENCE).order_by("asked_at")
    return _work(list(waiting.values_list("pk", flat=True)), lambda pk, at: sheets.work(pk, clock), clock, until)


def _sweep_exports(clock: Clock, until: datetime) -> int:
    waiting = Export.objects.waiting(clock()).filter(asked_at__lte=clock() - PATIENCE).order_by("asked_at")
    return _work(list(waiting.values_list("pk", flat=True)), lambda pk, at: exports.work(pk, clock), clock, until)


def _work(ids: list[Id], do: Callable[[Id, datetime], bool], clock: Clock, until: datetime) -> int:
    ended = 0
    for pk in ids:
        now = clock()
        if now >= until:
            break
        ended += do(pk, now)
    return ended
