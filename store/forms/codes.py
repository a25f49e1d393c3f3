"""What artists and listeners type about codes. Nothing typed is lost, and every mistake has a sentence."""

from typing import Any

from django import forms

from artists.models import Album
from store import letters
from store.offers import codes
from users.models import User


class _AlbumField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    """One of a person's albums; where they have several artists, with its artist."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.title} by {obj.artist.name}"


class BatchForm(forms.Form):
    """A batch of download codes."""

    album = _AlbumField(
        Album.objects.none(),
        label="Album",
        empty_label=None,
        error_messages={"required": "Choose an album.", "invalid_choice": "Choose one of your albums in the list."},
        help_text="A code gives this album and nothing else. Before the album is out its codes wait for it.",
    )
    count = forms.IntegerField(
        label="How many codes",
        min_value=1,
        max_value=codes.MOST_IN_BATCH,
        error_messages={
            "required": "Write how many codes you need.",
            "invalid": "Write a whole number, like 100.",
            "min_value": "Make at least one code.",
            "max_value": f"Make {codes.MOST_IN_BATCH:,} codes at once, and more in a second batch.",
        },
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=f"Up to {codes.MOST_IN_BATCH:,} at once. Each is good once.",
    )
    name = forms.CharField(
        label="Your name for them",
        max_length=100,
        required=False,
        help_text="Only you see it: first pressing, tour in May, for the press.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["album"]
        assert isinstance(field, forms.ModelChoiceField)
        albums = Album.objects.owned_by(user).exclude(state=Album.State.WITHDRAWN)
        field.queryset = albums.select_related("artist").order_by("-created_at", "-pk")


class RedeemForm(forms.Form):
    """A download code, as a listener types it from a card."""

    code = forms.CharField(
        label="Code",
        max_length=letters.MOST_TYPED,
        error_messages={
            "required": "Type the code that is printed on your card.",
            "max_length": f"A code has {letters.LENGTH} letters and digits. Look at the card again.",
        },
        help_text="Twelve letters and digits. Small or large, with hyphens or without: all the same.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "placeholder": "XXXX-XXXX-XXXX",
                "class": "code-input",
            }
        ),
    )
