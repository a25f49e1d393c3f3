"""A step that fails stops no other."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from ads import tasks as ads_tasks
from ads.revenue import settlement
from artists import albums, sweeping
from ledger import payees
from megabox import steps
from payouts import runs, transfers
from payouts import tasks as payouts_tasks
from store import tasks as store_tasks
from store.access import gate
from store.payments import waiting


class Broken(Exception):
    pass


def fail(*_: object, **__: object) -> int:
    raise Broken


def test_each_is_done_though_one_fails_and_the_failure_is_told(caplog: pytest.LogCaptureFixture) -> None:
    done = []
    with caplog.at_level(logging.ERROR), pytest.raises(Broken):
        steps.all_of([lambda: done.append("before"), fail, lambda: done.append("after")])
    assert done == ["before", "after"]
    assert "One step of several failed" in caplog.text


def test_what_they_return_is_summed_up() -> None:
    assert steps.all_of([lambda: 2, lambda: None, lambda: 3]) == 5


def test_of_two_failures_the_first_is_raised() -> None:
    def other() -> int:
        raise ValueError

    with pytest.raises(Broken):
        steps.all_of([fail, other])


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which of the last steps of each clock came about, though the first fails."""
    found: list[str] = []

    def note(module: object, name: str) -> None:
        monkeypatch.setattr(module, name, lambda *_, **__: found.append(name))

    monkeypatch.setattr(waiting, "work_on_events", fail)
    note(gate, "finish_waiting")
    monkeypatch.setattr(runs, "carry_on", fail)
    note(transfers, "send_due")
    monkeypatch.setattr(settlement, "close_due", fail)
    note(payees, "mature")
    monkeypatch.setattr(albums, "bring_out", fail)
    note(sweeping, "_sweep_exports")
    return found


@pytest.mark.django_db
def test_no_clock_stops_at_a_step_that_fails(done: list[str]) -> None:
    until = timezone.now() + timedelta(minutes=1)
    for clock in (
        store_tasks.sweep,
        payouts_tasks.sweep,
        ads_tasks.close_days,
        lambda: sweeping.sweep(lambda: datetime(2026, 11, 1, tzinfo=UTC), until=until),
    ):
        with pytest.raises(Broken):
            clock()
    assert done == ["finish_waiting", "send_due", "mature", "_sweep_exports"]
