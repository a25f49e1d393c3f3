"""What artists type about an album: stored when it is right, kept as typed when it is not, published together.

Of an album that listeners see, everything is kept until its changes are published; until then its pages, its prices and
its downloads are what they were. See docs/decisions/0028-changes-wait.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django import forms as widgets
from django.db import transaction
from django.db.models import QuerySet

from artists import albums, tracks
from artists.forms.albums import ALBUM_FORMS, AlbumPartForm
from artists.forms.parts import Merged, PartForm, Texts, Thing, merge
from artists.forms.tracks import TrackForm, TrackPartForm
from artists.models import Album, Change, Track


class NotRight(Exception):
    """Some rows of a table are not right; `forms` are all rows as they were typed, with what is wrong."""

    def __init__(self, forms: list[PartForm]) -> None:
        self.forms = forms

    @property
    def sentences(self) -> list[str]:
        """What is wrong with which row."""
        return [sentence for form in self.forms for sentence in _problems(form)]


Kept = Mapping[int, Texts]
"""What waits, by the id of its track; 0 for the album itself."""
SHORTENED = 80


@dataclass(frozen=True)
class Answer:
    """What became of what somebody typed.

    `form` holds it, with what is wrong and the marks of what is shown now. `taken` are texts of fields that they left
    alone and somebody else changed meanwhile.
    """

    form: PartForm
    is_stored: bool
    taken: dict[str, str]

    @property
    def is_right(self) -> bool:
        """Whether nothing has to be put right."""
        return not self.form.errors


@dataclass(frozen=True)
class Difference:
    """One thing that publishing the changes will change, in words."""

    where: str
    label: str
    before: str
    after: str


def save(thing: Thing, part: type[PartForm], typed: Texts, seen: str, at: datetime) -> Answer:
    """Store what is typed into one part, if it is right and nobody sees the album yet; else keep it as it is typed.

    What somebody else saved since the page was made (see `merge`) is not overwritten: a field that both changed is
    answered with a sentence, and with marks that let a second try win.
    """
    with transaction.atomic():
        found = _try(thing, part, typed, seen, of(_lock(thing)))
        is_stored = found.form.is_valid() and not thing.is_published
        if is_stored:
            _store(found.form, at)
            found.form.shown = part.texts_of(thing)
        _keep(thing, found.waiting(is_stored), at)
    for name, theirs in found.merged.conflicts.items():
        _say_conflict(found.form, name, typed[name], theirs)
    texts = found.merged.texts
    taken = {name: texts[name] for name in typed if texts.get(name, typed[name]) != typed[name]}
    return Answer(found.form, is_stored, {name: taken[name] for name in taken if name not in found.merged.conflicts})


def save_rows(
    album: Album, part: type[TrackPartForm], typed: Mapping[Track, Texts], seen: Mapping[Track, str], at: datetime
) -> bool:
    """Store or keep what is typed into a table of an album's tracks, all of it or nothing; whether it was stored.

    Raises NotRight when a row is wrong, or was saved by somebody else meanwhile; then nothing has changed.
    """
    with transaction.atomic():
        kept = of(_lock(album))
        tries = [_try(track, part, typed[track], seen[track], kept, prefix=str(track.pk)) for track in typed]
        wrong = [one for one in tries if not one.form.is_valid() or one.merged.conflicts]
        if wrong:
            for one in tries:
                for name, theirs in one.merged.conflicts.items():
                    _say_conflict(one.form, name, typed[one.form.thing][name], theirs)
            raise NotRight([one.form for one in tries])
        changed = [one for one in tries if one.merged.texts != one.shown]
        stored = [one for one in changed if not one.form.thing.is_published]
        if stored:
            tracks.edit_all(album, [(one.form.thing, _details(one.form)) for one in stored], at)
        for one in changed:
            _keep(one.form.thing, one.waiting(one in stored), at)
    return len(stored) == len(changed)


def of(album: Album) -> Kept:
    """Everything that waits about an album and its tracks, in one query."""
    rows: QuerySet[Change] = album.changes.all()
    return {track_id or 0: typed for track_id, typed in rows.values_list("track", "typed")}


def previewed(album: Album, tracks_of_it: Iterable[Track], at: datetime) -> None:
    """Say of an album and its tracks what waits and is right, without storing it: as they would be published."""
    found = {track.pk: track for track in tracks_of_it}
    for form in _forms(album, of(album), found):
        if form.is_valid() and isinstance(form, AlbumPartForm):
            albums.put(album, form.details(), at)
        elif form.is_valid() and isinstance(form, TrackPartForm):
            tracks.put(form.thing, form.details(), at)


def differences(album: Album) -> list[Difference]:
    """What publishing would change, field by field."""
    kept = of(album)
    found = _tracks(album, kept)
    told = []
    for form in _forms(album, kept, found):
        holds = form.texts_of(form.thing)
        for name, text in kept[_key(form.thing)].items():
            if name in form.fields and text != holds.get(name):
                label = str(form.fields[name].label)
                told.append(
                    Difference(where(form), label, spoken(form, name, holds.get(name, "")), spoken(form, name, text))
                )
    return told


def problems(album: Album) -> list[str]:
    """What is not right yet of what was typed, in sentences."""
    kept = of(album)
    return [sentence for form in _forms(album, kept, _tracks(album, kept)) for sentence in _problems(form)]


def publish(album: Album, at: datetime, *, out_at: datetime | None = None) -> str:
    """Let all changes hold at once and show the album; return what still waits of one that is shown already, or "".

    With `out_at` it is announced, and published by itself then. Raises NotReady with all that is missing or wrong, and
    NotPossible for a time that cannot be; then nothing has changed.
    """
    with transaction.atomic():
        album = _lock(album)
        kept = of(album)
        forms = _forms(album, kept, _tracks(album, kept))
        wrong = [sentence for form in forms for sentence in _problems(form)]
        if wrong:
            raise albums.NotReady(" ".join(wrong))
        for form in forms:
            if isinstance(form, AlbumPartForm):
                albums.edit(album, form.details(), at)
        said = [(form.thing, form.details()) for form in forms if isinstance(form, TrackPartForm)]
        if said:
            tracks.edit_all(album, said, at)
        album.changes.all().delete()
        if out_at is not None:
            albums.announce(album, out_at, at)
        elif not album.is_published:
            albums.publish(album, at)
        elif album.tracks.filter(state=Track.State.DRAFT).exists():
            try:
                albums.publish(album, at)
            except albums.NotReady as reason:
                return f"New tracks are not shown yet. {reason}"
    return ""


def discard(album: Album) -> None:
    """Forget everything that waits: what holds is what listeners see."""
    album.changes.all().delete()


def where(form: PartForm) -> str:
    """Where something stands, for people: the title of a section or of a track."""
    return f"“{form.thing}”" if isinstance(form.thing, Track) else form.part.capitalize()


def spoken(form: PartForm, name: str, text: str) -> str:
    """The text of a field as people read it, shortened."""
    field = form.fields[name]
    if isinstance(field, widgets.BooleanField):
        return "yes" if text else "no"
    if isinstance(field, widgets.ChoiceField) and text:
        return str(dict(field.choices).get(text, text))  # type: ignore[arg-type]  # a flat list, as all of ours
    return text if len(text) <= SHORTENED else f"{text[:SHORTENED]}…"


@dataclass(frozen=True)
class _Try:
    """What was typed about one thing, put together with what is shown of it."""

    form: PartForm
    shown: Texts
    merged: Merged
    holds: Texts
    others: Texts

    def waiting(self, is_stored: bool) -> dict[str, str]:
        """What waits from now on."""
        texts = {} if is_stored else self.merged.texts
        return {**self.others, **{name: text for name, text in texts.items() if text != self.holds.get(name)}}


def _try(thing: Thing, part: type[PartForm], typed: Texts, seen: str, kept: Kept, prefix: str | None = None) -> _Try:
    before = kept.get(_key(thing), {})
    holds = part.texts_of(thing)
    shown = {**holds, **{name: text for name, text in before.items() if name in holds}}
    merged = merge(typed, shown, seen)
    others = {name: text for name, text in before.items() if name not in holds}
    return _Try(part.read(thing, merged.texts, prefix=prefix), shown, merged, holds, others)


def _lock(thing: Thing) -> Album:
    """The thing's album, while nobody else saves or publishes; `thing` is read again under the lock."""
    album = thing if isinstance(thing, Album) else thing.album
    album.refresh_from_db(from_queryset=Album.objects.select_for_update())
    if isinstance(thing, Track):
        thing.refresh_from_db()
        thing.album = album
    return album


def _key(thing: Thing) -> int:
    return thing.pk if isinstance(thing, Track) else 0


def _store(form: PartForm, at: datetime) -> None:
    if isinstance(form, AlbumPartForm):
        albums.edit(form.thing, form.details(), at)
    elif isinstance(form, TrackPartForm):
        tracks.edit(form.thing, form.details(), at)


def _details(form: PartForm) -> tracks.Details:
    assert isinstance(form, TrackPartForm)
    return form.details()


def _keep(thing: Thing, texts: Texts, at: datetime) -> None:
    if not texts:
        Change.objects.of(thing).delete()
        return
    about = {"album": thing.album, "track": thing} if isinstance(thing, Track) else {"album": thing, "track": None}
    Change.objects.update_or_create(**about, defaults={"typed": dict(texts), "changed_at": at})


def _tracks(album: Album, kept: Kept) -> dict[int, Track]:
    """The tracks about which something waits."""
    rows = Track.objects.kept().filter(album=album, pk__in=[pk for pk in kept if pk]).defer("peaks")
    found = {track.pk: track for track in rows.prefetch_related("contributions")}
    for track in found.values():
        track.album = album
    return found


def _forms(album: Album, kept: Kept, found: Mapping[int, Track]) -> list[PartForm]:
    """The forms in which something waits, with it in them: of the album, then of its tracks in their order."""
    typed = kept.get(0, {})
    forms: list[PartForm] = [one.show(album, typed) for one in ALBUM_FORMS if set(typed) & set(one.base_fields)]
    return [*forms, *(TrackForm.show(track, kept[pk]) for pk, track in found.items() if pk in kept)]


def _problems(form: PartForm) -> list[str]:
    form.is_valid()
    told = []
    for name, errors in form.errors.items():
        label = f", {form.fields[name].label}" if name in form.fields else ""
        told += [f"{where(form)}{label}: {error}" for error in errors]
    return told


def _say_conflict(form: PartForm, name: str, mine: str, theirs: str) -> None:
    """Show what was typed, say what the other one saved, and count it as seen."""
    form.data = {**form.data, form.add_prefix(name): mine}
    said = f"“{spoken(form, name, theirs)}”" if theirs else "nothing"
    form.add_error(
        name,
        f"Meanwhile {said} was saved here, in another window or by somebody else. That is kept, and what you typed is "
        "still here: save again to put it in its place.",
    )
