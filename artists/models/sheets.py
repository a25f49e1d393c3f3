"""Sheets of albums and tracks that artists send."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from artists.models.catalogue import Person
from artists.models.checks import not_empty, one_of
from megabox.claims import Claimable, unclaimed
from users.models import User


class SheetQuerySet(models.QuerySet["Sheet"]):
    """Filters over sheets."""

    def owned_by(self, user: Person) -> Self:
        """Sheets for the artists `user` manages; nobody's for a guest."""
        return self.filter(artist__owner=user) if isinstance(user, User) else self.none()

    def waiting(self, at: datetime) -> Self:
        """Sheets that should become drafts and that nobody works on at the time `at`."""
        return self.filter(unclaimed(at), state=Sheet.State.WAITING)


class Sheet(Claimable):
    """A CSV or XLSX with albums and tracks: its columns are named, then it waits, then its albums are drafts.

    `columns` are names of fields beside `headers`, the words of its first row: the next sheet of the same artist with
    the same words is read alike. `done` counts albums of `total`, of which `made` are new and `changed` were there.
    """

    class State(models.TextChoices):
        OPEN = "OPEN", "to be looked at"
        WAITING = "WAITING", "being made"
        DONE = "DONE", "done"
        FAILED = "FAILED", "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    artist = models.ForeignKey(
        "artists.Artist",
        models.CASCADE,
        related_name="sheets",
        help_text="Whose albums they are, unless a row says so.",
    )
    by = models.ForeignKey("users.User", models.PROTECT, related_name="sheets")
    filename = models.CharField(max_length=255)
    path = models.CharField(max_length=200, blank=True, default="", help_text="Empty once its bytes are deleted.")
    headers = models.JSONField(default=list)
    columns = models.JSONField(default=list)
    opens_artists = models.BooleanField(default=False, help_text="Names that are nobody's yet become artists.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    reason = models.TextField(blank=True, default="")
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    made = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    left = models.JSONField(default=list, blank=True, help_text="What was left out and why, in sentences.")
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    asked_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = SheetQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "pk"]
        indexes = [models.Index(fields=["state", "asked_at"], name="sheet_waiting")]
        constraints = [
            one_of("state", "OPEN WAITING DONE FAILED", "sheet_state"),
            not_empty("filename", "sheet_has_a_name"),
            models.CheckConstraint(condition=Q(state="FAILED") ^ Q(reason=""), name="sheet_failed_says_why"),
            models.CheckConstraint(condition=Q(done__lte=models.F("total")), name="sheet_done_of_total"),
            models.CheckConstraint(
                condition=Q(state="OPEN", asked_at__isnull=True)
                | Q(state="WAITING", asked_at__isnull=False, finished_at__isnull=True)
                | Q(state__in=["DONE", "FAILED"], asked_at__isnull=False, finished_at__isnull=False),
                name="sheet_times_follow_state",
            ),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def is_open(self) -> bool:
        """Whether it can still be looked at and changed."""
        return self.state == self.State.OPEN

    @property
    def is_waiting(self) -> bool:
        """Whether it will change by itself."""
        return self.state == self.State.WAITING
