"""What is typed about a split: rows of people, and the name under a sheet."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django import forms
from django.http import QueryDict

from artists.models import SplitLine
from artists.models.splits import percent
from artists.proposals import BadSplit, Part
from artists.signing import LONGEST_NAME, LONGEST_REASON

ROLES = SplitLine.Role.choices
BLANK_ROWS = 2
_PERCENT = re.compile(r"([0-9]{1,3})(?:[.,]([0-9]{1,2}))?")


@dataclass(frozen=True)
class SplitRow:
    """Somebody in a sheet, as typed."""

    name: str = ""
    email: str = ""
    role: str = SplitLine.Role.OTHER
    percent: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed."""
        return not (self.name or self.email or self.percent)

    def part(self) -> Part:
        """What was typed, as a part of a sheet. Raises BadSplit for a percentage that is none."""
        return Part(self.name, self.email, self.role, _basis_points(self.percent, self.name or self.email))


def typed_in(post: QueryDict) -> list[SplitRow]:
    """The rows a browser sent, without those that are blank."""
    columns = [post.getlist(f"split-{name}") for name in ("name", "email", "role", "percent")]
    rows = [SplitRow(*(text.strip() for text in texts)) for texts in zip(*columns, strict=False)]
    return [row for row in rows if not row.is_blank]


def rows_of(lines: Iterable[SplitLine]) -> list[SplitRow]:
    """The rows of a version, to make the next one from."""
    return [SplitRow(line.name, line.email, line.role, percent(line.basis_points).removesuffix(" %")) for line in lines]


def with_blanks(rows: Sequence[SplitRow]) -> list[SplitRow]:
    """The rows, and some that can be filled in."""
    return [*rows, *[SplitRow()] * BLANK_ROWS]


class SignForm(forms.Form):
    """A name under a sheet."""

    signed_as = forms.CharField(
        label="Your name",
        max_length=LONGEST_NAME,
        help_text="Typed here it is your signature.",
        error_messages={"required": "Type your name: it is your signature."},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class DeclineForm(forms.Form):
    """Why somebody does not sign."""

    reason = forms.CharField(
        label="What should be different",
        max_length=LONGEST_REASON,
        error_messages={"required": "Say in a few words what should be different, so that the next version can be."},
        widget=forms.Textarea(attrs={"rows": 3}),
    )


def _basis_points(typed: str, whose: str) -> int:
    found = _PERCENT.fullmatch(typed.removesuffix("%").strip())
    if found is None:
        raise BadSplit(
            f"“{typed[:20]}” is no percentage. Write the part of {whose or 'each person'} like 33.33, "
            "with at most two decimals."
        )
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
