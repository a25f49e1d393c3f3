"""Liner credits: who did what on a track."""

from django.db import models

from artists.models.catalogue import Track
from artists.models.checks import not_empty, one_of


class Contribution(models.Model):
    """The role of a person on a track: a liner credit."""

    class Role(models.TextChoices):
        PERFORMER = "PERFORMER", "performer"
        FEATURED = "FEATURED", "featured"
        COMPOSER = "COMPOSER", "composer"
        LYRICIST = "LYRICIST", "lyricist"
        PRODUCER = "PRODUCER", "producer"
        ENGINEER = "ENGINEER", "engineer"
        REMIXER = "REMIXER", "remixer"
        OTHER = "OTHER", "other"

    track = models.ForeignKey(Track, models.CASCADE, related_name="contributions")
    role = models.CharField(max_length=10, choices=Role.choices)
    name = models.CharField(max_length=200)
    payee = models.ForeignKey("artists.Payee", models.SET_NULL, null=True, blank=True, related_name="contributions")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["track", "role", "name"], name="contribution_once"),
            not_empty("name", "contribution_has_a_name"),
            one_of("role", "PERFORMER FEATURED COMPOSER LYRICIST PRODUCER ENGINEER REMIXER OTHER", "contribution_role"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_role_display()})"
