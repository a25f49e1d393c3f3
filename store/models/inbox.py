"""The table of Stripe's inbox."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from megabox.claims import Claimable


class StripeEvent(Claimable):
    """Stripe's inbox: every event is stored once, answered at once, and worked on afterwards."""

    class State(models.TextChoices):
        RECEIVED = "RECEIVED", "waiting"
        PROCESSED = "PROCESSED", "done"
        PARKED = "PARKED", "needs a person"

    event_id = models.CharField(max_length=100, unique=True)
    type = models.CharField(max_length=80)
    payload = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    received_at = models.DateTimeField(default=timezone.now)
    next_try_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["state", "next_try_at"], name="event_waiting")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state="PROCESSED", processed_at__isnull=False) | ~Q(state="PROCESSED"),
                name="event_processed_has_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
