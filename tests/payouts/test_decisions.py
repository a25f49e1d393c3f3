"""What the staff decide while a run is paid: pause, resume, try again, give back; by whom, when and why is kept."""

import threading
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction

from ledger import audit as books
from ledger import chart, journal, payees
from ledger.journal import Line
from payouts import audit, blocks, decisions, queue, runs, tasks, transfers
from payouts.models import Attempt, Decision, Payout, PayoutRun
from tests.payouts.factories import MICROS, NOON, approve, earn, executing_run, make_payee, open_run, payable
from tests.standin.server import Standin
from tests.users.factories import ada, max_

pytestmark = pytest.mark.django_db
State = Payout.State
LATER = NOON + timedelta(hours=1)
TRANSFERS = "/v1/transfers"


def assert_clean() -> None:
    assert list(audit.findings()) == []
    assert list(books.findings()) == []


def failed_payout() -> Payout:
    """A payout to an account that Stripe did not know when it was sent."""
    nina = make_payee(stripe_account="acct_nobody")
    earn(nina, 60 * MICROS)
    payout = executing_run().payouts.get()
    transfers.send(payout.pk, by="worker-1", at=NOON)
    payout.refresh_from_db()
    assert payout.state == State.FAILED
    return payout


def refused_once(standin: Standin) -> Payout:
    """A payout that failed because the account could not take transfers, which it can now."""
    account = standin.client().v1.accounts.create({"capabilities": {"transfers": {"requested": True}}})
    nina = make_payee(stripe_account=account.id)
    earn(nina, 60 * MICROS)
    payout = executing_run().payouts.get()
    transfers.send(payout.pk, by="worker-1", at=NOON)
    payout.refresh_from_db()
    assert payout.state == State.FAILED
    standin.post(f"/_test/accounts/{account.id}/enable")
    return payout


# --- trying again


def test_a_payout_that_failed_is_tried_again_with_a_new_key_and_paid_once(standin: Standin) -> None:
    payout = refused_once(standin)
    assert payable(payout.payee) == 60 * MICROS  # the failure gave it back

    decisions.retry(payout.pk, by=max_(), why="the account is complete now", at=LATER)
    assert payable(payout.payee) == 0
    assert journal.balance(chart.transit("USD")) == 60 * MICROS
    assert_clean()
    transfers.send(payout.pk, by="worker-1", at=LATER)

    payout.refresh_from_db()
    assert payout.state == State.PAID
    keys = list(payout.attempts.values_list("idempotency_key", "state"))
    assert [state for _, state in keys] == [Attempt.State.FAILED, Attempt.State.SUCCEEDED]
    assert len({key for key, _ in keys}) == 2
    assert len(standin.transfers(payout.transfer_group)) == 1
    payout.run.refresh_from_db()
    assert payout.run.state == PayoutRun.State.COMPLETED
    decision = Decision.objects.get(what=Decision.What.RETRIED)
    assert (decision.payout, decision.by, decision.at, decision.why) == (
        payout,
        max_(),
        LATER,
        "the account is complete now",
    )
    assert_clean()


def test_a_payout_that_fails_again_gives_its_money_back_again(standin: Standin) -> None:
    payout = failed_payout()
    for hours in (1, 2):
        decisions.retry(payout.pk, by=max_(), why="again", at=NOON + timedelta(hours=hours))
        transfers.send(payout.pk, by="worker-1", at=NOON + timedelta(hours=hours))

    payout.refresh_from_db()
    assert (payout.state, payout.retries, payout.attempts.count()) == (State.FAILED, 2, 3)
    assert payable(payout.payee) == 60 * MICROS
    assert payout.run.state == PayoutRun.State.COMPLETED_WITH_ERRORS
    assert_clean()


def test_a_double_click_tries_again_once(standin: Standin) -> None:
    payout = failed_payout()
    decisions.retry(payout.pk, by=max_(), why="again", at=LATER)

    with pytest.raises(runs.WrongState, match="waiting to be sent"):
        decisions.retry(payout.pk, by=ada(), why="again", at=LATER)

    assert Decision.objects.count() == 1
    assert journal.balance(chart.transit("USD")) == 60 * MICROS


def test_an_outcome_that_is_not_known_is_never_tried_again(standin: Standin) -> None:
    nina = make_payee(stripe_account=standin.payable_account())
    earn(nina, 60 * MICROS)
    payout = executing_run().payouts.get()
    standin.fail(TRANSFERS, "drop_after_success")
    transfers.send(payout.pk, by="worker-1", at=NOON)

    with pytest.raises(runs.WrongState, match="outcome not known yet"):
        decisions.retry(payout.pk, by=max_(), why="it takes long", at=LATER)
    with pytest.raises(runs.WrongState, match="outcome not known yet"):
        decisions.release(payout.pk, by=max_(), why="it takes long", at=LATER)

    assert payout.attempts.count() == 1
    transfers.send(payout.pk, by="worker-1", at=LATER)
    assert len(standin.transfers(payout.transfer_group)) == 1


def test_a_paid_payout_is_not_tried_again(standin: Standin) -> None:
    nina = make_payee(stripe_account=standin.payable_account())
    earn(nina, 60 * MICROS)
    payout = executing_run().payouts.get()
    transfers.send(payout.pk, by="worker-1", at=NOON)

    with pytest.raises(runs.WrongState, match="paid, so it is not tried again"):
        decisions.retry(payout.pk, by=max_(), why="more", at=LATER)


def test_money_that_went_out_another_way_meanwhile_is_not_reserved_twice(standin: Standin) -> None:
    payout = failed_payout()
    lines = [Line(chart.payee(payout.payee_id, "payable", "USD"), chart.stripe("USD"), 1, "USD")]
    journal.post("refund", "refund", lines, occurred_at=NOON)

    with pytest.raises(runs.Changed, match="Less is available now"):
        decisions.retry(payout.pk, by=max_(), why="again", at=LATER)

    assert journal.balance(chart.transit("USD")) == 0


def test_a_payee_on_hold_is_not_tried_again(standin: Standin) -> None:
    payout = failed_payout()
    blocks.place(payout.payee, reason="FRAUD", note="", until=None, by=ada(), at=NOON)

    with pytest.raises(runs.Changed, match="under investigation"):
        decisions.retry(payout.pk, by=max_(), why="again", at=LATER)


def test_a_decision_needs_a_reason(standin: Standin) -> None:
    payout = failed_payout()

    for refused in (
        lambda: decisions.retry(payout.pk, by=max_(), why=" ", at=LATER),
        lambda: decisions.release(payout.pk, by=max_(), why="", at=LATER),
        lambda: decisions.pause(payout.run_id, by=max_(), why="\0", at=LATER),
    ):
        with pytest.raises(decisions.NoReason, match="Say why"):
            refused()


# --- giving back


def test_a_payout_that_waits_is_given_back_with_a_reason() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    payout = executing_run().payouts.get()

    decisions.release(payout.pk, by=max_(), why="she asked for it", at=LATER)

    payout.refresh_from_db()
    assert (payout.state, payout.reason) == (State.FAILED, "Given back: she asked for it")
    assert payable(nina) == 60 * MICROS
    assert transfers.send(payout.pk, by="worker-1", at=LATER) is False
    assert Decision.objects.get().what == Decision.What.RELEASED
    assert_clean()


def test_a_payout_of_a_cancelled_run_is_not_tried_again() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    run = approve(open_run())
    payout = run.payouts.get()
    decisions.release(payout.pk, by=max_(), why="she asked for it", at=LATER)
    runs.cancel(run.pk, by=ada(), at=LATER)

    with pytest.raises(runs.WrongState, match="Its run is cancelled"):
        decisions.retry(payout.pk, by=max_(), why="she changed her mind", at=LATER)

    assert payable(nina) == 60 * MICROS
    assert_clean()


def test_a_run_is_cancelled_after_one_of_its_payouts_was_given_back_and_tried_again() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    run = approve(open_run())
    payout = run.payouts.get()
    decisions.release(payout.pk, by=max_(), why="she asked for it", at=LATER)
    decisions.retry(payout.pk, by=max_(), why="she changed her mind", at=LATER)

    runs.cancel(run.pk, by=ada(), at=LATER)

    payout.refresh_from_db()
    assert (payout.state, payable(nina)) == (State.CANCELLED, 60 * MICROS)
    assert_clean()


def test_what_failed_was_given_back_by_its_failure(standin: Standin) -> None:
    payout = failed_payout()

    with pytest.raises(runs.WrongState, match="the payee's again already"):
        decisions.release(payout.pk, by=max_(), why="back", at=LATER)

    assert payable(payout.payee) == 60 * MICROS


def test_given_back_while_a_worker_takes_it_it_is_not_sent(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    nina = make_payee(stripe_account=standin.payable_account())
    earn(nina, 60 * MICROS)
    payout = executing_run().payouts.get()
    real = transfers._begin

    def interrupted(payout_id: int, by: str, at: object) -> object:
        decisions.release(payout.pk, by=max_(), why="stop", at=NOON)
        return real(payout_id, by, at)  # type: ignore[arg-type]  # what send hands on

    monkeypatch.setattr(transfers, "_begin", interrupted)
    transfers.send(payout.pk, by="worker-1", at=NOON)

    assert standin.transfers(payout.transfer_group) == []
    assert payable(nina) == 60 * MICROS
    assert_clean()


# --- pausing


def three_payouts(standin: Standin) -> PayoutRun:
    for number in range(3):
        earn(make_payee(f"Payee {number}", stripe_account=standin.payable_account()), 60 * MICROS)
    return executing_run()


def test_a_paused_run_starts_nothing_and_goes_on_when_resumed(standin: Standin) -> None:
    run = three_payouts(standin)
    first, second, third = run.payouts.order_by("pk")
    transfers.send(first.pk, by="worker-1", at=NOON)

    paused = decisions.pause(run.pk, by=max_(), why="a wrong amount?", at=LATER)
    assert paused.paused_at == LATER
    assert transfers.send(second.pk, by="worker-1", at=LATER) is False
    tasks.sweep()
    assert standin.transfers(second.transfer_group) == standin.transfers(third.transfer_group) == []

    decisions.resume(run.pk, by=ada(), at=LATER)
    tasks.sweep()

    run.refresh_from_db()
    assert (run.state, run.paused_at) == (PayoutRun.State.COMPLETED, None)
    whats = list(Decision.objects.values_list("what", "by", "why"))
    assert whats == [("PAUSED", max_().pk, "a wrong amount?"), ("RESUMED", ada().pk, "")]
    assert_clean()


def test_what_is_in_flight_is_resolved_while_the_run_is_paused(standin: Standin) -> None:
    run = three_payouts(standin)
    payout = run.payouts.order_by("pk")[0]
    standin.fail(TRANSFERS, "drop_after_success")
    transfers.send(payout.pk, by="worker-1", at=NOON)
    decisions.pause(run.pk, by=max_(), why="look", at=LATER)

    assert list(queue.due(LATER)) == [payout]
    transfers.send(payout.pk, by="worker-2", at=LATER)

    payout.refresh_from_db()
    assert payout.state == State.PAID
    assert len(standin.transfers(payout.transfer_group)) == 1


def test_a_worker_that_took_a_payout_just_before_the_pause_puts_it_down(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = three_payouts(standin)
    payout = run.payouts.order_by("pk")[0]
    real = transfers._begin

    def interrupted(payout_id: int, by: str, at: object) -> object:
        decisions.pause(run.pk, by=max_(), why="stop", at=NOON)
        return real(payout_id, by, at)  # type: ignore[arg-type]  # what send hands on

    monkeypatch.setattr(transfers, "_begin", interrupted)
    transfers.send(payout.pk, by="worker-1", at=NOON)

    payout.refresh_from_db()
    assert (payout.state, payout.claimed_by) == (State.RESERVED, "")
    assert standin.transfers(payout.transfer_group) == []


def test_pausing_twice_and_resuming_what_runs_are_refused(standin: Standin) -> None:
    run = three_payouts(standin)
    with pytest.raises(runs.WrongState, match="not paused"):
        decisions.resume(run.pk, by=ada(), at=NOON)
    decisions.pause(run.pk, by=max_(), why="look", at=NOON)

    with pytest.raises(runs.WrongState, match="paused this run before you"):
        decisions.pause(run.pk, by=ada(), why="look too", at=NOON)


def test_only_an_executing_run_is_paused() -> None:
    earn(make_payee(), 60 * MICROS)
    run = approve(open_run())

    with pytest.raises(runs.WrongState, match="approved, so it cannot be paused"):
        decisions.pause(run.pk, by=max_(), why="look", at=NOON)


# --- at once


def at_once(*works: Callable[[], object]) -> list[BaseException]:
    """Do all of these at the same moment, each with a connection of its own; what they raised."""
    start = threading.Barrier(len(works))
    raised: list[BaseException] = []

    def work(one: Callable[[], object]) -> None:
        try:
            start.wait()
            one()
        except Exception as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(one,)) for one in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.django_db(transaction=True)
def test_two_people_trying_again_at_once_reserve_once(standin: Standin) -> None:
    payout = refused_once(standin)
    first, second = ada(), max_()

    raised = at_once(
        lambda: decisions.retry(payout.pk, by=first, why="again", at=LATER),
        lambda: decisions.retry(payout.pk, by=second, why="again", at=LATER),
    )

    assert [type(error) for error in raised] == [runs.WrongState]
    assert journal.balance(chart.transit("USD")) == 60 * MICROS
    transfers.send(payout.pk, by="worker-1", at=LATER)
    assert len(standin.transfers(payout.transfer_group)) == 1
    assert_clean()


@pytest.mark.django_db(transaction=True)
def test_giving_back_and_sending_at_once_end_in_one_of_the_two(standin: Standin) -> None:
    nina = make_payee(stripe_account=standin.payable_account())
    earn(nina, 60 * MICROS)
    payout = executing_run().payouts.get()
    person = max_()

    at_once(
        lambda: decisions.release(payout.pk, by=person, why="stop", at=NOON),
        lambda: transfers.send(payout.pk, by="worker-1", at=NOON),
    )

    payout.refresh_from_db()
    sent = len(standin.transfers(payout.transfer_group))
    assert (payout.state, sent, payable(nina)) in [(State.PAID, 1, 0), (State.FAILED, 0, 60 * MICROS)]
    assert_clean()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_giving_back_and_a_refund_to_the_same_payee_do_not_wait_in_a_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    payout, person = executing_run().payouts.get(), max_()
    has_posted, real = threading.Event(), journal.post

    def post(*args: Any, **kwargs: Any) -> journal.Posted:
        posted = real(*args, **kwargs)
        if not has_posted.is_set():
            has_posted.set()
            while not somebody_waits_for_us():
                pass
        return posted

    def take_back() -> None:
        has_posted.wait()
        with transaction.atomic():
            payees.lock([nina.pk], "USD")

    monkeypatch.setattr(journal, "post", post)
    raised = at_once(lambda: decisions.release(payout.pk, by=person, why="stop", at=NOON), take_back)

    assert raised == []
    assert payable(nina) == 60 * MICROS


def somebody_waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
        return cursor.fetchone() is not None


@pytest.mark.django_db(transaction=True)
def test_two_people_pausing_at_once_pause_once() -> None:
    earn(make_payee(), 60 * MICROS)
    run = executing_run()
    first, second = ada(), max_()

    raised = at_once(
        lambda: decisions.pause(run.pk, by=first, why="look", at=NOON),
        lambda: decisions.pause(run.pk, by=second, why="look", at=NOON),
    )

    assert [type(error) for error in raised] == [runs.WrongState]
    assert Decision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_finished_while_a_payout_is_tried_again_stays_open(standin: Standin) -> None:
    payout = refused_once(standin)
    PayoutRun.objects.filter(pk=payout.run_id).update(state=PayoutRun.State.EXECUTING, finished_at=None)
    person = max_()

    at_once(
        lambda: decisions.retry(payout.pk, by=person, why="again", at=LATER),
        lambda: runs.finish(payout.run_id, at=LATER),
    )

    payout.run.refresh_from_db()
    assert payout.run.state == PayoutRun.State.EXECUTING
    assert list(queue.due(LATER)) == [payout]
    assert_clean()


def test_finishing_looks_again_once_it_holds_the_run(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    payout = refused_once(standin)
    PayoutRun.objects.filter(pk=payout.run_id).update(state=PayoutRun.State.EXECUTING, finished_at=None)
    real = transaction.atomic
    done: list[int] = []

    def interrupted() -> Any:  # somebody tries again between the look and the lock
        if not done:
            done.append(1)
            decisions.retry(payout.pk, by=max_(), why="again", at=LATER)
        return real()

    with monkeypatch.context() as patch:
        patch.setattr(runs, "transaction", SimpleNamespace(atomic=interrupted))
        assert runs.finish(payout.run_id, at=LATER) is False

    payout.run.refresh_from_db()
    assert (done, payout.run.state) == ([1], PayoutRun.State.EXECUTING)
