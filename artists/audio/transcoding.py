"""Make the files that people hear and download from an accepted original."""

import os
import re
import signal
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from .decoding import input_arguments
from .errors import TranscodeFailed, Unreadable, last_lines
from .formats import Format
from .limits import Limits
from .probing import bit_depth
from .sandbox import Caps, ffmpeg_path, run
from .sniff import sniff
from .tags import Scheme, Tags, write

MAX_OUTPUT_BYTES = 8 * 1024**3
MOST_RIFF_BYTES = 4 * 1024**3 - 8 * 1024**2
"""WAV and AIFF count their bytes in 32 bits: ffmpeg writes on beyond them, and what it wrote is broken. Some room is
left for tags. Two hours of 24 bits and 96 kHz reach it."""
SLACK_MS = 150  # an encoder's padding; gapless information takes it away again


@dataclass(frozen=True)
class Recipe:
    """One format on offer, from the encoder's arguments to the words for people.

    `is_made_ahead` says when it is made: with every original, or when somebody first asks. `by_depth` holds what the
    encoder is told besides for 16 and for 24 bits. `kbps` is about what a lossy format takes, 0 for the others;
    `packs_to` about what part of the bare samples is left of a lossless one, and `like` another that is as large.
    """

    name: str
    label: str
    words: str
    extension: str
    content_type: str
    args: tuple[str, ...]
    demuxer: str
    magic: tuple[int, bytes]
    scheme: Scheme
    kbps: int = 0
    is_made_ahead: bool = False
    is_lossless: bool = False
    by_depth: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    packs_to: float = 1.0
    like: str = ""
    most_bytes: int = MAX_OUTPUT_BYTES

    def about_bytes(self, *, duration_ms: int, sample_rate_hz: int, channels: int, bit_depth: int) -> int:
        """About how large a file of this format is, without tags. `bit_depth` is 0 for what was lossy before."""
        if not self.is_lossless:
            return duration_ms * self.kbps // 8
        width = 3 if bit_depth > 16 else 2
        return int(duration_ms * sample_rate_hz // 1000 * channels * width * self.packs_to)


# Without `bitexact` each encoding of an Ogg stream has another serial number, and interrupted downloads of a file that
# was made again could not go on.
_SAME_BYTES = ("-fflags", "+bitexact")

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "mp3-320",
            "MP3 320",
            "plays everywhere, and nobody hears the difference",
            "mp3",
            "audio/mpeg",
            ("-c:a", "libmp3lame", "-b:a", "320k", "-ac", "2", "-id3v2_version", "0", "-f", "mp3"),
            demuxer="mp3",
            magic=(0, b"\xff"),
            scheme="mp3",
            kbps=320,
            is_made_ahead=True,
        ),
        Recipe(
            "mp3-v0",
            "MP3 V0",
            "plays everywhere, a fifth smaller",
            "mp3",
            "audio/mpeg",
            ("-c:a", "libmp3lame", "-q:a", "0", "-ac", "2", "-id3v2_version", "0", "-f", "mp3"),
            demuxer="mp3",
            magic=(0, b"\xff"),
            scheme="mp3",
            kbps=250,
            is_made_ahead=True,
        ),
        Recipe(
            "flac",
            "FLAC",
            "exact copy",
            "flac",
            "audio/flac",
            ("-c:a", "flac", "-compression_level", "5", "-f", "flac"),
            demuxer="flac",
            magic=(0, b"fLaC"),
            scheme="flac",
            is_made_ahead=True,
            is_lossless=True,
            # Without this a decoded MP3 (floats) would become a 24-bit FLAC three times its use.
            by_depth=(("-sample_fmt", "s16"), ("-sample_fmt", "s32")),
            packs_to=0.6,
        ),
        Recipe(
            "alac",
            "ALAC",
            "exact copy for Apple Music and iPhones",
            "m4a",
            "audio/mp4",
            ("-c:a", "alac", *_SAME_BYTES, "-movflags", "+faststart", "-f", "ipod"),
            demuxer="mov",
            magic=(4, b"ftyp"),
            scheme="mp4",
            is_lossless=True,
            by_depth=(("-sample_fmt", "s16p"), ("-sample_fmt", "s32p")),
            packs_to=0.6,
            like="flac",
        ),
        Recipe(
            "aac",
            "AAC",
            "for Apple Music and iPhones, small",
            "m4a",
            "audio/mp4",
            ("-c:a", "aac", "-b:a", "256k", "-ac", "2", *_SAME_BYTES, "-movflags", "+faststart", "-f", "ipod"),
            demuxer="mov",
            magic=(4, b"ftyp"),
            scheme="mp4",
            kbps=256,
        ),
        Recipe(
            "opus",
            "Opus",
            "the smallest, for phones made after 2015",
            "opus",
            "audio/ogg",
            ("-c:a", "libopus", "-b:a", "128k", "-vbr", "on", "-ac", "2", *_SAME_BYTES, "-f", "opus"),
            demuxer="ogg",
            magic=(0, b"OggS"),
            scheme="opus",
            kbps=128,
            is_made_ahead=True,
        ),
        Recipe(
            "ogg",
            "Ogg Vorbis",
            "small and free of patents, for games and Linux",
            "ogg",
            "audio/ogg",
            ("-c:a", "libvorbis", "-q:a", "6", "-ac", "2", *_SAME_BYTES, "-f", "ogg"),
            demuxer="ogg",
            magic=(0, b"OggS"),
            scheme="ogg",
            kbps=192,
        ),
        Recipe(
            "wav",
            "WAV",
            "exact copy for music programs, twice the size of FLAC",
            "wav",
            "audio/wav",
            (*_SAME_BYTES, "-f", "wav"),
            demuxer="wav",
            magic=(0, b"RIFF"),
            scheme="wav",
            is_lossless=True,
            by_depth=(("-c:a", "pcm_s16le"), ("-c:a", "pcm_s24le")),
            most_bytes=MOST_RIFF_BYTES,
        ),
        Recipe(
            "aiff",
            "AIFF",
            "exact copy for music programs on Macs, twice the size of FLAC",
            "aiff",
            "audio/aiff",
            (*_SAME_BYTES, "-f", "aiff"),
            demuxer="aiff",
            magic=(0, b"FORM"),
            scheme="aiff",
            is_lossless=True,
            by_depth=(("-c:a", "pcm_s16be"), ("-c:a", "pcm_s24be")),
            most_bytes=MOST_RIFF_BYTES,
        ),
    )
}


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
        if chosen.is_lossless:
            _verify_samples(part, chosen, depth, limits)
        else:
            verify(part, recipe, expected_ms=made_us // 1000, limits=limits)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
        _sum_of(part).unlink(missing_ok=True)


def too_large(recipe: Recipe) -> TranscodeFailed:
    """The failure of what would be larger than a file of this format can be."""
    sentence = f"{recipe.label} could not be made: it would be larger than such a file can be."
    return TranscodeFailed(sentence, is_final=True)


def write_tags(path: Path, recipe: str, tags: Tags, cover: bytes | None = None) -> None:
    """Write tags and cover into a rendition made by `transcode(..., recipe, path)`, in place, replacing old ones.

    The cover is a JPEG, PNG or WebP picture. Raises mutagen.MutagenError when the file is not of this recipe.
    """
    write(path, RECIPES[recipe].scheme, tags, cover)


def verify(path: Path, recipe: str, *, expected_ms: int, limits: Limits | None = None) -> None:
    """Decode a made file to its end and compare its length, in ms. Raises TranscodeFailed."""
    limits, chosen = limits or Limits(), RECIPES[recipe]
    decoded_us = _run([*_decoder(path, chosen), "-progress", "pipe:1", "-f", "null", "-"], limits.caps, chosen)
    slack = 1 if chosen.is_lossless else SLACK_MS
    if abs(decoded_us // 1000 - expected_ms) > slack:
        raise TranscodeFailed(
            f"{chosen.label} could not be made: what was written plays {decoded_us // 1000} ms, "
            f"the original {expected_ms} ms."
        )


def _verify_samples(part: Path, recipe: Recipe, depth: int, limits: Limits) -> None:
    """Decode a lossless file to its end and compare every sample, by their sum, with what the encoder was given."""
    found = part.with_name(f"{part.name}.found")
    caps = replace(limits.caps, file_bytes=MAX_OUTPUT_BYTES)
    try:
        _run([*_decoder(part, recipe), "-c:a", _pcm(depth), "-f", "md5", f"file:{found}"], caps, recipe)
        is_same = found.read_bytes() == _sum_of(part).read_bytes()
    finally:
        found.unlink(missing_ok=True)
    if not is_same:
        raise TranscodeFailed(
            f"{recipe.label} could not be made: what was written has other samples than the original."
        )


def _decoder(path: Path, recipe: Recipe) -> list[str]:
    """How ffmpeg is asked to read a made file, as nothing but what it should be. Raises TranscodeFailed."""
    at, magic = recipe.magic
    with path.open("rb") as file:
        if not file.read(16).startswith(magic, at):
            raise TranscodeFailed(f"{recipe.label} could not be made: the encoder wrote something else.")
    return [
        *(ffmpeg_path(), "-nostdin", "-hide_banner", "-nostats", "-loglevel", "error", "-xerror", "-y"),
        *("-threads", "1", "-protocol_whitelist", "file,pipe", "-format_whitelist", recipe.demuxer),
        *("-f", recipe.demuxer, "-i", f"file:{path}", "-map", "0:a:0"),
    ]


def _pcm(depth: int) -> str:
    return "pcm_s24le" if depth > 16 else "pcm_s16le"


def _sum_of(part: Path) -> Path:
    """Where the encoder leaves the sum of the samples it was given."""
    return part.with_name(f"{part.name}.sum")


def _encode(path: Path, form: Format, recipe: Recipe, depth: int, part: Path, limits: Limits) -> int:
    """Encode, and return how many microseconds went in."""
    width = recipe.by_depth[depth > 16]
    # Counts samples from 0: a Vorbis file may start late, and FLAC keeps no silence for that.
    samples = ("-af", "asetpts=N/SR/TB", "-t", str(limits.max_seconds + 1))
    command = [
        *(ffmpeg_path(), "-loglevel", "error", "-y"),
        *input_arguments(path, form),
        *("-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1", "-threads", "1"),
        *(*samples, *recipe.args, *width, "-progress", "pipe:1", f"file:{part}"),
    ]
    if recipe.is_lossless:
        command += ["-map", "0:a:0", *samples, "-c:a", _pcm(depth), "-f", "md5", f"file:{_sum_of(part)}"]
    most_bytes = min(recipe.most_bytes, MAX_OUTPUT_BYTES)
    caps = Caps(limits.cpu_seconds * 2, limits.wall_seconds * 2, limits.memory_bytes, most_bytes)
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
        if finished.returncode == -signal.SIGXFSZ:
            raise too_large(recipe)
        raise TranscodeFailed(f"{recipe.label} could not be made: {why}.", last_lines(finished.stderr.splitlines()))
    times = _OUT_TIME.findall(progress)
    return int(times[-1]) if times else 0
