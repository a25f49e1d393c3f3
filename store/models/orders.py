"""The tables of buying: orders with everything frozen on their lines, and the cart."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from store.models.belonging import Belonging, one_of
from store.models.discounts import Discount


class Order(models.Model):
    """What somebody buys in one payment: music of one or more artists, an album before it is out, or a deposit.

    `price_micros` is what the lines asked when the order was placed. Stripe says what was really paid: `total_micros`
    of which `tax_micros` is tax; the rest is the price without tax that the artists' 90 % is computed from.
    """

    class Kind(models.TextChoices):
        SALE = "SALE", "sale"
        PREORDER = "PREORDER", "pre-order"
        DEPOSIT = "DEPOSIT", "deposit"

    class State(models.TextChoices):
        PENDING = "PENDING", "waiting for payment"
        PAID = "PAID", "paid"
        REFUNDED = "REFUNDED", "refunded"
        CANCELLED = "CANCELLED", "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="orders")
    guest_key = models.CharField(max_length=64, blank=True, default="")
    email = models.EmailField(blank=True, default="")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.SALE)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    unit = models.CharField(max_length=3)
    price_micros = models.BigIntegerField()
    tax_micros = models.BigIntegerField(default=0)
    total_micros = models.BigIntegerField()
    refunded_micros = models.BigIntegerField(default=0, help_text="What was given back and did not come back.")
    returned_micros = models.BigIntegerField(
        default=0, db_default=0, help_text="What was given back, and sent back to us by the card's bank."
    )
    charged_back_micros = models.BigIntegerField(default=0, help_text="What lost disputes took.")
    fee_micros = models.BigIntegerField(null=True, blank=True, help_text="Stripe's fee; empty until Stripe tells it.")
    country = models.CharField(max_length=2, blank=True, default="")
    checkout_session = models.CharField(max_length=100, unique=True, null=True, blank=True)
    checkout_url = models.TextField(blank=True, default="")
    payment_intent = models.CharField(max_length=100, blank=True, default="", db_index=True)
    balance_transaction = models.CharField(max_length=100, blank=True, default="")
    problem = models.TextField(blank=True, default="", help_text="What a person must look at; empty when all is well.")
    placed_at = models.DateTimeField(default=timezone.now)
    next_check_at = models.DateTimeField(
        null=True, blank=True, help_text="When to ask Stripe what became of it, or for its fee; empty: nothing to ask."
    )
    checks = models.PositiveIntegerField(default=0)
    paid_at = models.DateTimeField(null=True, blank=True)

    objects = Belonging.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_check_at"], condition=Q(next_check_at__isnull=False), name="order_waiting"),
            models.Index(fields=["paid_at"], condition=Q(paid_at__isnull=False), name="order_paid"),
            models.Index(fields=["user", "placed_at"], name="order_of_user"),
            models.Index(fields=["guest_key"], condition=~Q(guest_key=""), name="order_of_guest"),
            models.Index(fields=["email"], condition=Q(user=None), name="order_of_guest_address"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(price_micros__gte=0, tax_micros__gte=0, total_micros__gte=F("tax_micros")),
                name="order_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(refunded_micros__gte=0, refunded_micros__lte=F("total_micros")),
                name="order_refund_within_total",
            ),
            models.CheckConstraint(condition=Q(returned_micros__gte=0), name="order_returned_not_negative"),
            models.CheckConstraint(condition=Q(charged_back_micros__gte=0), name="order_charge_back_not_negative"),
            models.CheckConstraint(
                condition=Q(state__in=["PAID", "REFUNDED"], paid_at__isnull=False)
                | Q(state__in=["PENDING", "CANCELLED"], paid_at__isnull=True),
                name="order_paid_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"order {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("store:order", args=[self.pk])

    @property
    def net_micros(self) -> int:
        """What was paid without tax."""
        return self.total_micros - self.tax_micros

    @property
    def taken_micros(self) -> int:
        """What was taken back of it, by refunds and by card issuers; a buyer may get more than that."""
        return min(self.refunded_micros + self.charged_back_micros, self.total_micros)

    @property
    def entry_key(self) -> str:
        """The key of the entry that books this order's payment."""
        return f"order:{self.pk}:{self.kind.lower()}"

    @property
    def sale_key(self) -> str:
        """The key of the entry that shares it out: the payment's own, but for what is delivered later."""
        return f"order:{self.pk}:sale"

    @property
    def fee_key(self) -> str:
        """The key of the entry that books Stripe's fee."""
        return f"order:{self.pk}:fee"


class OrderLine(models.Model):
    """One thing of an order, with everything frozen that decides who gets what of it.

    `shares` is the split sheet, `[[payee_id, basis_points], ...]`; `price_micros` is what is asked after
    `discount_micros` were taken off; `net_micros` is this line's part of what was paid without tax, empty until paid.
    """

    class Kind(models.TextChoices):
        ALBUM = "ALBUM", "album"
        TRACK = "TRACK", "track"
        DEPOSIT = "DEPOSIT", "deposit"

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=10, choices=Kind)
    album = models.ForeignKey("artists.Album", models.PROTECT, null=True, blank=True, related_name="order_lines")
    track = models.ForeignKey("artists.Track", models.PROTECT, null=True, blank=True, related_name="order_lines")
    advertiser = models.ForeignKey(
        "ads.Advertiser", models.PROTECT, null=True, blank=True, related_name="deposit_lines"
    )
    title = models.CharField(max_length=300)
    facts = models.JSONField(default=dict, blank=True)
    price_micros = models.BigIntegerField()
    discount = models.ForeignKey(Discount, models.PROTECT, null=True, blank=True, related_name="order_lines")
    discount_micros = models.BigIntegerField(default=0, db_default=0, help_text="What its code took off.")
    net_micros = models.BigIntegerField(null=True, blank=True)
    shares = models.JSONField(default=list, blank=True)
    policy_version = models.PositiveIntegerField()

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(kind="ALBUM", album__isnull=False, track=None, advertiser=None)
                | Q(kind="TRACK", track__isnull=False, album=None, advertiser=None)
                | Q(kind="DEPOSIT", advertiser__isnull=False, album=None, track=None),
                name="order_line_is_one_thing",
            ),
            models.CheckConstraint(condition=Q(price_micros__gte=0), name="order_line_price_not_negative"),
            models.CheckConstraint(
                condition=Q(discount=None, discount_micros=0) | Q(discount__isnull=False, discount_micros__gt=0),
                name="order_line_discount_has_its_code",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def full_micros(self) -> int:
        """What was asked before its code took something off."""
        return self.price_micros + self.discount_micros

    @property
    def source(self) -> str:
        """How postings name this line."""
        return f"store.line:{self.pk}"


class CartItem(models.Model):
    """Music that somebody means to buy, at the price they named; a code may take something off it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    guest_key = models.CharField(max_length=64, blank=True, default="")
    album = models.ForeignKey("artists.Album", models.CASCADE, null=True, blank=True, related_name="+")
    track = models.ForeignKey("artists.Track", models.CASCADE, null=True, blank=True, related_name="+")
    price_micros = models.BigIntegerField()
    discount = models.ForeignKey(Discount, models.SET_NULL, null=True, blank=True, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    objects = Belonging.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["added_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=one_of("album", "track"), name="cart_item_is_one_thing"),
            models.CheckConstraint(
                condition=Q(user__isnull=False, guest_key="") | (Q(user=None) & ~Q(guest_key="")),
                name="cart_item_has_one_owner",
            ),
            models.UniqueConstraint(
                fields=["user", "album"], name="cart_album_once_a_user", condition=Q(user__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["user", "track"], name="cart_track_once_a_user", condition=Q(user__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["guest_key", "album"], name="cart_album_once_a_guest", condition=Q(user=None)
            ),
            models.UniqueConstraint(
                fields=["guest_key", "track"], name="cart_track_once_a_guest", condition=Q(user=None)
            ),
        ]

    def __str__(self) -> str:
        return str(self.album or self.track)
