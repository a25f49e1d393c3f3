"""Fields that forms about ads share: words, and amounts of the ads currency."""

from typing import Any

from django import forms
from django.conf import settings

from ads.assets import words
from megabox import money


def plain(typed: str, *, has_lines: bool = False) -> str:
    """Words of an advertiser (ads.assets.words) for a form. Raises ValidationError."""
    try:
        return words.plain(typed, has_lines=has_lines)
    except words.BadWords as reason:
        raise forms.ValidationError(str(reason)) from None


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
        return typed_amount(value)


def typed_amount(micros: int) -> str:
    """An amount of the ads currency as one types it, rounded up to whole coins; nothing when it is not above zero."""
    if micros <= 0:
        return ""
    unit = settings.ADS_CURRENCY
    digits, coin = money.minor_digits(unit), money.micros_per_minor(unit)
    whole = -(-micros // coin) * coin
    return money.plain(whole)[: -(6 - digits)] if digits else str(whole // money.MICROS)
