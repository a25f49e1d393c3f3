"""Tables as CSV files that open in a spreadsheet: UTF-8 with its mark, and no cell that would run as a formula.

Titles and names come from strangers, and a spreadsheet runs what begins like a formula.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

Cell = str | int | None
NUMBER = re.compile(r"-?\d+(\.\d+)?")
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
MARK = "\ufeff"
"""Without it at the beginning, Excel does not take a file for UTF-8."""


def to_csv(rows: Iterable[Sequence[Cell]]) -> str:
    """A table, its header in the first row, as CSV text."""
    file = io.StringIO()
    csv.writer(file).writerows([neutral(cell) for cell in row] for row in rows)
    return file.getvalue()


def neutral(cell: Cell) -> str:
    """The cell as text that no spreadsheet takes for a formula; numbers stay numbers."""
    text = "" if cell is None else str(cell)
    is_formula = text.startswith(DANGEROUS) or text.lstrip().startswith(DANGEROUS)
    return f"'{text}" if is_formula and not NUMBER.fullmatch(text) else text


def csv_file(text: str, filename: str) -> HttpResponse:
    """CSV text as a file to be saved."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return HttpResponse(MARK + text, content_type="text/csv; charset=utf-8", headers=headers)
