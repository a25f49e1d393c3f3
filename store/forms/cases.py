"""What the staff type about money that is owed or withheld."""

from typing import Any

from django import forms
from django.conf import settings

from ads.models import Advertiser
from artists.models import Payee
from megabox import money
from store.cases import adjustments


class _DecisionForm(forms.Form):
    """An amount, a reason, and the form's own id, so that sending it twice decides once."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    amount = forms.CharField(
        label="Amount", max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    )
    reason = forms.CharField(label="Reason", max_length=200, help_text="Kept in the books for good.")

    def _amount(self, cleaned: dict[str, Any], unit: str) -> None:
        """Turn what was typed into micros of `unit`; every digit of a debt can be written."""
        try:
            cleaned["micros"] = money.parse_exact(cleaned.get("amount", ""))
        except money.BadAmount as bad:
            self.add_error("amount", str(bad))


class WriteOffForm(_DecisionForm):
    """Who owes, and how much of it is given up."""

    debt = forms.ChoiceField(label="Who owes")
    field_order = ("debt", "amount", "reason", "form_id")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.debts = {debt.code: debt for debt in adjustments.debts()}
        choice = self.fields["debt"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [
            (code, f"{'Advertiser ' if isinstance(debt.who, Advertiser) else ''}{debt.who}: {_amount_of(debt)}")
            for code, debt in self.debts.items()
        ]

    def clean(self) -> dict[str, Any]:
        """The amount, in the debt's currency."""
        cleaned: dict[str, Any] = super().clean() or {}
        if debt := self.debts.get(cleaned.get("debt", "")):
            self._amount(cleaned, debt.unit)
        return cleaned

    @property
    def decision(self) -> dict[str, Any]:
        """The arguments of `adjustments.write_off`."""
        cleaned = self.cleaned_data
        debt = self.debts[cleaned["debt"]]
        return {
            "form_id": cleaned["form_id"],
            "who": debt.who,
            "unit": debt.unit,
            "amount": cleaned["micros"],
            "reason": cleaned["reason"],
        }


def _amount_of(debt: adjustments.Debt) -> str:
    return money.display_exact(debt.micros, debt.unit)


class WithholdForm(_DecisionForm):
    """Whose money is withheld, for which tax office."""

    payee = forms.ModelChoiceField(label="Payee", queryset=Payee.objects.order_by("name"))
    unit = forms.ChoiceField(label="Currency")
    country = forms.RegexField(
        label="Country",
        regex=r"^[A-Z]{2}\Z",
        help_text="Two letters, like US.",
        error_messages={"invalid": "Write the country as two capital letters, like US."},
    )
    field_order = ("payee", "unit", "amount", "country", "reason", "form_id")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["unit"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [(unit, unit) for unit in dict.fromkeys([settings.ADS_CURRENCY, *settings.SALE_CURRENCIES])]

    def clean(self) -> dict[str, Any]:
        """The amount, in the chosen currency."""
        cleaned: dict[str, Any] = super().clean() or {}
        if unit := cleaned.get("unit"):
            self._amount(cleaned, unit)
        return cleaned

    @property
    def decision(self) -> dict[str, Any]:
        """The arguments of `adjustments.withhold`."""
        cleaned = self.cleaned_data
        return {
            "form_id": cleaned["form_id"],
            "payee": cleaned["payee"],
            "unit": cleaned["unit"],
            "amount": cleaned["micros"],
            "country": cleaned["country"],
            "reason": cleaned["reason"],
        }
