"""The table of blocks: why a payee is not paid now."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q


class BlockQuerySet(models.QuerySet["Block"]):
    """Blocks, filtered."""

    def active(self, at: datetime) -> "BlockQuerySet":
        """Blocks that hold at this time."""
        return self.filter(lifted_at__isnull=True).filter(Q(until__isnull=True) | Q(until__gt=at))


class Block(models.Model):
    """Why a payee is not paid now, set by a person or by a case; it ends at `until` or when it is lifted.

    A case (an open dispute) places and lifts its own; a person may lift it before.
    """

    class Reason(models.TextChoices):
        IDENTITY = "IDENTITY", "identity not confirmed"
        TAX_FORM = "TAX_FORM", "tax form missing"
        DISPUTE = "DISPUTE", "a dispute is open"
        FRAUD = "FRAUD", "under investigation"
        MANUAL = "MANUAL", "held by the staff"

    payee = models.ForeignKey("artists.Payee", models.PROTECT, related_name="blocks")
    reason = models.CharField(max_length=10, choices=Reason.choices)
    note = models.CharField(max_length=300, blank=True, default="")
    until = models.DateTimeField(null=True, blank=True)
    case = models.CharField(max_length=64, blank=True, default="", help_text="As `store.dispute:5`; empty: a person.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    lifted_at = models.DateTimeField(null=True, blank=True)

    objects = BlockQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True)
                | (Q(lifted_at__isnull=False) & (Q(lifted_by__isnull=False) | ~Q(case=""))),
                name="block_lifted_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(case="", created_by__isnull=False) | (~Q(case="") & Q(created_by__isnull=True)),
                name="block_by_a_person_or_a_case",
            ),
            models.UniqueConstraint(
                fields=["case", "payee"], condition=~Q(case=""), name="block_once_per_case_and_payee"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: payee {self.payee_id}"
