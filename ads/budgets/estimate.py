"""What a budget buys, in sentences, from what the places really showed in the last week. No promise is made of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db.models import Sum

from ads.models import AskedHour, Campaign, ServedHour
from megabox import money
from megabox.days import day_of, midnight

DAYS = 7
"""Whole UTC days before today that are counted."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an estimate is made of: amounts in micros, days in UTC, the last day included."""

    cpm_micros: int
    budget_micros: int
    daily_cap_micros: int | None
    starts_on: date
    ends_on: date | None
    places: Sequence[str]

    @property
    def price_micros(self) -> int:
        return self.cpm_micros // 1000

    @property
    def views(self) -> int:
        """How many views the budget pays."""
        return self.budget_micros // self.price_micros if self.price_micros else 0

    @property
    def most_a_day(self) -> int | None:
        """How many views a day its cap allows."""
        return None if self.daily_cap_micros is None else self.daily_cap_micros // max(1, self.price_micros)


def terms_of(campaign: Campaign) -> Terms:
    """The terms of a campaign as it stands; what it spent already is not counted again."""
    return Terms(
        cpm_micros=campaign.cpm_micros,
        budget_micros=campaign.remaining_micros,
        daily_cap_micros=campaign.daily_cap_micros,
        starts_on=day_of(campaign.starts_at),
        ends_on=campaign.last_day,
        places=campaign.places,
    )


def chances_a_day(places: Collection[str], today: date) -> int:
    """How many ads a day these places had room for, on average of the last whole days.

    Counted is how often an ad was asked for there; where that was not counted yet, how many were served.
    """
    until = midnight(today)
    within = {"place__in": list(places), "hour__gte": until - timedelta(days=DAYS), "hour__lt": until}
    asked = AskedHour.objects.filter(**within).aggregate(n=Sum("asked"))["n"] or 0
    served = ServedHour.objects.filter(**within).aggregate(n=Sum("count"))["n"] or 0
    return max(asked, served) // DAYS


def sentences(terms: Terms, a_day: int, today: date) -> list[str]:
    """What the terms come to, the sum first: whole views, days, and what may be left over."""
    unit = settings.ADS_CURRENCY
    cpm = money.display(terms.cpm_micros, unit)
    if not terms.budget_micros:
        return [f"At {cpm} for 1 000 views, each view costs {money.display_exact(terms.price_micros, unit)}."]
    budget = money.display(terms.budget_micros, unit)
    said = [f"{budget} at {cpm} for 1 000 views = {number(terms.views)} views."]
    if not terms.places:
        return said
    if not a_day:
        said.append(
            f"Nothing was asked for at these places in the last {DAYS} days, so nobody can say how long it lasts."
        )
    else:
        said.append(_lasts(terms, a_day))
    if (most := terms.most_a_day) is not None:
        said.append(f"Your daily limit pays at most {number(most)} views a day.")
    if terms.ends_on and a_day:
        said.append(_until_the_end(terms, a_day, today))
    return said


def number(n: int) -> str:
    """A whole number with thin spaces between thousands, as pages write it."""
    return f"{n:,}".replace(",", "\u202f")


def _lasts(terms: Terms, a_day: int) -> str:
    days = -(-terms.views // _pace(terms, a_day))
    length = "less than a day" if terms.views < a_day and days <= 1 else f"about {number(days)} day{'s' * (days != 1)}"
    return (
        f"These places have room for about {number(a_day)} ads a day, so that is {length} of it. "
        "The less music and fewer people you choose, the longer it takes."
    )


def _until_the_end(terms: Terms, a_day: int, today: date) -> str:
    assert terms.ends_on is not None
    days = (terms.ends_on - max(terms.starts_on, today)).days + 1
    if days < 1:
        return "Its last day is over."
    reach = _pace(terms, a_day) * days
    if reach >= terms.views:
        each = -(-terms.views // days)
        return f"Spread over its {number(days)} day{'s' * (days != 1)} that is {number(each)} views a day."
    left = money.display((terms.views - reach) * terms.price_micros, settings.ADS_CURRENCY)
    return (
        f"In its {number(days)} day{'s' * (days != 1)} these places have room for about {number(reach)} views: "
        f"about {left} would be left, and stay yours."
    )


def _pace(terms: Terms, a_day: int) -> int:
    most = terms.most_a_day
    return max(1, a_day if most is None else min(a_day, most))
