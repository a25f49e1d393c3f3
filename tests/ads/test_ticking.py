"""The thread beside the requests: one for each process, and it outlives what fails."""

import logging
import os
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from ads.delivery import snapshots
from ads.delivery.candidates import Snapshot
from ads.delivery.ticking import Ticker
from tests.ads.factories import NOON, make_ad


@pytest.fixture
def ticker() -> Iterator[tuple[Ticker, threading.Semaphore, list[Exception]]]:
    done, failures = threading.Semaphore(0), list[Exception]()

    def work(at: datetime) -> None:
        done.release()
        if failures:
            raise failures.pop()

    one = Ticker("test", lambda: 0.005, work)
    yield one, done, failures
    one.stop()


def test_there_is_one_thread_however_many_ask_for_it(
    ticker: tuple[Ticker, threading.Semaphore, list[Exception]],
) -> None:
    one, done, _ = ticker
    askers = [threading.Thread(target=one.need) for _ in range(20)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert done.acquire(timeout=10)
    assert sum(thread.name == "ads: test" for thread in threading.enumerate()) == 1


def test_what_fails_is_logged_and_tried_again(
    ticker: tuple[Ticker, threading.Semaphore, list[Exception]], caplog: pytest.LogCaptureFixture
) -> None:
    one, done, failures = ticker
    failures.append(OSError("the database is away"))
    with caplog.at_level(logging.ERROR):
        one.need()
        assert all(done.acquire(timeout=10) for _ in range(3))
    assert "it is tried again" in caplog.text
    assert one.is_running


def test_a_forked_process_starts_a_thread_of_its_own(
    ticker: tuple[Ticker, threading.Semaphore, list[Exception]],
) -> None:
    one, done, _ = ticker
    one.need()
    assert done.acquire(timeout=10)
    child = os.fork()
    if not child:
        was_running = one.is_running
        while done.acquire(blocking=False):
            pass
        one.need()
        os._exit(0 if not was_running and done.acquire(timeout=10) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.django_db
def test_while_the_campaigns_cannot_be_read_the_last_snapshot_stays(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ADS_SNAPSHOT_SECONDS = 3_600.0
    make_ad()
    snapshots.forget()
    try:
        snapshots.keep_fresh()
        settings.ADS_SNAPSHOT_SECONDS = 3.0
        kept = snapshots.current(NOON)

        def fail(at: datetime) -> None:
            raise OSError("the database is away")

        monkeypatch.setattr(snapshots, "take", fail)
        snapshots._refresher.tick()
        assert snapshots.current(NOON + timedelta(minutes=10)) is kept
        with pytest.raises(OSError, match="away"):
            snapshots.current(NOON - timedelta(minutes=10))
    finally:
        snapshots._refresher.stop()
        snapshots.forget()


@pytest.mark.django_db
def test_a_snapshot_read_before_a_change_does_not_come_after_it(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ADS_SNAPSHOT_SECONDS = 3.0
    old, take = snapshots.take(NOON), snapshots.take

    def slowly(at: datetime) -> Snapshot:
        snapshots.forget()  # somebody pauses a campaign while it is read
        return old

    monkeypatch.setattr(snapshots, "take", slowly)
    snapshots._refresh(NOON)
    monkeypatch.setattr(snapshots, "take", take)
    try:
        assert snapshots.current(NOON) is not old
    finally:
        snapshots.forget()
