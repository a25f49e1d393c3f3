"""Who an artist is, and pictures: of the artist and of an album."""

from django import forms
from django.core.files.uploadedfile import UploadedFile

from artists import covers, profiles
from artists.forms.parts import LineField


class ArtistForm(forms.Form):
    """Who an artist is."""

    name = LineField(
        label="Artist name",
        max_length=120,
        help_text="As it stands on the cover. It makes the address of your page.",
        error_messages={"required": "Write the name under which the music appears."},
    )
    location = LineField(label="Where from", max_length=120, required=False)
    bio = forms.CharField(label="About", max_length=5_000, required=False, widget=forms.Textarea(attrs={"rows": 4}))

    def details(self) -> profiles.Details:
        """What was typed; call it when the form is valid."""
        return profiles.Details(**self.cleaned_data)


class PictureForm(forms.Form):
    """A picture for a cover or an artist's page."""

    picture = forms.FileField(
        label="Picture",
        help_text="JPEG, PNG, WebP or AVIF, square, best 3000 x 3000 px.",
        widget=forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/avif"}),
        error_messages={
            "required": "Choose a picture first.",
            "empty": "This picture is empty (0 bytes). Nothing else was changed. Export it again.",
        },
    )

    def clean_picture(self) -> bytes:
        """The bytes of the picture, if they are not too many to be looked at."""
        file: UploadedFile[bytes] = self.cleaned_data["picture"]
        if (file.size or 0) > covers.MAX_BYTES:
            raise forms.ValidationError(
                f"This picture has more than {covers.MAX_BYTES // 1000**2} MB, the most we take. Nothing else was "
                "changed. Save it as a JPEG of about 3000 x 3000 px."
            )
        data: bytes = file.read()
        return data
