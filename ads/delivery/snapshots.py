"""Snapshots of the live campaigns: read every few seconds in each process, and written down to be replayed."""

import json
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from ads.budgets import leases
from ads.delivery import hours
from ads.delivery.candidates import MOST_GATE_ADS, Candidate, Snapshot
from ads.delivery.ticking import Ticker
from ads.models import Ad, Campaign, CampaignDay

_lock = threading.Lock()
_kept: Snapshot | None = None
_forgotten = 0


def current(at: datetime) -> Snapshot:
    """The snapshot of this process, read again when it is older than `settings.ADS_SNAPSHOT_SECONDS`.

    Where `keep_fresh` was called a thread reads it, and nobody waits: while it cannot, the last one stays.
    """
    global _kept
    kept = _kept
    most = timedelta(seconds=settings.ADS_SNAPSHOT_SECONDS)
    if kept is not None and most:
        age = at - kept.taken_at
        if abs(age) < most or (age > most and _refresher.is_running):
            return kept
    # One thread reads; the others that come meanwhile wait rather than ask the database the same.
    with _lock:
        if _kept is kept or _kept is None or abs(at - _kept.taken_at) >= most:
            _kept = _renewed(at)
        return _kept


def keep_fresh() -> None:
    """Have the snapshot of this process read in the background from now on, as long as this is called."""
    if settings.ADS_SNAPSHOT_SECONDS:
        _refresher.need()


def forget() -> None:
    """Read the next snapshot afresh, after a change that should show at once in this process."""
    global _kept, _forgotten
    _forgotten += 1
    _kept = None


def _renewed(at: datetime) -> Snapshot:
    taken = take(at)
    leases.keep({one.campaign_id for one in taken.candidates}, at)
    return taken


def _refresh(at: datetime) -> None:
    global _kept
    forgotten = _forgotten
    taken = _renewed(at)
    _ = taken.ranks  # worked out here, so that no request does
    if forgotten == _forgotten:  # else it was read before the change that should show
        _kept = taken


_refresher = Ticker("reading of the live campaigns", lambda: settings.ADS_SNAPSHOT_SECONDS, _refresh)


def take(at: datetime) -> Snapshot:
    """All that may be shown at `at`, read from the database: two queries, and one more when artists promote albums.

    What this process leased is set aside for others only.
    """
    days = CampaignDay.objects.filter(day=at.date()).values_list("campaign", "spent_micros", "leased_micros")
    spent_today = {
        campaign_id: spent + leased - leases.left_here(campaign_id, at) for campaign_id, spent, leased in days
    }
    showable = Ad.objects.showable().filter(campaign__state=Campaign.State.LIVE).order_by("pk")
    ads = list(showable.select_related(*_WITH))
    is_promoted = any(ad.campaign.kind == Campaign.Kind.CROSS for ad in ads)
    served = hours.promotions_served(at) if is_promoted else {}
    had_their_turn = {pk for pk, n in served.items() if n >= settings.ADS_PROMOTION_VIEWS}
    return Snapshot(at, tuple(_candidates(ads, spent_today, had_their_turn, at)))


_WITH = ("campaign__advertiser", "campaign__artist", "campaign__album")


def _candidates(
    ads: Iterable[Ad], spent_today: Mapping[int, int], had_their_turn: Collection[int], at: datetime
) -> Iterable[Candidate]:
    for ad in ads:
        campaign = ad.campaign
        cap = campaign.daily_cap_micros
        yield Candidate(
            ad_id=ad.pk,
            campaign_id=campaign.pk,
            kind=ad.kind,
            campaign_kind=campaign.kind,
            is_live=campaign.is_shown and campaign.pk not in had_their_turn,
            is_showable=ad.is_showable,
            owner_id=_owner_id(campaign),
            price_micros=campaign.price_micros,
            remaining_micros=campaign.unleased_micros + leases.left_here(campaign.pk, at),
            left_today_micros=None if cap is None else cap - spent_today.get(campaign.pk, 0),
            starts_at=campaign.starts_at,
            ends_at=campaign.ends_at,
            places=frozenset(campaign.places),
            genres=frozenset(campaign.genres),
            countries=frozenset(campaign.countries),
            frequency_cap=campaign.frequency_cap,
            advertiser_id=campaign.advertiser_id,
            artist_id=campaign.artist_id,
            moods=frozenset(campaign.moods),
            languages=frozenset(campaign.languages),
            hours=frozenset(campaign.hours),
            pass_permille=campaign.pass_permille,
            beside_artists=frozenset(campaign.beside_artists),
        )


def _owner_id(campaign: Campaign) -> int | None:
    """Who runs it: views of their own do not count."""
    behind = campaign.advertiser or campaign.artist
    return behind.owner_id if behind else None


# --- written down


def clipped(taken: Snapshot) -> Snapshot:
    """The same to every choice of at most `MOST_GATE_ADS`, without what none can notice: so it stays the same for long.

    Money counts only until so many views are left. Who runs a campaign is nobody's business; whoever writes a decision
    down says of which campaigns its listener could see no more.
    """
    return replace(taken, candidates=tuple(_clipped(one) for one in taken.candidates))


def to_json(taken: Snapshot) -> str:
    """The candidates of a snapshot as text, the same text for the same candidates; `from_json` gives them back."""
    rows = [{name: _plain(getattr(one, name)) for name in _NAMES} for one in taken.candidates]
    return json.dumps(rows, sort_keys=True, separators=(",", ":"))


def from_json(text: str, taken_at: datetime) -> Snapshot:
    """The snapshot that `to_json` wrote. Raises ValueError, KeyError or TypeError for any other text."""
    rows = ({name: _rich(name, value) for name, value in one.items()} for one in json.loads(text))
    return Snapshot(taken_at, tuple(Candidate(**row) for row in rows))


def _clipped(one: Candidate) -> Candidate:
    today = one.left_today_micros
    return replace(
        one,
        owner_id=None,
        advertiser_id=None,
        remaining_micros=_views_left(one.remaining_micros, one.price_micros),
        left_today_micros=None if today is None else _views_left(today, one.price_micros),
    )


def _views_left(micros: int, price_micros: int) -> int:
    """Money for whole views, three at most. What costs nothing needs only not to be overdrawn."""
    if not price_micros:
        return min(0, max(-1, micros))
    return max(0, min(micros // price_micros, MOST_GATE_ADS)) * price_micros


_NAMES = tuple(field.name for field in fields(Candidate))
_SETS = frozenset({"places", "genres", "countries", "moods", "languages", "hours", "beside_artists"})
_TIMES = frozenset({"starts_at", "ends_at"})


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _rich(name: str, value: Any) -> Any:
    if name in _SETS:
        return frozenset(value)
    return datetime.fromisoformat(value) if name in _TIMES and value is not None else value
