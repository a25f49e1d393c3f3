"""A sheet of albums and tracks, and for whom it is."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet

from artists.models import Artist
from megabox import grids


class SheetForm(forms.Form):
    """A file, and whose albums stand in it where its rows do not say so."""

    artist = forms.ModelChoiceField(
        Artist.objects.none(),
        label="Artist",
        empty_label=None,
        help_text="Whose albums these are. A column with artists says it row by row.",
    )
    file = forms.FileField(
        label="Sheet",
        help_text="CSV or XLSX, its first sheet: under a row of headings a row for each track, or for each album.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
        error_messages={
            "required": "Choose a CSV or XLSX file first.",
            "empty": "This file is empty (0 bytes). Save the sheet again.",
        },
    )

    def __init__(self, *args: Any, artists: QuerySet[Artist], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["artist"]
        assert isinstance(chosen, forms.ModelChoiceField)
        chosen.queryset = artists
        if len(artists) == 1:
            chosen.widget = forms.HiddenInput()
            chosen.initial = artists[0]

    def clean_file(self) -> bytes:
        """The bytes, if they are not too many to be looked at."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > grids.MOST_BYTES:
            raise forms.ValidationError(
                f"This file has {(file.size or 0) / 1e6:.0f} MB, and a sheet may have "
                f"{grids.MOST_BYTES // 1_000_000} MB. Save it without pictures, or in several files."
            )
        self.filename = str(file.name)
        data: bytes = file.read()
        return data
