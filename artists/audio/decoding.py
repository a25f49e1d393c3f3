"""Decode a hostile file once: count and measure its samples, and encode files of them on the way."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import KEPT, Empty, NotAudio, TooHeavy, TooLong, too_heavy, too_long, unreadable
from .formats import Format
from .limits import Limits
from .samples import PCM_HZ, Samples
from .sandbox import Finished, ffmpeg_path, run

SILENCE_LUFS = -70.0
SILENCE_DBTP = -120.0
MEASURES = f"ebur128=peak=true:framelog=verbose,aformat=sample_fmts=s16:sample_rates={PCM_HZ}:channel_layouts=stereo"
"""EBU R128 and true peak go to the log, samples few enough for Python to look at go on."""
SAMPLES = ("-map", "0:a:0", "-af", MEASURES, "-map_metadata", "-1", "-f", "s16le", "-c:a", "pcm_s16le", "pipe:1")


@dataclass(frozen=True)
class Loudness:
    """EBU R128: integrated loudness in LUFS (silence: -70) and true peak in dBTP (silence: -120)."""

    lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True)
class Output:
    """A file to be encoded of what is decoded: where, and how ffmpeg is told to."""

    path: Path
    args: tuple[str, ...]


@dataclass(frozen=True)
class Decoded:
    """What a full decode found out; `errors` is what the decoder complained of, `are_files_made` whether it encoded."""

    codec: str
    sample_rate_hz: int
    channels: int
    loudness: Loudness
    samples: Samples
    errors: tuple[str, ...]
    are_files_made: bool

    @property
    def duration_ms(self) -> int:
        """As many as samples came out."""
        return self.samples.duration_ms


def decode(path: Path, form: Format, limits: Limits, outputs: Sequence[Output] = ()) -> Decoded:
    """Decode all of a file in one limited child, which writes `outputs` at the same time, whole or not to be used.

    Raises NotAudio, Empty, TooLong, TooHeavy.
    """
    samples = Samples(limits.max_seconds)
    command = [ffmpeg_path(), "-loglevel", "level+info", "-y", *input_arguments(path, form), *SAMPLES]
    for output in outputs:
        command += output_arguments(output)
    finished = run(command, limits.caps_with(len(outputs)), on_output=samples.take)
    samples.finish()
    if samples.is_too_long:
        raise TooLong(too_long(limits.max_seconds))
    if finished.is_out_of_limits:
        raise TooHeavy(too_heavy(form.label))
    if outputs and finished.returncode != 0:
        # An encoder may be what failed. That is no fault of the music: the files are made later, each by itself.
        return decode(path, form, limits)
    return _decoded(finished, samples, form, are_files_made=bool(outputs))


def input_arguments(path: Path, form: Format) -> list[str]:
    """Return how ffmpeg is told to open an uploaded file: this demuxer, these decoders, this file, nothing else."""
    return [
        *("-nostdin", "-hide_banner", "-nostats", "-threads", "1"),
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", form.demuxer),
        *("-codec_whitelist", ",".join(form.decoders), "-err_detect", "crccheck"),
        *("-vn", "-sn", "-dn", "-f", form.demuxer, "-i", f"file:{path}"),
    ]


def output_arguments(output: Output) -> list[str]:
    """Return how ffmpeg is told to encode one file, with nothing of the original but its samples."""
    return [
        *("-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1", "-threads", "1"),
        # Counts samples from 0: a Vorbis file may start late, and FLAC keeps no silence for that.
        *("-af", "asetpts=N/SR/TB", *output.args, f"file:{output.path}"),
    ]


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


def _decoded(finished: Finished, samples: Samples, form: Format, *, are_files_made: bool) -> Decoded:
    stream = _STREAM.search(finished.stderr)
    if stream is None or (samples.frames == 0 and finished.returncode != 0):
        raise NotAudio(unreadable(form.label))
    if samples.frames == 0:
        raise Empty(
            f"There is no sound in this {form.label} file: it ends right after its header. {KEPT} Export it again."
        )
    codec, rate, layout = stream.groups()
    return Decoded(
        codec=codec,
        sample_rate_hz=int(rate),
        channels=_channels(layout),
        loudness=Loudness(
            lufs=_last_number(_INTEGRATED, finished.stderr, SILENCE_LUFS),
            true_peak_dbtp=_last_number(_TRUE_PEAK, finished.stderr, SILENCE_DBTP),
        ),
        samples=samples,
        errors=tuple(line for line in finished.stderr.splitlines() if _ERROR.search(line)),
        are_files_made=are_files_made,
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
