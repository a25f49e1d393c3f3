"""How far an artist's files are, in the words of the studio."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from artists import audio, verifying
from artists.models import Album, Original, Rendition, Track, Upload

WORDS = {
    "waiting": "waiting",
    "checking": "checking",
    "making": "making formats",
    "ready": "ready",
    "needs_you": "needs you",
    "silent": "no sound yet",
}
OPEN = frozenset(("waiting", "checking", "making"))


@dataclass(frozen=True)
class Step:
    """Where a file is: a state for scripts, a label for people, why it needs somebody, how far it is in percent."""

    state: str
    label: str
    reason: str = ""
    percent: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it will change by itself."""
        return self.state in OPEN


@dataclass(frozen=True)
class Row:
    """One upload and where it is."""

    upload: Upload
    step: Step


@dataclass(frozen=True)
class Line:
    """One track of the album in its order, its number on its disc as publishing will give it, and its formats."""

    number: int
    track: Track
    step: Step


def of_uploads(album: Album, at: datetime) -> list[Row]:
    """The uploads of an album that were not put away, oldest first; in a number of queries that does not grow."""
    uploads = album.uploads.filter(is_dismissed=False).select_related("track__original", "twin__album")
    heavy = (
        "track__peaks",
        "track__lyrics",
        "track__synced_lyrics",
        "track__original__peaks",
        "track__original__tags",
        "twin__peaks",
        "twin__lyrics",
        "twin__synced_lyrics",
    )
    rows = uploads.defer(*heavy).prefetch_related("track__original__renditions")
    return [Row(upload, of_upload(upload, at)) for upload in rows]


def of_tracks(album: Album, *, is_drawn: bool = False) -> list[Line]:
    """The tracks of an album that are not withdrawn, in their order; in a number of queries that does not grow.

    Their waveforms come along only if they `is_drawn`.
    """
    tracks = Track.objects.kept().filter(album=album).select_related("original")
    heavy = ("lyrics", "synced_lyrics", "original__peaks", "original__tags", *([] if is_drawn else ["peaks"]))
    rows = tracks.defer(*heavy).prefetch_related("original__renditions")
    lines = []
    for _, disc in groupby(rows, attrgetter("disc")):
        for number, track in enumerate(disc, 1):
            track.album = album
            lines.append(Line(number, track, of_original(track.original) if track.original else _silent(track)))
    return lines


def of_upload(upload: Upload, at: datetime) -> Step:
    """Where one upload is at the time `at`."""
    if upload.state == Upload.State.REJECTED:
        return _step("needs_you", reason=upload.reason)
    if upload.state == Upload.State.RECEIVED:
        is_claimed = upload.claimed_until is not None and upload.claimed_until > at
        return _step("checking", percent=10) if is_claimed else _step("waiting")
    return of_original(upload.track.original if upload.track else None, note=upload.reason)


def of_original(original: Original | None, note: str = "") -> Step:
    """Where the formats of a checked file are."""
    if original is None:
        return _step("ready", reason=note, percent=100)
    if original.fault:
        return _step("needs_you", reason=f"{original.fault} {verifying.REMEDY}")
    # What listeners ask for besides is no matter of the artist's.
    renditions = [one for one in original.renditions.all() if audio.RECIPES[one.recipe].is_made_ahead]
    failed = [one for one in renditions if one.state == Rendition.State.FAILED]
    if failed:
        return _step(
            "needs_you", reason=f"{failed[0].reason} Press Try again; if it fails again, send the file as FLAC."
        )
    ready = [one for one in renditions if one.state == Rendition.State.READY]
    if len(ready) < len(renditions):
        percent = 20 + 80 * len(ready) // len(renditions)
        return Step("making", f"making formats, {len(ready)} of {len(renditions)}", note, percent)
    return _step("ready", reason=note, percent=100)


def _silent(track: Track) -> Step:
    """A track that was told of, and whose file is still to come."""
    return _step("silent", reason=f"Waits for “{track.awaits}”." if track.awaits else "Drop its file above.")


def _step(state: str, *, reason: str = "", percent: int = 0) -> Step:
    return Step(state, WORDS[state], reason, percent)
