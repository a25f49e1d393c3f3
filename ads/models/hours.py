"""Counters for reports, one row an hour: what was asked for, what was served, and how far ads were played."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from ads.models.campaigns import Campaign, Place


class ServedHour(models.Model):
    """How often a campaign was served at a place in one hour; an offer has no row of its own."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="served")
    place = models.CharField(max_length=10, choices=Place.choices)
    hour = models.DateTimeField()
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["campaign", "place", "hour"], name="one_row_per_served_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.place} {self.hour}: {self.count}"


class StageHour(models.Model):
    """How far the ads of a campaign were played at a place in one hour, as browsers said.

    An ad that was played to its end has passed its first quarter, its half and its third quarter too.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="stages")
    place = models.CharField(max_length=10, choices=Place.choices)
    hour = models.DateTimeField()
    started = models.PositiveBigIntegerField(default=0)
    first_quarter = models.PositiveBigIntegerField(default=0)
    half = models.PositiveBigIntegerField(default=0)
    third_quarter = models.PositiveBigIntegerField(default=0)
    completed = models.PositiveBigIntegerField(default=0)
    skipped = models.PositiveBigIntegerField(default=0)
    clicked = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["campaign", "place", "hour"], name="one_row_per_stage_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.place} {self.hour}: {self.started}"


class AskedHour(models.Model):
    """The fill rate: how often an ad was asked for at a place in one hour, and how often a paid one came.

    What an artist or the house shows for nothing does not fill.
    """

    place = models.CharField(max_length=10, choices=Place.choices)
    hour = models.DateTimeField()
    asked = models.PositiveBigIntegerField(default=0)
    filled = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["place", "hour"], name="one_row_per_asked_hour"),
            models.CheckConstraint(condition=Q(asked__gte=F("filled")), name="asked_hour_fills_what_was_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.place} {self.hour}: {self.filled}/{self.asked}"
