"""Tables (megabox.tables) as CSV and XLSX files.

Rows are read a few thousand at a time, so a file of any length needs little memory. Titles and names come from
strangers, and a spreadsheet runs what begins like a formula: CSV marks such cells, XLSX stores them as text.
"""

import csv
import io
import re
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import IO, Any, cast

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from xlsxwriter import Workbook

from megabox.money import plain
from megabox.tables import Column, Kind, Row, Table, Value

NUMBER = re.compile(r"-?\d+(\.\d+)?")
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How formulas begin; the wide signs of East Asia begin them, too."""
_SIGNS = r"[=+@\uff1d\uff0b\uff0d\uff20-]"
_BEGIN = re.compile(rf"['\s]*{_SIGNS}|'*[\t\r\n]")
"""What is marked at the beginning: a formula, or a mark before one, so that `restored` can tell whose mark it is."""
NEXT_CELL = re.compile(rf"([;|\t\r\n])(?=['\s]*{_SIGNS})")
"""Where a spreadsheet that splits lines at something else than commas sees the beginning of a formula."""
_MARKED_CELL = re.compile(rf"([;|\t\r\n])'(?=['\s]*{_SIGNS})")
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

MOST_SHEET_NAME = 31


# --- CSV


def write_csv(table: Table, file: IO[str]) -> None:
    """The table as CSV: ISO dates, amounts in units and in micros, control totals in the last lines."""
    writer = csv.writer(file)
    writer.writerow(_header(table))
    for row in table.lines():
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
    """A cell as text that no spreadsheet takes for a formula, however it splits lines; numbers stay numbers."""
    text = NEXT_CELL.sub(r"\1'", written(value))
    return f"'{text}" if _BEGIN.match(text) and not NUMBER.fullmatch(text) else text


def restored(cell: str) -> str:
    """The text that `neutral` made this cell of; what it did not make is left as it is, nearly always."""
    text = cell[1:] if cell.startswith("'") and _BEGIN.match(cell[1:]) else cell
    return _MARKED_CELL.sub(r"\1", text)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet might run this text, even behind white space."""
    return text.startswith(DANGEROUS) or text.lstrip().startswith(DANGEROUS)


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


def write_xlsx(table: Table, file: IO[bytes], *, more: Sequence[Table] = ()) -> None:
    """The table as XLSX: real numbers and dates, amounts in units and in micros, text that is never a formula.

    `more` tables follow on sheets of their own, each named by its title. Constant memory: rows go to disk as they
    come. What does not fit on a sheet goes on to the next.
    """
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with Workbook(file, options) as book:
        for one in (table, *more):
            writer = _XlsxWriter(book, one, one.title if more else "")
            for row in one.lines():
                writer.write(row)
            writer.finish()


class _XlsxWriter:
    """Rows, one after the other, into the sheets of a book."""

    def __init__(self, book: Any, table: Table, name: str = "") -> None:
        self.book, self.table, self.name = book, table, name
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
        self.sheet = self.book.add_worksheet(_sheet_name(self.book, self.name))
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


def _sheet_name(book: Any, title: str) -> str | None:
    """A name that spreadsheets allow and that no other sheet has; None lets the book number it."""
    plain_title = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", title).strip(" '")[:MOST_SHEET_NAME].strip(" '")
    if not plain_title:
        return None
    taken = {sheet.get_name().casefold() for sheet in book.worksheets()}
    name, number = plain_title, 1
    while name.casefold() in taken:
        number += 1
        name = f"{plain_title[: MOST_SHEET_NAME - 5]} {number}"
    return name


def _width(kind: Kind) -> int:
    return {Kind.TEXT: 24, Kind.MOMENT: 20, Kind.DAY: 12, Kind.MONEY: 16}.get(kind, 8)


# --- answers


def file_response(table: Table, form: str, name: str, *, more: Sequence[Table] = ()) -> HttpResponseBase:
    """The table as a file to be saved: `form` is csv or xlsx; `more` tables are more sheets of an xlsx.

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
        write_xlsx(table, file, more=more)
    size = file.tell()
    file.seek(0)
    filename = f"{name}.{form}"
    if size > MOST_IN_MEMORY:
        return FileResponse(file, as_attachment=True, filename=filename, content_type=content_type)
    with file:
        headers = {"Content-Disposition": content_disposition_header(True, filename) or ""}
        return HttpResponse(file.read(), content_type=content_type, headers=headers)
