"""The table of discounts: codes that take something off a price. What they took stands on the order's lines."""

from datetime import datetime
from typing import ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from artists.models import Album, Artist
from megabox import money
from megabox.days import day_of
from users.models import User


class DiscountQuerySet(models.QuerySet["Discount"]):
    """Filters over discounts."""

    def owned_by(self, user: User | AnonymousUser) -> Self:
        """The discounts of the artists `user` manages; nobody's for a guest."""
        return self.filter(artist__owner=user) if isinstance(user, User) else self.none()

    def good(self, at: datetime) -> Self:
        """Those that can be used at this moment."""
        today = day_of(at)
        return self.filter(
            Q(starts_on=None) | Q(starts_on__lte=today),
            Q(ends_on=None) | Q(ends_on__gte=today),
            Q(most_uses=None) | Q(use_count__lt=F("most_uses")),
            stopped_at=None,
        )


class Discount(models.Model):
    """A code that takes per cent, or an amount, off the price of one album or of all music of an artist.

    `use_count` are the orders that hold a use: waiting, paid, or refunded. It is the one thing that decides who has
    the last use; the audit counts it again from the orders. What a code takes off never changes: an artist who wants
    something else makes another one.
    """

    artist = models.ForeignKey(Artist, models.PROTECT, related_name="discounts")
    album = models.ForeignKey(
        Album, models.CASCADE, null=True, blank=True, related_name="discounts", help_text="Empty: all of the artist's."
    )
    code = models.CharField(max_length=30)
    percent = models.PositiveSmallIntegerField(null=True, blank=True)
    amount_micros = models.BigIntegerField(null=True, blank=True)
    unit = models.CharField(max_length=3, blank=True, default="", help_text="Of the amount.")
    starts_on = models.DateField(null=True, blank=True, help_text="The first UTC day.")
    ends_on = models.DateField(null=True, blank=True, help_text="The last UTC day.")
    most_uses = models.PositiveIntegerField(null=True, blank=True)
    is_once_a_buyer = models.BooleanField(default=False)
    use_count = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True, blank=True)

    objects = DiscountQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-made_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["artist", "code"], name="discount_code_once_an_artist"),
            models.CheckConstraint(condition=~Q(code=""), name="discount_has_a_code"),
            models.CheckConstraint(
                # Said of both that they are there: a condition that is unknown refuses nothing.
                condition=Q(percent__isnull=False, percent__range=(1, 100), amount_micros=None, unit="")
                | Q(percent=None, amount_micros__isnull=False, amount_micros__gt=0) & ~Q(unit=""),
                name="discount_is_per_cent_or_an_amount",
            ),
            models.CheckConstraint(
                condition=Q(starts_on=None) | Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
                name="discount_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        return reverse("store:discount", args=[self.pk])

    @property
    def words(self) -> str:
        """What it takes off: `20 % off`, `$2.00 off`."""
        if self.percent is not None:
            return f"{self.percent} % off"
        return f"{money.display(self.amount_micros or 0, self.unit)} off"

    @property
    def left(self) -> int | None:
        """How often it can still be used; None without a limit."""
        return None if self.most_uses is None else max(0, self.most_uses - self.use_count)
