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

from artists import (
    artwork,
    audio,
    awaited,
    blobs,
    covers,
    drafting,
    incoming,
    leftovers,
    naming,
    renditions,
    slugs,
    tracks,
    verifying,
)
from artists.incoming import Incoming, Refused
from artists.models import Album, Cover, Original, Track, Transfer, Upload
from artists.models.files import UploadQuerySet
from megabox.claims import claim, renewing, worker_name
from users.models import User

MOST_TRIES = 4
MOST_FILES = 600
KEPT_DAYS = 7

_log = logging.getLogger(__name__)


class EmptyFile(Refused):
    """0 bytes."""


class Duplicate(Refused):
    """The same bytes are on this album already, as `upload`."""

    def __init__(self, sentence: str, upload: Upload) -> None:
        super().__init__(sentence)
        self.upload = upload


class OverQuota(Refused):
    """The artist has no room left, or the album has too many files."""


def receive(
    album: Album,
    stream: "IO[bytes] | UploadedFile[bytes] | Incoming",
    filename: str,
    by: User,
    at: datetime,
    *,
    transfer: Transfer | None = None,
) -> Upload:
    """Store the bytes of one file and its row, to be checked soon. It is received when this returns, whatever follows.

    Bytes that mend a master which the album has already are that master's upload.

    `transfer` is what brought it, if it came in pieces.

    Raises incoming.Refused (EmptyFile, Duplicate, OverQuota, TooMuch, NoRoom) with a sentence; nothing is kept then.
    """
    arrived = stream if isinstance(stream, Incoming) else incoming.write(stream)
    try:
        name = audio.clean_filename(filename)
        same = _counting().filter(album=album, sha256=arrived.sha256).first()
        if verifying.mend(arrived.sha256, arrived.path, at) and same:
            return same
        _check(album, arrived, name, transfer)
        path = blobs.original_path(arrived.sha256)
        # Who was killed after this goes on here: then the file was moved already.
        if arrived.path.exists() or not blobs.exists(path):
            blobs.put(arrived.path, path)
        upload = _new(album, arrived, name, by, at)
        if transfer:
            upload.transfer, upload.sent_at = transfer, transfer.created_at
        return _saved(upload)
    finally:
        arrived.discard()


def check_quota(album: Album, name: str, size_bytes: int, *, but: Transfer | None = None) -> None:
    """Raise OverQuota if the album or its owner has no room for a file of `size_bytes` called `name`.

    What is on its way has its room already, `but` the transfer that brings this file. What lies on the disk counts:
    rejected files until they are put away, and tracks that were withdrawn, for whoever has them keeps them.
    """
    on_their_way = Transfer.objects.exclude(pk=but.pk) if but else Transfer.objects.all()
    files = _counting().filter(album=album).count() + on_their_way.unfinished().filter(album=album).count()
    if files >= MOST_FILES:
        raise OverQuota(f"An album holds {MOST_FILES} files, and this one is full. Make another album for the rest.")
    owner = album.artist.owner
    lying = Upload.objects.owned_by(owner).filter(Q(is_dismissed=False) | Q(track__isnull=False))
    kept = lying.aggregate(used=Sum("size_bytes"))["used"] or 0
    if kept + on_their_way.owned_by(owner).reserved_bytes() + size_bytes > settings.UPLOAD_QUOTA_BYTES:
        raise OverQuota(
            f"Your files have {settings.UPLOAD_QUOTA_BYTES / 1024**3:g} GB together, all that one person may keep "
            "here. “" + name + "” was not taken. Put rejected files away, delete drafts you do not need, or write to "
            "us for more room."
        )


def empty(name: str) -> EmptyFile:
    """The refusal of a file without bytes."""
    return EmptyFile(f"“{name}” is empty (0 bytes). Your other files are kept. Export it again and drop it here.")


def ingest(upload_id: int, at: datetime) -> bool:
    """Check one received file to its end: READY as a track that can be heard, or REJECTED with the reason.

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
            checked = _checked(upload, at)
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
    """Put a rejected upload away, and its bytes if nothing else needs them. False if it is not rejected."""
    rejected = Upload.objects.filter(pk=upload.pk, state=Upload.State.REJECTED)
    if rejected.update(is_dismissed=True) != 1:
        return False
    leftovers.let_go([upload.sha256])
    return True


def use_twin(upload: Upload, at: datetime) -> bool:
    """Let the new track be called as the one it is identical to, with its ISRC, words and credits.

    False if there is none any more.
    """
    with transaction.atomic():
        asked = Upload.objects.select_for_update().filter(pk=upload.pk, twin__isnull=False, track__isnull=False).first()
        if asked is None or asked.track is None or asked.twin is None:
            return False
        track, twin = asked.track, asked.twin
        tracks.take_over(track, twin, at)
        keep_apart(upload)
    return True


def keep_apart(upload: Upload) -> bool:
    """Leave the new track as it is, whatever it is identical to. False if nothing was asked."""
    return Upload.objects.filter(pk=upload.pk, twin__isnull=False).update(twin=None) == 1


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


def _check(album: Album, arrived: Incoming, name: str, transfer: Transfer | None) -> None:
    if arrived.size_bytes == 0:
        raise empty(name)
    same = _counting().filter(album=album, sha256=arrived.sha256).first()
    if same:
        raise _duplicate(name, same)
    check_quota(album, name, arrived.size_bytes, but=transfer)


def _counting() -> UploadQuerySet:
    """Uploads that are on their album or will be."""
    return Upload.objects.filter(is_dismissed=False).exclude(state=Upload.State.REJECTED)


def _duplicate(name: str, same: Upload) -> Duplicate:
    where = f"as “{same.filename}” " if same.filename != name else ""
    return Duplicate(
        f"“{name}” is on this album already {where}(the very same bytes), so it was not added twice.", same
    )


def _new(album: Album, arrived: Incoming, name: str, by: User, at: datetime) -> Upload:
    return Upload(
        album=album,
        by=by,
        filename=name,
        size_bytes=arrived.size_bytes,
        sha256=arrived.sha256,
        sent_at=at,
        received_at=at,
    )


def _saved(upload: Upload) -> Upload:
    try:
        with transaction.atomic():
            upload.save(force_insert=True)
    except IntegrityError:
        # Two requests brought the same file at once: the unique key kept one.
        same = _counting().filter(album=upload.album_id, sha256=upload.sha256).first()
        if same:
            raise _duplicate(upload.filename, same) from None
        if Album.objects.filter(pk=upload.album_id).exists():
            raise
        raise Refused("The album was deleted meanwhile, so the file was not kept.") from None
    return upload


@dataclasses.dataclass(frozen=True)
class _Checked:
    """A decoded file: its Original, not stored yet unless the bytes are known, what was made of it, its cover."""

    original: Original
    made: tuple[renditions.Made, ...]
    cover: Cover | None
    note: str


def _checked(upload: Upload, at: datetime) -> _Checked:
    """Read and decode the file, and make what is heard of it, in one go. Raises audio.Unreadable, FileNotFoundError."""
    path = blobs.original_path(upload.sha256)
    known = Original.objects.filter(sha256=upload.sha256).first()
    if known and upload.album.cover_id:
        return _Checked(known, (), None, "")
    with blobs.borrow(path) as local:
        if known:
            return _Checked(known, (), *_cover(upload, audio.cover(local, limits=renditions.limits())))
        with blobs.workplace() as folder:
            taken = audio.take_in(local, renditions.STREAMED, folder, limits=renditions.limits())
            made = tuple(renditions.put(upload.sha256, recipe, out) for recipe, out in taken.files.items())
    return _Checked(_original(upload, path, taken.probe, at), made, *_cover(upload, taken.probe.cover))


def _original(upload: Upload, path: str, probe: audio.Probe, at: datetime) -> Original:
    """The master as it was found, not stored yet."""
    return Original(
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
        remarks=list(probe.remarks),
        verified_at=at,
        tags={name: value for name, value in dataclasses.asdict(probe.tags).items() if value},
    )


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
        album = Album.objects.select_for_update().select_related("artist").filter(pk=upload.album_id).first()
        if album is None:  # deleted meanwhile, and the upload with it
            return False
        mine = Upload.objects.filter(pk=upload.pk, state=Upload.State.RECEIVED, claimed_by=by)
        if mine.update(state=Upload.State.READY, finished_at=at, reason=checked.note, claimed_until=None) != 1:
            return False
        original = _stored(checked.original)
        guess = drafting.guess(album, upload)
        track = _track(album, upload, original, guess, at)
        mine_now = Upload.objects.filter(pk=upload.pk)
        mine_now.update(track=track, twin=_twin(album, original), claimed_by="")
        renditions.want(original, checked.made, at)
        named = str(original.tags.get("album") or guess.album)[:200]
        if album.title == naming.UNTITLED and album.published_at is None and named:
            album.title = named
            slugs.save(album, at=at)
        drafting.fill_album(album)
        if checked.cover and album.cover_id is None:
            album.cover, album.hue = checked.cover, checked.cover.hue
            album.save(update_fields=["cover", "hue"])
    return True


def _twin(album: Album, original: Original) -> Track | None:
    """A track of the same owner's on another album that has the very same bytes."""
    others = Track.objects.kept().filter(original=original, album__artist__owner=album.artist.owner_id)
    return others.exclude(album=album).order_by("pk").first()


def _stored(original: Original) -> Original:
    """The row of these bytes; another album may have stored it meanwhile."""
    if original.pk:
        return original
    values = {field.attname: getattr(original, field.attname) for field in Original._meta.concrete_fields}
    del values["id"], values["sha256"]
    return Original.objects.get_or_create(sha256=original.sha256, defaults=values)[0]


def _track(album: Album, upload: Upload, original: Original, guess: naming.Guess, at: datetime) -> Track:
    """The track that waits for this file; else a draft made of what the file tells."""
    if waiting := awaited.find(album, original, upload.filename, guess):
        awaited.fill(waiting, original)
        return waiting
    return drafting.draft_track(album, upload, original, guess, at)


def _reject(upload: Upload, by: str, reason: str, at: datetime) -> bool:
    mine = Upload.objects.filter(pk=upload.pk, state=Upload.State.RECEIVED, claimed_by=by)
    ended = mine.update(state=Upload.State.REJECTED, reason=reason, finished_at=at, claimed_by="", claimed_until=None)
    return ended == 1
