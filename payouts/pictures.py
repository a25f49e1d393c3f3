"""Charts drawn on the server: numbers in, the coordinates of an inline SVG out. The table beside it says the same."""

from collections.abc import Mapping, Sequence
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


def height_of(micros: int, largest: int) -> int:
    """How high `micros` stands where `largest` fills the picture: one unit at least, nothing for zero and below."""
    return max(micros * HEIGHT // largest, 1) if micros > 0 else 0


def bar_chart(amounts: Mapping[str, int]) -> BarChart:
    """Bars for amounts in micros by period; below zero no bar is drawn, the table has the number."""
    largest = max([0, *amounts.values()])
    step = WIDTH // max(len(amounts), 1)
    bars = []
    for index, (label, micros) in enumerate(amounts.items()):
        height = height_of(micros, largest)
        bars.append(Bar(label, micros, index * step + GAP // 2, HEIGHT - height, max(step - GAP, 1), height))
    return BarChart(tuple(bars), largest)


@dataclass(frozen=True, slots=True)
class Group:
    """The bars of one period, side by side."""

    label: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class GroupChart:
    """A picture of several amounts over periods."""

    groups: tuple[Group, ...]
    largest_micros: int
    view_box: str = f"0 0 {WIDTH} {HEIGHT}"
    width: int = WIDTH
    height: int = HEIGHT


def group_chart(names: Sequence[str], amounts: Mapping[str, Sequence[int]]) -> GroupChart:
    """For each period a bar for each name, side by side; amounts in micros, in the order of the names."""
    largest = max([0, *(micros for row in amounts.values() for micros in row)])
    step = WIDTH // max(len(amounts), 1)
    width = max((step - GAP) // max(len(names), 1), 1)
    groups = []
    for index, (period, row) in enumerate(amounts.items()):
        bars = []
        for place, (name, micros) in enumerate(zip(names, row, strict=True)):
            height = height_of(micros, largest)
            x = index * step + GAP // 2 + place * width
            bars.append(Bar(f"{period}, {name}", micros, x, HEIGHT - height, max(width - 1, 1), height))
        groups.append(Group(period, tuple(bars)))
    return GroupChart(tuple(groups), largest)
