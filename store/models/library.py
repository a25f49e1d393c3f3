"""The tables of what listeners have: the library, and every download."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from store.models.belonging import Belonging, one_of
from store.models.codes import DownloadCode
from store.models.gates import Gate
from store.models.orders import OrderLine


class LibraryItem(models.Model):
    """Music that somebody has for ever, and why."""

    class Reason(models.TextChoices):
        ORDER = "ORDER", "bought"
        CREDITS = "CREDITS", "paid with credits"
        GIFT = "GIFT", "gift"
        CODE = "CODE", "download code"
        FREE = "FREE", "free"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="library")
    guest_key = models.CharField(max_length=64, blank=True, default="")
    album = models.ForeignKey("artists.Album", models.PROTECT, null=True, blank=True, related_name="library_items")
    track = models.ForeignKey("artists.Track", models.PROTECT, null=True, blank=True, related_name="library_items")
    reason = models.CharField(max_length=10, choices=Reason)
    order_line = models.ForeignKey(OrderLine, models.PROTECT, null=True, blank=True, related_name="library_items")
    gate = models.ForeignKey(Gate, models.PROTECT, null=True, blank=True, related_name="library_items")
    download_code = models.OneToOneField(
        DownloadCode, models.PROTECT, null=True, blank=True, related_name="library_item"
    )
    added_at = models.DateTimeField(default=timezone.now)

    objects = Belonging.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "added_at"], name="library_of_user"),
            models.Index(fields=["guest_key"], condition=~Q(guest_key=""), name="library_of_guest"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=one_of("album", "track"), name="library_item_is_one_thing"),
            models.CheckConstraint(
                condition=Q(user__isnull=False, guest_key="") | (Q(user=None) & ~Q(guest_key="")),
                name="library_item_has_one_owner",
            ),
            models.CheckConstraint(
                condition=Q(reason="ORDER", order_line__isnull=False)
                | Q(reason="CREDITS", gate__isnull=False)
                | Q(reason="CODE", download_code__isnull=False)
                | Q(reason__in=["GIFT", "FREE"]),
                name="library_item_has_its_reason",
            ),
            models.UniqueConstraint(
                fields=["user", "album"], name="library_album_once_a_user", condition=Q(user__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["user", "track"], name="library_track_once_a_user", condition=Q(user__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["guest_key", "album"], name="library_album_once_a_guest", condition=Q(user=None)
            ),
            models.UniqueConstraint(
                fields=["guest_key", "track"], name="library_track_once_a_guest", condition=Q(user=None)
            ),
        ]

    def __str__(self) -> str:
        return str(self.album or self.track)


class Download(models.Model):
    """One time that somebody fetched music: counted when the file starts, never twice for parts of one file."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    guest_key = models.CharField(max_length=64, blank=True, default="")
    album = models.ForeignKey("artists.Album", models.PROTECT, null=True, blank=True, related_name="downloads")
    track = models.ForeignKey("artists.Track", models.PROTECT, null=True, blank=True, related_name="downloads")
    reason = models.CharField(max_length=10, choices=LibraryItem.Reason)
    recipe = models.CharField(max_length=20)
    size_bytes = models.BigIntegerField()
    at = models.DateTimeField(default=timezone.now)

    objects = Belonging.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["at"], name="download_time"),
            models.Index(fields=["album", "at"], name="download_of_album"),
            models.Index(fields=["track", "at"], name="download_of_track"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=one_of("album", "track"), name="download_is_one_thing"),
        ]

    def __str__(self) -> str:
        return f"{self.album or self.track} as {self.recipe}"
