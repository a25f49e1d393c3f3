"""The tables of cases: disputes (a cardholder asked their bank for the money back), and what the staff decided."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

WAITING = ("needs_response", "warning_needs_response")
"""Stripe's words for a dispute and an inquiry that evidence can be sent for."""

REASONS = {
    "fraudulent": "The cardholder says they did not pay this",
    "product_not_received": "The cardholder says they never got it",
    "product_unacceptable": "The cardholder says it is not what was described",
    "duplicate": "The cardholder says they paid twice",
    "credit_not_processed": "The cardholder says they were promised their money back",
    "unrecognized": "The cardholder does not know this payment",
    "subscription_canceled": "The cardholder says they had cancelled",
    "general": "The cardholder gives no reason",
}
"""Stripe's reasons, as people say them."""


class DisputeQuerySet(models.QuerySet["Dispute"]):
    """Disputes, filtered."""

    def undecided(self) -> "DisputeQuerySet":
        """Disputes whose money was withdrawn and that are neither won nor lost in the books: these may hold money."""
        return self.filter(withdrawn_micros__gt=F("reinstated_micros") + F("lost_micros"))

    def waiting(self) -> "DisputeQuerySet":
        """Disputes and inquiries that evidence can still be sent for."""
        return self.filter(status__in=WAITING)


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

    @property
    def why(self) -> str:
        """Why the cardholder disputes it, in words."""
        return REASONS.get(self.reason, self.reason.replace("_", " ").capitalize() or "No reason given")

    @property
    def status_words(self) -> str:
        """Stripe's own word for it, as words."""
        return self.status.replace("_", " ")

    @property
    def is_waiting(self) -> bool:
        """Whether evidence can still be sent."""
        return self.status in WAITING

    def key(self, event: str) -> str:
        """The key of the entry that books an event: opened, reinstated, won or lost."""
        return f"dispute:{self.pk}:{event}"


class Adjustment(models.Model):
    """What somebody of the staff decided about money: what is owed is given up, or tax is withheld. Never changed.

    Its id is the form's own, so a form that is sent twice decides once.
    """

    class Kind(models.TextChoices):
        WRITE_OFF = "WRITE_OFF", "given up"
        WITHHELD = "WITHHELD", "tax withheld"

    id = models.UUIDField(primary_key=True, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    payee = models.ForeignKey("artists.Payee", models.PROTECT, null=True, blank=True, related_name="adjustments")
    advertiser = models.ForeignKey("ads.Advertiser", models.PROTECT, null=True, blank=True, related_name="adjustments")
    unit = models.CharField(max_length=3)
    amount_micros = models.BigIntegerField()
    country = models.CharField(max_length=2, blank=True, default="", help_text="Whose tax is withheld.")
    reason = models.CharField(max_length=200)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-decided_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(amount_micros__gt=0), name="adjustment_moves_something"),
            models.CheckConstraint(
                condition=Q(payee__isnull=False, advertiser=None)
                | Q(payee=None, advertiser__isnull=False, kind="WRITE_OFF"),
                name="adjustment_is_about_somebody",
            ),
            models.CheckConstraint(
                condition=Q(kind="WITHHELD", country__gt="") | Q(kind="WRITE_OFF", country=""),
                name="adjustment_tax_has_a_country",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="adjustment_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.amount_micros} {self.unit} micros"

    @property
    def source(self) -> str:
        """How postings name this decision."""
        return f"store.adjustment:{self.pk}"

    @property
    def key(self) -> str:
        """The key of the entry that books it."""
        return f"adjustment:{self.pk}"

    @property
    def who(self) -> str:
        """Whom it is about."""
        return str(self.payee.name if self.payee else self.advertiser)
