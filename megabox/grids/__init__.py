"""Sheets that people send, CSV or XLSX, read into rows of text; whatever cannot be read is refused in a sentence.

What a file says of itself is not believed: its kind, letters and delimiter are found by looking, an XLSX is unpacked
within limits, and its XML is read as it comes, without document types and so without entities.
"""

from megabox.grids import text, xlsx
from megabox.grids.grid import (
    MOST_BYTES,
    MOST_COLUMNS,
    MOST_ROWS,
    BadSheet,
    Grid,
    Line,
    column_name,
    of_rows,
)

__all__ = ["MOST_BYTES", "MOST_COLUMNS", "MOST_ROWS", "BadSheet", "Grid", "Line", "column_name", "read"]


def read(data: bytes) -> Grid:
    """The sheet in the bytes of a file: of an XLSX the first sheet that is not hidden. Raises BadSheet."""
    if len(data) > MOST_BYTES:
        raise BadSheet(
            f"This file has {len(data) / 1e6:.0f} MB, and a sheet may have {MOST_BYTES // 1_000_000} MB. "
            "Save it without pictures, or in several files."
        )
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise BadSheet(
            "This is an old Excel file (.xls), or one with a password. Save it as “Excel Workbook (.xlsx)” without a "
            "password, or as CSV."
        )
    rows = xlsx.rows(data) if data.startswith(b"PK") else text.rows(data)
    return of_rows(rows)
