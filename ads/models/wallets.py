"""Who earns credits: the wallets of listeners and guests."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from ledger import chart, journal
from megabox import money


class Wallet(models.Model):
    """A listener's or a guest's credits; the balance is `wallet:{id}:credits` in the books.

    `open_view` is the one gate view that may be completed: starting another closes it. `merged_into` is the wallet
    that took over the credits of a guest who logged in.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="wallet")
    guest_key = models.CharField(max_length=64, unique=True, null=True, blank=True)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="merged_from")
    open_view = models.UUIDField(null=True, blank=True)
    proven_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when it is known to be a person's: a confirmed account, or a purchase."
    )
    blocked_at = models.DateTimeField(null=True, blank=True)
    blocked_reason = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # None of the three: the person has been forgotten, the books have not.
            models.CheckConstraint(
                condition=Q(user__isnull=True, guest_key__isnull=True)
                | Q(user__isnull=True, merged_into__isnull=True)
                | Q(guest_key__isnull=True, merged_into__isnull=True),
                name="wallet_has_one_holder",
            ),
            models.CheckConstraint(condition=~Q(guest_key=""), name="wallet_guest_key_not_empty"),
        ]

    def __str__(self) -> str:
        return f"wallet {self.pk}"

    def balance_xcr(self) -> int:
        """XCR micros: 1 000 000 a credit."""
        return journal.balance(chart.wallet(self.pk))

    def balance_micros(self) -> int:
        """Money micros behind the credits: 1 000 a credit."""
        return money.xcr_to_micros(self.balance_xcr())
