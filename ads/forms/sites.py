"""Forms about sites of the extension: a claim on one, and the staff's list of them."""

from typing import Any, cast

from django import forms

from ads.megakey import sites
from artists.models import Payee
from users.models import User

MOST_SITES_BYTES = 2_000_000


class ClaimForm(forms.Form):
    """A site somebody says is theirs, and who of theirs is paid."""

    domain = forms.CharField(max_length=253, help_text="For example example.com.")
    payee = forms.ModelChoiceField(Payee.objects.none(), label="Who is paid", empty_label=None)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ModelChoiceField[Payee]", self.fields["payee"]).queryset = user.payees.all()


class SitesForm(forms.Form):
    """A CSV file with sites, or its text."""

    file = forms.FileField(required=False, label="CSV file")
    text = forms.CharField(
        required=False,
        label="Or its text",
        strip=False,
        widget=forms.Textarea({"rows": 10, "spellcheck": "false"}),
        help_text=f"The first line names the columns: {', '.join(sites.COLUMNS)}.",
    )

    def clean(self) -> dict[str, Any]:
        """The text of either."""
        said = super().clean() or {}
        file = said.get("file")
        if file is not None:
            if file.size > MOST_SITES_BYTES:
                raise forms.ValidationError("This file is larger than 2 MB. Import it in parts.")
            try:
                said["text"] = file.read().decode("utf-8")
            except UnicodeDecodeError:
                raise forms.ValidationError("This file is not UTF-8. Save it as CSV in UTF-8.") from None
        if not said.get("text", "").strip():
            raise forms.ValidationError("Choose a file, or paste its text.")
        return said
