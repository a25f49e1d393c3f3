"""Renditions: the files made from an original, by whoever claims the row, as often as it takes and no oftener."""

import logging
import zlib
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import F

from artists import audio, blobs
from artists.models import Original, Rendition
from megabox.claims import claim, renewing, worker_name

WANTED = ("mp3-320", "flac", "opus", "mp3-v0")
"""What is made of every original, in this order."""
FOR_SALE = ("mp3-320", "flac")
"""What must be ready before an album can be sold."""
MOST_TRIES = 3
MOST_STARTS = 6
"""Starts that ended in a killed worker count here, so that one bad file cannot stop workers for ever."""

_log = logging.getLogger(__name__)


def make(rendition_id: int, at: datetime) -> bool:
    """Make one wanted file: transcode, verify, store, READY. After bounded tries FAILED, with the reason.

    True if this call ended it; False if it has ended, is not due, failed for now, or somebody else works on it.
    """
    by, rows = worker_name(), Rendition.objects.filter(state=Rendition.State.WANTED)
    if not claim(rows.filter(next_try_at__lte=at), rendition_id, by, at):
        return False
    rows.filter(pk=rendition_id, claimed_by=by).update(tries=F("tries") + 1)
    rendition = Rendition.objects.select_related("original").get(pk=rendition_id)
    if rendition.tries > MOST_STARTS:
        return _fail(rendition, by, "Making this format stopped our worker several times, so we gave up.")
    with renewing(rows, rendition_id, by), blobs.workplace() as folder:
        out = folder / rendition.recipe
        try:
            with blobs.borrow(rendition.original.path) as source:
                audio.transcode(source, rendition.recipe, out, limits=_limits())
        except audio.TranscodeFailed as reason:
            _log.warning("Rendition %s, try %s: %s %s", rendition_id, rendition.tries, reason, reason.detail)
            return _try_later(rendition, by, str(reason), at)
        except OSError as reason:
            _log.exception("Rendition %s, try %s", rendition_id, rendition.tries)
            return _try_later(rendition, by, f"Our storage failed while this format was made ({reason}).", at)
        return _store(rendition, by, out, at)


def retry(original: Original, at: datetime) -> int:
    """Want what failed of an original once more; return how many."""
    failed = Rendition.objects.filter(original=original, state=Rendition.State.FAILED)
    return failed.update(state=Rendition.State.WANTED, tries=0, reason="", next_try_at=at)


def want_again(rendition: Rendition) -> bool:
    """Make a ready file once more because it is gone from the storage. False if it is not ready any more."""
    _log.error("The file of rendition %s is gone and is made again", rendition.pk)
    ready = Rendition.objects.filter(pk=rendition.pk, state=Rendition.State.READY)
    changed = ready.update(state=Rendition.State.WANTED, path="", size_bytes=0, crc32=None, ready_at=None, tries=0)
    return changed == 1


def waiting_ids(upload_id: int) -> list[int]:
    """What is still to be made of an upload that became a track, the formats it is sold in first."""
    rows = Rendition.objects.filter(original__tracks__uploads=upload_id, state=Rendition.State.WANTED)
    ids = sorted(rows.values_list("recipe", "pk"), key=lambda row: WANTED.index(row[0]))
    return [pk for _, pk in ids]


def crc32_of(path: Path) -> int:
    """The CRC-32 of a file, as zips hold it."""
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            crc = zlib.crc32(chunk, crc)
    return crc


def _limits() -> audio.Limits:
    return audio.Limits(max_bytes=settings.MAX_UPLOAD_BYTES, max_seconds=settings.MAX_TRACK_SECONDS)


def _store(rendition: Rendition, by: str, out: Path, at: datetime) -> bool:
    """Put the finished file in its place and say so in the row, if the row is still ours."""
    crc32, size = crc32_of(out), out.stat().st_size
    path = blobs.rendition_path(rendition.original.sha256, rendition.recipe)
    blobs.put(out, path)
    mine = Rendition.objects.filter(pk=rendition.pk, state=Rendition.State.WANTED, claimed_by=by)
    ended = mine.update(
        state=Rendition.State.READY,
        path=path,
        size_bytes=size,
        crc32=crc32,
        bitrate_kbps=size * 8 // max(1, rendition.original.duration_ms),
        reason="",
        ready_at=at,
        claimed_by="",
        claimed_until=None,
    )
    return ended == 1


def _try_later(rendition: Rendition, by: str, reason: str, at: datetime) -> bool:
    if rendition.tries >= MOST_TRIES:
        return _fail(rendition, by, reason)
    mine = Rendition.objects.filter(pk=rendition.pk, state=Rendition.State.WANTED, claimed_by=by)
    pause = timedelta(seconds=10 * 3**rendition.tries)
    mine.update(reason=reason, next_try_at=at + pause, claimed_by="", claimed_until=None)
    return False


def _fail(rendition: Rendition, by: str, reason: str) -> bool:
    _log.error("Rendition %s failed for good: %s", rendition.pk, reason)
    mine = Rendition.objects.filter(pk=rendition.pk, state=Rendition.State.WANTED, claimed_by=by)
    return mine.update(state=Rendition.State.FAILED, reason=reason, claimed_by="", claimed_until=None) == 1
