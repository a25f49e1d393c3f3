"""The tables of payouts: runs, the payouts in them, every attempt at one, and why somebody is not paid now.

A payout's state is the queue of the workers who send it. Amounts are whole micros of their unit; what is sent
is also kept in minor units (cents), because that is what crosses the wire.
"""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Cast, Concat

from megabox.claims import Claimable
from payouts.issued_models import IssuedStatement as IssuedStatement
from payouts.split_models import Model


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
        moments = (self.created_at, self.computed_at, self.approved_at, self.executed_at, self.paused_at)
        return max(moment for moment in moments if moment is not None)


class Rail(models.TextChoices):
    """How money reaches a payee."""

    STRIPE = "STRIPE", "Stripe transfer"
    SEPA = "SEPA", "SEPA credit transfer"
    CSV = "CSV", "bank transfer by hand"


class BankAccount(models.Model):
    """Where a payee without Stripe is paid; a change is a new row, so what a payout named stays what it was.

    The account is shown whole only in the files for the bank, never on a page.
    """

    class Kind(models.TextChoices):
        IBAN = "IBAN", "IBAN"
        OTHER = "OTHER", "another account number"

    payee = models.ForeignKey("artists.Payee", models.PROTECT, related_name="bank_accounts")
    kind = models.CharField(max_length=5, choices=Kind.choices, default=Kind.IBAN)
    holder = models.CharField(max_length=70)
    number = models.CharField(max_length=34)
    bic = models.CharField(max_length=11, blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payee"], condition=Q(replaced_at__isnull=True), name="bank_account_one_in_use"
            ),
            models.CheckConstraint(condition=~Q(holder="") & ~Q(number=""), name="bank_account_has_number"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.masked}"

    @property
    def masked(self) -> str:
        """The account as pages show it: `DE89 ... 3000`."""
        start = self.number[:4] if self.kind == self.Kind.IBAN else ""
        return f"{start} \N{HORIZONTAL ELLIPSIS} {self.number[-4:]}".strip()

    @property
    def destination(self) -> str:
        """How a payout names this account."""
        return f"bank:{self.pk}"


class PayoutFile(models.Model):
    """The file of one run for the operator's bank. Stored as it was issued, so it can be downloaded again unchanged."""

    run = models.ForeignKey(PayoutRun, models.PROTECT, related_name="files")
    rail = models.CharField(
        max_length=6, choices=[(Rail.SEPA.value, Rail.SEPA.label), (Rail.CSV.value, Rail.CSV.label)]
    )
    message_id = models.CharField(max_length=35, unique=True)
    content = models.TextField()
    sha256 = models.CharField(max_length=64)
    count = models.PositiveIntegerField()
    micros = models.BigIntegerField()
    issued_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "rail"], name="payout_file_once_per_run_and_rail"),
            models.CheckConstraint(condition=Q(count__gt=0, micros__gt=0), name="payout_file_pays_something"),
            models.CheckConstraint(condition=~Q(rail="STRIPE"), name="payout_file_is_for_a_bank"),
        ]

    def __str__(self) -> str:
        return self.message_id

    @property
    def name(self) -> str:
        """What the downloaded file is called."""
        return f"{self.message_id}.{'xml' if self.rail == Rail.SEPA else 'csv'}"


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


class BlockQuerySet(models.QuerySet["Block"]):
    """Blocks, filtered."""

    def active(self, at: Any) -> "BlockQuerySet":
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


class PoolSharing(models.Model):
    """What became of the artists' pool of a month: shared out, or carried on to a later month's pool.

    A month is shared out at most once; what comes into its pool afterwards is carried, and has a number of its own.
    """

    month = models.CharField(max_length=7, help_text="Whose pool it is, like 2026-11.")
    unit = models.CharField(max_length=3)
    number = models.PositiveIntegerField(default=1)
    micros = models.BigIntegerField(help_text="All that was in the pool.")
    carried_to = models.CharField(max_length=7, blank=True, default="", help_text="Empty when it was shared out.")
    model = models.CharField(max_length=16, choices=Model.choices, blank=True, default="")
    policy_version = models.PositiveIntegerField()
    plays = models.BigIntegerField(default=0)
    listeners = models.BigIntegerField(default=0)
    guests = models.BigIntegerField(default=0, help_text="So many of the listeners were guests.")
    booked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["month", "unit", "number"], name="pool_sharing_number_once"),
            models.UniqueConstraint(
                fields=["month", "unit"], condition=Q(carried_to=""), name="pool_shared_out_once_a_month"
            ),
            models.CheckConstraint(condition=Q(micros__gt=0, number__gte=1), name="pool_sharing_moves_something"),
            models.CheckConstraint(
                condition=Q(carried_to="", model__in=Model.values, listeners__gt=0, listeners__lte=F("plays"))
                & Q(guests__gte=0, guests__lte=F("listeners"))
                | Q(carried_to__gt=F("month"), model="", plays=0, listeners=0, guests=0),
                name="pool_shared_out_or_carried_on",
            ),
        ]
        ordering: ClassVar[list[str]] = ["-month", "unit", "number"]

    def __str__(self) -> str:
        return f"Artists' pool of {self.month}, {self.unit}, {self.number}"

    @property
    def source(self) -> str:
        """How the books name this row."""
        return f"payouts.poolsharing:{self.pk}"

    @property
    def entry_key(self) -> str:
        """The key of its entry in the books."""
        return f"pool:{self.month}:{self.unit}:{self.number}"


class PoolShare(models.Model):
    """One payee's part of a pool that was shared out, and what every model would have paid."""

    sharing = models.ForeignKey(PoolSharing, models.PROTECT, related_name="shares")
    payee = models.ForeignKey("artists.Payee", models.PROTECT, related_name="pool_shares")
    plays = models.BigIntegerField(help_text="Plays of tracks in which this payee has a share.")
    listeners = models.BigIntegerField(help_text="How many listeners played them.")
    micros = models.BigIntegerField(help_text="What was paid: by the model of the sharing.")
    user_centric_micros = models.BigIntegerField()
    pro_rata_micros = models.BigIntegerField()
    artist_centric_micros = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sharing", "payee"], name="pool_share_once_per_payee"),
            models.CheckConstraint(
                condition=Q(plays__gt=0, listeners__gt=0, listeners__lte=F("plays")), name="pool_share_was_played"
            ),
            models.CheckConstraint(
                condition=Q(user_centric_micros__gte=0, pro_rata_micros__gte=0, artist_centric_micros__gte=0),
                name="pool_share_never_negative",
            ),
            models.CheckConstraint(
                condition=Q(micros=F("user_centric_micros"))
                | Q(micros=F("pro_rata_micros"))
                | Q(micros=F("artist_centric_micros")),
                name="pool_share_is_what_a_model_pays",
            ),
        ]
        ordering: ClassVar[list[str]] = ["-micros", "payee"]

    def __str__(self) -> str:
        return f"{self.micros} micros to payee {self.payee_id}"

    @property
    def source(self) -> str:
        """How the books name this row."""
        return f"payouts.poolshare:{self.pk}"

    @property
    def by_model(self) -> dict[Model, int]:
        """Micros that each model would have paid."""
        return {
            Model.USER_CENTRIC: self.user_centric_micros,
            Model.PRO_RATA: self.pro_rata_micros,
            Model.ARTIST_CENTRIC: self.artist_centric_micros,
        }
