"""Split sheets in force: how the payees' part of an album's or track's money is shared, version by version.

Only signed versions are ever read here; how a version comes to be signed is `artists.signing`'s.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from artists import albums
from artists.models import Album, Play, SplitLine, SplitSheet, Track
from artists.models.payees import WHOLE
from megabox import money
from users.access import confirmed_addresses
from users.models import User

ALWAYS = datetime.min.replace(tzinfo=UTC)

Shares = tuple[tuple[int, int], ...]
"""`(payee id, basis points)` in the sheet's order."""


def current(thing: Album | Track) -> SplitSheet:
    """The sheet in force now: the track's own, else its album's, else everything to the artist's payee.

    The last of these is not stored and has version 0.
    """
    if isinstance(thing, Track):
        return SplitSheet.objects.signed().filter(track=thing).first() or current(thing.album)
    sheet = SplitSheet.objects.signed().filter(album=thing).first()
    return sheet or SplitSheet(album=thing, version=0, shares=[[thing.artist.payee_id, WHOLE]])


def in_force(since: datetime, until: datetime) -> dict[int, list[tuple[datetime, Shares]]]:
    """How each track played in the window was shared in it, by track id: `(from when on, shares)`, oldest first.

    The same rule as `current`: the track's own sheet from its first version on, before it the album's, before that
    everything to the artist's payee. Nearly every track has one line.
    """
    of_albums: dict[int, list[tuple[datetime, Shares]]] = defaultdict(list)
    of_tracks: dict[int, list[tuple[datetime, Shares]]] = defaultdict(list)
    sheets = SplitSheet.objects.signed().filter(in_force_at__lt=until).order_by("in_force_at", "version")
    for album_id, track_id, at, shares in sheets.values_list("album", "track", "in_force_at", "shares").iterator():
        assert at is not None, "the database knows since when a signed version is in force"
        versions = of_albums[album_id] if track_id is None else of_tracks[track_id]
        versions.append((at, tuple((payee_id, points) for payee_id, points in shares)))
    plays = Play.objects.filter(track=OuterRef("pk"), created_at__gte=since, created_at__lt=until)
    played = Track.objects.filter(Exists(plays)).order_by()
    found = {}
    for pk, album_id, payee_id in played.values_list("pk", "album", "album__artist__payee").iterator():
        own = of_tracks.get(pk, [])
        of_album = [line for line in of_albums.get(album_id, []) if not own or line[0] < own[0][0]]
        lines: list[tuple[datetime, Shares]] = [(ALWAYS, ((payee_id, WHOLE),)), *of_album, *own]
        before = sum(at <= since for at, _ in lines)
        found[pk] = lines[before - 1 :]
    return found


@dataclass(frozen=True)
class Told:
    """One line of a version, and what it gets of an example: `part` micros."""

    line: SplitLine
    part: int


@dataclass(frozen=True)
class Version:
    """A version in plain words: of `paid` micros for one sale everybody in it shares `shared`, each by their line."""

    sheet: SplitSheet
    lines: Sequence[Told]
    paid: int
    shared: int
    unit: str

    @property
    def signed_count(self) -> int:
        """How many signed it."""
        return sum(hasattr(one.line, "signature") for one in self.lines)


def told(sheet: SplitSheet) -> Version:
    """A version in plain words: by the least price its music is sold for or, without one, by 7.00."""
    return all_told([sheet])[0]


def all_told(sheets: Sequence[SplitSheet]) -> list[Version]:
    """Several versions in plain words; asks the database the same for any number."""
    lines: dict[int | None, list[SplitLine]] = defaultdict(list)
    stored = SplitLine.objects.filter(sheet__in=[sheet.pk for sheet in sheets if sheet.pk is not None])
    for line in stored.select_related("signature").order_by("position"):
        lines[line.sheet_id].append(line)
    return [_told(sheet, lines[sheet.pk] or _lines_of_none(sheet)) for sheet in sheets]


def _told(sheet: SplitSheet, lines: Sequence[SplitLine]) -> Version:
    paid = sheet.thing.price_micros or 7 * money.MICROS
    shared = albums.simulate(paid, buyers=1)
    parts = money.allocate(shared, [line.basis_points for line in lines])
    shown = [Told(line, part) for line, part in zip(lines, parts, strict=True)]
    return Version(sheet, shown, paid, shared, sheet.home.currency)


def _lines_of_none(sheet: SplitSheet) -> list[SplitLine]:
    """What version 0 says: the artist has everything, as long as nobody shared anything."""
    return [SplitLine(sheet=sheet, name=sheet.home.artist.name, role=SplitLine.Role.ARTIST, basis_points=WHOLE)]


def versions(thing: Album | Track) -> QuerySet[SplitSheet]:
    """Every version of the thing's own sheet, newest first."""
    return SplitSheet.objects.of(thing).select_related("album__artist", "track__album__artist", "by")


def is_of(user: User) -> Q:
    """Which lines are the person's: signed by them, for a payee of theirs, or sent to a confirmed address of theirs."""
    mine = Q(payee__user=user) | Q(signature__user=user)
    return mine | Q(email__in=confirmed_addresses(user), sheet__state=SplitSheet.State.WAITING)


def lines_of(user: User) -> QuerySet[SplitLine]:
    """Where the person stands in sheets, of their own music or other people's, newest first.

    Each knows whether money is shared by it now (`is_current`).
    """
    newer = SplitSheet.objects.signed().filter(
        Q(album=OuterRef("sheet__album")) | Q(track=OuterRef("sheet__track")), version__gt=OuterRef("sheet__version")
    )
    found = SplitLine.objects.filter(is_of(user)).distinct()
    return (
        found.annotate(is_current=Q(sheet__state=SplitSheet.State.SIGNED) & ~Exists(newer))
        .select_related("sheet__album__artist", "sheet__track__album__artist", "sheet__by", "signature", "payee")
        .order_by("-sheet__created_at", "-pk")
    )


def seen_by(user: User, thing: Album | Track) -> QuerySet[SplitSheet]:
    """The versions of a sheet that a person may read: all of their own music, else those they stand in."""
    found = versions(thing)
    home = thing.album if isinstance(thing, Track) else thing
    if home.artist.owner_id == user.pk:
        return found
    return found.filter(pk__in=SplitLine.objects.filter(is_of(user)).values("sheet"))


def studio_address(thing: Album | Track) -> str:
    """Where the owner of the music sends and follows its sheet."""
    return reverse("artists:track_splits" if isinstance(thing, Track) else "artists:splits", args=[thing.pk])
