"""How a budget is guarded: what a campaign spent on a day, and the slices of it that processes hold."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from ads.models.campaigns import Campaign


class CampaignDay(models.Model):
    """What a campaign spent on one UTC day; moves in the transaction of each impression and guards the daily cap.

    `leased_micros` is what open leases of the day hold and have not billed; spent and leased are below the cap.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="days")
    day = models.DateField()
    spent_micros = models.BigIntegerField(default=0)
    leased_micros = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["campaign", "day"], name="one_row_per_campaign_day"),
            models.CheckConstraint(condition=Q(spent_micros__gte=0), name="campaign_day_not_negative"),
            models.CheckConstraint(condition=Q(leased_micros__gte=0), name="campaign_day_leases_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.day}"


class BudgetLease(models.Model):
    """A slice of a campaign's money that one process may spend by itself, in micros; every token names its lease.

    Offers are made from it until `ends_at`. From `returns_at` on none of their tokens lives any more, and what was
    granted and not billed goes back to the campaign, once: `returned_at` says when.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="leases")
    holder = models.CharField(max_length=100, help_text="The process that spends it.")
    granted_micros = models.BigIntegerField()
    billed_micros = models.BigIntegerField(default=0)
    day = models.DateField(help_text="The UTC day whose cap it was granted from.")
    granted_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    returns_at = models.DateTimeField()
    returned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(granted_micros__gt=0, billed_micros__gte=0, granted_micros__gte=F("billed_micros")),
                name="lease_bills_what_was_granted",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("granted_at"), returns_at__gte=F("ends_at")), name="lease_times_in_order"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["returns_at"], name="lease_open", condition=Q(returned_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.holder}: {self.granted_micros}"

    @property
    def left_micros(self) -> int:
        """What was granted and not billed."""
        return self.granted_micros - self.billed_micros
