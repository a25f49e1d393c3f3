"""What was listened to, and what can be searched for."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from artists.models.checks import not_empty, one_of


class Play(models.Model):
    """A track heard for 30 seconds by one listener, counted at most once in a while.

    `place` and `site` are where it came from, as the browser says it: the page it was started on, and the other site
    whose link led here, by its host alone. `country` is what the listener's account said; nobody is located.
    """

    class Place(models.TextChoices):
        HOME = "home", "the home page"
        SEARCH = "search", "search"
        ARTIST = "artist", "the artist’s page"
        ALBUM = "album", "the album’s page"
        TRACK = "track", "the track’s page"
        LIBRARY = "library", "a library"
        EMBED = "embed", "a player on another site"
        OTHER = "", "elsewhere"

    track = models.ForeignKey("artists.Track", models.CASCADE, related_name="plays")
    listener_key = models.CharField(max_length=120)
    user = models.ForeignKey("users.User", models.SET_NULL, null=True, blank=True, related_name="plays")
    slot = models.BigIntegerField(help_text="The span of time in which this listener's plays of it count once.")
    created_at = models.DateTimeField(default=timezone.now)
    place = models.CharField(max_length=10, choices=Place.choices, blank=True, default="", db_default="")
    site = models.CharField(max_length=100, blank=True, default="", db_default="", help_text="A host, never a path.")
    country = models.CharField(max_length=2, blank=True, default="", db_default="")
    completed_at = models.DateTimeField(null=True, blank=True, help_text="When nine tenths of it had been heard.")

    class Meta:
        indexes = [
            models.Index(fields=["track", "created_at"], name="play_track"),
            models.Index(fields=["created_at"], name="play_time"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["listener_key", "track", "slot"], name="play_once_per_slot"),
            not_empty("listener_key", "play_has_a_listener"),
        ]

    def __str__(self) -> str:
        return f"play of {self.track_id}"


class Skip(models.Model):
    """A track that a listener began and left before it counted as a play; once in the time the track takes."""

    track = models.ForeignKey("artists.Track", models.CASCADE, related_name="skips")
    listener_key = models.CharField(max_length=120)
    slot = models.BigIntegerField(help_text="The span of time in which this listener's skips of it count once.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="skip_time")]
        constraints = [
            models.UniqueConstraint(fields=["listener_key", "track", "slot"], name="skip_once_per_slot"),
            not_empty("listener_key", "skip_has_a_listener"),
        ]

    def __str__(self) -> str:
        return f"skip of {self.track_id}"


class SearchDocument(models.Model):
    """What search knows of one published artist, album or track; written by publish, edit and withdraw."""

    class Kind(models.TextChoices):
        ARTIST = "ARTIST", "artist"
        ALBUM = "ALBUM", "album"
        TRACK = "TRACK", "track"

    kind = models.CharField(max_length=6, choices=Kind.choices)
    artist = models.ForeignKey("artists.Artist", models.CASCADE, related_name="search_documents")
    album = models.ForeignKey("artists.Album", models.CASCADE, null=True, blank=True, related_name="search_documents")
    track = models.ForeignKey("artists.Track", models.CASCADE, null=True, blank=True, related_name="search_documents")
    title = models.CharField(max_length=200)
    subtitle = models.CharField(max_length=400, blank=True, default="")
    text = models.TextField(help_text="All that can be found, folded to lower case without accents.")
    url = models.CharField(max_length=1_000)
    cover = models.ForeignKey("artists.Cover", models.SET_NULL, null=True, blank=True, related_name="+")
    hue = models.PositiveSmallIntegerField(default=0)
    plays = models.PositiveIntegerField(default=0, help_text="Orders equally good answers.")
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            one_of("kind", "ARTIST ALBUM TRACK", "search_document_kind"),
            models.UniqueConstraint(
                fields=["artist"], condition=Q(kind="ARTIST"), name="search_document_once_per_artist"
            ),
            models.UniqueConstraint(fields=["album"], condition=Q(kind="ALBUM"), name="search_document_once_per_album"),
            models.UniqueConstraint(fields=["track"], condition=Q(kind="TRACK"), name="search_document_once_per_track"),
            models.CheckConstraint(
                condition=Q(kind="ARTIST", album__isnull=True, track__isnull=True)
                | Q(kind="ALBUM", album__isnull=False, track__isnull=True)
                | Q(kind="TRACK", album__isnull=False, track__isnull=False),
                name="search_document_of_its_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.title}"
