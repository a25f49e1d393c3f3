"""What stands in a cell, as the studio's forms write it; what is not certain is refused in a sentence."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TypeVar

from django import forms
from django.conf import settings

from artists import audio, lrc, tracks
from artists.forms.albums import PriceForm, RightsForm, WordsForm, is_barcode
from artists.forms.amounts import FIXED, FREE, NAMED, parse_credits, parse_days
from artists.forms.tracks import TrackForm, parse_credits_text
from artists.models import FreeMode, Licence
from artists.models.catalogue import MOST_DISCS

Read = Callable[[str], str]
"""Makes the text of a form field of the text of a cell that is not empty. Raises BadCell."""

Said = TypeVar("Said")
MOST_FILENAME = 255
MOST_NAME = 120


class BadCell(ValueError):
    """The cell does not say what its column is about; the message says what to write."""


def bare(text: str) -> str:
    """The letters and digits of a word, without case, so that “Hip-Hop” is “hip hop”."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def field(taken: forms.Field) -> Read:
    """What this field of a form takes."""

    def read(text: str) -> str:
        return str(_said(lambda: taken.clean(text)))

    return read


def choice(choices: Iterable[tuple[str, str]], also: Mapping[str, str] | None = None) -> Read:
    """One of these, by its name or its label; `also` are other words for them."""
    known = [(value, label) for value, label in choices if value]
    found = {bare(word): value for value, label in known for word in (value, label)}
    found |= {bare(word): value for word, value in (also or {}).items()}

    def read(text: str) -> str:
        if value := found.get(bare(text)):
            return value
        labels = ", ".join(label for _, label in known[:40])
        raise BadCell(f"“{text[:40]}” is none of those we know. Write one of: {labels}; or leave it empty.")

    return read


_YES = frozenset(("yes", "y", "true", "1", "x", "on", "explicit", "✓", "ja", "oui", "si"))
_NO = frozenset(("no", "n", "false", "0", "off", "clean", "notexplicit", "none", "nein", "non", "edited"))


def yes_or_no(text: str) -> str:
    """ "on" or nothing."""
    word = bare(text) or text.strip()
    if word in _YES or word in _NO:
        return "on" if word in _YES else ""
    raise BadCell(f"“{text[:40]}” is neither yes nor no. Write yes or no.")


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ),
        1,
    )
    for name in names.split()
}


def name(text: str) -> str:
    """The name of an artist."""
    kept = _line(text)
    if len(kept) > MOST_NAME:
        raise BadCell(f"“{kept[:40]}…” is too long: the name of an artist has at most {MOST_NAME} letters.")
    return kept


def lines_in_time(text: str) -> str:
    """LRC that can be read."""
    _said(lambda: lrc.parse(text))
    return str(_said(lambda: TRACK["synced_lyrics"].clean(text)))


def currency(text: str) -> str:
    """One of those that music is sold in."""
    typed = text.strip().upper()
    if typed not in settings.SALE_CURRENCIES:
        known = ", ".join(settings.SALE_CURRENCIES)
        raise BadCell(f"“{text[:20]}” is no currency music is sold in here. Write one of: {known}.")
    return typed


def day(text: str) -> str:
    """A day, in any writing that can only mean one."""
    year, month, number = _parts_of_a_day(text)
    try:
        return date(year, month, number).isoformat()
    except ValueError:
        raise BadCell(f"“{text[:40]}” is no day of the calendar. Write it like 2026-11-30.") from None


def _parts_of_a_day(text: str) -> tuple[int, int, int]:
    typed = text.strip()
    if found := re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?", typed, re.ASCII):
        return int(found[1]), int(found[2]), int(found[3])
    if found := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", typed, re.ASCII):
        return int(found[3]), int(found[2]), int(found[1])
    if found := re.fullmatch(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})", typed, re.ASCII):
        first, second = int(found[1]), int(found[2])
        if first > 12 or first == second:
            return int(found[3]), second, first
        if second > 12:
            return int(found[3]), first, second
        raise BadCell(f"“{typed}” can be two days. Write the year first, like 2026-11-30.")
    if found := re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)? ([A-Za-z]{3,9})\.?,? (\d{4})", typed, re.ASCII):
        return int(found[3]), _MONTHS.get(found[2].lower(), 0), int(found[1])
    if found := re.fullmatch(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", typed, re.ASCII):
        return int(found[3]), _MONTHS.get(found[1].lower(), 0), int(found[2])
    raise BadCell(f"“{typed[:40]}” is no day. Write it like 2026-11-30.")


def barcode(text: str) -> str:
    """A UPC or EAN; zeros that a spreadsheet took away at the beginning come back where the last digit proves it."""
    typed = re.sub(r"[\s-]", "", text)
    if typed.isascii() and typed.isdigit() and 8 <= len(typed) < 12 and is_barcode(typed.zfill(12)):
        return typed.zfill(12)
    if is_barcode(typed):
        return typed
    shortened = " A spreadsheet shortened it: format the column as text." if re.search(r"[eE][+-]?\d", typed) else ""
    raise BadCell(
        f"“{text[:20]}” is no UPC or EAN: these have 12 or 13 digits, and the last one must fit the others.{shortened}"
    )


def isrc(text: str) -> str:
    """Twelve characters."""
    return _said(lambda: tracks.parse_isrc(text))


def iswc(text: str) -> str:
    """Eleven characters."""
    return _said(lambda: tracks.parse_iswc(text))


def number(text: str) -> str:
    """A place on a disc: 7, 07, or 7/12."""
    found = re.fullmatch(r"0*([1-9]\d{0,2})(?:\s*(?:/|of)\s*\d{1,3})?", text.strip(), re.ASCII)
    if not found:
        raise BadCell(f"“{text[:20]}” is no track number. Write 1, 2, 3, and the disc in a column of its own.")
    return found[1]


def disc(text: str) -> str:
    """The number of a disc: 1, or 1/2."""
    found = re.fullmatch(
        r"(?:disc|disk|cd)?\s*0*([1-9]\d?)(?:\s*(?:/|of)\s*\d{1,2})?", text.strip(), re.IGNORECASE | re.ASCII
    )
    if not found or int(found[1]) > MOST_DISCS:
        raise BadCell(f"“{text[:20]}” is no disc. Write a number from 1 to {MOST_DISCS}.")
    return found[1]


def filename(text: str) -> str:
    """The name of a file, without the folders before it, as it is kept when the file comes."""
    name = re.split(r"[/\\]", text.strip())[-1].strip()
    if not (kept := audio.clean_filename(name, "")) or len(name) > MOST_FILENAME:
        raise BadCell(f"“{text[:40]}” is no name of a file, like 01 Rain.wav.")
    return kept


def amount(text: str) -> str:
    """A price as the studio's forms take it: 7.00, also where somebody wrote 7,00 or a sign of money."""
    typed = re.sub(r"^(?:US)?[$€£]\s*|\s*[$€£]$", "", text.strip())
    if bare(typed) == "free":
        return "0"
    found = re.fullmatch(r"(\d+),(\d{1,2})", typed, re.ASCII)
    typed = f"{found[1]}.{found[2]}" if found else typed
    if not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", typed, re.ASCII):
        raise BadCell(f"“{text[:20]}” is no price. Write it like 7.00; the currency has a column of its own.")
    return re.sub(r"(\.\d\d)0+$", r"\1", typed)


def is_nothing(amount: str) -> bool:
    """Whether an amount as `amount` gives it is 0."""
    return not amount.strip("0.")


def whole_credits(text: str) -> str:
    """Whole credits."""
    return str(_said(lambda: parse_credits(text)))


def days(text: str) -> str:
    """Days until music is free with an ad."""
    return str(_said(lambda: parse_days(text, FreeMode.LATER)))


def words_of_tags(text: str) -> str:
    """Tags with commas between them."""
    typed = re.sub(r"\s*[;|#\n]\s*", ", ", text).strip(" ,")
    tags = {tag: None for part in typed.split(",") if (tag := _line(part).lower())}
    if len(tags) > 10 or any(len(tag) > 30 for tag in tags):
        raise BadCell(f"These are {len(tags)} tags. Write at most 10 of at most 30 letters, with commas between them.")
    return ", ".join(tags)


def line_of(name: str) -> Read:
    """A ℗ or © line of the form about rights."""

    def read(text: str) -> str:
        typed = re.sub(r"^(\([pPcC]\)|[℗©])", "", _line(text)).strip()
        if not re.match(r"(19|20)\d\d\b", typed) or len(typed) > 200:
            raise BadCell(f"A {name} line begins with a year and names an owner, like 2026 Nova Kit.")
        return typed

    return read


def people(role: str) -> Read:
    """The names of those who had a role, with semicolons between them, as lines of credits."""

    def read(text: str) -> str:
        names = [_line(name) for name in re.split(r"[;\n]", text)]
        return credits("\n".join(f"{role}: {name}" for name in names if name))

    return read


def credits(text: str) -> str:
    """Lines like “COMPOSER: Ana Ruiz”."""
    told = _said(lambda: parse_credits_text(text))
    return "\n".join(f"{one.role}: {name}" for one in told if (name := _line(one.name)))


PRICE_WORDS = {"fixed price": FIXED, "name your price": NAMED, "nyp": NAMED, "pwyw": NAMED, "pay what you want": NAMED}
FREE_WORDS = {
    "ad": FreeMode.AD,
    "with an ad": FreeMode.AD,
    "later": FreeMode.LATER,
    "free": FreeMode.FREE,
    "no": FreeMode.OFF,
    "off": FreeMode.OFF,
}
LICENCE_WORDS = {
    word: licence.value
    for licence in Licence
    for word in (licence.value.rpartition("-")[0], licence.label.partition(":")[0], licence.url)
    if word
} | {"copyright": Licence.ALL_RIGHTS.value}
PRICE_MODES = ((FIXED, "Fixed"), (NAMED, "Named by the listener"), (FREE, "Free"))
WORDS, PRICE, RIGHTS, TRACK = (
    WordsForm.base_fields,
    PriceForm.base_fields,
    RightsForm.base_fields,
    TrackForm.base_fields,
)


def _line(text: str) -> str:
    """A name as it stands in letters and lists: one line, with nothing in it that cannot be seen."""
    return audio.one_line(text, len(text))


def _said(clean: Callable[[], Said]) -> Said:
    """What `clean` makes of a cell; its refusals as sentences about the cell."""
    try:
        return clean()
    except forms.ValidationError as reason:
        raise BadCell(" ".join(reason.messages)) from None
    except ValueError as reason:
        raise BadCell(str(reason)) from None
