"""The tables of download codes: batches, and the codes in them, each good for one album once."""

from typing import ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Count, Max, Q
from django.urls import reverse
from django.utils import timezone

from artists.models import Album
from store import letters
from users.models import User


class CodeBatchQuerySet(models.QuerySet["CodeBatch"]):
    """Filters over batches."""

    def owned_by(self, user: User | AnonymousUser) -> Self:
        """The batches of albums of the artists `user` manages; nobody's for a guest."""
        return self.filter(album__artist__owner=user) if isinstance(user, User) else self.none()

    def with_counts(self) -> Self:
        """With `used` (how many codes were) and `last_used_at`."""
        used = Count("codes", filter=Q(codes__redeemed_at__isnull=False))
        return self.annotate(used=used, last_used_at=Max("codes__redeemed_at"))


class CodeBatch(models.Model):
    """Download codes of one album that were made together, as for one pressing or one evening.

    A batch of a draft goes with the draft. Whoever stops a batch can let it go on.
    """

    album = models.ForeignKey(Album, models.CASCADE, related_name="code_batches")
    name = models.CharField(max_length=100, blank=True, default="", help_text="What its artist calls it.")
    count = models.PositiveIntegerField()
    made_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True, blank=True)

    used: int
    """Only from `with_counts`."""

    objects = CodeBatchQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-made_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(count__range=(1, 5_000)), name="code_batch_count"),
        ]

    def __str__(self) -> str:
        return self.name or f"Codes of {self.made_at:%-d %B %Y}"

    def get_absolute_url(self) -> str:
        return reverse("store:batch", args=[self.pk])

    @property
    def left(self) -> int:
        """How many codes of it wait to be used."""
        return self.count - self.used


class DownloadCode(models.Model):
    """One code. It is kept in clear, so that a lost sheet can be printed again; what it opens costs nobody money."""

    batch = models.ForeignKey(CodeBatch, models.CASCADE, related_name="codes")
    letters = models.CharField(max_length=letters.LENGTH, unique=True)
    redeemed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return f"code {self.pk}"

    @property
    def spoken(self) -> str:
        """The code as it stands on a card."""
        return letters.spoken(self.letters)
