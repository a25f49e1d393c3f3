"""How the money of music is shared: sheets in versions, the people in them, and what each of them signed."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from artists.models.catalogue import Album, Track
from artists.models.checks import length_is, not_empty, one_of
from artists.models.payees import WHOLE
from megabox import money
from users import mail


def percent(basis_points: int) -> str:
    """Basis points as people read them: `33.33 %`, `50 %`."""
    return f"{money.plain_number(basis_points * money.MICROS // 100)} %"


class SplitSheetQuerySet(models.QuerySet["SplitSheet"]):
    """Filters over sheets."""

    def of(self, thing: Album | Track) -> Self:
        """All versions of the sheet that an album or a track has of its own."""
        return self.filter(track=thing) if isinstance(thing, Track) else self.filter(album=thing)

    def signed(self) -> Self:
        """Versions by which money is shared, or was: everybody in them signed."""
        return self.filter(state=SplitSheet.State.SIGNED)

    def waiting(self) -> Self:
        """Versions that somebody has yet to sign."""
        return self.filter(state=SplitSheet.State.WAITING)

    def due(self, at: datetime) -> Self:
        """Versions that not everybody signed in time."""
        return self.waiting().filter(expires_at__lte=at)

    def drop(self) -> None:
        """Delete the sheets of a draft, and the letters to whoever was asked to sign them."""
        mail.forget([line.letter_prefix for line in SplitLine.objects.filter(sheet__in=self)])
        self.delete()


class SplitSheet(models.Model):
    """One version of how the payees' part of an album's or track's money is shared. Never changed, only followed.

    It is in force from the moment the last person in it signed (`in_force_at`) until the next one is; no other state is
    ever in force. `shares` is `[[payee id, basis points], ...]`, known by then; the basis points sum to 10 000.
    """

    class State(models.TextChoices):
        WAITING = "WAITING", "waits for signatures"
        SIGNED = "SIGNED", "signed"
        DECLINED = "DECLINED", "declined"
        WITHDRAWN = "WITHDRAWN", "withdrawn"
        EXPIRED = "EXPIRED", "not signed in time"

    album = models.ForeignKey("artists.Album", models.PROTECT, null=True, blank=True, related_name="split_sheets")
    track = models.ForeignKey("artists.Track", models.PROTECT, null=True, blank=True, related_name="split_sheets")
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    shares = models.JSONField(default=list, blank=True)
    is_taken_over = models.BooleanField(
        default=False, help_text="It was in force before sheets were signed: its people were told, not asked."
    )
    by = models.ForeignKey("users.User", models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Until when it can be signed.")
    in_force_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it was declined, withdrawn or expired.")
    end_reason = models.CharField(max_length=500, blank=True, default="")

    objects = SplitSheetQuerySet.as_manager()

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["album", "version"], name="split_sheet_album_version"),
            models.UniqueConstraint(fields=["track", "version"], name="split_sheet_track_version"),
            models.UniqueConstraint(
                fields=["album"], condition=Q(state="WAITING", album__isnull=False), name="one_waiting_sheet_per_album"
            ),
            models.UniqueConstraint(
                fields=["track"], condition=Q(state="WAITING", track__isnull=False), name="one_waiting_sheet_per_track"
            ),
            models.CheckConstraint(
                condition=Q(album__isnull=False, track__isnull=True) | Q(album__isnull=True, track__isnull=False),
                name="split_sheet_of_one_thing",
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="split_sheet_version"),
            one_of("state", "WAITING SIGNED DECLINED WITHDRAWN EXPIRED", "split_sheet_state"),
            models.CheckConstraint(
                condition=Q(state="SIGNED", in_force_at__isnull=False) | (~Q(state="SIGNED") & Q(in_force_at=None)),
                name="split_sheet_in_force_when_signed",
            ),
            models.CheckConstraint(
                condition=~Q(state="WAITING") | Q(expires_at__isnull=False), name="split_sheet_waits_until"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["WAITING", "SIGNED"]) | Q(ended_at__isnull=False), name="split_sheet_ended"
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.version}: {self.shares}"

    @property
    def thing(self) -> Album | Track:
        """The album or track it is about."""
        return self.home if self.track is None else self.track

    @property
    def home(self) -> Album:
        """The album it is about, or of the track it is about."""
        if self.track is not None:
            return self.track.album
        assert self.album is not None, "the database lets none in without"
        return self.album

    @property
    def called(self) -> str:
        """How statements name it."""
        return f"{'album' if self.track_id is None else 'track'} split {self.version}"

    @property
    def is_waiting(self) -> bool:
        """Whether somebody has yet to sign it."""
        return self.state == self.State.WAITING

    @property
    def is_signed(self) -> bool:
        """Whether it is or was in force."""
        return self.state == self.State.SIGNED

    @property
    def pairs(self) -> Sequence[tuple[int, int]]:
        """`(payee id, basis points)` in the sheet's order."""
        return [(int(payee_id), int(basis_points)) for payee_id, basis_points in self.shares]

    def allocate(self, micros: int) -> list[tuple[int, int]]:
        """`(payee id, micros)` in the sheet's order; the parts sum to `micros` exactly."""
        parts = money.allocate(micros, [basis_points for _, basis_points in self.pairs])
        return [(payee_id, part) for (payee_id, _), part in zip(self.pairs, parts, strict=True)]

    def fingerprint(self, lines: "Sequence[SplitLine]") -> str:
        """SHA-256 of what is signed: of which music, which version, who gets how much as what. No addresses."""
        what = {
            "album": self.album_id,
            "track": self.track_id,
            "version": self.version,
            "lines": [[line.position, line.role, line.name, line.basis_points] for line in lines],
        }
        return hashlib.sha256(json.dumps(what, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class SplitLine(models.Model):
    """One person's part of one version, named by e-mail until they signed; then `payee` is theirs.

    The address stays while the version waits or is in force, and is forgotten after that; so is the name of whoever
    did not sign a version that will never be in force.
    """

    class Role(models.TextChoices):
        ARTIST = "ARTIST", "artist"
        WRITER = "WRITER", "writer"
        PERFORMER = "PERFORMER", "performer"
        PRODUCER = "PRODUCER", "producer"
        LABEL = "LABEL", "label"
        OTHER = "OTHER", "other"

    sheet = models.ForeignKey(SplitSheet, models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.OTHER)
    name = models.CharField(max_length=200, blank=True, default="")
    email = models.EmailField(blank=True, default="")
    basis_points = models.PositiveIntegerField()
    payee = models.ForeignKey("artists.Payee", models.PROTECT, null=True, blank=True, related_name="split_lines")
    letters = models.PositiveSmallIntegerField(default=0, help_text="How often they were asked.")
    asked_at = models.DateTimeField(null=True, blank=True, help_text="When they were asked last.")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["sheet", "position"], name="split_line_position"),
            models.UniqueConstraint(fields=["sheet", "email"], condition=~Q(email=""), name="split_line_email_once"),
            models.UniqueConstraint(
                fields=["sheet", "payee"], condition=Q(payee__isnull=False), name="split_line_payee_once"
            ),
            one_of("role", "ARTIST WRITER PERFORMER PRODUCER LABEL OTHER", "split_line_role"),
            models.CheckConstraint(condition=Q(basis_points__range=(1, WHOLE)), name="split_line_basis_points"),
        ]

    def __str__(self) -> str:
        return f"{self.shown_name}, {self.get_role_display()}: {self.percent}"

    @property
    def percent(self) -> str:
        """Their part in words."""
        return percent(self.basis_points)

    @property
    def letter_prefix(self) -> str:
        """How the keys of all letters to this person about this sheet begin."""
        return f"split:{self.pk}:"

    @property
    def shown_name(self) -> str:
        """The name, as long as it is kept."""
        return self.name or "somebody who was asked"


class Immutable(Exception):
    """A signature cannot be changed or taken back."""


class SplitSignature(models.Model):
    """Who signed which line when, and the fingerprint of what they signed. Never changed.

    Whoever closes the account is cut from it; the name they typed stays, as on paper.
    """

    line = models.OneToOneField(SplitLine, models.CASCADE, related_name="signature")
    user = models.ForeignKey("users.User", models.SET_NULL, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=200)
    signed_at = models.DateTimeField()
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of what was signed.")

    class Meta:
        ordering = ["signed_at", "pk"]
        constraints = [
            not_empty("name", "split_signature_has_a_name"),
            length_is("fingerprint", 64, "split_signature_fingerprint"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.signed_at:%Y-%m-%d %H:%M}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store it once."""
        if self.pk is not None:
            raise Immutable("A signature cannot be changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Never: it goes with a draft that was never published, and with nothing else."""
        raise Immutable("A signature cannot be taken back.")
