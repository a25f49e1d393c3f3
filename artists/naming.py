"""What a file name tells about a track, used only when it is certain and the file's own tags are silent."""

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from artists.audio import one_line

# "01 Night Bus", "01. Night Bus", "01-night-bus", "03_rain": a leading zero is never part of a title.
_ZERO = re.compile(r"^0(\d{1,2})(?:[\s._-]+)(\S.*)$")
# "1. Night Bus", "12) Rain", "7 - Rain": a number, a sign, a space.
_SIGN = re.compile(r"^(\d{1,3})(?:[.)]|\s+[-–—.])\s+(\S.*)$")
# "10 Rain" says nothing alone ("99 Luftballons"), but does beside "09 Glass".
_BARE = re.compile(r"^([1-9]\d)[\s._-]+(\S.*)$")

# "1-03 Night Bus": a disc, and a position with its leading zero.
_DISC_ZERO = re.compile(r"^([1-9])-(0[1-9])[\s._-]+(\S.*)$")
# "1-21 Jump" says nothing alone, but does beside "1-03 Night Bus".
_DISC_BARE = re.compile(r"^([1-9])-([1-9]\d)[\s._-]+(\S.*)$")


# "Nova Kit - Night Bus - 01 Rain", as shops name the files of an album: artist, album, a number of two digits, title.
_SHOP = re.compile(r"^(?P<head>\S.*?\s-\s.*?\S)\s-\s(?:(?P<disc>[1-9])-)?(?P<position>\d{2,3})[\s._-]+(?P<title>\S.*)$")


@dataclass(frozen=True)
class Guess:
    """A title, and a position and a disc if the name surely has them (else 0).

    `album` is what the album is surely called, where that was not known.
    """

    title: str
    position: int = 0
    disc: int = 0
    album: str = ""


def guess(filename: str, *, artist: str = "", album: str = "", beside: Collection[str] = ()) -> Guess:
    """Title and position from `filename`; `beside` are the other file names of the album."""
    stem = _stem(filename)
    if named := _named_by_a_shop(stem, artist, album, beside):
        return named
    stem = _without(_without(stem, artist), album)
    others = [_without(_without(_stem(other), artist), album) for other in beside]
    numbered = _DISC_ZERO.match(stem)
    if not numbered and any(_DISC_ZERO.match(other) for other in others):
        numbered = _DISC_BARE.match(stem)
    if numbered:
        title = _without(_spaced(numbered.group(3)), artist).strip(" .-_")
        return Guess(title or "Untitled", int(numbered.group(2)), int(numbered.group(1)))
    match = _ZERO.match(stem) or _SIGN.match(stem)
    if not match and any(_ZERO.match(other) for other in others):
        match = _BARE.match(stem)
    if not match:
        return Guess(stem.strip() or "Untitled")
    title = _without(_spaced(match.group(2)), artist)
    return Guess(title.strip(" .-_") or "Untitled", int(match.group(1)))


def _named_by_a_shop(stem: str, artist: str, album: str, beside: Collection[str]) -> Guess | None:
    """What a name like “Artist - Album - 01 Title” tells, if the artist is the album's or another file begins alike."""
    found = _SHOP.match(stem)
    if not found or not int(found["position"]):
        return None
    head = found["head"]
    named = next((rest for who, rest in _splits(head) if is_alike(who, artist)), "")
    if not named:
        alike = (_SHOP.match(_stem(other)) for other in beside)
        if not any(other and other["head"] == head for other in alike):
            return None
        named = head.partition(" - ")[2].strip()
    known = "" if is_alike(named, album) else named[:200]
    title = _without(found["title"], artist).strip(" .-_")
    return Guess(title or "Untitled", int(found["position"]), int(found["disc"] or 0), known)


def stem(filename: str) -> str:
    """A file's name as it is compared: without its kind and case, so that a FLAC may stand for the WAV it was.

    Macs write an accent as a sign of its own.
    """
    return " ".join(unicodedata.normalize("NFC", _stem(filename)).casefold().split())


def _splits(head: str) -> Iterator[tuple[str, str]]:
    """All ways to take `head` for an artist and an album."""
    parts = head.split(" - ")
    for place in range(1, len(parts)):
        yield " - ".join(parts[:place]), " - ".join(parts[place:]).strip()


def is_alike(one: str, other: str) -> bool:
    """Whether two names are the same but for case and for signs that file names cannot have."""
    return bool(_bare(one)) and _bare(one) == _bare(other)


def _bare(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


UNTITLED = "Untitled album"
"""What a draft is called until somebody knows better; the first file that names its album does."""

# Names of folders that say how the files came about, not what they are.
_WORDS = """album albums audio bounce bounces cd desktop disc disk download downloads export exports final finals flac
files folder master mastered masters mix mixdown mixes mp3 music my new project songs the tracks untitled upload wav"""
_GENERIC = frozenset(_WORDS.split())
_KIND = r"\b(?:flac|wav|mp3|aiff?|320|v0|\d\d ?bit|\d\d(?:\.\d)? ?khz|web|cd)\b"
_NOISE = re.compile(rf"\s*[\[({{](?:[^\])}}]*{_KIND}[^\])}}]*|(?:19|20)\d\d)[\])}}]\s*", re.IGNORECASE)
_YEAR = re.compile(r"^(?:19|20)\d\d\s*[-–—]\s*(?=\S)")


def album_title(name: str, *, artist: str = "") -> str:
    """The title of an album from the name of its folder or zip; UNTITLED where that says nothing certain."""
    text = _spaced(re.sub(r"\.zip$", "", one_line(name), flags=re.IGNORECASE))
    text = _without(_YEAR.sub("", _NOISE.sub(" ", text).strip()), artist)
    text = _YEAR.sub("", text).strip(" -_.")
    words = re.findall(r"\w+", text.casefold())
    is_generic = all(word in _GENERIC or word.isdecimal() for word in words)
    return UNTITLED if is_generic else text[:200]


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
