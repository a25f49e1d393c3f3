"""Parts of what an artist says: forms that know what holds, what is typed, and what their page was made from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Self

from django import forms
from django.http import QueryDict

from artists import audio
from artists.models import Album, Track

Texts = Mapping[str, str]
"""What stands in the fields of a form, by their names, as a browser sends it."""

Thing = Album | Track
SEEN = "seen"


class LineField(forms.CharField):
    """A name or a title: one line, and nothing in it that cannot be seen, for it stands in letters to others."""

    def to_python(self, value: Any) -> str:
        """What was typed; a NUL is left in, for a validator to tell of."""
        typed = str(super().to_python(value))
        return typed if "\0" in typed else audio.one_line(typed, len(typed))


class PartForm(forms.Form):
    """One part of what an artist says about an album or a track.

    A page carries marks of the texts it was made from, so that whoever saves an old page does not undo what somebody
    else saved meanwhile: see `merge`.
    """

    part: ClassVar[str]
    """Its name in addresses."""
    unposted: ClassVar[tuple[str, ...]] = ()
    """Fields that no browser sends."""

    def __init__(self, *args: Any, thing: Any, shown: Texts, **kwargs: Any) -> None:
        self.thing, self.shown = thing, shown
        super().__init__(*args, **kwargs)

    @classmethod
    def holding(cls, thing: Any) -> dict[str, Any]:
        """What holds of `thing`, by the names of fields."""
        raise NotImplementedError

    @classmethod
    def texts_of(cls, thing: Any) -> dict[str, str]:
        """What holds of `thing`, as texts."""
        return {name: text_of(value) for name, value in cls.holding(thing).items() if name in cls.base_fields}

    @classmethod
    def typed_in(cls, post: QueryDict, prefix: str = "") -> dict[str, str]:
        """The texts a browser sent; a field it did not send is left alone."""
        texts = {}
        for name, field in cls.base_fields.items():
            key = f"{prefix}-{name}" if prefix else name
            if name in cls.unposted:
                continue
            if isinstance(field.widget, forms.CheckboxInput):
                texts[name] = "on" if post.get(key) else ""
            elif isinstance(field.widget, LinesWidget):
                text = field.widget.text_in(post, key)
                if text is not None:
                    texts[name] = text
            elif key in post:
                texts[name] = str(post[key]).replace("\r\n", "\n")
        return texts

    @classmethod
    def read(cls, thing: Thing, texts: Texts, *, prefix: str | None = None) -> Self:
        """The form with these texts in it, to be checked."""
        data = {f"{prefix}-{name}" if prefix else name: text for name, text in texts.items()}
        return cls(data, thing=thing, shown=texts, prefix=prefix)

    @classmethod
    def show(cls, thing: Thing, kept: Texts, *, prefix: str | None = None) -> Self:
        """The form as it stands: what holds, and over it what was typed and does not hold yet, with what is wrong."""
        typed = {name: text for name, text in kept.items() if name in cls.base_fields}
        texts = {**cls.texts_of(thing), **typed}
        if typed:
            return cls.read(thing, texts, prefix=prefix)
        return cls(initial=texts, thing=thing, shown=texts, prefix=prefix)

    @property
    def marks(self) -> str:
        """Marks of the texts that this page shows."""
        return " ".join(f"{name}={_mark(text)}" for name, text in self.shown.items())

    @property
    def seen_name(self) -> str:
        """The name of the hidden field that carries the marks."""
        return f"{self.prefix}-{SEEN}" if self.prefix else SEEN


class LinesWidget(forms.Widget):
    """A widget of several inputs whose value is one text."""

    def text_in(self, post: QueryDict, key: str) -> str | None:
        """The text that the inputs named after `key` make together; None where they were not sent."""
        raise NotImplementedError

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> str:
        """The text itself, wherever it comes from."""
        return str(data.get(name, ""))


@dataclass(frozen=True)
class Merged:
    """What two people typed, put together; `conflicts` are the fields both changed, and what the other one saved."""

    texts: dict[str, str]
    conflicts: dict[str, str]


def merge(typed: Texts, shown: Texts, seen: str) -> Merged:
    """Put what was typed over what is shown now, except what the typist left alone.

    `seen` are the marks of the page it was typed into. A field that both changed keeps what the other one saved.
    Without marks, as programs post, what is typed wins.
    """
    marks = dict(pair.partition("=")[::2] for pair in seen.split())
    texts, conflicts = dict(shown), {}
    for name, mine in typed.items():
        theirs, mark = shown.get(name, ""), marks.get(name)
        if mine == theirs or (mark is not None and _mark(mine) == mark):
            continue
        if mark is None or _mark(theirs) == mark:
            texts[name] = mine
        else:
            conflicts[name] = theirs
    return Merged(texts, conflicts)


def text_of(value: object) -> str:
    """A value as a browser sends it."""
    if value is None or value is False:
        return ""
    if value is True:
        return "on"
    return value.isoformat() if isinstance(value, date) else str(value).replace("\r\n", "\n")


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
