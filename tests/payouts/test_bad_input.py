"""What a run refuses, each with a sentence, and nothing moves."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction

from ledger import chart, journal
from ledger.journal import Line
from payouts import contents, decisions, outlook, reservations, runs, tasks, transfers
from payouts.models import Attempt, Payout, PayoutRun
from tests.payouts.factories import MICROS, NOON, approve, earn, executing_run, make_payee, open_run, payable
from tests.payouts.test_decisions import assert_clean, at_once
from tests.standin.server import Standin
from tests.users.factories import ada, max_

pytestmark = pytest.mark.django_db
State = PayoutRun.State


# --- twice


@pytest.mark.django_db(transaction=True)
def test_a_run_opened_by_two_people_at_once_is_one_run() -> None:
    earn(make_payee(), 60 * MICROS)
    first, second = ada(), max_()

    raised = at_once(
        lambda: runs.open_run(unit="USD", period="2026-11", by=first, at=NOON),
        lambda: runs.open_run(unit="USD", period="2026-11", by=second, at=NOON),
    )

    assert [type(error) for error in raised] == [runs.WrongState]
    assert "Finish or cancel it first" in str(raised[0])
    run = PayoutRun.objects.get()
    assert (run.state, run.payouts.count()) == (State.COMPUTED, 1)


def test_a_run_that_somebody_is_computing_is_not_computed_by_another() -> None:
    earn(make_payee(), 60 * MICROS)
    run = open_run()
    PayoutRun.objects.filter(pk=run.pk).update(claimed_by="ada", claimed_until=NOON + timedelta(seconds=60))

    with pytest.raises(runs.WrongState, match="computing this run right now"):
        runs.prepare(run.pk, at=NOON)

    assert runs.prepare(run.pk, at=NOON + timedelta(seconds=61)).state == State.COMPUTED


def test_a_run_cancelled_while_it_is_computed_stays_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    run = open_run()
    real = contents.compute

    def interrupted(*args: Any) -> Any:
        runs.cancel(run.pk, by=max_(), at=NOON)
        return real(*args)

    monkeypatch.setattr(contents, "compute", interrupted)
    with pytest.raises(runs.WrongState, match="was cancelled"):
        runs.prepare(run.pk, at=NOON)

    run.refresh_from_db()
    assert run.state == State.CANCELLED
    assert_clean()


@pytest.mark.django_db(transaction=True)
def test_a_run_approved_twice_at_once_reserves_once() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    run = open_run()
    person = max_()

    raised = at_once(*[lambda: runs.approve(run.pk, by=person, seen_hash=run.content_hash, at=NOON)] * 2)

    assert [type(error) for error in raised] in ([runs.WrongState], [])
    assert journal.balance(chart.transit("USD")) == 60 * MICROS
    assert_clean()


# --- changed


def test_a_run_whose_payouts_were_changed_in_the_database_is_not_approved() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    run = open_run()
    run.payouts.update(destination="acct_thief")

    with pytest.raises(runs.Changed, match="somebody changed them"):
        approve(run)

    assert payable(nina) == 60 * MICROS
    run.refresh_from_db()
    assert run.state == State.COMPUTED


def test_a_run_computed_again_in_the_moment_of_its_approval_is_not_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    run = open_run()
    real = contents.stored_hash

    def interrupted(found: PayoutRun) -> str:
        same = real(found)
        earn(nina, 5 * MICROS)
        runs.prepare(run.pk, at=NOON)
        return same

    monkeypatch.setattr(contents, "stored_hash", interrupted)
    with pytest.raises(runs.Changed, match="computed again"):
        approve(run)

    assert payable(nina) == 65 * MICROS


# --- amounts


@pytest.mark.parametrize("unit", ["usd", "XCR", "XXX", "", "JPY", "US", "DOLLAR"])
def test_a_run_in_a_unit_nobody_is_paid_in_is_refused(unit: str) -> None:
    with pytest.raises(runs.BadUnit, match="Nobody is paid in"):
        open_run(unit=unit)

    assert not PayoutRun.objects.exists()


@pytest.mark.parametrize("micros", [-1, 0, -50 * MICROS, 9_999_999])
def test_a_threshold_below_the_least_is_refused(micros: int) -> None:
    nina = make_payee()

    with pytest.raises(outlook.BadThreshold, match="The least you can choose is"):
        outlook.choose_threshold(nina, micros, "USD", NOON)

    nina.refresh_from_db()
    assert nina.threshold_micros is None


@pytest.mark.parametrize(
    "fields",
    [
        {"amount_micros": -1},
        {"amount_micros": 0},
        {"amount_cents": -1},
        {"amount_micros": 61 * MICROS},
        {"rail": "SEPA", "destination": "bank:1"},  # SEPA pays euros only
    ],
)
def test_the_database_refuses_a_payout_of_nothing_of_too_much_or_in_a_foreign_currency(fields: dict[str, Any]) -> None:
    earn(make_payee(), 60 * MICROS)
    run = open_run()

    with pytest.raises(IntegrityError), transaction.atomic():
        run.payouts.update(**fields)


@pytest.mark.parametrize("amount", [-1, 0, 1.5, True])
def test_the_books_refuse_a_reservation_that_is_no_amount(amount: Any) -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    line = Line(chart.payee(nina.pk, "payable", "USD"), chart.transit("USD"), amount, "USD")

    with pytest.raises(journal.BadEntry, match="whole number of micros above zero"):
        journal.post("payout-run:1:reserved", "payout reserved", [line], occurred_at=NOON)

    assert payable(nina) == 60 * MICROS


def test_the_books_refuse_a_reservation_in_a_foreign_currency() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    line = Line(chart.payee(nina.pk, "payable", "USD"), chart.transit("EUR"), 1 * MICROS, "EUR")

    with pytest.raises(journal.UnitMismatch):
        journal.post("payout-run:1:reserved", "payout reserved", [line], occurred_at=NOON)


# --- a clock that goes back

EARLIER = NOON - timedelta(seconds=1)


def computed() -> PayoutRun:
    earn(make_payee(), 60 * MICROS)
    return open_run()


STEPS: dict[str, Callable[[], object]] = {
    "opened": lambda: computed() and open_run(unit="EUR", at=EARLIER),
    "computed": lambda: runs.prepare(computed().pk, at=EARLIER),
    "approved": lambda: approve(computed(), at=EARLIER),
    "cancelled": lambda: runs.cancel(computed().pk, by=ada(), at=EARLIER),
    "executed": lambda: runs.execute(approve(computed()).pk, by=ada(), at=EARLIER),
    "paused": lambda: computed() and decisions.pause(runs_executing().pk, by=ada(), why="look", at=EARLIER),
    "given back": lambda: decisions.release(runs_executing().payouts.get().pk, by=ada(), why="look", at=EARLIER),
}


def runs_executing() -> PayoutRun:
    found = PayoutRun.objects.first()
    if found is None:
        earn(make_payee(), 60 * MICROS)
        return executing_run()
    return runs.execute(approve(found).pk, by=ada(), at=NOON)


@pytest.mark.parametrize("step", STEPS)
def test_a_clock_that_goes_back_decides_nothing(step: str) -> None:
    with pytest.raises(runs.ClockWentBack, match=r"Set the clock of this machine right"):
        STEPS[step]()

    assert PayoutRun.objects.count() == 1
    assert_clean()


def test_a_run_that_was_paused_and_resumed_knows_the_time_of_both() -> None:
    run = runs_executing()
    decisions.pause(run.pk, by=ada(), why="A look at the list.", at=NOON + timedelta(hours=1))
    decisions.resume(run.pk, by=ada(), at=NOON + timedelta(hours=3))
    with pytest.raises(runs.ClockWentBack):
        decisions.pause(run.pk, by=ada(), why="Again.", at=NOON + timedelta(hours=2))


def test_a_clock_that_goes_back_never_sends_a_key_whose_age_it_cannot_know(standin: Standin) -> None:
    nina = make_payee(stripe_account=standin.payable_account())
    earn(nina, 60 * MICROS)
    payout = executing_run().payouts.get()
    standin.fail("/v1/transfers", "drop_after_success")
    transfers.send(payout.pk, by="worker-1", at=NOON)
    asked = len(standin.requests("/v1/transfers"))
    Payout.objects.filter(pk=payout.pk).update(next_try_at=None)

    transfers.send(payout.pk, by="worker-2", at=NOON - timedelta(days=2))

    payout.refresh_from_db()
    assert (payout.state, payout.attempts.get().error_code) == (Payout.State.UNKNOWN, "clock went back")
    assert len(standin.requests("/v1/transfers")) == asked
    Payout.objects.filter(pk=payout.pk).update(next_try_at=None)
    transfers.send(payout.pk, by="worker-1", at=NOON + timedelta(hours=1))
    payout.refresh_from_db()
    assert payout.state == Payout.State.PAID
    assert payout.attempts.get().state == Attempt.State.SUCCEEDED
    assert len(standin.transfers(payout.transfer_group)) == 1


# --- killed in the middle of many


def many(count: int = 5) -> None:
    for number in range(count):
        earn(make_payee(f"Payee {number}"), 60 * MICROS)


class Killed(BaseException):
    """kill -9, as far as one process can play it."""


def kill_after(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, times: int) -> None:
    """The process dies when it calls this function once more than `times`."""
    real, calls = getattr(module, name), []

    def dying(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) > times:
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, dying)


def test_an_approval_killed_between_two_batches_is_finished_by_the_sweeper(monkeypatch: pytest.MonkeyPatch) -> None:
    many()
    run = open_run()
    monkeypatch.setattr(reservations, "AT_ONCE", 2)
    with monkeypatch.context() as killer:
        kill_after(killer, reservations, "_reserve_some", 1)
        with pytest.raises(Killed):
            approve(run)
    assert run.payouts.filter(state=Payout.State.RESERVED).count() == 2
    assert journal.balance(chart.transit("USD")) == 120 * MICROS
    assert_clean()
    with pytest.raises(runs.WrongState, match="still being reserved"):
        runs.execute(run.pk, by=ada(), at=NOON)

    runs.carry_on(at=NOON + timedelta(minutes=2))

    assert run.payouts.filter(state=Payout.State.RESERVED).count() == 5
    assert journal.balance(chart.transit("USD")) == 300 * MICROS
    assert runs.execute(run.pk, by=ada(), at=NOON + timedelta(minutes=2)).state == State.EXECUTING
    assert_clean()


def test_a_cancellation_killed_between_two_batches_is_finished_by_the_sweeper(monkeypatch: pytest.MonkeyPatch) -> None:
    many()
    run = approve(open_run())
    monkeypatch.setattr(reservations, "AT_ONCE", 2)
    with monkeypatch.context() as killer:
        kill_after(killer, reservations, "_release_some", 1)
        with pytest.raises(Killed):
            runs.cancel(run.pk, by=ada(), at=NOON)
    assert journal.balance(chart.transit("USD")) == 180 * MICROS
    assert_clean()

    tasks.sweep()

    assert journal.balance(chart.transit("USD")) == 0
    assert set(run.payouts.values_list("state", flat=True)) == {Payout.State.CANCELLED}
    assert_clean()


def test_a_run_cancelled_in_the_middle_of_its_approval_gives_everything_back(monkeypatch: pytest.MonkeyPatch) -> None:
    many()
    run = open_run()
    monkeypatch.setattr(reservations, "AT_ONCE", 2)
    real, calls = reservations._reserve_some, []

    def interrupted(*args: Any) -> bool:
        calls.append(1)
        if len(calls) == 2:
            runs.cancel(run.pk, by=ada(), at=NOON)
        return real(*args)

    monkeypatch.setattr(reservations, "_reserve_some", interrupted)
    assert approve(run).state == State.CANCELLED

    assert journal.balance(chart.transit("USD")) == 0
    assert set(run.payouts.values_list("state", flat=True)) == {Payout.State.CANCELLED}
    assert_clean()


def test_a_computation_killed_half_way_is_done_again_by_the_sweeper(monkeypatch: pytest.MonkeyPatch) -> None:
    many()
    monkeypatch.setattr(runs, "AT_ONCE", 2)
    with monkeypatch.context() as killer:
        kill_after(killer, runs, "_change", 2)
        with pytest.raises(Killed):
            open_run()
    run = PayoutRun.objects.get()
    assert (run.state, run.item_count, run.payouts.count()) == (State.DRAFT, 5, 2)
    with pytest.raises(runs.WrongState, match="draft, so it cannot be approved"):
        approve(run)

    runs.carry_on(at=NOON + timedelta(minutes=2))

    run.refresh_from_db()
    assert (run.state, run.payouts.count()) == (State.COMPUTED, 5)
    assert runs.difference(run) == 0


def test_what_is_reserved_in_batches_is_reserved_once(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    many()
    monkeypatch.setattr(reservations, "AT_ONCE", 2)

    run = approve(open_run())

    assert run.payouts.filter(state=Payout.State.RESERVED).count() == 5
    assert journal.balance(chart.transit("USD")) == 300 * MICROS
    assert runs.difference(run) == 0
    assert_clean()
