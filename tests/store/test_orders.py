"""Placing an order freezes everything; fulfilling it books to the micro, fills the library and writes, once."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.db import connection

from artists.models import FreeMode
from ledger import chart, journal
from ledger.models import Entry, Posting
from store.access import library
from store.audit import findings
from store.models import CartItem, LibraryItem, Order
from store.sales import orders, receipts
from tests.artists.factories import make_album, make_payee, make_sheet
from tests.store.factories import (
    NOON,
    guest,
    listener,
    make_order,
    make_paid_order,
    make_sold_album,
    make_sold_track,
    music,
    paid_session,
)
from tests.users.factories import charlie
from users.models import Mail

pytestmark = pytest.mark.django_db


def pending(payee_id: int) -> int:
    return journal.balance(chart.payee(payee_id, "pending", "USD"))


def test_a_sale_pays_the_artist_ninety_percent_to_the_micro() -> None:
    album = make_sold_album(9_990_000)
    order = make_paid_order(album)
    assert pending(album.artist.payee_id) == 8_991_000
    assert journal.balance(chart.commission("USD")) == 999_000
    assert journal.balance(chart.stripe("USD")) == 9_990_000
    assert order.state == Order.State.PAID


def test_a_small_sale_leaves_the_remainder_with_the_artist() -> None:
    track = make_sold_track(990_000)
    make_paid_order(track)
    assert pending(track.album.artist.payee_id) == 891_000
    assert journal.balance(chart.commission("USD")) == 99_000


def test_tax_on_top_is_booked_by_country_and_no_part_of_the_ninety_percent() -> None:
    album = make_sold_album(10_000_000)
    make_paid_order(album, tax_minor=190)
    assert pending(album.artist.payee_id) == 9_000_000
    assert journal.balance(chart.vat("DE", "USD")) == 1_900_000
    assert journal.balance(chart.stripe("USD")) == 11_900_000


def test_tax_inside_the_price_is_taken_off_before_the_ninety_percent() -> None:
    album = make_sold_album(11_900_000)
    order = make_order(album)
    orders.fulfil(order.pk, paid_session(order, tax_minor=190, is_tax_inside=True), at=NOON)
    assert pending(album.artist.payee_id) == 9_000_000
    assert journal.balance(chart.vat("DE", "USD")) == 1_900_000


def test_a_sale_matures_fourteen_days_later_and_its_postings_say_what_was_sold() -> None:
    album = make_sold_album(upc="123456789012")
    order = make_paid_order(album)
    posting = Posting.objects.get(entry__key=order.entry_key, credit__code__startswith="payee:")
    assert posting.matures_on == date(2026, 11, 17)
    assert posting.source == f"store.line:{order.lines.get().pk}"
    assert posting.facts["title"] == album.title
    assert posting.facts["country"] == "DE"
    assert posting.facts["price_micros"] == 9_990_000
    assert "leo" not in str(posting.facts), "no names of people in the books"


def test_a_split_is_exact_and_frozen_when_the_order_is_placed() -> None:
    album = make_sold_album(9_990_000)
    a, b, c = (make_payee(name) for name in ("A", "B", "C"))
    make_sheet(album, [(a, 5_000), (b, 3_000), (c, 2_000)], at=NOON)
    order = make_order(album)
    make_sheet(album, [(a, 10_000)], at=NOON)
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    assert [pending(one.pk) for one in (a, b, c)] == [4_495_500, 2_697_300, 1_798_200]


def test_a_price_changed_after_placing_changes_nothing() -> None:
    album = make_sold_album(9_990_000)
    order = make_order(album)
    type(album).objects.filter(pk=album.pk).update(price_micros=1_000_000)
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    assert pending(album.artist.payee_id) == 8_991_000


def test_a_cart_of_two_artists_is_one_entry_and_delivers_both() -> None:
    one, two = make_sold_album(7_000_000), make_sold_album(5_000_000)
    order = make_paid_order(one, two)
    assert Entry.objects.filter(key__startswith=f"order:{order.pk}").count() == 1
    assert pending(one.artist.payee_id) == 6_300_000
    assert pending(two.artist.payee_id) == 4_500_000
    assert {item.album for item in library.items(listener())} == {one, two}


def test_fulfilling_twice_books_once_gives_once_and_writes_once() -> None:
    order = make_order()
    session = paid_session(order)
    assert orders.fulfil(order.pk, session, at=NOON)
    assert not orders.fulfil(order.pk, session, at=NOON)
    assert Entry.objects.count() == 1
    assert LibraryItem.objects.count() == 1
    assert Mail.objects.filter(key=f"order:{order.pk}:receipt").count() == 1


def test_paying_an_order_a_second_time_by_another_payment_needs_a_person() -> None:
    order = make_paid_order()
    with pytest.raises(orders.Mismatch, match="paid by"):
        orders.fulfil(order.pk, paid_session(order, payment_intent="pi_other"), at=NOON)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"total_minor": 1}, "asked 999"),
        ({"subtotal_minor": 998, "total_minor": 998}, "asked 999"),
        ({"unit": "EUR"}, "in USD"),
        ({"unit": ""}, "paid in nothing"),
        ({"tax_minor": 100, "total_minor": 1000}, "asked 999"),
        ({"tax_minor": 100, "total_minor": 1099, "country": ""}, "names no country"),
    ],
)
def test_a_payment_that_is_not_what_was_asked_is_never_guessed_at(wrong: dict[str, Any], why: str) -> None:
    order = make_order()
    with pytest.raises(orders.Mismatch, match=why):
        orders.fulfil(order.pk, paid_session(order, **wrong), at=NOON)
    order.refresh_from_db()
    assert order.state == Order.State.PENDING
    assert not LibraryItem.objects.exists()
    assert not Entry.objects.exists()


def test_the_payment_of_another_session_is_no_payment_of_this_order() -> None:
    order = make_order()
    Order.objects.filter(pk=order.pk).update(checkout_session="cs_mine")
    with pytest.raises(orders.Mismatch, match="cs_other"):
        orders.fulfil(order.pk, paid_session(order, id="cs_other"), at=NOON)


def test_money_for_an_order_given_up_is_never_ignored() -> None:
    order = make_order()
    assert orders.cancel(order.pk)
    assert orders.fulfil(order.pk, paid_session(order), at=NOON)
    order.refresh_from_db()
    assert order.state == Order.State.PAID


def test_a_paid_order_cannot_be_cancelled() -> None:
    order = make_paid_order()
    assert not orders.cancel(order.pk)


def test_placing_the_same_form_twice_makes_one_order() -> None:
    album, pk = make_sold_album(), uuid.uuid4()
    wishes = [orders.Wish(music(album), album.price_micros)]
    first = orders.place(wishes, listener(), order_id=pk, at=NOON)
    again = orders.place(wishes, listener(), order_id=pk, at=NOON)
    assert first == again
    assert Order.objects.count() == 1
    assert first.lines.count() == 1


def test_somebody_elses_form_is_not_answered_with_their_order() -> None:
    album, pk = make_sold_album(), uuid.uuid4()
    wishes = [orders.Wish(music(album), album.price_micros)]
    orders.place(wishes, listener(), order_id=pk, at=NOON)
    with pytest.raises(orders.CannotPlace, match="out of date"):
        orders.place(wishes, listener(charlie()), order_id=pk, at=NOON)


def test_an_album_for_nothing_goes_straight_to_the_library_without_an_entry() -> None:
    album = make_sold_album(0, is_name_your_price=True)
    order = make_order(album)
    assert order.state == Order.State.PAID
    assert library.items(listener())[0].reason == LibraryItem.Reason.FREE
    assert not Entry.objects.exists()


def test_a_draft_without_a_price_is_not_bought_for_nothing() -> None:
    draft = make_album(published=False, price_micros=0, is_name_your_price=True, tracks=1)
    with pytest.raises(orders.CannotPlace, match="not for sale"):
        make_order(draft)


def test_an_album_that_is_simply_free_has_no_price_to_pay() -> None:
    free = make_sold_album(0, free_mode=FreeMode.FREE)
    with pytest.raises(orders.CannotPlace, match="not for sale"):
        make_order(free)


def test_less_than_the_least_is_refused_with_the_least() -> None:
    album = make_sold_album(5_000_000, is_name_your_price=True)
    with pytest.raises(orders.CannotPlace, match=r"at least \$5\.00"):
        orders.place([orders.Wish(music(album), 4_990_000)], listener(), order_id=uuid.uuid4(), at=NOON)


def test_more_than_the_least_is_welcome_where_the_listener_names_the_price() -> None:
    album = make_sold_album(5_000_000, is_name_your_price=True)
    order = orders.place([orders.Wish(music(album), 20_000_000)], listener(), order_id=uuid.uuid4(), at=NOON)
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    assert pending(album.artist.payee_id) == 18_000_000


def test_more_than_a_fixed_price_is_refused() -> None:
    album = make_sold_album(5_000_000)
    with pytest.raises(orders.CannotPlace, match="no more and no less"):
        orders.place([orders.Wish(music(album), 6_000_000)], listener(), order_id=uuid.uuid4(), at=NOON)


def test_fractions_of_a_cent_cannot_be_paid_by_card() -> None:
    album = make_sold_album(5_000_000, is_name_your_price=True)
    with pytest.raises(orders.CannotPlace, match="whole cents"):
        orders.place([orders.Wish(music(album), 5_001_000)], listener(), order_id=uuid.uuid4(), at=NOON)


def test_less_than_a_card_can_pay_is_explained() -> None:
    with pytest.raises(orders.CannotPlace, match=r"\$0\.50"):
        make_order(make_sold_track(300_000))


def test_currencies_are_never_added_together() -> None:
    dollars, euros = make_sold_album(), make_sold_album(currency="EUR")
    with pytest.raises(orders.CannotPlace, match="one currency"):
        make_order(dollars, euros)


def test_a_currency_nobody_settles_is_refused() -> None:
    with pytest.raises(orders.CannotPlace, match="SEK"):
        make_order(make_sold_album(currency="SEK"))


def test_what_is_owned_already_is_not_bought_again() -> None:
    album = make_sold_album()
    make_paid_order(album)
    with pytest.raises(orders.CannotPlace, match="in your library already"):
        make_order(album)


def test_buying_empties_the_cart_of_what_was_bought_and_nothing_else() -> None:
    bought, kept = make_sold_album(), make_sold_album()
    for album in (bought, kept):
        CartItem.objects.create(**listener().owner, album=album, price_micros=album.price_micros)
    make_paid_order(bought)
    assert [item.album for item in CartItem.objects.all()] == [kept]


def test_a_guest_buys_and_the_letter_goes_to_the_address_stripe_was_given() -> None:
    album = make_sold_album()
    order = make_order(album, by=guest())
    orders.fulfil(order.pk, paid_session(order, email="guest@example.test"), at=NOON)
    assert library.has(guest(), music(album))
    assert not library.has(guest("another"), music(album))
    letter = Mail.objects.get(key=f"order:{order.pk}:receipt")
    assert letter.to == "guest@example.test"
    assert "$8.991" in letter.body


def test_the_receipt_shows_all_the_numbers_of_the_books() -> None:
    order = make_paid_order(make_sold_album(10_000_000), tax_minor=190)
    receipt = receipts.of(order)
    assert (receipt.price, receipt.tax, receipt.total) == (10_000_000, 1_900_000, 11_900_000)
    assert (receipt.artists, receipt.commission, receipt.fee) == (9_000_000, 1_000_000, None)


def test_a_payment_of_somebody_who_asked_to_be_forgotten_is_booked_and_delivered_to_nobody() -> None:
    order = make_order()
    Order.objects.filter(pk=order.pk).update(user=None)
    assert orders.fulfil(order.pk, paid_session(order, email=""), at=NOON)
    assert journal.balance(chart.commission("USD")) == 999_000
    assert not LibraryItem.objects.exists()
    assert list(findings()) == []


@pytest.mark.django_db(transaction=True)
def test_buy_pressed_many_times_at_once_is_one_order() -> None:
    album, pk = make_sold_album(), uuid.uuid4()
    buyer, wishes = listener(), [orders.Wish(music(album), album.price_micros)]

    def press(_: int) -> uuid.UUID:
        try:
            return orders.place(wishes, buyer, order_id=pk, at=NOON).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(press, range(8))) == {pk}
    assert Order.objects.get().lines.count() == 1
