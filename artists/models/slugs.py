"""Addresses that were given up, and where they lead."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from artists.models.catalogue import Album, Artist, Track


class OldSlug(models.Model):
    """An address that a published artist, album or track had before; it redirects for ever."""

    scope = models.CharField(max_length=40, help_text="Where it is unique: artist, album:<artist>, track:<album>.")
    slug = models.CharField(max_length=120)
    artist = models.ForeignKey(Artist, models.CASCADE, null=True, blank=True, related_name="old_slugs")
    album = models.ForeignKey(Album, models.CASCADE, null=True, blank=True, related_name="old_slugs")
    track = models.ForeignKey(Track, models.CASCADE, null=True, blank=True, related_name="old_slugs")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "slug"], name="old_slug_per_scope"),
            models.CheckConstraint(
                condition=Q(artist__isnull=False, album__isnull=True, track__isnull=True)
                | Q(artist__isnull=True, album__isnull=False, track__isnull=True)
                | Q(artist__isnull=True, album__isnull=True, track__isnull=False),
                name="old_slug_of_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope}/{self.slug}"
