"""A sheet as rows of text, its limits, and what is said of one that cannot be read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_BYTES = 10_000_000
MOST_ROWS = 10_000
MOST_COLUMNS = 1_000
MOST_CELLS = 2_000_000
MOST_LETTERS = 30_000_000
"""Characters of all cells together: a few bytes of an XLSX may name the same long text a million times."""

PART = "Copy the columns about your music into a sheet of their own."
"""What to do about too much."""

Row = tuple[str, ...]


class BadSheet(Exception):
    """The file cannot be read as a sheet; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row that is not empty, and its number as a spreadsheet shows it."""

    number: int
    cells: Row

    def __getitem__(self, column: int) -> str:
        """The text of a column; empty past the end."""
        return self.cells[column] if column < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A sheet: the words of its header, and the rows under it that are not empty."""

    header: Row
    lines: tuple[Line, ...]


def column_name(number: int) -> str:
    """How spreadsheets call the column `number`, counted from 0: A, B, ..., Z, AA."""
    name, number = "", number + 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def formula(column: int, row: int, advice: str) -> BadSheet:
    """The refusal of a sheet with a formula in it."""
    where = f"{column_name(column)}{row}"
    return BadSheet(f"Cell {where} holds a formula, and formulas are not computed here. {advice}")


def check_width(number: int, row: Sequence[str]) -> None:
    """Raise BadSheet if a row has too many columns: called before anything is done with each of them."""
    if len(row) > MOST_COLUMNS:
        raise BadSheet(f"Row {number} has more than {MOST_COLUMNS} columns. {PART}")


def of_rows(rows: Iterator[tuple[int, list[str]]]) -> Grid:
    """The header and the lines of rows as they come, each with its number; within limits."""
    header: Row = ()
    lines: list[Line] = []
    cells = letters = 0
    for number, row in rows:
        kept = _tidy(row)
        if not kept:
            continue
        check_width(number, kept)
        cells += len(kept)
        letters += sum(map(len, kept))
        if cells > MOST_CELLS or letters > MOST_LETTERS:
            raise BadSheet(
                f"This sheet holds too much text to be of albums: it stops being read in row {number}. {PART}"
            )
        if not header:
            header = kept
            continue
        if len(lines) == MOST_ROWS:
            raise BadSheet(f"This sheet has more than {MOST_ROWS} rows. Make several sheets of it, album by album.")
        lines.append(Line(number, kept))
    if not header:
        raise BadSheet("This sheet is empty. Its first row names the columns, like Album, Title, ISRC.")
    if not lines:
        raise BadSheet("This sheet has one row only. The first row names the columns; the music stands in those below.")
    return Grid(header, tuple(lines))


def _tidy(row: list[str]) -> Row:
    """The cells without white space around them, and without the empty ones at the end."""
    kept = [cell.replace("\r\n", "\n").replace("\r", "\n").strip() for cell in row]
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)
