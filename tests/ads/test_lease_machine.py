"""Processes that lease, offer, die and go on, in any order, and offers that are seen, left, or looked at too shortly.

Nothing is spent twice, nothing is lost, and what is on its way can always be paid.

The end takes the look at what is prepaid away and sees the same machine, and the same threads, fail: so they prove it.
"""

import contextlib
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ads import audit, tokens
from ads.budgets import funds, leases
from ads.demand import campaigns
from ads.measurement import counting
from ads.models import Ad, BudgetLease, Campaign, CampaignDay, Impression
from ads.revenue import rejections, settlement
from ads.tokens import GATE_LIFETIME_SECONDS, LIFETIME_SECONDS, SLOT_LIFETIME_SECONDS
from ledger import audit as ledger_audit
from ledger import chart, journal
from ledger.journal import Line
from tests.ads.factories import NOON, USD, make_ad, make_advertiser, make_campaign, page_token, usd
from tests.artists.factories import make_album

KINDS = [
    "offer",
    "offer",
    "offer",
    "view",
    "view",
    "glance",
    "again",
    "unleased",
    "die",
    "keep",
    "return",
    "wait",
    "lapse",
    "long",
    "settle",
    "reject",
    "refund",
    "stop",
    "live",
    "live",
]
LEASE_SECONDS = 30
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2), st.integers(0, 1)), min_size=10, max_size=45)


class _World:
    """Three processes, two campaigns of one advertiser, and a clock.

    `prepaid` views of both budgets are paid for: with fewer than all, what is prepaid is what limits.
    """

    def __init__(self, price: int, views: int, cap: int | None, prepaid: int) -> None:
        leases.forget()
        self.price, self.at = price, NOON + timedelta(hours=11, minutes=40)
        self.is_short = prepaid < 2 * views
        self.advertiser = make_advertiser(prepaid=price * min(prepaid, 2 * views) + price // 2 + 1)
        terms: dict[str, Any] = {
            "budget_micros": price * views,
            "cpm_micros": price * 1_000,
            "daily_cap_micros": cap and cap * price,
        }
        self.ads = [make_ad(make_campaign(advertiser=self.advertiser, **terms)) for _ in range(2)]
        self.album, self.tokens, self.seen, self.refunds = make_album(), list[str](), list[str](), 0
        self.purses: list[dict[tuple[int, int], Any]] = [{}, {}, {}]

    def do(self, step: str, process: int, which: int) -> None:
        leases._purses = self.purses[process]
        getattr(self, f"_{step}")(self.ads[which], process)
        self.purses[process] = leases._purses
        self.at += timedelta(seconds=1)

    def _offer(self, ad: Ad, process: int) -> None:
        """Half of the offers live as long as those of the gate, half of them as those of a page."""
        lives = SLOT_LIFETIME_SECONDS if (self.at.second + process) % 2 else GATE_LIFETIME_SECONDS
        with contextlib.suppress(leases.NothingLeft):
            lease_id = leases.reserve(ad.campaign_id, self.price, self.at, lives)
            terms: dict[str, Any] = {"lease_id": lease_id, "lifetime_seconds": lives}
            self.tokens.append(page_token(ad, self.album, at=self.at, **terms))

    def _unleased(self, ad: Ad, process: int) -> None:
        if not self.is_short:  # the budget itself pays, and looks at no balance: all of it is prepaid
            self.tokens.append(page_token(ad, self.album, at=self.at))

    def _view(self, ad: Ad, process: int) -> None:
        if self.tokens:
            token = self.tokens.pop(len(self.tokens) // 2)
            self.seen.append(token)
            self.at += timedelta(seconds=2)  # what comes next, a rejection too, comes after it
            counting.record(token, "viewed", {"visible_ms": 1_500}, self.at)

    def _glance(self, ad: Ad, process: int) -> None:
        """Seen too shortly to count, or by a stranger of a network that saw much today: the rest comes back at once."""
        if self.tokens:
            token = self.tokens.pop(0)
            self.at += timedelta(seconds=2)
            counting.record(token, "viewed", {"visible_ms": 1_500 * process}, self.at, prefix_hash="school")

    def _again(self, ad: Ad, process: int) -> None:
        if self.seen:
            answer = counting.record(self.seen[0], "viewed", {"visible_ms": 1_500}, self.at + timedelta(seconds=2))
            assert answer in ("duplicate", "expired")

    def _die(self, ad: Ad, process: int) -> None:
        leases.forget()

    def _keep(self, ad: Ad, process: int) -> None:
        leases.keep({ad.campaign_id}, self.at)

    def _return(self, ad: Ad, process: int) -> None:
        leases.return_due(self.at)

    def _wait(self, ad: Ad, process: int) -> None:
        self.at += timedelta(seconds=20)

    def _lapse(self, ad: Ad, process: int) -> None:
        """What was offered beside music and not looked at until now never will be."""
        self.at += timedelta(seconds=SLOT_LIFETIME_SECONDS + LEASE_SECONDS)
        leases.return_due(self.at)

    def _long(self, ad: Ad, process: int) -> None:
        self.at += timedelta(minutes=16)

    def _settle(self, ad: Ad, process: int) -> None:
        settlement.settle_due(self.at)

    def _reject(self, ad: Ad, process: int) -> None:
        view = Impression.objects.viewed().filter(campaign=ad.campaign).first()
        if view:
            rejections.reject_batch([view.pk], at=self.at)

    def _refund(self, ad: Ad, process: int) -> None:
        """What is left goes back to the advertiser, as far as nothing holds it."""
        campaigns.pause_all(self.advertiser, self.at)
        free = funds.of(self.advertiser, self.at).free
        assert free >= 0 or self.is_short
        if free > 0:
            self.refunds += 1
            line = Line(chart.prepaid(self.advertiser.pk, USD), chart.stripe(USD), max(1, free // 3), USD)
            journal.post(f"back:{self.advertiser.pk}:{self.refunds}", "refund", [line], occurred_at=self.at)

    def _stop(self, ad: Ad, process: int) -> None:
        """A payment is disputed, and the bank decides for us."""
        campaigns.stop_all(self.advertiser, self.at)
        campaigns.allow(self.advertiser)

    def _live(self, ad: Ad, process: int) -> None:
        with contextlib.suppress(campaigns.NotReady, campaigns.NotPossible):
            campaigns.go_live(Campaign.objects.get(pk=ad.campaign_id), self.at)

    def check(self) -> None:
        """What holds at every moment."""
        mine = Campaign.objects.filter(advertiser=self.advertiser)
        for campaign in mine:
            assert campaign.spent_micros + campaign.leased_micros <= campaign.budget_micros
            held = sum(one.left_micros for one in BudgetLease.objects.filter(campaign=campaign, returned_at=None))
            assert campaign.leased_micros == held
            assert campaign.settled_micros == sum(campaign.groups.values_list("gross_micros", flat=True))
        for day in CampaignDay.objects.filter(campaign__in=mine).select_related("campaign"):
            cap = day.campaign.daily_cap_micros
            assert cap is None or day.spent_micros + day.leased_micros <= cap
        on_its_way: Counter[int] = Counter()
        for offer in map(tokens.verify, self.tokens):
            if offer.lease_id and offer.expires_at >= self.at:
                on_its_way[offer.lease_id] += offer.price_micros
        for lease in BudgetLease.objects.filter(pk__in=on_its_way):
            assert lease.returned_at is None
            assert lease.left_micros >= on_its_way[lease.pk], "whoever looks at an offer in time finds it paid"
        now = funds.of(self.advertiser, self.at)
        assert now.prepaid >= now.unbilled + now.held, "all that was seen and can be seen is paid for"


HISTORIES = given(
    steps=STEPS,
    price=st.integers(10, 9_000),
    views=st.integers(1, 40),
    cap=st.none() | st.integers(1, 12),
    prepaid=st.integers(0, 80),
)
SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.django_db
@SETTINGS
@HISTORIES
def test_no_history_of_processes_spends_more_than_there_is_or_loses_any(
    steps: list[tuple[str, int, int]], price: int, views: int, cap: int | None, prepaid: int
) -> None:
    _live_through(steps, price, views, cap, prepaid)


def _live_through(steps: list[tuple[str, int, int]], price: int, views: int, cap: int | None, prepaid: int) -> None:
    world = _World(price, views, cap, prepaid)
    for step, process, which in steps:
        world.do(step, process, which)
        world.check()
    leases.forget()
    leases.return_due(world.at + timedelta(seconds=31 + LIFETIME_SECONDS))
    mine = Campaign.objects.filter(advertiser=world.advertiser)
    assert not mine.exclude(leased_micros=0).exists()
    assert not CampaignDay.objects.filter(campaign__in=mine).exclude(leased_micros=0).exists()
    assert list(audit.findings()) == []
    assert list(ledger_audit.findings()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("prepaid", "watched"), [("0.3", 50), ("0.18", 30)], ids=["as much as their caps", "less than their caps"]
)
def test_threads_that_offer_watch_and_return_at_once_never_spend_more_than_there_is(prepaid: str, watched: int) -> None:
    assert _watch_at_once(prepaid) == watched, "of 0.15 a campaign and day, and not one view of what is prepaid is lost"


def _watch_at_once(prepaid: str) -> int:
    """Three threads watch two campaigns of one advertiser, one returns and settles; how many views were paid for."""
    advertiser = make_advertiser(prepaid=usd(prepaid))
    ads = [
        make_ad(make_campaign(advertiser=advertiser, budget_micros=usd("0.2"), daily_cap_micros=usd("0.15")))
        for _ in range(2)
    ]
    album = make_album()
    barrier = threading.Barrier(4)

    def watch_many(number: int) -> int:
        try:
            barrier.wait(timeout=20)
            return sum(_offer_and_watch(ads[turn % 2], album, NOON + timedelta(seconds=turn)) for turn in range(20))
        finally:
            connection.close()

    def give_back() -> int:
        try:
            barrier.wait(timeout=20)
            for turn in range(20):
                leases.drop([ads[turn % 2].campaign_id], NOON)
                settlement.settle_due(NOON + timedelta(minutes=1))
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(watch_many, n) for n in range(3)] + [pool.submit(give_back)]
        watched = sum(one.result(timeout=120) for one in running)
    spent = Campaign.objects.aggregate(total=Sum("spent_micros"))["total"]
    assert spent == 6_000 * watched == 6_000 * Impression.objects.viewed().count()
    leases.forget()
    leases.return_due(NOON + timedelta(hours=1))
    assert set(Campaign.objects.values_list("leased_micros", flat=True)) == {0}
    assert list(audit.findings()) == []
    return watched


# --- the machine bites


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever leases takes the balance's lock, and does not look at what is prepaid."""
    leasable = funds.leasable
    monkeypatch.setattr(funds, "leasable", lambda advertiser_id: leasable(advertiser_id) + usd("1000"))


@pytest.mark.django_db
@pytest.mark.usefixtures("blind")
def test_without_the_look_at_what_is_prepaid_the_machine_fails() -> None:
    once = settings(SETTINGS, max_examples=200, derandomize=True, database=None, phases=[Phase.generate])
    with pytest.raises(AssertionError, match="all that was seen and can be seen is paid for"):
        once(HISTORIES(_live_through))()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("blind")
def test_without_the_look_at_what_is_prepaid_threads_watch_more_than_that() -> None:
    assert _watch_at_once("0.18") > 30


def _offer_and_watch(ad: Ad, album: Any, at: datetime) -> bool:
    try:
        lease_id = leases.reserve(ad.campaign_id, 6_000, at)
    except leases.NothingLeft:
        return False
    token = page_token(ad, album, at=at, lease_id=lease_id)
    assert counting.record(token, "viewed", {"visible_ms": 1_500}, at + timedelta(seconds=2)) == "accepted"
    return True
