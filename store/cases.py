"""The table of disputes: a cardholder asked their bank for the money back, and the bank asked Stripe."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class DisputeQuerySet(models.QuerySet["Dispute"]):
    """Disputes, filtered."""

    def undecided(self) -> "DisputeQuerySet":
        """Disputes whose money was withdrawn and that are neither won nor lost in the books: these may hold money."""
        return self.filter(withdrawn_micros__gt=F("reinstated_micros") + F("lost_micros"))

    def waiting(self) -> "DisputeQuerySet":
        """Disputes and inquiries that evidence can still be sent for."""
        return self.filter(status__in=["needs_response", "warning_needs_response"])


class Dispute(models.Model):
    """One dispute of Stripe's, as far as its events told; amounts in micros of the order's unit.

    `withdrawn`, `reinstated` and `lost` say what is booked, each in the transaction of its entry. What is withdrawn
    and neither reinstated nor lost is `dispute:receivable`.
    """

    class State(models.TextChoices):
        INQUIRY = "INQUIRY", "inquiry"
        OPEN = "OPEN", "open"
        WON = "WON", "won"
        LOST = "LOST", "lost"
        CLOSED = "CLOSED", "closed without a claim"

    stripe_id = models.CharField(max_length=100, unique=True)
    order = models.ForeignKey("store.Order", models.PROTECT, related_name="disputes")
    state = models.CharField(max_length=10, choices=State)
    status = models.CharField(max_length=40, help_text="Stripe's own word for it.")
    reason = models.CharField(max_length=60, blank=True, default="")
    unit = models.CharField(max_length=3)
    amount_micros = models.BigIntegerField()
    withdrawal = models.CharField(max_length=100, blank=True, default="", help_text="Stripe's balance transaction.")
    withdrawn_micros = models.BigIntegerField(default=0)
    fee_micros = models.BigIntegerField(default=0, help_text="What Stripe kept for it, less what it gave back.")
    reinstatement = models.CharField(max_length=100, blank=True, default="", help_text="Stripe's balance transaction.")
    reinstated_micros = models.BigIntegerField(default=0)
    lost_micros = models.BigIntegerField(default=0)
    due_by = models.DateTimeField(null=True, blank=True, help_text="Until when evidence can be sent.")
    opened_at = models.DateTimeField(help_text="When the cardholder's bank opened it.")
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-opened_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(amount_micros__gt=0, withdrawn_micros__gte=0, reinstated_micros__gte=0, lost_micros__gte=0)
                & Q(withdrawn_micros__gte=F("reinstated_micros") + F("lost_micros")),
                name="dispute_amounts_in_order",
            ),
            models.CheckConstraint(
                condition=Q(withdrawal="", withdrawn_micros=0, fee_micros=0, reinstatement="")
                | (~Q(withdrawal="") & Q(withdrawn_micros__gt=0)),
                name="dispute_withdrawal_has_its_transaction",
            ),
            models.CheckConstraint(
                condition=Q(reinstatement="", reinstated_micros=0)
                | (~Q(reinstatement="") & Q(reinstated_micros__gt=0)),
                name="dispute_reinstatement_has_its_transaction",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["INQUIRY", "OPEN"], closed_at=None)
                | Q(state__in=["WON", "LOST", "CLOSED"], closed_at__isnull=False),
                name="dispute_closed_has_a_time",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["status", "due_by"], name="dispute_waiting")]

    def __str__(self) -> str:
        return f"dispute {self.stripe_id}"

    @property
    def open_micros(self) -> int:
        """What is withdrawn and not decided in the books: `dispute:receivable`."""
        return self.withdrawn_micros - self.reinstated_micros - self.lost_micros

    @property
    def source(self) -> str:
        """How postings name this dispute."""
        return f"store.dispute:{self.pk}"

    def key(self, event: str) -> str:
        """The key of the entry that books an event: opened, reinstated, won or lost."""
        return f"dispute:{self.pk}:{event}"
