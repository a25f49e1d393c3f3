"""The table of pre-orders: an album that was bought before it is out, until it is delivered or the money is back."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from megabox.claims import Claimable
from store.models.orders import Order


class PreOrder(Claimable):
    """What an order of an album that is not out yet is waiting for. It counts once the order is paid.

    The state is the queue: what waits is delivered or ended by the sweeper, what ends is given back by Stripe. It is
    changed only while its order is locked.
    """

    class State(models.TextChoices):
        WAITING = "WAITING", "not out yet"
        DELIVERED = "DELIVERED", "delivered"
        ENDING = "ENDING", "money on its way back"
        ENDED = "ENDED", "money given back"

    class Why(models.TextChoices):
        CANCELLED = "CANCELLED", "you cancelled it"
        WITHDRAWN = "WITHDRAWN", "the artist took the announcement back"
        MOVED = "MOVED", "its day was moved by more than 90 days"
        LATE = "LATE", "it was not out two weeks after its day"
        OWNED = "OWNED", "you have it already"
        PARTLY = "PARTLY", "a part of the money was given back before"
        NOBODY = "NOBODY", "there is no library any more to put it into"
        TAKEN = "TAKEN", "the payment was taken back"

    order = models.OneToOneField(Order, models.CASCADE, related_name="preorder")
    album = models.ForeignKey("artists.Album", models.PROTECT, related_name="preorders")
    promised_for = models.DateTimeField(help_text="When it was said to be out when it was ordered.")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    why = models.CharField(max_length=10, choices=Why, blank=True, default="", help_text="Why it ended.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="How often Stripe refused to give it back.")
    problem = models.CharField(max_length=500, blank=True, default="")
    next_try_at = models.DateTimeField(null=True, blank=True, help_text="When Stripe is asked to give the money back.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["promised_for", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state="WAITING", why="", ended_at=None, next_try_at=None)
                | Q(state="DELIVERED", why="", ended_at__isnull=False, next_try_at=None)
                | (Q(state="ENDING", ended_at=None, next_try_at__isnull=False) & ~Q(why=""))
                | (Q(state="ENDED", ended_at__isnull=False, next_try_at=None) & ~Q(why="")),
                name="preorder_says_how_it_stands",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["album"], name="preorder_waiting", condition=Q(state="WAITING")),
            models.Index(fields=["next_try_at"], name="preorder_ending", condition=Q(state="ENDING")),
        ]

    def __str__(self) -> str:
        return f"pre-order of {self.album}"
