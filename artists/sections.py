"""The sections of an album in the studio: which are done, and in few words what is missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from artists.changes import Kept
from artists.checklist import Check
from artists.forms.albums import ALBUM_FORMS
from artists.models import Album

TITLES = {
    "album": "Files and tracks",
    "words": "Words",
    "cover": "Cover",
    "price": "Price and free",
    "rights": "Rights and codes",
    "credits": "Credits",
    "splits": "Splits",
    "publish": "Publish",
}
"""By the names of their addresses, in the order artists meet them."""


@dataclass(frozen=True)
class Section:
    """One section: `note` says what is missing; without `must` it can wait.

    `is_wrong`: something that was typed is not right; `is_changed`: something waits to be published.
    """

    name: str
    title: str
    note: str = ""
    must: bool = False
    is_wrong: bool = False
    is_changed: bool = False

    @property
    def is_done(self) -> bool:
        """Whether nothing is missing."""
        return not self.note and not self.is_wrong


def of(album: Album, checks: Sequence[Check], kept: Kept) -> list[Section]:
    """All sections of an album, from its checklist and what waits of it; asks the database nothing."""
    wrong, changed = _forms_that_wait(album, kept)
    notes = dict(_notes(album, checks, kept))
    return [
        Section(
            name,
            title,
            note=notes.get(name, ("", False))[0],
            must=notes.get(name, ("", False))[1],
            is_wrong=name in wrong,
            is_changed=name in changed,
        )
        for name, title in TITLES.items()
    ]


def _forms_that_wait(album: Album, kept: Kept) -> tuple[set[str], set[str]]:
    """The sections in which something is wrong, and those in which something waits."""
    wrong, changed = set(), {"album"} if any(kept) else set()
    typed = kept.get(0, {})
    for one in ALBUM_FORMS:
        if set(typed) & set(one.base_fields):
            changed.add(one.part)
            if not one.show(album, typed).is_valid():
                wrong.add(one.part)
    return wrong, changed


def _notes(album: Album, checks: Sequence[Check], kept: Kept) -> Iterator[tuple[str, tuple[str, bool]]]:
    """What is missing where, and whether publishing asks for it."""
    undone = [check for check in checks if not check.is_done and check.section != "publish"]
    first = [check for check in undone if check.is_required] + [check for check in undone if not check.is_required]
    # Of a section the last pair counts: what must be done before what can wait, and the first of them.
    for check in reversed(first):
        yield check.section, (check.short, check.is_required)
    words = [word for word, is_there in (("description", album.description), ("genre", album.genre)) if not is_there]
    if words:
        yield "words", (f"no {' and no '.join(words)} yet", False)
    if not album.is_published:
        yield "publish", (album.get_state_display() if album.state != "DRAFT" else "not published yet", True)
    elif kept:
        yield "publish", ("changes wait", True)
