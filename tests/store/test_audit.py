"""The audit finds what is wrong between the store and the books, whichever side it is on."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from ledger import chart, journal
from ledger.journal import Line
from ledger.models import Policy
from ledger.policy import VERSION_1
from store import queue
from store.access import library
from store.audit import findings
from store.cases import disputes
from store.models import Dispute, Gate, LibraryItem, Order, StripeEvent
from store.sales import orders
from tests.ads.factories import make_advertiser, make_wallet
from tests.artists.factories import make_track
from tests.store.factories import (
    NOON,
    listener,
    make_order,
    make_paid_order,
    make_sold_album,
    music,
    paid_session,
    told,
)

pytestmark = pytest.mark.django_db


def post(key: str, debit: str, credit: str, amount: int = 1_000_000) -> None:
    journal.post(key, "a mistake", [Line(debit, credit, amount, "USD")], occurred_at=NOON)


def paid_without_its_entry() -> None:
    order = make_order()
    Order.objects.filter(pk=order.pk).update(state="PAID", paid_at=NOON)


def an_entry_without_its_order() -> None:
    post("order:6f9619ff-8b86-4d01-b42d-00cf4fc964ff:sale", chart.stripe("USD"), chart.commission("USD"))


def another_total() -> None:
    Order.objects.filter(pk=make_paid_order().pk).update(total_micros=8_000_000)


def a_line_that_has_another_part() -> None:
    order = make_paid_order(make_sold_album(), make_track(price_micros=990_000))
    order.lines.filter(position=0).update(net_micros=1_000)


def a_line_shared_by_others() -> None:
    make_paid_order().lines.update(shares=[[987_654, 10_000]])


def a_line_under_another_policy() -> None:
    rules = {**VERSION_1, "commission_basis_points": 500, "effective_at": NOON}
    Policy.objects.create(version=2, **rules)
    make_paid_order(at=NOON - timedelta(days=1)).lines.update(policy_version=2)


def a_line_that_asked_for_nothing() -> None:
    make_paid_order().lines.update(price_micros=0)


def a_refund_nobody_booked() -> None:
    Order.objects.filter(pk=make_paid_order().pk).update(refunded_micros=1_000_000)


def a_refund_nobody_gave() -> None:
    post(f"order:{make_paid_order().pk}:refund:100", chart.commission("USD"), chart.stripe("USD"))


def a_fee_nobody_booked() -> None:
    Order.objects.filter(pk=make_paid_order().pk).update(fee_micros=590_000)


def a_fee_nobody_told() -> None:
    post(f"order:{make_paid_order().pk}:fee", chart.stripe_fees("USD"), chart.stripe("USD"))


def bought_but_not_in_the_library() -> None:
    make_paid_order()
    LibraryItem.objects.all().delete()


def in_the_library_of_an_order_nobody_paid() -> None:
    order = make_order()
    library.grant(music(make_sold_album()), listener(), LibraryItem.Reason.ORDER, at=NOON, order_line=order.lines.get())


def a_gate_without_its_entry() -> None:
    Gate.objects.create(
        wallet=make_wallet(),
        guest_key="g",
        track=make_track(),
        recipe="flac",
        asked_micros=5_000,
        spent_micros=5_000,
        state="GRANTED",
        granted_at=NOON,
        entry_key="gate:nowhere",
    )


def music_of_a_gate_that_is_not_granted() -> None:
    track = make_track()
    gate = Gate.objects.create(wallet=make_wallet(), guest_key="g", track=track, recipe="flac", asked_micros=5_000)
    library.grant(music(track), listener(), LibraryItem.Reason.CREDITS, at=NOON, gate=gate)


def a_parked_event() -> None:
    StripeEvent.objects.create(event_id="evt_1", type="x", payload={}, state="PARKED", error="Look at me.")


def an_order_with_a_problem() -> None:
    Order.objects.filter(pk=make_order().pk).update(problem="Look at me.")


def disputed(status: str = "needs_response") -> Dispute:
    order = make_paid_order()
    disputes.learn(order.pk, disputes.read(told(order, status)), at=NOON)
    return Dispute.objects.get()


def a_dispute_nobody_booked() -> None:
    order = make_paid_order()
    Dispute.objects.create(
        order=order,
        stripe_id="dp_1",
        state="OPEN",
        unit="USD",
        amount_micros=1,
        withdrawal="txn_1",
        withdrawn_micros=1,
        opened_at=NOON,
    )


def receivable_without_a_dispute() -> None:
    post("dispute:7:opened", chart.receivable("USD"), chart.stripe("USD"))


def a_dispute_fee_nobody_told() -> None:
    Dispute.objects.filter(pk=disputed().pk).update(fee_micros=1)


def a_hold_of_no_case() -> None:
    post("kept", chart.stripe("USD"), chart.payee(42, "hold", "USD"))


def a_hold_of_a_dispute_that_is_over() -> None:
    dispute = disputed("won")
    Dispute.objects.filter(pk=dispute.pk).update(reinstatement="txn_2", reinstated_micros=dispute.withdrawn_micros)


def a_charge_back_nobody_lost() -> None:
    Order.objects.filter(pk=disputed().order_id).update(charged_back_micros=1)


def a_dispute_that_is_over_without_its_money() -> None:
    Dispute.objects.filter(pk=disputed().pk).update(state="CLOSED", closed_at=NOON)


FAULTS: list[Callable[[], None]] = [
    paid_without_its_entry,
    an_entry_without_its_order,
    another_total,
    a_line_that_has_another_part,
    a_line_shared_by_others,
    a_line_under_another_policy,
    a_line_that_asked_for_nothing,
    a_refund_nobody_booked,
    a_refund_nobody_gave,
    a_fee_nobody_booked,
    a_fee_nobody_told,
    bought_but_not_in_the_library,
    in_the_library_of_an_order_nobody_paid,
    a_gate_without_its_entry,
    music_of_a_gate_that_is_not_granted,
    a_dispute_nobody_booked,
    receivable_without_a_dispute,
    a_dispute_fee_nobody_told,
    a_hold_of_no_case,
    a_hold_of_a_dispute_that_is_over,
    a_charge_back_nobody_lost,
    a_dispute_that_is_over_without_its_money,
    a_parked_event,
    an_order_with_a_problem,
]


def test_all_is_well_after_a_sale() -> None:
    make_paid_order()
    assert list(findings()) == []


def test_all_is_well_with_tax_splits_several_lines_and_deposits() -> None:
    make_paid_order(make_sold_album(), make_sold_album(3_330_000), tax_minor=253)
    order = orders.place_deposit(make_advertiser(), 20_000_000, listener(), order_id=uuid.uuid4(), at=NOON)
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    assert list(findings()) == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_audit_finds(fault: Callable[[], None]) -> None:
    fault()
    found = list(findings())
    assert found
    assert all(one.room == "store" and one.message for one in found)


def test_the_queue_knows_the_oldest_waiting_work() -> None:
    assert queue.oldest_waiting() is None
    order = make_order()
    assert queue.oldest_waiting() == order.next_check_at
    earlier = timezone.now().replace(year=2020)
    StripeEvent.objects.create(event_id="evt_1", type="x", payload={}, next_try_at=earlier)
    assert queue.oldest_waiting() == earlier
