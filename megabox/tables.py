"""Tables, described once: what their columns hold, where their rows come from, what their last lines control.

The same table is a page (megabox.presenting), a CSV file and an XLSX file (megabox.sheets).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

Value = str | int | date | datetime | None
Row = Sequence[Value]


class Kind(StrEnum):
    """What a column holds, so that every page and file writes it alike."""

    TEXT = "text"
    COUNT = "count"
    MONEY = "money"  # micros of the row's unit
    UNIT = "unit"  # the unit of the row's money
    DAY = "day"
    MOMENT = "moment"  # in UTC
    SHARE = "share"  # basis points


class Total(StrEnum):
    """What the last line of a unit says of a column."""

    NONE = ""
    SUM = "sum"
    COUNT = "count"  # how many lines there are


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in files, its title for people, what it holds and what controls it.

    `link` gives the address that proves a cell; a column that is not shown is in the files only.
    """

    name: str
    title: str
    kind: Kind = Kind.TEXT
    total: Total = Total.NONE
    link: Callable[[Row], str] | None = None
    is_shown: bool = True

    @property
    def is_number(self) -> bool:
        """Whether it stands to the right."""
        return self.kind in (Kind.MONEY, Kind.COUNT, Kind.SHARE)


class Rows(Protocol):
    """The rows of a table, wherever they are; asked for by the page or one after the other."""

    def __iter__(self) -> Iterator[Row]: ...

    def __getitem__(self, part: slice, /) -> Sequence[Row]: ...

    def __len__(self) -> int:
        """How many there are."""
        ...

    def sorted_by(self, position: int, *, is_descending: bool) -> "Rows":
        """The same rows in the order of a column."""
        ...

    def sums(self, positions: Sequence[int], unit: int | None) -> dict[str, tuple[int, list[int]]]:
        """For each unit how many rows it has, and the sums of the columns at `positions`."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows that are few enough to be held."""

    rows: Sequence[Row]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, part: slice, /) -> Sequence[Row]:
        return self.rows[part]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.rows)

    def sorted_by(self, position: int, *, is_descending: bool) -> "Listed":
        """The same rows in the order of a column; empty cells last."""

        def key(row: Row) -> Any:
            value = row[position]
            return str(value).casefold() if isinstance(value, str) else value

        full = sorted((row for row in self.rows if row[position] is not None), key=key, reverse=is_descending)
        return Listed([*full, *(row for row in self.rows if row[position] is None)])

    def sums(self, positions: Sequence[int], unit: int | None) -> dict[str, tuple[int, list[int]]]:
        """For each unit how many rows it has, and the sums of the columns at `positions`."""
        return _sums(self.rows, positions, unit)


@dataclass(frozen=True, slots=True)
class Made:
    """Rows that are made of something else when they are asked for, so that none is held."""

    of: Sequence[Any]
    make: Callable[[Any], Row]

    def __iter__(self) -> Iterator[Row]:
        return map(self.make, self.of)

    def __getitem__(self, part: slice, /) -> Sequence[Row]:
        return [self.make(one) for one in self.of[part]]

    def __len__(self) -> int:
        return len(self.of)

    def sorted_by(self, position: int, *, is_descending: bool) -> Listed:
        """The same rows in the order of a column; all of them are made for it."""
        return Listed(list(self)).sorted_by(position, is_descending=is_descending)

    def sums(self, positions: Sequence[int], unit: int | None) -> dict[str, tuple[int, list[int]]]:
        """For each unit how many rows it has, and the sums of the columns at `positions`."""
        return _sums(self, positions, unit)


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `before` and `after` are lines around the rows (balances brought and carried) that no total counts."""

    title: str
    columns: Sequence[Column]
    rows: Rows
    note: str = ""
    before: Sequence[Row] = ()
    after: Sequence[Row] = ()
    is_totalled: bool = True
    empty: str = field(default="Nothing in these days.")

    @property
    def unit_position(self) -> int | None:
        """Where the unit of a row's money stands."""
        return next((n for n, column in enumerate(self.columns) if column.kind == Kind.UNIT), None)

    @property
    def summed(self) -> list[int]:
        """Where the columns with a sum stand."""
        return [n for n, column in enumerate(self.columns) if column.total == Total.SUM]

    def totals(self) -> list[Row]:
        """The control totals, a line for each unit."""
        return self.total_lines(self.rows.sums(self.summed, self.unit_position))

    def total_lines(self, sums: dict[str, tuple[int, list[int]]]) -> list[Row]:
        """Control totals as lines: the first cell says TOTAL."""
        if not self.is_totalled:
            return []
        return [self._total_line(unit, *sums[unit]) for unit in sorted(sums)]

    def lines(self) -> Iterator[Row]:
        """All lines of a file under its header: the rows between what stands before and after them, and the totals."""
        adding = _Adding(self.summed, self.unit_position)
        yield from self.before
        for row in self.rows:
            adding.add(row)
            yield row
        yield from self.after
        yield from self.total_lines(adding.sums())

    def _total_line(self, unit: str, count: int, sums: Sequence[int]) -> Row:
        by_position = dict(zip(self.summed, sums, strict=True))
        line: list[Value] = []
        for n, column in enumerate(self.columns):
            if column.total == Total.COUNT:
                line.append(count)
            else:
                line.append(unit if n == self.unit_position else by_position.get(n))
        if line[0] is None:
            line[0] = "TOTAL"
        return line


def _sums(rows: Iterable[Row], positions: Sequence[int], unit: int | None) -> dict[str, tuple[int, list[int]]]:
    adding = _Adding(positions, unit)
    for row in rows:
        adding.add(row)
    return adding.sums()


class _Adding:
    """Control totals that grow while lines are written, so that a file's last lines are about its own lines."""

    def __init__(self, positions: Sequence[int], unit: int | None) -> None:
        self.positions, self.unit = positions, unit
        self.by_unit: dict[str, list[int]] = {}

    def add(self, row: Row) -> None:
        unit = "" if self.unit is None else str(row[self.unit] or "")
        sums = self.by_unit.setdefault(unit, [0] * (len(self.positions) + 1))
        sums[0] += 1
        for n, position in enumerate(self.positions, start=1):
            value = row[position]
            assert value is None or isinstance(value, int), "only whole numbers have sums"
            sums[n] += value or 0

    def sums(self) -> dict[str, tuple[int, list[int]]]:
        return {unit: (sums[0], sums[1:]) for unit, sums in self.by_unit.items()}
