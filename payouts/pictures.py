"""Charts drawn on the server: numbers in, the coordinates of an inline SVG out. The table beside it says the same."""

from collections.abc import Mapping
from dataclasses import dataclass

WIDTH, HEIGHT, GAP = 720, 160, 8


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in the picture's own units."""

    label: str
    micros: int
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class BarChart:
    """A picture of amounts over periods."""

    bars: tuple[Bar, ...]
    largest_micros: int
    view_box: str = f"0 0 {WIDTH} {HEIGHT}"
    width: int = WIDTH
    height: int = HEIGHT


def bar_chart(amounts: Mapping[str, int]) -> BarChart:
    """Bars for amounts in micros by period; below zero no bar is drawn, the table has the number."""
    largest = max([0, *amounts.values()])
    step = WIDTH // max(len(amounts), 1)
    bars = []
    for index, (label, micros) in enumerate(amounts.items()):
        # A bar is drawn as soon as there is anything: one unit high at least.
        height = max(micros * HEIGHT // largest, 1) if micros > 0 else 0
        bars.append(Bar(label, micros, index * step + GAP // 2, HEIGHT - height, max(step - GAP, 1), height))
    return BarChart(tuple(bars), largest)
