"""Charts drawn on the server: numbers in, the coordinates of an inline SVG out. The table beside it says the same."""

from collections.abc import Mapping
from dataclasses import dataclass

WIDTH, HEIGHT, FOOT, GAP = 720, 200, 24, 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in the picture's own units."""

    label: str
    micros: int
    x: int
    y: int
    width: int
    height: int
    middle: int


@dataclass(frozen=True, slots=True)
class BarChart:
    """A picture of amounts over periods."""

    bars: tuple[Bar, ...]
    largest_micros: int
    view_box: str = f"0 0 {WIDTH} {HEIGHT}"
    floor: int = HEIGHT - FOOT
    label_y: int = HEIGHT - 6
    width: int = WIDTH


def bar_chart(amounts: Mapping[str, int]) -> BarChart:
    """Bars for amounts in micros by period; below zero no bar is drawn, the table has the number."""
    largest = max(amounts.values(), default=0)
    step = WIDTH // max(len(amounts), 1)
    tallest = HEIGHT - FOOT
    bars = []
    for index, (label, micros) in enumerate(amounts.items()):
        # A bar is drawn as soon as there is anything: one unit high at least.
        height = max(micros * (tallest - 16) // largest, 1) if micros > 0 else 0
        x = index * step + GAP // 2
        bars.append(Bar(label, micros, x, tallest - height, max(step - GAP, 1), height, x + (step - GAP) // 2))
    return BarChart(tuple(bars), max(largest, 0))
