"""What people type on the pages of payouts, and the sentences they get when it is wrong."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings

from artists.models import Payee
from megabox import money
from megabox.reporting import day_field, usable
from payouts import iban
from payouts.models import BankAccount, Block


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

    since = day_field("From")
    until = day_field("To")

    def clean(self) -> dict[str, Any]:
        """The first day is not after the last."""
        cleaned: dict[str, Any] = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            raise forms.ValidationError("The first day is after the last. Swap them.")
        return cleaned

    def clean_since(self) -> date:
        """A day of this world."""
        return usable(self.cleaned_data["since"])

    def clean_until(self) -> date:
        """A day whose next day can be written too."""
        return usable(self.cleaned_data["until"])


class RunForm(forms.Form):
    """A run to be opened."""

    unit = forms.ChoiceField(label="Currency")
    period = forms.CharField(
        label="Month", max_length=20, help_text="As 2026-11.", widget=forms.TextInput(attrs={"type": "month"})
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
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
        if period > f"{self.today:%Y-%m}":
            raise forms.ValidationError("That month has not begun. Choose this one or one before it.")
        return period


class BookingForm(forms.Form):
    """The day on which the bank booked what a file asked for."""

    booked_on = day_field("Booked by the bank on")


class BankAccountForm(forms.Form):
    """Where somebody without Stripe is paid."""

    kind = forms.ChoiceField(
        label="What is it?", choices=BankAccount.Kind.choices, help_text="Euros to an IBAN go by SEPA."
    )
    holder = forms.CharField(
        label="Account holder",
        max_length=iban.MOST_NAME,
        help_text="As the bank writes it.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    number = forms.CharField(
        label="IBAN or account number", max_length=50, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    bic = forms.CharField(
        label="BIC",
        required=False,
        max_length=15,
        help_text="Banks outside the European Economic Area need it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_holder(self) -> str:
        """A name that every bank can write."""
        holder: str = self.cleaned_data["holder"].strip()
        if not re.search("[A-Za-z]", iban.latin(holder)):
            raise forms.ValidationError("Write the name in Latin letters, as the bank does.")
        return holder

    def clean_bic(self) -> str:
        """Capitals without spaces."""
        bic = re.sub(r"\s", "", self.cleaned_data["bic"]).upper()
        if bic and not iban.is_bic(bic):
            raise forms.ValidationError("A BIC has 8 or 11 letters and digits, like COBADEFFXXX.")
        return bic

    def clean(self) -> dict[str, Any]:
        """The number, as its kind wants it."""
        cleaned: dict[str, Any] = super().clean() or {}
        typed = cleaned.get("number")
        if typed is None:
            return cleaned
        if cleaned.get("kind") == BankAccount.Kind.IBAN:
            try:
                cleaned["number"] = iban.parse(typed)
            except iban.BadIban as bad:
                self.add_error("number", str(bad))
        else:
            cleaned["number"] = re.sub(r"\s", "", typed).upper()
            if not re.fullmatch(r"[A-Z0-9][A-Z0-9/-]{3,33}", cleaned["number"]):
                self.add_error("number", "An account number has 4 to 34 letters and digits.")
        return cleaned


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
        return datetime.combine(usable(day) + timedelta(days=1), datetime.min.time(), UTC) if day else None
