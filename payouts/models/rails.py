"""The tables of how money reaches a payee: the rails, bank accounts, and the files for the operator's bank."""

from django.conf import settings
from django.db import models
from django.db.models import Q


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

    run = models.ForeignKey("payouts.PayoutRun", models.PROTECT, related_name="files")
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
