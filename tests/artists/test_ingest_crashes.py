"""kill -9 of whoever checks a file, at every boundary: somebody goes on, and no bytes are left that nobody needs."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import LazySettings

from artists import audit, blobs, incoming, renditions, sweeping, uploads
from artists.models import Original, Rendition, Track
from megabox import media
from tests.artists.factories import make_album
from tests.crashing import Arena, Clock, sweep
from tests.users.factories import nina


class Ingest:
    """A file that arrived is checked, and all that is wanted of it is made."""

    patience = 0.0

    def __init__(self, clock: Clock, path: Path, folder: Path) -> None:
        self.clock, self.start, self.path, self.folder = clock, clock.now, path, folder

    def begin(self) -> None:
        self.clock.now = self.start
        shutil.rmtree(media.private().path("renditions"), ignore_errors=True)
        with self.path.open("rb") as file:
            self.upload = uploads.receive(make_album(published=False), file, self.path.name, nina(), self.clock())

    def work(self) -> None:
        uploads.ingest(self.upload.pk, self.clock())
        for pk in renditions.waiting_ids(self.upload.pk):
            renditions.make(pk, self.clock())

    def recover(self) -> None:
        for _ in range(2):
            self.clock.passes(minutes=2)  # claims of the dead are free
            sweeping.sweep(self.clock, until=self.clock() + timedelta(minutes=1))
        self.clock.passes(days=2)
        incoming.clean_up(self.clock())

    def faults(self) -> Iterator[str]:
        self.upload.refresh_from_db()
        if (self.upload.state, Track.objects.count(), Original.objects.count()) != ("READY", 1, 1):
            yield f"The upload is {self.upload.state}, and there are {Track.objects.count()} tracks."
        rows = {row.path: row for row in Rendition.objects.filter(state="READY")}
        if len(rows) != len(renditions.WANTED):
            yield f"{len(rows)} files are ready."
        for path, row in rows.items():
            with blobs.borrow(path) as stored:
                if renditions.crc32_of(stored) != row.crc32:
                    yield f"{path} is not what its row says."
        folder = blobs.rendition_path(self.upload.sha256, "")
        yield from (f"{one} has no row." for one in media.private().listdir(folder)[1] if f"{folder}{one}" not in rows)
        yield from (f"{one} lies around." for one in self.folder.iterdir() if one.name != incoming.PIECES)
        yield from audit.findings(self.clock())


def test_killed_anywhere_a_file_is_checked_and_made_in_the_end(
    arena: Arena, clock: Clock, record_property: Any, sounds: dict[str, Path], settings: LazySettings
) -> None:
    nina()
    arena.keep()
    swept = sweep(arena, Ingest(clock, sounds["wav"], Path(settings.FILE_UPLOAD_TEMP_DIR)))
    record_property("crash points", swept.points)
    assert swept.faults == []
    assert len(swept.boundaries) > 10
