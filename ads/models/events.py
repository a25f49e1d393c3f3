"""What browsers said about ads, and how far the stream of it was read."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ads.models.campaigns import Campaign


class AdEvent(models.Model):
    """One thing a browser said about one token; the unique key is what makes counting happen once."""

    class Stage(models.TextChoices):
        STARTED = "started", "started"
        VIEWED = "viewed", "viewed"
        COMPLETED = "completed", "completed"
        SKIPPED = "skipped", "skipped"
        CLICKED = "clicked", "clicked"

    ENDED: ClassVar[str] = "ended"
    """No stage a browser reports: the first of an ad's ends leaves it beside its own, so that it ends once."""

    token_id = models.UUIDField()
    stage = models.CharField(max_length=10, choices=Stage.choices)
    payload_hash = models.CharField(max_length=64)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+")
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["token_id", "stage"], name="one_event_per_token_and_stage"),
        ]

    def __str__(self) -> str:
        return f"{self.token_id} {self.stage}"


class StreamOffset(models.Model):
    """The last entry of a stream that was counted; it moves in the transaction that counted it, so nothing is twice."""

    name = models.CharField(max_length=100, unique=True)
    last_id = models.CharField(max_length=50, default="0-0")

    def __str__(self) -> str:
        return f"{self.name} {self.last_id}"


class ParkedReport(models.Model):
    """An entry of a stream that could not be counted, whole, with a sentence that says why; nothing waits for it."""

    stream = models.CharField(max_length=100)
    entry_id = models.CharField(max_length=50)
    entry = models.JSONField(help_text="All it said, field by field.")
    problem = models.CharField(max_length=300)
    parked_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["stream", "entry_id"], name="one_parked_report_per_entry"),
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.entry_id}: {self.problem}"
