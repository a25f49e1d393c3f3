"""The row is the queue: with every message lost, sweepers complete everything."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from payouts import audit, queue, tasks, transfers
from payouts.models import Payout, PayoutRun
from tests.payouts.factories import MICROS, NOON, earn, executing_run, make_payee
from tests.standin import sent
from tests.standin.server import Standin

pytestmark = pytest.mark.django_db


def payees(standin: Standin, count: int) -> None:
    for number in range(count):
        earn(make_payee(f"Payee {number}", stripe_account=standin.payable_account()), 60 * MICROS)


def test_with_every_message_lost_the_sweeper_pays_the_run(standin: Standin) -> None:
    payees(standin, 3)
    run = executing_run()

    tasks.sweep()

    run.refresh_from_db()
    assert run.state == PayoutRun.State.COMPLETED
    assert [len(standin.transfers(payout.transfer_group)) for payout in run.payouts.all()] == [1, 1, 1]
    assert list(audit.findings()) == []


def test_the_sweeper_takes_over_from_a_killed_worker(standin: Standin) -> None:
    payees(standin, 1)
    payout = executing_run().payouts.get()
    dead = timezone.now() - timedelta(seconds=61)
    Payout.objects.filter(pk=payout.pk).update(
        state=Payout.State.SENDING, claimed_by="dead", claimed_until=dead + timedelta(seconds=60)
    )

    tasks.sweep()

    payout.refresh_from_db()
    assert payout.state == Payout.State.PAID


def test_a_living_worker_keeps_its_payout(standin: Standin) -> None:
    payees(standin, 1)
    payout = executing_run().payouts.get()
    Payout.objects.filter(pk=payout.pk).update(
        state=Payout.State.SENDING, claimed_by="alive", claimed_until=timezone.now() + timedelta(seconds=30)
    )

    tasks.sweep()

    assert standin.transfers(payout.transfer_group) == []
    assert queue.oldest_waiting() is None  # somebody is at it


def test_the_nudge_pays_every_payout_of_its_run(standin: Standin, settings: LazySettings) -> None:
    payees(standin, 2)
    run = executing_run()

    for payout_id in queue.due(NOON, run_id=run.pk).values_list("pk", flat=True):
        tasks.send(payout_id)

    assert set(run.payouts.values_list("state", flat=True)) == {Payout.State.PAID}


def test_a_lost_finish_is_found_by_the_sweeper(standin: Standin) -> None:
    payees(standin, 1)
    run = executing_run()
    transfers.send(run.payouts.get().pk, by="worker", at=NOON)
    PayoutRun.objects.filter(pk=run.pk).update(state=PayoutRun.State.EXECUTING, finished_at=None)

    tasks.sweep()

    run.refresh_from_db()
    assert run.state == PayoutRun.State.COMPLETED


def test_what_waits_is_reported_with_its_age(standin: Standin) -> None:
    assert queue.oldest_waiting() is None
    payees(standin, 1)
    run = executing_run()
    assert queue.oldest_waiting() == run.executed_at

    tasks.sweep()

    assert queue.oldest_waiting() is None


def test_the_sweeper_stops_in_time(standin: Standin) -> None:
    payees(standin, 2)
    executing_run()

    taken = transfers.send_due(lambda: NOON, by=lambda: "worker", until=NOON)

    assert taken == 0


def test_everything_sent_to_stripe_is_known_to_its_own_library(standin: Standin) -> None:
    nina = make_payee(stripe_account="", is_payouts_enabled=False, country="DE")
    url = transfers.onboarding_url(nina, return_url="http://testserver/done/", refresh_url="http://testserver/again/")
    assert url.startswith(f"{standin.url}/setup/s/")
    standin.post(f"/_test/accounts/{nina.stripe_account}/enable")
    assert transfers.refresh_account(nina, at=NOON) is True
    earn(nina, 60 * MICROS)
    standin.fail("/v1/transfers", "drop_after_success")
    payout = executing_run().payouts.get()
    transfers.send(payout.pk, by="worker-1", at=NOON)
    transfers.send(payout.pk, by="worker-2", at=NOON + timedelta(hours=24))

    assert sent.faults(standin.requests()) == []
