"""What the staff type when they look at traffic: which views, and why they are invalid."""

from typing import Any

from django import forms

from ads.models import Campaign, Place
from ads.revenue.invalidations import MOST_DAYS, Criteria
from ads.traffic.fraud import Reason
from artists.models import Artist

HASH = r"^[0-9a-f]{64}$"
REASONS = (Reason.REVIEW, Reason.BOT, Reason.DATACENTRE, Reason.HIDDEN, Reason.TOO_SHORT)


class CriteriaForm(forms.Form):
    """Which views to look at. Days and hours are UTC."""

    first = forms.DateField(label="From day", widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label="To day", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    hour = forms.IntegerField(label="Hour of the day, UTC", min_value=0, max_value=23, required=False)
    campaign = forms.IntegerField(label="Campaign, its number", min_value=1, required=False)
    artist = forms.IntegerField(label="Artist, their number", min_value=1, required=False)
    place = forms.ChoiceField(choices=[("", "Anywhere"), *Place.choices], required=False)
    rejected = forms.ChoiceField(
        label="Rejected because", choices=[("", "Counted or rejected"), *Reason.choices], required=False
    )
    network = forms.RegexField(HASH, label="Network, its hash", required=False, strip=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["network"].error_messages["invalid"] = "Copy all 64 letters of the hash from the table."

    def clean_campaign(self) -> int | None:
        return self._known("campaign", Campaign, "No campaign has this number.")

    def clean_artist(self) -> int | None:
        return self._known("artist", Artist, "No artist has this number.")

    def _known(self, name: str, model: Any, sentence: str) -> int | None:
        pk: int | None = self.cleaned_data[name]
        if pk and not model.objects.filter(pk=pk).exists():
            raise forms.ValidationError(sentence)
        return pk

    def clean(self) -> dict[str, Any]:
        """The last day is the first one unless another is named; not too many days, in order."""
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last") or cleaned.get("first")
        if first and last:
            cleaned["last"] = last
            if last < first:
                self.add_error("last", "The last day is before the first.")
            elif (last - first).days >= MOST_DAYS:
                self.add_error("last", f"Look at {MOST_DAYS} days at most.")
        return cleaned

    @property
    def criteria(self) -> Criteria:
        """What was typed, once it is valid."""
        return Criteria(**{name: self.cleaned_data[name] for name in self.fields})


class OrderForm(forms.Form):
    """Why the views that were looked at are invalid; `through` and `total` say which they were."""

    reason = forms.ChoiceField(label="Why", choices=[(one.value, one.label) for one in REASONS])
    note = forms.CharField(
        label="What you saw",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept with the order, for whoever asks later.",
    )
    through = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    total = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
