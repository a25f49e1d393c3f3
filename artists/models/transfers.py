"""Files that arrive in pieces, over days if need be."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q, Sum
from django.utils import timezone

from artists.models.catalogue import Person
from artists.models.checks import not_empty, one_of
from megabox.claims import Claimable, unclaimed
from users.models import User


class TransferQuerySet(models.QuerySet["Transfer"]):
    """Filters over transfers."""

    def owned_by(self, user: Person) -> Self:
        """Transfers to albums of the artists `user` manages; nobody's for a guest."""
        return self.filter(album__artist__owner=user) if isinstance(user, User) else self.none()

    def unfinished(self) -> Self:
        """Transfers whose bytes are missing, or not stored yet: they keep room for themselves."""
        return self.filter(state__in=[Transfer.State.RECEIVING, Transfer.State.ARRIVED])

    def waiting(self, at: datetime) -> Self:
        """Transfers whose bytes are all here and that nobody stores at the time `at`."""
        return self.filter(unclaimed(at), state=Transfer.State.ARRIVED)

    def reserved_bytes(self) -> int:
        """Bytes that unfinished transfers will have when they are whole."""
        return self.unfinished().aggregate(sum=Sum("size_bytes"))["sum"] or 0

    def missing_bytes(self) -> int:
        """Bytes that are still to come."""
        return self.unfinished().aggregate(sum=Sum(F("size_bytes") - F("offset_bytes")))["sum"] or 0


class Transfer(Claimable):
    """One file on its way in by pieces: receiving, arrived, then ended as uploads, or refused with a reason in words.

    `offset_bytes` is how many bytes count, whatever else lies on the disk. A claim says which request may write now.
    """

    class State(models.TextChoices):
        RECEIVING = "RECEIVING", "receiving"
        ARRIVED = "ARRIVED", "arrived"
        ENDED = "ENDED", "ended"
        REFUSED = "REFUSED", "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    album = models.ForeignKey("artists.Album", models.CASCADE, related_name="transfers")
    by = models.ForeignKey("users.User", models.PROTECT, related_name="transfers")
    filename = models.CharField(max_length=255)
    fingerprint = models.CharField(
        max_length=200, blank=True, default="", help_text="How a browser knows the file again: not ours to interpret."
    )
    size_bytes = models.BigIntegerField()
    offset_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="", help_text="Known once it is being stored.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RECEIVING)
    reason = models.TextField(blank=True, default="")
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    objects = TransferQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "pk"]
        indexes = [
            models.Index(fields=["state", "created_at"], name="transfer_waiting"),
            models.Index(fields=["expires_at"], name="transfer_expires"),
        ]
        constraints = [
            one_of("state", "RECEIVING ARRIVED ENDED REFUSED", "transfer_state"),
            not_empty("filename", "transfer_has_a_name"),
            models.CheckConstraint(condition=Q(size_bytes__gt=0), name="transfer_has_bytes"),
            models.CheckConstraint(
                condition=Q(offset_bytes__gte=0, offset_bytes__lte=F("size_bytes")), name="transfer_offset"
            ),
            models.CheckConstraint(
                condition=Q(state="RECEIVING", offset_bytes__lt=F("size_bytes"))
                | (~Q(state="RECEIVING") & Q(offset_bytes=F("size_bytes"))),
                name="transfer_arrived_is_whole",
            ),
            models.CheckConstraint(condition=~Q(state="REFUSED") | ~Q(reason=""), name="transfer_refused_has_a_reason"),
        ]

    def __str__(self) -> str:
        return self.filename
