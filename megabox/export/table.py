"""A table of the export: its name, what it is, its columns, and its rows as text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ledger.content import facts_text
from megabox.sheets import MARK, NEXT_CELL, is_formula

AT_ONCE = 2_000
"""Rows fetched at once: an export of any size needs the memory of so many."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How far an export goes: entries up to posting `last_posting`, which is all there is if it `is_whole`."""

    until: date | None
    last_posting: int
    is_whole: bool

    @property
    def ends_at(self) -> datetime | None:
        """The end of its last day (UTC); None for everything."""
        return end_of(self.until) if self.until else None


@dataclass(frozen=True, slots=True)
class Attached:
    """A cell that is a file: it is copied beside the tables under `name`, and the cell says what became of it.

    `pieces` raises `payouts.issuing.Damaged` when what it gave is not to be relied on.
    """

    name: str
    pieces: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Table:
    """One CSV file: `columns` are (name, meaning); `rows` gives the cells in their order."""

    name: str
    about: str
    columns: Sequence[tuple[str, str]]
    rows: Callable[[Cut], Iterator[Sequence[Any]]]

    @property
    def file(self) -> str:
        return f"{self.name}.csv"


def end_of(day: date) -> datetime:
    """When a UTC day is over."""
    return datetime.combine(day + timedelta(days=1), time.min, UTC)


def text(cell: Any) -> str:
    """A cell as it is written.

    Times are UTC with microseconds, yes is 1 and no is 0, what is not known is empty, lists and facts are JSON. Text
    that a spreadsheet would run, or that begins with an apostrophe, gets an apostrophe in front, and so does what would
    be run where a line is split at something else than commas. A reader takes them off again.
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, dict):
        return NEXT_CELL.sub(r"\1'", facts_text(cell))
    if isinstance(cell, list | tuple):
        return facts_text({"": cell})[4:-1]
    written = NEXT_CELL.sub(r"\1'", str(cell))
    is_risky = written.startswith(("'", MARK)) or is_formula(written)
    return f"'{written}" if is_risky else written
