"""Why a file cannot be taken, in sentences an artist can act on: what happened, what was kept, what to do."""

from collections.abc import Iterable

KEPT = "Your other files are kept."


class Unreadable(Exception):
    """A file that cannot become a track; `str(reason)` is a sentence for the person who uploaded it."""


class Empty(Unreadable):
    """0 bytes, or no sample of sound in it."""


class NotAudio(Unreadable):
    """No audio of a kind we take, or so damaged that it cannot be read as such."""


class CutOff(Unreadable):
    """Less sound can be decoded than the file announces."""


class TooLong(Unreadable):
    """Longer than a track may be."""


class TooBig(Unreadable):
    """More bytes than a track, or its tags, may have."""


class Protected(Unreadable):
    """Locked by a copy protection."""


class TooHeavy(Unreadable):
    """Needs more computing or memory than an honest file of this kind ever does."""


class TranscodeFailed(Exception):
    """A derived file could not be made; `str(reason)` says why, `detail` holds what ffmpeg said.

    `is_final` says that trying again makes no other.
    """

    def __init__(self, sentence: str, detail: str = "", *, is_final: bool = False) -> None:
        super().__init__(sentence)
        self.detail, self.is_final = detail, is_final


def clock(milliseconds: int) -> str:
    """Write a duration as people do: 3:07, or 1:02:03 from an hour on."""
    seconds = max(0, milliseconds) // 1000
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(number: int) -> str:
    """Write a number of bytes in the largest decimal unit that keeps it above one: 12.4 MB."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= factor:
            return f"{number / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{number} bytes"


def last_lines(lines: Iterable[str]) -> str:
    """Keep the last few lines of a program's complaints, for the log."""
    return "\n".join(list(lines)[-6:])


def unreadable(label: str) -> str:
    """The sentence of NotAudio for a file that is damaged inside; `label` is the kind it looks like."""
    return (
        f"This looks like {label}, but it is damaged inside and cannot be decoded. {KEPT} "
        "Export it again from your music program."
    )


def too_heavy(label: str) -> str:
    """The sentence of TooHeavy for a file whose sound is."""
    return (
        f"Checking this {label} file took far more time or memory than any usual one, so we stopped. {KEPT} "
        "Export it again as a plain WAV or FLAC."
    )


def too_heavy_tags(label: str) -> str:
    """The sentence of TooHeavy for a file whose tags are."""
    return (
        f"Reading the tags of this {label} file took far more time or memory than those of any usual one, so we "
        f"stopped. {KEPT} Save it without tags, or export it again as a plain WAV or FLAC."
    )


def too_long(max_seconds: int, declared_ms: int = 0) -> str:
    """The sentence of TooLong for a file that says how long it is, or (0) does not and goes on."""
    lasts = f"lasts {clock(declared_ms)}" if declared_ms else "goes on for longer"
    return (
        f"This file {lasts}; a track may last {clock(max_seconds * 1000)}. {KEPT} "
        "Cut it into several tracks and upload those."
    )
