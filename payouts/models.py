"""The tables of payouts: runs, the payouts in them, every attempt at one, and why somebody is not paid now.

A payout's state is the queue of the workers who send it. Amounts are whole micros of their unit; what is sent
is also kept in minor units (cents), because that is what crosses the wire.
"""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Cast, Concat

from megabox.claims import Claimable


class PayoutRun(models.Model):
    """One sitting in which payees are paid: opened by one person, approved by another, executed by workers."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", "draft"
        COMPUTED = "COMPUTED", "waiting for approval"
        APPROVED = "APPROVED", "approved"
        EXECUTING = "EXECUTING", "being paid"
        COMPLETED = "COMPLETED", "completed"
        COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS", "completed with errors"
        CANCELLED = "CANCELLED", "cancelled"

    WAITING: ClassVar[tuple[str, ...]] = (State.DRAFT, State.COMPUTED, State.APPROVED)
    AGREED: ClassVar[tuple[str, ...]] = (
        State.APPROVED,
        State.EXECUTING,
        State.COMPLETED,
        State.COMPLETED_WITH_ERRORS,
    )

    state = models.CharField(max_length=24, choices=State.choices, default=State.DRAFT)
    unit = models.CharField(max_length=3)
    period = models.CharField(max_length=7, help_text="The month it pays, like 2026-11.")
    high_water = models.BigIntegerField(null=True, blank=True, help_text="The last posting it has seen.")
    policy_version = models.PositiveIntegerField(null=True, blank=True)
    content_hash = models.CharField(max_length=64, blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    computed_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    executed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    executed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("created_by")),
                name="payout_run_two_persons",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["DRAFT", "COMPUTED", "CANCELLED"])
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="payout_run_paid_only_if_approved",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["DRAFT", "CANCELLED"])
                | (Q(high_water__isnull=False, computed_at__isnull=False) & ~Q(content_hash="")),
                name="payout_run_computed_has_content",
            ),
            models.UniqueConstraint(
                fields=["unit"],
                condition=Q(state__in=["DRAFT", "COMPUTED", "APPROVED"]),
                name="payout_run_one_waiting_per_unit",
            ),
        ]
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"Run {self.pk} of {self.period}, {self.unit}"


class PayoutQuerySet(models.QuerySet["Payout"]):
    """Payouts, filtered."""

    def sources(self) -> "models.QuerySet[Payout, str]":
        """How the books name these payouts, as a subquery for `source__in`."""
        name = Concat(Value("payouts.payout:"), Cast("pk", models.CharField()), output_field=models.CharField())
        return self.order_by().values_list(name, flat=True)


class Payout(Claimable):
    """What one payee gets in one run. Its reservation is in `payout:transit` while it is neither paid nor failed."""

    class State(models.TextChoices):
        PROPOSED = "PROPOSED", "proposed"
        RESERVED = "RESERVED", "waiting to be sent"
        SENDING = "SENDING", "being sent"
        UNKNOWN = "UNKNOWN", "outcome not known yet"
        PAID = "PAID", "paid"
        FAILED = "FAILED", "failed"
        RETURNED = "RETURNED", "returned"
        SKIPPED = "SKIPPED", "skipped"
        CANCELLED = "CANCELLED", "cancelled"

    OPEN: ClassVar[tuple[str, ...]] = (State.RESERVED, State.SENDING, State.UNKNOWN)
    """Their amounts are in transit."""

    run = models.ForeignKey(PayoutRun, models.PROTECT, related_name="payouts")
    payee = models.ForeignKey("artists.Payee", models.PROTECT, related_name="payouts")
    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    unit = models.CharField(max_length=3)
    payable_micros = models.BigIntegerField(help_text="All that could be paid when the run was computed.")
    amount_micros = models.BigIntegerField(help_text="What is sent: payable, rounded down to the smallest coin.")
    amount_cents = models.BigIntegerField(help_text="The same in minor units.")
    threshold_micros = models.BigIntegerField()
    destination = models.CharField(max_length=64, blank=True, default="", help_text="The payee's Stripe account.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROPOSED)
    reason = models.CharField(max_length=300, blank=True, default="")
    transfer_id = models.CharField(max_length=64, blank=True, default="")
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)

    objects = PayoutQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "payee"], name="payout_once_per_run_and_payee"),
            models.UniqueConstraint(
                fields=["transfer_id"], condition=~Q(transfer_id=""), name="payout_transfer_pays_one"
            ),
            models.CheckConstraint(
                condition=Q(amount_micros__gte=0, amount_cents__gte=0, amount_micros__lte=F("payable_micros")),
                name="payout_amount_within_payable",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["SKIPPED", "CANCELLED"]) | Q(amount_micros__gt=0, amount_cents__gt=0),
                name="payout_pays_something",
            ),
            models.CheckConstraint(
                condition=~Q(state="PAID") | (~Q(transfer_id="") & Q(paid_at__isnull=False)),
                name="payout_paid_has_transfer",
            ),
        ]
        indexes = [models.Index(fields=["state", "next_try_at"], name="payout_queue")]

    def __str__(self) -> str:
        return f"Payout {self.pk}: {self.amount_micros} {self.unit} micros"

    @property
    def source(self) -> str:
        """How the books name this payout."""
        return f"payouts.payout:{self.pk}"

    @property
    def carried_micros(self) -> int:
        """What stays payable: less than the smallest coin, or all of it when nothing is sent."""
        is_sent = self.state not in (self.State.SKIPPED, self.State.CANCELLED)
        return self.payable_micros - self.amount_micros if is_sent else self.payable_micros

    @property
    def transfer_group(self) -> str:
        """How Stripe names this payout; all attempts share it."""
        return f"megabox-payout-{self.reference}"


class Attempt(models.Model):
    """One idempotency key at Stripe for one payout; OPEN until we know what became of it."""

    class State(models.TextChoices):
        OPEN = "OPEN", "not known yet"
        SUCCEEDED = "SUCCEEDED", "succeeded"
        FAILED = "FAILED", "failed"

    payout = models.ForeignKey(Payout, models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    idempotency_key = models.CharField(max_length=100, unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=100, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payout", "number"], name="attempt_number_once"),
            models.UniqueConstraint(fields=["payout"], condition=Q(state="OPEN"), name="attempt_one_unresolved"),
            models.CheckConstraint(
                condition=Q(state="OPEN", resolved_at__isnull=True) | (~Q(state="OPEN") & Q(resolved_at__isnull=False)),
                name="attempt_resolved_has_time",
            ),
        ]
        ordering: ClassVar[list[str]] = ["number"]

    def __str__(self) -> str:
        return self.idempotency_key


class BlockQuerySet(models.QuerySet["Block"]):
    """Blocks, filtered."""

    def active(self, at: Any) -> "BlockQuerySet":
        """Blocks that hold at this time."""
        return self.filter(lifted_at__isnull=True).filter(Q(until__isnull=True) | Q(until__gt=at))


class Block(models.Model):
    """Why a payee is not paid now, set by a person; it ends at `until` or when it is lifted."""

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
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    lifted_at = models.DateTimeField(null=True, blank=True)

    objects = BlockQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True)
                | Q(lifted_at__isnull=False, lifted_by__isnull=False),
                name="block_lifted_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: payee {self.payee_id}"
