"""What the staff see of disputes and debts, and what they decide."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from artists.models import Payee
from ledger import chart, journal, months, payees
from ledger.journal import Line
from store.audit import findings
from store.cases import adjustments, disputes
from store.models import Adjustment, Dispute, Order
from tests.ads.factories import make_advertiser
from tests.artists.factories import make_payee
from tests.store.factories import NOON, make_paid_order, make_sold_album, told
from tests.users.factories import ada, max_
from users.models import User

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(days=3)


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(ada())
    return client


def disputed(*statuses: str) -> Order:
    order = make_paid_order(make_sold_album())
    for status in statuses:
        disputes.learn(order.pk, disputes.read(told(order, status)), at=LATER)
    return order


def payee_of(order: Order) -> Payee:
    album = order.lines.get().album
    assert album is not None
    return album.artist.payee


def owe(payee: Payee, micros: int = 8_991_000) -> None:
    line = Line(chart.payee(payee.pk, "owed", "USD"), chart.stripe("USD"), micros, "USD")
    journal.post(f"owe:{payee.pk}", "lost", [line], occurred_at=NOON)


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


# --- disputes


def test_the_list_says_what_to_answer_and_until_when(desk: Client) -> None:
    assert "No dispute yet" in text(desk, "/desk/disputes/")
    order = disputed("needs_response")
    Dispute.objects.update(due_by=timezone.now() + timedelta(days=2))
    page = text(desk, "/desk/disputes/")
    assert "The cardholder says they did not pay this" in page
    assert "$9.99" in page
    assert "too late" not in page
    Dispute.objects.update(due_by=timezone.now() - timedelta(days=2))
    assert "too late" in text(desk, "/desk/disputes/")
    disputes.learn(order.pk, disputes.read(told(order, "lost")), at=LATER)
    assert "Nothing waits for an answer" in text(desk, "/desk/disputes/")


def test_a_dispute_shows_what_is_held_of_whom_and_its_entries(desk: Client) -> None:
    order = disputed("needs_response")
    page = text(desk, f"/desk/disputes/{Dispute.objects.get().pk}/")
    assert payee_of(order).name in page
    assert "$8.991" in page
    assert "dispute opened" in page
    assert str(order.pk) in page
    assert "dispute:receivable:USD" in page


def test_an_inquiry_shows_that_nothing_moved(desk: Client) -> None:
    order = make_paid_order(make_sold_album())
    disputes.learn(order.pk, disputes.read(told(order, "warning_needs_response", out=False)), at=LATER)
    page = text(desk, f"/desk/disputes/{Dispute.objects.get().pk}/")
    assert "No money moved" in page
    assert "Nothing is held" in page


def test_the_desk_counts_what_waits_for_an_answer(desk: Client) -> None:
    disputed("needs_response")
    disputed("needs_response", "lost")
    page = text(desk, "/desk/")
    assert "disputes to answer" in page
    assert Dispute.objects.waiting().count() == 1


def test_the_list_costs_the_same_for_many(desk: Client, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    for _ in range(3):
        disputed("needs_response")
    with django_assert_max_num_queries(12):
        text(desk, "/desk/disputes/")


# --- debts


def write_off(desk: Client, payee: Payee, amount: str = "8.991", **fields: str) -> int:
    sent = {"form_id": str(uuid.uuid4()), "debt": f"payee:{payee.pk}:USD", "amount": amount, "reason": "Gone."}
    return desk.post("/desk/owed/write-off/", {**sent, **fields}).status_code


def test_a_debt_is_given_up_with_a_reason_and_it_is_recorded(desk: Client) -> None:
    payee = make_payee("Nina")
    owe(payee)
    assert "$8.991" in text(desk, "/desk/owed/")
    assert write_off(desk, payee) == 302
    decided = Adjustment.objects.get()
    assert (decided.amount_micros, decided.reason, decided.decided_by) == (8_991_000, "Gone.", ada())
    assert journal.balance(chart.clawback_loss("USD")) == 8_991_000
    entry = journal.entry_for(decided.key)
    assert entry is not None
    assert entry.why == "Gone."
    assert "Nobody owes anything" in text(desk, "/desk/owed/")
    assert list(findings()) == []


def test_a_form_that_is_sent_twice_decides_once(desk: Client) -> None:
    payee, form_id = make_payee("Nina"), str(uuid.uuid4())
    owe(payee)
    for _ in range(2):
        assert write_off(desk, payee, "1.000001", form_id=form_id) == 302
    assert journal.balance(chart.payee(payee.pk, "owed", "USD")) == 7_990_999


def test_a_form_that_is_sent_again_with_another_amount_is_refused(desk: Client) -> None:
    payee, form_id = make_payee("Nina"), str(uuid.uuid4())
    owe(payee)
    assert write_off(desk, payee, "1", form_id=form_id) == 302
    assert write_off(desk, payee, "2", form_id=form_id) == 422
    assert journal.balance(chart.payee(payee.pk, "owed", "USD")) == 7_991_000


@pytest.mark.django_db(transaction=True)
def test_one_form_sent_twice_at_once_decides_once() -> None:
    payee, form_id, barrier = make_payee("Nina"), uuid.uuid4(), threading.Barrier(2)
    owe(payee)

    def decide(by: User) -> Adjustment:
        try:
            barrier.wait()
            return adjustments.write_off(form_id, payee, "USD", 1_000_000, reason="Gone.", by=by, at=NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(decide, [ada(), max_()])
    assert first == second
    assert journal.balance(chart.payee(payee.pk, "owed", "USD")) == 7_991_000


@pytest.mark.parametrize("amount", ["8.991001", "0", "-1", "1,5", "1.0000001", "", "much"])
def test_what_cannot_be_given_up_says_why(desk: Client, amount: str) -> None:
    payee = make_payee("Nina")
    owe(payee)
    assert write_off(desk, payee, amount) == 422
    assert not Adjustment.objects.exists()
    assert journal.balance(chart.payee(payee.pk, "owed", "USD")) == 8_991_000


def test_nothing_is_given_up_without_a_reason(desk: Client) -> None:
    payee = make_payee("Nina")
    owe(payee)
    assert write_off(desk, payee, reason="") == 422


def test_nobody_decides_about_their_own_money() -> None:
    payee = make_payee("Ada", user=ada())
    owe(payee)
    with pytest.raises(adjustments.CannotAdjust, match="your own"):
        adjustments.write_off(uuid.uuid4(), payee, "USD", 1, reason="Why not.", by=ada(), at=NOON)
    adjustments.write_off(uuid.uuid4(), payee, "USD", 1, reason="Agreed.", by=max_(), at=NOON)


def test_what_an_advertiser_owes_is_given_up_too(desk: Client) -> None:
    advertiser = make_advertiser()
    line = Line(chart.advertiser_owed(advertiser.pk, "USD"), chart.stripe("USD"), 20_000_000, "USD")
    journal.post("owe", "lost", [line], occurred_at=NOON)
    sent = {"form_id": str(uuid.uuid4()), "debt": f"advertiser:{advertiser.pk}:USD", "amount": "20", "reason": "Gone."}
    assert desk.post("/desk/owed/write-off/", sent).status_code == 302
    assert advertiser.owed_micros() == 0
    assert list(findings()) == []


def test_nothing_is_decided_while_the_clock_stands_in_a_closed_month(desk: Client) -> None:
    payee, day = payee_of(make_paid_order(make_sold_album())), NOON + timedelta(days=14)
    payees.mature(day.date(), at=day)
    owe(payee)
    months.close(timezone.now().date(), at=timezone.now() + timedelta(days=40))
    sent = {"form_id": str(uuid.uuid4()), "payee": payee.pk, "unit": "USD", "amount": "1", "country": "US"}
    for answer in (
        desk.post("/desk/owed/withhold/", {**sent, "reason": "30 % without a tax form"}),
        desk.post("/desk/owed/write-off/", {**sent, "debt": f"payee:{payee.pk}:USD", "reason": "Gone."}),
    ):
        assert answer.status_code == 422
        assert "are closed: nothing can be booked there any more" in answer.content.decode()
    assert not Adjustment.objects.exists()


def test_tax_is_withheld_of_one_payee_from_what_is_payable(desk: Client) -> None:
    order = make_paid_order(make_sold_album())
    payee = payee_of(order)
    sent = {"form_id": str(uuid.uuid4()), "payee": payee.pk, "unit": "USD", "amount": "2.6973", "country": "US"}
    sent |= {"reason": "30 % without a tax form"}
    answer = desk.post("/desk/owed/withhold/", sent)
    assert answer.status_code == 422
    assert "Only $0.00 is payable now" in answer.content.decode()
    day = NOON + timedelta(days=14)
    payees.mature(day.date(), at=day)
    assert desk.post("/desk/owed/withhold/", sent).status_code == 302
    assert journal.balance(chart.withheld("US", "USD")) == 2_697_300
    assert journal.balance(chart.payee(payee.pk, "payable", "USD")) == 6_293_700
    assert list(findings()) == []


@pytest.mark.parametrize("country", ["us", "USA", "U", "US\n", "ÜS", ""])
def test_a_country_is_two_capital_letters(country: str, desk: Client) -> None:
    sent = {"form_id": str(uuid.uuid4()), "payee": make_payee("Nina").pk, "unit": "USD", "amount": "1"}
    answer = desk.post("/desk/owed/withhold/", {**sent, "country": country, "reason": "No tax form"})
    assert answer.status_code == 422
    assert not Adjustment.objects.exists()


def test_the_audit_finds_a_decision_that_is_not_booked() -> None:
    Adjustment.objects.create(
        id=uuid.uuid4(),
        kind="WRITE_OFF",
        payee=make_payee("Nina"),
        unit="USD",
        amount_micros=1,
        reason="Gone.",
        decided_by=ada(),
        decided_at=NOON,
    )
    assert [one.message for one in findings() if "Decision" in one.message]
