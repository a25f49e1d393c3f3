"""The letters of download codes: easy to read from a card, hard to guess, and a slip is told from a stranger.

Twelve letters of an alphabet of 23: no vowels, so no code is a word, and of letters that look alike only one. Eleven
are random (49 bits); with the twelfth the sum of all, each times its place counted from the end, is a multiple of 23.
That is a prime above any place, so one wrong letter and two that changed places are always noticed, as in an ISBN.
"""

import secrets
import unicodedata

ALPHABET = "3479BCDFGHJKMNPRSTVWXYZ"
LENGTH = 12
MOST_TYPED = 100

_READ_AS = str.maketrans("2568U", "ZSGBV")
"""What people read for letters that look like it; none of these is in the alphabet."""


class Mistyped(Exception):
    """What was typed is no download code; the message says what to look at."""


def new() -> str:
    """The letters of one more code."""
    chosen = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH - 1))
    return chosen + ALPHABET[-_sum(chosen + ALPHABET[0]) % len(ALPHABET)]


def spoken(letters: str) -> str:
    """A code as it stands on a card: BCDF-GHJK-MNPR."""
    return "-".join(letters[n : n + 4] for n in range(0, len(letters), 4))


def read(text: str) -> str:
    """The letters of what somebody typed: small or large, with hyphens, spaces or without. Raises Mistyped."""
    plain = unicodedata.normalize("NFKC", text[:MOST_TYPED]).upper()
    typed = "".join(sign for sign in plain if sign.isalnum())
    letters = typed.translate(_READ_AS)
    if not typed:
        raise Mistyped("Type the code that is printed on your card.")
    if strange := sorted({sign for sign in letters if sign not in ALPHABET}):
        raise Mistyped(f"No code has “{strange[0]}” in it. Look at the card again and type that letter anew.")
    if len(letters) != LENGTH:
        raise Mistyped(f"A code has {LENGTH} letters and digits; these are {len(letters)}. Look at the card again.")
    if _sum(letters) % len(ALPHABET):
        raise Mistyped("One letter of this code is mistyped, or two changed places. Look at the card again.")
    return letters


def is_code(text: str) -> bool:
    """Whether this could be a download code."""
    try:
        read(text)
    except Mistyped:
        return False
    return True


def _sum(letters: str) -> int:
    return sum(place * ALPHABET.index(sign) for place, sign in zip(range(LENGTH, 0, -1), letters, strict=True))
