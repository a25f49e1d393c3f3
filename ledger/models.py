"""The tables of the books: accounts, entries, postings, guarded balances, closed months and the versions of the policy.

Entries and postings are append-only: `ledger.triggers` makes the database itself refuse changes. Nothing but
`ledger.journal` writes them. All amounts are whole micros of their unit (see docs/money.md).
"""

from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import Exact


class Kind(models.TextChoices):
    """What an account counts; assets and expenses grow by debits, liabilities and revenue by credits."""

    ASSET = "asset", "Asset"
    LIABILITY = "liability", "Liability"
    REVENUE = "revenue", "Revenue"
    EXPENSE = "expense", "Expense"
    CONTRA = "contra", "Credits contra"  # the other side of every movement of ad credits


class Account(models.Model):
    """One account of the chart. Opened on first use by `ledger.chart`, never changed, never deleted."""

    id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    unit = models.CharField(max_length=3)
    is_debit_normal = models.BooleanField()
    is_guarded = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="contra")
                | Q(kind__in=["asset", "expense"], is_debit_normal=True)
                | Q(kind__in=["liability", "revenue"], is_debit_normal=False),
                name="account_side_follows_kind",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Entry(models.Model):
    """One business event. Its key makes posting it idempotent, its digest covers all of its content."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)
    why = models.CharField(max_length=200, blank=True, default="")
    occurred_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return self.key


class Posting(models.Model):
    """One movement: an amount leaves nothing unbalanced, it debits one account and credits another of one unit.

    `source` names the row that earned or caused it (`store.line:77`), `facts` are frozen for statements and are
    never read by the ledger, `matures_on` is the day a payee's pending credit becomes payable, `reverses` is
    the posting that this one takes back, in whole or in part.
    """

    id = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="postings", db_index=False)
    line = models.PositiveIntegerField()
    debit = models.ForeignKey(Account, models.PROTECT, related_name="debits", db_index=False)
    credit = models.ForeignKey(Account, models.PROTECT, related_name="credits", db_index=False)
    unit = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    source = models.CharField(max_length=100, blank=True, default="", db_index=True)
    facts = models.JSONField(default=dict, blank=True)
    matures_on = models.DateField(null=True, blank=True)
    reverses = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="reversals", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "line"], name="posting_line_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="posting_amount_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="posting_two_accounts"),
            models.CheckConstraint(
                condition=~Q(unit="XCR") | Q(Exact(F("amount") % 1000, 0)),
                name="posting_xcr_whole_micros_of_money",
            ),
        ]
        indexes = [
            # By id within an account: what is new since a snapshot is found without touching what is old.
            models.Index(fields=["debit", "id"], name="posting_debit"),
            models.Index(fields=["credit", "id"], name="posting_credit"),
            models.Index(
                fields=["credit", "matures_on"], name="posting_credit_maturity", condition=Q(matures_on__isnull=False)
            ),
            models.Index(
                fields=["debit", "matures_on"], name="posting_debit_maturity", condition=Q(matures_on__isnull=False)
            ),
            models.Index(fields=["reverses"], name="posting_reverses", condition=Q(reverses__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}/{self.line}: {self.amount} {self.unit}"


class Balance(models.Model):
    """The cached balance of a guarded account, never below zero. Only guarded accounts have one."""

    account = models.OneToOneField(Account, models.PROTECT, primary_key=True, related_name="cached")
    amount = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="balance_never_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.amount}"


class Month(models.Model):
    """A closed month: nothing occurs in it any more, nor in any month before it. The database refuses it.

    No posting up to the month's end has an id above `last_posting`; none after it has one below `first_after`.
    """

    month = models.DateField(primary_key=True)  # its first day
    ends_at = models.DateTimeField(unique=True)  # the first moment after it, UTC
    closed_at = models.DateTimeField()
    last_posting = models.BigIntegerField()
    first_after = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class Snapshot(models.Model):
    """What every account held when a closed month ended, so that a past balance costs only what came since."""

    month = models.OneToOneField(Month, models.PROTECT, primary_key=True, related_name="snapshot")
    taken_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"snapshot of {self.month_id:%Y-%m}"


class SnapshotLine(models.Model):
    """All that was ever debited and credited to one account until a month's end, in micros of its unit."""

    id = models.BigAutoField(primary_key=True)
    snapshot = models.ForeignKey(Snapshot, models.PROTECT, related_name="lines", db_index=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="snapshots", db_index=False)
    debits = models.BigIntegerField()
    credits = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "snapshot"], name="snapshot_account_once"),
            models.CheckConstraint(condition=Q(debits__gte=0) & Q(credits__gte=0), name="snapshot_totals_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.snapshot_id:%Y-%m}/{self.account_id}"


class Policy(models.Model):
    """One version of the rules that turn prices into shares. Never changed: a new rule is a new version."""

    version = models.PositiveIntegerField(primary_key=True)
    effective_at = models.DateTimeField(unique=True)
    commission_basis_points = models.PositiveIntegerField()
    sale_maturity_days = models.PositiveIntegerField()
    ads_maturity_days = models.PositiveIntegerField()
    payout_threshold_micros = models.BigIntegerField()
    payout_threshold_min_micros = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(commission_basis_points__lte=10_000), name="policy_commission_is_a_share"
            ),
            models.CheckConstraint(
                condition=Q(payout_threshold_min_micros__gt=0)
                & Q(payout_threshold_micros__gte=F("payout_threshold_min_micros")),
                name="policy_thresholds_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"policy {self.version}"
