"""Work that waits because its message was lost or its worker killed: done here, one row after the other."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from artists import albums, copies, free_later, incoming, leftovers, renditions, transfers, uploads
from artists.exporting import exports
from artists.imports import sheets
from artists.models import Export, Rendition, Sheet, Transfer, Upload
from megabox import steps

PATIENCE = timedelta(seconds=10)
"""So long a fresh row is left to its message."""
BATCH = 200

Id = TypeVar("Id", int, uuid.UUID)
Clock = Callable[[], datetime]


def sweep(clock: Clock, *, until: datetime) -> int:
    """Bring out, make free, check and make what waits, until nothing does or `until` has come; return how many ended.

    Any number of sweepers may run at once: each row is claimed.
    """
    dated = (partial(step, clock()) for step in (albums.bring_out, free_later.begin))
    rows = (_sweep_transfers, _sweep_uploads, _sweep_renditions, _sweep_sheets, _sweep_exports)
    return steps.all_of([*dated, *(partial(step, clock, until) for step in rows)])


def clean_up(at: datetime) -> int:
    """Delete bytes that nobody needs any more; return how many files went."""
    rooms = (uploads, copies, incoming, transfers, leftovers, renditions, sheets, exports)
    return steps.all_of(partial(room.clean_up, at) for room in rooms)


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
    return steps.all_of(partial(do, pk, now) for pk in ids if (now := clock()) < until)
