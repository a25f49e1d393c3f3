"""What the staff type when Stripe and the books do not agree, and the sentences they get when it is wrong."""

import uuid
from typing import Any

from django import forms

from megabox import money
from store.models import Decision
from store.reconciliation.hand_entries import Owed


class DecisionForm(forms.Form):
    """What a transaction in suspense is, and why."""

    choice = forms.ChoiceField(label="It is", choices=Decision.Choice.choices)
    reason = forms.CharField(
        label="Why",
        max_length=180,
        help_text="What you know, and from whom. It stays in the books; write no names of people.",
    )


class VatForm(forms.Form):
    """A payment of VAT to a country."""

    form_id = forms.UUIDField(widget=forms.HiddenInput)
    account = forms.ChoiceField(label="To")
    amount = forms.CharField(
        label="Amount", max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    )
    reason = forms.CharField(
        label="What for", max_length=180, help_text="The period and the reference of the bank's statement."
    )

    def __init__(self, *args: Any, owed: list[Owed], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["form_id"].initial = uuid.uuid4
        account = self.fields["account"]
        assert isinstance(account, forms.ChoiceField)
        account.choices = [
            (f"{one.country}:{one.unit}", f"{one.country}: {money.display_exact(one.micros, one.unit)} collected")
            for one in owed
            if one.micros > 0
        ]

    def clean(self) -> dict[str, Any]:
        """The amount in micros of the account's unit."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "account" in cleaned and "amount" in cleaned:
            cleaned["country"], cleaned["unit"] = cleaned["account"].split(":")
            try:
                cleaned["micros"] = money.parse_amount(cleaned["amount"], cleaned["unit"], most=MOST_VAT_MICROS)
            except money.BadAmount as bad:
                self.add_error("amount", str(bad))
        return cleaned


MOST_VAT_MICROS = 10**9 * money.MICROS
