"""Charts of statistics, drawn on the server: numbers in, the coordinates of an inline SVG out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

HEIGHT = 120
STEP = 20
GAP = 4
"""Units of the view box: its height, the width of a piece, and what of that stays empty."""

TONES = ("", "chart__bar--second", "chart__bar--third", "chart__bar--rest")
"""How the parts of a bar are told apart, from the ground up; a legend names them."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of every bar: its name, its numbers, and how it is drawn."""

    name: str
    values: Sequence[int]
    tone: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of one bar, in units of the view box."""

    label: str
    x: int
    y: int
    height: int
    tone: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of stacked parts, and the line of what they are compared with (empty for nothing)."""

    bars: Sequence[Bar]
    line: str
    parts: Sequence[Part]
    width: int
    most: int
    most_said: str
    first: str
    last: str
    height: int = HEIGHT
    bar_width: int = STEP - GAP


def draw(
    names: Sequence[str],
    parts: Sequence[tuple[str, Sequence[int]]],
    then: Sequence[int] | None = None,
    *,
    say: Callable[[int], str] = str,
) -> Chart:
    """A bar for each name, of the parts' numbers one on the other; `then` is drawn as a line over them.

    `say` writes a number as people read it. Nothing below zero is drawn.
    """
    drawn = [Part(name, values, tone) for (name, values), tone in zip(parts, TONES, strict=False)]
    wholes = [sum(part.values[n] for part in drawn) for n in range(len(names))]
    most = max([0, *wholes, *(then or ())])
    bars = []
    for n, name in enumerate(names):
        below = 0
        for part in drawn:
            low, high = (HEIGHT * value // max(most, 1) for value in (below, below + part.values[n]))
            below += part.values[n]
            if part.values[n]:
                height = max(high - low, 1)
                label = f"{name}, {part.name}: {say(part.values[n])}"
                bars.append(Bar(label, n * STEP + GAP // 2, HEIGHT - low - height, height, part.tone))
    return Chart(bars, _line(then, most), drawn, STEP * len(names), most, say(most), names[0], names[-1])


def _line(values: Sequence[int] | None, most: int) -> str:
    """Level over each piece, so that even one piece has a line."""
    if values is None or not any(values):
        return ""
    heights = [HEIGHT - HEIGHT * value // max(most, 1) for value in values]
    return " ".join(f"{n * STEP},{y} {(n + 1) * STEP},{y}" for n, y in enumerate(heights))
