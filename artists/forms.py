"""What artists type in the studio, and what is wrong with it in sentences that say what to write."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet

from artists import albums, covers, profiles, tracks
from artists.models import Album, Artist, FreeMode, Genre, Licence, Track
from megabox import money

MOST_TAGS = 10
MOST_CREDITS = 1_000_000
FIXED, NAMED, FREE = "fixed", "named", "free"
PRICE_MODES = [
    (FIXED, "A fixed price"),
    (NAMED, "Listeners name the price, from a minimum"),
    (FREE, "Free, nobody pays"),
]
_GENRES = [("", "Choose a genre"), *Genre.choices]


class ArtistForm(forms.Form):
    """Who an artist is."""

    name = forms.CharField(
        label="Artist name",
        max_length=120,
        help_text="As it stands on the cover. It makes the address of your page.",
        error_messages={"required": "Write the name under which the music appears."},
    )
    location = forms.CharField(label="Where from", max_length=120, required=False)
    bio = forms.CharField(label="About", max_length=5_000, required=False, widget=forms.Textarea(attrs={"rows": 4}))

    def details(self) -> profiles.Details:
        """What was typed; call it when the form is valid."""
        return profiles.Details(**self.cleaned_data)


class PictureForm(forms.Form):
    """A picture for a cover or an artist's page."""

    picture = forms.FileField(
        label="Picture",
        help_text="JPEG, PNG, WebP or AVIF, square, best 3000 x 3000 px.",
        widget=forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/avif"}),
        error_messages={
            "required": "Choose a picture first.",
            "empty": "This picture is empty (0 bytes). Nothing else was changed. Export it again.",
        },
    )

    def clean_picture(self) -> bytes:
        """The bytes of the picture, if they are not too many to be looked at."""
        file: UploadedFile[bytes] = self.cleaned_data["picture"]
        if (file.size or 0) > covers.MAX_BYTES:
            raise forms.ValidationError(
                f"This picture has more than {covers.MAX_BYTES // 1000**2} MB, the most we take. Nothing else was "
                "changed. Save it as a JPEG of about 3000 x 3000 px."
            )
        data: bytes = file.read()
        return data


class NewAlbumForm(forms.Form):
    """The first two words about an album; all else follows while its files are on their way."""

    artist = forms.ModelChoiceField(Artist.objects.none(), label="Artist", empty_label=None)
    title = forms.CharField(
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


class AlbumForm(forms.Form):
    """All that an artist says about an album."""

    title = forms.CharField(label="Title", max_length=200, error_messages={"required": "Give the album a title."})
    description = forms.CharField(
        label="About the album", max_length=10_000, required=False, widget=forms.Textarea(attrs={"rows": 5})
    )
    genre = forms.ChoiceField(label="Genre", choices=_GENRES, required=False)
    tags = forms.CharField(
        label="Tags", required=False, help_text="With commas between them: night, tape, brass. At most ten."
    )
    released_on = forms.DateField(
        label="Released on",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Empty means the day you publish it.",
        error_messages={"invalid": "Write the day like 2026-11-30."},
    )
    licence = forms.ChoiceField(label="Licence", choices=Licence.choices)
    upc = forms.CharField(
        label="UPC or EAN", required=False, max_length=20, help_text="The bar code's number, if it has one."
    )
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
    credit_price = forms.CharField(
        label="Credits for a free download",
        required=False,
        help_text="Whole credits, 1 000 are worth $1. Empty means 5 for each track.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    is_owners_only = forms.BooleanField(
        label="Only owners may stream it", required=False, help_text="Others see the tracks, but cannot play them."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["currency"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [(one, one) for one in settings.SALE_CURRENCIES]

    @classmethod
    def of(cls, album: Album) -> "AlbumForm":
        """The form as it stands for `album`."""
        return cls(initial=initial_of(album))

    def clean_tags(self) -> list[str]:
        """Each tag once, without case."""
        found = {" ".join(tag.split()).lower(): None for tag in self.cleaned_data["tags"].split(",")}
        wanted = [tag for tag in found if tag]
        if len(wanted) > MOST_TAGS:
            raise forms.ValidationError(f"These are {len(wanted)} tags. Keep the {MOST_TAGS} that say most.")
        if any(len(tag) > 30 for tag in wanted):
            raise forms.ValidationError("A tag has at most 30 letters. Put commas between tags.")
        return wanted

    def clean_upc(self) -> str:
        """The digits, if the last of them fits the others."""
        typed = self.cleaned_data["upc"].replace(" ", "").replace("-", "")
        if typed and not is_barcode(typed):
            raise forms.ValidationError(
                f"“{typed[:20]}” is no UPC or EAN: these have 12 or 13 digits, and the last one must fit the others. "
                "Compare it with the bar code, or leave it empty."
            )
        return str(typed)

    def clean_credit_price(self) -> int | None:
        """Whole credits, or None for the usual."""
        return parse_credits(self.cleaned_data["credit_price"])

    def clean(self) -> dict[str, Any]:
        """Read the price in its mode."""
        cleaned = super().clean() or self.cleaned_data
        mode, unit = cleaned.get("price_mode"), cleaned.get("currency")
        cleaned["price_micros"] = 0
        if mode and mode != FREE and unit:
            try:
                cleaned["price_micros"] = parse_price(cleaned.get("price", ""), mode, unit)
            except money.BadAmount as reason:
                self.add_error("price", str(reason))
        return cleaned

    def details(self) -> albums.Details:
        """What was typed; call it when the form is valid."""
        typed: Mapping[str, Any] = self.cleaned_data
        released_on: date | None = typed["released_on"]
        is_free = typed["price_mode"] == FREE
        return albums.Details(
            title=typed["title"],
            description=typed["description"],
            genre=typed["genre"],
            tags=typed["tags"],
            licence=typed["licence"],
            upc=typed["upc"],
            released_on=released_on,
            currency=typed["currency"],
            price_micros=typed["price_micros"],
            is_name_your_price=typed["price_mode"] == NAMED,
            free_mode=FreeMode.FREE if is_free else typed["free_mode"],
            credit_price=typed["credit_price"],
            is_owners_only=typed["is_owners_only"],
        )


class TrackRowForm(forms.Form):
    """What stands in the table of an album's tracks."""

    title = forms.CharField(label="Title", max_length=200, error_messages={"required": "Give the track a title."})
    isrc = forms.CharField(label="ISRC", max_length=30, required=False)
    price = forms.CharField(
        label="Price alone",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, track: Track, **kwargs: Any) -> None:
        self.track = track
        kwargs.setdefault("initial", track_initial_of(track))
        super().__init__(*args, **kwargs)

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
            return parse_price(typed, FIXED, self.track.album.currency)
        except money.BadAmount as reason:
            raise forms.ValidationError(f"{reason} Leave it empty to sell the track with its album only.") from None

    def details(self) -> tracks.Details:
        """What was typed, and of the rest what was there before; call it when the form is valid."""
        typed, before = self.cleaned_data, self.track
        return tracks.Details(
            title=typed["title"],
            isrc=typed["isrc"],
            price_micros=typed["price"],
            artist_name=typed.get("artist_name", before.artist_name),
            credit_price=typed.get("credit_price", before.credit_price),
            genre=typed.get("genre", before.genre),
            lyrics=typed.get("lyrics", before.lyrics),
        )


class TrackForm(TrackRowForm):
    """All that an artist says about one track."""

    artist_name = forms.CharField(
        label="Performed by", max_length=200, required=False, help_text="Empty means the album's artist."
    )
    genre = forms.ChoiceField(label="Genre", choices=[("", "As the album"), *Genre.choices], required=False)
    credit_price = forms.CharField(
        label="Credits for a free download",
        required=False,
        help_text="Whole credits. Empty means 5.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    lyrics = forms.CharField(
        label="Lyrics", max_length=20_000, required=False, widget=forms.Textarea(attrs={"rows": 8})
    )

    def clean_credit_price(self) -> int | None:
        """Whole credits, or None for the usual."""
        return parse_credits(self.cleaned_data["credit_price"])


def initial_of(album: Album) -> dict[str, Any]:
    """The form's fields as they stand for `album`."""
    is_free = not album.is_for_sale
    return {
        "title": album.title,
        "description": album.description,
        "genre": album.genre,
        "tags": ", ".join(album.tags),
        "released_on": album.released_on,
        "licence": album.licence,
        "upc": album.upc,
        "currency": album.currency,
        "price_mode": NAMED if album.is_name_your_price else FREE if is_free else FIXED,
        "price": "" if is_free else typed_amount(album.price_micros, album.currency),
        "free_mode": album.free_mode,
        "credit_price": album.credit_price or "",
        "is_owners_only": album.is_owners_only,
    }


def track_initial_of(track: Track) -> dict[str, Any]:
    """The form's fields as they stand for `track`."""
    price = track.price_micros
    return {
        "title": track.title,
        "isrc": track.isrc,
        "price": "" if price is None else typed_amount(price, track.album.currency),
        "artist_name": track.artist_name,
        "genre": track.genre,
        "credit_price": track.credit_price or "",
        "lyrics": track.lyrics,
    }


def typed_amount(micros: int, unit: str) -> str:
    """An amount as one would type it: 7.00."""
    minor, digits = money.floor_to_minor(micros, unit), money.minor_digits(unit)
    if not digits:
        return str(minor)
    return f"{minor // 10**digits}.{minor % 10**digits:0{digits}d}"


def parse_price(text: str, mode: str, unit: str) -> int:
    """Micros of a price. Raises money.BadAmount, also for 0 where a fixed price is asked for."""
    if mode == NAMED and not text.strip():
        return 0
    micros = money.parse_amount(text, unit)
    if mode == FIXED and micros == 0:
        raise money.BadAmount("A fixed price is more than 0. Choose “Free” if nobody shall pay.")
    return micros


def parse_credits(text: str) -> int | None:
    """Whole credits that were typed; None for nothing. Raises ValidationError."""
    typed = text.strip().replace(" ", "")
    if not typed:
        return None
    if not typed.isascii() or not typed.isdigit():
        raise forms.ValidationError("Write whole credits in digits, like 30.")
    if len(typed) > 7 or not 1 <= int(typed) <= MOST_CREDITS:
        raise forms.ValidationError(
            f"Write between 1 and {MOST_CREDITS:,} credits, without the comma. For a download that costs none choose "
            "“Simply free”."
        )
    return int(typed)


def is_barcode(digits: str) -> bool:
    """Whether these are 12 to 14 digits of a bar code whose last one fits the others (GS1)."""
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 14):
        return False
    weighted = (int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(weighted) % 10 == 0
