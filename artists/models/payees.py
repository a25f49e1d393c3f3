"""Who is paid for music, and how its money is shared."""

from collections.abc import Sequence

from django.db import models
from django.db.models import Q
from django.utils import timezone

from artists.models.checks import not_empty, one_of
from megabox import money

WHOLE = 10_000
"""Basis points of a whole split sheet."""


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


class SplitSheet(models.Model):
    """How the payees' part of an album's or track's money is shared, from one version on. Never changed, only followed.

    `shares` is `[[payee id, basis points], ...]`; the basis points sum to 10 000.
    """

    album = models.ForeignKey("artists.Album", models.PROTECT, null=True, blank=True, related_name="split_sheets")
    track = models.ForeignKey("artists.Track", models.PROTECT, null=True, blank=True, related_name="split_sheets")
    version = models.PositiveIntegerField()
    shares = models.JSONField()
    by = models.ForeignKey("users.User", models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["album", "version"], name="split_sheet_album_version"),
            models.UniqueConstraint(fields=["track", "version"], name="split_sheet_track_version"),
            models.CheckConstraint(
                condition=Q(album__isnull=False, track__isnull=True) | Q(album__isnull=True, track__isnull=False),
                name="split_sheet_of_one_thing",
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="split_sheet_version"),
        ]

    def __str__(self) -> str:
        return f"version {self.version}: {self.shares}"

    @property
    def pairs(self) -> Sequence[tuple[int, int]]:
        """`(payee id, basis points)` in the sheet's order."""
        return [(int(payee_id), int(basis_points)) for payee_id, basis_points in self.shares]

    def allocate(self, micros: int) -> list[tuple[int, int]]:
        """`(payee id, micros)` in the sheet's order; the parts sum to `micros` exactly."""
        parts = money.allocate(micros, [basis_points for _, basis_points in self.pairs])
        return [(payee_id, part) for (payee_id, _), part in zip(self.pairs, parts, strict=True)]
