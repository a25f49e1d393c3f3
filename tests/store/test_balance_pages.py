"""The desk's pages about Stripe: what the staff see, decide and book by hand, and what the audit finds."""

import csv
import io
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from ledger import chart, journal, months
from ledger.models import Entry
from store import tasks
from store.cases import refunds
from store.desk import balance as balance_pages
from store.models import BalanceTransaction, Decision, HandEntry, Naming
from store.reconciliation import balance_audit, balance_checks, balance_reports, hand_entries
from tests.store.factories import NOON, make_paid_order
from tests.store.stripes import Stripe, told, told_charge, told_refund
from tests.users.factories import PASSWORD, ada, max_
from users.models import User

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PAGE = "/desk/stripe/"


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> Stripe:
    return Stripe(monkeypatch)


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(ada())
    return client


def suspended(stripe: Stripe, micros: int = -3_000_000) -> BalanceTransaction:
    one = told("adjustment", micros)
    stripe.tell(one)
    balance_checks.run(at=NOON)
    balance_checks.run(at=NOON + 2 * HOUR)
    return BalanceTransaction.objects.get(stripe_id=one.id)


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


# --- the page


def test_before_anything_was_read_the_page_says_what_to_do(desk: Client) -> None:
    assert "Nothing was read yet" in text(desk, PAGE)


def test_both_balances_stand_side_by_side(desk: Client, stripe: Stripe) -> None:
    stripe.tell(told_charge(make_paid_order()))
    balance_checks.run(at=timezone.now())
    shown = text(desk, PAGE)
    assert shown.count("$9.40") >= 2
    assert "agrees" in shown
    assert "Nothing needs a person" in shown


def test_what_is_wrong_is_said_first_and_counted_on_the_desk(desk: Client, stripe: Stripe) -> None:
    row = suspended(stripe)
    assert f"{row.stripe_id} of 2026-11-03, -$3.00, is in suspense since" in text(desk, PAGE)
    assert "things that Stripe and the books do not agree on" in text(desk, "/desk/")


def test_what_is_in_flight_is_said_in_words_and_listed(desk: Client, stripe: Stripe) -> None:
    order = make_paid_order()
    balance_checks.run(at=timezone.now())
    shown = text(desk, PAGE)
    assert "$9.99 are in flight" in shown
    assert order.entry_key in shown


def test_the_list_is_narrowed_by_state(desk: Client, stripe: Stripe) -> None:
    charge = told_charge(make_paid_order())
    stripe.tell(charge)
    row = suspended(stripe)
    shown = text(desk, PAGE + "?state=SUSPENSE")
    assert row.get_absolute_url() in shown
    assert BalanceTransaction.objects.get(stripe_id=charge.id).get_absolute_url() not in shown
    assert "None is in this state" in text(desk, PAGE + "?state=WAITING")
    assert text(desk, PAGE + "?state=NONSENSE&page=99")


def test_a_press_asks_a_worker(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    nudged: list[Any] = []
    monkeypatch.setattr(balance_pages, "nudge", lambda *args: nudged.append(args))
    assert desk.post(PAGE + "now/").status_code == 302
    assert len(nudged) == 1


def test_a_page_costs_the_same_queries_for_one_transaction_as_for_many(
    desk: Client, stripe: Stripe, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    stripe.tell(*(told("stripe_fee", -1_000_000) for _ in range(40)))
    balance_checks.run(at=NOON)
    with django_assert_max_num_queries(30):
        text(desk, PAGE)


def test_days_add_up_from_opening_to_closing(stripe: Stripe) -> None:
    order = make_paid_order()
    refunds.refund(order.pk, 100, "USD", at=NOON)
    stripe.tell(
        told_charge(order, at=NOON - DAY),
        told_refund(order, 1_000_000, at=NOON),
        told("stripe_fee", -2_000_000, category="fee", at=NOON),
        told("payout", -3_000_000, fee=150_000, at=NOON),
        told("adjustment", -500_000, category="other_adjustment", at=NOON),
    )
    balance_checks.run(at=NOON)
    today, before = balance_reports.days(NOON.date() - DAY, NOON.date())
    assert (before.opening, before.charges, before.fees, before.closing) == (0, 9_990_000, -590_000, 9_400_000)
    assert (today.opening, today.refunds, today.fees) == (9_400_000, -1_000_000, -2_150_000)
    assert (today.payouts, today.other, today.closing) == (-3_000_000, -500_000, 2_750_000)
    assert (today.ours, today.difference) == (3_250_000, -500_000), "what waits is the difference"
    balance_checks.run(at=NOON + 3 * HOUR)
    [today] = balance_reports.days(NOON.date(), NOON.date())
    assert (today.difference, today.suspended) == (0, -500_000)


def test_the_report_by_day_ends_with_its_control_totals(desk: Client, stripe: Stripe) -> None:
    stripe.tell(told_charge(make_paid_order()), told("payout", -3_000_000, category="payout"))
    balance_checks.run(at=NOON)
    asked = {"since": "2026-11-01", "until": "2026-11-30"}
    answer = desk.get("/desk/reports/reconciliation.csv", asked)
    [head, day, total] = csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig")))
    by_name = dict(zip(head, day, strict=True))
    assert (by_name["day"], by_name["charges_micros"], by_name["fees_micros"]) == ("2026-11-03", "9990000", "-590000")
    assert (by_name["closing_micros"], by_name["difference_micros"]) == ("6400000", "0")
    assert dict(zip(head, total, strict=True))["payouts_micros"] == "-3000000"


def test_the_report_of_transactions_is_narrowed_and_opens_each(desk: Client, stripe: Stripe) -> None:
    charge = told_charge(make_paid_order())
    stripe.tell(charge)
    row = suspended(stripe)
    asked = {"since": "2026-11-01", "until": "2026-11-30"}
    everything = desk.get("/desk/reports/stripe-transactions/", asked).text
    assert charge.id in everything and row.get_absolute_url() in everything
    narrowed = desk.get("/desk/reports/stripe-transactions/", {**asked, "by": "SUSPENSE"}).text
    assert charge.id not in narrowed and "in suspense" in narrowed
    assert charge.id in desk.get("/desk/reports/stripe-transactions/", {**asked, "text": charge.id}).text


# --- one transaction


def test_a_transaction_opens_its_entries(desk: Client, stripe: Stripe) -> None:
    order = make_paid_order()
    stripe.tell(told_charge(order))
    balance_checks.run(at=NOON)
    shown = text(desk, BalanceTransaction.objects.get().get_absolute_url())
    assert order.entry_key in shown
    assert order.fee_key in shown
    for naming in Naming.objects.all():
        assert text(desk, f"/desk/books/entries/{naming.entry_id}/")
        assert f'href="/desk/books/entries/{naming.entry_id}/"' in shown
    assert "which is the net" in shown
    assert "Decide what it is" not in shown


def test_the_staff_decide_with_a_reason(desk: Client, stripe: Stripe) -> None:
    row = suspended(stripe)
    assert "Decide what it is" in text(desk, row.get_absolute_url())
    asked = {"choice": "STRIPE_FEES", "reason": "Their letter of 3 November."}
    answer = desk.post(f"{PAGE}{row.pk}/decide/", asked)
    assert answer.status_code == 302
    assert journal.balance(chart.stripe_fees("USD")) == 3_000_000
    assert "Their letter of 3 November." in text(desk, row.get_absolute_url())
    desk.post(f"{PAGE}{row.pk}/decide/", asked)
    assert Decision.objects.count() == 1, "a second press decides nothing"


@pytest.mark.parametrize("asked", [{}, {"choice": "STRIPE_FEES", "reason": " "}, {"choice": "PAYEES", "reason": "x"}])
def test_a_decision_without_a_reason_or_with_another_account_is_refused(
    desk: Client, stripe: Stripe, asked: dict[str, str]
) -> None:
    row = suspended(stripe)
    assert desk.post(f"{PAGE}{row.pk}/decide/", asked).status_code == 422
    assert not Decision.objects.exists()


def test_a_decision_can_be_taken_back_once(desk: Client, stripe: Stripe) -> None:
    row = suspended(stripe)
    desk.post(f"{PAGE}{row.pk}/decide/", {"choice": "BANK", "reason": "Moved."})
    decision = Decision.objects.get()
    for _ in range(2):
        assert desk.post(f"{PAGE}decisions/{decision.pk}/take-back/").status_code == 302
    assert journal.balance(chart.bank("USD")) == 0
    row.refresh_from_db()
    assert row.state == BalanceTransaction.State.SUSPENSE


def test_what_moves_money_asks_for_a_fresh_sign_in(stripe: Stripe, settings: LazySettings, monkeypatch: Any) -> None:
    row = suspended(stripe)
    client = Client()
    client.post("/accounts/login/", {"login": "ada@demo.megabox.test", "password": PASSWORD}) if ada() else None
    settings.STAFF_MFA = "required"
    monkeypatch.setattr("users.access.is_mfa_enabled", lambda user: True)
    now = time.time()
    monkeypatch.setattr("users.freshness.time.time", lambda: now + 3_600)
    for path in (f"{PAGE}{row.pk}/decide/", "/desk/by-hand/vat/"):
        answer = client.post(path, {"choice": "BANK", "reason": "Moved."})
        assert answer.status_code == 302
        assert "reauthenticate" in answer.headers["Location"]
    assert not Decision.objects.exists()


# --- by hand


def collected() -> None:
    """VAT of 1.90 for Germany."""
    make_paid_order(tax_minor=190)


def pay(client: Client, amount: str = "1.90", *, account: str = "DE:USD", form_id: uuid.UUID | None = None) -> Any:
    asked = {
        "form_id": str(form_id or uuid.uuid4()),
        "account": account,
        "amount": amount,
        "reason": "October, ref. 77",
    }
    return client.post("/desk/by-hand/vat/", asked)


def test_vat_that_was_paid_leaves_the_liability_and_the_bank(desk: Client) -> None:
    collected()
    assert "DE: $1.90 collected" in text(desk, "/desk/by-hand/")
    assert pay(desk).status_code == 302
    assert journal.balance(chart.vat("DE", "USD")) == 0
    assert journal.balance(chart.bank("USD")) == -1_900_000
    row = HandEntry.objects.get()
    assert (row.booked_by, row.reason, row.entry.kind) == (ada(), "October, ref. 77", "vat paid")
    assert "October, ref. 77" in text(desk, "/desk/by-hand/")


def test_nothing_is_booked_by_hand_while_the_clock_stands_in_a_closed_month(desk: Client, stripe: Stripe) -> None:
    collected()
    moved, waiting = suspended(stripe), suspended(stripe, micros=-4_000_000)
    desk.post(f"{PAGE}{moved.pk}/decide/", {"choice": "BANK", "reason": "Moved."})
    decision = Decision.objects.get()
    months.close(timezone.now().date(), at=timezone.now() + timedelta(days=40))
    assert pay(desk).status_code == 422
    for path in (f"{PAGE}{waiting.pk}/decide/", f"{PAGE}decisions/{decision.pk}/take-back/"):
        answer = desk.post(path, {"choice": "BANK", "reason": "Moved."}, follow=True)
        assert "are closed: nothing can be booked there any more" in answer.content.decode()
    assert list(Decision.objects.all()) == [decision]
    assert not HandEntry.objects.exists()


def test_more_than_was_collected_cannot_be_paid(desk: Client) -> None:
    collected()
    answer = pay(desk, "1.91")
    assert answer.status_code == 422
    assert "book at most that" in answer.content.decode()
    assert pay(desk, "1.00").status_code == 302
    assert pay(desk, "0.91").status_code == 422
    assert pay(desk, "0.90").status_code == 302
    assert journal.balance(chart.vat("DE", "USD")) == 0


@pytest.mark.parametrize("amount", ["0", "-1", "", "1.905", "many", "1,90"])
def test_what_is_no_amount_is_refused(desk: Client, amount: str) -> None:
    collected()
    assert pay(desk, amount).status_code == 422
    assert not HandEntry.objects.exists()


@pytest.mark.parametrize("account", ["FR:USD", "DE:EUR", "DE", "rev:commission:USD", "DE:USD:x"])
def test_only_what_was_collected_for_a_country_in_its_currency_can_be_paid(desk: Client, account: str) -> None:
    collected()
    assert pay(desk, account=account).status_code == 422
    assert not Entry.objects.filter(kind="vat paid").exists()


def test_a_form_that_is_sent_twice_is_booked_once(desk: Client) -> None:
    collected()
    key = uuid.uuid4()
    assert [pay(desk, "0.50", form_id=key).status_code for _ in range(2)] == [302, 302]
    assert HandEntry.objects.count() == 1
    assert journal.balance(chart.vat("DE", "USD")) == 1_400_000
    assert pay(desk, "0.60", form_id=key).status_code == 422, "the same form with something else"


def test_vat_of_a_country_nobody_collected_for_is_refused() -> None:
    with pytest.raises(hand_entries.CannotBook, match="No VAT for FR"):
        hand_entries.pay_vat(uuid.uuid4(), country="FR", unit="USD", micros=1, reason="x", by=max_(), at=NOON)


# --- the audit


def found(at: Any = None) -> list[str]:
    return [
        one.message
        for check in (balance_audit.sums, balance_audit.suspense, lambda: balance_audit.unmatched(at))
        for one in check()
    ]


def test_the_audit_is_content_with_what_is_matched_and_with_young_suspense(stripe: Stripe) -> None:
    stripe.tell(told_charge(make_paid_order()))
    suspended(stripe)
    assert found(NOON + DAY) == []


def test_the_audit_finds_what_stays_open_on_either_side(stripe: Stripe) -> None:
    order = make_paid_order()
    suspended(stripe)
    balance_checks.run(at=timezone.now() + 5 * DAY)
    mine, theirs = sorted(found(timezone.now() + 5 * DAY), key=lambda one: "order:" not in one)
    assert order.entry_key in mine and "Stripe tells of no such movement" in mine
    assert "in suspense" in theirs


def test_the_audit_finds_namings_that_do_not_add_up(stripe: Stripe) -> None:
    stripe.tell(told_charge(make_paid_order()))
    balance_checks.run(at=NOON)
    Naming.objects.filter(micros__gt=0).update(micros=10_000_000)
    messages = found(NOON)
    assert any("its entries sum to 9410000" in one for one in messages)
    assert any("10000000 of it are named" in one for one in messages)


def test_the_audit_finds_suspense_that_no_transaction_has(stripe: Stripe) -> None:
    line = journal.Line(chart.suspense("USD"), chart.stripe("USD"), 1_000_000, "USD")
    journal.post("a-mistake", "a mistake", [line], occurred_at=NOON)
    assert any("its transactions say 0" in one for one in found(NOON))


def test_the_audit_finds_a_hand_entry_with_another_sum_or_without_a_person(desk: Client) -> None:
    collected()
    pay(desk)
    assert list(balance_audit.hand_entries()) == []
    HandEntry.objects.update(micros=1_000_000)
    line = journal.Line(chart.vat("DE", "USD"), chart.bank("USD"), 1_000_000, "USD")
    journal.post("by-nobody", "vat paid", [line], occurred_at=NOON)
    first, second = (one.message for one in balance_audit.hand_entries())
    assert "is booked with 1900000 micros" in first
    assert "booked by nobody" in second


# --- the command, the clock, and two at once


def test_the_command_says_what_was_done_and_exits_by_it(stripe: Stripe, capsys: pytest.CaptureFixture[str]) -> None:
    stripe.tell(told_charge(make_paid_order()))
    call_command("reconcile")
    assert "1 transactions are new, 1 were matched." in capsys.readouterr().out
    stripe.uncounted["USD"] = 10_000
    call_command("reconcile")
    with pytest.raises(SystemExit):
        call_command("reconcile")
    stripe.is_silent = True
    with pytest.raises(CommandError, match="Stripe does not answer"):
        call_command("reconcile")


def test_the_clock_asks_every_hour(settings: LazySettings) -> None:
    assert settings.CELERY_BEAT_SCHEDULE["reconcile with Stripe"]["task"] == tasks.reconcile.name


@pytest.mark.django_db(transaction=True)
def test_two_who_pay_the_same_vat_at_once_pay_it_once() -> None:
    collected()
    barrier, refused = threading.Barrier(2), []

    def book(by: User) -> None:
        try:
            barrier.wait()
            hand_entries.pay_vat(
                uuid.uuid4(), country="DE", unit="USD", micros=1_900_000, reason="October", by=by, at=NOON
            )
        except hand_entries.CannotBook as reason:
            refused.append(reason)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(book, [ada(), max_()]))
    assert len(refused) == 1
    assert journal.balance(chart.vat("DE", "USD")) == 0
