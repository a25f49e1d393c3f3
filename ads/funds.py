"""An advertiser's money: what is prepaid, what campaigns may still spend of it, and what is free. In micros.

A campaign goes live only when its whole remaining budget is free, so nothing is shown that is not paid for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, Sum

from ads.models import Advertiser, Campaign, ImpressionGroup
from ads.tokens import LIFETIME_SECONDS
from ledger import chart, journal
from ledger.journal import Line


@dataclass(frozen=True, slots=True)
class Funds:
    """What an advertiser has, in micros: prepaid in the books, not yet billed, reserved by campaigns, free."""

    prepaid: int
    unbilled: int
    reserved: int

    @property
    def free(self) -> int:
        """What another campaign, or a refund, may take. Below zero when a deposit was taken back."""
        return self.prepaid - self.unbilled - self.reserved


def of(advertiser: Advertiser, at: datetime, *, without: Campaign | None = None) -> Funds:
    """The funds of an advertiser at `at`; `without` leaves out what that campaign reserves."""
    campaigns = Campaign.objects.filter(advertiser=advertiser)
    spent = campaigns.aggregate(total=Sum("spent_micros"))["total"] or 0
    groups = ImpressionGroup.objects.filter(campaign__advertiser=advertiser)
    billed = groups.aggregate(total=Sum("gross_micros"))["total"] or 0
    others = campaigns.exclude(pk=without.pk) if without else campaigns
    reserved = others.filter(_can_spend(at)).aggregate(total=Sum(F("budget_micros") - F("spent_micros")))["total"]
    return Funds(prepaid=advertiser.prepaid_micros(), unbilled=spent - billed, reserved=reserved or 0)


def settle_owed(advertiser_id: int, unit: str, *, key: str, at: datetime) -> journal.Posted | None:
    """Settle what an advertiser owes from what is prepaid, as far as it goes; None when there is nothing to settle.

    Follows every top-up, in the same transaction: money that was taken back once is not spent a second time.
    """
    prepaid, owed = chart.prepaid(advertiser_id, unit), chart.advertiser_owed(advertiser_id, unit)
    with transaction.atomic():
        balances = journal.lock([prepaid, owed])
        amount = min(balances[prepaid], balances[owed])
        if not amount:
            return None
        line = Line(debit=prepaid, credit=owed, amount=amount, unit=unit, source=f"ads.advertiser:{advertiser_id}")
        return journal.post(key, "owed settled", [line], occurred_at=at)


def write_off(
    advertiser_id: int, unit: str, amount: int, *, key: str, source: str, why: str, at: datetime
) -> journal.Posted:
    """Give up `amount` micros of what an advertiser owes: our loss. Raises journal.Overdraft for more than is owed."""
    line = Line(chart.clawback_loss(unit), chart.advertiser_owed(advertiser_id, unit), amount, unit, source)
    return journal.post(key, "write-off", [line], occurred_at=at, why=why)


def _can_spend(at: datetime) -> Q:
    """Campaigns that are live, or stopped so lately that ads offered before can still be watched to their end."""
    return Q(state=Campaign.State.LIVE) | Q(stopped_at__gt=at - timedelta(seconds=LIFETIME_SECONDS))
