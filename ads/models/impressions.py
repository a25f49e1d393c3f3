"""What was seen: impressions, the groups that settle them, and the days of the book."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from ads.models.campaigns import WHOLE_PERMILLE, Ad, Campaign, Place
from ads.models.wallets import Wallet
from ledger import months

GroupKey = tuple[int, str, date]
"""Campaign, beneficiary and day: what makes a group, and names that of a view."""


class BookDayManager(models.Manager["BookDay"]):
    def state(self, day: date) -> str:
        """The state of a UTC day; a day nobody has closed is OPEN."""
        found = self.filter(day=day).values_list("state", flat=True).first()
        return found or BookDay.State.OPEN

    def taking(self, at: datetime) -> date:
        """The day whose book takes what happened at `at`: its own, or the first open one if that is closed already.

        Sure only while the transaction holds a number of the line (`ads.measurement.line`): no book closes meanwhile.
        """
        day = at.date()
        last_closed: date | None = (
            self.exclude(state=BookDay.State.OPEN).order_by("-day").values_list("day", flat=True).first()
        )
        if last_closed is None or day > last_closed:
            return day
        first_open, month_closed = last_closed + timedelta(days=1), months.closed_until()
        return max(first_open, month_closed.date()) if month_closed else first_open


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


class SettlementManager(models.Manager["Settlement"]):
    def through(self) -> int:
        """Up to which number of the line every view is settled."""
        last: int | None = self.aggregate(last=models.Max("through"))["last"]
        return last or 0


class Settlement(models.Model):
    """A settlement that came to its end: each view up to the number `through` is billed, rejected or free of charge."""

    through = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()

    objects = SettlementManager()

    def __str__(self) -> str:
        return f"through {self.through}"


class ImpressionGroup(models.Model):
    """What a campaign owes one beneficiary for one day; the postings of its settlements name this row.

    `postings_count` (n), `posted_micros` and `billed_through` move in the transaction of each entry `ads:{campaign}:
    {beneficiary}:{day}:{n}`; a counted view of the group is billed when its number is not above `billed_through`.
    `gross_micros` is what of it still stands: posted less what turned out invalid. `rejected_count` counts the views
    that were counted and then rejected, billed or not: whoever summed the group up before one of them starts again.
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
    billed_through = models.BigIntegerField(default=0, db_index=True)
    rejected_count = models.PositiveBigIntegerField(default=0)

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

    @classmethod
    def of(cls, view: Impression) -> ImpressionGroup:
        """The group of a view, not saved yet."""
        return cls(
            campaign_id=view.campaign_id,
            beneficiary=view.beneficiary,
            day=view.day,
            place=view.place,
            artist_id=view.artist_id,
            shares=view.shares,
            policy_version=view.policy_version,
        )

    @property
    def key(self) -> GroupKey:
        """What makes it this group."""
        return (self.campaign_id, self.beneficiary, self.day)

    def entry_key(self, n: int) -> str:
        """The key of its n-th entry in the books."""
        return f"ads:{self.campaign_id}:{self.beneficiary}:{self.day.isoformat()}:{n}"

    @property
    def views(self) -> ImpressionQuerySet:
        """All that were counted for it, billed or not, also those that were rejected since."""
        found = Impression.objects.filter(campaign=self.campaign_id, beneficiary=self.beneficiary, day=self.day)
        return found.filter(price_micros__gt=0)


class GroupEntry(models.Model):
    """The n-th entry of a group: it billed the counted views whose numbers are above `after`, up to `through`.

    `gross_micros` is what of `posted_micros` still stands.
    """

    group = models.ForeignKey(ImpressionGroup, models.PROTECT, related_name="entries", db_index=False)
    n = models.PositiveIntegerField()
    after = models.BigIntegerField()
    through = models.BigIntegerField()
    count = models.PositiveBigIntegerField()
    posted_micros = models.BigIntegerField()
    gross_micros = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "group entries"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["group", "n"], name="group_entry_once"),
            models.UniqueConstraint(fields=["group", "through"], name="group_entry_ends_once"),
            models.CheckConstraint(
                condition=Q(n__gt=0, count__gt=0, posted_micros__gt=0, after__gte=0, through__gt=F("after")),
                name="group_entry_bills_something",
            ),
            models.CheckConstraint(
                condition=Q(gross_micros__gte=0, gross_micros__lte=F("posted_micros")),
                name="group_entry_gross_was_posted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group_id}/{self.n}"

    @property
    def views(self) -> ImpressionQuerySet:
        """The views that it billed, also those that were rejected since."""
        standing = Q(state=Impression.State.VIEWED, number__gt=self.after, number__lte=self.through)
        return self.group.views.filter(standing | Q(posting_n=self.n))


class ImpressionQuerySet(models.QuerySet["Impression"]):
    def viewed(self) -> ImpressionQuerySet:
        return self.filter(state=Impression.State.VIEWED)

    def unposted(self) -> ImpressionQuerySet:
        """Billable and not yet billed; costs what came since the last settlement."""
        ahead = ImpressionGroup.objects.filter(
            campaign=OuterRef("campaign"),
            beneficiary=OuterRef("beneficiary"),
            day=OuterRef("day"),
            billed_through__gte=OuterRef("number"),
        )
        new = self.filter(state=Impression.State.VIEWED, price_micros__gt=0, number__gt=Settlement.objects.through())
        return new.exclude(Exists(ahead))


class Impression(models.Model):
    """One ad shown at one place and then viewed or rejected; its id is the id of the token that was shown with it.

    `number` is its place in the one line in which views are billed (`ads.measurement.line`). Nothing is written here
    when it is settled: its campaign, beneficiary and day name its group, and the group's entries say which numbers they
    billed. Only a view that is rejected later keeps the n of the entry that had billed it.
    `price_micros` is what is charged: `weight_permille` of the `offered_micros` that the token froze, in whole micros.
    """

    class State(models.TextChoices):
        VIEWED = "VIEWED", "viewed"
        REJECTED = "REJECTED", "rejected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="impressions", db_index=False)
    ad = models.ForeignKey(Ad, models.PROTECT, related_name="impressions")
    place = models.CharField(max_length=10, choices=Place.choices)
    mode = models.CharField(max_length=10, default="visible", help_text="visible, audio or reading")
    price_micros = models.BigIntegerField(help_text="What is charged.")
    offered_micros = models.BigIntegerField(default=0, db_default=0, help_text="The price in the token.")
    weight_permille = models.BigIntegerField(
        default=WHOLE_PERMILLE, db_default=WHOLE_PERMILLE, help_text="How much of the offered price is charged."
    )
    lease_id = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="The lease that paid for it; empty: the budget itself."
    )
    prefix_hash = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="Artist, network prefix and day, hashed."
    )
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
    number = models.BigIntegerField(unique=True, editable=False)
    posting_n = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of a rejected view: the n of the entry that had billed it, if one had."
    )

    objects = ImpressionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(price_micros__gte=0), name="impression_price_not_negative"),
            models.CheckConstraint(
                condition=Q(offered_micros__gte=0, weight_permille__range=(0, WHOLE_PERMILLE)),
                name="impression_weight_is_a_part",
            ),
            models.CheckConstraint(condition=Q(number__gt=0), name="impression_number_positive"),
            models.CheckConstraint(
                condition=Q(state="VIEWED", reason="", rejected_at__isnull=True)
                | (Q(state="REJECTED", rejected_at__isnull=False) & ~Q(reason="")),
                name="impression_rejected_says_why",
            ),
            models.CheckConstraint(
                condition=Q(posting_n__isnull=True) | Q(state="REJECTED", posting_n__gt=0),
                name="impression_rejected_knows_its_entry",
            ),
            models.CheckConstraint(
                condition=~Q(place__in=["gate", "megakey"]) | Q(wallet__isnull=False),
                name="impression_for_credits_has_a_wallet",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["campaign", "day", "state"], name="impression_report"),
            models.Index(fields=["wallet", "viewed_at"], name="impression_wallet"),
            models.Index(fields=["day", "state"], name="impression_day"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"

    @property
    def group_key(self) -> GroupKey:
        """The group that settles it."""
        return (self.campaign_id, self.beneficiary, self.day)
