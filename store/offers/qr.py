"""QR codes as the path of an SVG, for what is printed: black squares, one after the other, in runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

QUIET = 4
"""Empty modules around it, which cameras need."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A QR code: `size` modules wide and high, its quiet zone included, and the path of what is black."""

    size: int
    path: str


def draw(text: str) -> Drawing:
    """`text` as a QR code that a seventh of may be dirt."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=QUIET)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    return Drawing(len(rows), "".join(_runs(rows)))


def _runs(rows: Sequence[Sequence[bool]]) -> Iterator[str]:
    for y, row in enumerate(rows):
        x = 0
        for is_black, run in groupby(row):
            length = len(list(run))
            if is_black:
                yield f"M{x} {y}h{length}v1h-{length}z"
            x += length
