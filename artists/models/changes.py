"""What artists typed that does not hold yet."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from artists.models.catalogue import Album, Track


class ChangeQuerySet(models.QuerySet["Change"]):
    """Filters over changes."""

    def of(self, thing: Album | Track) -> Self:
        """What was typed about this album itself, or about this track."""
        if isinstance(thing, Track):
            return self.filter(track=thing)
        return self.filter(album=thing, track__isnull=True)


class Change(models.Model):
    """What was typed about an album or one of its tracks and does not hold: not right yet, or not published yet.

    Only fields whose text differs from what holds are in `typed`, as a browser sends them.
    """

    album = models.ForeignKey(Album, models.CASCADE, related_name="changes")
    track = models.ForeignKey(Track, models.CASCADE, null=True, blank=True, related_name="changes")
    typed = models.JSONField(default=dict, help_text="Texts by the name of their field.")
    changed_at = models.DateTimeField(default=timezone.now)

    objects = ChangeQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["album"], condition=Q(track__isnull=True), name="one_change_of_an_album"),
            models.UniqueConstraint(fields=["track"], condition=Q(track__isnull=False), name="one_change_of_a_track"),
        ]

    def __str__(self) -> str:
        return f"{', '.join(self.typed)} of {self.track or self.album}"
