"""Split sheets: how the payees' part of an album's or track's money is shared, version by version."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from artists.models import Album, Payee, SplitSheet, Track
from artists.models.payees import WHOLE
from users.models import User

MOST_SHARES = 50


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
