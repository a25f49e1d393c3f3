"""Stored bytes and masters that nothing points at any more: deleted drafts and tracks, and what killed processes left.

A file of the storage is named by the sha256 of its content, so whoever needs it names it. What somebody puts away or
deletes goes at once, because it leaves their quota at once. Else nothing young is touched: bytes are stored a moment
before their row is written.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from artists import blobs
from artists.models import Original, Track, Transfer, Upload
from artists.models.files import UploadQuerySet
from megabox import media

GRACE = timedelta(days=1)
SHARES = 24
"""The storage is looked through in so many shares, one an hour."""
_IS_USED = Exists(Track.objects.filter(original=OuterRef("pk")))


def let_go(sha256s: Iterable[str]) -> int:
    """Delete at once what lies under these names and no track, upload or transfer needs; return how many files went.

    Outside of every transaction. Who is killed meanwhile leaves the rest to the clean-up.
    """
    count = 0
    for some in _batches(sorted(set(sha256s))):
        free = set(some) - set(_waited_for(some))
        for original in Original.objects.filter(~_IS_USED, sha256__in=free).defer("peaks", "tags"):
            count += _delete_original(original)
        for path in map(blobs.original_path, free - set(_originals(some))):
            if blobs.exists(path):
                blobs.delete(path)
                count += 1
    return count


def clean_up(at: datetime) -> int:
    """Delete masters no track needs, with all that was made of them, and files no row names; how many files went.

    Files without a row are looked for in the share of the hour, so a day sees them all.
    """
    return _delete_originals(at) + _delete_unnamed(at)


def _delete_originals(at: datetime) -> int:
    """Masters without a track go, unless they are young or an upload waits for them."""
    old = Original.objects.filter(~_IS_USED, created_at__lt=at - GRACE).defer("peaks", "tags")
    return sum(_delete_original(original) for original in old.iterator())


def _delete_original(original: Original) -> int:
    with transaction.atomic():
        asked = Original.objects.select_for_update().filter(~_IS_USED, pk=original.pk)
        if _named().filter(sha256=original.sha256).exists() or not asked.exists():
            return 0
        paths = [original.path, *original.renditions.exclude(path="").values_list("path", flat=True)]
        asked.delete()
    if _named().filter(sha256=original.sha256).exists():
        return 0
    for path in paths:
        blobs.delete(path)
    return len(paths)


def _delete_unnamed(at: datetime) -> int:
    """Files whose row was never written, or was deleted before they were."""
    count = 0
    for folder in _share(_listing("originals")[0], at):
        names = _listing(f"originals/{folder}")[1]
        unnamed = set(names) - set(_needed(names))
        count += sum(_delete_old(f"originals/{folder}/{name}", at) for name in unnamed)
    folders = _share(_listing("renditions")[0], at)
    for folder in set(folders) - set(_originals(folders)):
        count += sum(_delete_old(f"renditions/{folder}/{name}", at) for name in _listing(f"renditions/{folder}")[1])
    return count


def _share(folders: list[str], at: datetime) -> list[str]:
    return [one for one in folders if re.match("[0-9a-f]{2}", one) and int(one[:2], 16) % SHARES == at.hour]


def _listing(folder: str) -> tuple[list[str], list[str]]:
    """Folders and files in a folder of the storage."""
    return media.private().listdir(folder) if media.private().exists(folder) else ([], [])


def _delete_old(path: str, at: datetime) -> int:
    if media.private().get_modified_time(path) >= at - GRACE:
        return 0
    blobs.delete(path)
    return 1


def _originals(shas: list[str]) -> Iterator[str]:
    for some in _batches(shas):
        yield from Original.objects.filter(sha256__in=some).values_list("sha256", flat=True)


def _needed(names: list[str]) -> Iterator[str]:
    """Those of the sha256s `names` that a row names."""
    yield from _originals(names)
    yield from _waited_for(names)


def _waited_for(names: list[str]) -> Iterator[str]:
    """Those that an upload or a transfer names. Rejected uploads may be tried again for a while."""
    for some in _batches(names):
        yield from Upload.objects.filter(sha256__in=some, is_dismissed=False).values_list("sha256", flat=True)
        yield from Transfer.objects.unfinished().filter(sha256__in=some).values_list("sha256", flat=True)


def _batches(names: list[str]) -> Iterator[list[str]]:
    """As many as a database takes in one question."""
    for start in range(0, len(names), 500):
        yield names[start : start + 500]


def _named() -> UploadQuerySet:
    """Uploads that need their bytes."""
    return Upload.objects.filter(is_dismissed=False).exclude(state=Upload.State.REJECTED)
