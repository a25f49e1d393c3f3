"""What was seen: impressions, the groups that settle them, the days of the book, and what browsers said."""

from __future__ import annotations

import uuid
from datetime import date
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from ads.models.campaigns import Ad, Campaign, Place
from ads.models.wallets import Wallet


class BookDayManager(models.Manager["BookDay"]):
    def state(self, day: date) -> str:
        """The state of a UTC day; a day nobody has closed is OPEN."""
        found = self.filter(day=day).values_list("state", flat=True).first()
        return found or BookDay.State.OPEN

    def is_final(self, day: date) -> bool:
        return self.state(day) == BookDay.State.FINAL


class BookDay(models.Model):
    """One UTC day of impressions: OPEN, then CLOSED when no token of it can come any more, then FINAL for ever."""

    class State(models.TextChoices):
        OPEN = "OPEN", "open"
        CLOSED = "CLOSED", "closed"
        FINAL = "FINAL", "final"

    day = models.DateField(unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    final_at = models.DateTimeField(null=True, blank=True)

    objects = BookDayManager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state="OPEN", closed_at__isnull=True, final_at__isnull=True)
                | Q(state="CLOSED", closed_at__isnull=False, final_at__isnull=True)
                | Q(state="FINAL", closed_at__isnull=False, final_at__isnull=False),
                name="book_day_times_follow_state",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.state}"


class ImpressionGroup(models.Model):
    """What a campaign owes one beneficiary for one day; the postings of its settlements name this row.

    `postings_count` (n) and `posted_micros` move in the transaction of each entry `ads:{campaign}:{beneficiary}:
    {day}:{n}`. `gross_micros` is what of it still stands: posted less what turned out invalid.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="groups")
    beneficiary = models.CharField(max_length=60)
    day = models.DateField()
    place = models.CharField(max_length=10, choices=Place.choices)
    artist = models.ForeignKey("artists.Artist", models.PROTECT, null=True, blank=True, related_name="+")
    shares = models.JSONField(default=list, blank=True)
    policy_version = models.PositiveIntegerField()
    count = models.PositiveBigIntegerField(default=0)
    gross_micros = models.BigIntegerField(default=0)
    posted_micros = models.BigIntegerField(default=0)
    postings_count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["campaign", "beneficiary", "day"], name="one_group_per_day"),
            models.CheckConstraint(
                condition=Q(gross_micros__gte=0, gross_micros__lte=F("posted_micros")), name="group_gross_was_posted"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["day"], name="group_day")]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.beneficiary} {self.day}"

    @property
    def source(self) -> str:
        """How postings name this row."""
        return f"ads.group:{self.pk}"


class ImpressionQuerySet(models.QuerySet["Impression"]):
    def viewed(self) -> ImpressionQuerySet:
        return self.filter(state=Impression.State.VIEWED)

    def unposted(self) -> ImpressionQuerySet:
        """Billable and not yet in any settled group; served by a partial index."""
        return self.filter(state=Impression.State.VIEWED, price_micros__gt=0, group__isnull=True)


class Impression(models.Model):
    """One ad shown at one place and then viewed or rejected; its id is the id of the token that was shown with it."""

    class State(models.TextChoices):
        VIEWED = "VIEWED", "viewed"
        REJECTED = "REJECTED", "rejected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="impressions", db_index=False)
    ad = models.ForeignKey(Ad, models.PROTECT, related_name="impressions")
    place = models.CharField(max_length=10, choices=Place.choices)
    mode = models.CharField(max_length=10, default="visible", help_text="visible, audio or reading")
    price_micros = models.BigIntegerField()
    artist = models.ForeignKey("artists.Artist", models.PROTECT, null=True, blank=True, related_name="+")
    album = models.ForeignKey("artists.Album", models.PROTECT, null=True, blank=True, related_name="+")
    wallet = models.ForeignKey(
        Wallet, models.PROTECT, null=True, blank=True, related_name="impressions", db_index=False
    )
    beneficiary = models.CharField(max_length=60)
    shares = models.JSONField(default=list, blank=True, help_text="[[payee id, basis points], ...] as offered.")
    policy_version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices)
    reason = models.CharField(max_length=40, blank=True, default="")
    viewed_at = models.DateTimeField()
    clicked_at = models.DateTimeField(null=True, blank=True)
    rejected_at = models.DateTimeField(null=True, blank=True)
    day = models.DateField()
    group = models.ForeignKey(
        ImpressionGroup, models.PROTECT, null=True, blank=True, related_name="impressions", db_index=False
    )
    posting_n = models.PositiveIntegerField(null=True, blank=True, help_text="The n of the entry that billed it.")

    objects = ImpressionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(price_micros__gte=0), name="impression_price_not_negative"),
            models.CheckConstraint(
                condition=Q(state="VIEWED", reason="", rejected_at__isnull=True)
                | (Q(state="REJECTED", rejected_at__isnull=False) & ~Q(reason="")),
                name="impression_rejected_says_why",
            ),
            models.CheckConstraint(
                condition=Q(group__isnull=True, posting_n__isnull=True) | Q(group__isnull=False, posting_n__gt=0),
                name="impression_posted_knows_its_entry",
            ),
            models.CheckConstraint(
                condition=~Q(place__in=["gate", "megakey"]) | Q(wallet__isnull=False),
                name="impression_for_credits_has_a_wallet",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["day", "campaign", "beneficiary"],
                name="impression_unposted",
                condition=Q(state="VIEWED", price_micros__gt=0, group__isnull=True),
            ),
            models.Index(fields=["group", "posting_n"], name="impression_group"),
            models.Index(fields=["campaign", "day", "state"], name="impression_report"),
            models.Index(fields=["wallet", "viewed_at"], name="impression_wallet"),
            models.Index(fields=["day", "state"], name="impression_day"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"


class AdEvent(models.Model):
    """One thing a browser said about one token; the unique key is what makes counting happen once."""

    class Stage(models.TextChoices):
        STARTED = "started", "started"
        VIEWED = "viewed", "viewed"
        COMPLETED = "completed", "completed"
        SKIPPED = "skipped", "skipped"
        CLICKED = "clicked", "clicked"

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
