"""Names of files that every system takes: Windows, macOS and Linux, on any disk."""

import unicodedata
from collections.abc import Iterable

from artists import audio

LONGEST_BYTES = 200
"""Of 255 that file systems take, so that a number and an extension still fit behind it."""

_FORBIDDEN = dict.fromkeys(map(ord, '<>:"/\\|?*'), "-")
_UNSEEN = ("Cc", "Cs", "Cn", "Zl", "Zp")
_RESERVED = {
    *("con", "prn", "aux", "nul", "conin$", "conout$"),
    *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"),
}


def safe(text: str, longest: int = 120) -> str:
    """`text` as a file name: nothing that separates folders, hides, turns the text round, or that Windows reserves."""
    kept = audio.clean_text(unicodedata.normalize("NFC", text), longest * 2).translate(_FORBIDDEN)
    kept = "".join(" " if letter.isspace() else letter for letter in kept)
    kept = "".join(letter for letter in kept if unicodedata.category(letter) not in _UNSEEN)
    kept = _cut(" ".join(kept.split()).strip(" ."), longest)
    return f"_{kept}" if kept.split(".")[0].strip().lower() in _RESERVED else kept or "untitled"


def unique(names: Iterable[str]) -> list[str]:
    """The same names, numbered where two would be one on systems that ignore case or how accents are written."""
    seen: set[str] = set()
    result = []
    for name in names:
        stem, dot, extension = name.rpartition(".")
        stem, extension = (stem, f".{extension}") if dot else (name, "")
        number, free = 1, name
        while _folded(free) in seen:
            number += 1
            free = f"{stem} ({number}){extension}"
        seen.add(_folded(free))
        result.append(free)
    return result


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _cut(name: str, longest: int) -> str:
    """The start of a name that fits, without half a letter at its end: a bare accent or joiner says nothing."""
    kept = name[:longest]
    while len(kept.encode()) > LONGEST_BYTES:
        kept = kept[:-1]
    if len(kept) < len(name):
        while kept and (unicodedata.combining(name[len(kept)]) or kept[-1] == "\u200d"):
            kept, name = kept[:-1], kept
    return kept.strip(" .")
