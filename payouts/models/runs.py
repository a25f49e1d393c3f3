"""The tables of payout runs: runs, the payouts in them, every attempt at one, and what the staff decided meanwhile.

A payout's state is the queue of the workers who send it. Amounts are whole micros of their unit; what is sent
is also kept in minor units (cents), because that is what crosses the wire.
"""

import uuid
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Cast, Concat

from megabox.claims import Claimable
from payouts.models.rails import PayoutFile, Rail


class PayoutRun(Claimable):
    """One sitting in which payees are paid: opened by one person, approved by another, executed by workers.

    A claim says who is computing it. Paused, an executing run starts no payout; what is in flight is still resolved.
    """

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
    item_count = models.PositiveIntegerField(default=0, help_text="Payees found by the computation.")
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
    paused_at = models.DateTimeField(null=True, blank=True)
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
            models.CheckConstraint(
                condition=Q(paused_at__isnull=True) | Q(state="EXECUTING"), name="payout_run_paused_while_executing"
            ),
        ]
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"Run {self.pk} of {self.period}, {self.unit}"

    @property
    def known_until(self) -> datetime:
        """The latest moment at which something was decided about this run; nothing is decided before it."""
        decided = self.decisions.aggregate(last=models.Max("at"))["last"]
        moments = (self.created_at, self.computed_at, self.approved_at, self.executed_at, decided)
        return max(moment for moment in moments if moment is not None)


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

    GROUP: ClassVar[str] = "megabox-payout-"
    """How the transfer groups of our payouts begin."""

    run = models.ForeignKey(PayoutRun, models.PROTECT, related_name="payouts")
    payee = models.ForeignKey("artists.Payee", models.PROTECT, related_name="payouts")
    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    unit = models.CharField(max_length=3)
    payable_micros = models.BigIntegerField(help_text="All that could be paid when the run was computed.")
    amount_micros = models.BigIntegerField(help_text="What is sent: payable, rounded down to the smallest coin.")
    amount_cents = models.BigIntegerField(help_text="The same in minor units.")
    threshold_micros = models.BigIntegerField()
    rail = models.CharField(max_length=6, choices=Rail.choices, default=Rail.STRIPE)
    destination = models.CharField(
        max_length=64, blank=True, default="", help_text="The payee's Stripe account, or which of their bank accounts."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROPOSED)
    reason = models.CharField(max_length=300, blank=True, default="")
    transfer_id = models.CharField(max_length=64, blank=True, default="")
    file = models.ForeignKey(PayoutFile, models.PROTECT, null=True, blank=True, related_name="payouts")
    retries = models.PositiveIntegerField(default=0, help_text="How often it was reserved again after it had failed.")
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
                condition=~Q(state="PAID") | (Q(paid_at__isnull=False) & (~Q(transfer_id="") | Q(file__isnull=False))),
                name="payout_paid_has_transfer_or_file",
            ),
            models.CheckConstraint(
                condition=Q(rail="STRIPE", file__isnull=True)
                | (
                    Q(rail__in=["SEPA", "CSV"], transfer_id="")
                    & (Q(file__isnull=False) | ~Q(state__in=["SENDING", "UNKNOWN", "PAID", "RETURNED"]))
                ),
                name="payout_goes_by_its_rail",
            ),
            models.CheckConstraint(condition=~Q(rail="SEPA") | Q(unit="EUR"), name="payout_sepa_is_euro"),
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
        """What stays payable, or became it again: less than the smallest coin, or all of it when nothing is sent."""
        is_kept = self.state in (self.State.SKIPPED, self.State.CANCELLED, self.State.FAILED, self.State.RETURNED)
        return self.payable_micros if is_kept else self.payable_micros - self.amount_micros

    @property
    def end_to_end_id(self) -> str:
        """How a file for the bank, and the payee's bank statement, name this payout."""
        return f"payout-{self.pk}"

    @property
    def transfer_group(self) -> str:
        """How Stripe names this payout; all attempts share it."""
        return f"{self.GROUP}{self.reference}"


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


class Decision(models.Model):
    """What a member of the staff did about a run that is being paid, and why. Only ever added to."""

    class What(models.TextChoices):
        PAUSED = "PAUSED", "paused"
        RESUMED = "RESUMED", "resumed"
        RETRIED = "RETRIED", "tried again"
        RELEASED = "RELEASED", "given back"
        ISSUED = "ISSUED", "file issued"
        CONFIRMED = "CONFIRMED", "confirmed as paid"
        RETURNED = "RETURNED", "came back"

    run = models.ForeignKey(PayoutRun, models.PROTECT, related_name="decisions")
    payout = models.ForeignKey(Payout, models.PROTECT, null=True, blank=True, related_name="decisions")
    what = models.CharField(max_length=10, choices=What.choices)
    why = models.CharField(max_length=300, blank=True, default="")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_what_display()}: {self.why}"
