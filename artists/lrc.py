"""Synced lyrics in the LRC format: lines of words, each with the time at which it is sung."""

import re
from dataclasses import dataclass

MOST_LINES = 2_000
_STAMP = re.compile(r"\[(\d{1,3}):([0-5]?\d)(?:[.:](\d{1,3}))?\]")
_ABOUT = re.compile(r"\[([a-zA-Z#]+):(.*)\]")


class BadLrc(ValueError):
    """What was typed is no LRC; the message names the line and says what to write."""


@dataclass(frozen=True)
class Line:
    """Words, and when they are sung: milliseconds from the beginning of the track. Without words it is a pause."""

    at_ms: int
    text: str


def parse(text: str, duration_ms: int = 0) -> tuple[Line, ...]:
    """The lines of an LRC in the order they are sung; a line with several times is several lines.

    With `duration_ms` no line may be later than the end of the track. Raises BadLrc.
    """
    found, offset_ms = [], 0
    for number, line in enumerate(text.splitlines(), 1):
        about = _ABOUT.fullmatch(line.strip())
        if not line.strip():
            continue
        if about:
            if about[1].lower() == "offset":
                offset_ms = _offset(about[2], number)
            continue
        times, words = _split(line.strip(), number)
        found += [(number, at_ms, words) for at_ms in times]
    if len(found) > MOST_LINES:
        raise BadLrc(f"These are {len(found)} lines, and {MOST_LINES} is the most.")
    lines = [(number, Line(max(0, at_ms - offset_ms), words)) for number, at_ms, words in found]
    for number, one in lines:
        if duration_ms and one.at_ms > duration_ms:
            raise BadLrc(f"Line {number}: {_said(one.at_ms)} is after the end of the track, {_said(duration_ms)}.")
    return tuple(sorted((one for _, one in lines), key=lambda one: one.at_ms))


def plain(text: str) -> str:
    """The words alone, one line each."""
    return "\n".join(line.text for line in parse(text)).strip()


def line(at_ms: int, words: str) -> str:
    """One line as LRC: [01:23.45]words."""
    return f"[{at_ms // 60_000:02d}:{at_ms // 1000 % 60:02d}.{at_ms // 10 % 100:02d}]{words}"


def _split(line: str, number: int) -> tuple[list[int], str]:
    """The times at the beginning of a line in milliseconds, and its words."""
    times, rest = [], line
    while stamp := _STAMP.match(rest):
        times.append(1000 * (60 * int(stamp[1]) + int(stamp[2])) + int((stamp[3] or "0").ljust(3, "0")))
        rest = rest[stamp.end() :].lstrip()
    if not times or rest.startswith("["):
        raise BadLrc(
            f"Line {number}: “{line[:30]}” has no time that can be read. Begin each line with minutes, seconds and "
            "hundredths, like [01:23.45]."
        )
    # Times of single words, as some programs write them, say more than is shown.
    return times, " ".join(re.sub(r"<\d+:\d+(?:\.\d+)?>", "", rest).split())


def _offset(text: str, number: int) -> int:
    if not re.fullmatch(r"\s*[+-]?\d{1,7}\s*", text):
        raise BadLrc(f"Line {number}: the offset is a number of milliseconds, like [offset:+250].")
    return int(text)


def _said(at_ms: int) -> str:
    return f"{at_ms // 60_000}:{at_ms // 1000 % 60:02d}"
