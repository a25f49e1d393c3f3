"""Artists, albums and tracks: what listeners see and what it costs."""

from datetime import datetime
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.urls import reverse
from django.utils import timezone

from artists.models.checks import between, length_is, not_empty, one_of
from artists.models.choices import Genre, Language, Licence, Mood
from artists.models.free import FreeMode, FreeTerms
from users.models import User

CREDITS_PER_TRACK = 5
MAX_PRICE_MICROS = 100_000_000_000
HUES = 24
MOST_DISCS = 50

Person = User | AnonymousUser


class ArtistQuerySet(models.QuerySet["Artist"]):
    """Filters over artists."""

    def owned_by(self, user: Person) -> Self:
        """The artists `user` manages; nobody's for a guest."""
        return self.filter(owner=user) if isinstance(user, User) else self.none()

    def published(self) -> Self:
        """Artists who have an album out."""
        albums = Album.objects.filter(artist=OuterRef("pk"), state=Album.State.PUBLISHED)
        return self.filter(Exists(albums))


class Artist(models.Model):
    """A band, a musician, a project. One person may manage several, as labels do."""

    owner = models.ForeignKey("users.User", models.PROTECT, related_name="artists")
    payee = models.ForeignKey("artists.Payee", models.PROTECT, related_name="artists")
    name = models.CharField(max_length=120)
    slug = models.CharField(max_length=120, unique=True)
    bio = models.TextField(blank=True, default="", max_length=5_000)
    location = models.CharField(max_length=120, blank=True, default="")
    hue = models.PositiveSmallIntegerField(default=0)
    cover = models.ForeignKey("artists.Cover", models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = ArtistQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            not_empty("name", "artist_has_a_name"),
            not_empty("slug", "artist_has_a_slug"),
            between("hue", 0, HUES - 1, "artist_hue"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """`/artists/<artist>/`"""
        return reverse("store:artist", args=[self.slug])


class AlbumQuerySet(models.QuerySet["Album"]):
    """Filters over albums."""

    def owned_by(self, user: Person) -> Self:
        """Albums of the artists `user` manages; nobody's for a guest."""
        return self.filter(artist__owner=user) if isinstance(user, User) else self.none()

    def published(self) -> Self:
        """Albums everybody may see and have."""
        return self.filter(state=Album.State.PUBLISHED)

    def announced(self) -> Self:
        """Albums that have a page and a time, and are not out yet."""
        return self.filter(state=Album.State.ANNOUNCED)

    def due(self, at: datetime) -> Self:
        """Announced albums whose time has come: to be published now."""
        return self.announced().filter(out_at__lte=at)

    def for_pages(self) -> Self:
        """With artist, cover and the tracks listeners see, in three queries however many albums there are."""
        tracks = Track.objects.filter(state=Track.State.PUBLISHED)
        return self.select_related("artist", "cover").prefetch_related(Prefetch("tracks", queryset=tracks))


class Album(FreeTerms):
    """Tracks that belong together. A draft is its artist's alone; what was sold is withdrawn, never deleted.

    An announced album has a page that says when it is out, and nothing to have before.
    """

    class State(models.TextChoices):
        DRAFT = "DRAFT", "draft"
        ANNOUNCED = "ANNOUNCED", "announced"
        PUBLISHED = "PUBLISHED", "published"
        WITHDRAWN = "WITHDRAWN", "withdrawn"

    artist = models.ForeignKey(Artist, models.PROTECT, related_name="albums")
    title = models.CharField(max_length=200)
    slug = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    price_micros = models.BigIntegerField(
        default=7_000_000,
        help_text="Without tax, in micros of the currency; the minimum where listeners name the price.",
    )
    currency = models.CharField(max_length=3, default="USD")
    is_name_your_price = models.BooleanField(default=False)
    credit_price = models.PositiveIntegerField(
        null=True, blank=True, help_text="Whole credits for a free download; empty means 5 for each track."
    )
    is_owners_only = models.BooleanField(default=False, help_text="Only people who own it may stream it in full.")
    cover = models.ForeignKey("artists.Cover", models.PROTECT, null=True, blank=True, related_name="albums")
    hue = models.PositiveSmallIntegerField(default=0)
    genre = models.CharField(max_length=40, choices=Genre.choices, blank=True, default="")
    mood = models.CharField(max_length=20, choices=Mood.choices, blank=True, default="", db_default="")
    language = models.CharField(max_length=10, choices=Language.choices, blank=True, default="", db_default="")
    tags = models.JSONField(default=list, blank=True)
    description = models.TextField(blank=True, default="", max_length=10_000)
    licence = models.CharField(max_length=30, choices=Licence.choices, default=Licence.ALL_RIGHTS)
    upc = models.CharField(max_length=14, blank=True, default="")
    label = models.CharField(max_length=200, blank=True, default="", db_default="", help_text="Who brought it out.")
    p_line = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="After ℗: the year, and who owns the recording.",
    )
    c_line = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="After ©: the year, and who owns the rest."
    )
    cover_alt = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="The cover in words; empty: its title."
    )
    released_on = models.DateField(null=True, blank=True)
    out_at = models.DateTimeField(null=True, blank=True, help_text="When an announced album is published by itself.")
    takes_preorders = models.BooleanField(
        default=False, db_default=False, help_text="Listeners may buy it while it is announced."
    )
    created_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = AlbumQuerySet.as_manager()

    class Meta:
        ordering = ["-published_at", "-pk"]
        indexes = [*FreeTerms.Meta.indexes, models.Index(fields=["state", "-published_at"], name="album_newest")]
        constraints = [
            *FreeTerms.Meta.constraints,
            models.UniqueConstraint(fields=["artist", "slug"], name="album_slug_per_artist"),
            not_empty("title", "album_has_a_title"),
            not_empty("slug", "album_has_a_slug"),
            one_of("state", "DRAFT ANNOUNCED PUBLISHED WITHDRAWN", "album_state"),
            models.CheckConstraint(
                condition=~Q(state="ANNOUNCED") | Q(out_at__isnull=False, published_at__isnull=True),
                name="album_announced_has_a_time",
            ),
            between("price_micros", 0, MAX_PRICE_MICROS, "album_price"),
            between("credit_price", 1, 1_000_000, "album_credit_price"),
            between("hue", 0, HUES - 1, "album_hue"),
            length_is("currency", 3, "album_currency"),
            models.CheckConstraint(
                condition=~Q(state="PUBLISHED") | Q(published_at__isnull=False), name="album_published_has_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(state="WITHDRAWN") | Q(withdrawn_at__isnull=False, published_at__isnull=False),
                name="album_withdrawn_has_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="PUBLISHED")
                | Q(price_micros__gt=0)
                | Q(is_name_your_price=True)
                | Q(free_mode="FREE"),
                name="album_published_has_a_price",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """`/artists/<artist>/<album>/`"""
        return reverse("store:album", args=[self.artist.slug, self.slug])

    @property
    def is_published(self) -> bool:
        """Whether everybody may see it."""
        return self.state == self.State.PUBLISHED

    @property
    def is_announced(self) -> bool:
        """Whether it has a page and is not out yet."""
        return self.state == self.State.ANNOUNCED

    @property
    def may_be_ordered(self) -> bool:
        """Whether it can be bought now, before it is out."""
        return self.is_announced and self.takes_preorders and self.is_for_sale

    @property
    def is_explicit(self) -> bool:
        """Whether a track of it is: asks the database unless its tracks were fetched with it."""
        if "tracks" in getattr(self, "_prefetched_objects_cache", {}):
            return any(track.is_explicit for track in self.tracks.all())
        return self.tracks.kept().filter(is_explicit=True).exists()

    @property
    def cover_words(self) -> str:
        """The cover in words, for whoever does not see it."""
        return self.cover_alt or (f"Cover of {self.title}" if self.cover_id else "")

    @property
    def is_for_sale(self) -> bool:
        """Whether money can be paid for it; one that is simply free and has no price cannot be bought."""
        return self.price_micros > 0 or self.is_name_your_price

    @property
    def effective_credit_price(self) -> int:
        """Whole credits a free download costs: the artist's price, else 5 a track; 0 when simply free.

        Says nothing of whether the album may be had for credits: look at `free_mode`.
        """
        if self.free_mode == FreeMode.FREE:
            return 0
        if self.credit_price is not None:
            return self.credit_price
        tracks = self.tracks.all()
        if "tracks" not in getattr(self, "_prefetched_objects_cache", {}):
            return CREDITS_PER_TRACK * tracks.exclude(state=Track.State.WITHDRAWN).count()
        return CREDITS_PER_TRACK * sum(track.state != Track.State.WITHDRAWN for track in tracks)


class TrackQuerySet(models.QuerySet["Track"]):
    """Filters over tracks."""

    def owned_by(self, user: Person) -> Self:
        """Tracks of the artists `user` manages; nobody's for a guest."""
        return self.filter(album__artist__owner=user) if isinstance(user, User) else self.none()

    def published(self) -> Self:
        """Tracks everybody may see: published, on an album that still is."""
        return self.filter(state=Track.State.PUBLISHED, album__state=Album.State.PUBLISHED)

    def kept(self) -> Self:
        """Drafts and published ones: all but the withdrawn."""
        return self.exclude(state=Track.State.WITHDRAWN)


class Track(FreeTerms):
    """One piece of music on one album. It is seen when it and its album are published."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", "draft"
        PUBLISHED = "PUBLISHED", "published"
        WITHDRAWN = "WITHDRAWN", "withdrawn"

    album = models.ForeignKey(Album, models.CASCADE, related_name="tracks")
    disc = models.PositiveSmallIntegerField(default=1, db_default=1)
    position = models.PositiveSmallIntegerField(help_text="Its number on its disc.")
    title = models.CharField(max_length=200)
    slug = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    duration_ms = models.PositiveIntegerField(default=0)
    price_micros = models.BigIntegerField(
        null=True, blank=True, help_text="In micros of the album's currency; empty means sold with the album only."
    )
    credit_price = models.PositiveIntegerField(null=True, blank=True, help_text="Whole credits; empty means 5.")
    isrc = models.CharField("ISRC", max_length=12, blank=True, default="")
    iswc = models.CharField("ISWC", max_length=11, blank=True, default="", db_default="", help_text="Of the work.")
    is_explicit = models.BooleanField(default=False, db_default=False)
    lyrics = models.TextField(blank=True, default="", max_length=20_000)
    synced_lyrics = models.TextField(
        blank=True, default="", db_default="", max_length=40_000, help_text="As LRC: a time before each line."
    )
    genre = models.CharField(max_length=40, choices=Genre.choices, blank=True, default="")
    mood = models.CharField(
        max_length=20, choices=Mood.choices, blank=True, default="", db_default="", help_text="Empty: the album's."
    )
    language = models.CharField(
        max_length=10, choices=Language.choices, blank=True, default="", db_default="", help_text="Empty: the album's."
    )
    artist_name = models.CharField(
        max_length=200, blank=True, default="", help_text="Who performs, where that is not the album's artist."
    )
    is_heard_before = models.BooleanField(
        default=False, db_default=False, help_text="Everybody may hear it while its album is announced."
    )
    awaits = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="The name of the file it waits for, if told."
    )
    original = models.ForeignKey("artists.Original", models.PROTECT, null=True, blank=True, related_name="tracks")
    peaks = models.JSONField(default=list, blank=True)
    are_remarks_dismissed = models.BooleanField(
        default=False, db_default=False, help_text="Its artist has read what is odd about its sound, and means it."
    )
    created_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = TrackQuerySet.as_manager()

    class Meta:
        ordering = ["disc", "position", "pk"]
        indexes = FreeTerms.Meta.indexes
        constraints = [
            *FreeTerms.Meta.constraints,
            models.UniqueConstraint(
                fields=["album", "disc", "position"],
                condition=~Q(state="WITHDRAWN"),
                name="track_position_per_disc",
            ),
            models.UniqueConstraint(fields=["album", "slug"], name="track_slug_per_album"),
            not_empty("title", "track_has_a_title"),
            not_empty("slug", "track_has_a_slug"),
            one_of("state", "DRAFT PUBLISHED WITHDRAWN", "track_state"),
            between("disc", 1, MOST_DISCS, "track_disc"),
            between("position", 1, 32_000, "track_position"),
            between("price_micros", 1, MAX_PRICE_MICROS, "track_price"),
            between("credit_price", 1, 1_000_000, "track_credit_price"),
            models.CheckConstraint(
                condition=~Q(state="PUBLISHED") | Q(published_at__isnull=False, original__isnull=False),
                name="track_published_has_time_and_file",
            ),
            models.CheckConstraint(
                condition=~Q(state="WITHDRAWN") | Q(withdrawn_at__isnull=False), name="track_withdrawn_has_a_time"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """`/artists/<artist>/<album>/<track>/`"""
        return reverse("store:track", args=[self.album.artist.slug, self.album.slug, self.slug])

    @property
    def is_published(self) -> bool:
        """Whether everybody may see it."""
        return self.state == self.State.PUBLISHED and self.album.is_published

    @property
    def is_heard_now(self) -> bool:
        """Whether everybody may hear it now, before its album is out."""
        return self.album.is_announced and self.is_heard_before and self.state != self.State.WITHDRAWN

    @property
    def is_for_sale(self) -> bool:
        """Whether it is sold apart from its album."""
        return self.price_micros is not None

    @property
    def effective_credit_price(self) -> int:
        """Whole credits a free download costs; 0 when simply free. Look at `free_mode` for whether it may be had."""
        if self.free_mode == FreeMode.FREE:
            return 0
        return CREDITS_PER_TRACK if self.credit_price is None else self.credit_price

    @property
    def performer(self) -> str:
        """Who performs it."""
        return self.artist_name or self.album.artist.name

    @property
    def remarks(self) -> list[str]:
        """What is odd about its sound, unless its artist has put that away."""
        return [] if self.are_remarks_dismissed or self.original is None else list(self.original.remarks)

    @property
    def spoken_iswc(self) -> str:
        """The ISWC as people write it: T-034.524.680-1."""
        code = self.iswc
        return f"{code[0]}-{code[1:4]}.{code[4:7]}.{code[7:10]}-{code[10]}" if code else ""
