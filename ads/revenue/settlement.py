"""Settlement: from billable impressions to group rows to postings, hourly, and the closing of each UTC day.

Frozen prices are only summed, in one pass over the views that are new (`ads.revenue.due`). Views are billed by their
place in a line (`ads.measurement.line`), so nothing is written on them, and groups move with their entries
(`ads.revenue.billing`). So repeating, killing or running it twice at once changes nothing, and any cent can be followed
down to impressions and up again. The cost grows with the number of groups and of new impressions.

Source: docs/money.md, "Ad revenue".
"""

import logging
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F, Min

from ads.measurement import consumer, line, stream
from ads.models import BookDay, CampaignDay, Impression, Settlement
from ads.revenue import billing, due
from ads.revenue.due import Due
from ads.tokens import LIFETIME_SECONDS
from ads.traffic import spikes
from ledger import months
from ledger.models import Entry
from megabox.days import day_of, midnight

FINAL_AFTER_DAYS = 7
"""So long a closed day can still be reviewed for invalid traffic."""

log = logging.getLogger(__name__)


class DayStillOpen(Exception):
    """Impressions of the day can still come, so its book cannot be closed."""

    def __init__(self, day: date, sentence: str = "") -> None:
        super().__init__(sentence or f"The book of {day} cannot be closed before {closes_at(day):%Y-%m-%d %H:%M} UTC.")


def settle_due(now: datetime) -> int:
    """Post what is billable and not yet posted of every UTC day, in whole micros; return how many entries are new.

    Safe to repeat and to kill: a group's `posted_micros` moves in the transaction of its entry. A view of a day that
    is final is not lost: it moves to the first open day, and the next settlement bills it there.
    """
    through = _horizon()
    if through <= Settlement.objects.through():
        return 0
    posted = _bill_all(through, now)
    Settlement.objects.get_or_create(through=through, defaults={"at": now})
    return posted


def _horizon() -> int:
    """Up to which number all views are there. The lock is gone at once: what comes later is for the next time."""
    with transaction.atomic():
        return line.last()


def _bill_all(through: int, now: datetime) -> int:
    """Bill all that is due up to `through`; return how many entries are new.

    What somebody else billed or rejected at the same time is summed up again, until nothing is left.
    """
    posted, is_whole = 0, False
    while not is_whole:
        found = due.find(through)
        days = BookDay.objects.filter(state=BookDay.State.FINAL, day__in={one.day for one in found})
        final = set(days.values_list("day", flat=True))
        for one in found:
            if one.day in final:
                _move_to_open_day(one, through)
        wanted = [one for one in found if one.day not in final]
        is_whole = True
        for start in range(0, len(wanted), billing.GROUPS_AT_ONCE):
            batch = wanted[start : start + billing.GROUPS_AT_ONCE]
            billed = billing.bill(batch, through, now)
            posted += billed
            is_whole = is_whole and billed == len(batch)
    return posted


def _move_to_open_day(late: Due, through: int) -> None:
    """Views that came when their day was final stand in line again, at its end, for the first open day.

    When they were seen stays as it is, and the facts of the entry that bills them say how many there were.
    """
    with transaction.atomic():
        views = Impression.objects.unposted().filter(
            campaign=late.campaign_id, beneficiary=late.beneficiary, day=late.day, number__lte=through
        )
        for view in views.order_by("number"):
            number = line.take()
            day = BookDay.objects.taking(view.viewed_at)
            is_still = Impression.objects.viewed().filter(pk=view.pk, number=view.number)
            if is_still.update(number=number, day=day):
                _move_spending(view, day)


def _move_spending(view: Impression, day: date) -> None:
    """The days of a campaign say what was spent in the books of that day."""
    CampaignDay.objects.get_or_create(campaign_id=view.campaign_id, day=day)
    for which, micros in ((view.day, -view.price_micros), (day, view.price_micros)):
        spent = CampaignDay.objects.filter(campaign=view.campaign_id, day=which)
        spent.update(spent_micros=F("spent_micros") + micros)


# --- the day's book


def close(day: date, now: datetime) -> bool:
    """Settle a day and close its book; False when it was closed before.

    Raises DayStillOpen while tokens of the day are alive, or reports of them wait in the stream.
    """
    if now < closes_at(day):
        raise DayStillOpen(day)
    if stream.is_wanted() and not consumer.is_drained(closes_at(day)):
        raise DayStillOpen(day, f"The book of {day} stays open until its reports are counted: `manage.py count_ads`.")
    if BookDay.objects.state(day) != BookDay.State.OPEN:
        return False
    BookDay.objects.get_or_create(day=day)
    return _turn(day, BookDay.State.OPEN, now, state=BookDay.State.CLOSED, closed_at=now)


def close_due(now: datetime) -> int:
    """Close every day that can be closed, and make final what was closed long enough; return how many changed."""
    last = day_of(now - timedelta(seconds=LIFETIME_SECONDS)) - timedelta(days=1)
    days = set(CampaignDay.objects.filter(day__lte=last).values_list("day", flat=True).distinct())
    done = set(BookDay.objects.exclude(state=BookDay.State.OPEN).values_list("day", flat=True))
    changed = 0
    try:
        for day in sorted(days - done):
            changed += close(day, now)
    except DayStillOpen as reason:  # it was old enough, so its reports wait, and so do the days after it
        log.warning("%s", reason)
    old = BookDay.objects.filter(state=BookDay.State.CLOSED, day__lte=now.date() - timedelta(FINAL_AFTER_DAYS))
    # While somebody still has to look at an hour of a day, it stays open to review.
    for book in old.exclude(day__in=spikes.held_days()).order_by("day"):
        changed += _turn(book.day, BookDay.State.CLOSED, now, state=BookDay.State.FINAL, final_at=now)
    return changed


def close_months(now: datetime) -> bool:
    """Close the last month of the books whose days are all final, and all before it; False when nothing changed.

    A day without ads is as good as final when it is old enough. Source: docs/money.md, "Two clocks".
    """
    final = BookDay.objects.filter(state=BookDay.State.FINAL).values("day")
    waiting: date | None = CampaignDay.objects.exclude(day__in=final).aggregate(day=Min("day"))["day"]
    first_open = min(now.date() - timedelta(FINAL_AFTER_DAYS - 1), waiting or now.date())
    last = months.first_day(first_open) - timedelta(days=1)
    has_books = Entry.objects.filter(occurred_at__lt=months.ends_at(months.first_day(last))).exists()
    return has_books and months.close(last, at=now)


def closes_at(day: date) -> datetime:
    """When no token of the day can be alive any more."""
    return midnight(day + timedelta(days=1)) + timedelta(seconds=LIFETIME_SECONDS)


def _turn(day: date, was: str, now: datetime, **values: object) -> bool:
    """Settle everything, then turn a day's book to its next state; False when somebody else did.

    Nobody can count a view between the look at what is due and the turn: what comes later finds the book closed.
    """
    is_due = True
    while is_due:
        settle_due(now)
        with transaction.atomic():
            line.last()
            is_due = Impression.objects.unposted().filter(day=day).exists()
            if not is_due:
                return BookDay.objects.filter(day=day, state=was).update(**values) == 1
    return False
