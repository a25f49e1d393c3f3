"""Split sheets: how the payees' part of an album's or track's money is shared, version by version."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Exists, Max, OuterRef

from artists.models import Album, Payee, Play, SplitSheet, Track
from artists.models.payees import WHOLE
from users.models import User

MOST_SHARES = 50
ALWAYS = datetime.min.replace(tzinfo=UTC)

Shares = tuple[tuple[int, int], ...]
"""`(payee id, basis points)` in the sheet's order."""


class BadSplit(ValueError):
    """The shares cannot be used; the message says what to change."""


def current(thing: Album | Track) -> SplitSheet:
    """The sheet that applies now: the track's own, else its album's, else everything to the artist's payee.

    The last of these is not stored and has version 0.
    """
    if isinstance(thing, Track):
        return SplitSheet.objects.filter(track=thing).first() or current(thing.album)
    sheet = SplitSheet.objects.filter(album=thing).first()
    return sheet or SplitSheet(album=thing, version=0, shares=[[thing.artist.payee_id, WHOLE]])


def in_force(since: datetime, until: datetime) -> dict[int, list[tuple[datetime, Shares]]]:
    """How each track played in the window was shared in it, by track id: `(from when on, shares)`, oldest first.

    The same rule as `current`: the track's own sheet from its first version on, before it the album's, before that
    everything to the artist's payee. Nearly every track has one line.
    """
    of_albums: dict[int, list[tuple[datetime, Shares]]] = defaultdict(list)
    of_tracks: dict[int, list[tuple[datetime, Shares]]] = defaultdict(list)
    sheets = SplitSheet.objects.filter(created_at__lt=until).order_by("created_at", "version")
    for album_id, track_id, at, shares in sheets.values_list("album", "track", "created_at", "shares").iterator():
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


def replace(
    thing: Album | Track, shares: Sequence[tuple[Payee, int]], *, at: datetime, by: User | None = None
) -> SplitSheet:
    """Store a new version of the sheet: `(payee, basis points)`, 10 000 in all. What was earned before keeps its own.

    Raises BadSplit.
    """
    _check(shares)
    owner = {"track": thing} if isinstance(thing, Track) else {"album": thing}
    with transaction.atomic():
        # Whoever stores a version at the same time waits here, so that versions follow each other.
        type(thing).objects.select_for_update().get(pk=thing.pk)
        last = SplitSheet.objects.filter(**owner).aggregate(last=Max("version"))["last"] or 0
        return SplitSheet.objects.create(
            **owner,
            version=last + 1,
            shares=[[payee.pk, basis_points] for payee, basis_points in shares],
            by=by,
            created_at=at,
        )


def _check(shares: Sequence[tuple[Payee, int]]) -> None:
    if not 1 <= len(shares) <= MOST_SHARES:
        raise BadSplit(f"A split names between 1 and {MOST_SHARES} people.")
    if len({payee.pk for payee, _ in shares}) != len(shares):
        raise BadSplit("Each person stands in a split once. Add their parts together.")
    if min(basis_points for _, basis_points in shares) <= 0:
        raise BadSplit("Every part of a split is more than 0 %. Leave people out who get nothing.")
    whole = sum(basis_points for _, basis_points in shares)
    if whole != WHOLE:
        raise BadSplit(f"The parts of a split make 100 %; these make {whole / 100:g} %.")
