"""The form of an advertiser. What is wrong is said in sentences."""

from typing import Any

from django import forms

from ads.forms.fields import plain
from ads.models import Advertiser
from users.models import User


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
        name = plain(self.cleaned_data["name"])
        if Advertiser.objects.filter(owner=self.instance.owner, name__iexact=name).exists():
            raise forms.ValidationError(f"You advertise as “{name}” already.")
        return name
