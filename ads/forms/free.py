"""Forms of what nobody pays for: artists' promotions, and the house's own campaigns. Days are UTC days."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from ads.assets.creatives import MOST_IMAGE_BYTES
from ads.demand import promotions
from ads.forms.campaigns import LONGEST
from ads.forms.fields import plain
from ads.forms.terms import first_day
from ads.models import MOST_FREQUENCY, Campaign, Place
from artists.models import Album, Artist, Genre
from megabox.days import midnight

_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
_NOT_SO_MANY = ("min_value", "max_value", "invalid", "required")
_BAD_DAY = "Write the day like 2026-12-24."


class FreeForm(forms.Form):
    """What both share: where it is shown, beside which music, and from when to when."""

    places = forms.MultipleChoiceField(
        label="Where it is shown",
        choices=[(place.value, place.label) for place in promotions.PLACES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one place."},
    )
    genres = forms.MultipleChoiceField(
        label="Beside which music", choices=Genre.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    starts_on = forms.DateField(
        label="First day", widget=_DAY, error_messages={"required": "Choose the first day.", "invalid": _BAD_DAY}
    )
    ends_on = forms.DateField(
        label="Last day",
        widget=_DAY,
        error_messages={"required": "Choose the last day.", "invalid": _BAD_DAY},
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        self.today = today
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        first, last = data.get("starts_on"), data.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", "The last day is before the first. Choose a later one.")
        for name, day in (("starts_on", first), ("ends_on", last)):
            if day and day - self.today > LONGEST:
                self.add_error(name, "Choose a day within the next two years.")
        return data


class PromotionForm(FreeForm):
    """What an artist wants shown of an album beside other artists' music."""

    album = forms.ModelChoiceField(
        Album.objects.none(),
        label="Album",
        empty_label=None,
        error_messages={"invalid_choice": "Choose one of your published albums."},
    )
    title = forms.CharField(label="Title", max_length=80, required=False, help_text="Empty: the album's title.")
    body = forms.CharField(
        label="Text",
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Empty: the first words about the album.",
    )
    picture = forms.FileField(
        label="Picture",
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/avif"}),
        help_text="Empty: the album's cover. JPEG, PNG, WebP or AVIF, at most 8 MB.",
    )
    beside = forms.CharField(
        label="Beside which artists",
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Their names, one on each line. Artists and genres add up; neither means beside any music.",
    )
    views_a_day = forms.IntegerField(
        label="Views per listener and day",
        min_value=1,
        max_value=promotions.MOST_VIEWS_A_DAY,
        initial=1,
        error_messages=dict.fromkeys(_NOT_SO_MANY, f"Write 1 to {promotions.MOST_VIEWS_A_DAY}."),
    )
    field_order = ("album", "title", "body", "picture", "beside", "genres", "places", "starts_on", "ends_on")

    def __init__(
        self, *args: Any, albums: Iterable[Album], today: date, campaign: Campaign | None = None, **kwargs: Any
    ) -> None:
        kwargs.setdefault("initial", _promotion_initial(campaign, today))
        super().__init__(*args, today=today, **kwargs)
        if campaign is not None:
            del self.fields["album"]
            self.fields["picture"].help_text = "Empty: it stays as it is."
            return
        chosen = self.fields["album"]
        assert isinstance(chosen, forms.ModelChoiceField)
        chosen.queryset = albums  # type: ignore[assignment]  # a queryset, which the stubs want spelled out

    def clean_title(self) -> str:
        return plain(self.cleaned_data["title"])

    def clean_body(self) -> str:
        return plain(self.cleaned_data["body"])

    def clean_picture(self) -> bytes | None:
        """The bytes of the picture; one byte too many is kept, so that its size is refused with a sentence."""
        file: UploadedFile[bytes] | None = self.cleaned_data["picture"]
        return file.read(MOST_IMAGE_BYTES + 1) if file else None

    def clean_beside(self) -> list[int]:
        """The ids of the artists that are named."""
        names = {" ".join(name.split()).casefold(): name.strip() for name in self.cleaned_data["beside"].splitlines()}
        names.pop("", None)
        if len(names) > promotions.MOST_BESIDE:
            raise forms.ValidationError(
                f"These are {len(names)} artists. Name at most {promotions.MOST_BESIDE}, or choose genres."
            )
        found: dict[str, list[int]] = {}
        for name in names:
            ids = Artist.objects.published().filter(name__iexact=names[name]).values_list("pk", flat=True)
            found[name] = list(ids)
        unknown = [names[name] for name, ids in found.items() if not ids]
        if unknown:
            raise forms.ValidationError(
                f"There is no artist “{unknown[0][:60]}” with an album here. Write the name as it stands on their page."
            )
        return sorted(pk for ids in found.values() for pk in ids)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        first, last = data.get("starts_on"), data.get("ends_on")
        if last and last < self.today:
            self.add_error("ends_on", "This day is over. Choose a later one.")
        if first and last and last - first >= timedelta(days=promotions.MOST_DAYS):
            self.add_error(
                "ends_on",
                f"A promotion runs at most {promotions.MOST_DAYS} days, so that others have a turn. "
                "Choose an earlier last day; you can start another one later.",
            )
        return data

    def wish(self) -> promotions.Wish:
        """What was typed; call it when the form is valid."""
        typed = self.cleaned_data
        return promotions.Wish(
            title=typed["title"],
            body=typed["body"],
            places=typed["places"],
            genres=typed["genres"],
            beside_artists=typed["beside"],
            starts_on=typed["starts_on"],
            ends_on=typed["ends_on"],
            views_a_day=typed["views_a_day"],
            picture=typed["picture"],
        )


class HouseForm(FreeForm):
    """A campaign of the house itself: shown where nobody pays and no artist is promoted."""

    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="Only the staff read it.",
        error_messages={"required": "Give the campaign a name."},
    )
    frequency_cap = forms.IntegerField(
        label="Views per listener and day",
        min_value=1,
        max_value=MOST_FREQUENCY,
        initial=5,
        error_messages=dict.fromkeys(_NOT_SO_MANY, f"Write 1 to {MOST_FREQUENCY}."),
    )
    field_order = ("name", "places", "genres", "starts_on", "ends_on", "frequency_cap")

    def __init__(self, *args: Any, campaign: Campaign, today: date, **kwargs: Any) -> None:
        self.campaign = campaign
        kwargs.setdefault("initial", _house_initial(campaign, today))
        super().__init__(*args, today=today, **kwargs)
        places = self.fields["places"]
        assert isinstance(places, forms.MultipleChoiceField)
        # The gate takes only ads that pay, so a house ad has no business there.
        places.choices = [(place.value, place.label) for place in Place if place != Place.GATE]
        self.fields["ends_on"].required = False
        self.fields["ends_on"].help_text = "Empty: until somebody ends it."

    def apply(self) -> Campaign:
        """The campaign with what the form says, not stored yet."""
        data, campaign = self.cleaned_data, self.campaign
        for name in ("name", "places", "genres", "frequency_cap"):
            setattr(campaign, name, data[name])
        campaign.starts_at = midnight(data["starts_on"])
        campaign.ends_at = midnight(data["ends_on"] + timedelta(days=1)) if data["ends_on"] else None
        return campaign


def _house_initial(campaign: Campaign, today: date) -> dict[str, Any]:
    if campaign.pk is None:
        return {"starts_on": today, "places": [place.value for place in promotions.PLACES], "frequency_cap": 5}
    return {
        "name": campaign.name,
        "places": campaign.places,
        "genres": campaign.genres,
        "frequency_cap": campaign.frequency_cap,
        **_days(campaign),
    }


def _promotion_initial(campaign: Campaign | None, today: date) -> dict[str, Any]:
    if campaign is None:
        return {
            "starts_on": today,
            "ends_on": today + timedelta(days=29),
            "places": [place.value for place in promotions.PLACES],
            "views_a_day": 1,
        }
    ad = promotions.ad_of(campaign)
    return {
        "title": ad.title,
        "body": ad.body,
        "places": campaign.places,
        "genres": campaign.genres,
        "beside": "\n".join(artist_names(campaign)),
        "views_a_day": campaign.frequency_cap,
        **_days(campaign),
    }


def artist_names(campaign: Campaign) -> list[str]:
    """The names of the artists beside whose music it is shown, each once."""
    names = Artist.objects.filter(pk__in=campaign.beside_artists).order_by("name").values_list("name", flat=True)
    return list(dict.fromkeys(names))


def _days(campaign: Campaign) -> dict[str, Any]:
    return {"starts_on": first_day(campaign), "ends_on": campaign.last_day}
