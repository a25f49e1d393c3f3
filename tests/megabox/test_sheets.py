"""Files for spreadsheets."""

import pytest

from megabox import sheets


def test_a_file_says_that_it_is_utf_8() -> None:
    answer = sheets.csv_file(sheets.to_csv([["artist", "micros"], ["Björk", 5]]), "a.csv")
    assert answer.content == b"\xef\xbb\xbfartist,micros\r\nBj\xc3\xb6rk,5\r\n"
    assert answer["Content-Disposition"] == 'attachment; filename="a.csv"'


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("-cmd", "'-cmd"),
        ("@sum", "'@sum"),
        ("\t=1", "'\t=1"),
        (" =1", "' =1"),
        ("-1.620000", "-1.620000"),
        (-5, "-5"),
        ("Nina", "Nina"),
        (None, ""),
    ],
)
def test_cells_that_would_run_as_formulas_are_neutralised(cell: str | int | None, written: str) -> None:
    assert sheets.neutral(cell) == written
