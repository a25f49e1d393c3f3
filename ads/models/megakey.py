"""The browser extension: which browsers earn for a wallet, and the one ad each wallet was given."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ads.models.campaigns import Ad
from ads.models.wallets import Wallet


class Pairing(models.Model):
    """A browser that earns for a wallet: first a code somebody reads off a page, then the token it was exchanged for.

    Code and token are stored as keyed hashes only. Nothing here says which browser it is or where it is.
    """

    wallet = models.ForeignKey(Wallet, models.CASCADE, related_name="pairings")
    name = models.CharField(max_length=40, blank=True, default="", help_text="What its holder calls it.")
    code_hash = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    code_ends_at = models.DateTimeField()
    token_hash = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    made_at = models.DateTimeField()
    paired_at = models.DateTimeField(null=True, blank=True)
    last_used_on = models.DateField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(code_hash__isnull=False, token_hash__isnull=True, paired_at__isnull=True)
                | Q(code_hash__isnull=True, token_hash__isnull=False, paired_at__isnull=False),
                name="pairing_is_a_code_or_a_token",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.wallet_id} {self.name}"


class OpenOffer(models.Model):
    """The ad that a wallet was given last: as long as it is neither counted nor over, there is no other.

    So a wallet earns by one ad at a time however many browsers it has, and its cap of the day is never passed.
    """

    wallet = models.OneToOneField(Wallet, models.CASCADE, primary_key=True, related_name="open_offer")
    offer_id = models.UUIDField(unique=True)
    ad = models.ForeignKey(Ad, models.CASCADE, related_name="+")
    token = models.TextField()
    ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.wallet_id} {self.offer_id}"
