"""One measured figure beside its limit, and how a list of them is printed and kept."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """`value` and `limit` are in `unit`, measured in turn in the same run; `goal` is what `ratio` must reach.

    `ratio` is value / limit. For rates (`is_rate`) more is better, for times and bytes less is.
    """

    name: str
    value: float
    unit: str
    limit: float
    goal: float
    is_rate: bool = True

    @property
    def ratio(self) -> float:
        return self.value / self.limit

    @property
    def met(self) -> bool:
        return self.ratio >= self.goal if self.is_rate else self.ratio <= self.goal

    def as_row(self) -> dict[str, object]:
        """The figure as `var/bench.json` keeps it."""
        row = asdict(self) | {"ratio": round(self.ratio, 4), "met": self.met}
        del row["is_rate"]
        return row


SIZE = float(os.environ.get("BENCH_SIZE", "1"))
"""Below 1 for a quick look: so much of the rows. The goals are meant for 1."""


def scaled(rows: int) -> int:
    """So many rows, or the part of them that BENCH_SIZE asks for."""
    return max(1, int(rows * SIZE))


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes, in seconds of the wall clock."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turn(ours: Callable[[], float], limit: Callable[[], float], *, rounds: int = 3) -> tuple[float, float]:
    """`ours` and `limit` of the middle pair by their ratio, measured A B A B ..., so that a machine that drifts drifts
    for both, and what disturbs one moment disturbs one pair.
    """
    pairs = [(ours(), limit()) for _ in range(rounds)]
    return sorted(pairs, key=lambda pair: pair[0] / (pair[1] or 1))[rounds // 2]


def show(figures: list[Figure]) -> str:
    """The table people read."""
    lines = [f"{'figure':58} {'value':>12} {'limit':>12} {'unit':10} {'ratio':>8} {'goal':>8}"]
    for one in figures:
        sign = ">=" if one.is_rate else "<="
        lines.append(
            f"{one.name:58} {one.value:12,.1f} {one.limit:12,.1f} {one.unit:10} {one.ratio:8.3f} "
            f"{sign}{one.goal:6g}  {'met' if one.met else 'NOT met'}"
        )
    return "\n".join(lines)


def keep(figures: list[Figure], path: Path) -> None:
    """Write `path`, a JSON list of {name, value, unit, limit, ratio, goal, met}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([one.as_row() for one in figures], indent=2) + "\n")
