"""What is odd about the sound of a file that was taken, in words: for its artist to decide, never to refuse it."""

from collections.abc import Sequence
from typing import Any

import numpy

from .errors import clock

LONG_START_SECONDS, LONG_END_SECONDS = 3, 6
SILENT = 33  # -60 dBFS, of 16 bits
LOUD = 1_642  # -26 dBFS
FULL = 32_767
CLIPPED_MS = 100  # so long altogether at full scale is no accident
QUIET_LUFS, LOUD_LUFS = -30.0, -6.0
OFF_THE_MIDDLE = 0.01
# Coding alone lifts peaks, so lossy files may go a little over; and so may a meter's own error.
OVER_LOSSLESS_DB, OVER_LOSSY_DB = 0.2, 1.0


def remarks(
    loudest: Any,
    *,
    block_ms: int,
    first: int,
    middle: float,
    is_one_channel_twice: bool,
    lufs: float,
    true_peak_dbtp: float,
    is_lossless: bool,
) -> tuple[str, ...]:
    """Say in sentences what is odd about a file.

    `loudest` holds the loudest sample of each `block_ms`, `first` the first sample, all of 16 bits;
    `middle` is the mean of all, as a part of full scale.
    """
    heard = numpy.flatnonzero(loudest > SILENT)
    if not len(heard):
        return ("This file is silent from its beginning to its end. If that is not meant, export it again.",)
    found = [*_silence(int(heard[0]), len(loudest) - 1 - int(heard[-1]), block_ms), *_cuts(loudest, first, block_ms)]
    if true_peak_dbtp > (OVER_LOSSLESS_DB if is_lossless else OVER_LOSSY_DB):
        found.append(
            f"Its loudest peak is {true_peak_dbtp:.1f} dB over full scale{_places(loudest, block_ms)}, so players may "
            "distort it. Lower the whole by that much, or set your limiter to -1 dBTP, and export it again."
        )
    elif int((loudest >= FULL).sum()) * block_ms >= CLIPPED_MS:
        found.append(
            f"It stays at full scale{_places(loudest, block_ms)}, so its peaks were probably cut off. "
            "Lower the level before your limiter, or set that to -1 dBTP, and export it again."
        )
    if is_one_channel_twice:
        found.append(
            "Both channels of this stereo file are the same. If it should be stereo, look at your export settings."
        )
    if lufs < QUIET_LUFS:
        found.append(f"It is very quiet ({lufs:.0f} LUFS; most music has -16 to -8). Listeners will turn it up.")
    elif lufs > LOUD_LUFS:
        found.append(f"It is very loud ({lufs:.0f} LUFS; most music has -16 to -8). Players will turn it down.")
    if abs(middle) > OFF_THE_MIDDLE:
        found.append(
            f"Its wave lies {abs(middle):.0%} off the middle (a DC offset), which costs loudness and can click. "
            "Remove the offset in your music program and export it again."
        )
    return tuple(found)


def _silence(before: int, behind: int, block_ms: int) -> list[str]:
    """Remark on long silence at the ends, given in blocks."""
    start, end = before * block_ms / 1000, behind * block_ms / 1000
    found = []
    if start >= LONG_START_SECONDS:
        found.append(f"It begins with {start:.0f} seconds of silence. Many skip on before it starts: trim it.")
    if end >= LONG_END_SECONDS:
        found.append(f"It ends with {end:.0f} seconds of silence. If that is not meant, trim it.")
    return found


def _cuts(loudest: Any, first: int, block_ms: int) -> list[str]:
    """Remark on sound that is already, or still, in full swing at an end: nothing that was played begins or ends so."""
    half_second = 500 // block_ms
    if len(loudest) < 4 * half_second:
        return []
    found = []
    if first > LOUD:
        found.append(
            "It begins in the middle of a sound, as if its first moment were missing. If it does not follow on from "
            "another track, export it from a little earlier."
        )
    last = int(loudest[-4:].max())
    if last > LOUD and last > 0.4 * int(loudest[-half_second:].max()):
        found.append(
            "It stops while it is still loud, as if it were cut off. If it does not lead into another track, "
            "export it with its end."
        )
    return found


def _places(loudest: Any, block_ms: int) -> str:
    """Where it touches full scale: the first three places, at least a second apart, and how many more."""
    at = numpy.flatnonzero(loudest >= FULL) * block_ms // 1000
    seconds: Sequence[int] = sorted({int(one) for one in at})
    if not seconds:
        return ""
    first = ", ".join(clock(second * 1000) for second in seconds[:3])
    more = f" and in {len(seconds) - 3} other seconds" if len(seconds) > 3 else ""
    return f", at {first}{more}"
