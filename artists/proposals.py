"""What a split sheet says before it is sent: names, addresses and parts, and which of them cannot be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email

from artists import audio
from artists.models import SplitLine
from artists.models.payees import WHOLE
from artists.models.splits import percent

MOST_PEOPLE = 50
LONGEST_ADDRESS = 254


class BadSplit(ValueError):
    """The sheet cannot be sent like this; the message says what to change."""


@dataclass(frozen=True)
class Part:
    """Somebody in a sheet as its owner names them."""

    name: str
    email: str
    role: str
    basis_points: int


def checked(parts: Sequence[Part]) -> list[Part]:
    """The parts with names and addresses made clean. Raises BadSplit."""
    if not 1 <= len(parts) <= MOST_PEOPLE:
        raise BadSplit(f"A split names between 1 and {MOST_PEOPLE} people.")
    found = [replace(part, name=typed_words(part.name, 200), email=_address(part)) for part in parts]
    for part in found:
        if not part.name:
            raise BadSplit(f"Say who {part.email} is: a name, as the others in the sheet will read it.")
        if part.role not in SplitLine.Role.values:
            raise BadSplit(f"Choose what {part.name} is: {', '.join(SplitLine.Role.labels)}.")
    twice = {part.email for part in found if sum(part.email == other.email for other in found) > 1}
    if twice:
        raise BadSplit(f"{min(twice)} stands there twice. Each person stands in a split once: add the parts together.")
    if sum(part.role == SplitLine.Role.LABEL for part in found) > 1:
        raise BadSplit("A split names one label. Give the others the role they have.")
    if min(part.basis_points for part in found) <= 0:
        raise BadSplit("Every part of a split is more than 0 %. Leave people out who get nothing.")
    whole = sum(part.basis_points for part in found)
    if whole != WHOLE:
        raise BadSplit(f"The parts of a split make 100 %; these make {percent(whole)}.")
    return found


def typed_words(text: str, longest: int) -> str:
    """What was typed, on one line, without what cannot be seen."""
    return audio.one_line(text, longest)


def _address(part: Part) -> str:
    """The address in lower case. Raises BadSplit, also for letters that only look like those of an address."""
    email = part.email.strip().lower()
    strange = next((letter for letter in email if not letter.isascii()), None)
    if strange:
        raise BadSplit(
            f"The address of {part.name or 'somebody'} has a “{strange}” in it, which only looks like a plain letter. "
            "Type it anew with the keys of a plain keyboard; a domain may be written as xn--…"
        )
    try:
        MaxLengthValidator(LONGEST_ADDRESS)(email)
        validate_email(email)
    except ValidationError:
        raise BadSplit(
            f"“{email[:80]}” is no e-mail address. Write the one that {part.name or 'this person'} reads."
        ) from None
    return email
