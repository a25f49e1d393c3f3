"""Files of ads that no ad names any more: replaced, thrown away, or sent with a form that was wrong. They are deleted.

The folders themselves are looked through, so nobody who replaces a file needs to think of the old one. A page that is
open may still show it, and a token of it may live: it goes when no ad has named it for a day.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.core.files.storage import Storage
from django.db import transaction

from ads.models import Ad, LooseFile
from megabox import media

KEPT = timedelta(days=1)
"""Longer than any token lives, and than it takes to fill in a form."""
FOLDER = "ads"


def keep(path: str) -> None:
    """An ad is about to name this file; call it before you look whether the file is there. Waits for who deletes it."""
    LooseFile.objects.filter(path=path).delete()


def delete_old(at: datetime) -> int:
    """Note which files no ad names, and delete those that none has named for a day; return how many were deleted.

    Safe to repeat, to kill, and to run twice at once.
    """
    named = set(Ad.objects.exclude(path="").values_list("path", flat=True))
    noted = {one.path: one for one in LooseFile.objects.all()}
    deleted = 0
    for storage in (media.public(), media.private()):
        for path in _files(storage):
            if path in named:
                continue
            if path not in noted:
                LooseFile.objects.get_or_create(path=path, defaults={"since": at})
            elif noted[path].since <= at - KEPT:
                deleted += _delete(storage, path, at)
    LooseFile.objects.filter(path__in=[path for path in noted if path in named]).delete()
    return deleted


def _delete(storage: Storage, path: str, at: datetime) -> bool:
    with transaction.atomic():
        loose = LooseFile.objects.select_for_update().filter(path=path, since__lte=at - KEPT).first()
        if loose is None:
            return False
        is_free = not Ad.objects.filter(path=path).exists()
        if is_free:
            storage.delete(path)
        loose.delete()
    return is_free


def _files(storage: Storage) -> Iterator[str]:
    """The files that `ads.assets.creatives` made: in folders of two letters."""
    if not storage.exists(FOLDER):
        return
    for folder in storage.listdir(FOLDER)[0]:
        if len(folder) == 2:
            for name in storage.listdir(f"{FOLDER}/{folder}")[1]:
                yield f"{FOLDER}/{folder}/{name}"
