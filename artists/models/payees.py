"""Who is paid for music."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from artists.models.checks import not_empty, one_of

WHOLE = 10_000
"""Basis points of all that payees share."""


class Payee(models.Model):
    """Whoever is paid: an artist, a collaborator or a label. Its books are in the ledger, under its id."""

    class Kind(models.TextChoices):
        ARTIST = "ARTIST", "artist"
        COLLABORATOR = "COLLABORATOR", "collaborator"
        LABEL = "LABEL", "label"

    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.ARTIST)
    name = models.CharField(max_length=200)
    user = models.ForeignKey("users.User", models.SET_NULL, null=True, blank=True, related_name="payees")
    country = models.CharField(max_length=2, blank=True, default="")
    stripe_account = models.CharField(max_length=100, blank=True, default="")
    threshold_micros = models.BigIntegerField(
        null=True, blank=True, help_text="The least that is paid out; empty means the policy's."
    )
    is_payouts_enabled = models.BooleanField(default=False)
    bank_changed_at = models.DateTimeField(null=True, blank=True)
    bank_fingerprint = models.CharField(
        max_length=64, blank=True, default="", help_text="SHA-256 of the bank accounts that Stripe told us last."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            not_empty("name", "payee_has_a_name"),
            one_of("kind", "ARTIST COLLABORATOR LABEL", "payee_kind"),
            models.CheckConstraint(
                condition=Q(threshold_micros__isnull=True) | Q(threshold_micros__gt=0), name="payee_threshold"
            ),
        ]

    def __str__(self) -> str:
        return self.name
