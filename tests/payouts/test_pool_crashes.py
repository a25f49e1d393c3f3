"""The sharing of a pool killed at every boundary there is, and beside a second worker: everybody is paid once."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from ledger import chart, journal
from ledger.models import Entry
from megabox import audit
from payouts import pool, tasks
from payouts.models import PoolShare, PoolSharing
from payouts.pool_figures import Figures
from tests.crashing import Arena, Clock, at_once, sweep
from tests.payouts.factories import MICROS, close_month, fill_pool, listen, make_song

Record = Callable[[str, object], None]
CLOSED = datetime(2026, 12, 8, 3, tzinfo=UTC)


class Sharing:
    """Nobody was played in October, two artists in November: one pool is carried on, and one is shared out."""

    patience = 0.0

    def __init__(self, clock: Clock) -> None:
        self.clock, self.payees = clock, list[int]()

    def given(self) -> None:
        """Once, before the arena is kept."""
        songs = [make_song(name) for name in ("Indie", "Star")]
        self.payees = [song.album.artist.payee_id for song in songs]
        listen("user:1", songs[0], 2)
        listen("user:2", songs[1], 7)
        fill_pool(10 * MICROS, "2026-10", at=datetime(2026, 10, 5, tzinfo=UTC))
        fill_pool(20 * MICROS)
        close_month(at=CLOSED)

    def begin(self) -> None:
        self.clock.now = CLOSED

    def work(self) -> object:
        return tasks.share_out_pools()

    def recover(self) -> None:
        """The clock comes an hour later."""
        self.clock.passes(hours=1)
        tasks.share_out_pools()

    def faults(self) -> Iterator[str]:
        """Each pool is empty, both artists have half of all, and what was stored is what was booked."""
        for payee_id in self.payees:
            if (has := journal.balance(chart.payee(payee_id, "pending", "USD"))) != 15 * MICROS:
                yield f"Payee {payee_id} has {has}."
        for month in ("2026-10", "2026-11"):
            if left := journal.balance(chart.pool(month, "USD")):
                yield f"{left} are left in the pool of {month}."
        counts = PoolSharing.objects.count(), PoolShare.objects.count(), Entry.objects.filter(kind=pool.SHARED).count()
        if counts != (2, 2, 1):
            yield f"There are {counts} sharings, shares and entries."
        yield from (str(finding) for finding in audit.findings(self.clock.now))


@pytest.fixture
def story(clock: Clock) -> Sharing:
    return Sharing(clock)


def test_a_sharing_killed_anywhere_pays_everybody_once(arena: Arena, story: Sharing, record_property: Record) -> None:
    story.given()
    arena.keep()
    swept = sweep(arena, story)
    record_property("crash points", swept.points)
    assert swept.faults == []
    commits = [name for name in swept.boundaries if "payouts_poolshare" in name]
    assert [name.split()[0] for name in commits] == ["before", "after"], "one commit stores and books it"
    assert all("ledger_posting" in name for name in commits)


def test_two_workers_at_once_share_out_once(arena: Arena, story: Sharing) -> None:
    story.given()
    arena.keep()
    for _ in range(5):
        arena.restore()
        story.begin()
        lives = at_once(story.work, story.work)
        assert [life.error for life in lives if life.error] == []
        assert list(story.faults()) == []


def test_one_worker_killed_anywhere_while_the_other_goes_on(arena: Arena, story: Sharing) -> None:
    story.given()
    arena.keep()
    killed = set()
    for crash_at in (1, 2, 3, 4, 5) * 3:  # whoever comes second has little to do, and ends before it is killed
        if crash_at in killed:
            continue
        arena.restore()
        story.begin()
        lives = at_once(story.work, story.work, crash_at=crash_at)
        if lives[0].is_killed:
            killed.add(crash_at)
        story.recover()
        assert list(story.faults()) == [], f"killed at {lives[0].boundaries[-1:]}"
    assert len(killed) >= 2


def test_the_sweep_notices_a_sharing_that_is_stored_before_it_is_booked(
    arena: Arena, story: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the sweep is there for: two transactions where one is needed."""

    def careless(sharing: PoolSharing, figures: Sequence[Figures]) -> PoolSharing:
        sharing.save(force_insert=True)
        rows = PoolShare.objects.bulk_create([pool._row(sharing, one) for one in figures])
        journal.post(sharing.entry_key, pool.SHARED, pool._lines(sharing, rows), occurred_at=sharing.booked_at)
        return sharing

    monkeypatch.setattr(pool, "_book", careless)
    story.given()
    arena.keep()
    faults = sweep(arena, story, is_first_fault_enough=True).faults
    assert f"Payee {story.payees[0]} has 0." in faults[0]
