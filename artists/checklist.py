"""The list before publishing: what an album still lacks, and what to do about it."""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from artists import renditions
from artists.models import Album, Contribution, FreeMode, Rendition, SplitSheet, Track, Upload
from users.access import has_confirmed_email
from users.models import User


@dataclass(frozen=True)
class Check:
    """One line of the list before publishing: whether it is done, and what to do in words if it is not.

    What is not required is advice: it does not stop anybody. `section` is where it is done, `short` what is missing
    in three words.
    """

    label: str
    is_done: bool
    advice: str = ""
    is_required: bool = True
    section: str = "album"
    short: str = ""


def of(album: Album) -> list[Check]:
    """What publishing asks for, in the order artists meet it."""
    owner: User = album.artist.owner
    counts = _counts(album)
    return [
        _tracks_check(counts),
        _files_check(counts),
        _formats_check(album, counts),
        Check(
            "It has a price",
            album.is_for_sale or album.free_mode == FreeMode.FREE,
            "Set a price above zero, let listeners name it, or make the album simply free.",
            section="price",
            short="no price yet",
        ),
        Check(
            "It has a cover",
            album.cover_id is not None,
            "Add a square picture of at least 1200 px. Without one the album shows its colour.",
            is_required=False,
            section="cover",
            short="no cover yet",
        ),
        Check(
            "Every track has credits",
            0 == counts.uncredited < counts.tracks,
            "Name who wrote, played and produced what; it goes into every download.",
            is_required=False,
            section="credits",
            short=f"{counts.uncredited} of {counts.tracks} without" if counts.tracks else "no tracks yet",
        ),
        Check(
            "No ISRC stands for two recordings",
            counts.same_isrc == 0,
            "Two recordings of yours have the same ISRC, so one of the codes is wrong. Compare them.",
            is_required=False,
            short="an ISRC twice",
        ),
        _splits_check(album),
        Check(
            "Your e-mail address is confirmed",
            has_confirmed_email(owner),
            f"Open the link we sent to {owner.email}. Your account page can send it again.",
            section="publish",
            short="address not confirmed",
        ),
    ]


@dataclass(frozen=True)
class _Counts:
    tracks: int
    silent: int
    uncredited: int
    same_isrc: int
    checking: int
    rejected: int
    sending: int
    faults: int


def _counts(album: Album) -> _Counts:
    uploads = album.uploads.filter(is_dismissed=False).aggregate(
        checking=Count("pk", filter=Q(state=Upload.State.RECEIVED)),
        rejected=Count("pk", filter=Q(state=Upload.State.REJECTED)),
    )
    others = Track.objects.kept().filter(isrc=OuterRef("isrc"), album__artist__owner=album.artist.owner_id)
    tracks = Track.objects.kept().filter(album=album).order_by()
    told = tracks.annotate(
        is_credited=Exists(Contribution.objects.filter(track=OuterRef("pk"))),
        is_twice=Exists(others.exclude(original=OuterRef("original")).order_by()),
    ).aggregate(
        tracks=Count("pk"),
        silent=Count("pk", filter=Q(original=None)),
        uncredited=Count("pk", filter=Q(is_credited=False)),
        same_isrc=Count("pk", filter=Q(is_twice=True) & ~Q(isrc="")),
        faults=Count("pk", filter=Q(original__fault__gt="")),
    )
    return _Counts(sending=album.transfers.unfinished().count(), **told, **uploads)


def _splits_check(album: Album) -> Check:
    waiting = SplitSheet.objects.waiting().filter(Q(album=album) | Q(track__album=album))
    unsigned = waiting.aggregate(count=Count("lines", filter=Q(lines__signature=None)))["count"]
    return Check(
        "Everybody signed how its money is shared",
        unsigned == 0,
        "Somebody has yet to sign a split. Until everybody did, money is shared as before.",
        is_required=False,
        section="splits",
        short=f"{unsigned} not signed yet",
    )


def _tracks_check(counts: _Counts) -> Check:
    if counts.silent:
        advice = f"{counts.silent} of its tracks have no sound yet. Drop their files, or remove these tracks."
        return Check("It has music", False, advice, short=f"{counts.silent} without sound")
    return Check("It has music", counts.tracks > 0, "Drop at least one audio file.", short="no music yet")


def _files_check(counts: _Counts) -> Check:
    advice = []
    if counts.sending:
        advice.append(f"{_files(counts.sending)} still on the way: let it arrive, or cancel it in the list of uploads.")
    if counts.checking:
        advice.append(f"{_files(counts.checking)} still being checked; that takes seconds, or minutes for long ones.")
    if counts.rejected:
        need = "1 file needs" if counts.rejected == 1 else f"{counts.rejected} files need"
        advice.append(f"{need} you: send a better one, or put it away, so that no track is missing by mistake.")
    if counts.faults:
        advice.append(f"{_files(counts.faults)} damaged in our storage: look at the tracks that need you.")
    needs = counts.rejected + counts.faults
    short = "being checked" if not needs else "1 needs you" if needs == 1 else f"{needs} need you"
    return Check("Every file was accepted", not advice, " ".join(advice), short=short)


def _formats_check(album: Album, counts: _Counts) -> Check:
    """Whether all tracks have the formats an album is sold in."""
    label = "MP3 and FLAC of every track are made"
    unready = _not_ready(album)
    failed = unready.filter(state=Rendition.State.FAILED).values_list("original__tracks__title", "recipe", "reason")
    if failed:
        title, _, reason = failed[0]
        return Check(label, False, f"“{title}”: {reason} Press Try again beside the track.", short="1 needs you")
    ready = Rendition.objects.filter(
        original__tracks__in=Track.objects.kept().filter(album=album),
        recipe__in=renditions.FOR_SALE,
        state=Rendition.State.READY,
    ).count()
    missing = (counts.tracks - counts.silent) * len(renditions.FOR_SALE) - ready
    advice = f"{_files(missing)} still being made for listeners; that takes about a minute." if missing else ""
    return Check(
        label,
        missing == 0 and counts.tracks > 0,
        advice or "They are made as soon as there is music.",
        short="being made",
    )


def _not_ready(album: Album) -> QuerySet[Rendition]:
    tracks = Track.objects.kept().filter(album=album)
    rows = Rendition.objects.filter(original__tracks__in=tracks, recipe__in=renditions.FOR_SALE)
    return rows.exclude(state=Rendition.State.READY)


def _files(count: int) -> str:
    return "1 file is" if count == 1 else f"{count} files are"
