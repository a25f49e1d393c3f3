"""What the demo shows where nobody pays: a campaign of the house, and two albums that artists promote."""

from datetime import datetime, timedelta

from django.conf import settings

from ads.assets import creatives
from ads.demand import campaigns, promotions
from ads.models import Ad, Campaign, Place
from artists.models import Album, Artist

from . import adverts, people
from .catalogue import Say

HOUSE = "Megabox itself"
HOUSE_ADS = (
    ("Your ad could pay an artist", "90 % of every view goes to the music beside it.", "/advertise/"),
    ("Sell your music here", "Upload an album this evening, and keep 90 % of every sale.", "/studio/start/"),
)
PROMOTED = {"Ferry Songs": ("Nova Kit",), "First Light": ("The Paper Boats", "Lowland Brass")}
"""Albums, and the artists beside whose music they are shown."""
WAITING = "First Light"
"""The album whose promotion still waits for the staff."""
PROMOTED_DAYS_AGO = 6


def make(anchor: datetime, say: Say) -> int:
    """Make what is missing, review it and start it; return how many campaigns are new."""
    new = int(_house(anchor - timedelta(days=adverts.FIRST_DAY)))
    new += sum(_promote(title, beside, anchor) for title, beside in PROMOTED.items())
    if new:
        say(f"  {new} campaigns that nobody pays for")
    return new


def is_made() -> bool:
    """Whether all of it is there, as far as its albums are."""
    albums = Album.objects.published().filter(title__in=PROMOTED).values_list("title", flat=True)
    there = set(Campaign.objects.filter(kind=Campaign.Kind.CROSS).values_list("name", flat=True))
    return _is_house_live() and set(albums) <= there


def _is_house_live() -> bool:
    return Campaign.objects.filter(name=HOUSE, kind=Campaign.Kind.HOUSE).exclude(state=Campaign.State.DRAFT).exists()


def _house(begun: datetime) -> bool:
    if _is_house_live():
        return False
    house = Campaign.objects.filter(name=HOUSE, kind=Campaign.Kind.HOUSE).first() or campaigns.save(
        Campaign(
            kind=Campaign.Kind.HOUSE,
            name=HOUSE,
            cpm_micros=0,
            starts_at=begun,
            places=[Place.PAGE.value, Place.PLAYER.value],
            frequency_cap=5,
            created_at=begun,
        ),
        begun,
    )
    for title, body, page in HOUSE_ADS:
        Ad.objects.get_or_create(
            campaign=house,
            title=title,
            defaults={
                "kind": Ad.Kind.TEXT,
                "body": body,
                "click_url": f"{settings.SITE_URL}{page}",
                "duration_ms": creatives.READING_MS,
                "created_at": begun,
            },
        )
    campaigns.send_for_review(house)
    for ad in house.ads.filter(review=Ad.Review.PENDING):
        campaigns.approve(ad, people.of("ada"), begun)
    campaigns.go_live(house, begun)
    return True


def _promote(title: str, beside: tuple[str, ...], anchor: datetime) -> bool:
    """Promote one album as its artist does in the studio."""
    at = anchor - timedelta(days=PROMOTED_DAYS_AGO)
    album = Album.objects.published().select_related("artist", "cover").filter(title=title).first()
    if album is None:
        return False
    promoted = Campaign.objects.filter(kind=Campaign.Kind.CROSS, album=album).first()
    is_new = promoted is None
    if promoted is None:
        wish = promotions.Wish(
            title="",
            body="",
            places=[place.value for place in promotions.PLACES],
            genres=[],
            beside_artists=list(Artist.objects.filter(name__in=beside).order_by("pk").values_list("pk", flat=True)),
            starts_on=at.date(),
            ends_on=at.date() + timedelta(days=60),
            views_a_day=2,
        )
        promoted = promotions.make(album, wish, at)
    if title != WAITING and promoted.state == Campaign.State.DRAFT:
        for ad in promoted.ads.filter(review=Ad.Review.PENDING):
            campaigns.approve(ad, people.of("ada"), at)
        campaigns.go_live(promoted, at)
    return is_new
