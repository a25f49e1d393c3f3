"""The living style guide: every component in every state, the target of screenshots and accessibility checks."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

HUES = range(24)
SAMPLE_TIME = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


class SampleForm(forms.Form):
    """One field of every kind, some filled in wrongly."""

    title = forms.CharField(label="Title", help_text="As it stands on the cover.", max_length=80)
    price = forms.CharField(
        label="Price", help_text="In dollars, as 7.00.", widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )
    genre = forms.ChoiceField(label="Genre", choices=[("", "Choose a genre"), ("ambient", "Ambient"), ("jazz", "Jazz")])
    description = forms.CharField(label="Description", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    released_on = forms.DateField(label="Released on", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    mode = forms.ChoiceField(
        label="Free download",
        choices=[("AD", "Free with an ad"), ("FREE", "Simply free"), ("OFF", "Only for sale")],
        widget=forms.RadioSelect,
    )
    is_agreed = forms.BooleanField(label="I hold the rights to this recording")


@dataclass(frozen=True)
class SampleArtist:
    """An artist of the style guide."""

    name: str = "Nova Kit"


@dataclass(frozen=True)
class SampleAlbum:
    """An album of the style guide; no cover, so that the placeholder of each hue shows."""

    title: str
    hue: int
    price_micros: int = 7_000_000
    currency: str = "USD"
    free_mode: str = "AD"
    free_from: datetime | None = None
    is_name_your_price: bool = False
    cover: None = None
    artist: SampleArtist = field(default_factory=SampleArtist)

    def get_absolute_url(self) -> str:
        return "#albums"


@dataclass(frozen=True)
class SampleTrack:
    """A track of the style guide."""

    pk: int
    position: int
    title: str
    duration_ms: int
    peaks: tuple[int, ...]

    def get_absolute_url(self) -> str:
        return "#tracks"


def _peaks(seed: int) -> tuple[int, ...]:
    """A hilly line of 300 peaks that is the same every time."""
    value, line = seed * 7919 % 251, []
    for index in range(300):
        value = (value * 1103515245 + 12345 + seed) % 2**31
        swell = 90 + abs((index + seed * 40) % 150 - 75)
        line.append(min(255, swell + value % 90))
    return tuple(line)


@require_GET
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in every state."""
    bad = SampleForm({"title": "Lanterns", "price": "1,99", "genre": "", "mode": "AD"})
    bad.add_error("price", "Write 1.99 with a point: we read “1,99” as two numbers.")
    for level, text in (
        (messages.SUCCESS, "Album published. It is in the search within a minute."),
        (messages.WARNING, "Two files are still being checked; the album goes on without them."),
        (messages.ERROR, "The card was declined. Nothing was charged and your cart is kept: try another card."),
        (messages.INFO, "A new payout run opens on 1 December."),
    ):
        messages.add_message(request, level, text)
    album = SampleAlbum("Lanterns on the Canal", 20)
    context = {
        "hues": HUES,
        "swatches": ("bg", "surface", "raised", "brand", "money", "warn", "danger", "info"),
        "ad": {"title": "Strings that stay in tune", "body": "Wound by hand in Cremona. Ten per cent for students."},
        "form": SampleForm(),
        "bad": bad,
        "album": album,
        "albums": [
            album,
            SampleAlbum("Kite Weather", 8, price_micros=0),
            SampleAlbum("A Very Long Title That Wraps Onto A Second Line", 14, is_name_your_price=True),
            SampleAlbum("Brass Season", 3, free_mode="OFF"),
            SampleAlbum("Thaw", 11, free_mode="LATER", free_from=SAMPLE_TIME),
        ],
        "tracks": [
            SampleTrack(1, 1, "Harbour, First Light", 187_000, _peaks(1)),
            SampleTrack(2, 2, "Paper Boats", 243_000, _peaks(2)),
            SampleTrack(3, 3, "The Long Way Round the Reservoir (Extended Version)", 3_723_000, _peaks(3)),
        ],
        "page": Paginator(range(90), 30).page(2),
        "sample_time": SAMPLE_TIME,
    }
    return render(request, "styleguide.html", context)
