"""Runs: opened, computed from the books, approved by another person, cancelled."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from ledger import chart, journal, payees
from ledger.journal import Line
from payouts import audit, blocks, runs
from payouts.models import Payout, PayoutRun
from tests.payouts.factories import MICROS, NOON, approve, earn, executing_run, make_payee, open_run, payable
from tests.users.factories import ada, max_

pytestmark = pytest.mark.django_db


def only(run: PayoutRun) -> Payout:
    return run.payouts.get()


def test_a_run_pays_whole_cents_and_carries_the_rest() -> None:
    nina = make_payee(threshold_micros=10 * MICROS)
    earn(nina, 23_562_000)

    payout = only(open_run())

    assert (payout.payable_micros, payout.amount_micros, payout.amount_cents) == (23_562_000, 23_560_000, 2356)
    assert payout.state == Payout.State.PROPOSED


def test_pending_money_is_not_paid() -> None:
    earn(make_payee(), 80 * MICROS, is_matured=False)

    assert not open_run().payouts.exists()


def test_below_the_threshold_nothing_is_paid_and_the_reason_says_so() -> None:
    earn(make_payee(), 49_999_999)

    payout = only(open_run())

    assert payout.state == Payout.State.SKIPPED
    assert payout.reason == "Below the threshold of $50.00."


def test_a_payee_may_choose_a_lower_threshold_but_not_below_the_policys() -> None:
    earn(make_payee("Low", threshold_micros=10 * MICROS), 12 * MICROS)
    earn(make_payee("Lower", threshold_micros=1 * MICROS), 5 * MICROS)

    states = dict(open_run().payouts.values_list("payee__name", "state"))

    assert states == {"Low": Payout.State.PROPOSED, "Lower": Payout.State.SKIPPED}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"stripe_account": ""}, "Payouts are not set up yet."),
        ({"is_payouts_enabled": False}, "Stripe has not enabled payouts for this account yet."),
        (
            {"bank_changed_at": NOON - timedelta(days=6)},
            "Bank details changed on 2026-11-14; paid again from 2026-11-21.",
        ),
    ],
)
def test_what_is_missing_is_named(fields: dict[str, Any], reason: str) -> None:
    earn(make_payee(**fields), 60 * MICROS)

    payout = only(open_run())

    assert (payout.state, payout.reason) == (Payout.State.SKIPPED, reason)


def test_bank_details_that_changed_a_week_ago_do_not_block() -> None:
    earn(make_payee(bank_changed_at=NOON - timedelta(days=7)), 60 * MICROS)

    assert only(open_run()).state == Payout.State.PROPOSED


def test_a_block_skips_its_payee_until_it_is_lifted() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    block = blocks.place(nina, reason="DISPUTE", note="case 7", until=None, by=ada(), at=NOON)
    run = open_run()
    assert only(run).reason == "On hold: a dispute is open."

    assert blocks.lift(block.pk, by=max_(), at=NOON)
    assert not blocks.lift(block.pk, by=max_(), at=NOON)

    assert only(runs.prepare(run.pk, at=NOON)).state == Payout.State.PROPOSED


def test_computing_again_over_the_same_books_gives_the_same_content() -> None:
    earn(make_payee(), 60 * MICROS)
    run = open_run()

    again = runs.prepare(run.pk, at=NOON + timedelta(hours=1))

    assert again.content_hash == run.content_hash
    assert len(run.content_hash) == 64


def test_what_is_posted_after_the_high_water_mark_is_not_in_the_run() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    run = open_run()

    earn(nina, 5 * MICROS)

    assert only(run).payable_micros == 60 * MICROS
    assert runs.difference(run) == 0
    later = runs.prepare(run.pk, at=NOON)
    assert only(later).payable_micros == 65 * MICROS
    assert later.content_hash != run.content_hash


def test_units_are_paid_by_runs_of_their_own() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    earn(nina, 70 * MICROS, unit="EUR")

    assert only(open_run(unit="EUR")).amount_micros == 70 * MICROS
    assert only(open_run(unit="USD")).amount_micros == 60 * MICROS


def test_two_runs_of_one_unit_do_not_wait_at_once() -> None:
    open_run()

    with pytest.raises(runs.WrongState, match="Finish or cancel it first"):
        open_run()


def test_whoever_opened_a_run_may_not_approve_it() -> None:
    earn(make_payee(), 60 * MICROS)
    run = open_run(by=ada())

    with pytest.raises(runs.SamePerson):
        approve(run, by=ada())

    run.refresh_from_db()
    assert run.state == PayoutRun.State.COMPUTED


def test_the_database_itself_refuses_one_person_for_both() -> None:
    run = open_run(by=ada())

    with pytest.raises(IntegrityError), transaction.atomic():
        PayoutRun.objects.filter(pk=run.pk).update(approved_by=ada())


def test_the_database_refuses_to_pay_a_run_that_nobody_approved() -> None:
    run = open_run()

    with pytest.raises(IntegrityError), transaction.atomic():
        PayoutRun.objects.filter(pk=run.pk).update(state=PayoutRun.State.EXECUTING)


def test_an_approval_of_what_was_seen_before_a_recompute_is_refused() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    run = open_run()
    seen = run.content_hash
    earn(nina, 5 * MICROS)
    runs.prepare(run.pk, at=NOON)

    with pytest.raises(runs.Changed, match="computed again"):
        runs.approve(run.pk, by=max_(), seen_hash=seen, at=NOON)


def test_a_run_that_the_ledger_does_not_confirm_cannot_be_approved() -> None:
    earn(make_payee(), 60 * MICROS)
    run = open_run()
    run.payouts.update(payable_micros=61 * MICROS)

    assert runs.difference(run) == 1 * MICROS
    with pytest.raises(runs.Changed, match="disagrees"):
        approve(run)


def test_approving_reserves_the_money() -> None:
    nina = make_payee(threshold_micros=10 * MICROS)
    earn(nina, 23_562_000)

    run = approve(open_run())

    assert only(run).state == Payout.State.RESERVED
    assert payable(nina) == 2_000
    assert journal.balance(chart.transit("USD")) == 23_560_000
    assert runs.difference(run) == 0
    assert list(audit.findings()) == []


def test_a_payout_whose_money_is_gone_since_is_skipped_as_changed() -> None:
    nina, leo = make_payee("Nina"), make_payee("Leo")
    earn(nina, 60 * MICROS)
    earn(leo, 70 * MICROS)
    run = open_run()
    lines = [Line(chart.payee(nina.pk, "payable", "USD"), chart.stripe("USD"), 1 * MICROS, "USD")]
    journal.post("refund", "refund", lines, occurred_at=NOON)

    run = approve(run)

    states = dict(run.payouts.values_list("payee__name", "state"))
    assert states == {"Nina": Payout.State.SKIPPED, "Leo": Payout.State.RESERVED}
    assert run.payouts.get(payee=nina).reason.startswith("Changed: less can be paid")
    assert journal.balance(chart.transit("USD")) == 70 * MICROS
    assert list(audit.findings()) == []


def test_a_payee_blocked_between_computing_and_approval_is_skipped() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    run = open_run()
    blocks.place(nina, reason="FRAUD", note="", until=None, by=ada(), at=NOON)

    assert only(approve(run)).state == Payout.State.SKIPPED


def test_a_payee_who_changed_accounts_meanwhile_is_skipped() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    run = open_run()
    nina.stripe_account = "acct_other"
    nina.save()

    assert only(approve(run)).reason == "Changed: the payee uses another Stripe account now."


def test_cancelling_an_approved_run_gives_the_money_back() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    run = approve(open_run())

    runs.cancel(run.pk, by=ada(), at=NOON)

    assert payable(nina) == 60 * MICROS
    assert journal.balance(chart.transit("USD")) == 0
    assert only(run).state == Payout.State.CANCELLED
    assert list(audit.findings()) == []


def test_money_given_back_settles_first_what_the_payee_owes() -> None:
    nina = make_payee()
    sale = earn(nina, 60 * MICROS)
    run = approve(open_run())
    posting = sale.entry.postings.get(credit__code=chart.payee(nina.pk, "pending", "USD"))
    with transaction.atomic():
        lines = payees.take_back_lines(
            nina.pk, "USD", 20 * MICROS, to=chart.stripe("USD"), reverses=posting, source="store.refund:1", facts={}
        )
        journal.post("refund:1", "refund", lines, occurred_at=NOON)
    assert journal.balance(chart.payee(nina.pk, "owed", "USD")) == 20 * MICROS

    runs.cancel(run.pk, by=ada(), at=NOON)

    assert payable(nina) == 40 * MICROS
    assert journal.balance(chart.payee(nina.pk, "owed", "USD")) == 0


def test_a_run_that_is_being_paid_cannot_be_cancelled() -> None:
    earn(make_payee(), 60 * MICROS)
    run = executing_run()

    with pytest.raises(runs.WrongState, match="being paid, so it cannot be cancelled"):
        runs.cancel(run.pk, by=ada(), at=NOON)


def test_executing_twice_is_executing_once() -> None:
    earn(make_payee(), 60 * MICROS)
    run = executing_run()

    again = runs.execute(run.pk, by=max_(), at=NOON + timedelta(minutes=1))

    assert (again.executed_by, again.executed_at) == (ada(), NOON)


def test_only_an_approved_run_is_executed() -> None:
    earn(make_payee(), 60 * MICROS)
    run = open_run()

    with pytest.raises(runs.WrongState, match="waiting for approval, so it cannot be executed"):
        runs.execute(run.pk, by=ada(), at=NOON)


def test_a_run_with_nothing_to_pay_completes_at_once() -> None:
    run = executing_run()

    assert run.state == PayoutRun.State.COMPLETED


def test_an_approved_run_is_not_computed_again() -> None:
    earn(make_payee(), 60 * MICROS)
    run = approve(open_run())

    with pytest.raises(runs.WrongState):
        runs.prepare(run.pk, at=NOON)
