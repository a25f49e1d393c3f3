"""Plain makers for the ads room. Amounts are micros of USD; the cast's advertiser is acme."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from ads import tokens
from ads.budgets import leases
from ads.measurement import counting, gate_views, line
from ads.models import Ad, Advertiser, Campaign, CampaignDay, Impression, Place, Wallet
from ads.rewards import credits, wallets
from ads.tokens import Choice
from artists.models import Album
from ledger import chart, journal
from ledger.journal import Line
from ledger.models import Entry
from tests.artists.factories import make_album
from tests.users.factories import acme

USD = "USD"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = NOON.date()
NEXT_DAY = NOON + timedelta(days=1)
CPM_6 = 6_000_000
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
_numbers = itertools.count(1)


def usd(text: str) -> int:
    """Micros of an amount written with a point: `usd("9.99")`."""
    whole, _, fraction = text.partition(".")
    return int(whole) * 1_000_000 + int(fraction.ljust(6, "0") or 0)


def make_advertiser(name: str = "Acme", *, prepaid: int = 0, **fields: Any) -> Advertiser:
    """An advertiser of acme's, with `prepaid` micros in the books."""
    fields.setdefault("owner", None)
    fields["owner"] = fields["owner"] or acme()
    advertiser = Advertiser.objects.create(name=f"{name} {next(_numbers)}", **fields)
    if prepaid:
        top_up(advertiser, prepaid)
    return advertiser


def top_up(advertiser: Advertiser, amount: int, *, fee: int = 0, at: datetime = NOON) -> Entry:
    lines = [Line(chart.stripe(USD), chart.prepaid(advertiser.pk, USD), amount, USD)]
    if fee:
        lines.append(Line(chart.stripe_fees(USD), chart.stripe(USD), fee, USD))
    return journal.post(f"deposit:{next(_numbers)}", "deposit", lines, occurred_at=at).entry


def make_campaign(*, live: bool = True, prepaid: int | None = None, **fields: Any) -> Campaign:
    """A live, funded campaign of $10 at $6.00 CPM for every place, without ads."""
    values: dict[str, Any] = {
        "name": f"Autumn {next(_numbers)}",
        "budget_micros": usd("10"),
        "cpm_micros": CPM_6,
        "starts_at": NOON - timedelta(days=30),
        "places": list(Place.values),
        "frequency_cap": 10,
        "state": Campaign.State.LIVE if live else Campaign.State.DRAFT,
        **fields,
    }
    if values.get("kind") in (Campaign.Kind.HOUSE, Campaign.Kind.CROSS):
        values.update(cpm_micros=0, budget_micros=0, advertiser=None)
    elif "advertiser" not in values:
        values["advertiser"] = make_advertiser(prepaid=values["budget_micros"] if prepaid is None else prepaid)
    return Campaign.objects.create(**values)


def make_ad(campaign: Campaign | None = None, **fields: Any) -> Ad:
    """An approved image of 15 s, with a campaign of its own unless one is given."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "kind": Ad.Kind.IMAGE,
        "title": f"Ride the night bus {number}",
        "body": "Every ten minutes until five.",
        "click_url": "https://acme.example/night",
        "alt": "A bus in the rain",
        "path": f"ads/{number:02}.webp",
        "width": 970,
        "height": 250,
        "duration_ms": 15_000,
        "review": Ad.Review.APPROVED,
        **fields,
    }
    return Ad.objects.create(campaign=campaign or make_campaign(), **values)


def make_wallet(guest_key: str = "") -> Wallet:
    return wallets.for_listener(None, guest_key or f"guest-{next(_numbers)}")


def choice(ad: Ad) -> Choice:
    return Choice(ad_id=ad.pk, campaign_id=ad.campaign_id, price_micros=ad.campaign.price_micros)


def lease(ad: Ad, at: datetime = NOON) -> int:
    """The lease that pays a view of this ad: what serving puts into a token."""
    lease_id = leases.reserve(ad.campaign_id, ad.campaign.price_micros, at)
    assert lease_id is not None
    return lease_id


def gate_token(ad: Ad, wallet: Wallet, *, at: datetime = NOON, **terms: Any) -> str:
    return tokens.issue(choice(ad), Place.GATE, at=at, wallet_id=wallet.pk, **terms)


def page_token(ad: Ad, album: Album | None = None, *, at: datetime = NOON, **terms: Any) -> str:
    """A token for a page of `album`, whose artist has all of it unless `shares` say otherwise."""
    album = album or make_album()
    shares = [] if terms.get("place") == Place.MEGAKEY else [[album.artist.payee_id, 10_000]]
    terms = {"shares": shares, "artist_id": album.artist_id, "album_id": album.pk, **terms}
    place = terms.pop("place", Place.PAGE)
    return tokens.issue(choice(ad), place, at=at, **terms)


def watch(ad: Ad, wallet: Wallet, *, at: datetime = NOON) -> Impression:
    """A gate view, started and watched to its end."""
    token = gate_token(ad, wallet, at=at)
    gate_views.start(token, wallet, at)
    end = at + timedelta(milliseconds=ad.duration_ms)
    return gate_views.confirm(token, wallet, "reading", end).impression


def see(ad: Ad, album: Album | None = None, *, at: datetime = NOON, **terms: Any) -> Impression:
    """A view beside music that counts."""
    token = page_token(ad, album, at=at, **terms)
    payload = {"visible_ms": 1_500}
    assert counting.record(token, "viewed", payload, at + timedelta(seconds=2)) == "accepted"
    return Impression.objects.get(pk=tokens.verify(token).id)


def make_impression(ad: Ad | None = None, **fields: Any) -> Impression:
    """A counted view beside music of 6 000 micros, written straight into the tables, its campaign's spend included."""
    ad = ad or make_ad()
    album = fields.pop("album", None) or make_album()
    at: datetime = fields.pop("viewed_at", NOON)
    values: dict[str, Any] = {
        "id": tokens.uuid7(at),
        "campaign": ad.campaign,
        "ad": ad,
        "place": Place.PAGE,
        "price_micros": ad.campaign.price_micros,
        "artist": album.artist,
        "album": album,
        "shares": [[album.artist.payee_id, 10_000]],
        "beneficiary": f"artist:{album.artist_id}:test",
        "policy_version": 1,
        "state": Impression.State.VIEWED,
        "viewed_at": at,
        "day": at.date(),
        **fields,
    }
    values.setdefault("offered_micros", values["price_micros"])
    with transaction.atomic():
        values.setdefault("number", line.take())
        impression = Impression.objects.create(**values)
    day, _ = CampaignDay.objects.get_or_create(campaign=ad.campaign, day=impression.day)
    CampaignDay.objects.filter(pk=day.pk).update(spent_micros=day.spent_micros + impression.price_micros)
    campaign = Campaign.objects.get(pk=ad.campaign_id)
    campaign.spent_micros += impression.price_micros
    campaign.save()
    return impression


def download(wallet: Wallet, album: Album, *, credits_micros: int = 5_000, at: datetime = NOON) -> Entry:
    """Credits spent on music of `album`."""
    return credits.spend(
        wallet,
        credits_micros,
        [[album.artist.payee_id, 10_000]],
        key=f"download:{next(_numbers)}",
        source=f"store.gate:{uuid.uuid4()}",
        facts={"title": album.title},
        at=at,
    )


def balance(code: str) -> int:
    return journal.balance(code)


def pending(album: Album) -> int:
    """Micros the album's payee has pending."""
    return balance(chart.payee(album.artist.payee_id, "pending", USD))
