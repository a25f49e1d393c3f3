"""Sheets of strangers are read to the last cell, or refused in a sentence."""

import io
import random
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from megabox import grids, sheets
from megabox.grids import BadSheet, Grid
from megabox.tables import Column, Listed, Table

EIGHT = datetime.fromisoformat("2026-11-30T08:00")
HEADER = ("Album", "Title", "ISRC")
LINES = (("Night Bus", "Rain, slowly", "DE-ABC-26-00001"), ("Night Bus", "Ærø; “Glass”", ""))
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30).map(str.strip)


def cells(grid: Grid) -> list[list[str]]:
    return [[line[place] for place in range(len(grid.header))] for line in grid.lines]


def csv_text(delimiter: str = ",") -> str:
    rows = [HEADER, *LINES]
    return "\r\n".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)


def xlsx(*rows: tuple[object, ...], change: Callable[[Workbook], None] = lambda book: None) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    change(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def shared() -> bytes:
    """A sheet whose texts stand in a part of their own, as Excel writes them: one of them in two colours."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet, red = book.add_worksheet(), book.add_format({"color": "red"})
        sheet.write_row(0, 0, ["Title", "Album", "Day"])
        sheet.write_rich_string(1, 0, red, "Rain ", "on glass")
        sheet.write(1, 1, "Title")
        sheet.write_datetime(1, 2, EIGHT, book.add_format({"num_format": "d mmmm yyyy"}))
    return file.getvalue()


def repacked(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            part = old.read(info)
            new.writestr(info.filename, change(part) if info.filename == name else part)
    return file.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_csv_is_read_whatever_stands_between_its_cells_and_however_it_is_written(
    delimiter: str, encoding: str
) -> None:
    grid = grids.read(csv_text(delimiter).encode(encoding))
    assert grid.header == HEADER
    assert cells(grid) == [list(line) for line in LINES]
    assert [line.number for line in grid.lines] == [2, 3]


def test_a_csv_of_an_old_windows_is_read_by_its_letters() -> None:
    grid = grids.read("Title;Label\nÆrø – Glass;Café".encode("cp1252"))
    assert cells(grid) == [["Ærø – Glass", "Café"]]


def test_a_csv_may_say_what_stands_between_its_cells() -> None:
    assert grids.read(b"sep=;\nTitle, first;Album\na;b").header == ("Title, first", "Album")


def test_empty_rows_are_left_out_and_the_others_keep_their_numbers() -> None:
    grid = grids.read(b"\n\nTitle,Album\n\n,,\na,b\n\n")
    assert [(line.number, line.cells) for line in grid.lines] == [(6, ("a", "b"))]


def test_a_cell_may_have_lines_and_a_code_its_guard() -> None:
    grid = grids.read(b'Lyrics,UPC\r\n"one\r\ntwo","=""036000291452"""\r\n')
    assert cells(grid) == [["one\ntwo", "036000291452"]]


def test_an_xlsx_is_read_as_people_see_it() -> None:
    rows = [
        ("Title", "UPC", "Price", "Date", "Time", "Explicit", "Formatted"),
        ("Rain\nand glass", 36000291452, 9.99, date(2026, 11, 30), EIGHT, True, 0.1 + 0.2),
        (None, None, None, None, None, False, "_x0041_"),
    ]
    assert cells(grids.read(xlsx(*rows))) == [
        ["Rain\nand glass", "36000291452", "9.99", "2026-11-30", "2026-11-30", "yes", "0.3"],
        ["", "", "", "", "", "no", "A"],
    ]


def test_texts_in_a_part_of_their_own_are_found() -> None:
    assert cells(grids.read(shared())) == [["Rain on glass", "Title", "2026-11-30"]]


def test_the_first_sheet_that_is_shown_is_read() -> None:
    def hide(book: Workbook) -> None:
        book.create_sheet("shown").append(["Title"])
        book["shown"].append(["seen"])
        book.worksheets[0].sheet_state = "hidden"

    assert cells(grids.read(xlsx(("Title",), ("hidden",), change=hide))) == [["seen"]]


def test_what_we_write_we_read() -> None:
    table = Table(
        "Tracks", [Column("title", "Title"), Column("album", "Album")], Listed([("=1+1", "-x;=y")]), is_totalled=False
    )
    file = io.BytesIO()
    sheets.write_xlsx(table, file)
    assert cells(grids.read(file.getvalue())) == [["=1+1", "-x;=y"]]
    assert cells(grids.read(sheets.to_csv(table).encode())) == [["=1+1", "-x;=y"]]


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
def test_any_text_comes_back_out_of_a_csv(rows: list[tuple[str, str]]) -> None:
    table = Table("", [Column("a", "A"), Column("b", "B")], Listed(rows), is_totalled=False)
    told = [list(row) for row in rows if any(row)]
    if not told:
        return
    assert cells(grids.read(f"{sheets.MARK}{sheets.to_csv(table)}".encode())) == told


@given(st.text(st.sampled_from("=+-@'\t\n\r ;|ab7.\uff1d")))
def test_a_mark_before_a_formula_can_be_taken_away_again(text: str) -> None:
    assert sheets.restored(sheets.neutral(text)) == text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"\n\n , \n", "is empty"),
        (b"Title,Album\n", "one row only"),
        (b"x" * (grids.MOST_BYTES + 1), "10 MB"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "no sheet we can read"),
        (b'Title\n"open', "quotation mark"),
        (b'Title\n"a" b', "quotation mark"),
        (b"Title\n" + b"x" * 131_073, "Row 2 has a cell with more than 131,072 letters"),
        (b"Title\n=SUM(A1)", "Cell A2 holds a formula"),
        (b"a," * 1_001 + b"b\nx", "more than 1000 columns"),
        (b"Title\n" + b"a\n" * 10_001, "more than 10000 rows"),
        (b"\xff\xfea", "cut off"),
        (b"PK\x03\x04" + bytes(40), "damaged or cut off"),
        (b"PK\x01\x02" * 2_001, "parts inside"),
        (b"a\n" + (b"," * 900 + b"x\n") * 9_000, "too much text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_is_refused_in_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(BadSheet, match=says):
        grids.read(data)


WORKBOOK = xlsx(("Title",), ("a",))
SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (xlsx(("Title",), ("=1+1",)), "Cell A2 holds a formula"),
        (xlsx(("Title",), ("#N/A",)), "holds the error"),
        (xlsx(*[("Title",)] * 10_002), "more than 10000 rows"),
        (xlsx(("Title",) * 1_001, ("a",)), "more than 1000 columns"),
        (repacked(WORKBOOK, SHEET, lambda _: b"<worksheet>" + b" " * 210_000_000), "unpacks to more"),
        (repacked(WORKBOOK, SHEET, lambda xml: xml[:-30]), "damaged or cut off"),
        (
            repacked(WORKBOOK, SHEET, lambda xml: b'<!DOCTYPE x [<!ENTITY a "b">]>' + xml[-300:]),
            "damaged or cut off",
        ),
        (repacked(shared(), SHEET, lambda xml: xml.replace(b"<v>0</v>", b"<v>9</v>")), "damaged"),
        (WORKBOOK[:-100], "damaged or cut off"),
        (xlsx(("Title",), *[("x" * 32_000,)] * 1_000), "too much text"),
    ],
    ids=["formula", "error", "rows", "columns", "bomb", "cut", "entities", "strings", "index", "text"],
)
def test_an_xlsx_that_cannot_be_read_is_refused_in_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(BadSheet, match=says):
        grids.read(data)


@pytest.mark.parametrize(
    "xml",
    [
        b'<worksheet a="' + b"a" * 2_000_000 + b'"/>',
        b"<worksheet><!--" + b"a" * 2_000_000 + b"--></worksheet>",
        b"<worksheet>" + b"<a>" * 101,
        b"<worksheet>" + b"<row/>" * 2_001 + b"</worksheet>",
        b"<worksheet " + b" ".join(b'a%d=""' % number for number in range(1_001)) + b"/>",
        b"<worksheet><c><v>" + b"9" * 200_000 + b"</v></c></worksheet>",
    ],
    ids=["attribute", "comment", "depth", "tags", "names", "letters"],
)
def test_a_small_xlsx_cannot_keep_the_reader_busy_or_fill_its_memory(
    xml: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("megabox.grids.xlsx.MOST_TAGS", 2_000)
    monkeypatch.setattr("megabox.grids.xlsx.MOST_TEXT", 100_000)
    with pytest.raises(BadSheet, match="unpacks to more than any sheet"):
        grids.read(repacked(WORKBOOK, SHEET, lambda _: xml))


def test_a_day_of_a_thousand_million_digits_is_left_as_it_is() -> None:
    # Written out it would take minutes in which nothing else of the process goes on.
    data = repacked(shared(), SHEET, lambda xml: re.sub(rb"<v>46[0-9.]+</v>", b"<v>1E999999999</v>", xml))
    assert cells(grids.read(data)) == [["Rain on glass", "Title", "1E999999999"]]


def test_empty_cells_cost_nothing_however_many_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    # A second for each million of them, ten million to a file.
    read: list[str] = []
    monkeypatch.setattr("megabox.grids.text._read", lambda cell, *_: read.append(cell))
    with pytest.raises(BadSheet, match="is empty"):
        grids.read(b"," * 100_000)
    with pytest.raises(BadSheet, match="more than 1000 columns"):
        grids.read(b"a," * 100_000)
    assert not read


def test_a_zip_that_is_no_sheet_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("01 Rain.flac", b"fLaC")
    with pytest.raises(BadSheet, match="no XLSX"):
        grids.read(file.getvalue())


@pytest.mark.parametrize("kind", ["csv", "xlsx", "shared"])
def test_every_mutant_of_a_sheet_is_read_or_refused(kind: str) -> None:
    whole = {"csv": csv_text().encode(), "xlsx": xlsx(HEADER, *LINES), "shared": shared()}[kind]
    dice = random.Random(7)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            place = dice.randrange(len(data))
            match dice.randrange(3):
                case 0:
                    data[place] = dice.randrange(256)
                case 1:
                    del data[place : place + dice.randint(1, 40)]
                case _:
                    data[place:place] = dice.randbytes(dice.randint(1, 5))
            if not data:
                break
        with suppress(BadSheet):
            assert grids.read(bytes(data)).lines


@pytest.mark.parametrize(("number", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")])
def test_columns_are_called_as_spreadsheets_call_them(number: int, name: str) -> None:
    assert grids.column_name(number) == name
