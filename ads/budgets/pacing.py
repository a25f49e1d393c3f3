"""Pacing: campaigns that want to be shown evenly take more or fewer of their chances, a tenth at a time each minute.

What a campaign has spent of its budget, and today of its day's cap, is compared with how much of its time has passed.
Ahead of its time it takes a tenth fewer chances, behind it a tenth more. A new campaign begins with as many as it needs
to spend the first minute's part of its money, if as much is asked for at its places as in the last hours.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.db.models import Sum

from ads.models import WHOLE_PERMILLE, AskedHour, Campaign, CampaignDay
from megabox.days import day_of, hour_of, midnight

LEAST_PERMILLE = 1
"""Even the slowest campaign takes some chances, so that it notices when there are fewer of them."""
FIRST_LEAST_PERMILLE = 5
"""A new campaign begins with so many at least, however little it wants of much: chance must not miss it for long."""
STEP_PERCENT = 10
ASKED_HOURS = 3
"""So many whole hours before this one, and this one so far, say how much is asked for."""
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


def step(at: datetime) -> int:
    """Move every live EVEN campaign's part of its chances by a tenth; return how many moved. Once a minute.

    Those that begin within the hour are given what they begin with.
    """
    even = Campaign.objects.paid().live().filter(pacing=Campaign.Pacing.EVEN, starts_at__lte=at + _HOUR)
    campaigns = list(even.order_by("pk"))
    soon = [campaign for campaign in campaigns if campaign.starts_at > at]
    asked = asked_lately(at) if soon else {}
    days = CampaignDay.objects.filter(day=day_of(at), campaign__in=campaigns)
    spent_today = dict(days.values_list("campaign", "spent_micros"))
    moved = []
    for campaign in campaigns:
        permille = first(campaign, asked, at) if campaign.starts_at > at else paced(campaign, spent_today, at)
        if permille != campaign.pass_permille:
            campaign.pass_permille = permille
            moved.append(campaign)
    Campaign.objects.bulk_update(moved, ["pass_permille"], batch_size=500)
    return len(moved)


def asked_lately(at: datetime) -> dict[str, float]:
    """How often an ad was asked for in a minute at each place, on average of the last hours."""
    since = hour_of(at) - ASKED_HOURS * _HOUR
    rows = AskedHour.objects.filter(hour__gte=since, hour__lte=at).order_by().values_list("place")
    minutes = (at - since) / timedelta(minutes=1)
    return {place: n / minutes for place, n in rows.annotate(n=Sum("asked"))}


def first(campaign: Campaign, asked: Mapping[str, float], at: datetime) -> int:
    """The chances of 1 000 that a campaign begins with at `at`, or when it starts if that is later.

    As many as spend a minute's part of its money where ads are asked for so often a minute at each place; all of them
    where nothing was asked for lately, because then nobody knows.
    """
    begins = max(at, campaign.starts_at)
    due = [micros / ((ends - begins) / timedelta(minutes=1)) for _, micros, _, ends in _lines(campaign, begins)]
    asked_there = sum(asked.get(place, 0) for place in set(campaign.places))
    if campaign.pacing != Campaign.Pacing.EVEN or not due or not asked_there:
        return WHOLE_PERMILLE
    permille = math.ceil(WHOLE_PERMILLE * min(due) / (campaign.price_micros * asked_there))
    return max(FIRST_LEAST_PERMILLE, min(WHOLE_PERMILLE, permille))


def paced(campaign: Campaign, spent_today: Mapping[int, int], at: datetime) -> int:
    """The chances of 1 000 that a campaign takes from `at` on; all of them if nothing says when it should end."""
    ahead = _ahead(campaign, spent_today.get(campaign.pk, 0), at)
    if campaign.pacing != Campaign.Pacing.EVEN or ahead is None:
        return WHOLE_PERMILLE
    if not ahead:
        return min(WHOLE_PERMILLE, -(-campaign.pass_permille * (100 + STEP_PERCENT) // 100))
    return max(LEAST_PERMILLE, campaign.pass_permille * (100 - STEP_PERCENT) // 100)


def _ahead(campaign: Campaign, spent_today: int, at: datetime) -> bool | None:
    """Whether it has spent more of its budget or its day's cap than of their time; None when neither has a time."""
    spent = (spent_today, campaign.spent_micros)
    said = [
        spent[is_budget] * (ends - begins) > micros * (at - begins)
        for is_budget, micros, begins, ends in _lines(campaign, at)
    ]
    return any(said) if said else None


def _lines(campaign: Campaign, at: datetime) -> Iterator[tuple[bool, int, datetime, datetime]]:
    """Along which lines the campaign spends evenly: of its budget or not, micros, from when, and until when.

    A campaign begins when its time has come and it went live; on its first day its day's cap begins with it.
    """
    begins = max(campaign.starts_at, campaign.went_live_at or campaign.starts_at)
    if campaign.ends_at is not None and campaign.budget_micros:
        yield True, campaign.budget_micros, begins, campaign.ends_at
    if campaign.daily_cap_micros is not None:
        today = midnight(day_of(at))
        yield False, campaign.daily_cap_micros, max(begins, today), today + _DAY
