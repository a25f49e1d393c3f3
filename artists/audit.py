"""What must hold of the catalogue: files end and are what their rows say (I8), and splits in force were signed."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from artists import blobs, renditions
from artists.models import Original, Rendition, SplitSheet, Track, Upload
from artists.models.payees import WHOLE
from megabox import media

LONGEST_WAIT = timedelta(hours=1)


def findings(at: datetime | None = None) -> Iterator[str]:
    """Sentences about what is wrong; none when all is well. `at` says what counts as late; without it nothing does."""
    if at:
        yield from _stuck(at)
    yield from _ready_without_file()
    yield from _files()


def of_splits() -> Iterator[str]:
    """Sentences about sheets that share money otherwise than everybody in them signed."""
    for sheet in SplitSheet.objects.prefetch_related("lines__signature").iterator(chunk_size=500):
        lines = list(sheet.lines.all())
        if not sheet.is_signed:
            if sheet.shares:
                yield f"Split sheet {sheet.pk} names shares, and is {sheet.state}."
            continue
        if sheet.shares != [[line.payee_id, line.basis_points] for line in lines]:
            yield f"Split sheet {sheet.pk} shares otherwise than its lines say."
        if sum(line.basis_points for line in lines) != WHOLE:
            yield f"The lines of split sheet {sheet.pk} make no whole."
        if sheet.is_taken_over:
            continue
        fingerprint = sheet.fingerprint(lines)
        for line in lines:
            if not hasattr(line, "signature"):
                yield f"Split sheet {sheet.pk} is in force without the signature of its line {line.pk}."
            elif line.signature.fingerprint != fingerprint:
                yield f"Line {line.pk} of split sheet {sheet.pk} was signed with other contents."


def _stuck(at: datetime) -> Iterator[str]:
    for upload in Upload.objects.filter(state=Upload.State.RECEIVED, received_at__lt=at - LONGEST_WAIT):
        yield f"Upload {upload.pk} was received {upload.received_at:%Y-%m-%d %H:%M} and is still not checked."


def _ready_without_file() -> Iterator[str]:
    for track in Track.objects.filter(state=Track.State.PUBLISHED, original__isnull=True):
        yield f"Track {track.pk} is published without a file."
    shown = Track.objects.published()
    whole = Rendition.objects.filter(state=Rendition.State.READY)
    for recipe in renditions.FOR_SALE:
        for pk in shown.exclude(original__in=whole.filter(recipe=recipe).values("original")).values_list(
            "pk", flat=True
        ):
            yield f"Track {pk} is published, but its {recipe} is not ready."


def _files() -> Iterator[str]:
    storage = media.private()
    for original in Original.objects.iterator():
        if not blobs.exists(original.path):
            yield f"Original {original.pk} is not in the storage."
        elif storage.size(original.path) != original.size_bytes:
            yield f"Original {original.pk} has {storage.size(original.path)} bytes, its row says {original.size_bytes}."
    for rendition in Rendition.objects.filter(state=Rendition.State.READY).iterator():
        if not blobs.exists(rendition.path):
            yield f"Rendition {rendition.pk} is not in the storage."
        elif storage.size(rendition.path) != rendition.size_bytes:
            size = storage.size(rendition.path)
            yield f"Rendition {rendition.pk} has {size} bytes, its row says {rendition.size_bytes}."
