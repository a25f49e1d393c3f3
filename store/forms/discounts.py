"""What artists type about discounts, and buyers in the cart. Nothing typed is lost; every mistake has a sentence."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings

from artists.models import Album, Artist
from megabox import money
from store import letters
from store.models import Discount
from store.offers import discounts
from users.models import User

LEAST_LETTERS = 3
PERCENT = "percent"
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
_BAD_DAY = {"invalid": "Write the day like 2026-12-24, or nothing."}


class LimitsForm(forms.Form):
    """From when to when, and how often: what can be changed as long as a code lives."""

    starts_on = forms.DateField(label="First day", required=False, widget=_DAY, error_messages=_BAD_DAY)
    ends_on = forms.DateField(
        label="Last day",
        required=False,
        widget=_DAY,
        error_messages=_BAD_DAY,
        help_text="Both days included, by the clock of UTC. Empty: without end.",
    )
    most_uses = forms.IntegerField(
        label="Uses in all",
        required=False,
        min_value=1,
        max_value=1_000_000,
        error_messages={
            "invalid": "Write a whole number, like 50, or nothing.",
            "min_value": "Allow at least one use, or write nothing for no limit.",
            "max_value": "Write at most 1,000,000, or nothing for no limit.",
        },
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text="One payment is one use, whatever is in it. Empty: without limit.",
    )
    is_once_a_buyer = forms.BooleanField(
        label="Once for each buyer",
        required=False,
        help_text="Who buys without an account is known by their browser only.",
    )

    def clean(self) -> dict[str, Any]:
        """The days, one after the other."""
        typed = super().clean() or self.cleaned_data
        first, last = typed.get("starts_on"), typed.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", f"The last day lies before the first, {_spoken(first)}. Change one of them.")
        return typed


class DiscountForm(LimitsForm):
    """A code that takes something off."""

    code = forms.CharField(
        label="Code",
        max_length=discounts.MOST_TYPED,
        error_messages={"required": "Choose the word that buyers type."},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "class": "code-input"}
        ),
        help_text="3 to 30 letters and digits, like SUMMER. Buyers may type it small, or with hyphens.",
    )
    scope = forms.ChoiceField(
        label="For",
        error_messages={
            "required": "Choose what the code is for.",
            "invalid_choice": "Choose one of your albums or artists in the list.",
        },
        help_text="An album’s code is for the whole album, not for single tracks.",
    )
    off = forms.CharField(
        label="Takes off",
        max_length=40,
        error_messages={"required": "Write how much the code takes off."},
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text="Of the price, or of the minimum where listeners name it. An amount is taken off once a payment.",
    )
    kind = forms.ChoiceField(
        label="Per cent, or an amount", error_messages={"invalid_choice": "Choose per cent or a currency in the list."}
    )
    field_order = ("code", "scope", "off", "kind", "starts_on", "ends_on", "most_uses", "is_once_a_buyer")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.artists = {artist.pk: artist for artist in Artist.objects.owned_by(user)}
        albums = Album.objects.owned_by(user).exclude(state=Album.State.WITHDRAWN).order_by("-created_at", "-pk")
        self.albums = {album.pk: album for album in albums}
        whole = [(f"artist-{pk}", f"All music by {artist.name}") for pk, artist in self.artists.items()]
        one = [
            (f"album-{pk}", f"{album.title} by {self.artists[album.artist_id].name}")
            for pk, album in self.albums.items()
        ]
        self._choices("scope", [*one, *whole])
        self._choices("kind", [(PERCENT, "per cent"), *((unit, unit) for unit in settings.SALE_CURRENCIES)])

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean_code(self) -> str:
        """The code as it is kept."""
        code = discounts.letters_of(self.cleaned_data["code"])
        if not LEAST_LETTERS <= len(code) <= 30:
            raise forms.ValidationError(f"A code has 3 to 30 letters and digits; “{code[:40]}” has {len(code)}.")
        if letters.is_code(code):
            raise forms.ValidationError("This looks like a download code. Choose a word.")
        return code

    def clean(self) -> dict[str, Any]:
        """What is taken off, and whether the artist has this code already."""
        typed = super().clean()
        if "scope" in typed:
            kind, _, pk = typed["scope"].partition("-")
            typed["album"] = self.albums[int(pk)] if kind == "album" else None
            typed["artist"] = self.artists[typed["album"].artist_id if typed["album"] else int(pk)]
        if "off" in typed and "kind" in typed:
            try:
                typed.update(_off(typed["off"], typed["kind"]))
            except money.BadAmount as reason:
                self.add_error("off", str(reason))
        album = typed.get("album")
        if album is not None and typed.get("unit") and album.currency != typed["unit"]:
            self.add_error("kind", f"“{album}” is sold in {album.currency}. Choose {album.currency}, or per cent.")
        if "code" in typed and "artist" in typed and typed["artist"].discounts.filter(code=typed["code"]).exists():
            self.add_error("code", f"{typed['artist']} has a code “{typed['code']}” already. Choose another word.")
        return typed

    def details(self) -> dict[str, Any]:
        """The columns of a Discount; call it when the form is valid."""
        names = ("artist", "album", "code", "percent", "amount_micros", "unit", *LimitsForm.base_fields)
        return {name: self.cleaned_data[name] for name in names}


def limits_of(discount: Discount) -> dict[str, Any]:
    """What a form of its limits begins with."""
    return {name: getattr(discount, name) for name in LimitsForm.base_fields}


def _off(text: str, kind: str) -> dict[str, Any]:
    """What is typed as `percent`, or `amount_micros` and `unit`. Raises money.BadAmount."""
    if kind != PERCENT:
        amount = money.parse_amount(text, kind)
        if not amount:
            raise money.BadAmount("A code that takes nothing off is none. Write more than 0.")
        return {"percent": None, "amount_micros": amount, "unit": kind}
    typed = text.strip().removesuffix("%").strip()
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 3 and 1 <= int(typed) <= 100):
        raise money.BadAmount("Write whole per cent from 1 to 100, like 20. With 100 it is free.")
    return {"percent": int(typed), "amount_micros": None, "unit": ""}


def _spoken(day: date) -> str:
    return f"{day:%-d %B %Y}"


class CodeForm(forms.Form):
    """A discount code, as a buyer types it into the cart."""

    code = forms.CharField(
        label="Discount code",
        max_length=discounts.MOST_TYPED,
        error_messages={"required": "Type a code.", "max_length": "This is too long for a code."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
