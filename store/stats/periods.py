"""The days statistics are about, the days they are compared with, and the pieces a chart of them has."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import TextChoices

MOST_DAYS_DRAWN = 92
"""More days than that are drawn by month."""


class Period(TextChoices):
    """What can be chosen; all of them end today."""

    WEEK = "7", "7 days"
    WEEKS = "28", "28 days"
    QUARTER = "90", "90 days"
    YEAR = "12m", "12 months"
    OWN = "own", "Own days"


class Compare(TextChoices):
    """What the days are compared with."""

    NOTHING = "", "Nothing"
    BEFORE = "before", "The days before"
    YEAR = "year", "The same days a year ago"


@dataclass(frozen=True, slots=True)
class Piece:
    """What one bar of a chart stands for: a day, or those days of a month that were chosen."""

    label: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Window:
    """UTC days, both ends included."""

    since: date
    until: date

    @property
    def length(self) -> int:
        """How many days."""
        return (self.until - self.since).days + 1

    @property
    def is_by_month(self) -> bool:
        """Whether its pieces are months."""
        return self.length > MOST_DAYS_DRAWN

    def pieces(self) -> list[Piece]:
        """Its days, or its months where there are too many days to be told apart."""
        if not self.is_by_month:
            days = (self.since + timedelta(days=n) for n in range(self.length))
            return [Piece(f"{day:%-d %b}", day, day) for day in days]
        found, first = [], self.since
        while first <= self.until:
            last = min(_month_after(first) - timedelta(days=1), self.until)
            found.append(Piece(f"{first:%b %Y}", first, last))
            first = last + timedelta(days=1)
        return found

    def before(self) -> "Compared":
        """As many days, just before."""
        back = timedelta(days=self.length)
        return Compared(Window(self.since - back, self.since - timedelta(days=1)), lambda day: day + back)

    def a_year_ago(self) -> "Compared":
        """The same days of the year before; the 29th of February is compared with the 28th."""
        window = Window(_in_year(self.since, -1), _in_year(self.until, -1))
        return Compared(window, lambda day: max(_in_year(day, 1), self.since))


@dataclass(frozen=True, slots=True)
class Compared:
    """Days to compare with, and which day of the window each of them stands beside."""

    window: Window
    beside: Callable[[date], date]


def chosen(period: Period, today: date) -> Window:
    """The window of a period that ends today; 28 days where own days were not given."""
    if period == Period.YEAR:
        first = today.replace(day=1)
        return Window(_in_year(_month_after(first), -1), today)
    days = 28 if period == Period.OWN else int(period)
    return Window(today - timedelta(days=days - 1), today)


def compared(window: Window, with_what: Compare) -> Compared | None:
    """What `window` is compared with; None for nothing."""
    if with_what == Compare.BEFORE:
        return window.before()
    return window.a_year_ago() if with_what == Compare.YEAR else None


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _in_year(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
