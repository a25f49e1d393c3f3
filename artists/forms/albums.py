"""What an artist says about an album, part by part, and what is wrong in sentences that say what to write."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet

from artists import albums
from artists.forms.amounts import (
    FIXED,
    FREE,
    FULL_PRICE,
    NAMED,
    PRICE_MODES,
    parse_credits,
    parse_days,
    parse_price,
    typed_amount,
)
from artists.forms.parts import LineField, PartForm
from artists.models import Album, Artist, FreeMode, Genre, Language, Licence, Mood
from megabox import money

MOST_TAGS = 10
_GENRES = [("", "Choose a genre"), *Genre.choices]
_MOODS = [("", "Choose a mood"), *Mood.choices]
_LANGUAGES = [("", "Choose a language"), *Language.choices]


class NewAlbumForm(forms.Form):
    """The first two words about an album; all else follows while its files are on their way."""

    artist = forms.ModelChoiceField(Artist.objects.none(), label="Artist", empty_label=None)
    title = LineField(
        label="Title", max_length=200, error_messages={"required": "Give the album a title. It can be changed later."}
    )

    def __init__(self, *args: Any, artists: QuerySet[Artist], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["artist"]
        assert isinstance(chosen, forms.ModelChoiceField)
        chosen.queryset = artists
        if len(artists) == 1:
            chosen.widget = forms.HiddenInput()
            chosen.initial = artists[0]


class AlbumPartForm(PartForm):
    """One part of what an artist says about an album."""

    def details(self) -> albums.Part:
        """What was typed; call it when the form is valid."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        """Say what the album cannot be, when each field is right by itself."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                albums.check(self.thing, self.details())
            except albums.NotPossible as reason:
                self.add_error(None, str(reason))
        return cleaned


class WordsForm(AlbumPartForm):
    """What an album is called and how it is described."""

    part = "words"
    title = LineField(label="Title", max_length=200, error_messages={"required": "Give the album a title."})
    description = forms.CharField(
        label="About the album", max_length=10_000, required=False, widget=forms.Textarea(attrs={"rows": 8})
    )
    genre = forms.ChoiceField(label="Genre", choices=_GENRES, required=False)
    mood = forms.ChoiceField(label="Mood", choices=_MOODS, required=False)
    language = forms.ChoiceField(label="Sung in", choices=_LANGUAGES, required=False)
    tags = forms.CharField(
        label="Tags", required=False, help_text="With commas between them: night, tape, brass. At most ten."
    )

    @classmethod
    def holding(cls, thing: Album) -> dict[str, Any]:
        """What holds."""
        told = {name: getattr(thing, name) for name in cls.base_fields}
        return {**told, "tags": ", ".join(thing.tags)}

    def clean_tags(self) -> list[str]:
        """Each tag once, without case."""
        found = {" ".join(tag.split()).lower(): None for tag in self.cleaned_data["tags"].split(",")}
        wanted = [tag for tag in found if tag]
        if len(wanted) > MOST_TAGS:
            raise forms.ValidationError(f"These are {len(wanted)} tags. Keep the {MOST_TAGS} that say most.")
        if any(len(tag) > 30 for tag in wanted):
            raise forms.ValidationError("A tag has at most 30 letters. Put commas between tags.")
        return wanted

    def details(self) -> albums.Words:
        """What was typed."""
        return albums.Words(**self.cleaned_data)


class PriceForm(AlbumPartForm):
    """What an album costs, and how it is had without paying."""

    part = "price"
    currency = forms.ChoiceField(
        label="Currency", error_messages={"invalid_choice": "Choose one of the currencies in the list."}
    )
    price_mode = forms.ChoiceField(
        label="Price", choices=PRICE_MODES, widget=forms.RadioSelect, error_messages={"required": "Choose a price."}
    )
    price = forms.CharField(
        label="Amount",
        required=False,
        help_text="Without tax, like 7.00. The least they may pay, where listeners name it.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    free_mode = forms.ChoiceField(label="Free download", choices=FreeMode.choices, widget=forms.RadioSelect)
    free_after_days = forms.CharField(
        label="Days until it is free with an ad",
        required=False,
        help_text="Counted from when it is out, like 30. Only where it is free some days after.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    credit_price = forms.CharField(
        label="Credits for a free download",
        required=False,
        help_text="Whole credits, 1 000 are worth $1. Empty means 5 for each track.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    wants_full_credit_price = forms.BooleanField(
        label="Always ask for the full credit price", required=False, help_text=FULL_PRICE
    )
    is_owners_only = forms.BooleanField(
        label="Only owners may stream it", required=False, help_text="Others see the tracks, but cannot play them."
    )
    takes_preorders = forms.BooleanField(
        label="May be ordered before it is out",
        required=False,
        help_text="While it is announced, listeners pay and get it on its day; you earn then. Until then they may "
        "cancel, and if you take the announcement back or it is over 90 days late, all get their money back.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["currency"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [(one, one) for one in settings.SALE_CURRENCIES]

    @classmethod
    def holding(cls, thing: Album) -> dict[str, Any]:
        """What holds."""
        is_free = not thing.is_for_sale
        return {
            "currency": thing.currency,
            "price_mode": NAMED if thing.is_name_your_price else FREE if is_free else FIXED,
            "price": "" if is_free else typed_amount(thing.price_micros, thing.currency),
            "free_mode": thing.free_mode,
            "free_after_days": thing.free_after_days,
            "credit_price": thing.credit_price,
            "wants_full_credit_price": thing.wants_full_credit_price,
            "is_owners_only": thing.is_owners_only,
            "takes_preorders": thing.takes_preorders,
        }

    def clean_credit_price(self) -> int | None:
        """Whole credits, or None for the usual."""
        return parse_credits(self.cleaned_data["credit_price"])

    def clean(self) -> dict[str, Any]:
        """Read the price and the days in their modes."""
        cleaned = self.cleaned_data
        try:
            wanted = "" if cleaned.get("price_mode") == FREE else cleaned.get("free_mode", "")
            cleaned["free_after_days"] = parse_days(cleaned.get("free_after_days", ""), wanted)
        except forms.ValidationError as reason:
            self.add_error("free_after_days", reason)
        mode, unit = cleaned.get("price_mode"), cleaned.get("currency")
        cleaned["price_micros"] = 0
        if mode and mode != FREE and unit:
            try:
                cleaned["price_micros"] = parse_price(cleaned.get("price", ""), mode, unit)
            except money.BadAmount as reason:
                self.add_error("price", str(reason))
        return super().clean()

    def details(self) -> albums.Terms:
        """What was typed."""
        typed = self.cleaned_data
        return albums.Terms(
            currency=typed["currency"],
            price_micros=typed["price_micros"],
            is_name_your_price=typed["price_mode"] == NAMED,
            free_mode=FreeMode.FREE if typed["price_mode"] == FREE else typed["free_mode"],
            free_after_days=typed["free_after_days"],
            credit_price=typed["credit_price"],
            wants_full_credit_price=typed["wants_full_credit_price"],
            is_owners_only=typed["is_owners_only"],
            takes_preorders=typed["takes_preorders"],
        )


class RightsForm(AlbumPartForm):
    """What may be done with an album, and by which code shops know it."""

    part = "rights"
    licence = forms.ChoiceField(label="Licence", choices=Licence.choices)
    upc = forms.CharField(
        label="UPC or EAN", required=False, max_length=20, help_text="The bar code's number, if it has one."
    )
    released_on = forms.DateField(
        label="Released on",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Empty means the day you publish it.",
        error_messages={"invalid": "Write the day like 2026-11-30."},
    )
    label = LineField(label="Label", max_length=200, required=False, help_text="Who brings it out.")
    p_line = forms.CharField(
        label="℗ line",
        max_length=200,
        required=False,
        help_text="Year and owner of the recording, like 2026 Nova Kit. Without the ℗.",
    )
    c_line = forms.CharField(
        label="© line",
        max_length=200,
        required=False,
        help_text="Year and owner of cover and words, like 2026 Nova Kit. Without the ©.",
    )

    @classmethod
    def holding(cls, thing: Album) -> dict[str, Any]:
        """What holds."""
        return {name: getattr(thing, name) for name in cls.base_fields}

    def clean_upc(self) -> str:
        """The digits, if the last of them fits the others."""
        typed = self.cleaned_data["upc"].replace(" ", "").replace("-", "")
        if typed and not is_barcode(typed):
            raise forms.ValidationError(
                f"“{typed[:20]}” is no UPC or EAN: these have 12 or 13 digits, and the last one must fit the others. "
                "Compare it with the bar code, or leave it empty."
            )
        return str(typed)

    def clean_p_line(self) -> str:
        """A year and a name, without the sign."""
        return _line(self.cleaned_data["p_line"], "℗")

    def clean_c_line(self) -> str:
        """A year and a name, without the sign."""
        return _line(self.cleaned_data["c_line"], "©")

    def details(self) -> albums.Rights:
        """What was typed."""
        return albums.Rights(**self.cleaned_data)


class CoverForm(AlbumPartForm):
    """The picture of an album, and what is on it. Which one it is comes from the server alone."""

    part = "cover"
    unposted = ("cover",)
    cover = forms.IntegerField(label="Cover", required=False, widget=forms.HiddenInput)
    cover_alt = forms.CharField(
        label="The cover in words",
        max_length=300,
        required=False,
        help_text="For listeners who do not see it: A night bus in the rain, seen from above. Empty: its title.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    @classmethod
    def holding(cls, thing: Album) -> dict[str, Any]:
        """What holds."""
        return {"cover": thing.cover_id, "cover_alt": thing.cover_alt}

    def details(self) -> albums.Face:
        """What was chosen."""
        return albums.Face(cover_id=self.cleaned_data["cover"] or 0, alt=self.cleaned_data["cover_alt"])


class OutForm(forms.Form):
    """When an album comes out: now, or by itself at a time."""

    out_at = forms.DateTimeField(
        label="Bring it out by itself on",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Until then it has a page with this time; nobody can download it, and nobody buys it "
        "unless you let them order it before (under Price and free). Empty means now.",
        error_messages={"invalid": "Write day and time like 2026-12-24 18:00."},
    )


ALBUM_FORMS: tuple[type[AlbumPartForm], ...] = (WordsForm, CoverForm, PriceForm, RightsForm)


def _line(typed: str, sign: str) -> str:
    """A ℗ or © line without its sign. Raises ValidationError where no year stands in it."""
    line = " ".join(re.sub(r"^(\([pPcC]\)|[℗©])", "", typed.strip()).split())
    if line and not re.match(r"(19|20)\d\d\b", line):
        raise forms.ValidationError(f"A {sign} line begins with a year and names an owner, like 2026 Nova Kit.")
    return line


def is_barcode(digits: str) -> bool:
    """Whether these are 12 to 14 digits of a bar code whose last one fits the others (GS1)."""
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 14):
        return False
    weighted = (int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(weighted) % 10 == 0
