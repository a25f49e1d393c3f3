"""What a file name tells about a track, used only when it is certain and the file's own tags are silent."""

import re
from collections.abc import Collection
from dataclasses import dataclass

# "01 Night Bus", "01. Night Bus", "01-night-bus", "03_rain": a leading zero is never part of a title.
_ZERO = re.compile(r"^0(\d{1,2})(?:[\s._-]+)(\S.*)$")
# "1. Night Bus", "12) Rain", "7 - Rain": a number, a sign, a space.
_SIGN = re.compile(r"^(\d{1,3})(?:[.)]|\s+[-–—.])\s+(\S.*)$")
# "10 Rain" says nothing alone ("99 Luftballons"), but does beside "09 Glass".
_BARE = re.compile(r"^([1-9]\d)[\s._-]+(\S.*)$")


@dataclass(frozen=True)
class Guess:
    """A title, and a position if the name surely has one (else 0)."""

    title: str
    position: int = 0


def guess(filename: str, *, artist: str = "", album: str = "", beside: Collection[str] = ()) -> Guess:
    """Title and position from `filename`; `beside` are the other file names of the album."""
    stem = _stem(filename)
    stem = _without(_without(stem, artist), album)
    match = _ZERO.match(stem) or _SIGN.match(stem)
    if not match and any(_ZERO.match(_without(_without(_stem(other), artist), album)) for other in beside):
        match = _BARE.match(stem)
    if not match:
        return Guess(stem.strip() or "Untitled")
    title = _without(_spaced(match.group(2)), artist)
    return Guess(title.strip(" .-_") or "Untitled", int(match.group(1)))


def _stem(filename: str) -> str:
    """The name without what says the format."""
    return _spaced(re.sub(r"\.[A-Za-z0-9]{2,5}$", "", filename))


def _spaced(stem: str) -> str:
    """Words with spaces between them, where somebody wrote underscores instead."""
    return stem if " " in stem else stem.replace("_", " ")


def _without(text: str, name: str) -> str:
    """`text` without a leading `name -`."""
    head, sign, rest = text.partition(" - ")
    return rest.strip() if sign and rest.strip() and name and head.strip().casefold() == name.casefold() else text
