"""UTC days and hours: what is counted, capped, booked and shown goes by them, wherever somebody lives."""

from datetime import UTC, date, datetime, time


def day_of(at: datetime) -> date:
    """The UTC day of a moment."""
    return at.astimezone(UTC).date()


def hour_of(at: datetime) -> datetime:
    """The beginning of the UTC hour of a moment."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def midnight(day: date) -> datetime:
    """The moment a UTC day begins."""
    return datetime.combine(day, time.min, UTC)
