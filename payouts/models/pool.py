"""The tables of the artists' pool: what became of a month's pool, and each payee's part of it."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from payouts.split_models import Model


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
