"""Uploads: a file is received, checked, and becomes a track, or is rejected with a reason its artist can act on.

The row is the queue. Whatever is killed or lost, a received file is checked by whoever claims it next.
"""

import dataclasses
import logging
from datetime import datetime, timedelta
from typing import IO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import F, Q, Sum

from artists import artwork, audio, blobs, covers, incoming, naming, renditions, slugs
from artists.incoming import Incoming, Refused
from artists.models import Album, Cover, Original, Rendition, Track, Upload
from megabox.claims import claim, renewing, worker_name
from users.models import User

MOST_TRIES = 4
MOST_FILES = 300
KEPT_DAYS = 7
UNNUMBERED = 1_000
"""Tracks whose place nobody tells come after those that have one, in the order they were sent."""

_log = logging.getLogger(__name__)


class EmptyFile(Refused):
    """0 bytes."""


class Duplicate(Refused):
    """The same bytes are on this album already."""


class OverQuota(Refused):
    """The artist has no room left, or the album has too many files."""


def receive(
    album: Album, stream: "IO[bytes] | UploadedFile[bytes] | Incoming", filename: str, by: User, at: datetime
) -> Upload:
    """Store the bytes of one file and its row, to be checked soon. It is received when this returns, whatever follows.

    Raises incoming.Refused (EmptyFile, Duplicate, OverQuota, TooMuch, NoRoom) with a sentence; nothing is kept then.
    """
    arrived = stream if isinstance(stream, Incoming) else incoming.write(stream)
    try:
        name = audio.clean_filename(filename)
        _check(album, arrived, name, by)
        blobs.put(arrived.path, blobs.original_path(arrived.sha256))
        return _row(album, arrived, name, by, at)
    finally:
        arrived.discard()


def ingest(upload_id: int, at: datetime) -> bool:
    """Check one received file to its end: READY as a track with its renditions wanted, or REJECTED with the reason.

    True if this call ended it; False if it has ended, or somebody else works on it.
    """
    by, rows = worker_name(), Upload.objects.filter(state=Upload.State.RECEIVED)
    if not claim(rows, upload_id, by, at):
        return False
    mine = rows.filter(pk=upload_id, claimed_by=by)
    mine.update(tries=F("tries") + 1)
    upload = Upload.objects.select_related("album__artist").get(pk=upload_id)
    if upload.tries > MOST_TRIES:
        _log.error("Upload %s stopped its worker %s times", upload_id, MOST_TRIES)
        return _reject(upload, by, _KILLED, at)
    with renewing(rows, upload_id, by):
        try:
            checked = _checked(upload)
        except audio.Unreadable as reason:
            return _reject(upload, by, str(reason), at)
        except FileNotFoundError:
            _log.error("The file of upload %s is not in the storage", upload_id)
            return _reject(upload, by, _LOST, at)
        return _finish(upload, by, checked, at)


def retry(upload: Upload, at: datetime) -> bool:
    """Check a rejected file once more, for when the fault was ours. False if it is not rejected, or its file gone."""
    if not blobs.exists(blobs.original_path(upload.sha256)):
        return False
    rejected = Upload.objects.filter(pk=upload.pk, state=Upload.State.REJECTED, is_dismissed=False)
    try:
        with transaction.atomic():
            changed = rejected.update(
                state=Upload.State.RECEIVED,
                reason="",
                tries=0,
                # It waits from now on, not since it came.
                received_at=at,
                finished_at=None,
                claimed_by="",
                claimed_until=None,
            )
    except IntegrityError:  # the same file was sent again meanwhile, and that one is being checked
        return False
    return changed == 1


def dismiss(upload: Upload) -> bool:
    """Put a rejected upload away. False if it is not rejected."""
    return Upload.objects.filter(pk=upload.pk, state=Upload.State.REJECTED).update(is_dismissed=True) == 1


def clean_up(at: datetime) -> int:
    """Delete the bytes of files rejected or put away a week ago that no row needs; return how many files went."""
    before = at - timedelta(days=KEPT_DAYS)
    ended = Upload.objects.filter(finished_at__lt=before).filter(Q(state=Upload.State.REJECTED) | Q(is_dismissed=True))
    needed = Upload.objects.exclude(state=Upload.State.REJECTED).filter(is_dismissed=False)
    count = 0
    for sha256 in ended.values_list("sha256", flat=True).distinct():
        path = blobs.original_path(sha256)
        is_needed = needed.filter(sha256=sha256).exists() or Original.objects.filter(sha256=sha256).exists()
        if not is_needed and blobs.exists(path):
            blobs.delete(path)
            count += 1
    return count


_LOST = (
    "The bytes of this file are no longer in our storage, which is our fault. Your other files are kept. "
    "Drop the file here again."
)
_KILLED = (
    "Checking this file stopped our worker several times, so we gave up. Your other files are kept. "
    "Export it again, best as WAV or FLAC, and drop it here; or press Try again."
)


def _check(album: Album, arrived: Incoming, name: str, by: User) -> None:
    if arrived.size_bytes == 0:
        raise EmptyFile(f"“{name}” is empty (0 bytes). Your other files are kept. Export it again and drop it here.")
    uploads = Upload.objects.filter(album=album, is_dismissed=False).exclude(state=Upload.State.REJECTED)
    same = uploads.filter(sha256=arrived.sha256).first()
    if same:
        raise _duplicate(name, same)
    if uploads.count() >= MOST_FILES:
        raise OverQuota(f"An album holds {MOST_FILES} files, and this one is full. Make another album for the rest.")
    used = Upload.objects.filter(by=by, is_dismissed=False).aggregate(used=Sum("size_bytes"))["used"] or 0
    if used + arrived.size_bytes > settings.UPLOAD_QUOTA_BYTES:
        raise OverQuota(
            f"Your files have {settings.UPLOAD_QUOTA_BYTES / 1024**3:g} GB together, all that one person may keep "
            "here. “" + name + "” was not taken. Delete drafts you do not need, or write to us for more room."
        )


def _duplicate(name: str, same: Upload) -> Duplicate:
    where = f"as “{same.filename}” " if same.filename != name else ""
    return Duplicate(f"“{name}” is on this album already {where}(the very same bytes), so it was not added twice.")


def _row(album: Album, arrived: Incoming, name: str, by: User, at: datetime) -> Upload:
    try:
        with transaction.atomic():
            return Upload.objects.create(
                album=album,
                by=by,
                filename=name,
                size_bytes=arrived.size_bytes,
                sha256=arrived.sha256,
                received_at=at,
            )
    except IntegrityError:
        # Two requests brought the same file at once: the unique key kept one.
        same = Upload.objects.filter(album=album, sha256=arrived.sha256).exclude(state=Upload.State.REJECTED).first()
        if same is None:
            raise
        raise _duplicate(name, same) from None


@dataclasses.dataclass(frozen=True)
class _Checked:
    """A decoded file: its Original, not stored yet unless the bytes are known, and the cover inside it."""

    original: Original
    cover: Cover | None
    note: str


def _checked(upload: Upload) -> _Checked:
    """Read and decode the file. Raises audio.Unreadable, FileNotFoundError."""
    known = Original.objects.filter(sha256=upload.sha256).first()
    if known and upload.album.cover_id:
        return _Checked(known, None, "")
    limits = audio.Limits(max_bytes=settings.MAX_UPLOAD_BYTES, max_seconds=settings.MAX_TRACK_SECONDS)
    path = blobs.original_path(upload.sha256)
    with blobs.borrow(path) as local:
        probe = audio.probe(local, limits=limits)
    original = known or Original(
        sha256=upload.sha256,
        path=path,
        size_bytes=upload.size_bytes,
        container=probe.container,
        codec=probe.codec,
        is_lossless=probe.is_lossless,
        duration_ms=probe.duration_ms,
        sample_rate_hz=probe.sample_rate_hz,
        bit_depth=probe.bit_depth,
        channels=probe.channels,
        loudness_lufs=probe.loudness.lufs,
        true_peak_dbtp=probe.loudness.true_peak_dbtp,
        peaks=list(probe.peaks),
        tags={name: value for name, value in dataclasses.asdict(probe.tags).items() if value},
    )
    cover, note = _cover(upload, probe.cover)
    return _Checked(original, cover, note)


def _cover(upload: Upload, picture: bytes | None) -> tuple[Cover | None, str]:
    """The cover inside the file, if the album has none yet; a bad picture is no reason to refuse the music."""
    if not picture or upload.album.cover_id:
        return None, ""
    try:
        return artwork.store(picture, alt=f"Cover of {upload.album.title}", at=upload.received_at), ""
    except covers.BadPicture as reason:
        return None, f"The picture inside the file was not used: {reason}"


def _finish(upload: Upload, by: str, checked: _Checked, at: datetime) -> bool:
    """Store what was found, in one transaction; nothing if somebody else took the upload over."""
    with transaction.atomic():
        album = Album.objects.select_for_update().select_related("artist").get(pk=upload.album_id)
        mine = Upload.objects.filter(pk=upload.pk, state=Upload.State.RECEIVED, claimed_by=by)
        if mine.update(state=Upload.State.READY, finished_at=at, reason=checked.note, claimed_until=None) != 1:
            return False
        original = _stored(checked.original)
        track = _track(album, upload, original, at)
        mine_now = Upload.objects.filter(pk=upload.pk)
        mine_now.update(track=track, claimed_by="")
        Rendition.objects.bulk_create(
            [Rendition(original=original, recipe=recipe, wanted_at=at, next_try_at=at) for recipe in renditions.WANTED],
            ignore_conflicts=True,
        )
        if checked.cover and album.cover_id is None:
            album.cover, album.hue = checked.cover, checked.cover.hue
            album.save(update_fields=["cover", "hue"])
    return True


def _stored(original: Original) -> Original:
    """The row of these bytes; another album may have stored it meanwhile."""
    if original.pk:
        return original
    values = {field.attname: getattr(original, field.attname) for field in Original._meta.concrete_fields}
    del values["id"], values["sha256"]
    return Original.objects.get_or_create(sha256=original.sha256, defaults=values)[0]


def _track(album: Album, upload: Upload, original: Original, at: datetime) -> Track:
    """A draft track made from the file's tags, and from its name where they are silent."""
    tags = original.tags
    others = album.uploads.exclude(pk=upload.pk).values_list("filename", flat=True)
    guess = naming.guess(upload.filename, artist=album.artist.name, album=album.title, beside=list(others))
    performer = str(tags.get("artist", ""))
    track = Track(
        album=album,
        position=_position(album, upload, tags, guess),
        title=str(tags.get("title") or guess.title)[:200],
        duration_ms=original.duration_ms,
        free_mode=album.free_mode,
        isrc=str(tags.get("isrc", "")),
        lyrics=str(tags.get("lyrics", "")),
        artist_name=performer[:200] if performer.casefold() != album.artist.name.casefold() else "",
        original=original,
        peaks=original.peaks,
        created_at=at,
    )
    slugs.save(track, at=at)
    return track


def _position(album: Album, upload: Upload, tags: dict[str, object], guess: naming.Guess) -> int:
    """The place the tags or the name tell, if it is free; else one behind all others. Publishing closes the gaps."""
    told, disc, discs = (int(str(tags.get(name) or 0)) for name in ("position", "disc", "discs"))
    place = told or guess.position
    if place and (disc > 1 or discs > 1):
        place += 100 * max(disc, 1)
    if not 0 < place < UNNUMBERED:
        place = UNNUMBERED + album.uploads.filter(pk__lt=upload.pk).count()
    taken = set(album.tracks.exclude(state=Track.State.WITHDRAWN).values_list("position", flat=True))
    return place if place not in taken else max(taken) + 1


def _reject(upload: Upload, by: str, reason: str, at: datetime) -> bool:
    mine = Upload.objects.filter(pk=upload.pk, state=Upload.State.RECEIVED, claimed_by=by)
    ended = mine.update(state=Upload.State.REJECTED, reason=reason, finished_at=at, claimed_by="", claimed_until=None)
    return ended == 1
