"""How often a wallet saw what: the frequency cap counts views, and days are UTC days."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate

from ads.models import Impression
from megabox.days import day_of, midnight

REPEAT_AFTER = timedelta(minutes=5)
"""An ad seen more recently waits while there is another one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody saw on a UTC day: views by campaign, and the ads of the last minutes."""

    views_today: Mapping[int, int] = field(default_factory=dict)
    recent_ads: frozenset[int] = frozenset()


def seen(wallet_id: int, at: datetime) -> Seen:
    """What a wallet saw on the UTC day of `at`, in one query."""
    views = list(views_today(wallet_id, at).values_list("campaign", "ad", "viewed_at"))
    recent = frozenset(ad_id for _, ad_id, viewed_at in views if viewed_at > at - REPEAT_AFTER)
    return Seen(Counter(campaign_id for campaign_id, _, _ in views), recent)


Key = tuple[int, int, date]
"""Wallet, campaign and UTC day."""


def views_today(wallet_id: int, at: datetime) -> QuerySet[Impression]:
    """The views of one wallet since the UTC day of `at` began."""
    return Impression.objects.viewed().filter(wallet=wallet_id, viewed_at__gte=midnight(day_of(at)))


def views_of(wallet_id: int, campaign_id: int, at: datetime) -> int:
    """How often this wallet viewed this campaign on the UTC day of `at`."""
    return views_today(wallet_id, at).filter(campaign=campaign_id).count()


def counts(views: Iterable[tuple[int, datetime]]) -> dict[Key, int]:
    """How often the wallets of (wallet, time) viewed which campaigns on the UTC days of those times; one query."""
    wanted = {(wallet_id, day_of(at)) for wallet_id, at in views}
    if not wanted:
        return {}
    wallets, days = {wallet_id for wallet_id, _ in wanted}, {day for _, day in wanted}
    first = midnight(min(days))
    end = midnight(max(days) + timedelta(days=1))
    seen = Impression.objects.viewed().filter(wallet__in=wallets, viewed_at__gte=first, viewed_at__lt=end)
    by_day = seen.values_list("wallet", "campaign", TruncDate("viewed_at", tzinfo=UTC))
    return {(wallet, campaign, day): n for wallet, campaign, day, n in by_day.annotate(n=Count("pk"))}
