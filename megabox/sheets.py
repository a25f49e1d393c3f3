"""Tables, described once: what their columns hold, where their rows come from, what their last lines control.

The same table is a page (megabox.desk_reports), a CSV file and an XLSX file. Rows are read a few thousand at a time, so
a file of any length needs little memory. Titles and names come from strangers, and a spreadsheet runs what begins like
a formula: CSV marks such cells, XLSX stores them as text.
"""

import csv
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import IO, Any, Protocol, cast

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from xlsxwriter import Workbook

from megabox.money import plain

Value = str | int | date | datetime | None
Row = Sequence[Value]

NUMBER = re.compile(r"-?\d+(\.\d+)?")
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
MARK = "\ufeff"
"""Without it at the beginning, Excel does not take a file for UTF-8."""

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_XLSX_ROWS = 1_048_576
MOST_EXACT = 10**15
"""A spreadsheet's numbers have 15 digits; a longer one is written as text, to the last digit."""
MOST_IN_MEMORY = 1_000_000
"""Bytes; a longer file waits on the disk while it is sent."""
MOST_CELL = 32_767
"""Characters in a cell of a spreadsheet."""


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


def _lines(table: Table) -> Iterator[Row]:
    """All lines of a file under its header: the rows between what stands before and after them, and the totals."""
    adding = _Adding(table.summed, table.unit_position)
    yield from table.before
    for row in table.rows:
        adding.add(row)
        yield row
    yield from table.after
    yield from table.total_lines(adding.sums())


# --- CSV


def write_csv(table: Table, file: IO[str]) -> None:
    """The table as CSV: ISO dates, amounts in units and in micros, control totals in the last lines."""
    writer = csv.writer(file)
    writer.writerow(_header(table))
    for row in _lines(table):
        writer.writerow(_csv_cells(table.columns, row))


def to_csv(table: Table) -> str:
    """A small table as CSV text."""
    file = io.StringIO(newline="")
    write_csv(table, file)
    return file.getvalue()


def _header(table: Table) -> list[str]:
    names: list[str] = []
    for column in table.columns:
        names += [column.name, f"{column.name}_micros"] if column.kind == Kind.MONEY else [column.name]
    return names


def _csv_cells(columns: Sequence[Column], row: Row) -> Iterator[str]:
    for column, value in zip(columns, row, strict=True):
        if column.kind == Kind.MONEY and isinstance(value, int):
            yield plain(value)
            yield str(value)
        elif column.kind == Kind.MONEY:
            yield neutral(value)  # a word in place of an amount
            yield ""
        elif column.kind == Kind.SHARE and isinstance(value, int):
            yield percent(value)
        else:
            yield neutral(value)


def neutral(value: Value) -> str:
    """A cell as text that no spreadsheet takes for a formula; numbers stay numbers."""
    text = written(value)
    is_formula = text.startswith(DANGEROUS) or text.lstrip().startswith(DANGEROUS)
    return f"'{text}" if is_formula and not NUMBER.fullmatch(text) else text


def written(value: Value) -> str:
    """A value as files write it: ISO 8601 in UTC, whole numbers, nothing for None."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "" if value is None else str(value)


def percent(basis_points: int) -> str:
    """Basis points as percent without needless zeros: `50`, `33.33`."""
    sign, points = "-" if basis_points < 0 else "", abs(basis_points)
    whole, rest = divmod(points, 100)
    return f"{sign}{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else f"{sign}{whole}"


# --- XLSX


def write_xlsx(table: Table, file: IO[bytes]) -> None:
    """The table as XLSX: real numbers and dates, amounts in units and in micros, text that is never a formula.

    Constant memory: rows go to disk as they come. What does not fit on a sheet goes on to the next.
    """
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with Workbook(file, options) as book:
        writer = _XlsxWriter(book, table)
        for row in _lines(table):
            writer.write(row)
        writer.finish()


class _XlsxWriter:
    """Rows, one after the other, into the sheets of a book."""

    def __init__(self, book: Any, table: Table) -> None:
        self.book, self.table = book, table
        self.head = book.add_format({"bold": True, "bottom": 1})
        self.formats = {
            Kind.MONEY: book.add_format({"num_format": "#,##0.00####"}),
            Kind.COUNT: book.add_format({"num_format": "#,##0"}),
            Kind.DAY: book.add_format({"num_format": "yyyy-mm-dd"}),
            Kind.MOMENT: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            Kind.SHARE: book.add_format({"num_format": "0.00%"}),
        }
        self.micros = book.add_format({"num_format": "0"})
        self.sheet: Any = None
        self.line = 0
        self._next_sheet()

    def _next_sheet(self) -> None:
        if self.sheet is not None:
            self.finish()
        self.sheet = self.book.add_worksheet()
        self.sheet.freeze_panes(1, 0)
        position = 0
        for column in self.table.columns:
            moment = " (UTC)" if column.kind == Kind.MOMENT else ""
            titles = [column.title + moment]
            if column.kind == Kind.MONEY:
                titles.append(f"{column.title}, micros")
            for title in titles:
                self.sheet.write_string(0, position, title, self.head)
                self.sheet.set_column(position, position, max(len(title) + 2, _width(column.kind)))
                position += 1
        self.line = 1

    def write(self, row: Row) -> None:
        """One more line, on the next sheet when this one is full."""
        if self.line >= MOST_XLSX_ROWS:
            self._next_sheet()
        position = 0
        for column, value in zip(self.table.columns, row, strict=True):
            self._cell(position, column.kind, value)
            position += 1
            if column.kind == Kind.MONEY:
                if isinstance(value, int):
                    self._number(position, value, value, self.micros)
                position += 1
        self.line += 1

    def _cell(self, position: int, kind: Kind, value: Value) -> None:
        style = self.formats.get(kind)
        if value is None:
            return
        if isinstance(value, datetime):
            self.sheet.write_datetime(self.line, position, value.astimezone(UTC).replace(tzinfo=None), style)
        elif isinstance(value, date):
            self.sheet.write_datetime(self.line, position, value, style)
        elif isinstance(value, str):
            self.sheet.write_string(self.line, position, value[:MOST_CELL])
        elif kind == Kind.MONEY:
            self._number(position, value, value / 1_000_000, style, plain(value))
        elif kind == Kind.SHARE:
            self._number(position, value, value / 10_000, style, percent(value))
        else:
            self._number(position, value, value, style)

    def _number(self, position: int, value: int, number: float, style: Any, text: str = "") -> None:
        if abs(value) < MOST_EXACT:
            self.sheet.write_number(self.line, position, number, style)
        else:
            self.sheet.write_string(self.line, position, text or str(value))

    def finish(self) -> None:
        """Let people filter by the header."""
        columns = len(_header(self.table))
        self.sheet.autofilter(0, 0, max(self.line - 1, 1), columns - 1)


def _width(kind: Kind) -> int:
    return {Kind.TEXT: 24, Kind.MOMENT: 20, Kind.DAY: 12, Kind.MONEY: 16}.get(kind, 8)


# --- answers


def file_response(table: Table, form: str, name: str) -> HttpResponseBase:
    """The table as a file to be saved: `form` is csv or xlsx.

    It is written out whole before the first byte is sent: what breaks on the way is an error, never half a file.
    """
    assert form in ("csv", "xlsx"), form
    content_type = "text/csv; charset=utf-8" if form == "csv" else XLSX_TYPE
    file = cast(IO[bytes], tempfile.SpooledTemporaryFile(max_size=MOST_IN_MEMORY))  # noqa: SIM115 - the answer closes it
    if form == "csv":
        text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        text.write(MARK)
        write_csv(table, text)
        text.detach()
    else:
        write_xlsx(table, file)
    size = file.tell()
    file.seek(0)
    filename = f"{name}.{form}"
    if size > MOST_IN_MEMORY:
        return FileResponse(file, as_attachment=True, filename=filename, content_type=content_type)
    with file:
        headers = {"Content-Disposition": content_disposition_header(True, filename) or ""}
        return HttpResponse(file.read(), content_type=content_type, headers=headers)
