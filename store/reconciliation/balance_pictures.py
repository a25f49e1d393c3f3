"""Stripe's balance and ours over time, drawn on the server; the table beside it says the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from payouts.pictures import GAP, HEIGHT, WIDTH, height_of
from store.models import BalanceCheck

DAYS = 30


@dataclass(frozen=True, slots=True)
class Point:
    """The last check of a day: a bar for Stripe's balance, a mark for ours; below zero nothing is drawn."""

    check: BalanceCheck
    x: int
    width: int
    height: int
    y: int
    mark: int | None


@dataclass(frozen=True, slots=True)
class BalanceChart:
    """A picture of the checks of one unit."""

    unit: str
    points: tuple[Point, ...]
    largest_micros: int
    view_box: str = f"0 0 {WIDTH} {HEIGHT}"
    width: int = WIDTH
    height: int = HEIGHT


def over_time(unit: str, *, until: datetime) -> BalanceChart:
    """The last check of each of the last days."""
    found = BalanceCheck.objects.filter(unit=unit, at__gt=until - timedelta(days=DAYS), at__lte=until).order_by("at")
    by_day = {check.at.date(): check for check in found}
    return draw(unit, list(by_day.values()))


def draw(unit: str, checks: Sequence[BalanceCheck]) -> BalanceChart:
    """The picture of these checks, oldest first."""
    largest = max([0, *(max(check.stripe_micros, check.ledger_micros) for check in checks)])
    step = min(WIDTH // max(len(checks), 1), WIDTH // 6)  # a single day is no wall
    points = []
    for index, check in enumerate(checks):
        height = height_of(check.stripe_micros, largest)
        mark = HEIGHT - height_of(check.ledger_micros, largest) if check.ledger_micros > 0 else None
        points.append(Point(check, index * step + GAP // 2, max(step - GAP, 1), height, HEIGHT - height, mark))
    return BalanceChart(unit, tuple(points), largest)
