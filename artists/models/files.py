"""The files of the catalogue as rows: covers, uploads, originals and what is made from them."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from artists.covers import SIZES
from artists.models.catalogue import HUES, Person
from artists.models.checks import between, length_is, not_empty, one_of
from megabox import media
from megabox.claims import Claimable, unclaimed
from users.models import User


class Cover(models.Model):
    """Cover art, re-encoded in the sizes pages use; public."""

    sha256 = models.CharField(max_length=64, unique=True)
    path = models.CharField(max_length=200, help_text="The folder of its sizes in the public storage.")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    hue = models.PositiveSmallIntegerField(default=0)
    alt = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            length_is("sha256", 64, "cover_sha256"),
            not_empty("path", "cover_has_a_path"),
            between("hue", 0, HUES - 1, "cover_hue"),
        ]

    def __str__(self) -> str:
        return f"cover {self.sha256[:8]}"

    def url(self, size: int) -> str:
        """The address of the smallest file that is at least `size` px wide, else of the largest."""
        widths = sorted({min(one, self.width) for one in SIZES})
        width = next((one for one in widths if one >= size), widths[-1])
        return media.public().url(f"{self.path}/{width}.webp")


class Original(models.Model):
    """An uploaded master that was decoded to its end. The same bytes are kept once, whoever uploads them."""

    sha256 = models.CharField(max_length=64, unique=True)
    path = models.CharField(max_length=200)
    size_bytes = models.BigIntegerField()
    crc32 = models.BigIntegerField(null=True, blank=True, help_text="Known once it was exported; zips ask for it.")
    container = models.CharField(max_length=30)
    codec = models.CharField(max_length=30)
    is_lossless = models.BooleanField(default=False)
    duration_ms = models.PositiveIntegerField()
    sample_rate_hz = models.PositiveIntegerField()
    bit_depth = models.PositiveSmallIntegerField(null=True, blank=True)
    channels = models.PositiveSmallIntegerField()
    loudness_lufs = models.FloatField(null=True, blank=True)
    true_peak_dbtp = models.FloatField(null=True, blank=True)
    peaks = models.JSONField(default=list, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    remarks = models.JSONField(
        default=list, db_default=[], blank=True, help_text="What is odd about its sound, in sentences for its artist."
    )
    created_at = models.DateTimeField(default=timezone.now)
    verified_at = models.DateTimeField(null=True, blank=True, help_text="When its bytes were last read and compared.")
    fault = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="What is wrong with its bytes, for its artist: nothing is sold with it then.",
    )

    class Meta:
        indexes = [models.Index(fields=["verified_at"], name="original_verified")]
        constraints = [
            length_is("sha256", 64, "original_sha256"),
            not_empty("path", "original_has_a_path"),
            models.CheckConstraint(condition=Q(size_bytes__gt=0), name="original_has_bytes"),
            models.CheckConstraint(condition=Q(duration_ms__gt=0), name="original_has_a_length"),
        ]

    def __str__(self) -> str:
        return f"{self.codec} original {self.sha256[:8]}"


class UploadQuerySet(models.QuerySet["Upload"]):
    """Filters over uploads."""

    def owned_by(self, user: Person) -> Self:
        """Uploads to albums of the artists `user` manages; nobody's for a guest."""
        return self.filter(album__artist__owner=user) if isinstance(user, User) else self.none()

    def waiting(self, at: datetime) -> Self:
        """Uploads that should be checked and that nobody works on at the time `at`."""
        return self.filter(unclaimed(at), state=Upload.State.RECEIVED)


class Upload(Claimable):
    """One file an artist sent: received, then ready as a track, or rejected with a reason in words."""

    class State(models.TextChoices):
        RECEIVED = "RECEIVED", "received"
        READY = "READY", "ready"
        REJECTED = "REJECTED", "rejected"

    album = models.ForeignKey("artists.Album", models.CASCADE, related_name="uploads")
    by = models.ForeignKey("users.User", models.PROTECT, related_name="uploads")
    filename = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RECEIVED)
    reason = models.TextField(blank=True, default="")
    track = models.ForeignKey("artists.Track", models.SET_NULL, null=True, blank=True, related_name="uploads")
    transfer = models.ForeignKey("artists.Transfer", models.SET_NULL, null=True, blank=True, related_name="uploads")
    twin = models.ForeignKey(
        "artists.Track",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="twins",
        help_text="A track of the same artist's with the very same bytes, until they said what to make of it.",
    )
    tries = models.PositiveSmallIntegerField(default=0)
    is_dismissed = models.BooleanField(default=False, help_text="The artist has seen it and put it away.")
    sent_at = models.DateTimeField(default=timezone.now, help_text="When sending began: files keep this order.")
    received_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["received_at", "pk"]
        indexes = [
            models.Index(fields=["state", "received_at"], name="upload_waiting"),
            models.Index(fields=["sha256"], name="upload_sha256"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["album", "sha256"],
                condition=Q(state__in=["RECEIVED", "READY"], is_dismissed=False),
                name="upload_once_per_album",
            ),
            length_is("sha256", 64, "upload_sha256_length"),
            one_of("state", "RECEIVED READY REJECTED", "upload_state"),
            models.CheckConstraint(condition=Q(size_bytes__gt=0), name="upload_has_bytes"),
            models.CheckConstraint(condition=~Q(state="REJECTED") | ~Q(reason=""), name="upload_rejected_has_a_reason"),
            models.CheckConstraint(
                condition=Q(state="RECEIVED", finished_at__isnull=True)
                | Q(state__in=["READY", "REJECTED"], finished_at__isnull=False),
                name="upload_ended_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return self.filename


class RenditionQuerySet(models.QuerySet["Rendition"]):
    """Filters over renditions."""

    def waiting(self, at: datetime) -> Self:
        """Renditions that should be made by the time `at` and that nobody works on."""
        return self.filter(unclaimed(at), state=Rendition.State.WANTED, next_try_at__lte=at)


class Rendition(Claimable):
    """A file made from an original by one recipe: what is streamed and downloaded."""

    class State(models.TextChoices):
        WANTED = "WANTED", "wanted"
        READY = "READY", "ready"
        FAILED = "FAILED", "failed"

    original = models.ForeignKey(Original, models.CASCADE, related_name="renditions")
    recipe = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WANTED)
    path = models.CharField(max_length=200, blank=True, default="")
    size_bytes = models.BigIntegerField(default=0)
    crc32 = models.BigIntegerField(null=True, blank=True)
    bitrate_kbps = models.PositiveIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    reason = models.TextField(blank=True, default="")
    wanted_at = models.DateTimeField(default=timezone.now)
    next_try_at = models.DateTimeField(default=timezone.now)
    ready_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was last asked for, if it is not made ahead; else empty."
    )

    objects = RenditionQuerySet.as_manager()

    class Meta:
        ordering = ["original", "recipe"]
        indexes = [models.Index(fields=["state", "next_try_at"], name="rendition_waiting")]
        constraints = [
            models.UniqueConstraint(fields=["original", "recipe"], name="rendition_once"),
            one_of("state", "WANTED READY FAILED", "rendition_state"),
            not_empty("recipe", "rendition_has_a_recipe"),
            models.CheckConstraint(
                condition=~Q(state="READY")
                | (~Q(path="") & Q(size_bytes__gt=0, crc32__range=(0, 2**32 - 1), ready_at__isnull=False)),
                name="rendition_ready_has_a_file",
            ),
            models.CheckConstraint(condition=~Q(state="FAILED") | ~Q(reason=""), name="rendition_failed_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.recipe} of {self.original_id}"


class Package(models.Model):
    """A finished download: a rendition with its tags and cover, kept for a while under the hash of what is in it.

    `blocks` holds the CRC-32 of each MiB, so that any part of it can be checked before it is sent.
    """

    key = models.CharField(max_length=64, unique=True)
    rendition = models.ForeignKey(Rendition, models.CASCADE, related_name="packages")
    path = models.CharField(max_length=200)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    crc32 = models.BigIntegerField()
    blocks = models.JSONField(default=list)
    used_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["used_at"], name="package_used")]
        constraints = [
            length_is("key", 64, "package_key"),
            length_is("sha256", 64, "package_sha256"),
            not_empty("path", "package_has_a_path"),
            models.CheckConstraint(
                condition=Q(size_bytes__gt=0, crc32__range=(0, 2**32 - 1)), name="package_has_bytes"
            ),
        ]

    def __str__(self) -> str:
        return f"package {self.key[:8]}"
