"""What buyers type: prices and deposits. Nothing typed is lost, and every mistake has a sentence."""

from typing import Any

from django import forms
from django.conf import settings

from ads.models import Advertiser
from megabox import money
from store.music import Music
from store.sales import orders, preorders
from users.models import User


class PriceForm(forms.Form):
    """The price of one album or track; only asked where the listener names it."""

    check = staticmethod(orders.check_price)
    price = forms.CharField(
        label="Your price",
        max_length=40,
        error_messages={"required": "Write a price."},
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, music: Music, **kwargs: Any) -> None:
        self.music = music
        typed = money.plain(music.least_micros)[: -(6 - money.minor_digits(music.unit))].rstrip(".")
        kwargs.setdefault("initial", {"price": typed})
        super().__init__(*args, **kwargs)
        least = money.display(music.least_micros, music.unit)
        if not music.is_name_your_price:
            del self.fields["price"]
        elif music.least_micros:
            self.fields["price"].help_text = f"{least} or more. 90 % of it goes to the artist."
        else:
            self.fields["price"].help_text = "Any price, even 0. 90 % of it goes to the artist."

    def clean_price(self) -> int:
        """The typed price in micros."""
        try:
            price = money.parse_amount(self.cleaned_data["price"], self.music.unit)
            self.check(self.music, price)
        except (money.BadAmount, orders.CannotPlace) as reason:
            raise forms.ValidationError(str(reason)) from None
        return price

    @property
    def price_micros(self) -> int:
        """The price to pay, once the form is valid."""
        return int(self.cleaned_data.get("price", self.music.least_micros))


class PreOrderForm(PriceForm):
    """The price of an album that is not out yet."""

    check = staticmethod(preorders.check_price)


class DepositForm(forms.Form):
    """An advertiser's top-up."""

    advertiser = forms.ModelChoiceField(Advertiser.objects.none(), label="For", empty_label=None)
    amount = forms.CharField(
        label="Amount",
        max_length=40,
        error_messages={"required": "Write an amount."},
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text="All of it can be spent on campaigns; the card fee is ours.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["advertiser"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Advertiser.objects.owned_by(user).order_by("name")

    def clean_amount(self) -> int:
        """The typed amount in micros."""
        unit = settings.ADS_CURRENCY
        try:
            amount = money.parse_amount(self.cleaned_data["amount"], unit)
        except money.BadAmount as reason:
            raise forms.ValidationError(str(reason)) from None
        least = money.from_minor(orders.LEAST_DEPOSIT_MINOR, unit)
        if amount < least:
            raise forms.ValidationError(f"Deposits start at {money.display(least, unit)}. Write that or more.")
        return amount
