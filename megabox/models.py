"""What the map keeps: every check of the books that was asked for and what it found, and every export for an auditor.

The rows of a room belong to the room; these are about all rooms at once.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from megabox.claims import Claimable


class Job(Claimable):
    """Long work that somebody asked for: it waits, a worker takes it, and its end is kept.

    A running job whose claim is over has lost its worker; another takes it, a few times.
    """

    class State(models.TextChoices):
        WAITING = "WAITING", "waiting"
        RUNNING = "RUNNING", "running"
        DONE = "DONE", "done"
        FAILED = "FAILED", "failed"

    class Origin(models.TextChoices):
        CLOCK = "CLOCK", "the clock"
        DESK = "DESK", "the desk"
        COMMAND = "COMMAND", "the command line"

    OPEN: ClassVar[tuple[str, ...]] = (State.WAITING, State.RUNNING)

    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    origin = models.CharField(max_length=10, choices=Origin)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True, default="", help_text="Why it failed; empty when it did not.")

    class Meta:
        abstract = True
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="WAITING"), name="%(class)s_one_waiting"),
            models.CheckConstraint(
                condition=Q(state="WAITING", started_at__isnull=True, finished_at__isnull=True)
                | Q(state="RUNNING", started_at__isnull=False, finished_at__isnull=True)
                | Q(state__in=["DONE", "FAILED"], started_at__isnull=False, finished_at__isnull=False),
                name="%(class)s_times_follow_state",
            ),
            models.CheckConstraint(condition=Q(state="FAILED") ^ Q(error=""), name="%(class)s_failed_says_why"),
        ]

    @property
    def is_open(self) -> bool:
        """Whether it will change by itself, as long as there are workers."""
        return self.state in self.OPEN

    @property
    def who(self) -> str:
        """Who asked for it."""
        return str(self.asked_by) if self.asked_by else self.get_origin_display()


class AuditRun(Job):
    """One check of all books: what was asked, over how many rows, and what was found.

    `checks` has a row for every check that is finished, in order: room, name, over, rows, findings, seconds.
    `findings` holds the first of each check; `findings_count` counts all. `mark` tells equal sets of findings.
    """

    checks_count = models.PositiveIntegerField(default=0, help_text="How many checks there are to do.")
    checks = models.JSONField(default=list, blank=True)
    findings_count = models.PositiveIntegerField(default=0)
    findings = models.JSONField(default=list, blank=True)
    mark = models.CharField(max_length=64, blank=True, default="")

    def __str__(self) -> str:
        return f"check {self.pk} of the books"

    @property
    def is_clean(self) -> bool:
        """Whether it looked at everything and found nothing."""
        return self.state == self.State.DONE and not self.findings_count


class BooksExport(Job):
    """The auditor's folder as one zip: made by a worker, kept for a while, described here for ever.

    `manifest_sha256` names its content: the same books give the same.
    """

    until = models.DateField(null=True, blank=True, help_text="The last day in it; empty means everything.")
    path = models.CharField(max_length=200, blank=True, default="", help_text="Its zip; empty before and after.")
    size_bytes = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(default=0)
    manifest_sha256 = models.CharField(max_length=64, blank=True, default="")

    def __str__(self) -> str:
        return f"export {self.pk} of the books"

    @property
    def filename(self) -> str:
        """What the zip is called when it is saved."""
        return f"megabox-books-{self.until or 'all'}-{self.pk}.zip"
