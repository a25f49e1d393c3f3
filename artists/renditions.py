"""Renditions: the files made from an original, by whoever claims the row, as often as it takes and no oftener."""

import logging
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef

from artists import audio, blobs, incoming
from artists.models import Original, Package, Rendition
from megabox.claims import claim, renewing, worker_name

FOR_SALE = ("mp3-320", "flac")
"""What must be ready before an album can be sold."""
WANTED = (*FOR_SALE, *(one.name for one in audio.RECIPES.values() if one.is_made_ahead and one.name not in FOR_SALE))
"""What is made of every original, in this order."""
STREAMED = ("opus", "mp3-v0")
"""What is heard on pages: made while a file is checked, in the same decode."""
MOST_TRIES = 3
MOST_STARTS = 6
"""Starts that ended in a killed worker count here, so that one bad file cannot stop workers for ever."""

_NOTED = timedelta(hours=1)
"""So much later a use is written down again, so that playing through ranges writes nothing."""

_log = logging.getLogger(__name__)


def make(rendition_id: int, at: datetime) -> bool:
    """Make one wanted file: transcode, verify, store, READY. FAILED with its reason after bounded tries or a final one.

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
            _check_size(rendition)
            if rendition.recipe not in WANTED:
                incoming.check_room()
            with blobs.borrow(rendition.original.path) as source:
                audio.transcode(source, rendition.recipe, out, limits=limits())
        except audio.TranscodeFailed as reason:
            _log.warning("Rendition %s, try %s: %s %s", rendition_id, rendition.tries, reason, reason.detail)
            if reason.is_final:
                return _fail(rendition, by, str(reason))
            return _try_later(rendition, by, str(reason), at)
        except incoming.NoRoom:
            why = "Our disk is nearly full, so nothing is made on request just now."
            return _try_later(rendition, by, why, at)
        except OSError as reason:
            _log.exception("Rendition %s, try %s", rendition_id, rendition.tries)
            why = reason.strerror or "it does not answer"  # no paths: listeners read this
            return _try_later(rendition, by, f"Our storage failed while this format was made ({why}).", at)
        return _store(rendition, by, out, at)


@dataclass(frozen=True)
class Made:
    """A finished file in its place in the storage."""

    recipe: str
    path: str
    size_bytes: int
    crc32: int

    def row(self, original: Original, at: datetime) -> Rendition:
        """The row that says so, not stored yet."""
        return Rendition(
            original=original,
            recipe=self.recipe,
            state=Rendition.State.READY,
            path=self.path,
            size_bytes=self.size_bytes,
            crc32=self.crc32,
            bitrate_kbps=_kbps(self.size_bytes, original),
            wanted_at=at,
            next_try_at=at,
            ready_at=at,
        )


def put(sha256: str, recipe: str, out: Path) -> Made:
    """Move the finished file `out` to its place in the storage; until a row says so, nobody uses it."""
    made = Made(recipe, blobs.rendition_path(sha256, recipe), out.stat().st_size, crc32_of(out))
    blobs.put(out, made.path)
    return made


def want(original: Original, made: Sequence[Made], at: datetime) -> None:
    """Note what is made of an original already, and what is to be made; what has its row keeps it."""
    rows = {one.recipe: one.row(original, at) for one in made}
    for recipe in WANTED:
        rows.setdefault(recipe, Rendition(original=original, recipe=recipe, wanted_at=at, next_try_at=at))
    Rendition.objects.bulk_create(rows.values(), ignore_conflicts=True)


def ask(originals: Collection[int], recipe: str, at: datetime) -> list[int]:
    """Have a format made that is not made ahead; return the ids of what is made now because of this call.

    Whoever asks next waits for the same rows. What was asked for stays for `RENDITION_DAYS`.
    """
    if audio.RECIPES[recipe].is_made_ahead:
        return []
    rows = Rendition.objects.filter(original__in=originals, recipe=recipe)
    missing = set(originals) - set(rows.values_list("original", flat=True))
    Rendition.objects.bulk_create(
        [
            Rendition(original_id=one, recipe=recipe, wanted_at=at, next_try_at=at, asked_at=at)
            for one in sorted(missing)
        ],
        ignore_conflicts=True,
    )
    note_use(originals, recipe, at)
    return list(rows.filter(original__in=missing, state=Rendition.State.WANTED).values_list("pk", flat=True))


def note_use(originals: Collection[int], recipe: str, at: datetime) -> None:
    """Write down that a format that is not made ahead is in use, before its rows are read: then it stays."""
    if not audio.RECIPES[recipe].is_made_ahead:
        rows = Rendition.objects.filter(original__in=originals, recipe=recipe, asked_at__lt=at - _NOTED)
        rows.update(asked_at=at)


def ask_again(originals: Collection[int], recipe: str, at: datetime) -> list[int]:
    """Try once more to make what failed for a listener, once a press; return the ids of what is tried."""
    failed = Rendition.objects.filter(original__in=originals, recipe=recipe, state=Rendition.State.FAILED)
    ids = list(failed.values_list("pk", flat=True))
    failed.filter(pk__in=ids).update(state=Rendition.State.WANTED, tries=MOST_TRIES - 1, reason="", next_try_at=at)
    return ids


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


def clean_up(at: datetime) -> int:
    """Delete what was made on request and not asked for in `RENDITION_DAYS`; return how many files went.

    It is made again when somebody asks. What is made ahead stays, and so does what a tagged copy was made from lately.
    """
    on_demand = [one.name for one in audio.RECIPES.values() if not one.is_made_ahead]
    is_served = Exists(Package.objects.filter(rendition=OuterRef("pk")))
    before = at - timedelta(days=settings.RENDITION_DAYS)
    unused = Rendition.objects.filter(~is_served, recipe__in=on_demand, asked_at__lt=before)
    unused = unused.exclude(state=Rendition.State.WANTED)
    count = 0
    for pk in list(unused.values_list("pk", flat=True)):
        with transaction.atomic():
            # Whoever fetches it notes that before looking for it, and whoever asks anew waits for this row: so nobody's
            # file is deleted. Who is killed in between leaves a row without a file, which is made again when asked for.
            mine = unused.select_for_update().filter(pk=pk).first()
            if mine is None:
                continue
            path = mine.path
            mine.delete()
            if path:
                blobs.delete(path)
                count += 1
    return count


def waiting_ids(upload_id: int) -> list[int]:
    """What is still to be made of an upload that became a track, the formats it is sold in first."""
    rows = Rendition.objects.filter(
        original__tracks__uploads=upload_id, state=Rendition.State.WANTED, recipe__in=WANTED
    )
    ids = sorted(rows.values_list("recipe", "pk"), key=lambda row: WANTED.index(row[0]))
    return [pk for _, pk in ids]


def crc32_of(path: Path) -> int:
    """The CRC-32 of a file, as zips hold it."""
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            crc = zlib.crc32(chunk, crc)
    return crc


def limits() -> audio.Limits:
    """What an original may be, and what checking it may cost."""
    return audio.Limits(max_bytes=settings.MAX_UPLOAD_BYTES, max_seconds=settings.MAX_TRACK_SECONDS)


def _check_size(rendition: Rendition) -> None:
    """Raise TranscodeFailed where every sample is written and that is too much, before it is encoded for nothing."""
    recipe, original = audio.RECIPES[rendition.recipe], rendition.original
    size = recipe.about_bytes(
        duration_ms=original.duration_ms,
        sample_rate_hz=original.sample_rate_hz,
        channels=original.channels,
        bit_depth=(original.bit_depth or 16) if original.is_lossless else 0,
    )
    if recipe.is_lossless and recipe.packs_to == 1 and size > recipe.most_bytes:
        raise audio.too_large(recipe)


def _kbps(size_bytes: int, original: Original) -> int:
    return size_bytes * 8 // max(1, original.duration_ms)


def _store(rendition: Rendition, by: str, out: Path, at: datetime) -> bool:
    """Put the finished file in its place and say so in the row, if the row is still ours."""
    made = put(rendition.original.sha256, rendition.recipe, out)
    mine = Rendition.objects.filter(pk=rendition.pk, state=Rendition.State.WANTED, claimed_by=by)
    ended = mine.update(
        state=Rendition.State.READY,
        path=made.path,
        size_bytes=made.size_bytes,
        crc32=made.crc32,
        bitrate_kbps=_kbps(made.size_bytes, rendition.original),
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
    Original.objects.filter(pk=rendition.original_id).update(verified_at=None)  # to be read soon: it may be the cause
    mine = Rendition.objects.filter(pk=rendition.pk, state=Rendition.State.WANTED, claimed_by=by)
    return mine.update(state=Rendition.State.FAILED, reason=reason, claimed_by="", claimed_until=None) == 1
