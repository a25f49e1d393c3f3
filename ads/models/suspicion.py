"""What keeps invalid traffic out: counts that nobody can trace, alarms, and what the staff decided."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from megabox.claims import Claimable


class DayKey(models.Model):
    """The key that network prefixes of one UTC day are hashed with; empty once it was destroyed, and then for ever."""

    day = models.DateField(primary_key=True)
    key = models.BinaryField(null=True, blank=True)
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(key__isnull=False, destroyed_at__isnull=True)
                | Q(key__isnull=True, destroyed_at__isnull=False),
                name="day_key_is_there_or_destroyed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day}"


class PrefixCount(models.Model):
    """How many unproven views came for one artist from one network prefix on one day; `digest` names all three."""

    day = models.DateField(db_index=True)
    digest = models.CharField(max_length=64, unique=True)
    n = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.day} {self.digest}: {self.n}"


class SeenHour(models.Model):
    """How many views of one hour counted for a campaign, an artist, or all together; what spikes are measured by."""

    scope = models.CharField(max_length=20)
    key = models.CharField(max_length=100, blank=True)
    hour = models.DateTimeField()
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["scope", "key", "hour"], name="one_row_per_seen_hour"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["hour"], name="seen_hour")]

    def __str__(self) -> str:
        return f"{self.scope} {self.key} {self.hour}: {self.count}"


class Spike(models.Model):
    """An hour in which something saw far more views than usual, for the staff to look at."""

    class State(models.TextChoices):
        OPEN = "OPEN", "to be looked at"
        CLEARED = "CLEARED", "found harmless"
        INVALID = "INVALID", "found invalid"

    scope = models.CharField(max_length=20, help_text="What kind of thing it is about: campaign, artist, place ...")
    key = models.CharField(max_length=100, help_text="Which one.")
    hour = models.DateTimeField()
    seen = models.PositiveBigIntegerField(help_text="Views in that hour.")
    usual = models.PositiveBigIntegerField(help_text="Views in such an hour as a rule.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["scope", "key", "hour"], name="one_spike_an_hour"),
            models.CheckConstraint(
                condition=Q(state="OPEN", decided_at__isnull=True) | (~Q(state="OPEN") & Q(decided_at__isnull=False)),
                name="spike_decided_has_a_time",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["hour"], name="spike_open", condition=Q(state="OPEN")),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.key} {self.hour}: {self.seen} instead of {self.usual}"


class Invalidation(Claimable):
    """An order of the staff to reject many views at once; workers do it in steps, and it can be killed between two.

    `criteria` says which views, `through` up to which number of the line; `done` of `total` are rejected. `tries`
    counts how often it was begun since a step last worked, whoever was killed: after the last one it is given up.
    """

    class State(models.TextChoices):
        OPEN = "OPEN", "at work"
        DONE = "DONE", "done"
        STOPPED = "STOPPED", "stopped"
        FAILED = "FAILED", "given up"

    criteria = models.JSONField()
    reason = models.CharField(max_length=40)
    note = models.CharField(max_length=500, blank=True, default="")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    through = models.BigIntegerField()
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField()
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    problem = models.CharField(max_length=500, blank=True, default="", db_default="", help_text="Why it failed last.")
    next_try_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(total__gte=F("done")), name="invalidation_does_what_it_counted"),
            models.CheckConstraint(
                condition=Q(state="OPEN", ended_at__isnull=True) | (~Q(state="OPEN") & Q(ended_at__isnull=False)),
                name="invalidation_ended_has_a_time",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="invalidation_has_a_reason"),
            models.CheckConstraint(condition=~Q(state="FAILED") | ~Q(problem=""), name="invalidation_failed_says_why"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["created_at"], name="invalidation_open", condition=Q(state="OPEN")),
        ]

    def __str__(self) -> str:
        return f"{self.reason}: {self.done} of {self.total}"
