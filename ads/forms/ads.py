"""The form of one ad: its words, its file and where a click goes; and of who refuses it."""

from typing import Any

from django import forms

from ads.assets import links
from ads.assets.creatives import (
    LEAST_SECONDS,
    MOST_IMAGE_BYTES,
    MOST_SECONDS,
    READING_MS,
    BadCreative,
    receive_audio,
    receive_image,
)
from ads.forms.fields import plain
from ads.models import Ad

KINDS = {"picture": Ad.Kind.IMAGE, "spot": Ad.Kind.AUDIO, "text": Ad.Kind.TEXT}
"""Kinds of ads as addresses name them."""
_OF_KIND = {"picture": Ad.Kind.IMAGE, "alt": Ad.Kind.IMAGE, "spot": Ad.Kind.AUDIO, "transcript": Ad.Kind.AUDIO}
"""Fields that only one kind of ad has."""
_REQUIRED = {
    "title": "Give the ad a title.",
    "alt": "Say what the picture shows, for people who cannot see it.",
    "transcript": "Write the words of the spot, for people who cannot hear it.",
    "body": "Write the text of the ad.",
    "picture": "Choose a picture.",
    "spot": "Choose a file.",
}


class AdForm(forms.ModelForm[Ad]):
    """One ad of the kind its instance has. An ad that has a file keeps it until another one comes."""

    picture = forms.FileField(
        label="Picture",
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/avif"}),
        help_text="JPEG, PNG, WebP or AVIF that does not move, at most 8 MB. "
        "A wide one, as 1200 x 600, fits everywhere.",
    )
    spot = forms.FileField(
        label="Spot",
        required=False,
        widget=forms.FileInput(attrs={"accept": "audio/*"}),
        help_text=f"{LEAST_SECONDS} to {MOST_SECONDS} seconds, WAV, FLAC, MP3 or another usual format, at most 25 MB. "
        "We measure how loud it is and make it as loud as the music.",
    )
    click_url = forms.CharField(
        label="Where a click goes",
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
        help_text="A whole address that begins with https://",
    )

    class Meta:
        model = Ad
        fields = ["title", "body", "click_url", "alt", "transcript"]
        labels = {"title": "Title", "body": "Text", "alt": "What the picture shows", "transcript": "Words of the spot"}
        help_texts = {
            "alt": "For people who cannot see it.",
            "transcript": "Word by word. Who cannot or does not want to hear reads it, for the same reward.",
        }
        widgets = {
            "body": forms.Textarea(attrs={"rows": 2}),
            "transcript": forms.Textarea(attrs={"rows": 4}),
        }

    field_order = ["picture", "spot", "title", "body", "click_url", "alt", "transcript"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind, is_new = self.instance.kind, self.instance.pk is None
        for name, only in _OF_KIND.items():
            if kind != only:
                del self.fields[name]
        for name, sentence in _REQUIRED.items():
            if name in self.fields:
                self.fields[name].error_messages["required"] = sentence
                self.fields[name].required = is_new or name not in ("picture", "spot")
        self.fields["body"].required = kind == Ad.Kind.TEXT
        if not is_new:
            for name, label in (("picture", "Another picture"), ("spot", "Another spot")):
                if name in self.fields:
                    self.fields[name].label = label

    @property
    def stored(self) -> list[str]:
        """The fields of the ad that it changes, its file apart."""
        return [name for name in self.fields if name not in ("picture", "spot")]

    def clean_title(self) -> str:
        return plain(self.cleaned_data["title"])

    def clean_body(self) -> str:
        return plain(self.cleaned_data["body"])

    def clean_alt(self) -> str:
        return plain(self.cleaned_data["alt"])

    def clean_transcript(self) -> str:
        return plain(self.cleaned_data["transcript"], has_lines=True)

    def clean_click_url(self) -> str:
        typed: str = self.cleaned_data["click_url"].strip()
        try:
            return links.clean(typed) if typed else ""
        except links.BadLink as reason:
            raise forms.ValidationError(str(reason)) from None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        # The file last, when everything else is right: it is stored at once.
        if not self.errors and (data.get("picture") or data.get("spot") or self.instance.pk is None):
            self._take_file(data)
        return data

    def _take_file(self, data: dict[str, Any]) -> None:
        ad = self.instance
        ad.duration_ms = READING_MS
        try:
            if ad.kind == Ad.Kind.IMAGE:
                sent = data["picture"]
                made = receive_image(sent.read(MOST_IMAGE_BYTES + 1), size=sent.size)
                ad.path, ad.sha256, ad.width, ad.height = made.path, made.sha256, made.width, made.height
            elif ad.kind == Ad.Kind.AUDIO:
                ad.incoming, ad.media_state = receive_audio(data["spot"]), Ad.MediaState.WANTED
                # What it replaces is not shown any more, and whoever approves has to see what came.
                ad.path, ad.sha256, ad.media_reason, ad.tries = "", "", "", 0
        except BadCreative as reason:
            self.add_error("picture" if ad.kind == Ad.Kind.IMAGE else "spot", str(reason))


class RefusalForm(forms.Form):
    """Why an ad is refused; the advertiser reads it."""

    reason = forms.CharField(
        label="Why it is refused",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Write why this ad is refused. The advertiser reads it."},
    )
