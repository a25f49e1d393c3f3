"""Tables as pages show them: cells as people read them, with the address that proves each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from megabox import money
from megabox.sheets import percent
from megabox.tables import Column, Kind, Row, Table, Value

SHORT = 12
"""Letters of a text that has room beside others on a phone."""
LONG_WORD = 24
"""Letters of a word that no table gives up room for."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as a page shows it."""

    column: Column
    text: str
    href: str = ""
    at: str = ""

    @property
    def is_short(self) -> bool:
        """Whether it needs no line of its own on a phone."""
        return len(self.text) <= SHORT

    @property
    def is_one_long_word(self) -> bool:
        """Whether it may be broken anywhere where a table has no room, as a code or an address."""
        return len(self.text) > LONG_WORD and " " not in self.text


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column: where a press on it leads, and how the rows are sorted by it."""

    column: Column
    query: str
    order: str


def heads(table: Table, query: str, sort: str) -> Iterator[Head]:
    for column in table.columns:
        if column.is_shown:
            order = {column.name: "ascending", f"-{column.name}": "descending"}.get(sort, "")
            by = f"-{column.name}" if order == "ascending" else column.name
            yield Head(column, f"{query}&sort={by}" if query else f"sort={by}", order)


def cells(table: Table, row: Row, *, is_linked: bool = True) -> Iterator[Cell]:
    unit = "" if table.unit_position is None else str(row[table.unit_position] or "")
    for column, value in zip(table.columns, row, strict=True):
        if column.is_shown:
            href = column.link(row) if column.link and is_linked and value is not None else ""
            at = value.isoformat() if isinstance(value, date) else ""
            yield Cell(column, _text(column.kind, value, unit), href, at)


def total_cells(table: Table) -> list[list[Cell]]:
    """The control totals as lines of a page; the first cell says so, whichever column it is."""
    lines = [list(cells(table, row, is_linked=False)) for row in table.totals()]
    return [[line[0] if line[0].text else replace(line[0], text="TOTAL"), *line[1:]] for line in lines]


def moment(at: datetime | None) -> str:
    """A time as pages write it, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if at else ""


def _text(kind: Kind, value: Value, unit: str) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if kind == Kind.MONEY and isinstance(value, int):
        return money.display_exact(value, unit) if unit else money.plain(value)
    if kind == Kind.SHARE and isinstance(value, int):
        return f"{percent(value)} %"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f") if kind == Kind.COUNT else str(value)
    return str(value)
