"""Settlement killed at every boundary there is: afterwards the books are those of a settlement that was not killed.

The boundaries are counted, not chosen (tests/crashing.py), so this knows nothing of how settlement works inside.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import models, transaction

from ads import tasks
from ads.models import BookDay, Campaign, Impression, ImpressionGroup, Invalidation, Place
from ads.revenue import billing, invalidations, rejections
from ads.revenue.invalidations import Criteria
from ads.traffic.fraud import Reason
from ledger import payees
from ledger.models import Posting
from tests.ads.factories import (
    DAY,
    NEXT_DAY,
    NOON,
    make_ad,
    make_campaign,
    make_impression,
    make_wallet,
    see,
    usd,
    watch,
)
from tests.artists.factories import make_album
from tests.crashing import Arena, Clock, at_once, boundaries, findings, sweep
from tests.users.factories import ada

Record = Callable[[str, object], None]
WEEK_LATER = NOON + timedelta(days=9)


@pytest.fixture(autouse=True)
def _batches_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few groups are many: what is billed or matured some at a time is killed between two batches too."""
    monkeypatch.setattr(billing, "GROUPS_AT_ONCE", 1)
    monkeypatch.setattr(payees, "_AT_ONCE", 1)
    monkeypatch.setattr(rejections, "VIEWS_AT_ONCE", 2)


class AdsStory:
    """A day of views beside music, at the gate and in the extension, for two campaigns; one view is rejected later."""

    patience = 0.0

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.end: dict[str, Any] = {}
        """How it ends when nobody is killed: what every other end is held against."""

    def given(self) -> None:
        """Once, before the arena is kept."""
        self.clock.now = NOON
        wallet = make_wallet("guest")
        albums = [make_album("One"), make_album("Two")]
        for number, micros in enumerate(("100", "0.018")):  # the second one has money for three views
            campaign = make_campaign(budget_micros=usd(micros))
            ad = make_ad(campaign)
            at = NOON + timedelta(hours=number)
            see(ad, albums[0], at=at, shares=[[41, 3_333], [42, 3_333], [43, 3_334]])
            see(ad, albums[1], at=at + timedelta(minutes=1))
            watch(ad, wallet, at=at + timedelta(minutes=2))
            if not number:
                see(ad, at=at + timedelta(minutes=3), place=Place.MEGAKEY, wallet_id=wallet.pk, shares=[])

    def begin(self) -> None:
        self.clock.now = NEXT_DAY

    def work(self) -> object:
        """The hourly clock comes."""
        return tasks.settle()

    def recover(self) -> None:
        """The hourly clock comes again, and once more."""
        for _ in range(2):
            self.clock.passes(hours=1)
            tasks.settle()

    def faults(self) -> Iterator[str]:
        """No room finds anything, and everything is as it is when nobody is killed."""
        yield from findings(self.clock.now)
        found = ended()
        self.end = self.end or found
        yield from (f"{key} is {found.get(key)}, not {self.end.get(key)}." for key in differences(found, self.end))


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


def ended() -> dict[str, Any]:
    """What the books, the groups, the days and the campaigns say."""
    moved: Counter[str] = Counter()
    for debit, credit, amount in Posting.objects.values_list("debit__code", "credit__code", "amount"):
        moved[debit] += amount
        moved[credit] -= amount
    end: dict[str, Any] = dict(moved)
    for group in ImpressionGroup.objects.all():
        key = f"group of campaign {group.campaign_id}, {group.beneficiary}, {group.day}"
        end[key] = (group.count, group.gross_micros, group.posted_micros)
    end |= {f"day {day}": state for day, state in BookDay.objects.values_list("day", "state")}
    end |= {f"campaign {pk}": spent for pk, spent in Campaign.objects.values_list("pk", "spent_micros")}
    return end


class MoreViews(AdsStory):
    """What was settled once is settled again, with what came since."""

    def given(self) -> None:
        super().given()
        self.clock.now = NOON + timedelta(hours=3)
        tasks.settle()
        campaign = Campaign.objects.order_by("pk")[0]
        for view in Impression.objects.filter(campaign=campaign, place=Place.PAGE):
            see(view.ad, view.album, at=NOON + timedelta(hours=4), shares=view.shares)


class WholeLife(AdsStory):
    """Settled, closed, reviewed for a week, final and matured, in one sitting."""

    def work(self) -> object:
        tasks.settle()
        for days in (1, 8):
            self.clock.passes(days=days)
            tasks.close_days()
        return tasks.settle()

    def recover(self) -> None:
        self.clock.now = WEEK_LATER + timedelta(days=1)
        for _ in range(2):
            tasks.settle()
            tasks.close_days()


class TooLate(AdsStory):
    """A view of a day that is final already stands in line again for an open one."""

    def given(self) -> None:
        super().given()
        self.clock.now = WEEK_LATER
        tasks.close_days()
        tasks.close_days()
        assert BookDay.objects.state(DAY) == "FINAL"
        campaign = Campaign.objects.order_by("pk")[0]
        for view in Impression.objects.filter(campaign=campaign, place=Place.PAGE):
            make_impression(view.ad, album=view.album, beneficiary=view.beneficiary, shares=view.shares)

    def begin(self) -> None:
        self.clock.now = WEEK_LATER + timedelta(hours=1)

    def work(self) -> object:
        tasks.settle()
        self.clock.passes(hours=1)
        return tasks.settle()


class Rejected(AdsStory):
    """Views that were settled turn out invalid; whoever reviews them goes on where they were stopped."""

    def given(self) -> None:
        super().given()
        self.clock.now = NEXT_DAY
        tasks.settle()

    def work(self) -> None:
        for view in Impression.objects.order_by("viewed_at").filter(place__in=[Place.PAGE, Place.GATE]):
            rejections.reject_batch([view.pk], at=self.clock.now)

    def recover(self) -> None:
        self.clock.passes(minutes=2)
        self.work()


class Ordered(Rejected):
    """Somebody of the staff ordered it, workers do it in steps, and the sweeper finds the order again."""

    def given(self) -> None:
        super().given()
        wanted = Criteria(DAY, DAY)
        found = invalidations.preview(wanted)
        invalidations.order(
            wanted,
            through=found.through,
            total=found.count,
            reason=Reason.BOT,
            note="a farm",
            by=ada(),
            at=self.clock.now,
        )

    def work(self) -> None:
        for pk in invalidations.waiting_ids(self.clock.now):
            invalidations.work(pk, self.clock.now)

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        order = Invalidation.objects.get()
        if (order.state, order.done) != ("DONE", order.total):
            yield f"The order is {order.state}: {order}."


STORIES = {story.__name__: story for story in (AdsStory, MoreViews, WholeLife, TooLate, Rejected, Ordered)}


@pytest.mark.parametrize("story", STORIES)
def test_killed_anywhere_the_books_end_as_if_nobody_was_killed(
    arena: Arena, clock: Clock, record_property: Record, story: str
) -> None:
    told = STORIES[story](clock)
    told.given()
    arena.keep()

    swept = sweep(arena, told)

    record_property("crash points", swept.points)
    assert swept.faults == []
    assert any("ledger_posting" in boundary for boundary in swept.boundaries), "something was posted"


@pytest.mark.parametrize("story", ["AdsStory", "Rejected", "Ordered"])
def test_two_workers_at_once_one_of_them_killed_anywhere_post_once(
    arena: Arena, clock: Clock, record_property: Record, story: str
) -> None:
    told = STORIES[story](clock)
    told.given()
    arena.keep()
    faults = list(_together(arena, told, 0))
    alone = len(boundaries(arena, told))
    for crash_at in range(1, alone + 1):
        faults += _together(arena, told, crash_at)
    record_property("crash points", alone + 1)
    assert faults == []


def _together(arena: Arena, story: AdsStory, crash_at: int) -> Iterator[str]:
    arena.restore()
    story.begin()
    lives = at_once(story.work, story.work, crash_at=crash_at)
    yield from (life.error for life in lives if life.error)
    story.recover()
    yield from story.faults()


def test_the_sweep_notices_a_settlement_without_transactions(
    arena: Arena, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = AdsStory(clock)
    work = story.work

    def careless() -> object:
        monkeypatch.setattr(transaction.Atomic, "__enter__", lambda _: None)
        monkeypatch.setattr(transaction.Atomic, "__exit__", lambda *_: None)
        monkeypatch.setattr(models.QuerySet, "select_for_update", lambda rows, **_: rows)
        return work()  # in the child only

    monkeypatch.setattr(story, "work", careless)
    story.given()
    arena.keep()

    assert sweep(arena, story, is_first_fault_enough=True).faults != []
