"""Payouts by file: issued once, downloaded unchanged, confirmed or come back, and never paid twice."""

import csv
import io
import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction

from artists.models import Payee
from ledger import audit as books
from ledger import chart, journal, months
from ledger.models import Entry
from payouts import audit, bank_details, decisions, files, queue, rails, runs, statements, tasks
from payouts.models import Decision, Payout, PayoutFile, PayoutRun, Rail
from tests.payouts.factories import MICROS, NOON, approve, earn, executing_run, make_payee, open_run, payable
from tests.payouts.test_decisions import at_once
from tests.standin.server import Standin
from tests.users.factories import ada, max_

pytestmark = pytest.mark.django_db
State = Payout.State
IBANS = ["DE89370400440532013000", "NL91ABNA0417164300", "FR1420041010050500013M02606"]
LONG_AGO = NOON - timedelta(days=30)
DAY = NOON.date()


@pytest.fixture(autouse=True)
def operator(settings: LazySettings) -> LazySettings:
    """An operator who pays by SEPA."""
    settings.SEPA_DEBTOR_NAME = "Megabox GmbH"
    settings.SEPA_DEBTOR_IBAN = "DE02120300000000202051"
    settings.SEPA_DEBTOR_BIC = "BYLADEM1001"
    return settings


def by_bank(
    name: str, number: str = IBANS[0], *, unit: str = "EUR", micros: int = 60 * MICROS, **details: Any
) -> Payee:
    """A payee without Stripe, whose bank details are old enough, with money in `unit`."""
    payee = make_payee(name, stripe_account="", is_payouts_enabled=False)
    fields: Any = {"kind": "IBAN", "holder": name, "bic": ""} | details
    bank_details.choose_account(payee, number=number, by=ada(), at=LONG_AGO, **fields)
    earn(payee, micros, unit=unit)
    return payee


def run_of(unit: str = "EUR", at: datetime = NOON) -> PayoutRun:
    """An executing run in this unit."""
    run = approve(open_run(unit=unit, at=at), at=at)
    return runs.execute(run.pk, by=ada(), at=at)


def assert_clean() -> None:
    assert list(audit.findings()) == []
    assert list(books.findings()) == []


def states(run: PayoutRun) -> list[str]:
    return list(run.payouts.order_by("pk").values_list("state", flat=True))


# --- which rail


def test_euros_to_an_iban_go_by_sepa_and_all_else_by_csv_and_stripe_for_the_rest(standin: Standin) -> None:
    sepa_payee = by_bank("Nina")
    earn(sepa_payee, 60 * MICROS, unit="USD")
    other = by_bank("Leo", "1234567890", kind="OTHER")
    brazil = by_bank("Bia", "BR1500000000000010932840814P2")
    stripe = make_payee("Stripe", stripe_account=standin.payable_account())
    earn(stripe, 60 * MICROS, unit="EUR")

    euros = dict(run_of().payouts.values_list("payee", "rail"))
    dollars = dict(run_of("USD").payouts.values_list("payee", "rail"))

    assert euros == {sepa_payee.pk: "SEPA", other.pk: "CSV", brazil.pk: "CSV", stripe.pk: "STRIPE"}
    assert dollars == {sepa_payee.pk: "CSV"}


def test_without_an_account_of_the_operator_sepa_is_off_and_says_so(operator: LazySettings) -> None:
    run_before = by_bank("Nina")
    run = run_of()
    operator.SEPA_DEBTOR_IBAN = ""

    with pytest.raises(files.RailOff, match="SEPA_DEBTOR_NAME and SEPA_DEBTOR_IBAN are not set"):
        files.issue(run.pk, Rail.SEPA, by=ada(), at=NOON)

    assert states(run) == [State.RESERVED]
    assert rails.routes([run_before], "EUR")[run_before.pk].rail == Rail.CSV


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SEPA_DEBTOR_IBAN", "DE02 1203 0000 0000 2020 51", "without spaces"),
        ("SEPA_DEBTOR_IBAN", "DE02120300000000202052", "check digits"),
        ("SEPA_DEBTOR_NAME", "音楽", "Latin letters"),
        ("SEPA_DEBTOR_BIC", "BYLA", "8 or 11"),
        ("SALE_CURRENCIES", ["USD", "RSD"], "RSD: Stripe counts it in other coins"),
        ("ADS_CURRENCY", "ISK", "ISK: Stripe counts it in other coins"),
    ],
)
def test_settings_that_would_pay_wrongly_are_told_at_the_start(
    name: str, value: Any, said: str, operator: LazySettings
) -> None:
    assert rails.check(None) == []
    setattr(operator, name, value)
    [fault] = rails.check(None)
    assert said in fault.msg


def test_workers_leave_payouts_of_files_alone() -> None:
    by_bank("Nina")
    run = run_of()

    assert not queue.due(NOON).exists()
    tasks.sweep()

    assert states(run) == [State.RESERVED]
    assert queue.oldest_waiting() is None


# --- issuing


def test_issuing_a_file_sends_its_payouts(operator: LazySettings) -> None:
    by_bank("Nina", IBANS[0], bic="COBADEFFXXX", micros=60_005_000)
    by_bank("Leo", IBANS[1], micros=70 * MICROS)
    run = run_of()

    file = files.issue(run.pk, Rail.SEPA, by=max_(), at=NOON)

    assert states(run) == [State.SENDING, State.SENDING]
    assert (file.count, file.micros) == (2, 130 * MICROS)
    ids = [f"payout-{pk}" for pk in run.payouts.order_by("pk").values_list("pk", flat=True)]
    assert re.findall("<EndToEndId>(.*)</EndToEndId>", file.content) == ids
    assert re.findall("<CtrlSum>(.*)</CtrlSum>", file.content) == ["130.00"] * 2
    assert "<IBAN>DE02120300000000202051</IBAN>" in file.content
    assert journal.balance(chart.transit("EUR")) == 130 * MICROS
    decision = Decision.objects.get()
    assert (decision.what, decision.by, decision.why) == ("ISSUED", max_(), file.message_id)
    assert_clean()


def test_a_second_download_is_the_same_file_and_pays_nobody_again(operator: LazySettings) -> None:
    payee = by_bank("Nina")
    run = run_of()
    first = files.issue(run.pk, Rail.SEPA, by=max_(), at=NOON)
    operator.SEPA_DEBTOR_NAME = "Another name"
    payee.name = "Another Nina"
    payee.save()

    again = files.issue(run.pk, Rail.SEPA, by=ada(), at=NOON + timedelta(days=1))

    assert (again.pk, again.content, again.sha256) == (first.pk, first.content, first.sha256)
    assert PayoutFile.objects.count() == Decision.objects.count() == 1
    assert journal.balance(chart.transit("EUR")) == 60 * MICROS


def test_a_file_of_many_is_made_in_a_few_queries(django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        by_bank(f"Payee {number}")
    run = run_of()

    with django_assert_max_num_queries(30):
        assert files.issue(run.pk, Rail.SEPA, by=ada(), at=NOON).count == 12


def test_the_csv_has_a_line_for_each_and_its_sums() -> None:
    by_bank("=Leo", "12 34567890", kind="OTHER", unit="USD", micros=60_005_000)
    by_bank("Nina", unit="USD", micros=70 * MICROS)
    run = run_of("USD")

    file = files.issue(run.pk, Rail.CSV, by=ada(), at=NOON)

    rows = list(csv.DictReader(io.StringIO(file.content.lstrip("\ufeff"))))
    assert [row["amount"] for row in rows] == ["60.000000", "70.000000", "130.000000"]
    assert rows[0]["holder"] == "'=Leo"
    assert rows[-1]["payout"] == "TOTAL"
    assert_clean()


def test_a_file_is_only_issued_while_a_run_is_paid() -> None:
    by_bank("Nina")
    run = approve(open_run(unit="EUR"))
    with pytest.raises(runs.WrongState, match="approved"):
        files.issue(run.pk, Rail.SEPA, by=ada(), at=NOON)
    runs.execute(run.pk, by=ada(), at=NOON)
    decisions.pause(run.pk, by=ada(), why="look", at=NOON)

    with pytest.raises(runs.WrongState, match="paused"):
        files.issue(run.pk, Rail.SEPA, by=ada(), at=NOON)

    assert states(run) == [State.RESERVED]


def test_a_rail_without_payouts_has_no_file() -> None:
    by_bank("Nina")
    run = run_of()

    with pytest.raises(files.NothingToPay):
        files.issue(run.pk, Rail.CSV, by=ada(), at=NOON)


def test_a_payout_given_back_before_the_file_is_not_in_it() -> None:
    by_bank("Nina")
    by_bank("Leo", IBANS[1])
    run = run_of()
    gone = run.payouts.order_by("pk")[0]
    decisions.release(gone.pk, by=ada(), why="wrong account", at=NOON)

    file = files.issue(run.pk, Rail.SEPA, by=ada(), at=NOON)

    assert f">{gone.end_to_end_id}<" not in file.content
    with pytest.raises(runs.WrongState, match="file for the bank is issued"):
        decisions.retry(gone.pk, by=ada(), why="right after all", at=NOON)
    assert_clean()


# --- the bank's answer


def issued() -> tuple[PayoutRun, PayoutFile, list[Payout]]:
    for name, number in zip(("Nina", "Leo", "Zoe"), IBANS, strict=True):
        by_bank(name, number)
    run = run_of()
    file = files.issue(run.pk, Rail.SEPA, by=ada(), at=NOON)
    return run, file, list(run.payouts.order_by("pk"))


def test_confirming_all_books_them_from_the_bank_and_completes_the_run() -> None:
    run, file, payouts = issued()
    before = journal.balance(chart.bank("EUR"))

    assert files.confirm(file.pk, booked_on=DAY, by=max_(), at=NOON + timedelta(hours=3)) == 3

    run.refresh_from_db()
    assert run.state == PayoutRun.State.COMPLETED
    assert states(run) == [State.PAID] * 3
    assert journal.balance(chart.bank("EUR")) == before - 180 * MICROS
    assert journal.balance(chart.transit("EUR")) == 0
    assert Decision.objects.last().what == Decision.What.CONFIRMED  # type: ignore[union-attr]  # there is one
    assert statements.paid_ever(payouts[0].payee, "EUR") == 60 * MICROS
    assert_clean()


def test_one_is_confirmed_one_comes_back_and_one_is_returned_later() -> None:
    run, file, [first, second, third] = issued()
    later = NOON + timedelta(days=2)

    files.confirm(file.pk, booked_on=DAY + timedelta(days=1), by=ada(), at=later, payout_ids=[first.pk, third.pk])
    files.come_back(second.pk, why="account closed", by=ada(), at=later)
    run.refresh_from_db()
    assert run.state == PayoutRun.State.COMPLETED_WITH_ERRORS
    files.come_back(third.pk, why="name does not fit", by=max_(), at=later + timedelta(days=1))

    assert states(run) == [State.PAID, State.FAILED, State.RETURNED]
    assert [payable(payout.payee, "EUR") for payout in (first, second, third)] == [0, 60 * MICROS, 60 * MICROS]
    assert journal.balance(chart.transit("EUR")) == 0
    first.refresh_from_db()
    assert first.paid_at is not None and first.paid_at.date() == DAY + timedelta(days=1)
    assert_clean()


def test_confirming_twice_books_once() -> None:
    _, file, _ = issued()
    files.confirm(file.pk, booked_on=DAY, by=ada(), at=NOON)

    with pytest.raises(runs.WrongState, match="Nothing of this file waits"):
        files.confirm(file.pk, booked_on=DAY, by=max_(), at=NOON)

    assert_clean()


def test_a_booking_day_in_a_month_that_is_closed_is_booked_today_and_the_entry_says_so() -> None:
    _, file, waiting = issued()
    later = NOON + timedelta(days=60)
    months.close(DAY, at=later)

    assert files.confirm(file.pk, booked_on=DAY, by=ada(), at=later) == len(waiting)

    entry = Entry.objects.get(kind="payout paid")
    assert entry.occurred_at == later
    assert entry.why == f"The bank booked it on {DAY}, in a month whose books are closed."
    assert {paid_at.date() for paid_at in file.payouts.values_list("paid_at", flat=True) if paid_at} == {DAY}
    assert_clean()


@pytest.mark.django_db(transaction=True)
def test_two_people_confirming_at_once_book_once() -> None:
    run, file, _ = issued()
    first, second = ada(), max_()

    at_once(
        lambda: files.confirm(file.pk, booked_on=DAY, by=first, at=NOON),
        lambda: files.confirm(file.pk, booked_on=DAY, by=second, at=NOON),
    )

    assert states(run) == [State.PAID] * 3
    assert journal.balance(chart.transit("EUR")) == 0
    assert_clean()


@pytest.mark.django_db(transaction=True)
def test_two_people_issuing_at_once_make_one_file() -> None:
    by_bank("Nina")
    run = run_of()
    first, second = ada(), max_()

    raised = at_once(
        lambda: files.issue(run.pk, Rail.SEPA, by=first, at=NOON),
        lambda: files.issue(run.pk, Rail.SEPA, by=second, at=NOON),
    )

    assert all(isinstance(error, runs.CannotRun) for error in raised)
    assert PayoutFile.objects.count() == 1
    assert_clean()


@pytest.mark.parametrize(
    ("day", "sentence"),
    [(DAY - timedelta(days=1), "so the bank did not pay it on"), (DAY + timedelta(days=3), "has not come yet")],
)
def test_a_booking_day_that_cannot_be_is_refused(day: date, sentence: str) -> None:
    run, file, _ = issued()

    with pytest.raises(files.BadDay, match=sentence):
        files.confirm(file.pk, booked_on=day, by=ada(), at=NOON + timedelta(days=2))

    assert states(run) == [State.SENDING] * 3


def test_what_the_bank_never_had_does_not_come_back(standin: Standin) -> None:
    by_bank("Nina")
    run = run_of()
    waiting = run.payouts.get()
    with pytest.raises(runs.WrongState, match="nothing to give back"):
        files.come_back(waiting.pk, why="closed", by=ada(), at=NOON)
    files.issue(run.pk, Rail.SEPA, by=ada(), at=NOON)
    with pytest.raises(decisions.NoReason):
        files.come_back(waiting.pk, why=" ", by=ada(), at=NOON)
    files.come_back(waiting.pk, why="closed", by=ada(), at=NOON)
    with pytest.raises(runs.WrongState, match="nothing to give back"):
        files.come_back(waiting.pk, why="closed", by=ada(), at=NOON)

    earn(make_payee(stripe_account=standin.payable_account()), 60 * MICROS)
    stripe = executing_run().payouts.get()
    with pytest.raises(runs.WrongState, match="Stripe"):
        files.come_back(stripe.pk, why="closed", by=ada(), at=NOON)
    assert_clean()


def test_many_are_confirmed_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    _, file, _ = issued()
    monkeypatch.setattr(files, "AT_ONCE", 2)

    assert files.confirm(file.pk, booked_on=DAY, by=ada(), at=NOON) == 3

    assert_clean()


# --- what the database and the audit say


@pytest.mark.parametrize(
    "fields",
    [
        {"file": None},
        {"state": State.PAID, "paid_at": None},
        {"transfer_id": "tr_1"},
        {"rail": "STRIPE"},
    ],
)
def test_the_database_refuses_a_payout_that_does_not_go_by_its_rail(fields: dict[str, Any]) -> None:
    _, _, [payout, *_] = issued()

    with pytest.raises(IntegrityError), transaction.atomic():
        Payout.objects.filter(pk=payout.pk).update(**fields)


def test_the_audit_notices_a_file_that_was_changed_and_a_payout_that_is_not_in_it() -> None:
    _, file, [payout, *_] = issued()
    content = file.content
    PayoutFile.objects.filter(pk=file.pk).update(content=content.replace("DE89", "DE90"))
    assert [finding.message for finding in audit.findings()] == [
        f"{file.message_id} is not what was issued: its SHA-256 differs."
    ]
    PayoutFile.objects.filter(pk=file.pk).update(content=content)
    other = open_run(unit="EUR", at=NOON)
    assert not other.payouts.exists()
    Payout.objects.filter(pk=payout.pk).update(state=State.FAILED, file=None)

    checks = {finding.rule for finding in audit.findings()}
    assert {"file", "transit", "entry"} <= checks


@pytest.mark.parametrize("rail", [Rail.SEPA, Rail.CSV])
def test_a_holder_who_is_called_like_a_payout_is_no_line_of_its_file(rail: Rail) -> None:
    unit, number, kind = ("EUR", IBANS[0], "IBAN") if rail == Rail.SEPA else ("USD", "12345678", "OTHER")
    by_bank("payout-1", number, unit=unit, kind=kind)
    by_bank("Nina\npayout-1,", number, unit=unit, kind=kind)

    files.issue(run_of(unit).pk, rail, by=ada(), at=NOON)

    assert_clean()


def test_the_audit_notices_a_payout_booked_from_the_wrong_place() -> None:
    _, _, [payout, *_] = issued()
    lines = [journal.Line(chart.transit("EUR"), chart.stripe("EUR"), payout.amount_micros, "EUR", source=payout.source)]
    journal.post(f"payout:{payout.pk}:paid", "payout paid", lines, occurred_at=NOON)

    assert any("paid by Stripe 1 times, not 0" in finding.message for finding in audit.findings())
