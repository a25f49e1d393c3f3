"""Masters, and what is made of them ahead, read again from the disk: music is sold while they are what they were.

A master that is gone or changed has a `fault`, and whoever sends the same bytes again mends it. A made file that is
gone or changed is made again. Nothing is read while somebody buys: it is done beforehand, some of it every few minutes.
"""

import hashlib
import logging
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from artists import blobs, renditions
from artists.models import Original, Rendition, Track
from megabox import media

EVERY = timedelta(days=1)
"""So often each master is read."""
SOON = timedelta(minutes=10)
"""So long after a fault was found it is looked at again: the disk may be back."""
AT_ONCE = 200
MOST_BYTES = 2 * 1024**3
"""So much of masters is read in one go."""
REMEDY = (
    "That is our fault. It is not sold until it is mended: drop the very same file here again, "
    "or take the track off and send another."
)

_PIECE = 1024 * 1024
_log = logging.getLogger(__name__)


def unsound(tracks: QuerySet[Track]) -> QuerySet[Track]:
    """Those `tracks` whose master has a fault, or whose files for sale are not all there: nothing is sold with them."""
    ready = Rendition.objects.filter(original=OuterRef("original"), state=Rendition.State.READY)
    is_sound = Q(original__fault="")
    for recipe in renditions.FOR_SALE:
        is_sound &= Q(Exists(ready.filter(recipe=recipe)))
    return tracks.exclude(is_sound)


def verify_some(clock: Callable[[], datetime], *, until: datetime) -> int:
    """Verify the masters that are due, the longest unread first, until `until` or 2 GiB; return how many."""
    now = clock()
    is_due = Q(verified_at=None) | Q(verified_at__lt=now - EVERY) | (~Q(fault="") & Q(verified_at__lt=now - SOON))
    is_used = Exists(Track.objects.filter(original=OuterRef("pk")))
    due = Original.objects.filter(is_due, is_used).order_by(F("verified_at").asc(nulls_first=True), "pk")
    count = read = 0
    for pk, size in list(due.values_list("pk", "size_bytes")[:AT_ONCE]):
        if clock() >= until or (count and read + size > MOST_BYTES):
            break
        verify(pk, clock())
        count, read = count + 1, read + size
    return count


def verify(original_id: int, at: datetime) -> str:
    """Read a master and what is made of it ahead; return its fault in words, empty if there is none.

    Files that were made and are not what they were are wanted again, unless the master they are made from has a fault.
    """
    rows = Original.objects.filter(pk=original_id)
    original = rows.defer("peaks", "tags").first()
    if original is None:
        return ""
    fault = _fault(original)
    rows.update(verified_at=at, fault=fault)
    if fault:
        _log.error("Original %s: %s", original_id, fault)
        return fault
    made = Rendition.objects.filter(original=original, recipe__in=renditions.WANTED, state=Rendition.State.READY)
    for rendition in made:
        if not _is_whole(rendition):
            renditions.want_again(rendition)
    return ""


def mend(sha256: str, local: Path, at: datetime) -> bool:
    """Put the file `local`, whose sha256 this is, where the same master has a fault. False if there is none to mend."""
    original = Original.objects.filter(sha256=sha256).defer("peaks", "tags").first()
    if original is None or not local.exists() or (not original.fault and blobs.exists(original.path)):
        return False
    blobs.delete(original.path)  # object storage keeps what it has
    blobs.put(local, original.path)
    Original.objects.filter(pk=original.pk).update(verified_at=at, fault="")
    renditions.retry(original, at)
    return True


def _fault(original: Original) -> str:
    """What is wrong with the stored master, in words for its artist."""
    try:
        if not blobs.exists(original.path):
            return "The file you sent is no longer in our storage."
        size = media.private().size(original.path)
        if size != original.size_bytes:
            how = "shorter" if size < original.size_bytes else "longer"
            return f"The file in our storage is {how} than the one you sent."
        with media.private().open(original.path, "rb") as file:
            digest = hashlib.sha256()
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError:
        return "The file you sent cannot be read from our storage."
    return "" if digest.hexdigest() == original.sha256 else "The file in our storage is not the one you sent."


def _is_whole(rendition: Rendition) -> bool:
    try:
        if not blobs.exists(rendition.path) or media.private().size(rendition.path) != rendition.size_bytes:
            return False
        crc32 = 0
        with media.private().open(rendition.path, "rb") as file:
            while piece := file.read(_PIECE):
                crc32 = zlib.crc32(piece, crc32)
    except OSError:
        return False
    return crc32 == rendition.crc32
