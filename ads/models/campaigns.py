"""Who pays: advertisers, their campaigns and ads, and the counters that say what was spent and served."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils import timezone

from ledger import chart, journal
from megabox import money
from megabox.claims import Claimable

if TYPE_CHECKING:
    from users.models import User

LEAST_CPM_MICROS = 10_000
MOST_CPM_MICROS = 1_000 * money.MICROS
MOST_BUDGET_MICROS = money.MAX_AMOUNT_MICROS
MOST_FREQUENCY = 100


class Place(models.TextChoices):
    """Where an ad is shown. At the gate and in Megakey the listener is paid, beside music the artist is."""

    GATE = "gate", "Before a free download"
    PLAYER = "player", "In the player"
    PAGE = "page", "On artist, album and track pages"
    MEGAKEY = "megakey", "In the Megakey extension"


BESIDE_MUSIC = (Place.PLAYER, Place.PAGE)


class AdvertiserQuerySet(models.QuerySet["Advertiser"]):
    def owned_by(self, user: User) -> AdvertiserQuerySet:
        """The advertisers that `user` runs."""
        return self.filter(owner=user)


class Advertiser(models.Model):
    """Somebody who prepays for impressions; the prepaid money is `advertiser:{id}:prepaid` in the books."""

    # The books keep the advertiser when the person asks to be forgotten.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="advertisers"
    )
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when nothing of theirs is shown: a payment is disputed."
    )

    objects = AdvertiserQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint("owner", Lower("name"), name="one_advertiser_per_owner_and_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def prepaid_micros(self) -> int:
        """What is left of the deposits in the books, settled to the last hour."""
        return journal.balance(chart.prepaid(self.pk, settings.ADS_CURRENCY))

    def owed_micros(self) -> int:
        """What they owe us after money was taken back that was spent already."""
        return journal.balance(chart.advertiser_owed(self.pk, settings.ADS_CURRENCY))


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def owned_by(self, user: User) -> CampaignQuerySet:
        """The campaigns that `user` runs."""
        return self.filter(advertiser__owner=user)

    def paid(self) -> CampaignQuerySet:
        return self.filter(kind=Campaign.Kind.PAID)

    def live(self) -> CampaignQuerySet:
        return self.filter(state=Campaign.State.LIVE)


class Campaign(models.Model):
    """What an advertiser wants shown, where, when, for at most how much; a viewed impression costs cpm / 1 000."""

    class Kind(models.TextChoices):
        PAID = "PAID", "paid"
        HOUSE = "HOUSE", "house ad"

    class State(models.TextChoices):
        DRAFT = "DRAFT", "draft"
        LIVE = "LIVE", "live"
        PAUSED = "PAUSED", "paused"
        ENDED = "ENDED", "ended"

    advertiser = models.ForeignKey(Advertiser, models.PROTECT, null=True, blank=True, related_name="campaigns")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PAID)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    budget_micros = models.BigIntegerField(default=0)
    spent_micros = models.BigIntegerField(default=0, help_text="Prices of all viewed impressions, settled or not.")
    daily_cap_micros = models.BigIntegerField(null=True, blank=True)
    cpm_micros = models.BigIntegerField(help_text="Price of a thousand viewed impressions.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    places = models.JSONField(default=list, help_text="Where it may be shown.")
    genres = models.JSONField(default=list, blank=True, help_text="Beside or for which music; empty: any.")
    countries = models.JSONField(default=list, blank=True, help_text="ISO codes; empty: any.")
    frequency_cap = models.PositiveSmallIntegerField(default=10, help_text="Views per listener and day.")
    created_at = models.DateTimeField(default=timezone.now)
    went_live_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True, help_text="When it was last paused or ended.")
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(kind="HOUSE", cpm_micros=0, budget_micros=0, advertiser__isnull=True)
                | Q(
                    kind="PAID",
                    cpm_micros__range=(LEAST_CPM_MICROS, MOST_CPM_MICROS),
                    budget_micros__range=(0, MOST_BUDGET_MICROS),
                    advertiser__isnull=False,
                ),
                name="campaign_is_paid_or_house",
            ),
            models.CheckConstraint(condition=Exact(F("cpm_micros") % 1000, 0), name="campaign_price_is_exact"),
            models.CheckConstraint(
                condition=Q(spent_micros__gte=0, spent_micros__lte=F("budget_micros")), name="campaign_within_budget"
            ),
            models.CheckConstraint(
                condition=Q(daily_cap_micros__isnull=True) | Q(daily_cap_micros__gt=0), name="campaign_cap_positive"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")), name="campaign_dates_in_order"
            ),
            models.CheckConstraint(
                condition=Q(frequency_cap__range=(1, MOST_FREQUENCY)), name="campaign_frequency_sane"
            ),
            models.CheckConstraint(
                condition=Q(state="ENDED", ended_at__isnull=False) | (~Q(state="ENDED") & Q(ended_at__isnull=True)),
                name="campaign_ended_has_a_time",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["state", "starts_at"], name="campaign_state")]

    def __str__(self) -> str:
        return self.name

    @property
    def price_micros(self) -> int:
        """What one viewed impression costs; exact, because cpm_micros is a multiple of 1 000."""
        return self.cpm_micros // 1000

    @property
    def remaining_micros(self) -> int:
        """Budget not yet spent."""
        return self.budget_micros - self.spent_micros


class AdQuerySet(models.QuerySet["Ad"]):
    def showable(self) -> AdQuerySet:
        """Ads whose file is made and that somebody of the staff has approved."""
        return self.filter(review=Ad.Review.APPROVED, media_state=Ad.MediaState.READY)


class Ad(Claimable):
    """The creative: an image, a spot or a text, with its words, its link and what the staff said about it."""

    class Kind(models.TextChoices):
        IMAGE = "IMAGE", "image"
        AUDIO = "AUDIO", "audio"
        TEXT = "TEXT", "text"

    class Review(models.TextChoices):
        DRAFT = "DRAFT", "not sent yet"
        PENDING = "PENDING", "waiting for review"
        APPROVED = "APPROVED", "approved"
        REFUSED = "REFUSED", "refused"
        WITHDRAWN = "WITHDRAWN", "taken out"

    class MediaState(models.TextChoices):
        WANTED = "WANTED", "being made"
        READY = "READY", "ready"
        FAILED = "FAILED", "not usable"

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="ads")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    title = models.CharField(max_length=80)
    body = models.CharField(max_length=300, blank=True, default="")
    click_url = models.URLField(max_length=500, blank=True, default="")
    transcript = models.TextField(max_length=2000, blank=True, default="")
    alt = models.CharField(max_length=200, blank=True, default="", help_text="What the image shows, in words.")
    media_state = models.CharField(max_length=10, choices=MediaState.choices, default=MediaState.READY)
    media_reason = models.CharField(max_length=300, blank=True, default="")
    tries = models.PositiveSmallIntegerField(default=0)
    incoming = models.CharField(max_length=200, blank=True, default="", help_text="The file as it was sent.")
    path = models.CharField(max_length=200, blank=True, default="", help_text="The file as it is shown.")
    sha256 = models.CharField(max_length=64, blank=True, default="")
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    duration_ms = models.PositiveIntegerField(help_text="How long a gate view of it takes.")
    review = models.CharField(max_length=10, choices=Review.choices, default=Review.DRAFT)
    review_reason = models.CharField(max_length=500, blank=True, default="")
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="reviewed_ads"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = AdQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(duration_ms__gt=0), name="ad_has_a_length"),
            models.CheckConstraint(
                condition=Q(kind="TEXT") | ~Q(media_state="READY") | ~Q(path=""), name="ad_ready_has_a_file"
            ),
            models.CheckConstraint(condition=~Q(review="REFUSED") | ~Q(review_reason=""), name="ad_refused_says_why"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["created_at"], name="ad_file_wanted", condition=Q(media_state="WANTED")),
            models.Index(fields=["created_at"], name="ad_review_pending", condition=Q(review="PENDING")),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def content_hash(self) -> str:
        """What a reviewer looked at: changes with every word, link and file of the ad."""
        content = [self.kind, self.title, self.body, self.click_url, self.alt, self.transcript, self.sha256]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @property
    def is_showable(self) -> bool:
        """Whether its file is made and somebody of the staff has approved it."""
        return self.review == self.Review.APPROVED and self.media_state == self.MediaState.READY


class CampaignDay(models.Model):
    """What a campaign spent on one UTC day; moves in the transaction of each impression and guards the daily cap."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="days")
    day = models.DateField()
    spent_micros = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["campaign", "day"], name="one_row_per_campaign_day"),
            models.CheckConstraint(condition=Q(spent_micros__gte=0), name="campaign_day_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.day}"


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
