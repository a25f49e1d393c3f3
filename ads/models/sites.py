"""Sites on which the extension may replace ads: the list, its versions, and who claims a site."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils import timezone

from ledger import chart, journal

LEAST_MONTHS = 3
"""A site that is no partner must have been this long among the most visited."""


class SiteQuerySet(models.QuerySet["Site"]):
    def listed(self) -> SiteQuerySet:
        """Sites on which ads may be replaced: large for long or a partner, never of some kinds, not opted out."""
        is_large = Q(rank__lte=settings.MEGAKEY_MOST_RANK, months__gte=LEAST_MONTHS)
        return self.filter(Q(is_partner=True) | is_large, opted_out_at=None).exclude(category__in=Site.NEVER)


class Site(models.Model):
    """A site we know: how large it is and for how long, what it is, and whether it wants no ad replaced.

    `payee` has claimed it: what waits in `publisher:{id}:escrow` is released to them.
    """

    class Category(models.TextChoices):
        GENERAL = "general", "anything else"
        LOCAL_NEWS = "local-news", "local news"
        HEALTH = "health", "health"
        GOVERNMENT = "government", "government"
        EDUCATION = "education", "education"
        CHILDREN = "children", "children"

    class OptOut(models.TextChoices):
        FILE = "file", "a file on the site"
        META = "meta", "a tag on its page"
        STAFF = "staff", "its operator wrote to us"

    NEVER: ClassVar[tuple[str, ...]] = (
        Category.LOCAL_NEWS,
        Category.HEALTH,
        Category.GOVERNMENT,
        Category.EDUCATION,
        Category.CHILDREN,
    )
    """Kinds of sites that never are on the list, partners or not."""

    domain = models.CharField(max_length=253, unique=True, help_text="In small letters, in ASCII.")
    category = models.CharField(max_length=20, choices=Category.choices, default=Category.GENERAL)
    rank = models.PositiveIntegerField(null=True, blank=True, help_text="1 is the most visited; empty: not known.")
    months = models.PositiveSmallIntegerField(default=0, help_text="So many months in a row at such a rank.")
    is_partner = models.BooleanField(default=False, help_text="Its operator asked to be on the list.")
    opted_out_at = models.DateTimeField(null=True, blank=True)
    opted_out_by = models.CharField(max_length=10, choices=OptOut.choices, blank=True, default="")
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When we last asked whether it opts out.")
    problem = models.CharField(
        max_length=200, blank=True, default="", help_text="Why asking failed; empty: it did not."
    )
    payee = models.ForeignKey("artists.Payee", models.PROTECT, null=True, blank=True, related_name="sites")
    created_at = models.DateTimeField(default=timezone.now)

    objects = SiteQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Exact(F("domain"), Lower("domain")), name="site_domain_in_small_letters"),
            models.CheckConstraint(condition=Q(rank__isnull=True) | Q(rank__gt=0), name="site_rank_positive"),
            models.CheckConstraint(
                condition=Q(opted_out_at__isnull=True, opted_out_by="")
                | (Q(opted_out_at__isnull=False) & ~Q(opted_out_by="")),
                name="site_opted_out_says_how",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["rank"], name="site_rank")]

    def __str__(self) -> str:
        return self.domain

    def escrow_micros(self) -> int:
        """What waits for it in escrow."""
        return journal.balance(chart.escrow(self.pk, settings.ADS_CURRENCY))

    @property
    def is_listed(self) -> bool:
        """Whether ads may be replaced on it."""
        is_large = self.rank is not None and self.rank <= settings.MEGAKEY_MOST_RANK and self.months >= LEAST_MONTHS
        return (self.is_partner or is_large) and self.opted_out_at is None and self.category not in self.NEVER


class SiteList(models.Model):
    """A version of the list as browsers read it, the same for everybody; `body` is what is signed, letter by letter."""

    version = models.PositiveIntegerField(primary_key=True)
    sites_hash = models.CharField(max_length=64, editable=False)
    body = models.TextField()
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"version {self.version}"


class SiteClaim(models.Model):
    """Somebody says a site is theirs; they show it by putting `token` where only its operator can."""

    class State(models.TextChoices):
        OPEN = "OPEN", "to be shown"
        CONFIRMED = "CONFIRMED", "confirmed"
        REFUSED = "REFUSED", "refused"

    site = models.ForeignKey(Site, models.CASCADE, related_name="claims")
    payee = models.ForeignKey("artists.Payee", models.PROTECT, related_name="site_claims", help_text="Who is paid.")
    token = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    made_at = models.DateTimeField()
    looked_up_at = models.DateTimeField(null=True, blank=True, help_text="When the DNS was last asked for the record.")
    is_in_dns = models.BooleanField(null=True, blank=True, help_text="Whether it was there; empty: nobody could say.")
    answers = models.JSONField(default=list, blank=True, help_text="What each resolver said, in sentences.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty: the file."
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["site", "payee"], condition=~Q(state="REFUSED"), name="one_claim_per_site_and_payee"
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN", decided_at__isnull=True) | (~Q(state="OPEN") & Q(decided_at__isnull=False)),
                name="site_claim_decided_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site_id} {self.state}"

    @property
    def record(self) -> str:
        """What the TXT record says."""
        return f"megakey-claim={self.token}"
