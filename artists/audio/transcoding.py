"""Make the files that people hear and download from an accepted original."""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .errors import TranscodeFailed, Unreadable, last_lines
from .probing import Limits, bit_depth, input_arguments
from .sandbox import Caps, ffmpeg_path, run
from .sniff import Format, sniff


@dataclass(frozen=True)
class Recipe:
    """One format on offer: its name in rows and URLs, words for people, and the exact encoder arguments."""

    name: str
    label: str
    extension: str
    content_type: str
    args: tuple[str, ...]
    is_lossless: bool = False


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "mp3-320",
            "MP3 320",
            "mp3",
            "audio/mpeg",
            ("-c:a", "libmp3lame", "-b:a", "320k", "-ac", "2", "-id3v2_version", "0", "-f", "mp3"),
        ),
        Recipe(
            "mp3-v0",
            "MP3 V0",
            "mp3",
            "audio/mpeg",
            ("-c:a", "libmp3lame", "-q:a", "0", "-ac", "2", "-id3v2_version", "0", "-f", "mp3"),
        ),
        Recipe(
            "flac",
            "FLAC",
            "flac",
            "audio/flac",
            ("-c:a", "flac", "-compression_level", "5", "-f", "flac"),
            is_lossless=True,
        ),
        Recipe(
            "opus",
            "Opus",
            "opus",
            "audio/ogg",
            ("-c:a", "libopus", "-b:a", "128k", "-vbr", "on", "-ac", "2", "-f", "opus"),
        ),
    )
}

MAX_OUTPUT_BYTES = 8 * 1024**3
SLACK_MS = 150  # an encoder's padding; gapless information takes it away again


def transcode(path: Path, recipe: str, out: Path, *, limits: Limits | None = None) -> None:
    """Make `out` from the original at `path`; it appears whole and verified, or not at all.

    All metadata of the original stays behind. Raises TranscodeFailed, with `out` untouched. Safe to repeat.
    """
    limits, path, chosen = limits or Limits(), Path(path).resolve(), RECIPES[recipe]
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        form = sniff(path, max_bytes=limits.max_bytes, max_tag_bytes=limits.max_tag_bytes)
        depth = bit_depth(path, form, limits) if chosen.is_lossless else 0
    except (Unreadable, FileNotFoundError) as reason:
        raise TranscodeFailed(
            f"{chosen.label} could not be made: the original cannot be read.", str(reason)
        ) from reason
    # In the target's own folder, so that the rename is atomic; a killed worker leaves at most this file.
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        made_us = _encode(path, form, chosen, depth, part, limits)
        verify(part, recipe, expected_ms=made_us // 1000, limits=limits)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def verify(path: Path, recipe: str, *, expected_ms: int, limits: Limits | None = None) -> None:
    """Decode a made file to its end and compare its length, in ms. Raises TranscodeFailed."""
    limits, chosen = limits or Limits(), RECIPES[recipe]
    with path.open("rb") as file:
        head = file.read(4)
    if {"mp3": head[:1] == b"\xff", "flac": head == b"fLaC", "opus": head == b"OggS"}[chosen.extension] is False:
        raise TranscodeFailed(f"{chosen.label} could not be made: the encoder wrote something else.")
    demuxer = "ogg" if chosen.extension == "opus" else chosen.extension
    command = [
        *(
            ffmpeg_path(),
            "-nostdin",
            "-hide_banner",
            "-nostats",
            "-loglevel",
            "error",
            "-xerror",
            "-threads",
            "1",
        ),
        *(
            "-protocol_whitelist",
            "file,pipe",
            "-format_whitelist",
            demuxer,
            "-f",
            demuxer,
            "-i",
            f"file:{path}",
        ),
        *("-map", "0:a:0", "-progress", "pipe:1", "-f", "null", "-"),
    ]
    decoded_us = _run(command, limits.caps, chosen)
    slack = 1 if chosen.is_lossless else SLACK_MS
    if abs(decoded_us // 1000 - expected_ms) > slack:
        raise TranscodeFailed(
            f"{chosen.label} could not be made: what was written plays {decoded_us // 1000} ms, "
            f"the original {expected_ms} ms."
        )


def _encode(path: Path, form: Format, recipe: Recipe, depth: int, part: Path, limits: Limits) -> int:
    """Encode, and return how many microseconds went in."""
    # Without this a decoded MP3 (floats) would become a 24-bit FLAC three times its use.
    width = ("-sample_fmt", "s32" if depth > 16 else "s16") if recipe.is_lossless else ()
    command = [
        *(ffmpeg_path(), "-loglevel", "error", "-y"),
        *input_arguments(path, form),
        *("-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1", "-threads", "1"),
        # Counts samples from 0: a Vorbis file may start late, and FLAC keeps no silence for that.
        *("-af", "asetpts=N/SR/TB"),
        *("-t", str(limits.max_seconds + 1), *recipe.args, *width, "-progress", "pipe:1", f"file:{part}"),
    ]
    caps = Caps(limits.cpu_seconds * 2, limits.wall_seconds * 2, limits.memory_bytes, MAX_OUTPUT_BYTES)
    return _run(command, caps, recipe)


_OUT_TIME = re.compile(rb"out_time_us=(\d+)")


def _run(command: list[str], caps: Caps, recipe: Recipe) -> int:
    """Run ffmpeg and return the last position it reported, in microseconds. Raises TranscodeFailed."""
    progress = bytearray()

    def collect(chunk: bytes) -> bool:
        progress.extend(chunk)
        del progress[:-8192]
        return True

    finished = run(command, caps, on_output=collect)
    if finished.returncode != 0:
        why = "it took too long" if finished.is_out_of_limits else "the encoder stopped"
        raise TranscodeFailed(f"{recipe.label} could not be made: {why}.", last_lines(finished.stderr.splitlines()))
    times = _OUT_TIME.findall(progress)
    return int(times[-1]) if times else 0
