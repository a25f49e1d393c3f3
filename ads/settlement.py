"""Settlement: from billable impressions to group rows to postings, hourly, and the closing of each UTC day.

Frozen prices are only summed. A group's n and what it posted move in the transaction of its entry, and impressions
remember the n that billed them, so that repeating, killing or running it twice at once changes nothing, and any cent
can be followed down to impressions and up again. The cost grows with the number of groups and of new impressions.
Source: docs/money.md, "Ad revenue".
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum

from ads import credits
from ads.models import BESIDE_MUSIC, BookDay, CampaignDay, Impression, ImpressionGroup, Place
from ads.tokens import LIFETIME_SECONDS
from ledger import chart, journal, policy
from ledger.journal import Line
from ledger.models import Policy
from megabox import money

FINAL_AFTER_DAYS = 7
"""So long a closed day can still be reviewed for invalid traffic."""


class DayFinal(Exception):
    """The day's book is final: it never changes again."""

    def __init__(self, day: date) -> None:
        super().__init__(f"The book of {day} is final.")


class DayStillOpen(Exception):
    """Impressions of the day can still come, so its book cannot be closed."""

    def __init__(self, day: date) -> None:
        super().__init__(f"The book of {day} cannot be closed before {closes_at(day):%Y-%m-%d %H:%M} UTC.")


def settle(day: date, *, now: datetime) -> int:
    """Post what is billable and not yet posted of one UTC day, in whole micros; return how many entries are new.

    Safe to repeat and to kill: a group's `posted_micros` moves in the transaction of its entry.
    Raises DayFinal when the day's book is final.
    """
    if BookDay.objects.is_final(day):
        raise DayFinal(day)
    keys = Impression.objects.unposted().filter(day=day).order_by("campaign", "beneficiary")
    groups = list(keys.values_list("campaign", "beneficiary").distinct())
    return sum(_post_group(campaign_id, beneficiary, day, now=now) for campaign_id, beneficiary in groups)


def settle_due(now: datetime) -> int:
    """Settle every day that has something billable; return how many entries are new."""
    final = BookDay.objects.filter(state=BookDay.State.FINAL).values("day")
    days = Impression.objects.unposted().exclude(day__in=final).order_by("day").values_list("day", flat=True)
    return sum(settle(day, now=now) for day in list(days.distinct()))


def close(day: date, now: datetime) -> bool:
    """Settle a day and close its book; False when it was closed before.

    Raises DayStillOpen while tokens of the day are alive.
    """
    if now < closes_at(day):
        raise DayStillOpen(day)
    if BookDay.objects.state(day) != BookDay.State.OPEN:
        return False
    settle(day, now=now)
    with transaction.atomic():
        BookDay.objects.get_or_create(day=day)
        book = BookDay.objects.filter(day=day, state=BookDay.State.OPEN)
        return book.update(state=BookDay.State.CLOSED, closed_at=now) == 1


def close_due(now: datetime) -> int:
    """Close every day that can be closed, and make final what was closed long enough; return how many changed."""
    last = (now - timedelta(seconds=LIFETIME_SECONDS)).astimezone(UTC).date() - timedelta(days=1)
    days = set(CampaignDay.objects.filter(day__lte=last).values_list("day", flat=True))
    done = set(BookDay.objects.exclude(state=BookDay.State.OPEN).values_list("day", flat=True))
    changed = sum(close(day, now) for day in sorted(days - done))
    for book in BookDay.objects.filter(state=BookDay.State.CLOSED, day__lte=now.date() - timedelta(FINAL_AFTER_DAYS)):
        settle(book.day, now=now)
        is_still = BookDay.objects.filter(pk=book.pk, state=BookDay.State.CLOSED)
        changed += is_still.update(state=BookDay.State.FINAL, final_at=now)
    return changed


def closes_at(day: date) -> datetime:
    """When no token of the day can be alive any more."""
    return datetime.combine(day + timedelta(days=1), time.min, UTC) + timedelta(seconds=LIFETIME_SECONDS)


def _post_group(campaign_id: int, beneficiary: str, day: date, *, now: datetime) -> bool:
    """Bill what is new of one group in one entry; False when somebody else did it meanwhile."""
    new = Impression.objects.unposted().filter(campaign=campaign_id, beneficiary=beneficiary, day=day)
    sample = new.first()
    if sample is None:
        return False
    with transaction.atomic():
        made, _ = ImpressionGroup.objects.get_or_create(
            campaign_id=campaign_id,
            beneficiary=beneficiary,
            day=day,
            defaults={
                "place": sample.place,
                "artist_id": sample.artist_id,
                "shares": sample.shares,
                "policy_version": sample.policy_version,
            },
        )
        # Two workers at once: the second waits here, and then finds nothing new.
        group = ImpressionGroup.objects.select_for_update(no_key=True).get(pk=made.pk)
        n = group.postings_count + 1
        if not new.update(group=group, posting_n=n):
            return False
        billed = group.impressions.filter(posting_n=n).aggregate(count=Count("pk"), gross=Sum("price_micros"))
        _post(group, n, billed["count"], billed["gross"], now=now)
        group.count += billed["count"]
        group.gross_micros += billed["gross"]
        group.posted_micros += billed["gross"]
        group.postings_count = n
        group.save(update_fields=["count", "gross_micros", "posted_micros", "postings_count"])
    return True


def entry_key(group: ImpressionGroup, n: int) -> str:
    """The key of a group's n-th entry."""
    return f"ads:{group.campaign_id}:{group.beneficiary}:{group.day.isoformat()}:{n}"


def _post(group: ImpressionGroup, n: int, count: int, gross: int, *, now: datetime) -> None:
    unit = settings.ADS_CURRENCY
    facts = {"campaign": group.campaign_id, "place": group.place, "day": group.day.isoformat(), "quantity": count}
    lines = []
    if group.place in BESIDE_MUSIC:
        lines = share_lines(group, gross, facts=facts)
    elif group.place == Place.MEGAKEY:
        lines = _reward_lines(group, n, facts)
    earned = chart.unsettled(unit) if group.place == Place.GATE else chart.ads_revenue(unit)
    advertiser_id = group.campaign.advertiser_id
    assert advertiser_id is not None, "house ads have no price, so nothing of them is settled"
    # A day's work belongs to the day, even when it is posted in the night after it.
    occurred_at = min(now, datetime.combine(group.day, time.max, UTC))

    def post(prepaid_micros: int) -> None:
        owed_micros = gross - prepaid_micros
        paid = [
            Line(code, earned, amount, unit, group.source, facts)
            for code, amount in (
                (chart.prepaid(advertiser_id, unit), prepaid_micros),
                (chart.advertiser_owed(advertiser_id, unit), owed_micros),
            )
            if amount
        ]
        journal.post(entry_key(group, n), "ads settled", [*paid, *lines], occurred_at=occurred_at)

    try:
        post(gross)
    except journal.Overdraft as short:
        # Only a deposit that was disputed and lost leads here: what was shown is owed, and artists are paid.
        post(short.available)


def share_lines(group: ImpressionGroup, gross: int, *, facts: Mapping[str, Any]) -> list[Line]:
    """Lines that pay the payees their part of `gross` micros beside music, by the shares frozen in the group."""
    unit = settings.ADS_CURRENCY
    rules = Policy.objects.get(version=group.policy_version)
    share = policy.split(gross, rules).payee
    parts = money.allocate(share, [points for _, points in group.shares])
    return [
        Line(
            debit=chart.payee_ad_share(unit),
            credit=chart.payee(payee_id, "pending", unit),
            amount=part,
            unit=unit,
            source=group.source,
            facts={
                **facts,
                "title": "Ads beside your music",
                "artist": group.artist_id,
                "price_micros": gross,
                "rule": f"policy {rules.version}",
                "share_micros": share,
                "split_basis_points": points,
            },
            matures_on=group.day + timedelta(days=rules.ads_maturity_days),
        )
        for (payee_id, points), part in zip(group.shares, parts, strict=True)
        if part
    ]


def _reward_lines(group: ImpressionGroup, n: int, facts: Mapping[str, Any]) -> list[Line]:
    """Lines that credit the wallets of the extension's listeners."""
    by_wallet = group.impressions.filter(posting_n=n).order_by("wallet").values_list("wallet")
    lines: list[Line] = []
    for wallet_id, micros in by_wallet.annotate(total=Sum("price_micros")):
        lines += credits.earn_lines(wallet_id, micros, source=group.source, facts=facts)
    return lines
