"""Tables as files for spreadsheets."""

import csv
import io
import re
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, cast

import pytest
from django.http import FileResponse, HttpResponse
from openpyxl import load_workbook

from megabox import sheets, tables
from megabox.tables import Column, Kind, Listed, Row, Table, Total

COLUMNS = [
    Column("payee", "Payee"),
    Column("day", "Day", Kind.DAY),
    Column("at", "At", Kind.MOMENT),
    Column("unit", "Unit", Kind.UNIT),
    Column("count", "Views", Kind.COUNT, Total.SUM),
    Column("split", "Split", Kind.SHARE),
    Column("amount", "Amount", Kind.MONEY, Total.SUM),
]
AT = datetime(2026, 11, 3, 12, 30, tzinfo=UTC)


def row(payee: str, amount: int, *, unit: str = "USD", count: int = 1, split: int = 3_333) -> Row:
    return [payee, date(2026, 11, 3), AT, unit, count, split, amount]


def table(*rows: Row) -> Table:
    return Table("A table", COLUMNS, Listed(rows))


def csv_of(found: Table) -> list[list[str]]:
    return list(csv.reader(io.StringIO(sheets.to_csv(found))))


def xlsx_of(found: Table) -> list[list[object]]:
    file = io.BytesIO()
    sheets.write_xlsx(found, file)
    sheet = load_workbook(file).active
    assert sheet is not None
    return [[cell.value for cell in line] for line in sheet.iter_rows()]


def test_a_csv_has_iso_dates_and_amounts_in_units_and_micros_and_sums_them_in_its_last_lines() -> None:
    assert csv_of(table(row("Björk", 9_990_001), row("Zoë", -5, unit="EUR"), row("Nina", 9))) == [
        ["payee", "day", "at", "unit", "count", "split", "amount", "amount_micros"],
        ["Björk", "2026-11-03", "2026-11-03T12:30:00Z", "USD", "1", "33.33", "9.990001", "9990001"],
        ["Zoë", "2026-11-03", "2026-11-03T12:30:00Z", "EUR", "1", "33.33", "-0.000005", "-5"],
        ["Nina", "2026-11-03", "2026-11-03T12:30:00Z", "USD", "1", "33.33", "0.000009", "9"],
        ["TOTAL", "", "", "EUR", "1", "", "-0.000005", "-5"],
        ["TOTAL", "", "", "USD", "2", "", "9.990010", "9990010"],
    ]


def test_an_xlsx_has_real_numbers_and_dates_and_the_same_last_lines() -> None:
    head, first, *_, total = xlsx_of(table(row("Björk", 9_990_001), row("Nina", 9)))
    assert head == ["Payee", "Day", "At (UTC)", "Unit", "Views", "Split", "Amount", "Amount, micros"]
    assert first == [
        "Björk",
        datetime(2026, 11, 3),  # noqa: DTZ001 - spreadsheets know no zones
        datetime(2026, 11, 3, 12, 30),  # noqa: DTZ001
        "USD",
        1,
        0.3333,
        9.990001,
        9_990_001,
    ]
    assert total == ["TOTAL", None, None, "USD", 2, None, 9.99001, 9_990_010]


def test_the_header_of_an_xlsx_stays_in_view() -> None:
    file = io.BytesIO()
    sheets.write_xlsx(table(row("Nina", 1)), file)
    sheet = load_workbook(file).active
    assert sheet is not None
    assert sheet.freeze_panes == "A2"


def test_an_amount_longer_than_a_spreadsheets_numbers_is_kept_to_the_last_digit() -> None:
    long = 9_223_372_036_854_775_807
    assert xlsx_of(table(row("Nina", long)))[1][-2:] == ["9223372036854.775807", str(long)]


@pytest.mark.parametrize("evil", ["=1+1", "+cmd|' /C calc'!A0", "-cmd", "@sum", "\t=1", " =1", "\r=1"])
def test_a_name_that_looks_like_a_formula_is_text_in_both_files(evil: str) -> None:
    cell = csv_of(table(row(evil, 1)))[1][0]
    assert (cell[0], cell.replace("'", "")) == ("'", evil.replace("'", ""))
    file = io.BytesIO()
    sheets.write_xlsx(table(row(evil, 1)), file)
    sheet = load_workbook(file).active
    assert sheet is not None
    assert sheet["A2"].data_type in ("s", "inlineStr")
    assert evil.strip() in str(sheet["A2"].value)


@pytest.mark.parametrize("evil", ["x;=1+1", "x; @sum", "x|-cmd", "x\n=1", "x;\uff1d1"])
def test_a_name_that_brings_its_own_cell_brings_no_formula(evil: str) -> None:
    cell = csv_of(table(row(evil, 1)))[1][0]
    assert not [part for part in re.split(r"[;|\t\r\n]", cell) if part.strip().startswith(sheets.DANGEROUS)]


def test_separators_without_a_formula_stay_as_they_are() -> None:
    assert sheets.neutral("Nina; Leo | Max - live") == "Nina; Leo | Max - live"


def test_a_link_in_a_name_leads_nowhere() -> None:
    file = io.BytesIO()
    sheets.write_xlsx(table(row("https://evil.example", 1)), file)
    sheet = load_workbook(file).active
    assert sheet is not None
    assert sheet["A2"].hyperlink is None


@pytest.mark.parametrize(
    ("value", "written"),
    [("-1.620000", "-1.620000"), (-5, "-5"), ("Nina", "Nina"), (None, ""), (date.max, "9999-12-31")],
)
def test_numbers_stay_numbers(value: tables.Value, written: str) -> None:
    assert sheets.neutral(value) == written


def test_a_file_says_that_it_is_utf_8_and_what_it_is_called() -> None:
    answer = sheets.file_response(table(row("Björk", 5)), "csv", "a")
    assert isinstance(answer, HttpResponse)
    assert answer.content.startswith(b"\xef\xbb\xbfpayee,day")
    assert answer["Content-Disposition"] == 'attachment; filename="a.csv"'


def test_lines_before_and_after_are_in_no_total() -> None:
    found = Table("A", COLUMNS, Listed([row("Nina", 5)]), before=[row("opening", 100)], after=[row("closing", 105)])
    assert [line[-1] for line in csv_of(found)] == ["amount_micros", "100", "5", "105", "5"]


def test_empty_cells_sort_last_whichever_way() -> None:
    rows = Listed([["b"], [None], ["A"]])
    assert [line[0] for line in rows.sorted_by(0, is_descending=False)] == ["A", "b", None]
    assert [line[0] for line in rows.sorted_by(0, is_descending=True)] == ["b", "A", None]


@dataclass(frozen=True)
class Endless:
    """Rows that are made one after the other, never held."""

    most: int

    def __iter__(self) -> Iterator[Row]:
        return (row(f"Payee {n}", n) for n in range(self.most))

    def __getitem__(self, part: slice, /) -> Sequence[Row]:
        raise AssertionError("a file never asks for a page")

    def __len__(self) -> int:
        raise AssertionError("a file never counts first")

    def sorted_by(self, position: int, *, is_descending: bool) -> "Endless":
        return self

    def sums(self, positions: Sequence[int], unit: int | None) -> dict[str, tuple[int, list[int]]]:
        raise AssertionError("a file sums what it writes")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_rows_by_the_ten_thousand_need_little_memory(form: str) -> None:
    sheets.file_response(Table("Warm", COLUMNS, Endless(10)), form, "warm")
    tracemalloc.start()
    answer = sheets.file_response(Table("Long", COLUMNS, Endless(30_000)), form, "long")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000, f"{peak:,} bytes"  # the rows alone, held, are more
    assert isinstance(answer, FileResponse)
    file = cast(IO[bytes], answer.file_to_stream)
    if form == "csv":
        last = file.read().splitlines()[-1].decode()
        assert last == "TOTAL,,,USD,30000,,449.985000,449985000"
    else:
        book = load_workbook(file, read_only=True)
        *_, last_row = book.worksheets[0].iter_rows(values_only=True)
        assert last_row == ("TOTAL", None, None, "USD", 30_000, None, 449.985, 449_985_000)
    file.close()


def test_what_is_more_than_a_sheet_holds_goes_on_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_XLSX_ROWS", 3)
    file = io.BytesIO()
    sheets.write_xlsx(table(*(row(f"P{n}", n) for n in range(4))), file)
    book = load_workbook(file)
    assert [sheet["A2"].value for sheet in book.worksheets] == ["P0", "P2", "TOTAL"]
    assert all(sheet["A1"].value == "Payee" for sheet in book.worksheets)
