"""Leases: a slice of a campaign's money that this process holds, so that it can offer ads by itself. In micros.

A process takes a slice of a campaign's money by one transaction, offers ads from it by itself for some seconds, and
gives back what it did not offer. The token of an offer names its lease. So an offer asks nobody, and spent and leased
together never exceed a campaign's budget, a day's cap, or what its advertiser has prepaid, whoever comes between and
whoever is killed: what a dead process held comes back when none of its tokens can live any more.

Tokens that live long and short are paid by different leases. So what was offered and not looked at comes back within
the seconds of a lease after its tokens died, by the row of the lease alone: no process needs to be alive, or to
remember. What was looked at and is not paid for in full, or not at all, gives back what it reserved at once.

Everybody takes the rows in one order, who charges (`ads.budgets.charges`) too: balances, and then campaign by campaign
its leases, its days and itself. Nobody waits in a ring.
"""

import os
import secrets
import socket
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from ads.budgets import funds
from ads.models import BudgetLease, Campaign, CampaignDay
from ads.tokens import LIFETIME_SECONDS

FIRST_VIEWS = 10
"""So many views a process asks for when it does not know yet how fast a campaign is shown."""
MOST_GROWTH = 8
"""A slice is at most so many times the one before."""
PART = 10
"""A slice is at most such a part of what is left, and at least one view: the last money is shared by all processes."""
FORGET_AFTER = timedelta(days=30)


class NothingLeft(Exception):
    """No money of this campaign can be had for another view now: show another ad."""


@dataclass(slots=True)
class _Slice:
    """What this process still may offer of one lease; `granted` and `left` in micros."""

    lease_id: int
    granted: int
    left: int
    day: date
    begins_at: datetime
    ends_at: datetime

    def lasts(self, at: datetime) -> bool:
        return self.begins_at <= at < self.ends_at


class _Purse:
    """One campaign's money in this process: the slice, or until when not to ask for one. One thread at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.slice: _Slice | None = None
        self.empty_at: datetime | None = None


_purses: dict[tuple[int, int], _Purse] = {}
"""By campaign and by how many seconds its tokens live."""
_holder = ""


def reserve(campaign_id: int, price_micros: int, at: datetime, lifetime_seconds: int = LIFETIME_SECONDS) -> int | None:
    """The lease that pays an offer of `price_micros` made at `at`, whose token lives at most so many seconds.

    None: its view is charged to the budget directly. Asks the database only when the slice of this process is empty or
    over. Raises NothingLeft.
    """
    if not price_micros or not settings.ADS_LEASE_SECONDS:
        return None
    key = (campaign_id, lifetime_seconds)
    purse = _purses.get(key) or _purses.setdefault(key, _Purse())
    with purse.lock:
        held = purse.slice
        if held is None or held.left < price_micros or not held.lasts(at):
            if _was_empty(purse, at):
                raise NothingLeft
            purse.slice = None  # whatever happens to us now: of the old one nothing is offered any more
            if held is not None:
                _shrink(held, at)
            purse.slice = _grant(campaign_id, price_micros, _expected(held, price_micros, at), at, lifetime_seconds)
            purse.empty_at = None if purse.slice else at
        held = purse.slice
        if held is None:
            raise NothingLeft
        held.left -= price_micros
        return held.lease_id


def left_here(campaign_id: int, at: datetime) -> int:
    """What this process may still offer of a campaign at `at` without asking, in micros."""
    held = [purse.slice for purse in _of(campaign_id)]
    return sum(one.left for one in held if one is not None and one.lasts(at))


def keep(campaign_ids: Collection[int], at: datetime) -> int:
    """Give back what was not offered of slices that are over, or of other campaigns than these; return how many."""
    return sum(
        _give_back(purse, at)
        for (campaign_id, _), purse in list(_purses.items())
        if (held := purse.slice) is not None and (held.ends_at <= at or campaign_id not in campaign_ids)
    )


def drop(campaign_ids: Iterable[int], at: datetime) -> int:
    """Give back what this process did not offer of these campaigns; return of how many slices."""
    return sum(_give_back(purse, at) for campaign_id in campaign_ids for purse in _of(campaign_id))


def forget() -> None:
    """Hold nothing any more, and give nothing back: what tests do, and a process that was forked."""
    global _holder, _purses
    _holder, _purses = "", {}


os.register_at_fork(after_in_child=forget)


def return_due(at: datetime) -> int:
    """Give back what leases were granted and did not bill, once none of their tokens lives at `at`; how many did.

    One short transaction each: safe to kill, and to run twice at once. All that was said before `at` is counted.
    """
    due = BudgetLease.objects.filter(returned_at=None, returns_at__lte=at).order_by("campaign", "pk")
    return sum(_return(lease_id, at) for lease_id in list(due.values_list("pk", flat=True)))


def forget_returned(at: datetime) -> int:
    """Delete leases that were returned long ago; return how many."""
    deleted, _ = BudgetLease.objects.filter(returned_at__lt=at - FORGET_AFTER).delete()
    return deleted


# --- taking a slice and giving it back


def _was_empty(purse: _Purse, at: datetime) -> bool:
    """Whether we asked so lately that the picture of what is live is still the one we asked by."""
    patience = timedelta(seconds=settings.ADS_SNAPSHOT_SECONDS)
    return purse.empty_at is not None and abs(at - purse.empty_at) < patience


def _of(campaign_id: int) -> list[_Purse]:
    return [purse for key, purse in list(_purses.items()) if key[0] == campaign_id]


def _give_back(purse: _Purse, at: datetime) -> bool:
    """Give back what was not offered of a slice; False when there is none."""
    with purse.lock:
        held, purse.slice = purse.slice, None
        if held is not None:
            _shrink(held, at)
    return held is not None


def _expected(before: _Slice | None, price_micros: int, at: datetime) -> int:
    """What this campaign will probably spend here in the seconds of a lease, by the slice before, in micros."""
    if before is None or at < before.begins_at:
        return FIRST_VIEWS * price_micros
    took_seconds = max(1, (min(at, before.ends_at) - before.begins_at) // timedelta(seconds=1))
    lasts_seconds: int = settings.ADS_LEASE_SECONDS
    return min((before.granted - before.left) * lasts_seconds // took_seconds, MOST_GROWTH * before.granted)


def _grant(campaign_id: int, price_micros: int, wanted: int, at: datetime, lifetime_seconds: int) -> _Slice | None:
    """Lease about `wanted` micros, in whole views of `price_micros`; None when not even one can be had.

    `lifetime_seconds` after its end none of its tokens lives any more.
    """
    day = at.astimezone(UTC).date()
    midnight = datetime.combine(day + timedelta(days=1), time.min, UTC)
    ends_at = min(at + timedelta(seconds=settings.ADS_LEASE_SECONDS), midnight)
    live = Campaign.objects.live().filter(pk=campaign_id)
    with transaction.atomic(durable=True):
        advertiser_id = live.values_list("advertiser", flat=True).first()
        if advertiser_id is None:
            return None
        covered = funds.leasable(advertiser_id)  # first, because balances are locked before campaigns
        today, _ = CampaignDay.objects.get_or_create(campaign_id=campaign_id, day=day)
        today = CampaignDay.objects.select_for_update(no_key=True).get(pk=today.pk)
        campaign = live.select_for_update(no_key=True, of=("self",)).first()
        if campaign is None:
            return None
        room = min(covered, campaign.unleased_micros)
        if campaign.daily_cap_micros is not None:
            room = min(room, campaign.daily_cap_micros - today.spent_micros - today.leased_micros)
        micros = min(wanted, room // PART) // price_micros * price_micros or price_micros
        if micros > room:
            return None
        _hold(campaign_id, day, micros)
        lease = BudgetLease.objects.create(
            campaign_id=campaign_id,
            holder=_name(),
            granted_micros=micros,
            day=day,
            granted_at=at,
            ends_at=ends_at,
            returns_at=ends_at + timedelta(seconds=lifetime_seconds),
        )
    return _Slice(lease.pk, granted=micros, left=micros, day=day, begins_at=at, ends_at=ends_at)


def _shrink(held: _Slice, at: datetime) -> None:
    """Give back what was not offered of a slice of ours: no token can ever ask for it."""
    if not held.left:
        return
    with transaction.atomic(durable=True):
        lease = BudgetLease.objects.select_for_update(no_key=True).filter(pk=held.lease_id, returned_at=None).first()
        if lease is None:
            return  # it came back already, with all that was left
        if held.left == lease.granted_micros:
            lease.returned_at = at
        else:
            lease.granted_micros -= held.left
        lease.save(update_fields=["granted_micros", "returned_at"])
        _hold(lease.campaign_id, lease.day, -held.left)


def _return(lease_id: int, at: datetime) -> bool:
    with transaction.atomic():
        if not BudgetLease.objects.filter(pk=lease_id, returned_at=None).update(returned_at=at):
            return False
        lease = BudgetLease.objects.get(pk=lease_id)
        if lease.left_micros:
            _hold(lease.campaign_id, lease.day, -lease.left_micros)
    return True


def _hold(campaign_id: int, day: date, micros: int) -> None:
    """Set so much more aside, of the day and of the budget; less when it is below zero."""
    for rows in (CampaignDay.objects.filter(campaign=campaign_id, day=day), Campaign.objects.filter(pk=campaign_id)):
        rows.update(leased_micros=F("leased_micros") + micros)


def _name() -> str:
    """This process, for the people who read the table."""
    global _holder
    if not _holder:
        _holder = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
    return _holder
