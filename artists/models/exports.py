"""Exports: all that an artist ever gave us and said, as one zip to keep."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from artists.models.catalogue import Person
from artists.models.checks import one_of
from megabox.claims import Claimable, unclaimed
from users.models import User


class ExportQuerySet(models.QuerySet["Export"]):
    """Filters over exports."""

    def owned_by(self, user: Person) -> Self:
        """Exports of the artists `user` manages; nobody's for a guest."""
        return self.filter(artist__owner=user) if isinstance(user, User) else self.none()

    def waiting(self, at: datetime) -> Self:
        """Exports that should be made and that nobody works on at the time `at`."""
        return self.filter(unclaimed(at), state=Export.State.WAITING)


class Export(Claimable):
    """The masters, covers and words of an artist, or of one album, as a zip that is computed while it is sent.

    A worker writes what is said into small files in `folder`, and reads every master once, for its sum.
    """

    class State(models.TextChoices):
        WAITING = "WAITING", "being made"
        READY = "READY", "ready"
        FAILED = "FAILED", "failed"
        GONE = "GONE", "deleted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    artist = models.ForeignKey("artists.Artist", models.CASCADE, related_name="exports")
    album = models.ForeignKey("artists.Album", models.CASCADE, null=True, blank=True, related_name="exports")
    by = models.ForeignKey("users.User", models.PROTECT, related_name="exports")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    reason = models.TextField(blank=True, default="")
    total = models.PositiveIntegerField(default=0, help_text="How many masters there are to read.")
    done = models.PositiveIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0, help_text="Of the zip, once it is ready.")
    tries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "pk"]
        indexes = [models.Index(fields=["state", "asked_at"], name="export_waiting")]
        constraints = [
            one_of("state", "WAITING READY FAILED GONE", "export_state"),
            models.UniqueConstraint(
                fields=["artist"], condition=Q(state="WAITING", album__isnull=True), name="export_one_waiting"
            ),
            models.UniqueConstraint(
                fields=["album"], condition=Q(state="WAITING", album__isnull=False), name="export_of_album_one_waiting"
            ),
            models.CheckConstraint(condition=Q(state="FAILED") ^ Q(reason=""), name="export_failed_says_why"),
            models.CheckConstraint(
                condition=Q(state="WAITING") ^ Q(finished_at__isnull=False), name="export_ended_has_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"export of {self.album or self.artist}"

    @property
    def folder(self) -> str:
        """Where its small files are in the private storage."""
        return f"exports/{self.pk}"

    @property
    def is_waiting(self) -> bool:
        """Whether it will change by itself."""
        return self.state == self.State.WAITING
