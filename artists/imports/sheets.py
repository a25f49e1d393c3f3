"""Sheets as rows: received, looked at, their columns named, then made drafts of by whichever worker comes.

The row is the queue, and `done` counts its albums: each of them is one transaction, so a worker that is killed loses
nothing, and the next one goes on with the album after the last.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F, QuerySet

from artists import audio, blobs
from artists.imports import drafts, fields, plans
from artists.imports.fields import BY_NAME
from artists.imports.matching import Matched, match
from artists.imports.plans import Plan, Problem
from artists.models import Artist, Sheet
from megabox import grids, media
from megabox.claims import claim, renewing, worker_name
from megabox.grids import BadSheet, Grid
from users.models import User

MOST_TRIES = 4
MOST_KEPT = 50
MOST_TOLD = 200
"""Sentences about what was left out that a row keeps."""
KEPT = timedelta(days=30)
SAMPLES = 3
_FOLDER = "sheets"

Clock = Callable[[], datetime]
_log = logging.getLogger(__name__)


class BadColumns(Exception):
    """The columns cannot be what was chosen; the message says what to choose."""


class Lost(Exception):
    """The bytes of the sheet are gone; the message says what to do."""


class _TakenOver(Exception):
    """Another worker has the sheet now."""


class NotOpen(Exception):
    """The sheet was made drafts of already, or that is being done."""


@dataclass(frozen=True)
class Column:
    """A column of a sheet: its number, its header, what it is about, and what stands in its first rows."""

    number: int
    header: str
    field: str
    samples: Sequence[str]


@dataclass(frozen=True)
class Preview:
    """What making drafts will do: each album beside what is there, and what is wrong, row by row."""

    albums: Sequence[Matched]
    problems: Sequence[Problem]

    @property
    def good(self) -> list[Matched]:
        """The albums that will be made or changed."""
        return [one for one in self.albums if not one.problems]

    @property
    def unknown_artists(self) -> list[str]:
        """Names that are none of the owner's artists."""
        return sorted({one.planned.artist for one in self.albums if one.artist is None})


def receive(artist: Artist, data: bytes, filename: str, by: User, at: datetime) -> Sheet:
    """Keep a sheet, with a guess of what its columns are about. Raises grids.BadSheet."""
    grid = grids.read(data)
    if Sheet.objects.owned_by(artist.owner).exclude(path="").count() >= MOST_KEPT:
        raise BadSheet(f"{MOST_KEPT} sheets of yours are kept here already. Delete some of them first.")
    sheet = Sheet(artist=artist, by=by, filename=audio.clean_filename(filename), created_at=at)
    sheet.headers = list(_headers(grid))
    sheet.columns = fields.guess(sheet.headers, _remembered(artist), grid.lines[:20])
    sheet.path = media.private().save(f"{_FOLDER}/{sheet.pk}", ContentFile(data))
    sheet.save(force_insert=True)
    return sheet


def columns_of(sheet: Sheet) -> list[Column]:
    """The columns with what stands in them. Raises Lost and grids.BadSheet."""
    grid = _grid(sheet)
    return [
        Column(
            number,
            header or f"Column {grids.column_name(number)}",
            sheet.columns[number],
            [text for line in grid.lines[:200] if (text := line[number])][:SAMPLES],
        )
        for number, header in enumerate(sheet.headers)
    ]


def choose(sheet: Sheet, columns: Mapping[int, str], *, opens_artists: bool) -> None:
    """Note what the columns are about, by their numbers. Raises BadColumns and NotOpen."""
    chosen = [columns.get(number, "") for number in range(len(sheet.headers))]
    if unknown := [name for name in chosen if name and name not in BY_NAME]:
        raise BadColumns(f"“{unknown[0][:40]}” is nothing a column can be about. Choose from the list.")
    twice = [name for name, count in Counter(filter(None, chosen)).items() if count > 1]
    if twice:
        raise BadColumns(f"Two columns are chosen for “{BY_NAME[twice[0]].label}”. Leave one of them out.")
    if "album" not in chosen and "upc" not in chosen:
        raise BadColumns("Choose the column with the titles of the albums, or the one with their UPC.")
    rows = Sheet.objects.filter(pk=sheet.pk, state=Sheet.State.OPEN)
    if rows.update(columns=chosen, opens_artists=opens_artists) != 1:
        raise NotOpen
    sheet.columns, sheet.opens_artists = chosen, opens_artists


def preview(sheet: Sheet) -> Preview:
    """What making drafts of it will do. Raises Lost and grids.BadSheet."""
    plan = _plan(sheet)
    albums = match(plan, sheet.artist, sheet.artist.owner, opens_artists=sheet.opens_artists)
    problems = [*plan.problems, *(problem for one in albums for problem in one.problems)]
    return Preview(albums, sorted(problems, key=lambda problem: problem.row))


def ask(sheet: Sheet, at: datetime) -> bool:
    """Have drafts made of it. False if somebody asked already: a press too many does nothing."""
    rows = Sheet.objects.filter(pk=sheet.pk, state=Sheet.State.OPEN).exclude(path="")
    return rows.update(state=Sheet.State.WAITING, asked_at=at) == 1


def delete(sheet: Sheet) -> bool:
    """Forget a sheet; the drafts it made stay. False while a worker makes drafts of it."""
    if Sheet.objects.filter(pk=sheet.pk).exclude(state=Sheet.State.WAITING).delete()[0] == 0:
        return False
    if sheet.path:
        blobs.delete(sheet.path)
    return True


def work(sheet_id: uuid.UUID, clock: Clock) -> bool:
    """Make drafts of a sheet, album by album; False when it is not to be done, or somebody else does it."""
    by, rows = worker_name(), Sheet.objects.filter(state=Sheet.State.WAITING)
    if not claim(rows, sheet_id, by, clock()):
        return False
    mine = rows.filter(pk=sheet_id, claimed_by=by)
    mine.update(tries=F("tries") + 1)
    sheet = Sheet.objects.select_related("artist__owner").get(pk=sheet_id)
    with renewing(rows, sheet_id, by):
        if sheet.tries > MOST_TRIES:
            _log.error("Sheet %s stopped its worker %s times", sheet_id, MOST_TRIES)
            return _end(mine, clock(), Sheet.State.FAILED, _KILLED)
        try:
            plan = _plan(sheet)
        except (BadSheet, Lost) as reason:
            return _end(mine, clock(), Sheet.State.FAILED, str(reason))
        if sheet.done == 0:
            sheet.left = [str(problem) for problem in plan.problems][:MOST_TOLD]
        mine.update(total=len(plan.albums), left=sheet.left)
        matched = match(plan, sheet.artist, sheet.artist.owner, opens_artists=sheet.opens_artists)
        for one in matched[sheet.done :]:
            if not _make(sheet, mine, one, clock()):
                return False
    return _end(mine, clock(), Sheet.State.DONE)


def clean_up(at: datetime) -> int:
    """Delete the bytes of sheets from a month ago, and those without a row; return how many files went."""
    count = 0
    for sheet in Sheet.objects.filter(created_at__lt=at - KEPT).exclude(path="").exclude(state=Sheet.State.WAITING):
        blobs.delete(sheet.path)
        Sheet.objects.filter(pk=sheet.pk).update(path="")
        count += 1
    storage = media.private()
    names = storage.listdir(_FOLDER)[1] if storage.exists(_FOLDER) else []
    known = set(Sheet.objects.exclude(path="").values_list("path", flat=True))
    for path in (f"{_FOLDER}/{name}" for name in names):
        if path not in known and storage.get_modified_time(path) < at - timedelta(days=1):
            blobs.delete(path)
            count += 1
    return count


_KILLED = (
    "Making drafts of this sheet stopped our worker several times, so we gave up. The albums that were counted are "
    "kept. Make several sheets of it, and import them one by one: nothing is doubled."
)


def _make(sheet: Sheet, mine: QuerySet[Sheet], one: Matched, at: datetime) -> bool:
    """One album, with its count, or with a sentence about why not; False when the sheet is another worker's now."""
    try:
        with transaction.atomic():
            if one.problems:
                raise drafts.NotTaken(" ".join(str(problem) for problem in one.problems[:5]))
            is_new = drafts.store(one.planned, sheet.artist, at, opens_artists=sheet.opens_artists)
            # In the same transaction: it is counted if it is stored, and only for who has the claim.
            counted = {"made": F("made") + 1} if is_new else {"changed": F("changed") + 1}
            if not _count(sheet, mine, counted):
                raise _TakenOver
            return True
    except _TakenOver:
        return False
    except drafts.NotTaken as reason:
        where = f"“{one.planned.title or one.planned.upc}” was left out. "
        sheet.left = [*sheet.left, f"{where}{reason}"][:MOST_TOLD]
        return _count(sheet, mine, {})


def _count(sheet: Sheet, mine: QuerySet[Sheet], counted: Mapping[str, object]) -> bool:
    if mine.filter(done=sheet.done).update(done=sheet.done + 1, left=sheet.left, **counted) != 1:
        return False
    sheet.done += 1
    return True


def _end(mine: QuerySet[Sheet], at: datetime, state: Sheet.State, reason: str = "") -> bool:
    ended = mine.update(state=state, reason=reason, finished_at=at, claimed_by="", claimed_until=None)
    return ended == 1


def _plan(sheet: Sheet) -> Plan:
    return plans.make(_grid(sheet), sheet.columns)


def _grid(sheet: Sheet) -> Grid:
    if not blobs.exists(sheet.path):
        raise Lost("The bytes of this sheet are no longer here. Choose it once more: the same sheet doubles nothing.")
    with media.private().open(sheet.path, "rb") as file:
        return grids.read(file.read())


def _headers(grid: Grid) -> Sequence[str]:
    """The words of all columns, also of those that have rows but no header."""
    width = max(len(grid.header), *(len(line.cells) for line in grid.lines))
    return [*grid.header, *[""] * (width - len(grid.header))]


def _remembered(artist: Artist) -> dict[str, str]:
    """What the columns of the sheet before were about, by their keys."""
    last = Sheet.objects.filter(artist=artist, asked_at__isnull=False).order_by("-asked_at").first()
    return dict(zip(fields.keys_of(last.headers), last.columns, strict=False)) if last else {}
