"""XLSX (ECMA-376): a zip of XML, unpacked within limits and read as it comes, without document types and entities."""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from xml.parsers import expat

from megabox.grids.grid import MOST_COLUMNS, MOST_LETTERS, PART, BadSheet, column_name, formula

MOST_UNPACKED = 200_000_000
MOST_PARTS = 2_000
MOST_TAGS = 3_000_000
MOST_DEPTH = 100
MOST_TEXT = 2 * MOST_LETTERS
"""Characters between tags, white space and all, whoever needs them."""
MOST_NAMES = 1_000
"""Different words for tags and attributes: the parser keeps each of them."""
MOST_TAG_BYTES = 1_000_000
"""Of one tag or comment, which the parser reads from its beginning again until it has all of it."""
CHUNK_BYTES = 64 * 1024


def rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """The rows of the first sheet that is not hidden, with their numbers. Raises BadSheet."""
    if data.count(b"PK\x01\x02") > MOST_PARTS:  # before anybody holds its table of contents
        raise BadSheet(f"This file has more than {MOST_PARTS} parts inside, as no sheet of albums has. {PART}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as zipped:
            yield from _Workbook(zipped).rows()
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, NotImplementedError, RuntimeError) as fault:
        raise _damaged() from fault
    except (UnicodeError, ValueError, OverflowError) as fault:  # a table of contents that says impossible things
        raise _damaged() from fault


def _too_much() -> BadSheet:
    return BadSheet(f"This file unpacks to more than any sheet of albums does. {PART}")


def _damaged() -> BadSheet:
    return BadSheet("This XLSX file is damaged or cut off. Open it in your spreadsheet and save it again, or as CSV.")


_MAIN = "xl/workbook.xml"
_DATES = frozenset((*range(14, 18), 22, *range(27, 37), 45, 46, 47, *range(50, 59)))
"""Numbers of the built-in formats that show a day (ECMA-376, 18.8.30)."""
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_NO_LETTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


class _Workbook:
    """The parts of an XLSX, read one after the other."""

    def __init__(self, zipped: zipfile.ZipFile) -> None:
        self.zip = zipped
        self.unpacked = 0
        names = zipped.namelist()
        if _MAIN not in names:
            raise BadSheet("This zip is no XLSX sheet. Save the sheet as “Excel Workbook (.xlsx)” or as CSV.")
        if any(zipped.getinfo(name).flag_bits & 1 for name in names):
            raise BadSheet("This sheet has a password. Save it without one.")

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows of the first sheet that is not hidden."""
        path, is_1904 = self._first_sheet()
        names = set(self.zip.namelist())
        strings = self._strings() if "xl/sharedStrings.xml" in names else []
        dates = self._date_styles() if "xl/styles.xml" in names else frozenset()
        sheet = _SheetReader(strings, dates, date(1904, 1, 1) if is_1904 else date(1899, 12, 30))
        for chunk in self._chunks(path):
            sheet.feed(chunk)
            yield from sheet.taken()
        sheet.close()
        yield from sheet.taken()

    def _chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a part, as they are unpacked; what unpacks to too much is refused."""
        try:
            info = self.zip.getinfo(name)
        except KeyError:
            raise _damaged() from None
        # What spreadsheets are made with; the others may ask for gigabytes of memory to unpack a few bytes.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _damaged()
        with self.zip.open(info) as part:
            while chunk := part.read(CHUNK_BYTES):
                self.unpacked += len(chunk)
                if self.unpacked > MOST_UNPACKED:
                    raise BadSheet(
                        f"This file unpacks to more than {MOST_UNPACKED // 1_000_000} MB, as no sheet of albums does. "
                        f"{PART}"
                    )
                yield chunk

    def _parse(self, name: str, start: "Start", end: "End | None" = None, text: "Text | None" = None) -> None:
        parser = _Parser(start, end, text)
        for chunk in self._chunks(name):
            parser.feed(chunk)
        parser.close()

    def _first_sheet(self) -> tuple[str, bool]:
        found: list[str] = []
        is_1904 = False

        def sheet(tag: str, said: dict[str, str]) -> None:
            nonlocal is_1904
            if tag == "workbookPr":
                is_1904 = said.get("date1904") in ("1", "true")
            if tag == "sheet" and said.get("state", "visible") == "visible":
                found.extend(value for key, value in said.items() if key.rpartition(":")[2] == "id")

        targets: dict[str, str] = {}

        def relation(tag: str, said: dict[str, str]) -> None:
            if tag == "Relationship":
                targets[said.get("Id", "")] = said.get("Target", "")

        self._parse(_MAIN, sheet)
        self._parse("xl/_rels/workbook.xml.rels", relation)
        if not found or found[0] not in targets:
            raise _damaged()
        target = targets[found[0]]
        return (target[1:] if target.startswith("/") else f"xl/{target}"), is_1904

    def _strings(self) -> list[str]:
        strings: list[str] = []
        held: list[str] = []
        is_text = is_spoken = False

        def start(tag: str, _: dict[str, str]) -> None:
            nonlocal is_text, is_spoken
            is_spoken = is_spoken or tag == "rPh"  # how it is pronounced is written beside it
            is_text = tag == "t" and not is_spoken

        def end(tag: str) -> None:
            nonlocal is_text, is_spoken
            is_text = False
            if tag == "rPh":
                is_spoken = False
            elif tag == "si":
                strings.append(_unescaped("".join(held)))
                held.clear()

        def text(letters: str) -> None:
            if is_text:
                held.append(letters)

        self._parse("xl/sharedStrings.xml", start, end, text)
        return strings

    def _date_styles(self) -> frozenset[int]:
        """The styles of cells that show a number as a day."""
        own: set[int] = set()
        styles: list[int] = []
        is_inside = False

        def start(tag: str, said: dict[str, str]) -> None:
            nonlocal is_inside
            if tag == "numFmt" and _shows_a_day(said.get("formatCode", "")):
                own.add(int(said.get("numFmtId", "0")))
            elif tag == "cellXfs":
                is_inside = True
            elif tag == "xf" and is_inside:
                styles.append(int(said.get("numFmtId", "0")))

        def end(tag: str) -> None:
            nonlocal is_inside
            if tag == "cellXfs":
                is_inside = False

        self._parse("xl/styles.xml", start, end)
        return frozenset(place for place, number in enumerate(styles) if number in _DATES or number in own)


class _SheetReader:
    """Cells of one sheet, as its XML comes."""

    def __init__(self, strings: list[str], dates: frozenset[int], epoch: date) -> None:
        self._strings, self._dates, self._epoch = strings, dates, epoch
        self._rows: list[tuple[int, list[str]]] = []
        self._row: list[str] = []
        self._number = self._column = 0
        self._kind, self._is_date, self._is_text = "", False, False
        self._held: list[str] = []
        parser = _Parser(self._start, self._end, self._text)
        self.feed, self.close = parser.feed, parser.close

    def taken(self) -> list[tuple[int, list[str]]]:
        """The rows that are whole since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def _start(self, tag: str, said: dict[str, str]) -> None:
        if tag == "row":
            told = said.get("r", "")
            self._number = int(told) if told.isdecimal() and len(told) < 8 else self._number + 1
            self._row, self._column = [], 0
        elif tag == "c":
            place = _REFERENCE.fullmatch(said.get("r", ""))
            if place:
                self._column = _number_of(place[1])
            if self._column >= MOST_COLUMNS:
                raise BadSheet(f"Row {self._number} has more than {MOST_COLUMNS} columns. {PART}")
            style = said.get("s", "")
            self._kind, self._held = said.get("t", "n"), []
            self._is_date = style.isdecimal() and len(style) < 8 and int(style) in self._dates
        elif tag == "f":
            raise formula(
                self._column, self._number, "Save the sheet as CSV, which holds what they say, and choose that."
            )
        self._is_text = tag in ("v", "t")

    def _end(self, tag: str) -> None:
        self._is_text = False
        if tag == "c":
            text = self._value("".join(self._held))
            if text:
                self._row.extend([""] * (self._column + 1 - len(self._row)))
                self._row[self._column] = text
            self._column += 1
        elif tag == "row" and self._row:
            self._rows.append((self._number, self._row))
            self._row = []

    def _text(self, letters: str) -> None:
        if self._is_text:
            self._held.append(letters)

    def _value(self, raw: str) -> str:
        if self._kind == "s":
            place = int(raw) if raw.isdecimal() and len(raw) < 9 else len(self._strings)
            if place >= len(self._strings):
                raise _damaged()
            return self._strings[place]
        if self._kind == "e":
            where = f"{column_name(self._column)}{self._number}"
            raise BadSheet(
                f"Cell {where} holds the error {raw[:20]}. Put it right in your spreadsheet and save it again."
            )
        if self._kind == "b":
            return "yes" if raw == "1" else "no"
        if self._kind == "d":
            return raw[:10]
        if self._kind != "n":
            return _unescaped(raw)
        return self._day(raw) if self._is_date else _plain(raw)

    def _day(self, raw: str) -> str:
        try:
            # No Decimal: of 1E999999999 that would write out every digit.
            return (self._epoch + timedelta(days=int(float(raw)))).isoformat()
        except (OverflowError, ValueError):
            return raw


Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


def _nothing(_: str) -> None:
    """What is not looked at."""


class _Parser:
    """Tells tags without their prefix and text, refuses document types, and stops at what would take for ever."""

    def __init__(self, start: Start, end: End | None, text: Text | None) -> None:
        self._tell_start, self._tell_end, self._tell_text = start, end or _nothing, text or _nothing
        self._fed = self._depth = self._tags = self._letters = 0
        self._names: dict[str, str] = {}
        self._expat = expat.ParserCreate(None, None, self._names)
        self._expat.buffer_text = True
        self._expat.StartDoctypeDeclHandler = self._doctype
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        if text:
            self._expat.CharacterDataHandler = self._text

    def feed(self, chunk: bytes) -> None:
        """More of the XML."""
        self._expat.Parse(chunk, False)
        self._fed += len(chunk)
        if self._fed - self._expat.CurrentByteIndex > MOST_TAG_BYTES:
            raise _too_much()

    def close(self) -> None:
        """That was all."""
        self._expat.Parse(b"", True)

    def _doctype(self, *_: object) -> None:
        raise _damaged()

    def _start(self, tag: str, said: dict[str, str]) -> None:
        self._depth += 1
        self._tags += 1
        if self._tags > MOST_TAGS or self._depth > MOST_DEPTH or len(self._names) > MOST_NAMES:
            raise _too_much()
        self._tell_start(tag.rpartition(":")[2], said)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self._tell_end(tag.rpartition(":")[2])

    def _text(self, letters: str) -> None:
        self._letters += len(letters)
        if self._letters > MOST_TEXT:
            raise _too_much()
        self._tell_text(letters)


def _shows_a_day(code: str) -> bool:
    bare = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", code.lower())
    return "y" in bare or "d" in bare


def _number_of(letters: str) -> int:
    """The number of a column, counted from 0, by its letters."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _plain(raw: str) -> str:
    """A number as people write it: a spreadsheet keeps 15 digits, and writes more."""
    if not re.fullmatch(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", raw):
        return raw
    return f"{Decimal(f'{float(raw):.15g}'):f}"


def _unescaped(text: str) -> str:
    """Letters that XML cannot hold are written by their numbers; those that are no letters are left out."""
    told = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text
    return _NO_LETTERS.sub("", told)
