"""Registers and the trial balance, as files whose last lines control them."""

import csv
import io

import pytest

from ledger.reports import trial_balance, trial_totals
from payouts import audit, reports, transfers
from payouts.models import Attempt, Payout, PayoutRun
from tests.payouts.factories import MICROS, NOON, approve, earn, executing_run, make_payee, open_run
from tests.standin.server import Standin

pytestmark = pytest.mark.django_db


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_register_lists_everybody_and_its_last_line_sums_them(standin: Standin) -> None:
    earn(make_payee("Zoë", stripe_account=standin.payable_account()), 60_005_000)
    earn(make_payee("=Nina"), 70 * MICROS)
    earn(make_payee("Poor"), 1 * MICROS)
    run = executing_run()
    for payout in run.payouts.filter(state=Payout.State.RESERVED):
        transfers.send(payout.pk, by="worker", at=NOON)

    *lines, total = rows_of(reports.register_csv([run]))

    assert [(line["payee"], line["state"]) for line in lines] == [
        ("'=Nina", "failed"),
        ("Poor", "skipped"),
        ("Zoë", "paid"),
    ]
    assert lines[1]["reason"] == "Below the threshold of $50.00."
    assert lines[2]["amount"] == "60.000000"
    assert lines[2]["paid_at"] == "2026-11-20T12:00:00Z"
    assert (total["run"], total["unit"], total["payout"]) == ("TOTAL", "USD", "3")
    for column in ("payable_micros", "amount_micros", "amount_minor", "paid_micros"):
        assert int(total[column]) == sum(int(line[column]) for line in lines)
    assert int(total["paid_micros"]) == 60 * MICROS


def test_the_trial_balance_agrees_in_every_unit() -> None:
    earn(make_payee(), 60 * MICROS)
    earn(make_payee(), 70 * MICROS, unit="EUR")

    lines = trial_balance()
    rows = rows_of(reports.trial_balance_csv(lines))

    assert {(total.unit, total.difference) for total in trial_totals(lines)} == {("EUR", 0), ("USD", 0)}
    totals = [row for row in rows if row["account"] == "TOTAL"]
    assert rows[-2:] == totals
    assert all(row["debits_micros"] == row["credits_micros"] for row in totals)
    stripe = next(row for row in rows if row["account"] == "stripe:balance:USD")
    assert (stripe["balance"], stripe["debits_micros"]) == ("60.000000", "60000000")


def test_the_trial_balance_of_a_past_day_leaves_out_what_came_later() -> None:
    nina = make_payee()
    earn(nina, 60 * MICROS)
    approve(open_run())

    codes = [line.code for line in trial_balance(at=NOON.replace(hour=1))]

    assert "payout:transit:USD" not in codes


# --- what the audit notices: every fault is put into the tables behind the domain's back


@pytest.fixture
def paid(standin: Standin) -> Payout:
    earn(make_payee(stripe_account=standin.payable_account()), 60 * MICROS)
    payout = executing_run().payouts.get()
    transfers.send(payout.pk, by="worker", at=NOON)
    assert list(audit.findings()) == []
    payout.refresh_from_db()
    return payout


def rules() -> set[str]:
    return {finding.rule for finding in audit.findings()}


def test_the_audit_notices_money_left_in_transit() -> None:
    earn(make_payee(), 60 * MICROS)
    run = approve(open_run())
    Payout.objects.filter(run=run).update(state=Payout.State.FAILED)

    assert rules() >= {"transit", "entry"}


def test_the_audit_notices_a_payout_that_was_paid_and_not_booked() -> None:
    earn(make_payee(), 60 * MICROS)
    run = approve(open_run())
    Payout.objects.filter(run=run).update(state=Payout.State.PAID, transfer_id="tr_1", paid_at=NOON)

    assert rules() >= {"transit", "entry", "attempt"}


def test_the_audit_notices_a_second_success(paid: Payout) -> None:
    Attempt.objects.create(
        payout=paid, number=2, idempotency_key="two", state=Attempt.State.SUCCEEDED, created_at=NOON, resolved_at=NOON
    )

    assert rules() == {"attempt"}


def test_the_audit_notices_another_amount(paid: Payout) -> None:
    Payout.objects.filter(pk=paid.pk).update(amount_micros=59 * MICROS)

    assert rules() == {"entry", "run total"}


def test_the_audit_notices_a_completed_run_with_open_payouts() -> None:
    earn(make_payee(), 60 * MICROS)
    run = executing_run()
    PayoutRun.objects.filter(pk=run.pk).update(state=PayoutRun.State.COMPLETED)

    assert rules() == {"run state"}
