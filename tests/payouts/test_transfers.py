"""Sending: through the real stand-in of Stripe, killed at every boundary, under every behaviour of the provider."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection

from ledger import audit as books
from ledger import chart, journal
from payouts import audit, blocks, queue, transfers
from payouts.models import Attempt, Payout, PayoutRun
from tests.payouts.factories import MICROS, NOON, earn, executing_run, make_payee, payable
from tests.standin.server import Standin
from tests.users.factories import ada

State = Payout.State
TRANSFERS = "/v1/transfers"


class Killed(BaseException):
    """kill -9, as far as one process can play it: nothing after it runs."""


@pytest.fixture
def payout(db: None, standin: Standin) -> Payout:
    """A payout of $60.00 of an executing run, to an account that can receive it."""
    nina = make_payee(stripe_account=standin.payable_account())
    earn(nina, 60 * MICROS)
    return executing_run().payouts.get()


def send(payout: Payout, at: datetime = NOON, by: str = "worker-1") -> Payout:
    transfers.send(payout.pk, by=by, at=at)
    payout.refresh_from_db()
    return payout


def work_until_settled(payout: Payout, start: datetime) -> Payout:
    """What sweepers do: look after the row again and again, as time goes by."""
    at = start
    for _ in range(12):
        payout.refresh_from_db()
        if payout.state not in Payout.OPEN:
            return payout
        at += timedelta(minutes=11)
        send(payout, at, by=f"sweeper-{at:%H%M}")
    return payout


def assert_clean() -> None:
    assert list(audit.findings()) == []
    assert list(books.findings()) == []


def test_a_payout_is_paid_once_and_booked(payout: Payout, standin: Standin) -> None:
    send(payout)

    [transfer] = standin.transfers(payout.transfer_group)
    assert (transfer["amount"], transfer["currency"], transfer["destination"]) == (6000, "usd", payout.destination)
    assert (payout.state, payout.transfer_id, payout.paid_at) == (State.PAID, transfer["id"], NOON)
    assert journal.balance(chart.transit("USD")) == 0
    assert payout.run.state == PayoutRun.State.COMPLETED
    assert_clean()


def test_sending_again_does_nothing(payout: Payout, standin: Standin) -> None:
    send(payout)

    assert transfers.send(payout.pk, by="worker-2", at=NOON) is False

    assert len(standin.transfers(payout.transfer_group)) == 1


def test_the_golden_scenario_pays_23_56_and_carries_2_thousandths(db: None, standin: Standin) -> None:
    nina = make_payee(stripe_account=standin.payable_account(), threshold_micros=10 * MICROS)
    earn(nina, 23_562_000)
    before = journal.balance(chart.stripe("USD"))

    paid = send(executing_run().payouts.get())

    assert paid.state == State.PAID
    assert payable(nina) == 2_000
    assert journal.balance(chart.stripe("USD")) == before - 23_560_000
    assert standin.transfers(paid.transfer_group)[0]["amount"] == 2356
    assert_clean()


def test_insufficient_funds_fail_definitely_and_give_the_money_back(db: None, standin: Standin) -> None:
    nina = make_payee(stripe_account=standin.payable_account())
    earn(nina, 900_000 * MICROS)
    payout = executing_run().payouts.get()

    send(payout)

    assert payout.state == State.FAILED
    assert "insufficient available funds" in payout.reason
    assert payable(nina) == 900_000 * MICROS
    assert payout.attempts.get().error_code == "balance_insufficient"
    assert payout.run.state == PayoutRun.State.COMPLETED_WITH_ERRORS
    assert standin.transfers(payout.transfer_group) == []
    assert_clean()


def test_money_of_a_failed_payout_settles_first_what_the_payee_owes(db: None, standin: Standin) -> None:
    nina = make_payee(stripe_account="acct_nobody")
    earn(nina, 60 * MICROS)
    payout = executing_run().payouts.get()
    owed = chart.payee(nina.pk, "owed", "USD")
    journal.post("lost", "lost", [journal.Line(owed, chart.stripe("USD"), 25 * MICROS, "USD")], occurred_at=NOON)

    send(payout)

    assert payout.state == State.FAILED
    assert (payable(nina), journal.balance(owed)) == (35 * MICROS, 0)
    assert_clean()


def test_an_account_stripe_does_not_know_fails_and_the_next_run_may_pay(db: None, standin: Standin) -> None:
    nina = make_payee(stripe_account="acct_nobody")
    earn(nina, 60 * MICROS)
    payout = executing_run().payouts.get()

    send(payout)
    assert payout.state == State.FAILED
    nina.stripe_account = standin.payable_account()
    nina.save()

    assert send(executing_run().payouts.get()).state == State.PAID
    assert_clean()


@pytest.mark.parametrize("mode", ["drop_after_success", "error_500", "error_500_after_success", "rate_limit_429"])
def test_an_open_question_is_unknown_keeps_its_money_reserved_and_is_answered_later(
    payout: Payout, standin: Standin, mode: str
) -> None:
    standin.fail(TRANSFERS, mode)

    send(payout)

    assert payout.state == State.UNKNOWN
    assert payout.claimed_by == ""
    assert payout.attempts.get().state == Attempt.State.OPEN
    assert journal.balance(chart.transit("USD")) == 60 * MICROS
    assert queue.oldest_waiting() is not None
    assert_clean()

    work_until_settled(payout, NOON)

    assert payout.state == State.PAID
    assert len(standin.transfers(payout.transfer_group)) == 1
    assert_clean()


def test_an_unknown_payout_is_not_asked_about_before_its_time(payout: Payout, standin: Standin) -> None:
    standin.fail(TRANSFERS, "rate_limit_429")
    send(payout)

    assert transfers.send(payout.pk, by="worker-2", at=NOON + timedelta(seconds=1)) is False


def test_the_same_key_is_sent_again_while_it_is_young(payout: Payout, standin: Standin) -> None:
    standin.fail(TRANSFERS, "drop_after_success")
    send(payout)

    send(payout, NOON + timedelta(hours=22))

    sent = [
        call["key"] for call in standin.requests(TRANSFERS) if call["params"]["transfer_group"] == payout.transfer_group
    ]
    assert sent == [payout.attempts.get().idempotency_key] * 2
    assert payout.state == State.PAID


def test_an_old_key_is_never_sent_again_but_looked_up(payout: Payout, standin: Standin) -> None:
    standin.fail(TRANSFERS, "drop_after_success")
    send(payout)
    standin.post("/_test/age-keys", seconds=25 * 3600)

    send(payout, NOON + timedelta(hours=24))

    assert payout.state == State.PAID
    assert len(standin.transfers(payout.transfer_group)) == 1
    assert payout.attempts.count() == 1


def test_an_old_key_whose_transfer_was_never_made_gets_a_new_attempt(payout: Payout, standin: Standin) -> None:
    standin.fail(TRANSFERS, "rate_limit_429")
    send(payout)

    send(payout, NOON + timedelta(hours=24))
    assert payout.state == State.RESERVED
    send(payout, NOON + timedelta(hours=24))

    assert payout.state == State.PAID
    assert list(payout.attempts.values_list("state", flat=True)) == [Attempt.State.FAILED, Attempt.State.SUCCEEDED]
    assert len(standin.transfers(payout.transfer_group)) == 1
    assert_clean()


def test_a_look_up_that_fails_leaves_the_question_open(payout: Payout, standin: Standin) -> None:
    standin.fail(TRANSFERS, "drop_after_success")
    send(payout)
    standin.fail(TRANSFERS, "error_500", method="GET")

    send(payout, NOON + timedelta(hours=24))

    assert payout.state == State.UNKNOWN
    assert work_until_settled(payout, NOON + timedelta(hours=24)).state == State.PAID
    assert len(standin.transfers(payout.transfer_group)) == 1


def test_a_failure_that_stripe_replays_is_looked_up(payout: Payout, standin: Standin) -> None:
    standin.fail(TRANSFERS, "error_500_after_success")
    send(payout)

    send(payout, NOON + timedelta(minutes=1))

    assert payout.state == State.PAID
    assert len(standin.transfers(payout.transfer_group)) == 1


def test_a_key_that_is_in_use_stays_an_open_question(payout: Payout, standin: Standin) -> None:
    standin.fail(TRANSFERS, "slow", seconds=1.5)
    slow = threading.Thread(
        target=lambda: standin.client().v1.transfers.create(
            {
                "amount": payout.amount_cents,
                "currency": "usd",
                "destination": payout.destination,
                "transfer_group": payout.transfer_group,
                "metadata": {"payout": str(payout.reference)},
            },
            {"idempotency_key": f"payout-{payout.reference}-1"},
        )
    )
    slow.start()
    while not standin.requests():  # the stand-in is answering something
        continue
    threading.Event().wait(0.5)

    send(payout)
    assert payout.state == State.UNKNOWN
    assert payout.attempts.get().error_code == "idempotency_key_in_use"
    slow.join()

    assert send(payout, NOON + timedelta(minutes=1)).state == State.PAID
    assert len(standin.transfers(payout.transfer_group)) == 1


def test_a_wrong_key_of_ours_fails_nobodys_payout(payout: Payout, standin: Standin, settings: LazySettings) -> None:
    settings.STRIPE_API_KEY = "sk_live_mistake"

    send(payout)

    assert payout.state == State.UNKNOWN
    settings.STRIPE_API_KEY = standin.key
    assert send(payout, NOON + timedelta(minutes=1)).state == State.PAID


def test_a_payee_put_on_hold_after_the_approval_is_not_sent_to_stripe(payout: Payout, standin: Standin) -> None:
    blocks.place(payout.payee, reason="FRAUD", note="", until=None, by=ada(), at=NOON)

    send(payout)

    assert payout.state == State.FAILED
    assert payable(payout.payee) == 60 * MICROS
    assert standin.transfers(payout.transfer_group) == []
    assert_clean()


def test_a_returned_transfer_is_payable_again(payout: Payout) -> None:
    send(payout)

    assert transfers.record_return(payout.pk, why="closed account", at=NOON + timedelta(days=1))
    assert not transfers.record_return(payout.pk, why="closed account", at=NOON + timedelta(days=1))

    assert payable(payout.payee) == 60 * MICROS
    assert_clean()


def test_only_executing_runs_are_sent(db: None, standin: Standin) -> None:
    earn(make_payee(), 60 * MICROS)
    from tests.payouts.factories import approve, open_run

    payout = approve(open_run()).payouts.get()

    assert transfers.send(payout.pk, by="worker-1", at=NOON) is False


@pytest.mark.parametrize("late", [transfers.Unknown("late", "no answer"), transfers.Refused("late", "no")])
def test_a_slow_worker_whose_claim_ran_out_changes_nothing_any_more(
    payout: Payout, standin: Standin, monkeypatch: pytest.MonkeyPatch, late: transfers.Outcome
) -> None:
    real = transfers._ask

    def slow(*args: Any) -> transfers.Outcome:
        monkeypatch.setattr(transfers, "_ask", real)
        send(payout, NOON + timedelta(seconds=61), by="worker-2")
        return late

    monkeypatch.setattr(transfers, "_ask", slow)
    send(payout)

    assert payout.state == State.PAID
    assert payout.attempts.get().state == Attempt.State.SUCCEEDED
    assert len(standin.transfers(payout.transfer_group)) == 1
    assert_clean()


BOUNDARIES: dict[int, tuple[str, str]] = {
    1: ("_begin", "before"),
    2: ("_begin", "after"),
    3: ("_ask", "before"),
    4: ("_ask", "after"),
    5: ("_conclude", "before"),
    6: ("_conclude", "after"),
}


def kill_at(boundary: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker dies at this numbered boundary of `transfers.send`, once."""
    name, when = BOUNDARIES[boundary]
    real: Callable[..., Any] = getattr(transfers, name)

    def dying(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(transfers, name, real)
        if when == "after":
            real(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(transfers, name, dying)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_who_comes_while_the_claim_of_the_dead_holds_leaves_it_and_the_books_are_clean_all_along(
    db: None, standin: Standin, monkeypatch: pytest.MonkeyPatch, boundary: int
) -> None:
    """Every behaviour of the provider at every boundary: test_crashes.py."""
    nina = make_payee(stripe_account=standin.payable_account())
    earn(nina, 60 * MICROS)
    payout = executing_run().payouts.get()
    kill_at(boundary, monkeypatch)

    with pytest.raises(Killed):
        transfers.send(payout.pk, by="worker-1", at=NOON)
    assert_clean()
    if payout.attempts.filter(state=Attempt.State.OPEN).exists():
        assert transfers.send(payout.pk, by="worker-2", at=NOON + timedelta(seconds=30)) is False or boundary == 6
    work_until_settled(payout, NOON)

    assert (payout.state, len(standin.transfers(payout.transfer_group))) == (State.PAID, 1)
    assert payable(nina) == 0
    assert_clean()


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_make_one_transfer(standin: Standin) -> None:
    payees = [make_payee(f"Payee {n}", stripe_account=standin.payable_account()) for n in range(4)]
    for payee in payees:
        earn(payee, 60 * MICROS)
    run = executing_run()
    ids = list(run.payouts.values_list("pk", flat=True))
    start = threading.Barrier(2)

    def work(name: str) -> None:
        try:
            start.wait()
            for payout_id in ids:
                transfers.send(payout_id, by=name, at=NOON)
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(f"worker-{n}",)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert set(run.payouts.values_list("state", flat=True)) == {State.PAID}
    assert [len(standin.transfers(payout.transfer_group)) for payout in run.payouts.all()] == [1, 1, 1, 1]
    run.refresh_from_db()
    assert run.state == PayoutRun.State.COMPLETED
    assert_clean()
