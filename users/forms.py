"""What sign-up asks beside e-mail and password."""

from typing import Any

from django import forms
from django.http import HttpRequest

from users.models import User


class SignupForm(forms.Form):
    """Name and roles; django-allauth adds e-mail and password."""

    name = forms.CharField(max_length=120, required=False, label="Your name", help_text="As others see it.")
    is_artist = forms.BooleanField(required=False, label="I make music and want to publish it")
    is_advertiser = forms.BooleanField(required=False, label="I want to advertise")

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by django-allauth with the new user."""
        cleaned: dict[str, Any] = self.cleaned_data
        user.name = cleaned["name"]
        user.is_artist = cleaned["is_artist"]
        user.is_advertiser = cleaned["is_advertiser"]
        user.save(update_fields=["name", "is_artist", "is_advertiser"])
