"""The pool of a month: shared out once among those who were played, or carried on; nothing is lost, nothing twice."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, connections, transaction

from artists import plays
from artists.models import Payee, Track
from ledger import audit as ledger_audit
from ledger import chart, journal, payees
from ledger.journal import Line
from ledger.models import Entry, Posting
from payouts import audit, pool, pool_figures, statements, tasks
from payouts.models import PoolShare, PoolSharing
from payouts.split_models import Model
from tests.artists.factories import make_payee, make_sheet
from tests.payouts.factories import IN_NOVEMBER, close_month, fill_pool, listen, make_song

pytestmark = pytest.mark.django_db

NOVEMBER = "2026-11"
CLOSED = datetime(2026, 12, 8, 3, tzinfo=UTC)
USD = 1_000_000


@pytest.fixture(autouse=True)
def _clean_books() -> Iterator[None]:
    yield
    if not connections["default"].needs_rollback:
        assert list(ledger_audit.findings()) == []


def payee_of(track: Track) -> Payee:
    return track.album.artist.payee


def pending(payee: Payee) -> int:
    return journal.balance(chart.payee(payee.pk, "pending", "USD"))


def left_in(month: str) -> int:
    return journal.balance(chart.pool(month, "USD"))


@pytest.fixture
def three_listeners() -> tuple[Track, Track]:
    """The first known answer of docs/money.md, a tenth of its plays: $30 between indie and star."""
    indie, star = make_song("Indie"), make_song("Star")
    listen("user:1", indie, 20)
    listen("user:2", star, 180)
    listen("guest:cy", indie, 5)
    listen("guest:cy", star, 5, at=IN_NOVEMBER + timedelta(days=1))
    fill_pool(30 * USD)
    return indie, star


# --- shared out


def test_a_closed_month_is_shared_out_among_those_who_were_played(three_listeners: tuple[Track, Track]) -> None:
    indie, star = map(payee_of, three_listeners)
    close_month()

    sharing = pool.share_out(NOVEMBER, at=CLOSED)

    assert sharing is not None
    assert (sharing.micros, sharing.plays, sharing.listeners, sharing.model) == (30 * USD, 210, 3, "user-centric")
    assert (pending(indie), pending(star), left_in(NOVEMBER)) == (15 * USD, 15 * USD, 0)
    assert list(audit.findings()) == []


def test_what_every_model_would_have_paid_is_kept(three_listeners: tuple[Track, Track]) -> None:
    close_month()
    sharing = pool.share_out(NOVEMBER, at=CLOSED)
    assert sharing is not None
    kept = {share.payee.name: share for share in sharing.shares.all()}
    assert kept["Indie"].by_model == {
        Model.USER_CENTRIC: 15 * USD,
        Model.PRO_RATA: 3_571_429,
        Model.ARTIST_CENTRIC: 3_571_429,
    }
    assert kept["Star"].by_model[Model.PRO_RATA] == 26_428_571
    assert (kept["Indie"].plays, kept["Indie"].listeners) == (25, 2)
    assert (kept["Star"].plays, kept["Star"].listeners) == (185, 2)


def test_the_model_is_the_one_that_was_set_and_stays_what_it_was(
    three_listeners: tuple[Track, Track], settings: LazySettings
) -> None:
    close_month()
    settings.POOL_MODEL = "pro-rata"
    sharing = pool.share_out(NOVEMBER, at=CLOSED)
    settings.POOL_MODEL = "user-centric"
    assert sharing is not None
    sharing.refresh_from_db()
    assert sharing.model == "pro-rata"
    assert pending(payee_of(three_listeners[0])) == 3_571_429


def test_each_line_says_what_it_is_and_names_its_row(three_listeners: tuple[Track, Track]) -> None:
    indie = payee_of(three_listeners[0])
    close_month()
    pool.share_out(NOVEMBER, at=CLOSED)

    share = PoolShare.objects.get(payee=indie)
    posting = Posting.objects.get(source=share.source)
    assert posting.entry.key == "pool:2026-11:USD:1"
    assert posting.entry.occurred_at == CLOSED, "in the month that is open, not in the closed one"
    assert posting.matures_on == date(2026, 12, 15)
    assert posting.facts == {
        "title": "Artists' pool, November 2026",
        "month": "2026-11",
        "plays": 25,
        "listeners": 2,
        "model": "user-centric",
        "pool_micros": 30 * USD,
        "rule": "user-centric, policy 1",
    }
    line = statements.line(indie, posting.pk)
    assert line is not None
    assert (line.title, line.kind, line.amount) == ("Artists' pool, November 2026", "earning", 15 * USD)


def test_it_matures_like_everything_that_was_earned(three_listeners: tuple[Track, Track]) -> None:
    indie = payee_of(three_listeners[0])
    close_month()
    pool.share_out(NOVEMBER, at=CLOSED)
    payees.mature(date(2026, 12, 14), at=CLOSED + timedelta(days=6))
    assert pending(indie) == 15 * USD
    payees.mature(date(2026, 12, 15), at=CLOSED + timedelta(days=7))
    assert (pending(indie), journal.balance(chart.payee(indie.pk, "payable", "USD"))) == (0, 15 * USD)


def test_a_shared_track_pays_all_who_share_it_and_counts_each_listener_once() -> None:
    one, two = make_song("Nova Kit"), make_song("Solo")
    drums = make_payee("Drums")
    make_sheet(one, [(payee_of(one), 7_000), (drums, 3_000)], at=IN_NOVEMBER - timedelta(days=1))
    make_sheet(two, [(drums, 10_000)], at=IN_NOVEMBER - timedelta(days=1))
    listen("user:1", one, 3)
    listen("user:1", two, 1, at=IN_NOVEMBER + timedelta(days=1))
    listen("user:2", two, 1)
    fill_pool(2_000_001)
    close_month()
    pool.share_out(NOVEMBER, at=CLOSED)
    # 1 000 001 by three to one: 750 001 and 250 000; the first by 70 to 30, and 1 000 000 to drums alone.
    assert (pending(payee_of(one)), pending(drums)) == (525_001, 225_000 + 250_000 + 1_000_000)
    shares = {share.payee_id: (share.plays, share.listeners) for share in PoolShare.objects.all()}
    assert shares == {payee_of(one).pk: (3, 1), drums.pk: (5, 2)}


def test_listeners_are_counted_alike_in_however_many_parts_the_columns_are_read(
    three_listeners: tuple[Track, Track], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_figures, "AT_ONCE", 1)
    close_month()
    pool.share_out(NOVEMBER, at=CLOSED)
    assert sorted(PoolShare.objects.values_list("plays", "listeners")) == [(25, 2), (185, 2)]


def test_guests_are_told_apart_and_can_be_left_out(
    three_listeners: tuple[Track, Track], settings: LazySettings
) -> None:
    close_month()
    assert plays.heard(*pool.window(NOVEMBER)).guests == 1
    settings.POOL_GUESTS = False
    sharing = pool.share_out(NOVEMBER, at=CLOSED)
    assert sharing is not None
    assert (sharing.plays, sharing.listeners, sharing.guests) == (200, 2, 0)


@pytest.mark.parametrize(("value", "is_good"), [("pro-rata", True), ("artist-centric", True), ("fair", False)])
def test_a_model_that_does_not_exist_is_refused_at_start(value: str, is_good: bool) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from megabox import settings; print(settings.POOL_MODEL)"],
        env={**os.environ, "DEBUG": "1", "POOL_MODEL": value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode == 0) is is_good
    assert (value if is_good else "POOL_MODEL is user-centric, pro-rata or artist-centric.") in (
        ended.stdout if is_good else ended.stderr
    )


def test_the_settings_know_every_model() -> None:
    assert [Model(value) for value in ("user-centric", "pro-rata", "artist-centric")] == list(Model)


def test_only_plays_of_the_month_count(three_listeners: tuple[Track, Track]) -> None:
    stranger = make_song("October")
    listen("user:9", stranger, at=datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC))
    listen("user:9", stranger, at=datetime(2026, 12, 1, tzinfo=UTC))
    close_month()
    pool.share_out(NOVEMBER, at=CLOSED)
    assert pending(payee_of(stranger)) == 0


def test_a_payee_who_would_get_less_than_a_micro_is_kept_without_a_posting() -> None:
    tracks = [make_song(f"Artist {n}") for n in range(3)]
    for track in tracks:
        listen("user:1", track)
    fill_pool(2)
    close_month()
    sharing = pool.share_out(NOVEMBER, at=CLOSED)
    assert sharing is not None
    assert sorted(sharing.shares.values_list("micros", flat=True)) == [0, 1, 1]
    assert Posting.objects.filter(entry__key=sharing.entry_key).count() == 2
    assert list(audit.findings()) == []


# --- when


def test_a_month_that_can_still_change_is_not_shared_out(three_listeners: tuple[Track, Track]) -> None:
    with pytest.raises(pool.MonthOpen):
        pool.share_out(NOVEMBER, at=CLOSED)
    assert pool.share_due(CLOSED) == 0
    assert left_in(NOVEMBER) == 30 * USD


def test_the_clock_shares_out_what_is_closed(
    three_listeners: tuple[Track, Track], monkeypatch: pytest.MonkeyPatch
) -> None:
    close_month()
    monkeypatch.setattr(tasks, "timezone", SimpleNamespace(now=lambda: CLOSED))
    tasks.share_out_pools()
    tasks.share_out_pools()
    assert left_in(NOVEMBER) == 0
    assert PoolSharing.objects.count() == 1


def test_an_empty_pool_leaves_nothing_behind(three_listeners: tuple[Track, Track]) -> None:
    close_month("2026-11")
    assert pool.share_out("2026-10", at=CLOSED) is None
    assert PoolSharing.objects.count() == 0


# --- nobody, and too late


def test_with_nobody_active_it_is_carried_to_the_next_month() -> None:
    fill_pool(30 * USD)
    close_month()
    sharing = pool.share_out(NOVEMBER, at=CLOSED)
    assert sharing is not None
    assert (sharing.carried_to, sharing.model) == ("2026-12", "")
    assert (left_in(NOVEMBER), left_in("2026-12")) == (0, 30 * USD)
    assert Entry.objects.get(kind="pool carried").postings.count() == 1
    assert list(audit.findings()) == []


def test_what_was_carried_is_shared_out_with_the_month_it_came_to() -> None:
    track = make_song()
    fill_pool(10 * USD, "2026-10", at=datetime(2026, 10, 5, tzinfo=UTC))
    fill_pool(30 * USD)
    listen("user:1", track)
    close_month()  # and so is October
    assert pool.share_due(CLOSED) == 2
    assert pending(payee_of(track)) == 40 * USD
    assert list(audit.findings()) == []


def test_what_comes_after_the_sharing_goes_to_the_next_month_that_is_not_shared_out() -> None:
    track = make_song()
    for month, at in (("2026-10", datetime(2026, 10, 5, tzinfo=UTC)), (NOVEMBER, IN_NOVEMBER)):
        listen("user:1", track, at=at)
        fill_pool(USD, month, at=at)
    close_month()
    assert pool.share_due(CLOSED) == 2
    for micros in (7, 5):  # a late expiry, and one later still
        fill_pool(micros, "2026-10", at=CLOSED)
        assert pool.share_due(CLOSED + timedelta(hours=1)) == 1
    assert (left_in("2026-10"), left_in(NOVEMBER), left_in("2026-12")) == (0, 0, 12)
    assert pending(payee_of(track)) == 2 * USD
    keys = list(Entry.objects.filter(kind="pool carried").order_by("pk").values_list("key", flat=True))
    assert keys == ["pool:2026-10:USD:2", "pool:2026-10:USD:3"]
    assert list(audit.findings()) == []


@pytest.mark.parametrize(("month", "following"), [("2026-11", "2026-12"), ("2026-12", "2027-01")])
def test_months_follow_each_other(month: str, following: str) -> None:
    assert pool.after(month) == following
    assert pool.before(following) == month
    assert pool.window(month)[1] == pool.window(following)[0]


# --- repeated, killed, by two at once


def test_sharing_out_twice_shares_once(three_listeners: tuple[Track, Track]) -> None:
    close_month()
    assert pool.share_out(NOVEMBER, at=CLOSED) is not None
    assert pool.share_out(NOVEMBER, at=CLOSED + timedelta(hours=1)) is None
    assert Entry.objects.filter(kind="pool shared out").count() == 1


def test_a_process_that_ends_in_the_middle_leaves_nothing(
    three_listeners: tuple[Track, Track], monkeypatch: pytest.MonkeyPatch
) -> None:
    close_month()

    def killed(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(journal, "post", killed)
        with pytest.raises(KeyboardInterrupt):
            pool.share_out(NOVEMBER, at=CLOSED)
    assert PoolSharing.objects.count() == PoolShare.objects.count() == 0
    assert pool.share_out(NOVEMBER, at=CLOSED) is not None
    assert left_in(NOVEMBER) == 0


def test_a_pool_that_changes_while_it_is_computed_is_computed_again(
    three_listeners: tuple[Track, Track], monkeypatch: pytest.MonkeyPatch
) -> None:
    close_month()
    compute, seen = pool_figures.compute, []

    def and_meanwhile(*args: Any) -> list[pool_figures.Figures]:
        seen.append(args[2])
        if len(seen) == 1:
            fill_pool(2, at=CLOSED)
        return compute(*args)

    monkeypatch.setattr(pool_figures, "compute", and_meanwhile)
    sharing = pool.share_out(NOVEMBER, at=CLOSED)
    assert seen == [30 * USD, 30 * USD + 2]
    assert sharing is not None and sharing.micros == 30 * USD + 2
    assert PoolSharing.objects.count() == 1
    assert (left_in(NOVEMBER), list(audit.findings())) == (0, [])


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_share_out_once(three_listeners: tuple[Track, Track]) -> None:
    close_month()
    start, made = threading.Barrier(2), []

    def work() -> None:
        try:
            start.wait(10)
            made.append(pool.share_out(NOVEMBER, at=CLOSED))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 2 and made.count(None) == 1
    assert pending(payee_of(three_listeners[0])) == 15 * USD
    assert list(audit.findings()) == []


def test_the_database_refuses_to_share_out_a_month_twice(three_listeners: tuple[Track, Track]) -> None:
    close_month()
    sharing = pool.share_out(NOVEMBER, at=CLOSED)
    assert sharing is not None
    sharing.pk, sharing.number = None, 2
    sharing._state.adding = True
    with pytest.raises(IntegrityError), transaction.atomic():
        sharing.save()


# --- the audit


def test_the_audit_finds_a_part_that_is_not_what_was_booked(three_listeners: tuple[Track, Track]) -> None:
    close_month()
    pool.share_out(NOVEMBER, at=CLOSED)
    share = PoolShare.objects.get(payee=payee_of(three_listeners[0]))
    PoolShare.objects.filter(pk=share.pk).update(micros=1, user_centric_micros=1)
    found = [finding.message for finding in audit.findings()]
    assert f"{share.source} is 1 micros to payee {share.payee_id}, 15000000 are booked." in found
    assert "pool:2026-11:USD:1 is 30000000 micros, its parts' micros sum to 15000001." in found
    assert "pool:2026-11:USD:1 is 30000000 micros, its parts' user_centric_micros sum to 15000001." in found


def test_the_audit_finds_an_entry_without_its_sharing_and_the_other_way_round() -> None:
    fill_pool(5)
    line = Line(chart.pool(NOVEMBER, "USD"), chart.pool("2026-12", "USD"), 2, "USD")
    journal.post("pool:2026-11:USD:9", "pool carried", [line], occurred_at=IN_NOVEMBER)
    PoolSharing.objects.create(
        month=NOVEMBER, unit="USD", micros=3, carried_to="2026-12", policy_version=1, booked_at=CLOSED
    )
    found = [finding.message for finding in audit.findings()]
    assert found == [
        "pool:2026-11:USD:1 is stored as 3 micros, and booked as None.",
        "pool:2026-11:USD:9 is stored as None micros, and booked as 2.",
    ]


def test_the_audit_finds_a_pool_that_is_stuck() -> None:
    fill_pool(5)
    fill_pool(5, "2026-12")
    close_month()
    now = Entry.objects.latest("pk").created_at
    soon, later = (max(now, CLOSED) + timedelta(hours=hours) for hours in (1, 25))
    assert [f for check in audit.checks(soon) for f in check.look()] == []
    stuck = [f.message for check in audit.checks(later) for f in check.look()]
    assert stuck == ["pool:2026-11:USD holds money that is neither shared out nor carried on."]
