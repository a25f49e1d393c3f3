"""What people type on the pages of payouts, and the sentences they get when it is wrong."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings

from artists.models import Payee
from megabox import money
from payouts.models import Block


class ThresholdForm(forms.Form):
    """The least that is paid out."""

    threshold = forms.CharField(
        label="Pay me from",
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, unit: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unit = unit

    def clean_threshold(self) -> int:
        """The amount in micros."""
        try:
            return money.parse_amount(self.cleaned_data["threshold"], self.unit)
        except money.BadAmount as bad:
            raise forms.ValidationError(str(bad)) from bad


class WindowForm(forms.Form):
    """The days a statement covers, both included."""

    since = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """The first day is not after the last."""
        cleaned: dict[str, Any] = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            raise forms.ValidationError("The first day is after the last. Swap them.")
        return cleaned


class RunForm(forms.Form):
    """A run to be opened."""

    unit = forms.ChoiceField(label="Currency")
    period = forms.CharField(
        label="Month", max_length=20, help_text="As 2026-11.", widget=forms.TextInput(attrs={"type": "month"})
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        units = list(dict.fromkeys([settings.ADS_CURRENCY, *settings.SALE_CURRENCIES]))
        unit = self.fields["unit"]
        assert isinstance(unit, forms.ChoiceField)
        unit.choices = [(unit, unit) for unit in units]
        self.fields["period"].initial = f"{today:%Y-%m}"

    def clean_period(self) -> str:
        """A month like 2026-11."""
        period: str = self.cleaned_data["period"]
        if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", period):
            raise forms.ValidationError("Write the month as 2026-11.")
        return period


class BlockForm(forms.Form):
    """Why somebody is not paid now."""

    payee = forms.ModelChoiceField(label="Payee", queryset=Payee.objects.all())
    reason = forms.ChoiceField(label="Reason", choices=Block.Reason.choices)
    note = forms.CharField(
        label="Note", required=False, max_length=300, help_text="For the staff only. The payee sees the reason."
    )
    until = forms.DateField(
        label="Until",
        required=False,
        help_text="Empty: until somebody lifts it.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def clean_until(self) -> datetime | None:
        """The end of the day, UTC."""
        day: date | None = self.cleaned_data["until"]
        return datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC) if day else None
