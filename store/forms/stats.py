"""What artists choose on their statistics: days, what to compare them with, which music; and a price to try out."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import QuerySet

from artists.models import Album, Track
from megabox import money
from megabox.reporting import usable
from store.stats.periods import Compare, Compared, Period, Window, chosen, compared
from users.models import User

MOST_DAYS = 5 * 366
MOST_BUYERS = 1_000_000


class _TrackChoice(forms.ModelChoiceField[Track]):
    """Tracks by their titles alone: the album is chosen beside them."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.title)


def _is_id(typed: str) -> bool:
    return typed.isascii() and typed.isdecimal() and len(typed) < 19


def _is_among(tracks: QuerySet[Track], typed: str) -> bool:
    return _is_id(typed) and tracks.filter(pk=int(typed)).exists()


class StatsForm(forms.Form):
    """Read from an address, where anything may stand."""

    period = forms.ChoiceField(choices=Period.choices, widget=forms.HiddenInput)
    since = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}))
    compare = forms.ChoiceField(label="Compare with", choices=Compare.choices, required=False)
    album = forms.ModelChoiceField(Album.objects.none(), label="Album", required=False, empty_label="All music")
    track = _TrackChoice(Track.objects.none(), label="Track", required=False, empty_label="The whole album")

    def __init__(self, asked: Mapping[str, Any], *, user: User, today: date) -> None:
        usual = chosen(Period.WEEKS, today)
        given = {name: asked[name] for name in self.base_fields if asked.get(name)}
        super().__init__(
            {"period": Period.WEEKS, "since": usual.since, "until": usual.until, **given}, auto_id="stats_%s"
        )
        self.today, self.asked = today, {name: str(value) for name, value in given.items()}
        albums, tracks = self.fields["album"], self.fields["track"]
        assert isinstance(albums, forms.ModelChoiceField) and isinstance(tracks, forms.ModelChoiceField)
        albums.queryset = Album.objects.owned_by(user).order_by("title", "pk")
        if self.data.get("period") != Period.OWN:
            del self.fields["since"], self.fields["until"]
        number = str(given.get("album", ""))
        if _is_id(number):
            tracks.queryset = Track.objects.owned_by(user).filter(album=int(number)).order_by("disc", "position")
            if "track" in given and not _is_among(tracks.queryset, str(given["track"])):
                self.data = {name: value for name, value in self.data.items() if name != "track"}  # of another album
        else:
            del self.fields["track"]

    def clean_since(self) -> date:
        """A day of this world."""
        return usable(self.cleaned_data["since"])

    def clean_until(self) -> date:
        """Not a day to come: nothing is known of it."""
        day = usable(self.cleaned_data["until"])
        if day > self.today:
            raise forms.ValidationError(f"That day has not come yet. Choose {self.today} or a day before it.")
        return day

    def clean(self) -> dict[str, Any]:
        """The first day is not after the last, and not years and years before it."""
        cleaned: dict[str, Any] = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            raise forms.ValidationError("The first day is after the last. Swap them.")
        if since and until and (until - since).days >= MOST_DAYS:
            raise forms.ValidationError("That is more than five years. Choose fewer days.")
        return cleaned

    @property
    def window(self) -> Window:
        """The days chosen; only of a form that is valid."""
        if self.cleaned_data["period"] == Period.OWN:
            return Window(self.cleaned_data["since"], self.cleaned_data["until"])
        return chosen(Period(self.cleaned_data["period"]), self.today)

    @property
    def compared(self) -> Compared | None:
        """What they are compared with; only of a form that is valid."""
        return compared(self.window, Compare(self.cleaned_data["compare"]))

    def query(self, **changed: str) -> str:
        """What was chosen as it stands in an address, with something else chosen; empty for nothing."""
        return urlencode({name: value for name, value in {**self.asked, **changed}.items() if value})


class PriceForm(forms.Form):
    """A price to try out, and how many buyers."""

    price = forms.CharField(label="Price", max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    buyers = forms.IntegerField(
        label="Buyers",
        min_value=1,
        max_value=MOST_BUYERS,
        error_messages={
            "min_value": "Write one buyer or more.",
            "max_value": f"Write at most {MOST_BUYERS} buyers.",
            "invalid": "Write the buyers as a whole number, like 100.",
        },
    )

    def __init__(self, asked: Mapping[str, Any], *, unit: str, usual_micros: int) -> None:
        coin = money.micros_per_minor(unit)  # what buyers named is no whole one on average
        usual = {"price": money.plain_number(max(1, usual_micros // coin) * coin), "buyers": "100"}
        super().__init__({**usual, **{name: asked[name] for name in usual if asked.get(name)}}, auto_id="prices_%s")
        self.unit = unit

    def clean_price(self) -> int:
        """Micros of the price, more than nothing."""
        try:
            micros = money.parse_amount(self.cleaned_data["price"], self.unit)
        except money.BadAmount as reason:
            raise forms.ValidationError(str(reason)) from None
        if not micros:
            raise forms.ValidationError("Nothing brings nothing. Write a price above zero.")
        return micros
