"""The tables of the reconciliation with Stripe: its balance transactions, the entries that name them, imports, checks.

Amounts are whole micros of the row's unit, above zero where Stripe's balance grows.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone


class BalanceTransaction(models.Model):
    """One movement of our balance as Stripe tells it. What Stripe said never changes; `state` is how far we are.

    `subject` is what it is about in Stripe's words (the payment, the transfer, the payout): all transactions of one
    subject are matched together.
    """

    class State(models.TextChoices):
        WAITING = "WAITING", "waiting"
        SUSPENSE = "SUSPENSE", "in suspense"
        MATCHED = "MATCHED", "matched"

    stripe_id = models.CharField(max_length=100, unique=True)
    type = models.CharField(max_length=60)
    category = models.CharField(max_length=60, help_text="Stripe's reporting category.")
    unit = models.CharField(max_length=3)
    gross_micros = models.BigIntegerField()
    fee_micros = models.BigIntegerField()
    net_micros = models.BigIntegerField()
    source = models.CharField(max_length=100, blank=True, default="")
    subject = models.CharField(max_length=100, db_index=True)
    description = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(help_text="When it happened at Stripe.")
    available_on = models.DateTimeField()
    imported_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    note = models.TextField(blank=True, default="", help_text="Why it is not matched; empty when it is.")
    suspended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["unit", "created_at"], name="balance_of_unit"),
            models.Index(fields=["created_at"], name="balance_by_time"),
            models.Index(fields=["state"], condition=~Q(state="MATCHED"), name="balance_unmatched"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(net_micros=F("gross_micros") - F("fee_micros")), name="balance_net_is_gross_less_fee"
            ),
            models.CheckConstraint(
                condition=Q(state="SUSPENSE", suspended_at__isnull=False) | ~Q(state="SUSPENSE"),
                name="balance_suspense_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_id}"

    def get_absolute_url(self) -> str:
        return reverse("store:balance_transaction", args=[self.pk])


class Naming(models.Model):
    """An entry of the books names a balance transaction, for `micros` of what it moved on the mirror of the balance.

    The namings of a transaction sum to its net, and those of an entry to what it moved. Rows are only ever added.
    """

    transaction = models.ForeignKey(BalanceTransaction, models.PROTECT, related_name="namings")
    entry = models.ForeignKey("ledger.Entry", models.PROTECT, related_name="namings")
    micros = models.BigIntegerField()
    named_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["transaction", "entry"], name="naming_once"),
            models.CheckConstraint(condition=~Q(micros=0), name="naming_of_something"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id} names {self.transaction_id}"


class Decision(models.Model):
    """What a person decided about a transaction in suspense, and why; it can be taken back."""

    class Choice(models.TextChoices):
        STRIPE_FEES = "STRIPE_FEES", "a cost of Stripe's: card fees"
        DISPUTE_FEES = "DISPUTE_FEES", "a cost of a dispute"
        BANK = "BANK", "moved to or from our bank"
        CLAWBACK_LOSS = "CLAWBACK_LOSS", "lost: nobody pays it back"

    transaction = models.ForeignKey(BalanceTransaction, models.PROTECT, related_name="decisions")
    choice = models.CharField(max_length=20, choices=Choice)
    reason = models.CharField(max_length=300)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()
    entry = models.OneToOneField("ledger.Entry", models.PROTECT, related_name="+")
    taken_back_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    taken_back_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(reason=""), name="decision_has_a_reason"),
            models.CheckConstraint(
                condition=Q(taken_back_by=None, taken_back_at=None)
                | Q(taken_back_by__isnull=False, taken_back_at__isnull=False),
                name="decision_taken_back_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["transaction"], condition=Q(taken_back_at=None), name="decision_one_stands"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_choice_display()}: {self.reason}"


class BalanceImport(models.Model):
    """One reading of Stripe's list. Only a finished one moves the mark from which the next begins."""

    since = models.DateTimeField(null=True, blank=True, help_text="What is older was not read; empty: all was read.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    newest = models.DateTimeField(null=True, blank=True, help_text="When the newest transaction read happened.")
    read = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["finished_at"], name="balance_import_finished")]

    def __str__(self) -> str:
        return f"import of {self.started_at:%Y-%m-%d %H:%M}"


class BalanceCheck(models.Model):
    """Stripe's balance of one unit beside ours, at one moment, and everything between them.

    `waiting_micros`: told by Stripe, not in our books yet; `in_flight_micros`: in our books, not told by Stripe yet.
    """

    at = models.DateTimeField()
    unit = models.CharField(max_length=3)
    stripe_micros = models.BigIntegerField(help_text="Available, pending and reserved.")
    ledger_micros = models.BigIntegerField()
    waiting_micros = models.BigIntegerField()
    in_flight_micros = models.BigIntegerField()
    suspense_micros = models.BigIntegerField()
    old_in_flight = models.PositiveIntegerField(default=0, help_text="Entries in flight for more than a day.")
    named_through = models.BigIntegerField(
        default=0,
        help_text="Up to this entry all that moved money at Stripe was told by Stripe: it is not looked at again.",
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "unit"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "at"], name="balance_check_once")
        ]

    def __str__(self) -> str:
        return f"check of {self.unit} at {self.at:%Y-%m-%d %H:%M}"

    @property
    def difference_micros(self) -> int:
        """What Stripe has more than our books say."""
        return self.stripe_micros - self.ledger_micros

    @property
    def unexplained_micros(self) -> int:
        """What is left of the difference after what waits and what is in flight."""
        return self.difference_micros - self.waiting_micros + self.in_flight_micros


class HandEntry(models.Model):
    """A payment that only people know of, booked by one of the staff. Its kinds are few and fixed."""

    class Kind(models.TextChoices):
        VAT_PAID = "VAT_PAID", "VAT paid to a country"

    id = models.UUIDField(primary_key=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    country = models.CharField(max_length=2)
    unit = models.CharField(max_length=3)
    micros = models.BigIntegerField()
    reason = models.CharField(max_length=180)
    booked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    booked_at = models.DateTimeField()
    entry = models.OneToOneField("ledger.Entry", models.PROTECT, related_name="+")

    class Meta:
        verbose_name_plural = "hand entries"
        ordering: ClassVar[list[str]] = ["-booked_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(micros__gt=0), name="hand_entry_of_something"),
            models.CheckConstraint(condition=~Q(reason=""), name="hand_entry_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.micros} {self.unit} micros"
