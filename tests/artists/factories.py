"""Artists, albums and tracks for tests, made fast: files are real but tiny, and encoded once for the whole run."""

import hashlib
import itertools
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile

from artists import audio
from artists.models import Album, Artist, Original, Payee, Rendition, SplitLine, SplitSheet, Track
from megabox import media
from tests.users.factories import nina

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
TINY_SECONDS = 1
RECIPES = ("mp3-320", "mp3-v0", "flac", "opus")
_numbers = itertools.count(1)


def make_payee(name: str = "Nova Kit", **fields: Any) -> Payee:
    """Somebody who is paid."""
    return Payee.objects.create(name=name, **fields)


def make_artist(name: str = "Nova Kit", **fields: Any) -> Artist:
    """An artist of nina's, with a payee of the same name."""
    owner = fields.pop("owner", None) or nina()
    payee = fields.pop("payee", None) or make_payee(name, user=owner)
    fields.setdefault("slug", f"{name.lower().replace(' ', '-')}-{next(_numbers)}")
    return Artist.objects.create(owner=owner, payee=payee, name=name, **fields)


def make_album(title: str = "Night Bus", *, tracks: int = 0, published: bool = True, **fields: Any) -> Album:
    """An album, published unless told otherwise, with `tracks` tracks; price $7.00."""
    fields.setdefault("artist", None)
    fields["artist"] = fields["artist"] or make_artist()
    fields.setdefault("slug", f"{title.lower().replace(' ', '-')}-{next(_numbers)}")
    if published:
        fields.setdefault("published_at", NOON)
        fields.setdefault("released_on", NOON.date())
    state = Album.State.PUBLISHED if published else Album.State.DRAFT
    album = Album.objects.create(title=title, **{"state": state, **fields})
    for number in range(1, tracks + 1):
        make_track(f"Track {number}", album=album, published=published)
    return album


def make_sheet(thing: Album | Track, shares: Sequence[tuple[Payee, int]], *, at: datetime) -> SplitSheet:
    """The next version of a sheet, in force from `at` on, with nobody's signature: as one that was taken over."""
    of = {"track": thing} if isinstance(thing, Track) else {"album": thing}
    sheet = SplitSheet.objects.create(
        **of,
        version=SplitSheet.objects.of(thing).count() + 1,
        state=SplitSheet.State.SIGNED,
        is_taken_over=True,
        shares=[[payee.pk, points] for payee, points in shares],
        created_at=at,
        in_force_at=at,
    )
    for position, (payee, points) in enumerate(shares):
        SplitLine.objects.create(sheet=sheet, position=position, name=payee.name, basis_points=points, payee=payee)
    return sheet


def make_track(title: str = "Rain On Glass", *, published: bool = True, **fields: Any) -> Track:
    """A track with an original and its renditions ready, on an album of its own unless one is given."""
    album = fields.pop("album", None) or make_album(published=published)
    number = next(_numbers)
    fields.setdefault("position", album.tracks.count() + 1)
    fields.setdefault("slug", f"{title.lower().replace(' ', '-')}-{number}")
    fields.setdefault("original", None)
    fields["original"] = fields["original"] or make_original()
    fields.setdefault("duration_ms", fields["original"].duration_ms)
    fields.setdefault("peaks", fields["original"].peaks)
    if published:
        fields.setdefault("published_at", NOON)
    state = Track.State.PUBLISHED if published else Track.State.DRAFT
    return Track.objects.create(album=album, title=title, **{"state": state, **fields})


def make_original(*, renditions: tuple[str, ...] = RECIPES, **fields: Any) -> Original:
    """An original whose stored file is a tiny FLAC, and its renditions, ready and stored."""
    sha256 = hashlib.sha256(f"original {next(_numbers)}".encode()).hexdigest()
    path = f"originals/{sha256[:2]}/{sha256}"
    data = tiny("flac")
    media.private().save(path, ContentFile(data))
    values: dict[str, Any] = {
        "sha256": sha256,
        "path": path,
        "size_bytes": len(data),
        "container": "flac",
        "codec": "flac",
        "is_lossless": True,
        "duration_ms": TINY_SECONDS * 1000,
        "sample_rate_hz": 44_100,
        "bit_depth": 16,
        "channels": 2,
        "loudness_lufs": -14.0,
        "true_peak_dbtp": -1.0,
        "peaks": [number % 256 for number in range(800)],
        "created_at": NOON,
    }
    original = Original.objects.create(**{**values, **fields})
    for recipe in renditions:
        make_rendition(original, recipe)
    return original


def make_rendition(original: Original, recipe: str, **fields: Any) -> Rendition:
    """A rendition that is ready, with its stored file; give `state` to have it otherwise."""
    if fields.get("state", Rendition.State.READY) != Rendition.State.READY:
        return Rendition.objects.create(original=original, recipe=recipe, wanted_at=NOON, next_try_at=NOON, **fields)
    data = tiny(recipe)
    path = f"renditions/{original.sha256}/{recipe}"
    media.private().save(path, ContentFile(data))
    return Rendition.objects.create(
        original=original,
        recipe=recipe,
        state=Rendition.State.READY,
        path=path,
        size_bytes=len(data),
        crc32=zlib.crc32(data),
        bitrate_kbps=320,
        wanted_at=NOON,
        next_try_at=NOON,
        ready_at=NOON,
        **fields,
    )


@cache
def tiny(recipe: str) -> bytes:
    """One second of sound in the format of `recipe`, really encoded."""
    with tempfile.TemporaryDirectory() as folder:
        wav, made = Path(folder) / "tone.wav", Path(folder) / "made"
        tone(wav, seconds=TINY_SECONDS)
        audio.transcode(wav, recipe, made)
        return made.read_bytes()


def tone(path: Path, *, seconds: float = 1, hertz: int = 440, tags: dict[str, str] | None = None, **codec: str) -> Path:
    """Write a stereo tone to `path` in the format its suffix names, with `tags` and ffmpeg's options `codec`."""
    written = [f"-metadata={key}={value}" for key, value in (tags or {}).items()]
    options = [part for pair in written for part in pair.split("=", 1)]
    chosen = [part for key, value in codec.items() for part in (f"-{key.replace('_', ':')}", value)]
    source = f"sine=frequency={hertz}:sample_rate=44100:duration={seconds}"
    command = [audio.ffmpeg_path(), "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", source]
    subprocess.run([*command, "-ac", "2", *options, *chosen, str(path)], check=True)
    return path
