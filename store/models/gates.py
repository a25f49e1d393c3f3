"""The tables of free downloads: a gate, and the ads offered at it."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from store.models.belonging import Belonging, one_of


class Gate(models.Model):
    """One wish for a free download: which music in which format, what it costs in credits, and whether it is granted.

    GRANTED and the entry that spends the credits are written in one transaction. `asked_micros` is the credit price in
    money micros; it only ever falls, so that nobody is turned away because ads ran out.
    """

    class State(models.TextChoices):
        OPEN = "OPEN", "open"
        GRANTED = "GRANTED", "granted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    wallet = models.ForeignKey("ads.Wallet", models.PROTECT, related_name="gates")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="gates")
    guest_key = models.CharField(max_length=64, blank=True, default="")
    album = models.ForeignKey("artists.Album", models.PROTECT, null=True, blank=True, related_name="gates")
    track = models.ForeignKey("artists.Track", models.PROTECT, null=True, blank=True, related_name="gates")
    recipe = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    asked_micros = models.BigIntegerField()
    spent_micros = models.BigIntegerField(default=0)
    is_on_the_house = models.BooleanField(default=False)
    entry_key = models.CharField(max_length=200, unique=True, null=True, blank=True)
    opened_at = models.DateTimeField(default=timezone.now)
    granted_at = models.DateTimeField(null=True, blank=True)

    objects = Belonging.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["wallet", "state"], name="gate_of_wallet"),
            models.Index(fields=["state", "opened_at"], name="gate_waiting"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=one_of("album", "track"), name="gate_is_one_thing"),
            models.CheckConstraint(
                condition=Q(asked_micros__gte=0, spent_micros__gte=0), name="gate_amounts_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN", granted_at=None, entry_key=None, spent_micros=0)
                | Q(state="GRANTED", granted_at__isnull=False, entry_key__isnull=False, spent_micros__gt=0)
                | Q(state="GRANTED", granted_at__isnull=False, entry_key=None, spent_micros=0),
                name="gate_granted_has_its_entry",
            ),
        ]

    def __str__(self) -> str:
        return f"gate {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("store:gate", args=[self.pk])

    @property
    def source(self) -> str:
        """How postings name this gate."""
        return f"store.gate:{self.pk}"


class GateView(models.Model):
    """One ad offered at a gate. `token_id` is the id of its token, and of its impression once it was viewed."""

    gate = models.ForeignKey(Gate, models.CASCADE, related_name="views")
    token_id = models.UUIDField(unique=True)
    price_micros = models.BigIntegerField()
    offered_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["offered_at", "id"]

    def __str__(self) -> str:
        return f"view {self.token_id}"
