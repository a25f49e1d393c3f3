"""Words of advertisers: plain text that looks the same to a reviewer, a listener and a screen reader."""

import re
import unicodedata

_TAG = re.compile(r"<\s*[a-zA-Z/!?][^<>]*>")
_JOINERS = "\u200c\u200d"
"""Persian words and emoji are written with them; between Latin letters they only hide something."""
_MOST_MARKS = 3
"""So many accents may stand on one letter; Vietnamese and Hebrew need two or three."""


class BadWords(ValueError):
    """Text that cannot be shown as it is; the message says what to write instead."""


def plain(typed: str, *, has_lines: bool = False) -> str:
    """What was typed without needless space, in one line unless `has_lines`. Raises BadWords.

    Markup is refused because it would be shown letter by letter, and invisible signs because they can turn the order
    of the letters or hide some of them: people would not read what was reviewed.
    """
    text = unicodedata.normalize("NFC", typed.replace("\r\n", "\n").replace("\r", "\n"))
    if tag := _TAG.search(text):
        raise BadWords(f"Write plain words: “{tag[0][:20]}” would be shown as it is typed here. Take it out.")
    if _hidden(text):
        raise BadWords(
            "There are invisible signs in this text that hide letters or turn their order. "
            "Delete them, or type the words afresh."
        )
    if _is_piled(text):
        raise BadWords("There are more accents on one letter than any language has. Write the words without them.")
    if has_lines:
        lines = (" ".join(line.split()) for line in text.strip().split("\n"))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    return " ".join(text.split())


def _hidden(text: str) -> bool:
    for number, sign in enumerate(text):
        category = unicodedata.category(sign)
        if (category == "Cc" and sign not in "\n\t") or category in ("Co", "Cs", "Cn", "Zl", "Zp"):
            return True
        if category == "Cf" and not (sign in _JOINERS and number and not text[number - 1].isascii()):
            return True
    return False


def _is_piled(text: str) -> bool:
    marks = 0
    for sign in text:
        marks = marks + 1 if unicodedata.category(sign) in ("Mn", "Me") else 0
        if marks > _MOST_MARKS:
            return True
    return False
