"""Per balance transaction of Stripe's, the entries that name it sum to its net; what nothing names is in suspense."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ledger import audit as books
from ledger import chart, journal, months
from ledger.journal import Line
from ledger.models import Entry
from payouts import booking, transfers
from payouts.models import Payout
from store import tasks
from store.cases import disputes, refunds
from store.models import BalanceCheck, BalanceImport, BalanceTransaction, Decision, Naming, Order
from store.reconciliation import balance_checks, balance_import, naming, reconciliation
from store.sales import orders
from tests.ads.factories import make_advertiser
from tests.payouts.factories import earn, executing_run, make_payee
from tests.store.factories import NOON, listener, make_order, make_paid_order, make_sold_album, paid_session
from tests.store.factories import told as dispute
from tests.store.stripes import Stripe, minor, told, told_charge, told_refund
from tests.users.factories import ada, leo, max_
from users.models import Mail

pytestmark = pytest.mark.django_db
State = BalanceTransaction.State
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> Stripe:
    return Stripe(monkeypatch)


def run(at: datetime = NOON) -> balance_checks.Outcome:
    return balance_checks.run(at=at)


def row(of: Any) -> BalanceTransaction:
    return BalanceTransaction.objects.get(stripe_id=of.id)


def named_by(of: Any) -> list[tuple[str, int]]:
    """The kinds of the entries that name a transaction, and how much of it."""
    return [(naming.entry.kind, naming.micros) for naming in row(of).namings.select_related("entry")]


def balances() -> tuple[int, int]:
    """Stripe's mirror and suspense, in micros of USD."""
    return journal.balance(chart.stripe("USD")), journal.balance(chart.suspense("USD"))


def assert_settled(stripe: Stripe) -> None:
    """Both sides agree to the micro, nothing is in suspense or in flight, and the audit is content."""
    for unit, micros in stripe.balance().items():
        assert journal.balance(chart.stripe(unit)) == micros
        assert journal.balance(chart.suspense(unit)) == 0
    assert set(BalanceTransaction.objects.values_list("state", flat=True)) <= {State.MATCHED}
    for each in BalanceTransaction.objects.all():
        assert sum(each.namings.values_list("micros", flat=True)) == each.net_micros
    assert naming.unnamed() == []
    assert list(books.findings(timezone.now())) == []


# --- what belongs to an event of ours


def test_a_sale_and_its_fee_name_its_charge(stripe: Stripe) -> None:
    order = make_paid_order()
    charge = told_charge(order)
    stripe.tell(charge)
    outcome = run()
    assert (outcome.added, outcome.matched, outcome.troubles) == (1, 1, ())
    assert named_by(charge) == [("sale", 9_990_000), ("card fee", -590_000)]
    assert_settled(stripe)


def test_the_fee_that_was_not_known_is_booked_once_from_its_balance_transaction(stripe: Stripe) -> None:
    order = make_paid_order()
    assert order.fee_micros is None
    stripe.tell(told_charge(order, fee=590_000))
    for hours in range(3):
        run(NOON + hours * HOUR)
    order.refresh_from_db()
    assert order.fee_micros == 590_000
    assert order.next_check_at is None, "nobody asks for it any more"
    assert Entry.objects.filter(key=order.fee_key).count() == 1
    assert journal.balance(chart.stripe_fees("USD")) == 590_000


def test_a_payment_without_a_fee_gets_no_entry_of_nothing(stripe: Stripe) -> None:
    order = make_paid_order()
    stripe.tell(told_charge(order, fee=0))
    run()
    assert not Entry.objects.filter(kind="card fee").exists()
    assert_settled(stripe)


def test_a_top_up_of_an_advertiser_is_matched_like_a_sale(stripe: Stripe) -> None:
    acme_ads = make_advertiser()
    order = orders.place_deposit(acme_ads, 50_000_000, listener(), order_id=uuid.uuid4(), at=NOON)
    orders.fulfil(order.pk, paid_session(order, country=""), at=NOON)
    order.refresh_from_db()
    stripe.tell(told_charge(order))
    run()
    assert_settled(stripe)


def test_two_refunds_that_were_booked_as_one_entry_share_it(stripe: Stripe) -> None:
    order = make_paid_order()
    refunds.refund(order.pk, 250, "USD", at=NOON)  # the event of the second refund came first
    first, second = told_refund(order, 1_000_000), told_refund(order, 1_500_000)
    stripe.tell(told_charge(order), first, second)
    run()
    assert named_by(first) == [("refund", -1_000_000)]
    assert named_by(second) == [("refund", -1_500_000)]
    assert_settled(stripe)


def test_each_refund_names_the_entry_of_its_own_sum_where_there_is_one(stripe: Stripe) -> None:
    order = make_paid_order()
    refunds.refund(order.pk, 100, "USD", at=NOON)
    refunds.refund(order.pk, 250, "USD", at=NOON)
    stripe.tell(told_charge(order), told_refund(order, 1_500_000), told_refund(order, 1_000_000))
    run()
    assert Naming.objects.filter(transaction__type="refund").count() == 2
    assert_settled(stripe)


@pytest.fixture
def paid() -> Payout:
    """A payout of $60.00 that Stripe made as tr_1."""
    earn(make_payee(), 60_000_000)
    payout = executing_run().payouts.get()
    payout.state, payout.transfer_id, payout.paid_at = Payout.State.PAID, "tr_1", NOON
    payout.save()
    booking.paid(payout, at=NOON)
    return payout


def test_a_transfer_and_its_return_name_their_entries(stripe: Stripe, paid: Payout) -> None:
    topup = told("topup", 60_000_000)
    gone = told("transfer", -60_000_000, subject="tr_1", source="tr_1")
    back = told("transfer_refund", 60_000_000, subject="tr_1", source="trr_1")
    stripe.tell(topup, gone)
    run()
    assert named_by(gone) == [("payout paid", -60_000_000)]
    stripe.tell(back)
    run(NOON + HOUR)
    assert row(back).state == State.WAITING
    transfers.record_return(paid.pk, why="Reversed.", at=NOON + HOUR)
    run(NOON + 2 * HOUR)
    assert named_by(back) == [("payout returned", 60_000_000)]


def test_a_dispute_that_is_won_names_both_of_its_entries(stripe: Stripe) -> None:
    order = make_paid_order()
    stripe.tell(told_charge(order))
    told_now, told_later = dispute(order), dispute(order, "won", back=True)
    out = told("adjustment", -9_990_000, fee=15_000_000, category="dispute", subject=order.payment_intent)
    out = replace(out, source=told_now["id"])
    back = replace(out, id="txn_back", gross=9_990_000, fee=0, net=9_990_000, category="dispute_reversal")
    stripe.tell(out)
    run()
    run(NOON + 2 * HOUR)
    assert journal.balance(chart.suspense("USD")) == 24_990_000, "its event has not come"
    disputes.learn(order.pk, disputes.read(told_now), at=NOON + 2 * HOUR)
    stripe.tell(back)
    disputes.learn(order.pk, disputes.read(told_later), at=NOON + 3 * HOUR)
    run(NOON + 3 * HOUR)
    assert named_by(back) == [("dispute won", 9_990_000)]
    assert ("dispute opened", -24_990_000) in named_by(out)
    assert_settled(stripe)


# --- what only Stripe knows of


def test_stripe_pays_us_out_and_the_bank_sends_it_back(stripe: Stripe) -> None:
    order = make_paid_order()
    out = told("payout", -9_400_000, subject="po_1")
    stripe.tell(told_charge(order), out)
    run()
    assert journal.balance(chart.bank("USD")) == 9_400_000
    assert_settled(stripe)
    stripe.tell(told("payout_failure", 9_400_000, subject="po_1"))
    run(NOON + HOUR)
    assert journal.balance(chart.bank("USD")) == 0
    assert_settled(stripe)


def test_a_payout_that_costs_something_books_both(stripe: Stripe) -> None:
    stripe.tell(told("topup", 20_000_000), told("payout", -10_000_000, fee=150_000))
    run()
    assert journal.balance(chart.bank("USD")) == -10_000_000
    assert journal.balance(chart.stripe_fees("USD")) == 150_000
    assert_settled(stripe)


def test_stripes_own_fees_are_booked_in_either_direction(stripe: Stripe) -> None:
    stripe.tell(told("stripe_fee", -2_000_000), told("stripe_fee", 500_000))
    run()
    assert journal.balance(chart.stripe_fees("USD")) == 1_500_000
    assert_settled(stripe)


def test_what_only_stripe_knows_is_booked_when_it_happened_unless_that_month_is_closed(stripe: Stripe) -> None:
    october = datetime(2026, 10, 30, 9, tzinfo=UTC)
    stripe.tell(told("stripe_fee", -1_000_000, at=october))
    run()
    assert Entry.objects.get(kind="stripe fee").occurred_at == october
    months.close(october.date(), at=NOON)
    late = told("stripe_fee", -1_000_000, at=october + HOUR)
    stripe.tell(late)
    run(NOON + HOUR)
    assert row(late).namings.get().entry.occurred_at == NOON + HOUR
    assert_settled(stripe)


# --- suspense


def test_what_matches_nothing_waits_first_and_then_goes_to_suspense(stripe: Stripe) -> None:
    strange = told("adjustment", -3_000_000)
    stripe.tell(strange)
    run()
    assert (row(strange).state, balances()) == (State.WAITING, (0, 0))
    run(NOON + 2 * HOUR)
    assert (row(strange).state, balances()) == (State.SUSPENSE, (-3_000_000, 3_000_000))
    assert "decide what it is" in row(strange).note
    run(NOON + 3 * HOUR)
    assert Entry.objects.filter(kind=reconciliation.SUSPENSE).count() == 1


def test_money_that_came_in_makes_suspense_go_the_other_way(stripe: Stripe) -> None:
    stripe.tell(told("adjustment", 3_000_000))
    run()
    run(NOON + 2 * HOUR)
    assert balances() == (3_000_000, -3_000_000)


def test_suspense_is_taken_back_when_the_entry_of_the_event_comes(stripe: Stripe) -> None:
    order = make_paid_order()
    back = told_refund(order, 9_990_000)
    stripe.tell(told_charge(order), back)
    run()
    run(NOON + 2 * HOUR)
    assert balances() == (-590_000, 9_990_000)
    refunds.refund(order.pk, 999, "USD", at=NOON + 3 * HOUR)
    run(NOON + 4 * HOUR)
    assert [kind for kind, _ in named_by(back)] == [reconciliation.SUSPENSE, "refund", journal.REVERSAL]
    assert_settled(stripe)


def test_a_refund_that_is_booked_in_part_leaves_the_rest_in_suspense(stripe: Stripe) -> None:
    order = make_paid_order()
    stripe.tell(told_charge(order), told_refund(order, 9_990_000))
    run()
    run(NOON + 2 * HOUR)
    refunds.refund(order.pk, 300, "USD", at=NOON + 2 * HOUR)
    run(NOON + 3 * HOUR)
    assert balances() == (-590_000, 6_990_000)
    refunds.refund(order.pk, 999, "USD", at=NOON + 3 * HOUR)
    run(NOON + 4 * HOUR)
    assert_settled(stripe)


def test_a_fee_that_is_booked_otherwise_than_stripe_tells_is_seen(stripe: Stripe) -> None:
    order = make_paid_order()
    stripe.tell(told_charge(order, fee=590_000))
    Order.objects.filter(pk=order.pk).update(fee_micros=400_000)
    line = Line(chart.stripe_fees("USD"), chart.stripe("USD"), 400_000, "USD", source=f"store.order:{order.pk}")
    journal.post(order.fee_key, "card fee", [line], occurred_at=NOON)
    run()
    run(NOON + 2 * HOUR)
    assert balances() == (9_400_000, 190_000)
    assert "another fee" in BalanceTransaction.objects.get().note


def test_a_payment_settled_in_another_currency_is_left_to_a_person(stripe: Stripe) -> None:
    order = make_paid_order()
    charge = told_charge(order, unit="EUR", fee=400_000)
    stripe.tell(charge)
    run()
    run(NOON + 2 * HOUR)
    assert "settled it in EUR" in row(charge).note
    assert row(charge).state == State.SUSPENSE
    order.refresh_from_db()
    assert order.fee_micros is None
    assert journal.balance(chart.suspense("EUR")) == -9_590_000


# --- a person decides


def suspended(stripe: Stripe) -> BalanceTransaction:
    strange = told("adjustment", -3_000_000)
    stripe.tell(strange)
    run()
    run(NOON + 2 * HOUR)
    return row(strange)


@pytest.mark.parametrize(
    ("choice", "account"),
    [
        (Decision.Choice.STRIPE_FEES, chart.stripe_fees("USD")),
        (Decision.Choice.DISPUTE_FEES, chart.dispute_fees("USD")),
        (Decision.Choice.BANK, chart.bank("USD")),
        (Decision.Choice.CLAWBACK_LOSS, chart.clawback_loss("USD")),
    ],
)
def test_a_person_decides_what_suspense_is(stripe: Stripe, choice: Decision.Choice, account: str) -> None:
    transaction_ = suspended(stripe)
    decision = reconciliation.decide(transaction_.pk, choice, "Ticket 7 of Stripe's.", by=ada(), at=NOON + DAY)
    assert journal.balance(account) == 3_000_000
    assert (decision.decided_by, decision.reason) == (ada(), "Ticket 7 of Stripe's.")
    assert_settled(stripe)
    run(NOON + DAY)
    assert_settled(stripe)


def test_what_is_decided_cannot_be_decided_again(stripe: Stripe) -> None:
    transaction_ = suspended(stripe)
    reconciliation.decide(transaction_.pk, Decision.Choice.BANK, "Moved.", by=ada(), at=NOON + DAY)
    with pytest.raises(reconciliation.NotInSuspense, match="nothing to decide"):
        reconciliation.decide(transaction_.pk, Decision.Choice.BANK, "Moved.", by=max_(), at=NOON + DAY)


def test_what_waits_cannot_be_decided_yet(stripe: Stripe) -> None:
    strange = told("adjustment", -3_000_000)
    stripe.tell(strange)
    run()
    with pytest.raises(reconciliation.NotInSuspense):
        reconciliation.decide(row(strange).pk, Decision.Choice.BANK, "Moved.", by=ada(), at=NOON)


def test_a_decision_is_taken_back_when_the_event_comes_after_all(stripe: Stripe) -> None:
    order = make_paid_order()
    back = told_refund(order, 9_990_000)
    stripe.tell(told_charge(order), back)
    run()
    run(NOON + 2 * HOUR)
    decision = reconciliation.decide(row(back).pk, Decision.Choice.CLAWBACK_LOSS, "Lost.", by=ada(), at=NOON + DAY)
    refunds.refund(order.pk, 999, "USD", at=NOON + DAY)
    run(NOON + DAY)
    assert [each.entry.kind for each in naming.unnamed()] == ["refund"]
    assert reconciliation.take_back(decision.pk, by=max_(), at=NOON + DAY)
    assert not reconciliation.take_back(decision.pk, by=max_(), at=NOON + DAY)
    assert journal.balance(chart.clawback_loss("USD")) == 0
    assert_settled(stripe)


def test_a_decision_taken_back_without_an_event_is_in_suspense_again(stripe: Stripe) -> None:
    transaction_ = suspended(stripe)
    decision = reconciliation.decide(transaction_.pk, Decision.Choice.BANK, "Moved.", by=ada(), at=NOON + DAY)
    reconciliation.take_back(decision.pk, by=ada(), at=NOON + DAY)
    assert balances() == (-3_000_000, 3_000_000)
    again = reconciliation.decide(transaction_.pk, Decision.Choice.STRIPE_FEES, "A fee.", by=ada(), at=NOON + DAY)
    assert again.pk != decision.pk
    assert_settled(stripe)


# --- importing


def test_reading_again_changes_nothing(stripe: Stripe) -> None:
    stripe.tell(*(told("stripe_fee", -1_000_000, at=NOON + n * HOUR) for n in range(5)))
    run(NOON + DAY)
    before = list(BalanceTransaction.objects.values())
    entries = Entry.objects.count()
    assert run(NOON + DAY + HOUR).added == 0
    assert list(BalanceTransaction.objects.values()) == before
    assert Entry.objects.count() == entries


def test_only_what_is_new_is_read_with_some_days_of_overlap(stripe: Stripe) -> None:
    stripe.tell(told("stripe_fee", -1_000_000, at=NOON - 30 * DAY), told("stripe_fee", -1_000_000))
    run(NOON + HOUR)
    run(NOON + 2 * HOUR)
    assert stripe.asked == [None, NOON - balance_import.OVERLAP]
    assert BalanceImport.objects.latest("pk").read == 1


def test_a_transaction_that_is_listed_late_is_not_missed(stripe: Stripe) -> None:
    stripe.tell(told("stripe_fee", -1_000_000, at=NOON))
    run(NOON + DAY)
    late = told("stripe_fee", -2_000_000, at=NOON - 2 * DAY)
    stripe.tell(late)
    run(NOON + DAY + HOUR)
    assert row(late).state == State.MATCHED


def test_one_that_is_older_than_the_overlap_is_found_because_the_sum_is_short(stripe: Stripe) -> None:
    stripe.tell(told("stripe_fee", -1_000_000, at=NOON))
    run(NOON + DAY)
    late = told("stripe_fee", -2_000_000, at=NOON - 60 * DAY)
    stripe.tell(late)
    assert run(NOON + DAY + HOUR).troubles == ()
    assert row(late).state == State.MATCHED
    assert stripe.asked[-1] is None, "everything was read again"


def test_a_reading_that_was_killed_between_pages_misses_nothing(
    stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe.tell(*(told("stripe_fee", -1_000_000, at=NOON + n * DAY) for n in range(9)))

    class Killed(BaseException):
        pass

    keep = balance_import._keep

    def keep_one_page(page: Any, at: datetime) -> int:
        if BalanceTransaction.objects.exists():
            raise Killed
        return keep(page, at)

    with monkeypatch.context() as patch:
        patch.setattr(balance_import, "_keep", keep_one_page)
        with pytest.raises(Killed):
            balance_import.read(at=NOON + 9 * DAY)
    assert BalanceTransaction.objects.count() == 2
    balance_import.read(at=NOON + 10 * DAY)
    assert BalanceTransaction.objects.count() == 9


def test_when_stripe_does_not_answer_nothing_is_lost(stripe: Stripe) -> None:
    stripe.tell(told("stripe_fee", -1_000_000))
    stripe.is_silent = True
    tasks.reconcile()
    assert not BalanceCheck.objects.exists()
    stripe.is_silent = False
    tasks.reconcile()
    assert_settled(stripe)


def test_the_database_refuses_a_net_that_is_not_gross_less_fee() -> None:
    one = told("charge", 10_000_000, fee=1_000_000, net=8_000_000)
    with pytest.raises(IntegrityError), transaction.atomic():
        balance_import._keep([one], NOON)


# --- comparing and telling


def test_every_check_keeps_both_numbers_and_what_lies_between(stripe: Stripe) -> None:
    order = make_paid_order()
    run()  # the sale is booked, Stripe's list is empty yet
    check = BalanceCheck.objects.get()
    assert (check.stripe_micros, check.ledger_micros, check.in_flight_micros) == (0, 9_990_000, 9_990_000)
    assert (check.difference_micros, check.unexplained_micros) == (-9_990_000, 0)
    stripe.tell(told_charge(order), told("adjustment", -1_000_000))
    run(NOON + HOUR)
    check = BalanceCheck.objects.latest("at")
    assert (check.stripe_micros, check.ledger_micros) == (8_400_000, 9_400_000)
    assert (check.waiting_micros, check.in_flight_micros, check.unexplained_micros) == (-1_000_000, 0, 0)


def test_a_difference_that_nothing_explains_is_an_alarm_the_second_time(stripe: Stripe) -> None:
    ada()
    stripe.tell(told("topup", 5_000_000))
    stripe.uncounted["USD"] = -70_000
    assert run().troubles == ()
    [sentence] = run(NOON + HOUR).troubles
    assert "-$0.07" in sentence
    assert Mail.objects.count() == 1


def test_suspense_older_than_a_day_is_an_alarm(stripe: Stripe) -> None:
    stripe.tell(told("adjustment", -3_000_000))
    run()
    run(NOON + 2 * HOUR)
    assert run(NOON + DAY).troubles == ()
    [sentence] = run(NOON + DAY + 3 * HOUR).troubles
    assert "in suspense since" in sentence


def test_what_we_booked_and_stripe_never_tells_is_an_alarm_after_a_day(stripe: Stripe) -> None:
    make_paid_order()
    now = timezone.now()
    assert run(now).troubles == ()
    [sentence] = run(now + DAY + HOUR).troubles
    assert "Stripe tells of none" in sentence


def test_the_staff_get_one_letter_a_day_and_nobody_else_does(stripe: Stripe) -> None:
    ada(), max_(), leo()
    stripe.uncounted["USD"] = 10_000
    for hours in range(30):
        run(NOON + hours * HOUR)
    assert sorted(Mail.objects.values_list("to", flat=True)) == [
        "ada@demo.megabox.test",
        "ada@demo.megabox.test",
        "max@demo.megabox.test",
        "max@demo.megabox.test",
    ]
    assert "/desk/stripe/" in Mail.objects.all()[0].body


def test_an_order_is_matched_however_late_its_webhook_comes(stripe: Stripe) -> None:
    order = make_order(make_sold_album())
    charge = told("charge", 9_990_000, fee=590_000, subject=f"pi_{order.pk}")
    stripe.tell(charge)
    run()
    run(NOON + 2 * HOUR)
    assert balances() == (9_400_000, -9_400_000)
    orders.fulfil(order.pk, paid_session(order), at=NOON + 3 * DAY)
    run(NOON + 3 * DAY)
    assert minor(journal.balance(chart.stripe("USD"))) == 940
    assert_settled(stripe)


# --- what need not be looked at again


def after_closing(at: datetime) -> datetime:
    """A moment when the month that `at` lies in was closed a day ago."""
    closed = months.ends_at(months.first_day(at)) + 8 * DAY
    months.close(at, at=closed)
    return closed + DAY


def test_what_stripe_has_told_of_a_closed_month_is_not_looked_at_again(stripe: Stripe) -> None:
    order = make_paid_order()
    stripe.tell(told_charge(order))
    run()
    assert BalanceCheck.objects.latest("at").named_through == 0  # the month is open
    later = after_closing(NOON)
    make_paid_order(at=later)  # in flight, and of an open month
    run(later)
    check = BalanceCheck.objects.latest("at")
    assert check.named_through == Naming.objects.latest("entry").entry_id

    Naming.objects.all().delete()
    assert [each.entry.kind for each in naming.unnamed(after=check.named_through)] == ["sale"]
    assert len(naming.unnamed()) == 3  # the audit asks for everything


def test_what_stripe_never_told_of_a_closed_month_stays_in_sight_until_it_does(stripe: Stripe) -> None:
    first, never = make_paid_order(), make_paid_order()
    stripe.tell(told_charge(first))
    run()
    later = after_closing(NOON)
    run(later)
    run(later + HOUR)
    check = BalanceCheck.objects.latest("at")
    sale = journal.entry_for(never.entry_key)
    assert sale is not None
    assert (check.old_in_flight, check.named_through) == (1, sale.pk - 1)

    stripe.tell(told_charge(never))
    run(later + 2 * HOUR)
    check = BalanceCheck.objects.latest("at")
    assert check.old_in_flight == 0
    assert check.named_through >= sale.pk
    assert_settled(stripe)


def test_an_entry_of_an_open_month_with_a_lower_number_than_one_of_a_closed_month_is_looked_at(stripe: Stripe) -> None:
    later = months.ends_at(months.first_day(NOON)) + HOUR
    early = make_paid_order(at=later)  # booked first, and occurs in the month after
    order = make_paid_order()
    stripe.tell(told_charge(order))
    run()
    run(after_closing(NOON))
    sale = journal.entry_for(early.entry_key)
    assert sale is not None
    assert BalanceCheck.objects.latest("at").named_through < sale.pk
