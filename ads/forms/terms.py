"""The terms of a campaign in words: whom it reaches, where and when."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from django.utils import timezone

from ads.models import Campaign, Place
from artists.models import Genre, Language, Mood
from megabox.days import day_of

COUNTRIES: Mapping[str, str] = {
    str(code): str(name) for code, name in Locale("en").territories.items() if re.fullmatch("[A-Z]{2}", str(code))
}
_LABELS: Mapping[str, Any] = {
    **{str(place): place.label for place in Place},
    **dict(Genre.choices),
    **dict(Mood.choices),
    **dict(Language.choices),
}


def in_words(shown: Campaign, zone: str = "UTC") -> dict[str, str]:
    """Whom and where, as pages say it; empty means any."""
    return {
        "places": choices_of(shown.places),
        "genres": choices_of(shown.genres),
        "moods": choices_of(shown.moods),
        "languages": choices_of(shown.languages),
        "countries": country_names(shown.countries),
        "hours": hours_in_words(shown.hours, zone, at=timezone.now()),
    }


def choices_of(values: Sequence[str]) -> str:
    """Labels of places, genres, moods or languages, for pages; a label may have a comma in it."""
    labels = [str(_LABELS.get(value, value)) for value in values]
    return ("; " if any("," in label for label in labels) else ", ").join(labels)


def first_day(campaign: Campaign) -> date:
    """The first UTC day of a campaign."""
    return day_of(campaign.starts_at)


def country_names(codes: list[str]) -> str:
    """Countries as people read and write them."""
    return ", ".join(COUNTRIES.get(code, code) for code in codes)


def hours_in_words(hours: list[int], zone: str = "UTC", *, at: datetime | None = None) -> str:
    """Hours of the UTC day as spans, `18:00 to 24:00 UTC`; with a zone other than UTC what they are there, too."""
    if not hours:
        return ""
    said = ", ".join(f"{first:02}:00 to {last + 1:02}:00" for first, last in _spans(hours)) + " UTC"
    place = _zone(zone)
    if place is None or at is None:
        return said
    starts = [datetime.combine(at.date(), time(first), UTC) for first, _ in _spans(hours)]
    ends = [datetime.combine(at.date(), time(last), UTC) + timedelta(hours=1) for _, last in _spans(hours)]
    there = ", ".join(
        f"{begin.astimezone(place):%H:%M} to {end.astimezone(place):%H:%M}"
        for begin, end in zip(starts, ends, strict=True)
    )
    return f"{said} ({there} in {zone.split('/')[-1].replace('_', ' ')})"


def _spans(hours: list[int]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for hour in sorted(hours):
        if spans and spans[-1][1] == hour - 1:
            spans[-1] = (spans[-1][0], hour)
        else:
            spans.append((hour, hour))
    return spans


def _zone(name: str) -> ZoneInfo | None:
    if name == "UTC":
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None
