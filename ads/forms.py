"""Forms of advertisers and of the staff who review their ads. What is wrong is said in sentences, nothing is lost."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

from babel import Locale
from django import forms
from django.conf import settings

from ads.creatives import (
    LEAST_SECONDS,
    MOST_IMAGE_BYTES,
    MOST_SECONDS,
    READING_MS,
    BadCreative,
    receive_audio,
    receive_image,
)
from ads.models import (
    LEAST_CPM_MICROS,
    MOST_BUDGET_MICROS,
    MOST_CPM_MICROS,
    MOST_FREQUENCY,
    Ad,
    Advertiser,
    Campaign,
    Place,
)
from artists.models import Genre
from megabox import money
from users.models import User

LEAST_BUDGET_MICROS = money.MICROS
LONGEST = timedelta(days=2 * 366)
"""Campaigns begin and end within so long from today."""
_COUNTRIES = frozenset(str(code) for code in Locale("en").territories if re.fullmatch("[A-Z]{2}", str(code)))
_PLACES = [(place.value, place.label) for place in Place]


class AmountField(forms.CharField):
    """An amount of the ads currency that a person types; cleans to micros, or None when it is empty."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        self.least, self.most = least, most
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        kwargs.setdefault("error_messages", {"required": "Write an amount, like 6.00."})
        super().__init__(max_length=20, widget=widget, **kwargs)

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        if not typed:
            return None
        unit = settings.ADS_CURRENCY
        try:
            micros = money.parse_amount(typed, unit, most=self.most)
        except money.BadAmount as reason:
            raise forms.ValidationError(str(reason)) from None
        if micros < self.least:
            least, most = money.display(self.least, unit), money.display(self.most, unit)
            raise forms.ValidationError(f"Write an amount between {least} and {most}.")
        return micros

    def prepare_value(self, value: Any) -> Any:
        """Micros of a stored amount as people write it; what was typed stays as it was typed."""
        if not isinstance(value, int):
            return value
        digits = money.minor_digits(settings.ADS_CURRENCY)
        return money.plain(value)[: -(6 - digits)] if digits else str(value // money.MICROS)


class AdvertiserForm(forms.ModelForm[Advertiser]):
    """Who advertises."""

    class Meta:
        model = Advertiser
        fields = ["name"]
        labels = {"name": "Who advertises?"}
        help_texts = {"name": "The company, shop or festival as listeners know it."}

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.owner = owner

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if Advertiser.objects.filter(owner=self.instance.owner, name__iexact=name).exists():
            raise forms.ValidationError(f"You advertise as “{name}” already.")
        return name


class CampaignForm(forms.Form):
    """All that an advertiser decides about a campaign. Days are UTC days."""

    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="Only you and our reviewers read it.",
        error_messages={"required": "Give the campaign a name."},
    )
    cpm_micros = AmountField(
        label="Price of 1 000 views",
        least=LEAST_CPM_MICROS,
        most=MOST_CPM_MICROS,
        help_text="You pay for views that really happened. 90 % goes to artists or, as credits, through listeners.",
    )
    budget_micros = AmountField(
        label="Budget",
        least=LEAST_BUDGET_MICROS,
        most=MOST_BUDGET_MICROS,
        help_text="The most it ever spends. It has to be prepaid when the campaign goes live.",
    )
    daily_cap_micros = AmountField(
        label="Most per day", least=LEAST_CPM_MICROS, most=MOST_BUDGET_MICROS, required=False
    )
    starts_on = forms.DateField(
        label="First day",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": "Choose the first day.", "invalid": "Write the day like 2026-12-24."},
    )
    ends_on = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: until the budget is spent.",
        error_messages={"invalid": "Write the day like 2026-12-24, or nothing."},
    )
    places = forms.MultipleChoiceField(
        label="Where it is shown",
        choices=_PLACES,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one place."},
    )
    genres = forms.MultipleChoiceField(
        label="Beside which music",
        choices=Genre.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    countries = forms.CharField(
        label="Only in these countries",
        required=False,
        max_length=400,
        help_text="Two letters each, as DE AT CH. Only people who told us their country are reached then.",
    )
    frequency_cap = forms.IntegerField(
        label="Views per listener and day",
        min_value=1,
        max_value=MOST_FREQUENCY,
        initial=10,
        error_messages={
            "min_value": "Each listener may see it at least once a day. Write 1 or more.",
            "max_value": f"Nobody wants to see one ad more than {MOST_FREQUENCY} times a day. Write less.",
            "invalid": "Write a whole number, like 10.",
            "required": "Write a whole number, like 10.",
        },
    )

    def __init__(self, *args: Any, campaign: Campaign, today: date, **kwargs: Any) -> None:
        self.campaign, self.today = campaign, today
        kwargs.setdefault("initial", _initial(campaign, today))
        super().__init__(*args, **kwargs)

    def clean_countries(self) -> list[str]:
        codes = self.cleaned_data["countries"].upper().replace(",", " ").split()
        unknown = [code for code in codes if code not in _COUNTRIES]
        if unknown:
            raise forms.ValidationError(
                f"“{unknown[0][:20]}” is not a country's code. Write two letters each, as DE AT."
            )
        return sorted(set(codes))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        first, last = data.get("starts_on"), data.get("ends_on")
        for name, day in (("starts_on", first), ("ends_on", last)):
            if day and name in self.changed_data and not abs(day - self.today) <= LONGEST:
                self.add_error(name, "Choose a day within the next two years.")
        if first and last and last < first:
            self.add_error("ends_on", "The last day is before the first. Choose a later one, or none.")
        budget, cap, cpm = (data.get(f"{name}_micros") for name in ("budget", "daily_cap", "cpm"))
        if budget and cap and cap > budget:
            self.add_error("daily_cap_micros", "This is more than the whole budget. Write less, or nothing.")
        if cpm and cap and cap < cpm // 1000:
            self.add_error("daily_cap_micros", "Not even one view a day could be paid by this. Write more.")
        return data

    def apply(self) -> Campaign:
        """The campaign with what the form says, not stored yet."""
        data, campaign = self.cleaned_data, self.campaign
        for name in ("name", "cpm_micros", "budget_micros", "daily_cap_micros", "places", "genres", "countries"):
            setattr(campaign, name, data[name])
        campaign.frequency_cap = data["frequency_cap"]
        campaign.starts_at = _midnight(data["starts_on"])
        campaign.ends_at = _midnight(data["ends_on"] + timedelta(days=1)) if data["ends_on"] else None
        return campaign


class AdForm(forms.ModelForm[Ad]):
    """One ad of the kind its instance has: its words and its file.

    A new file makes a new ad, so what was reviewed stays what is shown.
    """

    picture = forms.FileField(
        label="Picture",
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/avif"}),
        help_text="JPEG, PNG, WebP or AVIF, at most 8 MB. A wide one, as 1200 x 600, fits everywhere.",
    )
    spot = forms.FileField(
        label="Spot",
        required=False,
        widget=forms.FileInput(attrs={"accept": "audio/*"}),
        help_text=f"{LEAST_SECONDS} to {MOST_SECONDS} seconds, WAV, FLAC, MP3 or another usual format. "
        "We make it as loud as the music.",
    )
    click_url = forms.CharField(
        label="Where a click goes",
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
        help_text="A whole address that begins with https://",
    )

    class Meta:
        model = Ad
        fields = ["title", "body", "click_url", "alt", "transcript"]
        labels = {"title": "Title", "body": "Text", "alt": "What the picture shows", "transcript": "Words of the spot"}
        help_texts = {
            "alt": "For people who cannot see it.",
            "transcript": "Word by word. Who cannot or does not want to hear reads it, for the same reward.",
        }
        widgets = {
            "body": forms.Textarea(attrs={"rows": 2}),
            "transcript": forms.Textarea(attrs={"rows": 4}),
        }

    field_order = ["picture", "spot", "title", "body", "click_url", "alt", "transcript"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind, is_new = self.instance.kind, self.instance.pk is None
        of_kind = {"picture": Ad.Kind.IMAGE, "alt": Ad.Kind.IMAGE, "spot": Ad.Kind.AUDIO, "transcript": Ad.Kind.AUDIO}
        for name, only in of_kind.items():
            if kind != only or (name in ("picture", "spot") and not is_new):
                del self.fields[name]
        self.fields["body"].required = kind == Ad.Kind.TEXT
        for name, sentence in (
            ("title", "Give the ad a title."),
            ("alt", "Say what the picture shows, for people who cannot see it."),
            ("transcript", "Write the words of the spot, for people who cannot hear it."),
            ("body", "Write the text of the ad."),
            ("picture", "Choose a picture."),
            ("spot", "Choose a file."),
        ):
            if name in self.fields:
                self.fields[name].error_messages["required"] = sentence
                self.fields[name].required = name != "body" or kind == Ad.Kind.TEXT

    def clean_click_url(self) -> str:
        typed: str = self.cleaned_data["click_url"].strip()
        if typed and not _is_web_address(typed):
            raise forms.ValidationError(
                "Write a whole web address that begins with https://, like https://example.com/."
            )
        return typed

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        # The file last, when everything else is right: it is stored at once.
        if self.instance.pk is None and not self.errors:
            self._take_file(data)
        return data

    def _take_file(self, data: dict[str, Any]) -> None:
        ad = self.instance
        ad.duration_ms = READING_MS
        try:
            if ad.kind == Ad.Kind.IMAGE:
                made = receive_image(data["picture"].read(MOST_IMAGE_BYTES + 1))
                ad.path, ad.sha256, ad.width, ad.height = made.path, made.sha256, made.width, made.height
            elif ad.kind == Ad.Kind.AUDIO:
                ad.incoming, ad.media_state = receive_audio(data["spot"]), Ad.MediaState.WANTED
        except BadCreative as reason:
            self.add_error("picture" if ad.kind == Ad.Kind.IMAGE else "spot", str(reason))


class RefusalForm(forms.Form):
    """Why an ad is refused; the advertiser reads it."""

    reason = forms.CharField(
        label="Why it is refused",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Write why this ad is refused. The advertiser reads it."},
    )


def _initial(campaign: Campaign, today: date) -> dict[str, Any]:
    if campaign.pk is None:
        return {"starts_on": today, "places": [Place.GATE.value, Place.PAGE.value, Place.PLAYER.value]}
    last = (campaign.ends_at - timedelta(days=1)).astimezone(UTC).date() if campaign.ends_at else None
    return {
        "name": campaign.name,
        "cpm_micros": campaign.cpm_micros,
        "budget_micros": campaign.budget_micros,
        "daily_cap_micros": campaign.daily_cap_micros,
        "starts_on": campaign.starts_at.astimezone(UTC).date(),
        "ends_on": last,
        "places": campaign.places,
        "genres": campaign.genres,
        "countries": " ".join(campaign.countries),
        "frequency_cap": campaign.frequency_cap,
    }


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _is_web_address(typed: str) -> bool:
    """Whether a browser would open a page of some host: no scripts, no files, no names and passwords inside."""
    if any(character.isspace() or not character.isprintable() for character in typed):
        return False
    try:
        parts = urlsplit(typed)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and "." in host.strip(".") and "@" not in parts.netloc


def choices_of(values: Sequence[str]) -> str:
    """Labels of places or genres, for pages."""
    labels = {**dict(_PLACES), **dict(Genre.choices)}
    return ", ".join(str(labels.get(value, value)) for value in values)
