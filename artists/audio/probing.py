"""Accept a file only when mutagen and a full decode by ffmpeg agree on it."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .decoding import Decoded, Loudness, Output, decode
from .errors import KEPT, CutOff, NotAudio, Protected, TooHeavy, TooLong, clock, too_heavy_tags, too_long, unreadable
from .formats import Format
from .limits import READER_CAPS, Limits
from .sandbox import run, script
from .sniff import sniff
from .tags import Tags, tags_from

PEAKS = 800
_READER = Path(__file__).with_name("reader.py")


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
    remarks: tuple[str, ...] = ()


def probe(path: Path, *, limits: Limits | None = None) -> Probe:
    """Read and fully decode one uploaded file in limited subprocesses.

    Raises Unreadable (Empty, NotAudio, CutOff, TooLong, TooBig, Protected, TooHeavy) with a sentence for the artist.
    """
    return probe_and_encode(path, (), limits=limits)[0]


def probe_and_encode(path: Path, outputs: Sequence[Output], *, limits: Limits | None = None) -> tuple[Probe, bool]:
    """Probe a file and encode `outputs` of it in the same decode; False beside the probe if they were not made.

    Raises Unreadable like `probe`; what lies in the outputs then is not to be used.
    """
    limits, path = limits or Limits(), Path(path).resolve()
    form = sniff(path, max_bytes=limits.max_bytes, max_tag_bytes=limits.max_tag_bytes)
    header = _read_header(path, form, limits)
    _check_header(header, limits)
    decoded = decode(path, form, limits, outputs)
    is_lossless = bool(header["is_lossless"])
    _check_agreement(header, decoded, form)
    found = Probe(
        container=form.container,
        codec=decoded.codec,
        duration_ms=decoded.duration_ms,
        sample_rate_hz=decoded.sample_rate_hz,
        bit_depth=(header["bit_depth"] or None) if is_lossless else None,
        channels=decoded.channels,
        is_lossless=is_lossless,
        tags=tags_from(header["tags"]),
        cover=_cover(header),
        loudness=decoded.loudness,
        peaks=decoded.samples.peaks(PEAKS),
        remarks=decoded.samples.remarks(
            lufs=decoded.loudness.lufs,
            true_peak_dbtp=decoded.loudness.true_peak_dbtp,
            is_stereo=decoded.channels == 2,
            is_lossless=is_lossless,
        ),
    )
    return found, decoded.are_files_made


def cover(path: Path, *, limits: Limits | None = None) -> bytes | None:
    """Return the picture inside a file that was accepted before, without decoding its music. Raises Unreadable."""
    limits, path = limits or Limits(), Path(path).resolve()
    form = sniff(path, max_bytes=limits.max_bytes, max_tag_bytes=limits.max_tag_bytes)
    return _cover(_read_header(path, form, limits))


def bit_depth(path: Path, form: Format, limits: Limits) -> int:
    """Return the bits per sample the header names, 0 for lossy kinds and unknown. Raises NotAudio."""
    header = _read_header(path, form, limits)
    return int(header["bit_depth"]) if header["is_lossless"] else 0


def _read_header(path: Path, form: Format, limits: Limits) -> dict[str, Any]:
    output = bytearray()

    def collect(chunk: bytes) -> bool:
        output.extend(chunk)
        return len(output) <= 2 * limits.max_cover_bytes + 2**20

    command = script(_READER, str(path), form.container, str(limits.max_cover_bytes))
    finished = run(command, READER_CAPS, on_output=collect)
    if finished.is_out_of_limits or finished.is_stopped or "MemoryError" in finished.stderr:
        raise TooHeavy(too_heavy_tags(form.label))
    return _told(bytes(output), form)


def _told(output: bytes, form: Format) -> dict[str, Any]:
    """What the reader printed about a file. Raises NotAudio, Protected."""
    try:
        header: dict[str, Any] = json.loads(output)
    except ValueError:
        raise NotAudio(unreadable(form.label)) from None
    if "error" in header:
        raise NotAudio(unreadable(form.label))
    if header["is_protected"]:
        raise Protected(
            "This file is locked by a copy protection, so no player but the shop's own can play it. "
            f"{KEPT} Upload the original you made it from (WAV or FLAC)."
        )
    return header


def _cover(header: dict[str, Any]) -> bytes | None:
    return base64.b64decode(header["cover"]) or None


def _check_header(header: dict[str, Any], limits: Limits) -> None:
    declared = header["declared_ms"] or 0
    if declared > limits.max_seconds * 1000:
        raise TooLong(too_long(limits.max_seconds, declared))
    if header["channels"] > limits.max_channels:
        raise NotAudio(
            f"This file has {header['channels']} channels; we take up to {limits.max_channels}. {KEPT} "
            "Export a stereo mix and upload that."
        )


def _check_agreement(header: dict[str, Any], decoded: Decoded, form: Format) -> None:
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
        raise NotAudio(unreadable(form.label))
    rate = header["sample_rate_hz"]
    if is_lossless and rate and rate != decoded.sample_rate_hz:
        raise NotAudio(unreadable(form.label))
