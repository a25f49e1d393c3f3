"""Registers, runs and blocks, as tables whose last lines control them; and what the audit notices."""

from datetime import date, timedelta

import pytest

from ledger import chart, journal
from megabox.reporting import Filters
from megabox.tables import Row, Table
from payouts import audit, blocks, reports, transfers
from payouts.models import Attempt, Block, Payout, PayoutRun
from tests.payouts.factories import MICROS, NOON, approve, earn, executing_run, make_payee, open_run
from tests.standin.server import Standin
from tests.users.factories import ada, max_

pytestmark = pytest.mark.django_db

YEAR = Filters(date(2026, 1, 1), date(2026, 12, 31))


def named(table: Table, row: Row) -> dict[str, object]:
    return dict(zip([column.name for column in table.columns], row, strict=True))


def lines(table: Table) -> list[dict[str, object]]:
    return [named(table, row) for row in table.rows]


def totals(table: Table) -> list[dict[str, object]]:
    return [named(table, row) for row in table.totals()]


@pytest.fixture
def run(standin: Standin) -> PayoutRun:
    """Zoë is paid, an account nobody knows fails, and one is below the threshold."""
    earn(make_payee("Zoë", stripe_account=standin.payable_account()), 60_005_000)
    earn(make_payee("=Nina"), 70 * MICROS)
    earn(make_payee("Poor"), 1 * MICROS)
    run = executing_run()
    for payout in run.payouts.filter(state=Payout.State.RESERVED):
        transfers.send(payout.pk, by="worker", at=NOON)
    return run


def test_the_register_lists_everybody_and_its_last_line_sums_them(run: PayoutRun) -> None:
    register = reports.register(YEAR)
    found = lines(register)
    [total] = totals(register)

    assert [(line["payee"], line["state"]) for line in found] == [
        ("=Nina", "failed"),
        ("Poor", "skipped"),
        ("Zoë", "paid"),
    ]
    assert found[1]["reason"] == "Below the threshold of $50.00."
    assert found[2]["amount"] == 60 * MICROS
    assert found[2]["paid_at"] == NOON
    assert (total["run"], total["unit"], total["payout"]) == ("TOTAL", "USD", 3)
    for column in ("payable", "amount", "amount_minor", "paid"):
        assert total[column] == sum(int(str(line[column])) for line in found)


def test_what_the_register_says_was_paid_is_what_left_stripe_in_the_books(run: PayoutRun) -> None:
    [total] = totals(reports.register(YEAR))
    earned = 60_005_000 + 71 * MICROS
    assert total["paid"] == earned - journal.balance(chart.stripe("USD")) == 60 * MICROS


def test_the_register_can_be_asked_for_one_payee_a_unit_and_a_window(run: PayoutRun) -> None:
    def names(**asked: object) -> list[object]:
        window: dict[str, object] = {"since": YEAR.since, "until": YEAR.until}
        return [line["payee"] for line in lines(reports.register(Filters(**{**window, **asked})))]  # type: ignore[arg-type]

    assert names(text="zo") == ["Zoë"]
    assert names(unit="EUR") == []
    assert names(until=NOON.date() - timedelta(days=1)) == []


def test_the_runs_say_who_agreed_and_what_became_of_every_payout(run: PayoutRun) -> None:
    summary = reports.runs(YEAR)
    [line] = lines(summary)

    assert (line["run"], line["state"]) == (run.pk, "completed with errors")
    assert (line["opened_by"], line["approved_by"]) == (ada().email, max_().email)
    assert (line["payees"], line["skipped"]) == (2, 1)
    assert (line["amount"], line["paid"], line["failed"]) == (130 * MICROS, 60 * MICROS, 70 * MICROS)
    assert line["open"] == journal.balance(chart.transit("USD")) == 0
    assert totals(summary)[0]["amount"] == 130 * MICROS


def test_what_is_on_its_way_is_what_the_books_have_in_transit() -> None:
    earn(make_payee(), 60 * MICROS)
    approve(open_run())

    [total] = totals(reports.runs(YEAR))

    assert total["open"] == journal.balance(chart.transit("USD")) == 60 * MICROS


def test_blocks_say_who_was_held_why_and_by_whom() -> None:
    payee = make_payee("Zoë")
    held = blocks.place(payee, reason=Block.Reason.FRAUD, note="case 7", until=None, by=ada(), at=NOON)
    blocks.lift(held.pk, by=max_(), at=NOON + timedelta(days=1))

    table = reports.blocks(YEAR)
    [line] = lines(table)

    assert (line["payee"], line["reason"], line["note"]) == ("Zoë", "under investigation", "case 7")
    assert (line["placed_by"], line["lifted_by"]) == (ada().email, max_().email)
    assert totals(table)[0]["block"] == 1
    assert lines(reports.blocks(Filters(date(2026, 12, 1), date(2026, 12, 31)))) == []


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
