"""A statement as PDF: what a payee files. The same statement, number and time give the same bytes.

The font (DejaVu Sans Condensed, in payouts/fonts with its licence) has Latin, Greek, Cyrillic, Armenian, Georgian,
Hebrew and Arabic letters; only the letters used are embedded. A letter it does not have is printed as a box, and the
last page says that the CSV and XLSX files have every letter.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import TTFFont

from megabox import money
from megabox.sheets import percent
from payouts.statements import Line, Statement

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every table of every font it embeds

FONTS = Path(__file__).parent / "fonts" / "dejavu-sans-condensed@2.37"
MISSING = "\u25af"
"""Stands for a letter that the font does not have."""

INK, GREY, LINE, BRAND = (11, 10, 10), (110, 104, 100), (205, 200, 196), (217, 29, 18)
MARGIN, ROW, HEAD = 12, 5.2, 6
WIDE = 297 - 2 * MARGIN

COLUMNS: Sequence[tuple[str, float, str]] = (
    ("Date", 18, "L"),
    ("What", 55, "L"),
    ("ISRC or UPC", 21, "L"),
    ("Country", 11, "L"),
    ("Qty", 10, "R"),
    ("Price", 18, "R"),
    ("Tax", 15, "R"),
    ("Rule", 30, "L"),
    ("Artists' share", 20, "R"),
    ("My split", 13, "R"),
    ("Amount", 24, "R"),
    ("State", 38, "L"),
)


def render(statement: Statement, *, number: str, issued_at: datetime, corrects: str = "") -> bytes:
    """The statement as the bytes of a PDF, landscape A4."""
    page = _Paper(number, issued_at)
    _head(page, statement, corrects)
    _sums(page, statement)
    _lines(page, statement)
    if page.is_incomplete:
        page.set_text_color(*GREY)
        page.multi_cell(
            WIDE, 4, page.known(f"{MISSING} stands for a letter this font does not have. CSV and XLSX have it.")
        )
    return bytes(page.output())


class _Paper(FPDF):
    """A sheet with our font, a foot with the number of the statement, and nothing that changes by itself."""

    def __init__(self, number: str, issued_at: datetime) -> None:
        super().__init__(orientation="landscape", format="A4")
        self.number, self.is_incomplete = number, False
        self.add_font("text", "", FONTS / "DejaVuSansCondensed.ttf")
        self.add_font("text", "B", FONTS / "DejaVuSansCondensed-Bold.ttf")
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, margin=16)
        self.set_creation_date(issued_at.astimezone(UTC))
        self.set_title(f"Statement {number}")
        self.set_creator("Megabox")
        self.set_lang("en")
        self.alias_nb_pages()
        self.add_page()

    def footer(self) -> None:
        """The number and the page."""
        self.set_y(-11)
        self.set_font("text", "", 7)
        self.set_text_color(*GREY)
        self.cell(WIDE / 2, 4, f"Statement {self.number}")
        self.cell(WIDE / 2, 4, f"Page {self.page_no()} of {{nb}}", align="R")

    def known(self, text: str) -> str:
        """The text with a box for each letter that the font does not have."""
        font = self.fonts["text"]
        assert isinstance(font, TTFFont)
        written = "".join(letter if ord(letter) in font.cmap else MISSING for letter in text)
        self.is_incomplete |= written != text
        return written

    def fitted(self, text: str, width: float) -> str:
        """As much of the text as the width holds."""
        written = self.known(text)
        if self.get_string_width(written) <= width - 2:
            return written
        while written and self.get_string_width(f"{written}…") > width - 2:
            written = written[:-1]
        return f"{written}…"


def _head(page: _Paper, statement: Statement, corrects: str) -> None:
    page.set_fill_color(*BRAND)
    page.rect(0, 0, 297, 4, style="F")
    page.set_y(MARGIN)
    page.set_text_color(*INK)
    page.set_font("text", "B", 20)
    page.cell(WIDE / 2, 10, f"Statement {statement.since:%B %Y}")
    page.set_font("text", "B", 12)
    page.cell(WIDE / 2, 10, "Megabox", align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_font("text", "B", 11)
    page.cell(WIDE / 2, 6, page.fitted(statement.payee.name, WIDE / 2))
    page.set_font("text", "", 8)
    page.set_text_color(*GREY)
    right = [f"Number {page.number}", f"Issued {page.creation_date:%Y-%m-%d}; states of that day, all times in UTC"]
    if corrects:
        right.append(f"Corrects {corrects}")
    for text in right:
        page.set_x(MARGIN + WIDE / 2)
        page.cell(WIDE / 2, 4.2, text, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(3)


def _sums(page: _Paper, statement: Statement) -> None:
    """From the opening to the closing balance, and beside it where the closing balance is."""
    unit, closing = statement.unit, statement.closing
    movement = [
        ("Opening balance", statement.opening.total, True),
        ("Earned", statement.earnings, False),
        ("Taken back", statement.reversals, False),
        *([("Adjustments", statement.adjustments, False)] if statement.adjustments else []),
        ("Tax withheld", statement.withheld, False),
        ("Paid out", statement.paid, False),
        ("Closing balance", closing.total, True),
    ]
    places = [
        ("Can be paid out", closing.payable, False),
        ("Being checked (pending)", closing.pending, False),
        ("On hold", closing.hold, False),
        ("On its way", closing.transit, False),
        ("Owed back", -closing.owed, False),
        ("Closing balance", closing.total, True),
    ]
    top = page.get_y()
    ends = []
    for left, heading, rows in (
        (MARGIN, f"What moved, in {unit}", movement),
        (MARGIN + WIDE / 2 + 6, "Where the closing balance is", places),
    ):
        page.set_xy(left, top)
        page.set_font("text", "B", 9)
        page.set_text_color(*INK)
        page.cell(WIDE / 2 - 6, 6, heading)
        page.set_y(top + 6)
        for label, micros, is_sum in rows:
            page.set_x(left)
            page.set_font("text", "B" if is_sum else "", 9)
            page.set_draw_color(*LINE)
            page.cell(70, 5.6, label, border="T")
            page.cell(WIDE / 2 - 76, 5.6, money.display_exact(micros, unit), border="T", align="R")
            page.ln()
        ends.append(page.get_y())
    page.set_y(max(ends) + 6)


def _lines(page: _Paper, statement: Statement) -> None:
    """Every line; the head of the table again on every page."""
    _table_head(page)
    count = 0
    for line in statement.lines:
        if page.get_y() + ROW > page.page_break_trigger:
            page.add_page()
            _table_head(page)
        _row(page, line)
        count += 1
    page.set_draw_color(*INK)
    page.line(MARGIN, page.get_y(), MARGIN + WIDE, page.get_y())
    page.set_font("text", "B", 7.5)
    page.set_text_color(*INK)
    moved = statement.closing.total - statement.opening.total
    amount = sum(width for _, width, _ in COLUMNS[:10])
    page.cell(amount, ROW + 1, f"{count} lines" if count else "Nothing moved in this month.")
    page.cell(COLUMNS[10][1], ROW + 1, money.display_exact(moved, statement.unit), align="R")
    page.ln(10)


def _table_head(page: _Paper) -> None:
    page.set_font("text", "B", 7)
    page.set_text_color(*GREY)
    page.set_draw_color(*INK)
    for title, width, align in COLUMNS:
        page.cell(width, HEAD, title, border="B", align=align)
    page.ln()


def _row(page: _Paper, line: Line) -> None:
    page.set_font("text", "", 7)
    page.set_text_color(*INK)
    page.set_draw_color(*LINE)
    unit = line.unit
    album = f" · {line.album}" if line.album else ""
    way = "" if line.way == "ads" else f"{line.way}: "
    cells = (
        f"{line.occurred_at.astimezone(UTC):%Y-%m-%d}",
        f"{way}{line.title}{album}",
        line.isrc,
        line.country,
        "" if line.quantity is None else str(line.quantity),
        _amount(line.price_micros, unit),
        _amount(line.tax_micros, unit),
        line.rule,
        _amount(line.share_micros, unit),
        "" if line.split_basis_points is None else f"{percent(line.split_basis_points)} %",
        money.display_exact(line.amount, unit),
        line.state,
    )
    for text, (_, width, align) in zip(cells, COLUMNS, strict=True):
        page.cell(width, ROW, page.fitted(text, width), border="B", align=align)
    page.ln()


def _amount(micros: int | None, unit: str) -> str:
    return "" if micros is None else money.display_exact(micros, unit)
