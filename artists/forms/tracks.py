"""What an artist says about the tracks of an album: all of one, rows of a table, or the same of many."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.http import QueryDict

from artists import lrc, tracks
from artists.forms.amounts import FIXED, FULL_PRICE, parse_credits, parse_days, parse_price, typed_amount
from artists.forms.parts import LineField, LinesWidget, PartForm
from artists.models import Contribution, FreeMode, Genre, Language, Mood, Track
from artists.tracks import Credit
from megabox import money

MOST_CREDITS = 60
BLANK_ROWS = 2
ROLES = Contribution.Role.choices


class TrackPartForm(PartForm):
    """Something that is said about a track; the rest stays as it is."""

    @classmethod
    def holding(cls, thing: Track) -> dict[str, Any]:
        """What holds."""
        special = {"price": _price_of, "credits": credits_text}
        return {name: special[name](thing) if name in special else getattr(thing, name) for name in cls.base_fields}

    def details(self) -> tracks.Details:
        """What was typed, and of the rest what holds; call it when the form is valid."""
        typed = dict(self.cleaned_data)
        if "price" in typed:
            typed["price_micros"] = typed.pop("price")
        if "free_mode" in typed:
            typed["free"] = tracks.Free(typed.pop("free_mode"), typed.pop("free_after_days"))
        return replace(tracks.Details.of(self.thing), **typed)


class TrackRowForm(TrackPartForm):
    """What stands in the table of an album's tracks."""

    part = "row"
    title = LineField(label="Title", max_length=200, error_messages={"required": "Give the track a title."})
    isrc = forms.CharField(label="ISRC", max_length=30, required=False)
    price = forms.CharField(
        label="Price alone",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def clean_isrc(self) -> str:
        """Twelve characters, or none."""
        try:
            return tracks.parse_isrc(self.cleaned_data["isrc"])
        except tracks.BadIsrc as reason:
            raise forms.ValidationError(str(reason)) from None

    def clean_price(self) -> int | None:
        """Micros, or None where the track is sold with its album only."""
        typed = self.cleaned_data["price"].strip()
        if not typed:
            return None
        try:
            return parse_price(typed, FIXED, self.thing.album.currency)
        except money.BadAmount as reason:
            raise forms.ValidationError(f"{reason} Leave it empty to sell the track with its album only.") from None


@dataclass(frozen=True)
class CreditRow:
    """One row of a form about credits: a role as it is stored, a name as it is typed."""

    role: str
    name: str

    @property
    def label(self) -> str:
        """The role in words."""
        return dict(Contribution.Role.choices).get(self.role, self.role).capitalize()


class CreditsWidget(LinesWidget):
    """Rows of a role and a name; the value is lines like "COMPOSER: Ana Ruiz"."""

    def text_in(self, post: QueryDict, key: str) -> str | None:
        """The rows that have a name, in their order."""
        roles, names = post.getlist(f"{key}-role"), post.getlist(f"{key}-name")
        if not names:
            return post.get(key)
        rows = [f"{role}: {' '.join(name.split())}" for role, name in zip(roles, names, strict=False) if name.strip()]
        return "\n".join(rows)


class CreditsField(forms.CharField):
    """Who did what, in order."""

    def __init__(self) -> None:
        super().__init__(label="Credits", required=False, widget=CreditsWidget)

    def clean(self, value: Any) -> Any:
        """Credits, each once."""
        return parse_credits_text(super().clean(value))


class TrackForm(TrackRowForm):
    """All that an artist says about one track."""

    part = "track"
    artist_name = LineField(
        label="Performed by", max_length=200, required=False, help_text="Empty means the album's artist."
    )
    is_explicit = forms.BooleanField(
        label="Explicit words", required=False, help_text="Shown beside the title, so that listeners can choose."
    )
    is_heard_before = forms.BooleanField(
        label="Everybody may hear it before the album is out",
        required=False,
        help_text="While the album is announced. Nobody can download or buy it before.",
    )
    genre = forms.ChoiceField(label="Genre", choices=[("", "As the album"), *Genre.choices], required=False)
    mood = forms.ChoiceField(label="Mood", choices=[("", "As the album"), *Mood.choices], required=False)
    language = forms.ChoiceField(label="Sung in", choices=[("", "As the album"), *Language.choices], required=False)
    iswc = forms.CharField(
        label="ISWC", max_length=30, required=False, help_text="Of the work, like T-034.524.680-1, if it has one."
    )
    free_mode = forms.ChoiceField(
        label="Free download",
        choices=FreeMode.choices,
        help_text="While it is the album's, it changes with the album's.",
    )
    free_after_days = forms.CharField(
        label="Days until it is free with an ad",
        required=False,
        help_text="Only where it is free some days after it is out.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    credit_price = forms.CharField(
        label="Credits for a free download",
        required=False,
        help_text="Whole credits. Empty means 5.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    wants_full_credit_price = forms.BooleanField(
        label="Always ask for the full credit price", required=False, help_text=FULL_PRICE
    )
    lyrics = forms.CharField(
        label="Lyrics", max_length=20_000, required=False, widget=forms.Textarea(attrs={"rows": 8})
    )
    synced_lyrics = forms.CharField(
        label="Lyrics in time (LRC)",
        max_length=40_000,
        required=False,
        help_text="A time before each line, like [01:23.45]Rain on glass. They follow the player on the track's page.",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
    )
    credits = CreditsField()

    roles = ROLES

    @property
    def rows(self) -> list[CreditRow]:
        """The rows of credits, as they were typed."""
        return rows_of(str(self["credits"].value() or ""))

    def clean_credit_price(self) -> int | None:
        """Whole credits, or None for the usual."""
        return parse_credits(self.cleaned_data["credit_price"])

    def clean_free_after_days(self) -> int | None:
        """Days, where it is free later."""
        return parse_days(self.cleaned_data["free_after_days"], self.cleaned_data.get("free_mode", ""))

    def clean_iswc(self) -> str:
        """Eleven characters, or none."""
        try:
            return tracks.parse_iswc(self.cleaned_data["iswc"])
        except tracks.BadIswc as reason:
            raise forms.ValidationError(str(reason)) from None

    def clean_synced_lyrics(self) -> str:
        """LRC that can be read, within the track's length."""
        typed = str(self.cleaned_data["synced_lyrics"])
        try:
            lrc.parse(typed, self.thing.duration_ms)
        except lrc.BadLrc as reason:
            raise forms.ValidationError(str(reason)) from None
        return typed


AS_THE_ALBUM, NOT_EXPLICIT = "album", "off"
_LEFT = [("", "Leave as it is"), (AS_THE_ALBUM, "As the album")]


class ManyForm(forms.Form):
    """The same for many tracks: what is left empty stays as it is."""

    artist_name = LineField(label="Performed by", max_length=200, required=False)
    price = forms.CharField(
        label="Price alone",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    is_explicit = forms.ChoiceField(
        label="Explicit words",
        required=False,
        choices=[("", "Leave as it is"), ("on", "Explicit"), (NOT_EXPLICIT, "Not explicit")],
    )
    free_mode = forms.ChoiceField(
        label="Free download", required=False, choices=[("", "Leave as it is"), *FreeMode.choices]
    )
    free_after_days = forms.CharField(
        label="Days until it is free with an ad",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    genre = forms.ChoiceField(label="Genre", required=False, choices=[*_LEFT, *Genre.choices])
    mood = forms.ChoiceField(label="Mood", required=False, choices=[*_LEFT, *Mood.choices])
    language = forms.ChoiceField(label="Sung in", required=False, choices=[*_LEFT, *Language.choices])
    isrc = forms.CharField(
        label="ISRC of the first", max_length=30, required=False, help_text="The others follow, one number each."
    )
    credits = CreditsField()
    adds_credits = forms.BooleanField(label="Keep the credits they have, and add these", required=False, initial=True)
    which = forms.ChoiceField(
        label="Which tracks", choices=[("all", "All tracks"), ("chosen", "Only those I tick")], widget=forms.RadioSelect
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        typed = data.copy() if data is not None else None
        if typed is not None:
            text = CreditsWidget().text_in(typed, "credits")
            typed["credits"] = text or ""
        super().__init__(typed, initial={"which": "all", "adds_credits": True})

    def clean_free_after_days(self) -> str:
        """Days, where the tracks shall be free later, and nowhere else."""
        typed, mode = str(self.cleaned_data["free_after_days"]), self.cleaned_data.get("free_mode", "")
        if typed and mode != FreeMode.LATER:
            raise forms.ValidationError(f"Choose “{FreeMode.LATER.label}” too, or leave the days empty.")
        parse_days(typed, mode)
        return typed

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said at all; ask it of a valid form."""
        return not any(self.cleaned_data[name] for name in self.fields if name not in ("which", "adds_credits"))

    roles = ROLES

    @property
    def rows(self) -> list[CreditRow]:
        """The rows of credits, as they were typed."""
        return rows_of(str(self["credits"].value() or ""))

    def typed_for(self, chosen: Sequence[Track]) -> dict[Track, dict[str, str]]:
        """What is said about each of the tracks, as texts. Raises BadIsrc; call it when the form is valid."""
        said = self.cleaned_data
        texts = {name: said[name] for name in ("artist_name", "price", "free_mode", "free_after_days") if said[name]}
        for name in ("is_explicit", "genre", "mood", "language"):
            if said[name]:
                texts[name] = "" if said[name] in (AS_THE_ALBUM, NOT_EXPLICIT) else said[name]
        codes = tracks.isrcs_from(said["isrc"], len(chosen)) if said["isrc"] else []
        typed = {track: dict(texts) for track in chosen}
        for track, isrc in zip(chosen, codes, strict=False):
            typed[track]["isrc"] = isrc
        if said["credits"]:
            for track in chosen:
                before = parse_credits_text(credits_text(track)) if said["adds_credits"] else ()
                typed[track]["credits"] = lines_of(tuple(dict.fromkeys([*before, *said["credits"]])))
        return typed


def credits_text(track: Track) -> str:
    """The credits of a track as lines."""
    return lines_of(tuple(Credit(one.role, one.name) for one in track.contributions.all()))


def lines_of(credits: Sequence[Credit]) -> str:
    """Credits as lines like "COMPOSER: Ana Ruiz"."""
    return "\n".join(f"{one.role}: {one.name}" for one in credits)


def parse_credits_text(text: str) -> tuple[Credit, ...]:
    """Credits from lines like "COMPOSER: Ana Ruiz", each once. Raises ValidationError naming the line."""
    found: dict[Credit, None] = {}
    for number, line in enumerate(filter(str.strip, text.splitlines()), 1):
        role, _, name = (part.strip() for part in line.partition(":"))
        if role.upper() not in Contribution.Role.values or not name:
            roles = ", ".join(Contribution.Role.labels)
            raise forms.ValidationError(f"Line {number}: choose a role ({roles}) and write a name.")
        if len(name) > 200:
            raise forms.ValidationError(f"Line {number}: a name has at most 200 letters.")
        found[Credit(role.upper(), name)] = None
    if len(found) > MOST_CREDITS:
        raise forms.ValidationError(f"These are {len(found)} credits, and {MOST_CREDITS} is the most for one track.")
    return tuple(found)


def rows_of(text: str, blank: int = BLANK_ROWS) -> list[CreditRow]:
    """The rows of a form for these credits, and some to fill in."""
    pairs = [line.partition(":")[::2] for line in text.splitlines() if line.strip()]
    rows = [CreditRow(role.strip(), name.strip()) for role, name in pairs]
    return [*rows, *[CreditRow("", "")] * blank]


def _price_of(track: Track) -> str:
    micros = track.price_micros
    return "" if micros is None else typed_amount(micros, track.album.currency)
