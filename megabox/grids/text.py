"""CSV: its letters and what stands between its cells are found by looking."""

import csv
import io
import re
from collections.abc import Iterator

from megabox import sheets
from megabox.grids.grid import BadSheet, check_width, formula

DELIMITERS = (",", ";", "\t")
HEAD_LETTERS = 256 * 1024
_FORMULA = re.compile(r"=\s*[A-Za-z.]+\(|=\$?[A-Z]{1,3}\$?[0-9]")


def rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """The rows with their numbers, as a spreadsheet counts them. Raises BadSheet."""
    text = _decoded(data)
    delimiter, text = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            if "field limit" in str(fault):
                raise BadSheet(
                    f"Row {number} has a cell with more than {csv.field_size_limit():,} letters, the most it may have. "
                    "Shorten it; if it is not as long as that, close the quotation mark that opens it."
                ) from None
            raise BadSheet(
                f"Row {number} cannot be read: a quotation mark opens a cell there and does not close it, or stands "
                "in the middle of one. Save the sheet as CSV again, or as XLSX."
            ) from None
        while row and not row[-1]:
            row.pop()
        check_width(number, row)
        yield number, [_read(cell, column, number) for column, cell in enumerate(row)]


def _read(cell: str, column: int, number: int) -> str:
    """What a cell says. Raises BadSheet for a formula."""
    if cell.startswith("="):
        cell = _unquoted(cell)
        if _FORMULA.match(cell):
            raise formula(column, number, "Paste the values in its place, and save the sheet again.")
    return sheets.restored(cell) if "'" in cell else cell


def _decoded(data: bytes) -> str:
    """The text of a file in UTF-8, UTF-16 or, where it is neither, Latin-1 as Windows writes it."""
    encoding = "utf-8-sig"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif len(data) >= 4 and not data[1] and data[0]:
        encoding = "utf-16-le"
    elif len(data) >= 4 and not data[0] and data[1]:
        encoding = "utf-16-be"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8-sig":
            raise BadSheet("This file is cut off or damaged. Save the sheet again, best as XLSX.") from None
        text = data.decode("cp1252", errors="replace")
    # Text has line ends and tabs, and none of the other signs below the blank; files of other kinds are full of them.
    if re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text):
        raise BadSheet("This file is no sheet we can read. Save it as CSV or XLSX; a file's name alone is not enough.")
    return text


def _delimiter(text: str) -> tuple[str, str]:
    """What stands between cells, and the text without the line that says so."""
    said = re.match(r"sep=([,;\t])\r?\n", text)
    if said:
        return said[1], text[said.end() :]
    head = text[:HEAD_LETTERS].lstrip()

    def columns(delimiter: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(DELIMITERS, key=columns), text


def _unquoted(cell: str) -> str:
    """`="036000291452"` is how people keep a spreadsheet from taking a code for a number."""
    kept = re.fullmatch(r'="([^"]*)"', cell)
    return kept[1] if kept else cell
