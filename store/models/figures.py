"""The tables of statistics: what was counted of each UTC day, and the countings that did it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from megabox.claims import Claimable


class Counting(Claimable):
    """One counting of figures: all that happened before `through`, a full hour. Each hour is counted once.

    Days up to `reached` are done, so that a killed counting goes on where it stopped. It looks again at every day that
    an entry of the books above `entries_after` is about, up to `entries_through`.
    """

    through = models.DateTimeField(unique=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    is_open = models.BooleanField(default=True)
    since = models.DateField(help_text="From this day on all days are counted.")
    reached = models.DateField(null=True, blank=True)
    entries_after = models.BigIntegerField()
    entries_through = models.BigIntegerField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-through"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["is_open"], condition=Q(is_open=True), name="counting_one_open"),
            models.CheckConstraint(
                condition=Q(is_open=True, finished_at=None) | Q(is_open=False, finished_at__isnull=False),
                name="counting_open_until_finished",
            ),
        ]

    def __str__(self) -> str:
        return f"counting through {self.through:%Y-%m-%d %H:%M}"


class Figure(models.Model):
    """What was counted of one UTC day about an artist, an album or a track. Computed anew, never added to.

    `key` says more of some kinds: where plays were started, from which site or country they came, how a download was
    had, at which price something was sold, by what money was earned. `micros` are of `unit`.
    """

    class What(models.TextChoices):
        PLAYS = "plays", "plays, by place"
        COMPLETE = "complete", "plays heard whole"
        SKIPS = "skips", "left before they counted"
        SITES = "sites", "plays, by the site that led here"
        COUNTRIES = "countries", "plays, by the listener’s country"
        DOWNLOADS = "downloads", "downloads, by reason"
        SALES = "sales", "sales, by price"
        BUYERS = "buyers", "sales, by the buyer’s country"
        EARNED = "earned", "what payees were credited, by what earned it"

    day = models.DateField()
    artist = models.ForeignKey("artists.Artist", models.CASCADE, related_name="+", db_index=False)
    album = models.ForeignKey("artists.Album", models.CASCADE, null=True, blank=True, related_name="+")
    track = models.ForeignKey("artists.Track", models.CASCADE, null=True, blank=True, related_name="+")
    what = models.CharField(max_length=10, choices=What)
    key = models.CharField(max_length=100, blank=True, default="")
    unit = models.CharField(max_length=3, blank=True, default="")
    count = models.PositiveBigIntegerField(default=0)
    micros = models.BigIntegerField(default=0)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["artist", "day"], name="figure_of_artist"),
            models.Index(fields=["day"], name="figure_of_day"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(track=None) | Q(album__isnull=False), name="figure_of_track_has_album"),
            models.CheckConstraint(condition=Q(micros=0) | ~Q(unit=""), name="figure_of_money_has_a_unit"),
            models.UniqueConstraint(
                fields=["day", "track", "what", "key", "unit"],
                condition=Q(track__isnull=False),
                name="figure_of_track_once",
            ),
            models.UniqueConstraint(
                fields=["day", "album", "what", "key", "unit"],
                condition=Q(album__isnull=False, track=None),
                name="figure_of_album_once",
            ),
            models.UniqueConstraint(
                fields=["day", "artist", "what", "key", "unit"], condition=Q(album=None), name="figure_of_artist_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} of {self.day}"


class Prediction(models.Model):
    """What a month of an album was thought to bring before it began, so that the miss can be shown. Never changed.

    `plays` is how often it was thought to be heard, `sales` how often to be sold for `price_micros`, which pays its
    payees `earned_micros`.
    """

    album = models.ForeignKey("artists.Album", models.CASCADE, related_name="+")
    month = models.DateField(help_text="Its first day.")
    unit = models.CharField(max_length=3)
    price_micros = models.BigIntegerField()
    plays = models.PositiveBigIntegerField()
    sales = models.PositiveBigIntegerField()
    earned_micros = models.BigIntegerField()
    made_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-month"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["album", "month"], name="prediction_once"),
            models.CheckConstraint(
                condition=Q(price_micros__gt=0, earned_micros__gte=0), name="prediction_has_a_price"
            ),
        ]

    def __str__(self) -> str:
        return f"prediction of {self.month:%Y-%m} for {self.album}"
