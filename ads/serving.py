"""Which ad is shown: candidates from a snapshot in memory, one guard for each rule, then the best price.

`choose` is pure: the same snapshot, context and seed give the same answer, so any decision can be replayed. `pick`
gives it the snapshot of this moment, which is read again every few seconds and never for each request.
"""

import random
import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.db.models import F, QuerySet

from ads.models import Ad, Campaign, CampaignDay, Impression, Place, ServedHour, Wallet
from ads.tokens import Choice

__all__ = [
    "Candidate",
    "Choice",
    "Context",
    "Plan",
    "Snapshot",
    "choose",
    "context_for",
    "count_served",
    "forget",
    "pick",
    "plan",
    "reason_against",
    "snapshot",
]

MOST_GATE_ADS = 3
EXPLORE_PERCENT = 5
"""So many choices in a hundred beside music ignore the price, so that no campaign starves."""
REPEAT_AFTER = timedelta(minutes=5)
"""An ad seen more recently waits while there is another one."""

_KINDS_BY_PLACE: dict[str, tuple[str, ...]] = {
    Place.GATE: (Ad.Kind.IMAGE, Ad.Kind.AUDIO, Ad.Kind.TEXT),
    Place.PLAYER: (Ad.Kind.IMAGE, Ad.Kind.AUDIO, Ad.Kind.TEXT),
    Place.PAGE: (Ad.Kind.IMAGE, Ad.Kind.TEXT),
    Place.MEGAKEY: (Ad.Kind.IMAGE, Ad.Kind.TEXT),
}


@dataclass(frozen=True, slots=True)
class Context:
    """What is known where an ad is wanted: the music, the country, and what this listener saw today."""

    genre: str = ""
    country: str = ""
    user_id: int | None = None
    views_today: Mapping[int, int] = field(default_factory=dict)
    recent_ads: frozenset[int] = frozenset()
    seed: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One ad of one campaign, with all that the rules ask about. Amounts in micros."""

    ad_id: int
    campaign_id: int
    kind: str
    is_house: bool
    is_live: bool
    is_showable: bool
    owner_id: int | None
    price_micros: int
    remaining_micros: int
    left_today_micros: int | None
    starts_at: datetime
    ends_at: datetime | None
    places: frozenset[str]
    genres: frozenset[str]
    countries: frozenset[str]
    frequency_cap: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that may be shown, as it was at one moment."""

    taken_at: datetime
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the gate asks for, in micros of money behind credits, and the fewest ads that cover what is lacking."""

    asked_micros: int
    ads: tuple[Choice, ...]


def pick(place: str, context: Context, at: datetime, *, count: int = 1) -> list[Choice]:
    """At most `count` ads to show at `place` at `at`; house ads beside music when nobody pays."""
    return choose(snapshot(at), place, context, at, count=count)


def choose(taken: Snapshot, place: str, context: Context, at: datetime, *, count: int = 1) -> list[Choice]:
    """`pick` from a given snapshot. The same arguments always give the same answer."""
    chance = random.Random(f"{context.seed}|{place}")  # noqa: S311 - a lottery, not a secret
    able = [one for one in taken.candidates if reason_against(one, place, context, at) is None]
    paid = [one for one in able if not one.is_house]
    if not paid:
        able = [] if place == Place.GATE else able
        return [_choice(one) for one in _distinct(_shuffled(able, chance), context, count)]
    ranked = sorted(_shuffled(paid, chance), key=lambda one: (one.ad_id in context.recent_ads, -one.price_micros))
    # The gate promises the best paying ads, because they decide what a download costs: no lottery there.
    if place != Place.GATE and chance.randrange(100) < EXPLORE_PERCENT:
        ranked.insert(0, ranked.pop(chance.randrange(len(ranked))))
    return [_choice(one) for one in _distinct(ranked, context, count)]


def reason_against(one: Candidate, place: str, context: Context, at: datetime) -> str | None:
    """Why this ad is not shown here and now, or None. One guard for each rule."""
    if not one.is_live:
        return "not live"
    if not one.is_showable:
        return "not approved"
    if at < one.starts_at:
        return "not begun"
    if one.ends_at is not None and at >= one.ends_at:
        return "over"
    if place not in one.places or one.kind not in _KINDS_BY_PLACE[place]:
        return "another place"
    if one.price_micros > one.remaining_micros:
        return "budget spent"
    if one.left_today_micros is not None and one.price_micros > one.left_today_micros:
        return "day's cap reached"
    if one.genres and context.genre not in one.genres:
        return "other music"
    if one.countries and context.country not in one.countries:
        return "other countries"
    if one.owner_id is not None and one.owner_id == context.user_id:
        return "own campaign"
    if context.views_today.get(one.campaign_id, 0) >= one.frequency_cap:
        return "seen often enough"
    return None


def plan(credit_price_micros: int, wallet_micros: int, ads: Sequence[Choice]) -> Plan:
    """What a download asks for: min(credit price, wallet + what the best three ads pay), and the fewest ads for it.

    All in micros of money behind credits; `ads` as `pick` gave them. Source: docs/money.md.
    """
    best = sorted(ads, key=lambda ad: -ad.price_micros)[:MOST_GATE_ADS]
    asked = min(credit_price_micros, wallet_micros + sum(ad.price_micros for ad in best))
    needed: list[Choice] = []
    covered = wallet_micros
    for ad in best:
        if covered >= asked:
            break
        needed.append(ad)
        covered += ad.price_micros
    return Plan(asked_micros=asked, ads=tuple(needed))


def context_for(
    wallet: Wallet | None,
    at: datetime,
    *,
    genre: str = "",
    country: str = "",
    user_id: int | None = None,
    seed: str | None = None,
) -> Context:
    """The context of a listener at `at`; one query for what they saw today, none for somebody without a wallet."""
    views: dict[int, int] = {}
    recent: set[int] = set()
    if wallet is not None:
        seen = views_since(wallet.pk, _day_start(at)).values_list("campaign", "ad", "viewed_at")
        for campaign_id, ad_id, viewed_at in seen:
            views[campaign_id] = views.get(campaign_id, 0) + 1
            if viewed_at > at - REPEAT_AFTER:
                recent.add(ad_id)
    return Context(
        genre=genre,
        country=country,
        user_id=user_id,
        views_today=views,
        recent_ads=frozenset(recent),
        seed=secrets.token_hex(8) if seed is None else seed,
    )


def views_today(wallet_id: int, campaign_id: int, at: datetime) -> int:
    """How often this wallet viewed this campaign on the UTC day of `at`."""
    return views_since(wallet_id, _day_start(at)).filter(campaign=campaign_id).count()


def views_since(wallet_id: int, since: datetime) -> QuerySet[Impression]:
    """The views of one wallet from `since` on."""
    return Impression.objects.viewed().filter(wallet=wallet_id, viewed_at__gte=since)


def count_served(campaign_id: int, place: str, at: datetime) -> None:
    """Count one offer. A number for reports, apart from every transaction that moves money."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    row = ServedHour.objects.filter(campaign=campaign_id, place=place, hour=hour)
    if not row.update(count=F("count") + 1):
        ServedHour.objects.get_or_create(campaign_id=campaign_id, place=place, hour=hour)
        row.update(count=F("count") + 1)


# --- the snapshot

_lock = threading.Lock()
_kept: Snapshot | None = None


def snapshot(at: datetime) -> Snapshot:
    """The snapshot of this process, read again when it is older than `settings.ADS_SNAPSHOT_SECONDS`."""
    global _kept
    kept = _kept
    most = timedelta(seconds=settings.ADS_SNAPSHOT_SECONDS)
    if kept is not None and most and abs(at - kept.taken_at) < most:
        return kept
    # One thread reads; the others that come meanwhile wait rather than ask the database the same.
    with _lock:
        if _kept is kept or _kept is None or abs(at - _kept.taken_at) >= most:
            _kept = _take(at)
        return _kept


def forget() -> None:
    """Read the next snapshot afresh, after a change that should show at once in this process."""
    global _kept
    _kept = None


def _take(at: datetime) -> Snapshot:
    spent_today = dict(CampaignDay.objects.filter(day=at.date()).values_list("campaign", "spent_micros"))
    ads = Ad.objects.showable().filter(campaign__state=Campaign.State.LIVE).order_by("pk")
    return Snapshot(at, tuple(_candidates(ads.select_related("campaign__advertiser"), spent_today)))


def _candidates(ads: Iterable[Ad], spent_today: Mapping[int, int]) -> Iterable[Candidate]:
    for ad in ads:
        campaign = ad.campaign
        cap = campaign.daily_cap_micros
        yield Candidate(
            ad_id=ad.pk,
            campaign_id=campaign.pk,
            kind=ad.kind,
            is_house=campaign.kind == Campaign.Kind.HOUSE,
            is_live=campaign.state == Campaign.State.LIVE,
            is_showable=ad.is_showable,
            owner_id=campaign.advertiser.owner_id if campaign.advertiser else None,
            price_micros=campaign.price_micros,
            remaining_micros=campaign.remaining_micros,
            left_today_micros=None if cap is None else cap - spent_today.get(campaign.pk, 0),
            starts_at=campaign.starts_at,
            ends_at=campaign.ends_at,
            places=frozenset(campaign.places),
            genres=frozenset(campaign.genres),
            countries=frozenset(campaign.countries),
            frequency_cap=campaign.frequency_cap,
        )


def _shuffled(candidates: Sequence[Candidate], chance: random.Random) -> list[Candidate]:
    """Equal prices take turns."""
    return chance.sample(candidates, len(candidates))


def _distinct(ranked: Sequence[Candidate], context: Context, count: int) -> list[Candidate]:
    """The first `count`: one ad of each campaign first, then other ads of the same ones within their caps."""
    taken: list[Candidate] = []
    of_campaign: dict[int, int] = {}
    for is_second_round in (False, True):
        for one in ranked:
            so_far = of_campaign.get(one.campaign_id, 0)
            if len(taken) == count:
                return taken
            if one in taken or (so_far and not is_second_round):
                continue
            if is_second_round and not _has_room(one, so_far, context):
                continue
            taken.append(one)
            of_campaign[one.campaign_id] = so_far + 1
    return taken


def _has_room(one: Candidate, so_far: int, context: Context) -> bool:
    cost = one.price_micros * (so_far + 1)
    is_under_cap = one.left_today_micros is None or cost <= one.left_today_micros
    views = context.views_today.get(one.campaign_id, 0) + so_far
    return cost <= one.remaining_micros and is_under_cap and views < one.frequency_cap


def _choice(one: Candidate) -> Choice:
    return Choice(ad_id=one.ad_id, campaign_id=one.campaign_id, price_micros=one.price_micros)


def _day_start(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time.min, UTC)
