"""Hours in which a campaign or an artist was seen far more than usual: noticed by the clock, decided by the staff.

Each full hour is summed up once (`SeenHour`), by a look at the views of that hour alone. While a spike is open, its day
does not become final, and what the artist's payees have pending does not mature: nothing leaves before a person
looked. Source: docs/decisions, "An open spike holds".
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, Sum

from ads.models import Impression, ImpressionGroup, SeenHour, Spike
from ads.tokens import LIFETIME_SECONDS, SKEW
from artists.models import Artist
from megabox.days import day_of, hour_of, midnight
from users.models import User

SCOPES = ("campaign", "artist")
HISTORY = timedelta(days=7)
LOOK_BACK_HOURS = 24
"""Hours that the clock slept through are looked at later, up to so many."""

Key = tuple[str, str]
"""Scope, and which one."""


class DecidedBefore(Exception):
    """Somebody has decided about this spike already."""


def look(at: datetime) -> int:
    """Sum up the full hours before `at` that nobody summed up, and open a spike for each that stands out; how many.

    Safe to repeat, to kill and to run twice: rows of an hour are made once. Costs what was seen in those hours.
    """
    now = hour_of(at)
    hours = [now - timedelta(hours=back) for back in range(LOOK_BACK_HOURS, 0, -1)]
    looked = set(SeenHour.objects.filter(scope="all", hour__in=hours).values_list("hour", flat=True))
    SeenHour.objects.filter(hour__lt=now - HISTORY - timedelta(hours=LOOK_BACK_HOURS)).delete()
    # The last hour's views may still come from the stream, and are looked at when they have.
    return sum(_look_at(hour) for hour in hours if hour not in looked and at >= hour + timedelta(hours=1, minutes=5))


def decide(pk: int, state: Spike.State, *, by: User, at: datetime) -> Spike:
    """Decide about a spike, and all open ones of the same thing on the same UTC day. Raises DecidedBefore."""
    found = Spike.objects.get(pk=pk)
    begin = midnight(day_of(found.hour))
    same = Spike.objects.filter(
        scope=found.scope, key=found.key, hour__gte=begin, hour__lt=begin + timedelta(days=1), state=Spike.State.OPEN
    )
    if not same.update(state=state, decided_by=by, decided_at=at):
        raise DecidedBefore("Somebody has decided about this already.")
    found.refresh_from_db()
    return found


def held_days() -> set[date]:
    """Days with an open spike: they do not become final."""
    open_ones = Spike.objects.filter(state=Spike.State.OPEN).values_list("hour", flat=True)
    return {day_of(hour) for hour in open_ones}


def held_payees() -> set[int]:
    """Payees whose pending money does not mature now: an artist they share in has an open spike."""
    keys = Spike.objects.filter(state=Spike.State.OPEN, scope="artist").values_list("key", flat=True)
    ids = {int(key) for key in keys}
    if not ids:
        return set()
    found = set(Artist.objects.filter(pk__in=ids).values_list("payee", flat=True))
    for shares in ImpressionGroup.objects.filter(artist__in=ids, day__in=held_days()).values_list("shares", flat=True):
        found |= {payee_id for payee_id, _ in shares}
    return found


def holds(user: User) -> bool:
    """Whether an open spike keeps something of the person's from maturing."""
    held = held_payees()
    return bool(held) and user.payees.filter(pk__in=held).exists()


def _look_at(hour: datetime) -> int:
    """Sum up one hour and compare it with the week before."""
    seen = _seen(hour)
    usual = _usual(hour, seen)
    rows = [SeenHour(scope=scope, key=key, hour=hour, count=count) for (scope, key), count in seen.items()]
    SeenHour.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    found = [
        Spike(scope=scope, key=key, hour=hour, seen=count, usual=usual[scope, key])
        for (scope, key), count in seen.items()
        if stands_out(count, usual[scope, key])
    ]
    before = Spike.objects.filter(hour=hour).count()
    Spike.objects.bulk_create(found, ignore_conflicts=True, batch_size=500)
    # Last: a look that was killed is taken again.
    SeenHour.objects.get_or_create(scope="all", key="", hour=hour, defaults={"count": sum(seen.values())})
    return Spike.objects.filter(hour=hour).count() - before


def stands_out(seen: int, usual: int) -> bool:
    """Whether so many views in an hour are for the staff to look at."""
    least, times = int(settings.ADS_SPIKE_LEAST), int(settings.ADS_SPIKE_TIMES)
    return seen >= max(least, usual * times + 1)


def _seen(hour: datetime) -> dict[Key, int]:
    """The views of one hour that count. Ids begin with the time of their token, so only near ones are looked at."""
    first, last = hour - timedelta(seconds=LIFETIME_SECONDS) - SKEW, hour + timedelta(hours=1) + SKEW
    near = Impression.objects.viewed().filter(pk__gte=_least_id(first), pk__lt=_least_id(last))
    views = near.filter(viewed_at__gte=hour, viewed_at__lt=hour + timedelta(hours=1)).order_by()
    return {
        (scope, str(key)): count
        for scope in SCOPES
        for key, count in views.exclude(**{scope: None}).values_list(scope).annotate(n=Count("pk"))
    }


def _least_id(at: datetime) -> UUID:
    return UUID(int=int(at.timestamp() * 1000) << 80)


def _usual(hour: datetime, seen: Mapping[Key, int]) -> dict[Key, int]:
    """Views in such an hour as a rule: the mean of this hour in seven days, or of all hours if that is more."""
    same = [hour - timedelta(days=days) for days in range(1, HISTORY.days + 1)]
    usual = dict.fromkeys(seen, 0)
    for scope in SCOPES:
        keys = [key for which, key in seen if which == scope]
        for start in range(0, len(keys), 500):
            rows = SeenHour.objects.filter(
                scope=scope, key__in=keys[start : start + 500], hour__gte=hour - HISTORY, hour__lt=hour
            ).order_by()
            sums = rows.values_list("key").annotate(
                whole=Sum("count"), then=Sum("count", filter=Q(hour__in=same), default=0)
            )
            for key, whole, then in sums:
                usual[scope, key] = max(whole // (HISTORY.days * 24), then // HISTORY.days)
    return usual
