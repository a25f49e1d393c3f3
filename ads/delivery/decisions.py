"""How each ad was chosen, written down so that the choice can be replayed; never for whom.

A request only appends to a queue in memory. A thread writes what waits every `settings.ADS_HOURS_SECONDS`, without any
database: compressed lines into a file of this process, and each snapshot they name once a day, by its hash
(`ads.delivery.logbook`). They are written when a process ends in order, too; one that is killed loses its last
seconds.
"""

import atexit
import gzip
import logging
import os
import secrets
import shutil
import uuid
from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

from django.conf import settings

from ads.delivery import logbook
from ads.delivery.choosing import Decision
from ads.delivery.ticking import Ticker

MOST_WAITING = 100_000
"""So many decisions wait in memory while the disk is full; more are not recorded, and that is logged."""
_LEVEL = 3
"""Of compression: half the work of the usual level, a tenth more bytes."""

log = logging.getLogger(__name__)
_waiting: deque[tuple[uuid.UUID, int | None, Decision]] = deque()
_process = ""
_dropped = 0


def record(decision: Decision, token_id: uuid.UUID, ad_id: int | None) -> None:
    """Have this decision written down, under the number of the token that offers `ad_id`. Asks no database."""
    global _dropped
    if not settings.ADS_DECISION_DAYS:
        return
    if len(_waiting) >= MOST_WAITING:
        _dropped += 1
        return
    _waiting.append((token_id, ad_id, decision))
    if settings.ADS_HOURS_SECONDS:
        _flusher.need()
    else:
        flush()


def flush(at: datetime | None = None) -> int:
    """Write down what waits in this process; return how many decisions. What cannot be written now waits on."""
    global _dropped
    batch = []
    while _waiting:
        batch.append(_waiting.popleft())
    try:
        _write(batch)
    except OSError:
        _waiting.extendleft(reversed(batch))
        raise
    if _dropped:
        log.error("%s decisions were not recorded: they could not be written for long.", _dropped)
        _dropped = 0
    return len(batch)


def forget_old(at: datetime) -> int:
    """Delete the folders of days that are over for longer than decisions are kept; return how many."""
    home, first = logbook.home(), logbook.first_kept(at)
    old = [path for path in home.iterdir() if path.name < first.isoformat()] if home.is_dir() else []
    for path in old:
        shutil.rmtree(path)
    return len(old)


def _write(batch: Iterable[tuple[uuid.UUID, int | None, Decision]]) -> None:
    pictures: dict[int, logbook.Picture] = {}  # the batch keeps every snapshot alive, so none takes another's id
    lines: dict[datetime, list[str]] = defaultdict(list)
    seen: dict[tuple[date, str], str] = {}
    for token_id, ad_id, decision in batch:
        picture = pictures.get(id(decision.taken))
        if picture is None:
            picture = pictures[id(decision.taken)] = logbook.picture_of(decision.taken)
        slot = logbook.slot_of(logbook.made_at(token_id))
        lines[slot].append(logbook.line_of(token_id, ad_id, decision, picture))
        seen[slot.date(), picture.digest] = picture.text
    for (day, digest), text in seen.items():  # before the lines that name them
        path = _with_folder(logbook.snapshot_path(day, digest))
        if not path.exists():
            _put(path, _packed(text))
    for slot, some in lines.items():
        _append(_with_folder(logbook.path_of(slot, _name())), _packed("".join(some)))


def _with_folder(path: Path) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _packed(text: str) -> bytes:
    return gzip.compress(text.encode(), _LEVEL, mtime=0)


def _append(path: Path, packed: bytes) -> None:
    """Append all of it or nothing."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        before = os.fstat(handle).st_size
        if os.write(handle, packed) < len(packed):
            os.ftruncate(handle, before)
            raise OSError(f"The disk took only a part of {path.name}.")
    finally:
        os.close(handle)


def _put(path: Path, packed: bytes) -> None:
    """A whole file or none, whoever else puts the same."""
    part = path.with_name(f"{path.name}.{_name()}")
    part.write_bytes(packed)
    part.chmod(0o600)
    part.replace(path)


def _name() -> str:
    """This process, in names of files."""
    global _process
    if not _process:
        _process = f"{os.getpid()}-{secrets.token_hex(4)}"
    return _process


# --- the life of a process


def _begin_anew() -> None:
    """What the parent decided is the parent's to write."""
    global _waiting, _process, _dropped
    _waiting, _process, _dropped = deque(), "", 0


def _write_last() -> None:
    if _waiting:
        flush()


_flusher = Ticker("writing down of decisions", lambda: settings.ADS_HOURS_SECONDS, flush)
os.register_at_fork(after_in_child=_begin_anew)
atexit.register(_write_last)
