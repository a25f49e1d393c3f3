"""Leasing, offering, billing and returning killed at every boundary: no money is lost, and none is spent twice."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from ads.budgets import leases
from ads.measurement import gate_views
from ads.models import Ad, BudgetLease, Campaign, CampaignDay, Impression, Wallet
from ads.tokens import LIFETIME_SECONDS
from tests.ads.factories import NOON, gate_token, make_ad, make_campaign, make_wallet, usd
from tests.crashing import Arena, at_once, boundaries, findings, sweep

Record = Callable[[str, object], None]
SECOND = timedelta(seconds=1)
LATE = NOON + timedelta(seconds=120 + LIFETIME_SECONDS)


class Spend:
    """A process leases, shows two ads of which one is watched, gives back, and returns what is due."""

    patience = 0.0

    def begin(self) -> None:
        make_ad(make_campaign(daily_cap_micros=usd("1")))
        make_wallet("leo")
        leases.forget()

    def work(self) -> None:
        ad, wallet = Ad.objects.select_related("campaign").get(), Wallet.objects.get()
        for at in (NOON, NOON + 40 * SECOND):
            lease_id = leases.reserve(ad.campaign_id, ad.campaign.price_micros, at)
            token = gate_token(ad, wallet, at=at, lease_id=lease_id)
            gate_views.start(token, wallet, at)
        gate_views.confirm(token, wallet, "reading", NOON + 60 * SECOND)
        leases.keep((), NOON + 80 * SECOND)
        leases.return_due(LATE)

    def recover(self) -> None:
        """The process is gone, and with it what it knew; the clock goes on."""
        leases.forget()
        leases.return_due(LATE)
        leases.return_due(LATE)

    def faults(self) -> Iterator[str]:
        campaign = Campaign.objects.get()
        views = Impression.objects.viewed().count()
        if campaign.leased_micros or sum(CampaignDay.objects.values_list("leased_micros", flat=True)):
            yield f"{campaign.leased_micros} micros are still leased."
        if campaign.spent_micros != 6_000 * views or views > 1:
            yield f"{campaign.spent_micros} micros were spent for {views} views."
        if BudgetLease.objects.filter(returned_at=None).exists():
            yield "A lease is still open."
        yield from findings(LATE)


def test_killed_anywhere_what_was_leased_comes_back_or_was_watched(arena: Arena, record_property: Record) -> None:
    arena.keep()
    swept = sweep(arena, Spend())
    record_property("crash points", swept.points)
    assert swept.faults == []
    assert any("ads_budgetlease" in name for name in swept.boundaries)


@pytest.mark.sweep
def test_two_processes_one_killed_anywhere_hold_slices_of_their_own(arena: Arena, record_property: Record) -> None:
    arena.keep()
    story = Spend()
    points = boundaries(arena, story)
    faults = []
    for crash_at in range(len(points) + 1):
        arena.restore()
        story.begin()
        lives = at_once(story.work, _return_meanwhile, crash_at=crash_at)
        faults += [f"killed at {crash_at}: {life.error}" for life in lives if life.error]
        story.recover()
        faults += [f"killed at {crash_at}: {fault}" for fault in story.faults()]
    record_property("crash points", len(points) + 1)
    assert faults == []


def _return_meanwhile() -> None:
    """Another process leases too, and the clock returns what is due."""
    ad = Ad.objects.select_related("campaign").get()
    for _ in range(3):
        leases.reserve(ad.campaign_id, ad.campaign.price_micros, NOON)
        leases.return_due(NOON)
    leases.drop([ad.campaign_id], NOON)
