"""Who pays: advertisers, their campaigns and ads, and the counters that say what was spent and served."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

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
WHOLE_PERMILLE = 1_000

_NONE = models.Value([], output_field=models.JSONField())


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
    """What an advertiser wants shown, where, when, for at most how much; a viewed impression costs cpm / 1 000.

    `leased_micros` is what open leases hold and have not billed: billing through a lease moves micros from leased to
    spent. `settled_micros` moves with the groups' `gross_micros`, in their transaction, so that nobody has to sum them
    up to know what is not billed yet.

    An artist's cross-promotion costs nothing and names the artist; a house ad names nobody.
    """

    class Kind(models.TextChoices):
        PAID = "PAID", "paid"
        CROSS = "CROSS", "artist's cross-promotion"
        HOUSE = "HOUSE", "house ad"

    class Pacing(models.TextChoices):
        EVEN = "EVEN", "evenly until its last day"
        FAST = "FAST", "as fast as it can"

    class State(models.TextChoices):
        DRAFT = "DRAFT", "draft"
        LIVE = "LIVE", "live"
        PAUSED = "PAUSED", "paused"
        ENDED = "ENDED", "ended"

    advertiser = models.ForeignKey(Advertiser, models.PROTECT, null=True, blank=True, related_name="campaigns")
    artist = models.ForeignKey(
        "artists.Artist", models.PROTECT, null=True, blank=True, related_name="promotions", help_text="Who is promoted."
    )
    album = models.ForeignKey(
        "artists.Album",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="promotions",
        help_text="What of theirs is promoted; it is shown as long as everybody may see the album.",
    )
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PAID)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    budget_micros = models.BigIntegerField(default=0)
    spent_micros = models.BigIntegerField(default=0, help_text="Prices of all viewed impressions, settled or not.")
    leased_micros = models.BigIntegerField(
        default=0, db_default=0, help_text="Held by open leases and not billed by them yet."
    )
    settled_micros = models.BigIntegerField(
        default=0, db_default=0, help_text="The part of what was spent that is billed: what its groups say stands."
    )
    daily_cap_micros = models.BigIntegerField(null=True, blank=True)
    cpm_micros = models.BigIntegerField(help_text="Price of a thousand viewed impressions.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    places = models.JSONField(default=list, help_text="Where it may be shown.")
    genres = models.JSONField(default=list, blank=True, help_text="Beside or for which music; empty: any.")
    beside_artists = models.JSONField(
        default=list,
        db_default=_NONE,
        blank=True,
        help_text="Ids of artists beside whose music it may be shown too; empty: the genres decide.",
    )
    countries = models.JSONField(default=list, blank=True, help_text="ISO codes; empty: any.")
    moods = models.JSONField(
        default=list, db_default=_NONE, blank=True, help_text="Beside or for which music; empty: any."
    )
    languages = models.JSONField(
        default=list, db_default=_NONE, blank=True, help_text="What the music is sung in, ISO codes; empty: any."
    )
    hours = models.JSONField(default=list, db_default=_NONE, blank=True, help_text="Hours of the UTC day; empty: all.")
    pacing = models.CharField(max_length=10, choices=Pacing.choices, default=Pacing.EVEN, db_default=Pacing.EVEN)
    pass_permille = models.BigIntegerField(
        default=WHOLE_PERMILLE, db_default=WHOLE_PERMILLE, help_text="Of 1 000 chances, how many it takes: pacing."
    )
    frequency_cap = models.PositiveSmallIntegerField(default=10, help_text="Views per listener and day.")
    created_at = models.DateTimeField(default=timezone.now)
    went_live_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True, help_text="When it was last paused or ended.")
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(kind="HOUSE", cpm_micros=0, budget_micros=0, advertiser__isnull=True, artist__isnull=True)
                | Q(kind="CROSS", cpm_micros=0, budget_micros=0, advertiser__isnull=True, artist__isnull=False)
                | Q(
                    kind="PAID",
                    cpm_micros__range=(LEAST_CPM_MICROS, MOST_CPM_MICROS),
                    budget_micros__range=(0, MOST_BUDGET_MICROS),
                    advertiser__isnull=False,
                    artist__isnull=True,
                ),
                name="campaign_is_paid_cross_or_house",
            ),
            models.CheckConstraint(condition=Exact(F("cpm_micros") % 1000, 0), name="campaign_price_is_exact"),
            models.CheckConstraint(
                condition=Q(
                    spent_micros__gte=0, leased_micros__gte=0, budget_micros__gte=F("spent_micros") + F("leased_micros")
                ),
                name="campaign_within_budget_and_leases",
            ),
            models.CheckConstraint(
                condition=Q(settled_micros__gte=0, settled_micros__lte=F("spent_micros")),
                name="campaign_settles_what_was_spent",
            ),
            models.CheckConstraint(
                condition=Q(pass_permille__range=(0, WHOLE_PERMILLE)), name="campaign_passes_a_part"
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

    def is_of(self, user_id: int | None) -> bool:
        """Whether this person runs it: as its advertiser, or as the artist it promotes."""
        behind = self.advertiser or self.artist
        return user_id is not None and behind is not None and behind.owner_id == user_id

    @property
    def whose(self) -> str:
        """Who is behind it, by name."""
        behind = self.advertiser or self.artist
        return behind.name if behind else "Megabox"

    @property
    def last_day(self) -> date | None:
        """The last UTC day it is shown on, if it has one."""
        return (self.ends_at - timedelta(seconds=1)).astimezone(UTC).date() if self.ends_at else None

    @property
    def is_open(self) -> bool:
        """Whether it can be changed, and taken live: a draft, or paused."""
        return self.state in (self.State.DRAFT, self.State.PAUSED)

    @property
    def is_shown(self) -> bool:
        """Whether it is live, and what it promotes can be seen."""
        return self.state == self.State.LIVE and (self.album is None or self.album.is_published)

    @property
    def price_micros(self) -> int:
        """What one viewed impression costs; exact, because cpm_micros is a multiple of 1 000."""
        return self.cpm_micros // 1000

    @property
    def remaining_micros(self) -> int:
        """Budget not yet spent, leased or not."""
        return self.budget_micros - self.spent_micros

    @property
    def unleased_micros(self) -> int:
        """Budget neither spent nor held by a lease."""
        return self.remaining_micros - self.leased_micros


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
    def click_host(self) -> str:
        """The site a click goes to, as the gate names it."""
        return urlsplit(self.click_url).hostname or ""

    @property
    def is_showable(self) -> bool:
        """Whether its file is made and somebody of the staff has approved it."""
        return self.review == self.Review.APPROVED and self.media_state == self.MediaState.READY


class LooseFile(models.Model):
    """A file of an ad that no ad named at `since`, nor at any look until now."""

    path = models.CharField(max_length=200, unique=True)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return self.path
