"""Disputes: what an issuer takes, what is held for it, and who bears it, to the micro and in every order of events."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ledger import audit as ledger_audit
from ledger import chart, journal, payees
from ledger.journal import Line
from ledger.models import Account, Entry, Posting
from megabox.export import verify_books
from payouts import blocks, holds, statements
from payouts.models import Block
from store.access import library
from store.audit import findings
from store.cases import disputes, refunds
from store.models import Dispute, Order, StripeEvent
from store.payments import waiting
from store.sales import receipts
from tests.artists.factories import make_artist, make_payee, make_sheet
from tests.store.factories import (
    NOON,
    dispute_event,
    event_of,
    listener,
    make_order,
    make_paid_order,
    make_sold_album,
    make_sold_track,
    music,
    post_event,
    stored,
    told,
)
from tests.users.factories import ada, leo, nina

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(days=3)
FEE = 15_000_000


def learn(order: Order, *facts: dict[str, Any]) -> None:
    for one in facts:
        disputes.learn(order.pk, disputes.read(one), at=LATER)


def books() -> dict[str, int]:
    """Every account that is not zero."""
    amounts = {code: journal.balance(code) for code in Account.objects.values_list("code", flat=True)}
    return {code: amount for code, amount in sorted(amounts.items()) if amount}


def payee_books(payee_id: int) -> dict[str, int]:
    found = {place: journal.balance(chart.payee(payee_id, place, "USD")) for place in chart.PLACES}
    return {place: amount for place, amount in found.items() if amount}


def is_clean() -> bool:
    return list(findings()) == [] and list(ledger_audit.findings(LATER + timedelta(days=60))) == []


def one_payee() -> tuple[Order, int]:
    album = make_sold_album()
    return make_paid_order(album), album.artist.payee_id


def pay_out(payee_id: int, amount: int, *, key: str = "paid out") -> None:
    code = chart.payee(payee_id, "payable", "USD")
    line = Line(code, chart.transit("USD"), amount, "USD")
    journal.post(key, "payout", [line], occurred_at=LATER)
    journal.post(
        f"{key}: sent", "payout", [Line(chart.transit("USD"), chart.stripe("USD"), amount, "USD")], occurred_at=LATER
    )


def mature(days: int = 14) -> None:
    payees.mature((NOON + timedelta(days=days)).date(), at=NOON + timedelta(days=days))


# --- one dispute of one sale


def test_opened_withdraws_the_money_and_holds_the_payees_part() -> None:
    order, payee = one_payee()
    learn(order, told(order))
    assert books() == {
        "dispute:receivable:USD": 9_990_000,
        "exp:dispute_fees:USD": FEE,
        f"payee:{payee}:hold:USD": 8_991_000,
        "rev:commission:USD": 999_000,
        "stripe:balance:USD": -FEE,
    }
    assert library.has(listener(), music(make_or_get(order)))
    assert is_clean()


def make_or_get(order: Order) -> Any:
    return order.lines.get().album


def test_won_gives_the_hold_back_at_once_and_the_fee_stays_ours() -> None:
    order, payee = one_payee()
    learn(order, told(order), told(order, "won", back=True))
    assert books() == {
        "exp:dispute_fees:USD": FEE,
        f"payee:{payee}:payable:USD": 8_991_000,
        "rev:commission:USD": 999_000,
        "stripe:balance:USD": 9_990_000 - FEE,
    }
    dispute = Dispute.objects.get()
    assert (dispute.state, dispute.open_micros, dispute.fee_micros) == (Dispute.State.WON, 0, FEE)
    assert is_clean()


def test_a_fee_that_stripe_gives_back_is_booked_back() -> None:
    order, payee = one_payee()
    learn(order, told(order), told(order, "won", back=True, fee_back_minor=1_500))
    assert books() == {
        f"payee:{payee}:payable:USD": 8_991_000,
        "rev:commission:USD": 999_000,
        "stripe:balance:USD": 9_990_000,
    }
    assert is_clean()


def test_lost_takes_the_hold_our_part_and_the_music() -> None:
    order, _ = one_payee()
    learn(order, told(order), told(order, "lost"))
    assert books() == {"exp:dispute_fees:USD": FEE, "stripe:balance:USD": -FEE}
    order.refresh_from_db()
    assert (order.state, order.charged_back_micros) == (Order.State.REFUNDED, 9_990_000)
    assert not library.has(listener(), music(make_or_get(order)))
    assert is_clean()


def test_lost_takes_the_tax_back_too() -> None:
    album = make_sold_album(10_000_000)
    order = make_paid_order(album, tax_minor=190)
    learn(order, told(order), told(order, "lost"))
    assert books() == {"exp:dispute_fees:USD": FEE, "stripe:balance:USD": -FEE}
    assert is_clean()


def test_a_part_that_is_lost_is_borne_in_proportion_and_the_music_stays() -> None:
    album = make_sold_album(10_000_000)
    order = make_paid_order(album, tax_minor=190)  # 11.90: 9.00 payee, 1.00 ours, 1.90 tax
    learn(order, told(order, minor=400))
    # 4.00 of 11.90: tax 1.90 * 4 / 11.9 = 0.638655, commission 0.336134, the rest the payee's.
    assert payee_books(album.artist.payee_id) == {"pending": 5_974_789, "hold": 3_025_211}
    learn(order, told(order, "lost", minor=400))
    assert books() == {
        "exp:dispute_fees:USD": FEE,
        f"payee:{album.artist.payee_id}:pending:USD": 5_974_789,
        "rev:commission:USD": 663_866,
        "stripe:balance:USD": 7_900_000 - FEE,
        "tax:vat:DE:USD": 1_261_345,
    }
    order.refresh_from_db()
    assert order.state == Order.State.PAID
    assert library.has(listener(), music(album))
    assert is_clean()


def test_a_dispute_after_a_partial_refund_takes_exactly_what_is_left() -> None:
    order, payee = one_payee()
    refunds.refund(order.pk, 333, "USD", at=LATER)
    learn(order, told(order, minor=666), told(order, "lost", minor=666))
    assert books() == {"exp:dispute_fees:USD": FEE, "stripe:balance:USD": -FEE}
    assert payee_books(payee) == {}
    assert is_clean()


def test_a_refund_during_a_dispute_is_given_out_of_what_is_held_and_only_once() -> None:
    order, payee = one_payee()
    learn(order, told(order))
    refunds.refund(order.pk, 399, "USD", at=LATER)
    assert payee_books(payee) == {"hold": 5_400_000}
    learn(order, told(order, "lost"))
    # The buyer got 3.99 from us and 9.99 from the bank: what is more than the sale is our loss.
    assert books() == {
        "exp:clawback_loss:USD": 3_990_000,
        "exp:dispute_fees:USD": FEE,
        "stripe:balance:USD": -3_990_000 - FEE,
    }
    assert is_clean()


def test_what_a_buyer_got_twice_comes_back_when_stripe_gives_it_back() -> None:
    order, _ = one_payee()
    refunds.refund(order.pk, 399, "USD", at=LATER)
    learn(order, told(order), told(order, "lost"), told(order, "lost", back=399))
    assert books() == {"exp:dispute_fees:USD": FEE, "stripe:balance:USD": -FEE}
    assert is_clean()


def test_a_refund_during_a_dispute_that_is_won() -> None:
    order, payee = one_payee()
    learn(order, told(order))
    refunds.refund(order.pk, 999, "USD", at=LATER)
    learn(order, told(order, "won", back=True))
    assert books() == {"exp:dispute_fees:USD": FEE, "stripe:balance:USD": -FEE}
    assert payee_books(payee) == {}
    assert is_clean()


def test_after_the_payout_there_is_nothing_to_hold_and_the_loss_is_owed() -> None:
    order, payee = one_payee()
    mature()
    pay_out(payee, 8_991_000)
    learn(order, told(order))
    assert payee_books(payee) == {}
    learn(order, told(order, "lost"))
    assert payee_books(payee) == {"owed": 8_991_000}
    assert journal.balance(chart.receivable("USD")) == 0
    assert is_clean()


def test_only_what_is_there_is_held_and_never_another_sales_pending() -> None:
    artist = make_artist()
    first = make_paid_order(make_sold_album(10_000_000, artist=artist))
    mature()
    pay_out(artist.payee_id, 6_000_000)
    make_paid_order(make_sold_album(20_000_000, artist=artist), at=NOON + timedelta(days=15))
    learn(first, told(first))
    assert payee_books(artist.payee_id) == {"pending": 18_000_000, "hold": 3_000_000}
    learn(first, told(first, "lost"))
    assert payee_books(artist.payee_id) == {"pending": 18_000_000, "owed": 6_000_000}
    assert is_clean()


def test_what_became_payable_meanwhile_is_taken_before_anything_is_owed() -> None:
    artist = make_artist()
    first = make_paid_order(make_sold_album(10_000_000, artist=artist))
    mature()
    pay_out(artist.payee_id, 9_000_000)
    learn(first, told(first))
    make_paid_order(make_sold_album(5_000_000, artist=artist), at=NOON + timedelta(days=15))
    mature(40)
    learn(first, told(first, "lost"))
    assert payee_books(artist.payee_id) == {"owed": 4_500_000}
    assert is_clean()


def test_held_money_does_not_mature() -> None:
    order, payee = one_payee()
    learn(order, told(order, minor=500))
    mature(30)
    assert payee_books(payee) == {"payable": 4_491_000, "hold": 4_500_000}
    learn(order, told(order, "won", minor=500, back=True))
    assert payee_books(payee) == {"payable": 8_991_000}
    assert is_clean()


def test_what_is_won_settles_first_what_the_payee_owes() -> None:
    order, payee = one_payee()
    learn(order, told(order))
    owe = Line(chart.payee(payee, "owed", "USD"), chart.stripe("USD"), 1_000_000, "USD")
    journal.post("something else", "lost", [owe], occurred_at=LATER)
    learn(order, told(order, "won", back=True))
    assert payee_books(payee) == {"payable": 7_991_000}
    assert is_clean()


def test_every_payee_of_every_line_bears_their_part() -> None:
    album, track = make_sold_album(10_000_000), make_sold_track(1_000_000)
    people = [make_payee(name) for name in ("Nina", "Max", "Ida")]
    make_sheet(album, list(zip(people, (5_000, 3_000, 2_000), strict=True)), at=NOON)
    order = make_paid_order(album, track)
    learn(order, told(order, minor=550))
    held = [payee_books(one.pk)["hold"] for one in people]
    assert held == [2_250_000, 1_350_000, 900_000]
    assert payee_books(track.album.artist.payee_id) == {"pending": 450_000, "hold": 450_000}
    learn(order, told(order, "lost", minor=550))
    assert [payee_books(one.pk) for one in people] == [
        {"pending": 2_250_000},
        {"pending": 1_350_000},
        {"pending": 900_000},
    ]
    assert is_clean()


def test_two_lines_of_one_payee_do_not_hold_the_same_money_twice() -> None:
    artist = make_artist()
    order = make_paid_order(make_sold_album(10_000_000, artist=artist), make_sold_album(10_000_000, artist=artist))
    mature()
    pay_out(artist.payee_id, 12_000_000)
    learn(order, told(order))
    assert payee_books(artist.payee_id) == {"hold": 6_000_000}
    learn(order, told(order, "lost"))
    assert payee_books(artist.payee_id) == {"owed": 12_000_000}
    assert is_clean()


# --- inquiries, and what does not fit


def test_an_inquiry_moves_no_money() -> None:
    order, payee = one_payee()
    before = books()
    learn(order, told(order, "warning_needs_response", out=False), told(order, "warning_under_review", out=False))
    assert Dispute.objects.get().state == Dispute.State.INQUIRY
    learn(order, told(order, "warning_closed", out=False))
    dispute = Dispute.objects.get()
    assert (dispute.state, dispute.closed_at) == (Dispute.State.CLOSED, LATER)
    assert books() == before
    assert payee_books(payee) == {"pending": 8_991_000}
    assert is_clean()


def test_an_inquiry_may_become_a_chargeback() -> None:
    order, payee = one_payee()
    learn(order, told(order, "warning_needs_response", out=False), told(order))
    assert Dispute.objects.get().state == Dispute.State.OPEN
    assert payee_books(payee) == {"hold": 8_991_000}
    assert is_clean()


def work(*events: dict[str, Any]) -> None:
    for event in events:
        post_event(event)
    waiting.work_on_events(timezone.now())


@pytest.mark.parametrize(
    ("dispute", "sentence"),
    [
        ({"unit": "EUR"}, "by hand"),
        ({"minor": 99_900}, "more than"),
        ({"status": "something_new"}, "not known here"),
        ({"back": 2_000}, "more than"),
    ],
)
def test_what_does_not_fit_the_sale_is_left_to_a_person(dispute: dict[str, Any], sentence: str) -> None:
    order, _ = one_payee()
    before = books()
    event = dispute_event("created", told(order, **dispute))
    work(event)
    assert stored(event).state == StripeEvent.State.PARKED
    assert sentence in stored(event).error
    assert books() == before
    assert not Dispute.objects.exists()


def test_a_dispute_told_before_its_payment_waits_for_it() -> None:
    order = make_order()
    event = dispute_event("created", told(order))
    work(event)
    assert stored(event).state == StripeEvent.State.RECEIVED
    post_event(event_of("checkout.session.completed", order))
    now = timezone.now()
    waiting.work_on_events(now)
    waiting.work_on_events(now + timedelta(hours=1))
    assert stored(event).state == StripeEvent.State.PROCESSED
    assert Dispute.objects.get().order == order


def test_a_parked_event_of_before_is_processed_when_it_is_tried_again() -> None:
    order, payee = one_payee()
    event = dispute_event("created", told(order))
    post_event(event)
    StripeEvent.objects.update(state=StripeEvent.State.PARKED, error="Disputes are booked by hand.")
    StripeEvent.objects.filter(state=StripeEvent.State.PARKED).update(
        state=StripeEvent.State.RECEIVED, tries=0, next_try_at=timezone.now()
    )
    waiting.work_on_events(timezone.now())
    assert stored(event).state == StripeEvent.State.PROCESSED
    assert payee_books(payee) == {"hold": 8_991_000}


def test_a_dispute_that_is_lost_and_then_won_is_left_to_a_person() -> None:
    order, _ = one_payee()
    learn(order, told(order), told(order, "lost"))
    before = books()
    event = dispute_event("funds_reinstated", told(order, "won", back=True))
    post_event(event)
    now = timezone.now()
    for hours in range(12):
        waiting.work_on_events(now + timedelta(hours=hours))
    assert stored(event).state == StripeEvent.State.PARKED
    assert "by hand" in stored(event).error
    assert books() == before


# --- any order


def story(order: Order, *, is_won: bool, number: int = 1, minor: int | None = None) -> list[dict[str, Any]]:
    """The events of one dispute, in the order they happened."""
    said: dict[str, Any] = {"number": number, "minor": minor}
    end = told(order, "won", back=True, **said) if is_won else told(order, "lost", **said)
    opened = told(order, out=False, **said)
    out = told(order, **said)
    kinds = [("created", opened), ("funds_withdrawn", out), ("updated", told(order, "under_review", **said))]
    kinds += [("closed", end), ("funds_reinstated", end)] if is_won else [("closed", end)]
    return [dispute_event(kind, dispute) for kind, dispute in kinds]


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is rolled back, so that the same order can go through another story."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("is_won", [True, False])
def test_events_in_every_order_end_the_same(is_won: bool) -> None:
    order, _ = one_payee()
    ends = []
    for events in itertools.permutations(story(order, is_won=is_won)):
        with undone():
            learn(order, *(event["data"]["object"] for event in events))
            dispute = Dispute.objects.get(order=order)
            ends.append((books(), dispute.state, dispute.open_micros))
    assert ends[0][1:] == ("WON" if is_won else "LOST", 0)
    assert all(end == ends[0] for end in ends)


def test_two_disputes_of_one_charge_closed_in_the_other_order() -> None:
    for first, second in ((1, 2), (2, 1)):
        order, payee = one_payee()
        learn(order, told(order, minor=400, number=1), told(order, minor=599, number=2))
        assert payee_books(payee) == {"hold": 8_991_000}
        minors = {1: 400, 2: 599}
        learn(order, told(order, "lost", minor=minors[first], number=first))
        learn(order, told(order, "lost", minor=minors[second], number=second))
        assert payee_books(payee) == {}
        order.refresh_from_db()
        assert order.state == Order.State.REFUNDED
    assert is_clean()


def test_two_full_disputes_of_one_charge_take_it_once_from_people_and_once_from_us() -> None:
    order, payee = one_payee()
    learn(order, told(order, number=1), told(order, number=2))
    assert payee_books(payee) == {"hold": 8_991_000}
    learn(order, told(order, "lost", number=2))
    assert payee_books(payee) == {}
    learn(order, told(order, "lost", number=1))
    assert books() == {
        "exp:clawback_loss:USD": 9_990_000,
        "exp:dispute_fees:USD": 2 * FEE,
        "stripe:balance:USD": -9_990_000 - 2 * FEE,
    }
    assert is_clean()


def test_the_same_event_twice_books_once() -> None:
    order, _ = one_payee()
    event = dispute_event("created", told(order))
    work(event, event)
    work(dispute_event("updated", told(order)), dispute_event("funds_withdrawn", told(order)))
    assert Entry.objects.filter(kind="dispute opened").count() == 1
    assert is_clean()


class TestAnyDisputes(TestCase):
    """Whatever is disputed and given back, in whatever order it is told, in the end the books are the same."""

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(data=st.data())
    def test_one_dispute_with_splits(self, data: st.DataObject) -> None:
        cents = data.draw(st.integers(50, 20_000))
        tax = data.draw(st.integers(0, 400))
        points = data.draw(st.lists(st.integers(1, 100), min_size=1, max_size=4))
        minor = data.draw(st.integers(1, cents + tax))
        is_won, matures = data.draw(st.booleans()), data.draw(st.booleans())
        album = make_sold_album(cents * 10_000)
        shares = [10_000 * point // sum(points) for point in points]
        shares[0] += 10_000 - sum(shares)
        people = [make_payee(f"Payee {n}") for n in range(len(points))]
        make_sheet(album, list(zip(people, shares, strict=True)), at=NOON)
        order = make_paid_order(album, tax_minor=tax)
        if matures:
            mature()
        events: Sequence[dict[str, Any]] = story(order, is_won=is_won, minor=minor)
        shuffled = data.draw(st.permutations(events)) + data.draw(st.lists(st.sampled_from(events), max_size=3))
        ends = []
        for told_of in (events, shuffled):
            with undone():
                learn(order, *(event["data"]["object"] for event in told_of))
                mature(90)
                order.refresh_from_db()
                ends.append((books(), order.charged_back_micros, order.state))
                assert is_clean()
        assert ends[0] == ends[1]
        assert ends[0][1] == (0 if is_won else minor * 10_000)
        assert chart.receivable("USD") not in ends[0][0]
        assert not any(":hold:" in code for code in ends[0][0])

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(data=st.data())
    def test_disputes_and_refunds_together(self, data: st.DataObject) -> None:
        cents = data.draw(st.integers(100, 5_000))
        plans = data.draw(
            st.lists(st.tuples(st.integers(1, cents), st.booleans()), min_size=1, max_size=3)
        )  # what is disputed, and whether it is won
        steps = sorted(data.draw(st.lists(st.integers(1, cents), max_size=3)))
        paid = data.draw(st.integers(0, cents * 9_000))
        album = make_sold_album(cents * 10_000)
        order = make_paid_order(album)
        if paid:
            mature()
            pay_out(album.artist.payee_id, paid)
        happened: list[Any] = [
            event["data"]["object"]
            for number, (minor, is_won) in enumerate(plans)
            for event in story(order, is_won=is_won, minor=minor, number=number)
        ]
        happened += steps
        ends = []
        for told_of in (happened, data.draw(st.permutations(happened))):
            with undone():
                for one in told_of:
                    if isinstance(one, int):
                        refunds.refund(order.pk, one, "USD", at=LATER)
                    else:
                        learn(order, one)
                assert is_clean()
                mature(90)
                ends.append((books(), payee_books(album.artist.payee_id)))
        assert ends[0] == ends[1]
        taken = (sum(minor for minor, is_won in plans if not is_won) + max(steps, default=0)) * 10_000
        price = cents * 10_000
        left = price - min(taken, price)
        found, theirs = ends[0]
        assert found.get(chart.clawback_loss("USD"), 0) == max(0, taken - price)
        assert found.get(chart.commission("USD"), 0) == cents * 1_000 - cents * 1_000 * min(taken, price) // price
        assert theirs.get("payable", 0) - theirs.get("owed", 0) + paid == left - found.get(chart.commission("USD"), 0)
        assert set(theirs) <= {"payable", "owed"}
        assert chart.receivable("USD") not in found


def test_every_posting_of_a_dispute_names_it() -> None:
    order, _ = one_payee()
    learn(order, told(order), told(order, "won", back=True))
    dispute = Dispute.objects.get()
    mine = Posting.objects.filter(entry__key__startswith=f"dispute:{dispute.pk}:")
    assert set(mine.values_list("source", flat=True)) == {dispute.source}
    named = {facts.get("balance_transaction") for facts in mine.filter(reverses=None).values_list("facts", flat=True)}
    assert named == {dispute.withdrawal, dispute.reinstatement}


# --- who is not paid meanwhile


def blocked(payee_id: int) -> list[Block]:
    return list(Block.objects.active(LATER).filter(payee_id=payee_id))


def test_a_payee_whose_part_is_held_is_paid_on() -> None:
    order, payee = one_payee()
    learn(order, told(order))
    assert blocked(payee) == []


def test_a_payee_whose_part_is_gone_is_not_paid_until_it_is_decided() -> None:
    order, payee = one_payee()
    mature()
    pay_out(payee, 5_000_000)
    learn(order, told(order), told(order, "under_review"))
    (block,) = blocked(payee)
    assert (block.reason, block.created_by) == (Block.Reason.DISPUTE, None)
    assert "$5.00 of it was not there to hold" in block.note
    learn(order, told(order, "lost"))
    assert blocked(payee) == []


def test_each_dispute_lifts_only_its_own_block() -> None:
    artist = make_artist()
    orders = [make_paid_order(make_sold_album(artist=artist)) for _ in range(2)]
    mature()
    pay_out(artist.payee_id, 17_982_000)
    for order in orders:
        learn(order, told(order))
    assert len(blocked(artist.payee_id)) == 2
    learn(orders[0], told(orders[0], "won", back=True))
    assert [block.case for block in blocked(artist.payee_id)] == [Dispute.objects.get(order=orders[1]).source]


def test_what_a_person_lifted_stays_lifted() -> None:
    order, payee = one_payee()
    mature()
    pay_out(payee, 8_991_000)
    learn(order, told(order))
    blocks.lift(blocked(payee)[0].pk, by=ada(), at=LATER)
    learn(order, told(order, "under_review"))
    assert blocked(payee) == []
    learn(order, told(order, "lost"))
    assert Block.objects.get().lifted_by == ada()


# --- what the payee reads


def test_the_payee_reads_what_is_held_and_why(client: Client) -> None:
    artist = make_artist(owner=nina())
    order = make_paid_order(make_sold_album(artist=artist, title="Night Bus"))
    learn(order, told(order, minor=500))
    (hold,) = holds.of(artist.payee, "USD")
    assert (hold.title, hold.micros, hold.why) == ("Night Bus", 4_500_000, disputes.HELD_FOR)
    window = {"since": NOON - timedelta(days=1), "until": LATER + timedelta(days=1)}
    assert [line.state for line in statements.statement(artist.payee, "USD", **window).lines] == ["on hold"]
    client.force_login(nina())
    page = client.get("/studio/earnings/").content.decode()
    assert "On hold, and why" in page
    assert "disputes this payment at their bank" in page
    learn(order, told(order, "lost", minor=500))
    assert holds.of(artist.payee, "USD") == []
    lines = statements.statement(artist.payee, "USD", **window).lines
    assert [(line.kind, line.amount, line.state) for line in lines] == [
        ("earning", 8_991_000, lines[0].state),
        ("taken back", -4_500_000, "done"),
    ]
    assert lines[0].state.startswith("being checked")


def test_the_buyer_reads_what_their_bank_took(client: Client) -> None:
    order = make_paid_order(make_sold_album())
    client.force_login(leo())
    page = f"/orders/{order.pk}/"
    learn(order, told(order))
    assert receipts.of(order).artists == 8_991_000, "held money is the artists' still"
    learn(order, told(order, "lost"))
    assert receipts.of(Order.objects.get(pk=order.pk)).artists == 0
    text = client.get(page).content.decode()
    assert "Your bank took $9.99 back" in text
    assert "The music left your library" in text


def test_the_books_that_are_exported_verify_with_every_kind_of_dispute(tmp_path: Path) -> None:
    for minor, is_won in ((None, True), (None, False), (400, False)):
        order, _ = one_payee()
        learn(order, *(event["data"]["object"] for event in story(order, is_won=is_won, minor=minor)))
    order, _ = one_payee()
    learn(order, told(order))
    refunds.refund(order.pk, 399, "USD", at=LATER)
    learn(order, told(order, "lost"))
    order, _ = one_payee()
    learn(order, told(order))
    books_of = tmp_path / "books"
    call_command("export_books", books_of, stdout=StringIO())
    said: list[str] = []
    assert verify_books.verify(books_of, said.append) == 0, said
