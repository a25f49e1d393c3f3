"""The steps of a campaign, a form each: what it shows, whom it reaches, and what it costs. Days are UTC days."""

import re
from datetime import date, timedelta
from typing import Any, ClassVar

from django import forms

from ads.forms.fields import AmountField, plain
from ads.forms.terms import COUNTRIES, country_names, first_day
from ads.models import (
    LEAST_CPM_MICROS,
    MOST_BUDGET_MICROS,
    MOST_CPM_MICROS,
    MOST_FREQUENCY,
    Campaign,
    Place,
)
from artists.models import Genre, Language, Mood
from megabox import money
from megabox.days import midnight

LEAST_BUDGET_MICROS = money.MICROS
LONGEST = timedelta(days=2 * 366)
"""Campaigns begin and end within so long from today."""
_BY_NAME = {name.casefold(): code for code, name in COUNTRIES.items()}
_NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})
"""Codes of groups of countries and of tests: nobody lives there."""


class StepForm(forms.Form):
    """One step. `stores` names the campaign's fields that it changes."""

    stores: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, campaign: Campaign, today: date, **kwargs: Any) -> None:
        self.campaign, self.today = campaign, today
        kwargs.setdefault("initial", self.initial_of(campaign))
        super().__init__(*args, **kwargs)

    def initial_of(self, campaign: Campaign) -> dict[str, Any]:
        """What the form shows of a campaign."""
        return {name: getattr(campaign, name) for name in self.stores}

    def apply(self) -> Campaign:
        """The campaign with what the form says, not stored yet."""
        for name in self.stores:
            setattr(self.campaign, name, self.cleaned_data[name])
        return self.campaign


class ShowForm(StepForm):
    """What the campaign is called; its ads have forms of their own."""

    stores = ("name",)
    name = forms.CharField(
        label="Name of the campaign",
        max_length=120,
        help_text="Only you and our reviewers read it.",
        error_messages={"required": "Give the campaign a name."},
    )

    def clean_name(self) -> str:
        return plain(self.cleaned_data["name"])


class ReachForm(StepForm):
    """Where, beside which music, in which countries and at which hours it is shown, and how often to one listener."""

    stores = ("places", "genres", "moods", "languages", "countries", "hours", "frequency_cap")
    places = forms.MultipleChoiceField(
        label="Where it is shown",
        choices=[(place.value, place.label) for place in Place],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one place."},
    )
    genres = forms.MultipleChoiceField(
        label="Genre", choices=Genre.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    moods = forms.MultipleChoiceField(
        label="Mood", choices=Mood.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    languages = forms.MultipleChoiceField(
        label="Sung in", choices=Language.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    countries = forms.CharField(
        label="Only in these countries",
        required=False,
        max_length=2_000,
        help_text="Names or codes with commas between, like Germany, AT. Only people who told us their country are "
        "reached then; nobody is located.",
    )
    hours = forms.TypedMultipleChoiceField(
        label="Hours of the day",
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    frequency_cap = forms.IntegerField(
        label="Views per listener and day",
        min_value=1,
        max_value=MOST_FREQUENCY,
        initial=10,
        help_text="Who saw it so often sees something else until tomorrow.",
        error_messages={
            "min_value": "Each listener may see it at least once a day. Write 1 or more.",
            "max_value": f"Nobody wants to see one ad more than {MOST_FREQUENCY} times a day. Write less.",
            "invalid": "Write a whole number, like 10.",
            "required": "Write a whole number, like 10.",
        },
    )

    def initial_of(self, campaign: Campaign) -> dict[str, Any]:
        return {**super().initial_of(campaign), "countries": country_names(campaign.countries)}

    def clean_countries(self) -> list[str]:
        codes = [code for part in re.split(r"[,;\n]", self.cleaned_data["countries"]) for code in _codes(part.strip())]
        return sorted(set(codes))

    def clean_hours(self) -> list[int]:
        hours = sorted(set(self.cleaned_data["hours"]))
        return [] if len(hours) == 24 else hours


class MoneyForm(StepForm):
    """What it costs, how fast it spends, and when it runs."""

    stores = ("cpm_micros", "budget_micros", "daily_cap_micros", "starts_at", "ends_at", "pacing")
    cpm_micros = AmountField(
        label="Price of 1 000 views",
        least=LEAST_CPM_MICROS,
        most=MOST_CPM_MICROS,
        help_text="You pay for views that really happened. 90 % goes to artists or, as credits, through listeners.",
    )
    budget_micros = AmountField(
        label="Budget",
        least=LEAST_BUDGET_MICROS,
        most=MOST_BUDGET_MICROS,
        help_text="The most it ever spends. It has to be prepaid when the campaign goes live.",
    )
    daily_cap_micros = AmountField(
        label="Most per day",
        least=LEAST_CPM_MICROS,
        most=MOST_BUDGET_MICROS,
        required=False,
        help_text="Empty: as much as the pace allows.",
    )
    starts_on = forms.DateField(
        label="First day",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": "Choose the first day.", "invalid": "Write the day like 2026-12-24."},
    )
    ends_on = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: until the budget is spent.",
        error_messages={"invalid": "Write the day like 2026-12-24, or nothing."},
    )
    pacing = forms.ChoiceField(
        label="Pace",
        choices=[
            (Campaign.Pacing.EVEN, "Even: a part of the budget each day until its last day"),
            (Campaign.Pacing.FAST, "Fast: as many views as there are, until the budget is spent"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a pace."},
    )

    def initial_of(self, campaign: Campaign) -> dict[str, Any]:
        return {
            "cpm_micros": campaign.cpm_micros,
            "budget_micros": campaign.budget_micros or None,
            "daily_cap_micros": campaign.daily_cap_micros,
            "starts_on": first_day(campaign),
            "ends_on": campaign.last_day,
            "pacing": campaign.pacing,
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        first, last = data.get("starts_on"), data.get("ends_on")
        for name, day in (("starts_on", first), ("ends_on", last)):
            if day and name in self.changed_data:
                self._check_day(name, day)
        if first and last and last < first:
            self.add_error("ends_on", "The last day is before the first. Choose a later one, or none.")
        budget, cap, cpm = (data.get(f"{name}_micros") for name in ("budget", "daily_cap", "cpm"))
        if budget and cap and cap > budget:
            self.add_error("daily_cap_micros", "This is more than the whole budget. Write less, or nothing.")
        if cpm and cap and cap < cpm // 1000:
            self.add_error("daily_cap_micros", "Not even one view a day could be paid by this. Write more.")
        return data

    def _check_day(self, name: str, day: date) -> None:
        if day - self.today > LONGEST:
            self.add_error(name, "Choose a day within the next two years.")
        elif day < self.today:
            self.add_error(name, f"This day is over. Choose today, {self.today.isoformat()}, or a later one.")

    def apply(self) -> Campaign:
        data, campaign = self.cleaned_data, self.campaign
        for name in ("cpm_micros", "budget_micros", "daily_cap_micros", "pacing"):
            setattr(campaign, name, data[name])
        campaign.starts_at = midnight(data["starts_on"])
        campaign.ends_at = midnight(data["ends_on"] + timedelta(days=1)) if data["ends_on"] else None
        return campaign


def _codes(part: str) -> list[str]:
    """The codes that one part between commas stands for: a country's name, or codes with spaces between."""
    if not part:
        return []
    named = _BY_NAME.get(part.casefold())
    codes = [named] if named else part.upper().split()
    for code in codes:
        if code not in COUNTRIES or code in _NO_COUNTRIES:
            raise forms.ValidationError(
                f"“{part[:40]}” is not a country we know. Write its name in English or its two letters, like AT."
            )
    return codes
