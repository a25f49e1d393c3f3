"""The table of refunds that we start: what an advertiser has prepaid and wants back, deposit by deposit."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from megabox.claims import Claimable


class DepositRefund(Claimable):
    """Prepaid money on its way back to an advertiser, by the payment it came with; micros of the order's unit.

    The state is the queue. An attempt is numbered before Stripe is called and keeps its idempotency key until we know
    what became of it: the same key again is the same refund, so nothing is given back twice.
    """

    class State(models.TextChoices):
        WANTED = "WANTED", "on its way"
        REFUNDED = "REFUNDED", "given back"
        FAILED = "FAILED", "failed"

    advertiser = models.ForeignKey("ads.Advertiser", models.PROTECT, related_name="deposit_refunds")
    order = models.ForeignKey("store.Order", models.PROTECT, related_name="deposit_refunds")
    unit = models.CharField(max_length=3)
    amount_micros = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WANTED)
    attempt = models.PositiveIntegerField(default=0, help_text="How often it was tried with a key of its own.")
    idempotency_key = models.CharField(max_length=100, unique=True, null=True, blank=True)
    provider_id = models.CharField(max_length=100, unique=True, null=True, blank=True, help_text="Stripe's refund.")
    problem = models.CharField(max_length=500, blank=True, default="")
    wanted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    wanted_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When Stripe was first asked with this key.")
    next_try_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-wanted_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(amount_micros__gt=0), name="deposit_refund_gives_something"),
            models.CheckConstraint(
                condition=Q(state="WANTED", ended_at=None) | (~Q(state="WANTED") & Q(ended_at__isnull=False)),
                name="deposit_refund_ended_has_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="REFUNDED") | Q(provider_id__isnull=False), name="deposit_refund_names_stripes"
            ),
            models.CheckConstraint(
                condition=~Q(state="FAILED") | ~Q(problem=""), name="deposit_refund_failed_says_why"
            ),
            models.UniqueConstraint(
                fields=["order"], condition=Q(state="WANTED"), name="one_deposit_refund_on_its_way_an_order"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_try_at"], name="deposit_refund_waiting", condition=Q(state="WANTED")),
        ]

    def __str__(self) -> str:
        return f"refund of {self.amount_micros} {self.unit} micros of {self.order_id}"

    @property
    def source(self) -> str:
        """How postings name this refund."""
        return f"store.deposit_refund:{self.pk}"

    @property
    def key(self) -> str:
        """The key of the entry that books it."""
        return f"deposit_refund:{self.pk}"
