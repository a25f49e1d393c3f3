"""The auditor's folder, asked for at the desk: a worker writes it and zips it into the private storage.

The zip has the same bytes for the same books. It is deleted after `KEPT`; another one can be made at any time.
"""

import hashlib
import logging
import shutil
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.core.files import File

from megabox import claims, jobs, media
from megabox.export import folder
from megabox.models import BooksExport, Job
from users.models import User

log = logging.getLogger(__name__)

KEPT = timedelta(days=30)
_THEN = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the zip: when it was made is no part of the books."""

Clock = Callable[[], datetime]


class AnotherWaits(Exception):
    """One export waits for a worker at a time."""


def ask(*, until: date | None, at: datetime, by: User) -> BooksExport:
    """An export that waits for a worker; the one that waits already if it is the same. Raises AnotherWaits."""
    export = jobs.ask(BooksExport, origin=Job.Origin.DESK, at=at, by=by, until=until)
    if export.until != until:
        wanted = f"until {export.until}" if export.until else "of everything"
        raise AnotherWaits(f"The export {wanted} waits for a worker. Ask again when it has begun.")
    return export


def work(export_id: int, *, now: Clock) -> bool:
    """Make one export unless somebody else does; False when it is not to be made."""
    by = claims.worker_name()
    export = jobs.take(BooksExport, export_id, by=by, at=now())
    if export is None:
        return False
    running = BooksExport.objects.filter(state=Job.State.RUNNING)
    with claims.renewing(running, export.pk, by):
        try:
            said = _make(export)
        except Exception as failure:  # whatever it is, whoever asked must see it
            log.exception("%s failed", export)
            why = f"{type(failure).__name__}: {failure}"[:2_000]
            return jobs.end(BooksExport, export.pk, by=by, at=now(), state=Job.State.FAILED, error=why)
        return jobs.end(BooksExport, export.pk, by=by, at=now(), state=Job.State.DONE, **said)


def work_on_open(now: Clock) -> int:
    """Make every export that waits, or whose worker was lost; return how many."""
    return sum(work(pk, now=now) for pk in jobs.open_ids(BooksExport, now()))


def forget_old(at: datetime) -> int:
    """Delete the zips that are old; the rows stay. Return how many went."""
    old = list(BooksExport.objects.filter(finished_at__lt=at - KEPT).exclude(path="").values_list("pk", "path"))
    for pk, path in old:
        media.private().delete(path)
        BooksExport.objects.filter(pk=pk, path=path).update(path="")
    return len(old)


def rows_written(export: BooksExport) -> int:
    """How many rows a running export has written so far; 0 when nobody knows."""
    return int(cache.get(_progress_key(export), 0))


def _progress_key(export: BooksExport) -> str:
    return f"megabox.export:{export.pk}:{export.tries}"


def _make(export: BooksExport) -> dict[str, str | int]:
    """Write the folder, zip it, store it; return what the row has to say. What a killed worker left is replaced."""
    room = Path(settings.VAR_DIR) / "exports" / str(export.pk)
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir(parents=True)

    def progress(rows: int, file: str) -> None:
        # The database is read at one moment meanwhile and cannot be written from here: the cache carries the number.
        cache.set(_progress_key(export), rows, 3_600)

    try:
        folder.write(room / "books", until=export.until, progress=progress)
        manifest = (room / "books" / "manifest.json").read_bytes()
        archive = _zip(room / "books", room / "books.zip")
        path = f"exports/books-{export.pk}-{export.tries}.zip"
        with archive.open("rb") as file:
            stored = media.private().save(path, File(file))
        size = archive.stat().st_size
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return {
        "path": stored,
        "size_bytes": size,
        "rows": folder.rows_in(manifest),
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
    }


def _zip(books: Path, archive: Path) -> Path:
    """The folder as a zip, read and written piece by piece."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(path for path in books.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(f"megabox-books/{path.relative_to(books).as_posix()}", _THEN)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with path.open("rb") as file, packed.open(entry, "w", force_zip64=True) as into:
                shutil.copyfileobj(file, into, 1 << 16)
    return archive
