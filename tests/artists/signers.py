"""Sheets that wait for signatures, for tests: nina owns the album, leo drums, charlie is the label."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from artists import signing
from artists.models import Album, SplitLine, SplitSheet, Track
from artists.proposals import Part
from tests.artists.factories import NOON
from tests.users.factories import make_user
from users.models import User

NINA, LEO, CHARLIE = (f"{name}@demo.megabox.test" for name in ("nina", "leo", "charlie"))
LATER, MUCH_LATER = NOON + timedelta(hours=1), NOON + timedelta(days=60)


def part(email: str, points: int, role: str = "OTHER", name: str = "") -> Part:
    """Somebody in a sheet, named after their address."""
    return Part(name or email.split("@")[0].title(), email, role, points)


THREE = (part(NINA, 5_000, "ARTIST"), part(LEO, 3_000, "PERFORMER"), part(CHARLIE, 2_000, "LABEL"))
"""Nina, leo and charlie."""


def send(thing: Album | Track, parts: Sequence[Part] = THREE, *, at: datetime = NOON) -> SplitSheet:
    """A version that its owner signed and sent."""
    owner = (thing.album if isinstance(thing, Track) else thing).artist.owner
    return signing.propose(thing, parts, by=owner, signed_as="Nina Kit", at=at)


def line_of(sheet: SplitSheet, email: str) -> SplitLine:
    """The line of somebody who is in a sheet."""
    return sheet.lines.get(email=email)


def sign(sheet: SplitSheet, email: str, *, at: datetime = LATER, user: User | None = None) -> SplitSheet:
    """Sign as whoever has this address, with an account made for it."""
    return signing.sign(line_of(sheet, email).pk, user=user or make_user(email), name="A Name", at=at)


def agree(thing: Album | Track, parts: Sequence[Part] = THREE, *, at: datetime = NOON) -> SplitSheet:
    """A version that everybody signed at once."""
    sheet = send(thing, parts, at=at)
    for email in sheet.lines.filter(payee=None).values_list("email", flat=True):
        sheet = sign(sheet, email, at=at)
    return sheet
