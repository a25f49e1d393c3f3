"""An advertiser's money: what is prepaid, what campaigns may still spend of it, and what is free. In micros.

A campaign goes live only when its whole remaining budget is free, so nothing is shown that is not paid for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField, Case, F, Max, Q, Sum, Value, When

from ads.models import Advertiser, BudgetLease, Campaign
from ads.tokens import LIFETIME_SECONDS
from ledger import chart, journal
from ledger.journal import Line
from megabox import money

_UNBILLED = F("spent_micros") - F("settled_micros")
"""What a campaign's views cost that no settlement has billed yet."""


@dataclass(frozen=True, slots=True)
class Funds:
    """What an advertiser has, in micros: prepaid in the books, not yet billed, reserved by campaigns, and free.

    `held` is the part of what is reserved that offers on their way may still spend, whatever becomes of the campaign;
    the last of it comes back at `held_until`. `returning` is on its way back to the cards it came from.
    """

    prepaid: int
    unbilled: int
    reserved: int
    held: int
    held_until: datetime | None
    returning: int

    @property
    def free(self) -> int:
        """What another campaign may take. Below zero when a deposit was taken back."""
        return self.prepaid - self.unbilled - self.reserved - self.returning

    @property
    def refundable(self) -> int:
        """What can be given back if all campaigns stop now, in whole cents."""
        micros = max(0, self.prepaid - self.unbilled - self.held - self.returning)
        return micros - micros % money.micros_per_minor(settings.ADS_CURRENCY)


def of(advertiser: Advertiser, at: datetime, *, without: Campaign | None = None) -> Funds:
    """The funds of an advertiser at `at`; `without` leaves out what that campaign reserves.

    Campaigns are read by one query, and the balance last: what is billed or settled meanwhile is never missed.
    """
    unspent, micros = F("budget_micros") - F("spent_micros"), BigIntegerField()
    held = Case(When(_spends_unleased(at), then=unspent), default=F("leased_micros"), output_field=micros)
    left_out = When(pk__in=[without.pk] if without else [], then=Value(0))
    reserved = Case(left_out, When(_can_spend(at), then=unspent), default=held, output_field=micros)
    sums = Campaign.objects.filter(advertiser=advertiser).aggregate(
        unbilled=Sum(_UNBILLED, default=0), reserved=Sum(reserved, default=0), held=Sum(held, default=0)
    )
    held_leases = BudgetLease.objects.filter(returned_at=None, campaign__advertiser=advertiser)
    return Funds(
        unbilled=sums["unbilled"],
        reserved=sums["reserved"],
        held=sums["held"],
        held_until=held_leases.aggregate(last=Max("returns_at"))["last"],
        returning=_returning(advertiser.pk),
        prepaid=advertiser.prepaid_micros(),
    )


def leasable(advertiser_id: int) -> int:
    """What may still be leased of an advertiser's money; the balance stays locked until the transaction ends.

    Reads a row for each campaign, however much was billed before.
    """
    unit = settings.ADS_CURRENCY
    prepaid = chart.prepaid(advertiser_id, unit)
    balance = journal.lock([prepaid])[prepaid]
    campaigns = Campaign.objects.filter(advertiser=advertiser_id)
    gone: int = campaigns.aggregate(total=Sum(_UNBILLED + F("leased_micros"), default=0))["total"]
    return balance - gone - _returning(advertiser_id)


def _returning(advertiser_id: int) -> int:
    """What is wanted back and not booked yet."""
    wanted = Q(deposit_refunds__state="WANTED")
    sums = Advertiser.objects.filter(pk=advertiser_id)
    micros: int = sums.aggregate(total=Sum("deposit_refunds__amount_micros", filter=wanted, default=0))["total"]
    return micros


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
    """Campaigns whose whole rest is kept for them."""
    return Q(state=Campaign.State.LIVE) | _spends_unleased(at)


def _spends_unleased(at: datetime) -> Q:
    """Campaigns of which offers without a lease may be on their way: live, or stopped so lately, while none is used."""
    if settings.ADS_LEASE_SECONDS:
        return Q(pk__in=[])
    return Q(state=Campaign.State.LIVE) | Q(stopped_at__gt=at - timedelta(seconds=LIFETIME_SECONDS))
