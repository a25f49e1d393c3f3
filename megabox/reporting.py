"""What a report is: one question, what it is asked with, and a function from that to a table.

Each room lists its own reports in `REPORTS`; the map shows them all (megabox.desk_reports), as pages and as files.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from django import forms
from django.db.models import F, QuerySet, Sum

from megabox.days import midnight
from megabox.tables import Row, Table

AT_ONCE = 2_000
"""Rows that are read from the database in one go."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a report is asked with; both days are included, an empty text asks for everything."""

    since: date
    until: date
    unit: str = ""
    text: str = ""
    by: str = ""

    @property
    def start(self) -> datetime:
        """The first moment, UTC."""
        return midnight(self.since)

    @property
    def end(self) -> datetime:
        """The first moment after the last day, UTC."""
        return midnight(self.until + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Bars:
    """Amounts by name, to be drawn."""

    title: str
    amounts: Mapping[str, int]
    unit: str
    names: str = "Month"


@dataclass(frozen=True, slots=True)
class Report:
    """A report: its name in addresses, its title, the question it answers, and the table that answers it.

    `asks` are the filters it understands: since, until, unit, text, by.
    """

    name: str
    title: str
    question: str
    group: str
    table: Callable[[Filters], Table]
    asks: Sequence[str] = ("since", "until", "unit")
    labels: Mapping[str, str] = field(default_factory=dict)
    choices: Sequence[tuple[str, str]] = ()
    bars: Callable[[Filters], Bars | None] | None = None


def usable(day: date) -> date:
    """A day that books can have and whose next day can be written too. Raises forms.ValidationError for others."""
    if not 1970 <= day.year <= 9998:
        raise forms.ValidationError("Choose a day between 1970 and 9998.")
    return day


def day_field(label: str) -> forms.DateField:
    """A day to be chosen."""
    sentences = {"invalid": "Choose a day, like 2026-11-29.", "required": "Choose a day, like 2026-11-29."}
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}), error_messages=sentences)


class FilterForm(forms.Form):
    """What people choose on a report's page, and the sentences they get when it is wrong."""

    since = day_field("From")
    until = day_field("To")
    unit = forms.RegexField(
        r"^[A-Za-z]{3}$",
        label="Currency",
        required=False,
        max_length=3,
        error_messages={"invalid": "Write a currency as three letters, like USD; XCR are credits."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "size": 4, "placeholder": "All"}),
    )
    text = forms.CharField(
        label="Text", required=False, max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    by = forms.ChoiceField(label="By", required=False)

    def __init__(self, report: Report, asked: Mapping[str, Any], today: date) -> None:
        given = {name: asked[name] for name in report.asks if asked.get(name)}
        super().__init__({**_usual(today), **given}, auto_id="filter_%s")
        self.report = report
        for name in list(self.fields):
            if name in report.asks:
                self.fields[name].label = report.labels.get(name, self.fields[name].label)
            else:
                del self.fields[name]
        by = self.fields.get("by")
        if isinstance(by, forms.ChoiceField):
            by.choices = list(report.choices)
            self.data = {"by": report.choices[0][0], **self.data}
        self.usual = _usual(today)

    def clean(self) -> dict[str, Any]:
        """The first day is not after the last, and no text holds what no row can hold."""
        cleaned: dict[str, Any] = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            raise forms.ValidationError("The first day is after the last. Swap them.")
        return cleaned

    def clean_until(self) -> date:
        """A day whose next day can be written too."""
        return self._day("until")

    def clean_since(self) -> date:
        """A day of this world."""
        return self._day("since")

    def _day(self, name: str) -> date:
        return usable(self.cleaned_data[name])

    @property
    def filters(self) -> Filters:
        """What was chosen; only of a form that is valid."""
        found = self.cleaned_data
        return Filters(
            since=found.get("since") or self.usual["since"],
            until=found.get("until") or self.usual["until"],
            unit=found.get("unit", "").upper(),
            text=found.get("text", "").strip(),
            by=found.get("by", ""),
        )

    @property
    def query(self) -> str:
        """The same, as it stands in an address."""
        chosen = {name: self.cleaned_data.get(name) for name in self.fields}
        return urlencode({name: str(value) for name, value in chosen.items() if value})


def _usual(today: date) -> dict[str, date]:
    """From the first day of last month until today."""
    last_month = today.replace(day=1) - timedelta(days=1)
    return {"since": last_month.replace(day=1), "until": today}


@dataclass(frozen=True)
class Queried:
    """Rows of a query, read by the page; sums and order are the database's.

    `fields` name a field or annotation of the query for each column; `make` turns what the query gives for them
    (and for `more`) into the row, where that is not the row itself.
    """

    query: QuerySet[Any]
    fields: Sequence[str]
    make: Callable[[tuple[Any, ...]], Row] | None = None
    more: Sequence[str] = ()

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, self._values().iterator(chunk_size=AT_ONCE))

    def __getitem__(self, part: slice, /) -> Sequence[Row]:
        return [self._row(values) for values in self._values()[part]]

    def __len__(self) -> int:
        """How many there are; asked for once."""
        return self._count

    @cached_property
    def _count(self) -> int:
        return self.query.count()

    def sorted_by(self, position: int, *, is_descending: bool) -> "Queried":
        """The same rows in the order of a column; empty cells last, what is equal in the order it had."""
        name = F(self.fields[position])
        order = name.desc(nulls_last=True) if is_descending else name.asc(nulls_last=True)
        return Queried(self.query.order_by(order, *self.query.query.order_by), self.fields, self.make, self.more)

    def sums(self, positions: Sequence[int], unit: int | None) -> dict[str, tuple[int, list[int]]]:
        """For each unit how many rows it has, and the sums of the columns at `positions`."""
        rows = self.query.order_by()
        if unit is None:
            count = rows.count()
            return {"": (count, self._sums(rows, positions))} if count else {}
        name = self.fields[unit]
        units = sorted(set(rows.values_list(name, flat=True).distinct()))
        found = {one: rows.filter(**{name: one}) for one in units}
        return {one: (mine.count(), self._sums(mine, positions)) for one, mine in found.items()}

    def _sums(self, rows: QuerySet[Any], positions: Sequence[int]) -> list[int]:
        if not positions:
            return []
        sums = rows.aggregate(**{f"sum_{n}": Sum(self.fields[n]) for n in positions})
        return [sums[f"sum_{n}"] or 0 for n in positions]

    def _values(self) -> QuerySet[Any, Any]:
        return self.query.values_list(*self.fields, *self.more)

    def _row(self, values: tuple[Any, ...]) -> Row:
        return self.make(values) if self.make else values


# --- where figures are proved


def account_url(code: str) -> str:
    """The page of an account: its lines over a window."""
    return f"/desk/reports/general-ledger/?text={quote(code)}"


def entry_url(entry_id: int) -> str:
    """The page of an entry with all its postings."""
    return f"/desk/books/entries/{entry_id}/"


def posting_url(posting_id: int) -> str:
    """The page of one posting."""
    return f"/desk/books/postings/{posting_id}/"


def source_url(source: str) -> str:
    """The page of what a posting comes from."""
    return f"/desk/books/sources/{quote(source)}/" if source else ""
