"""Creatives: hostile pictures and sounds in, our own files out. A picture is made at once, a spot by a worker.

Every picture is decoded, bounded and re-encoded; every spot is decoded to its end in a limited process and made
again as an MP3 as loud as the music around it, without the metadata it came with.
"""

import hashlib
import io
import logging
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.core.files.base import ContentFile, File
from django.db.models import F
from PIL import Image

from ads.assets import leftovers
from ads.models import Ad
from artists import audio, blobs, covers
from artists.audio import sandbox
from megabox import media
from megabox.claims import claim, renewing, unclaimed, worker_name

MOST_IMAGE_BYTES = 8 * 1000**2
MOST_AUDIO_BYTES = 25 * 1000**2
LEAST_SECONDS, MOST_SECONDS = 5, 30
READING_MS = 15_000
"""How long a gate view of a picture or a text takes."""
TARGET_LUFS = -14.0
MOST_PEAK_DBTP = -1.0
MOST_GAIN_DB = 20.0
SILENCE_LUFS = -50.0
MOST_TRIES = 5

_LIMITS = audio.Limits(max_bytes=MOST_AUDIO_BYTES, max_seconds=10 * MOST_SECONDS, cpu_seconds=60, wall_seconds=120.0)
_log = logging.getLogger(__name__)


class BadCreative(Exception):
    """A file that cannot be an ad; the message says what it is and what to send instead."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A stored picture: its path in the public storage, and its size in pixels."""

    path: str
    sha256: str
    width: int
    height: int


def receive_image(data: bytes, *, size: int | None = None) -> Picture:
    """Decode, bound, re-encode and store a picture in public; `size` is that of the file if not all of it was read.

    Raises BadCreative.
    """
    if len(data) > MOST_IMAGE_BYTES:
        raise BadCreative(f"This picture has {(size or len(data)) / 1e6:.1f} MB. Save it with at most 8 MB.")
    if _moves(data):
        raise BadCreative("This picture moves, and moving pictures distract from music. Save one frame as PNG or JPEG.")
    try:
        made = covers.receive(data, is_square=False)
    except covers.BadPicture as reason:
        raise BadCreative(str(reason)) from None
    content = made.webp[max(made.webp)]
    sha256 = hashlib.sha256(content).hexdigest()
    path = _path(sha256, "webp")
    leftovers.keep(path)
    if not media.public().exists(path):
        media.public().save(path, ContentFile(content))
    return Picture(path=path, sha256=sha256, width=made.width, height=made.height)


def receive_audio(sent: File[bytes]) -> str:
    """Keep a spot as it was sent, for a worker to make an ad of; return where. Raises BadCreative."""
    if not sent.size:
        raise BadCreative("This file is empty (0 bytes). Export the spot again.")
    if sent.size > MOST_AUDIO_BYTES:
        raise BadCreative(
            f"This file has {sent.size / 1e6:.0f} MB. Send at most 25 MB: {MOST_SECONDS} seconds are enough."
        )
    return media.private().save(f"ads/incoming/{uuid.uuid4().hex}", sent)


def make_audio(ad_id: int, at: datetime) -> bool:
    """Make the MP3 of a spot that waits for it: READY, or FAILED with a reason.

    True if this call ended it; False if it has ended, failed for now, or somebody else works on it.
    """
    by, wanted = worker_name(), Ad.objects.filter(media_state=Ad.MediaState.WANTED)
    if not claim(wanted, ad_id, by, at):
        return False
    wanted.filter(pk=ad_id, claimed_by=by).update(tries=F("tries") + 1)
    ad = Ad.objects.get(pk=ad_id)
    if ad.tries > MOST_TRIES:
        return _fail(ad, by, "Making this spot stopped our worker several times. Export it again as MP3 or WAV.")
    try:
        with renewing(wanted, ad_id, by), blobs.workplace() as folder, blobs.borrow(ad.incoming) as source:
            duration_ms = _make(source, folder / "spot.mp3", folder)
            return _store(ad, by, folder / "spot.mp3", duration_ms)
    except (audio.Unreadable, audio.TranscodeFailed, BadCreative) as reason:
        return _fail(ad, by, str(reason))
    except OSError:
        # The storage failed, not the spot: the sweeper tries again.
        _log.exception("Spot of ad %s, try %s", ad_id, ad.tries)
        wanted.filter(pk=ad_id, claimed_by=by).update(claimed_by="", claimed_until=None)
        return False


def waiting_ids(at: datetime, *, most: int = 20) -> list[int]:
    """Ads whose file is to be made and that nobody works on, oldest first."""
    wanted = Ad.objects.filter(unclaimed(at), media_state=Ad.MediaState.WANTED)
    return list(wanted.order_by("created_at").values_list("pk", flat=True)[:most])


def image_url(ad: Ad) -> str:
    """Where the picture of an ad is, for everybody; empty for a spot or a text."""
    return media.public().url(ad.path) if ad.kind == Ad.Kind.IMAGE and ad.path else ""


def sound_url(ad: Ad, *, bound_to: str) -> str:
    """A link to hear a spot, for who looks at this page; empty for a picture or a text."""
    if ad.kind != Ad.Kind.AUDIO or not ad.path:
        return ""
    return media.signed_url(ad.path, bound_to=bound_to, filename=f"ad-{ad.pk}.mp3")


def _moves(data: bytes) -> bool:
    """Whether it is a GIF, or has more than one frame; what is no picture at all is told by who decodes it."""
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return True
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "WEBP", "AVIF")) as picture:
            return bool(getattr(picture, "is_animated", False))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, OSError, ValueError, SyntaxError):
        return False


def _make(source: Path, out: Path, folder: Path) -> int:
    """Probe, level and encode a spot; return its length in milliseconds."""
    probed = audio.probe(source, limits=_LIMITS)
    seconds = probed.duration_ms / 1000
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise BadCreative(
            f"This spot is {seconds:.1f} s long. Send one between {LEAST_SECONDS} and {MOST_SECONDS} seconds."
        )
    if probed.loudness.lufs < SILENCE_LUFS:
        raise BadCreative("This spot is practically silent. Export it again with its sound.")
    clean, level = folder / "clean.flac", folder / "level.flac"
    audio.transcode(source, "flac", clean, limits=_LIMITS)
    _level(clean, level, _gain_db(probed.loudness))
    audio.transcode(level, "mp3-320", out, limits=_LIMITS)
    return probed.duration_ms


def _gain_db(loudness: audio.Loudness) -> float:
    """How much louder a spot must be to stand beside the music, without clipping."""
    wanted = TARGET_LUFS - loudness.lufs
    return round(min(wanted, MOST_PEAK_DBTP - loudness.true_peak_dbtp, MOST_GAIN_DB), 2)


def _level(clean: Path, out: Path, gain_db: float) -> None:
    """Change the loudness of a FLAC that we made ourselves."""
    command = [audio.ffmpeg_path(), "-nostdin", "-loglevel", "error", "-y", "-protocol_whitelist", "file,pipe"]
    command += ["-f", "flac", "-i", f"file:{clean}", "-map", "0:a:0", "-af", f"volume={gain_db}dB", "-threads", "1"]
    finished = sandbox.run(
        [*command, "-c:a", "flac", "-f", "flac", f"file:{out}"],
        sandbox.Caps(cpu_seconds=60, wall_seconds=120.0, file_bytes=200 * 1024**2),
    )
    if finished.returncode != 0:
        raise audio.TranscodeFailed("The loudness of this spot could not be set.", finished.stderr)


def _store(ad: Ad, by: str, made: Path, duration_ms: int) -> bool:
    sha256 = hashlib.sha256(made.read_bytes()).hexdigest()
    path = _path(sha256, "mp3")
    leftovers.keep(path)
    blobs.put(made, path)
    mine = Ad.objects.filter(pk=ad.pk, claimed_by=by, media_state=Ad.MediaState.WANTED)
    done = mine.update(
        media_state=Ad.MediaState.READY,
        path=path,
        sha256=sha256,
        duration_ms=duration_ms,
        media_reason="",
        incoming="",
        claimed_by="",
        claimed_until=None,
    )
    if done:
        media.private().delete(ad.incoming)
    return done == 1


def _fail(ad: Ad, by: str, reason: str) -> bool:
    mine = Ad.objects.filter(pk=ad.pk, claimed_by=by, media_state=Ad.MediaState.WANTED)
    done = mine.update(
        media_state=Ad.MediaState.FAILED, media_reason=reason[:300], claimed_by="", claimed_until=None, incoming=""
    )
    if done:
        media.private().delete(ad.incoming)
    return done == 1


def _path(sha256: str, extension: str) -> str:
    return f"ads/{sha256[:2]}/{sha256}.{extension}"
