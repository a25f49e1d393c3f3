"""Accept a file only when mutagen and a full decode by ffmpeg agree on it; one pass gives length, loudness, peaks."""

import base64
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy

from .errors import KEPT, CutOff, Empty, NotAudio, Protected, TooHeavy, TooLong, clock
from .sandbox import Caps, Finished, ffmpeg_path, run, script
from .sniff import Format, sniff
from .tags import Tags, tags_from

PEAKS = 800
SILENCE_LUFS = -70.0
SILENCE_DBTP = -120.0
_PCM_HZ = 8_000  # the rate of what the decode pass hands us to count and to draw
_FRAME_BYTES = 4  # stereo, 16 bit
_BLOCK = 40  # samples whose loudest becomes one point: 5 ms
_READER = Path(__file__).with_name("reader.py")


@dataclass(frozen=True)
class Limits:
    """What a file may be and what checking it may cost; bytes and seconds."""

    max_bytes: int = 2 * 1024**3
    max_seconds: int = 3 * 3600
    max_tag_bytes: int = 32 * 1024**2
    max_cover_bytes: int = 16 * 1024**2
    max_channels: int = 8
    cpu_seconds: int = 600
    wall_seconds: float = 900.0
    memory_bytes: int = 2 * 1024**3

    @property
    def caps(self) -> Caps:
        """The limits of the child that decodes."""
        return Caps(self.cpu_seconds, self.wall_seconds, self.memory_bytes)


@dataclass(frozen=True)
class Loudness:
    """EBU R128: integrated loudness in LUFS (silence: -70) and true peak in dBTP (silence: -120)."""

    lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True)
class Probe:
    """All that a file told: true length from decoded samples, kind, tags, embedded cover, loudness, 800 peaks."""

    container: str
    codec: str
    duration_ms: int
    sample_rate_hz: int
    bit_depth: int | None
    channels: int
    is_lossless: bool
    tags: Tags
    cover: bytes | None = field(repr=False)
    loudness: Loudness
    peaks: tuple[int, ...] = field(repr=False)


def probe(path: Path, *, limits: Limits | None = None) -> Probe:
    """Read and fully decode one uploaded file in limited subprocesses.

    Raises Unreadable (Empty, NotAudio, CutOff, TooLong, TooBig, Protected, TooHeavy) with a sentence for the artist.
    """
    limits, path = limits or Limits(), Path(path).resolve()
    form = sniff(path, max_bytes=limits.max_bytes, max_tag_bytes=limits.max_tag_bytes)
    header = _read_header(path, form, limits)
    _check_header(header, limits)
    decoded = _decode(path, form, limits)
    is_lossless = bool(header["is_lossless"])
    _check_agreement(header, decoded, form)
    return Probe(
        container=form.container,
        codec=decoded.codec,
        duration_ms=decoded.duration_ms,
        sample_rate_hz=decoded.sample_rate_hz,
        bit_depth=(header["bit_depth"] or None) if is_lossless else None,
        channels=decoded.channels,
        is_lossless=is_lossless,
        tags=tags_from(header["tags"]),
        cover=base64.b64decode(header["cover"]) or None,
        loudness=decoded.loudness,
        peaks=decoded.points.peaks(PEAKS),
    )


def measure(path: Path, *, limits: Limits | None = None) -> Loudness:
    """Return loudness and true peak of a file by decoding it whole. Raises Unreadable."""
    return _decode_alone(path, limits or Limits()).loudness


def peaks(path: Path, n: int = PEAKS, *, limits: Limits | None = None) -> list[int]:
    """Return `n` heights 0..255 for a waveform, relative to the loudest moment. Raises Unreadable."""
    return list(_decode_alone(path, limits or Limits()).points.peaks(n))


def bit_depth(path: Path, form: Format, limits: Limits) -> int:
    """Return the bits per sample the header names, 0 for lossy kinds and unknown. Raises NotAudio."""
    header = _read_header(path, form, limits)
    return int(header["bit_depth"]) if header["is_lossless"] else 0


class _Points:
    """Counts decoded samples and keeps the loudest of every 5 ms, so that hours cost megabytes, not gigabytes."""

    def __init__(self, longest_seconds: int) -> None:
        self.frames = 0
        self._longest = longest_seconds * _PCM_HZ
        self._rest = b""
        self._loudest: list[Any] = []

    @property
    def is_too_long(self) -> bool:
        return self.frames > self._longest

    def take(self, chunk: bytes) -> bool:
        """Take decoded bytes; False when the file is longer than allowed."""
        data = self._rest + chunk
        block_bytes = _BLOCK * _FRAME_BYTES
        whole = len(data) // block_bytes * block_bytes
        self._add(data[:whole])
        self._rest = data[whole:]
        return not self.is_too_long

    def _add(self, data: bytes) -> None:
        if not data:
            return
        samples = numpy.frombuffer(data, "<i2").astype(numpy.int32)
        self.frames += len(samples) // 2
        self._loudest.append(numpy.abs(samples).reshape(-1, _BLOCK * 2).max(axis=1))

    def finish(self) -> None:
        """Count the last, incomplete block too."""
        rest = self._rest[: len(self._rest) // _FRAME_BYTES * _FRAME_BYTES]
        self._rest = b""
        if rest:
            samples = numpy.abs(numpy.frombuffer(rest, "<i2").astype(numpy.int32))
            self.frames += len(samples) // 2
            self._loudest.append(samples.max(keepdims=True))

    def peaks(self, n: int) -> tuple[int, ...]:
        """Return `n` heights 0..255 relative to the loudest; a shorter file repeats its points."""
        points = numpy.concatenate(self._loudest) if self._loudest else numpy.zeros(1, numpy.int32)
        edges = numpy.arange(n + 1) * len(points) // n
        starts = numpy.minimum(edges[:-1], len(points) - 1)
        heights = numpy.maximum.reduceat(points, starts)
        top = int(points.max())
        return tuple(int(height) * 255 // top if top else 0 for height in heights)


@dataclass(frozen=True)
class _Decoded:
    codec: str
    sample_rate_hz: int
    channels: int
    duration_ms: int
    loudness: Loudness
    points: _Points
    errors: tuple[str, ...]


def _read_header(path: Path, form: Format, limits: Limits) -> dict[str, Any]:
    output = bytearray()

    def collect(chunk: bytes) -> bool:
        output.extend(chunk)
        return len(output) <= 2 * limits.max_cover_bytes + 2**20

    # JSON of a cover in base64 is at most 4/3 of it; mutagen holds a tag about three times.
    caps = Caps(cpu_seconds=20, wall_seconds=60.0, memory_bytes=1024**3)
    finished = run(script(_READER, str(path), form.container, str(limits.max_cover_bytes)), caps, on_output=collect)
    if finished.is_out_of_limits or finished.is_stopped or "MemoryError" in finished.stderr:
        raise TooHeavy(_too_heavy(form))
    try:
        header: dict[str, Any] = json.loads(output)
    except ValueError:
        raise NotAudio(_unreadable(form)) from None
    if "error" in header:
        raise NotAudio(_unreadable(form))
    if header["is_protected"]:
        raise Protected(
            "This file is locked by a copy protection, so no player but the shop's own can play it. "
            f"{KEPT} Upload the original you made it from (WAV or FLAC)."
        )
    return header


def _check_header(header: dict[str, Any], limits: Limits) -> None:
    declared = header["declared_ms"] or 0
    if declared > limits.max_seconds * 1000:
        raise TooLong(_too_long(limits, declared))
    if header["channels"] > limits.max_channels:
        raise NotAudio(
            f"This file has {header['channels']} channels; we take up to {limits.max_channels}. {KEPT} "
            "Export a stereo mix and upload that."
        )


def _decode_alone(path: Path, limits: Limits) -> _Decoded:
    path = Path(path).resolve()
    form = sniff(path, max_bytes=limits.max_bytes, max_tag_bytes=limits.max_tag_bytes)
    return _decode(path, form, limits)


def input_arguments(path: Path, form: Format) -> list[str]:
    """Return how ffmpeg is told to open an uploaded file: this demuxer, these decoders, this file, nothing else."""
    return [
        *("-nostdin", "-hide_banner", "-nostats", "-threads", "1"),
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", form.demuxer),
        *("-codec_whitelist", ",".join(form.decoders), "-err_detect", "crccheck"),
        *("-vn", "-sn", "-dn", "-f", form.demuxer, "-i", f"file:{path}"),
    ]


def _decode(path: Path, form: Format, limits: Limits) -> _Decoded:
    points = _Points(limits.max_seconds)
    graph = f"ebur128=peak=true:framelog=verbose,aformat=sample_fmts=s16:sample_rates={_PCM_HZ}:channel_layouts=stereo"
    command = [
        *(ffmpeg_path(), "-loglevel", "level+info"),
        *input_arguments(path, form),
        *("-map", "0:a:0", "-af", graph, "-map_metadata", "-1"),
        *("-f", "s16le", "-c:a", "pcm_s16le", "pipe:1"),
    ]
    finished = run(command, limits.caps, on_output=points.take)
    points.finish()
    if points.is_too_long:
        raise TooLong(_too_long(limits, None))
    if finished.is_out_of_limits:
        raise TooHeavy(_too_heavy(form))
    return _decoded(finished, points, form)


_STREAM = re.compile(r"Stream #0:\d+.*?: Audio: (\w+)[^\n]*?, (\d+) Hz, ([^,\n]+)")
_INTEGRATED = re.compile(r"I:\s+(-?[\d.]+|-inf|nan) LUFS")
_TRUE_PEAK = re.compile(r"Peak:\s+(-?[\d.]+|-inf|nan) dBFS")
# That a picture's codec is not on the whitelist is what we want.
_ERROR = re.compile(r"\[(?:error|fatal|panic)\](?!.*not on whitelist)")
_LAYOUTS = {
    "mono": 1,
    "stereo": 2,
    "downmix": 2,
    "2.1": 3,
    "3.0": 3,
    "quad": 4,
    "4.0": 4,
    "5.0": 5,
    "5.1": 6,
    "7.1": 8,
}


def _decoded(finished: Finished, points: _Points, form: Format) -> _Decoded:
    stream = _STREAM.search(finished.stderr)
    if stream is None or (points.frames == 0 and finished.returncode != 0):
        raise NotAudio(_unreadable(form))
    if points.frames == 0:
        raise Empty(
            f"There is no sound in this {form.label} file: it ends right after its header. {KEPT} Export it again."
        )
    codec, rate, layout = stream.groups()
    return _Decoded(
        codec=codec,
        sample_rate_hz=int(rate),
        channels=_channels(layout),
        duration_ms=round(points.frames * 1000 / _PCM_HZ),
        loudness=Loudness(
            lufs=_last_number(_INTEGRATED, finished.stderr, SILENCE_LUFS),
            true_peak_dbtp=_last_number(_TRUE_PEAK, finished.stderr, SILENCE_DBTP),
        ),
        points=points,
        errors=tuple(line for line in finished.stderr.splitlines() if _ERROR.search(line)),
    )


def _channels(layout: str) -> int:
    """Read ffmpeg's name of a channel layout: stereo, 5.1(side), 3 channels."""
    name = layout.strip().split("(")[0].strip()
    number = re.match(r"(\d+) channels", name)
    return int(number.group(1)) if number else _LAYOUTS.get(name, 0)


def _last_number(pattern: re.Pattern[str], text: str, lowest: float) -> float:
    found = pattern.findall(text)
    value = float(found[-1]) if found else lowest
    return max(lowest, value) if math.isfinite(value) else lowest


def _check_agreement(header: dict[str, Any], decoded: _Decoded, form: Format) -> None:
    """Refuse what mutagen and ffmpeg see differently: one of them would mislead a player."""
    declared, is_lossless = header["declared_ms"], bool(header["is_lossless"])
    # Encoders pad lossy files a little; a lossless one has exactly the samples it announces.
    slack = 50 if is_lossless else max(300, (declared or 0) // 200)
    if declared and decoded.duration_ms < declared - slack:
        raise CutOff(
            f"This file announces {clock(declared)}, but only {clock(decoded.duration_ms)} of it can be decoded: "
            f"it was cut off or damaged on its way. {KEPT} Export or copy it again and upload the whole file."
        )
    if is_lossless and decoded.errors:
        # ffmpeg hides a damaged frame behind silence of the same length; nobody should pay for that.
        raise CutOff(
            f"This {form.label} file is damaged inside: a part of it fails its own checksum. {KEPT} "
            "Export or copy it again and upload the whole file."
        )
    if is_lossless and declared and decoded.duration_ms > declared + slack:
        raise NotAudio(_unreadable(form))
    rate = header["sample_rate_hz"]
    if is_lossless and rate and rate != decoded.sample_rate_hz:
        raise NotAudio(_unreadable(form))


def _unreadable(form: Format) -> str:
    return (
        f"This looks like {form.label}, but it is damaged inside and cannot be decoded. {KEPT} "
        "Export it again from your music program."
    )


def _too_heavy(form: Format) -> str:
    return (
        f"Checking this {form.label} file took far more time or memory than any usual one, so we stopped. {KEPT} "
        "Export it again as a plain WAV or FLAC."
    )


def _too_long(limits: Limits, declared_ms: int | None) -> str:
    lasts = f"lasts {clock(declared_ms)}" if declared_ms else "goes on for longer"
    return (
        f"This file {lasts}; a track may last {clock(limits.max_seconds * 1000)}. {KEPT} "
        "Cut it into several tracks and upload those."
    )
