"""UTC days and hours: those of a moment, and the moment one begins."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from megabox.days import day_of, hour_of, midnight


def test_a_day_begins_at_midnight_utc() -> None:
    assert midnight(date(2026, 12, 24)) == datetime(2026, 12, 24, tzinfo=UTC)


def test_the_day_of_a_moment_is_the_one_in_utc_wherever_it_was_written_down() -> None:
    late = datetime(2026, 12, 24, 23, 30, tzinfo=ZoneInfo("America/New_York"))
    assert day_of(late) == date(2026, 12, 25)
    assert day_of(midnight(date(2026, 12, 24))) == date(2026, 12, 24)


def test_the_hour_of_a_moment_is_the_one_in_utc_wherever_it_was_written_down() -> None:
    late = datetime(2026, 12, 24, 23, 40, 5, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert hour_of(late) == datetime(2026, 12, 24, 18, tzinfo=UTC)
