"""Cross-promotion: artists recommend their albums beside each other's music, where nobody pays.

It costs nothing and earns nothing. So that nobody floods the pages, an artist has few promotions at a time, each ends
by itself, a listener sees each a few times a day and all together `settings.ADS_PROMOTION_VIEWS` times
(`ads.delivery.snapshots`), and artists take turns (`ads.delivery.choosing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction

from ads.assets import creatives
from ads.demand import campaigns
from ads.demand.campaigns import NotPossible
from ads.models import Ad, Campaign, Place
from artists import artwork
from artists.models import Album, Artist
from megabox.days import midnight

MOST_AT_ONCE = 3
"""So many promotions of an artist that have not ended."""
MOST_VIEWS_A_DAY = 3
"""So often a listener sees one promotion on a day."""
MOST_DAYS = 90
PLACES = (Place.PAGE, Place.PLAYER)
MOST_BESIDE = 50


@dataclass(frozen=True, slots=True)
class Wish:
    """What an artist wants shown, where and when; both days are UTC days and included. Empty words: the album's own."""

    title: str
    body: str
    places: Sequence[str]
    genres: Sequence[str]
    beside_artists: Sequence[int]
    starts_on: date
    ends_on: date
    views_a_day: int
    picture: bytes | None = None


def make(album: Album, wish: Wish, at: datetime) -> Campaign:
    """A draft of a promotion of `album`, with its ad waiting for review.

    Raises NotPossible when the artist has as many as there may be, BadCreative for a picture that cannot be used.
    """
    campaign = Campaign(
        kind=Campaign.Kind.CROSS, artist=album.artist, album=album, name=album.title[:120], cpm_micros=0, created_at=at
    )
    _apply(campaign, wish)
    ad = _creative(Ad(campaign=campaign, review=Ad.Review.PENDING, created_at=at), album, wish)
    with transaction.atomic():
        # Two forms sent at once stand in line here: together they never make one too many.
        Artist.objects.select_for_update().get(pk=album.artist_id)
        if open_ones(album.artist) >= MOST_AT_ONCE:
            raise NotPossible(
                f"{album.artist.name} has {MOST_AT_ONCE} promotions already, the most at a time. End one of them first."
            )
        campaigns.save(campaign, at)
        ad.campaign = campaign
        ad.save()
    return campaign


def change(campaign: Campaign, wish: Wish, at: datetime) -> bool:
    """Change a draft or a paused promotion; True when its words or picture are new and are reviewed again.

    Raises NotPossible while it is live or when it has ended, BadCreative for a picture that cannot be used.
    """
    ad, album = ad_of(campaign), campaign.album
    assert album is not None, "a promotion names its album"
    before = ad.content_hash
    made = _creative(ad, album, wish)
    _apply(campaign, wish)
    with transaction.atomic():
        campaigns.save(campaign, at)
        if made.content_hash == before:
            return False
        made.review, made.review_reason = Ad.Review.PENDING, ""
        made.save()
    return True


def ad_of(campaign: Campaign) -> Ad:
    """The one ad of a promotion."""
    return campaign.ads.get()


def open_ones(artist: Artist) -> int:
    """How many promotions of an artist have not ended."""
    return Campaign.objects.filter(artist=artist).exclude(state=Campaign.State.ENDED).count()


def words(album: Album) -> tuple[str, str]:
    """Title and text of a promotion whose artist wrote none: the album's own."""
    about = " ".join(album.description.split())
    short = about if len(about) <= 160 else f"{about[:160].rsplit(' ', 1)[0]} …"
    return album.title[:80], short or f"An album by {album.artist.name}."


def _apply(campaign: Campaign, wish: Wish) -> None:
    campaign.places, campaign.genres = list(wish.places), list(wish.genres)
    campaign.beside_artists = list(wish.beside_artists)
    campaign.frequency_cap = wish.views_a_day
    campaign.starts_at = midnight(wish.starts_on)
    campaign.ends_at = midnight(wish.ends_on + timedelta(days=1))


def _creative(ad: Ad, album: Album, wish: Wish) -> Ad:
    """The ad with the words and the picture that are wanted: the cover unless there is another. Not stored yet."""
    title, body = words(album)
    ad.title, ad.body = wish.title or title, wish.body or body
    ad.click_url = f"{settings.SITE_URL}{album.get_absolute_url()}"
    ad.duration_ms = creatives.READING_MS
    data = wish.picture or (None if ad.path else _cover(album))
    if data:
        made = creatives.receive_image(data)
        ad.kind, ad.path, ad.sha256, ad.width, ad.height = (
            Ad.Kind.IMAGE,
            made.path,
            made.sha256,
            made.width,
            made.height,
        )
        ad.alt = f"Picture of {title}"[:200] if wish.picture else f"Cover of {title}"[:200]
    elif not ad.path:
        ad.kind = Ad.Kind.TEXT
    return ad


def _cover(album: Album) -> bytes | None:
    """The album's cover; an album without one is promoted by its words."""
    try:
        return artwork.jpeg(album.cover) if album.cover else None
    except FileNotFoundError:
        return None
