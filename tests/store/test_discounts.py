"""Discounts: what a code takes off, that its last use is given once, and that a use comes back when nobody pays."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artists.models import Album, Artist
from ledger import chart, journal
from ledger.models import Entry, Posting
from megabox import money
from store.access import library
from store.audit import findings
from store.cases import refunds
from store.listeners import Listener
from store.models import CartItem, Discount, LibraryItem, Order
from store.offers import discounts
from store.offers.discounts import Asked, taken
from store.payments import waiting
from store.sales import cart, checkout, orders, receipts
from tests.artists.factories import make_artist, make_track
from tests.store.factories import (
    NOON,
    guest,
    listener,
    make_paid_order,
    make_sold_album,
    make_sold_track,
    music,
    paid_session,
)
from tests.users.factories import charlie, leo
from users.models import Mail

pytestmark = pytest.mark.django_db


def make_discount(about: Album | Artist, **fields: Any) -> Discount:
    """20 % off an album, or all music of an artist, called SUMMER."""
    artist, album = (about.artist, about) if isinstance(about, Album) else (about, None)
    if "amount_micros" in fields:
        fields.setdefault("unit", "USD")
    else:
        fields.setdefault("percent", 20)
    return Discount.objects.create(artist=artist, album=album, **{"code": "SUMMER", "made_at": NOON, **fields})


def buy(
    *things: Any, code: Discount | None, by: Listener | None = None, price_micros: int | None = None, **fields: Any
) -> Order:
    """An order of all things with a code on each."""
    wishes = [
        orders.Wish(music(one), music(one).least_micros if price_micros is None else price_micros, code)
        for one in things
    ]
    return orders.place(wishes, by or listener(), **{"order_id": uuid.uuid4(), "at": NOON, **fields})


def uses(discount: Discount) -> int:
    return Discount.objects.get(pk=discount.pk).use_count


# --- what is taken off: pure

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
coins = st.integers(0, 20_000)


@st.composite
def askings(draw: st.DrawFn) -> list[Asked]:
    """Some prices of one payment with some codes, as carts have them; dollars."""
    codes = [
        Discount(pk=n, percent=draw(st.integers(1, 100)))
        if draw(st.booleans())
        else Discount(pk=n, amount_micros=draw(st.integers(1, 30_000)) * 10_000, unit="USD")
        for n in range(1, 4)
    ]
    result = []
    for _ in range(draw(st.integers(1, 6))):
        least = draw(coins)
        more = draw(st.sampled_from([0, 0, 1, 700]))
        result.append(Asked((least + more) * 10_000, least * 10_000, draw(st.sampled_from([None, *codes]))))
    return result


@patient
@given(askings(), st.integers(0, 100))
def test_no_code_takes_more_than_its_artist_asks_or_a_part_of_a_cent(asked: list[Asked], least: int) -> None:
    found = taken(asked, "USD", least_minor=least)
    for one, off in zip(asked, found.offs, strict=True):
        assert 0 <= off <= one.least_micros
        assert off % 10_000 == 0
        assert one.discount or not off


@patient
@given(askings(), st.integers(0, 100))
def test_what_is_left_is_nothing_or_enough_for_a_card_unless_it_never_was(asked: list[Asked], least: int) -> None:
    full = sum(one.price_micros for one in asked)
    total = full - sum(taken(asked, "USD", least_minor=least).offs)
    assert total == 0 or total >= min(full, least * 10_000)


@patient
@given(askings())
def test_an_amount_is_taken_once_and_shared_exactly(asked: list[Asked]) -> None:
    found = taken(asked, "USD", least_minor=0)
    for code in {one.discount for one in asked if one.discount}:
        pairs = [(one, off) for one, off in zip(asked, found.offs, strict=True) if one.discount is code]
        whole, off = sum(one.least_micros for one, _ in pairs), sum(off for _, off in pairs)
        if code.percent is None:
            assert off == min(whole, code.amount_micros or 0)
        else:
            assert all(off == one.least_micros // 10_000 * code.percent // 100 * 10_000 for one, off in pairs)


@patient
@given(askings(), st.integers(0, 100))
def test_artists_and_megabox_share_exactly_what_is_paid(asked: list[Asked], least: int) -> None:
    offs = taken(asked, "USD", least_minor=least).offs
    prices = [one.price_micros - off for one, off in zip(asked, offs, strict=True)]
    if sum(prices):
        assert money.allocate(sum(prices), prices) == prices


def test_yen_have_no_cents() -> None:
    asked = [Asked(1_001_000_000, 1_001_000_000, Discount(pk=1, percent=33))]
    assert taken(asked, "JPY", least_minor=50).offs == [330_000_000]


def test_where_less_than_a_card_can_pay_would_be_left_that_much_is_paid() -> None:
    asked = [Asked(1_000_000, 1_000_000, Discount(pk=1, percent=70))]
    found = taken(asked, "USD", least_minor=50)
    assert (found.offs, found.is_cut) == ([500_000], True)


def test_a_whole_price_taken_off_is_free() -> None:
    asked = [Asked(1_000_000, 1_000_000, Discount(pk=1, percent=100))]
    assert taken(asked, "USD", least_minor=50) == discounts.Taken([1_000_000])


def test_a_price_named_above_the_minimum_is_lowered_by_what_the_minimum_is() -> None:
    asked = [Asked(12_000_000, 5_000_000, Discount(pk=1, percent=50))]
    assert taken(asked, "USD", least_minor=50).offs == [2_500_000]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("summer", "SUMMER"), (" Sum-mer 20 ", "SUMMER20"), ("ﬁsch", "FISCH"), ("grün", "GRÜN"), ("-- ", "")],
)
def test_a_code_is_kept_in_capitals_without_hyphens(typed: str, kept: str) -> None:
    assert discounts.letters_of(typed) == kept


# --- orders


def test_ninety_percent_of_what_is_really_paid_go_to_the_artist() -> None:
    album = make_sold_album(10_000_000)
    order = buy(album, code=make_discount(album))
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    assert order.price_micros == 8_000_000
    assert journal.balance(chart.payee(album.artist.payee_id, "pending", "USD")) == 7_200_000
    assert journal.balance(chart.commission("USD")) == 800_000
    assert list(findings()) == []


def test_the_postings_of_a_discounted_sale_have_the_shape_of_any_sale() -> None:
    album, other = make_sold_album(10_000_000), make_sold_album(10_000_000)
    order = buy(album, code=make_discount(album))
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    plain = make_paid_order(other)
    shapes = [
        [(one.debit.code, one.credit.kind, one.source.split(":")[0]) for one in Posting.objects.filter(entry__key=key)]
        for key in (order.entry_key, plain.entry_key)
    ]
    assert shapes[0] == shapes[1]
    facts = Posting.objects.filter(entry__key=order.entry_key)[0].facts
    assert facts["discount_micros"] == 2_000_000
    assert "SUMMER" not in str(facts), "a code may be somebody's name"


def test_the_line_keeps_the_code_and_what_it_took_off() -> None:
    album = make_sold_album(9_990_000)
    code = make_discount(album)
    line = buy(album, code=code).lines.get()
    assert (line.discount, line.discount_micros, line.price_micros) == (code, 1_990_000, 8_000_000)
    assert line.full_micros == 9_990_000


def test_an_order_that_costs_nothing_is_given_at_once_and_counts_as_a_use() -> None:
    album = make_sold_album()
    code = make_discount(album, percent=100)
    order = buy(album, code=code)
    assert order.state == Order.State.PAID
    assert library.items(listener())[0].reason == LibraryItem.Reason.FREE
    assert not Entry.objects.exists()
    assert uses(code) == 1
    assert list(findings()) == []


def test_a_code_of_an_artist_goes_with_albums_and_tracks_and_one_of_an_album_with_it_alone() -> None:
    artist = make_artist()
    album, track = make_sold_album(artist=artist), make_sold_track(album=make_sold_album(artist=artist))
    whole, one = make_discount(artist), make_discount(album, code="ONE")
    for thing in (album, track):
        discounts.check_music(whole, music(thing))
    discounts.check_music(one, music(album))
    for thing in (track, track.album, make_track(album=album, price_micros=990_000)):
        with pytest.raises(discounts.NotGood, match="another album"):
            discounts.check_music(one, music(thing))


def test_a_code_of_another_artist_is_refused_by_the_order_itself() -> None:
    with pytest.raises(orders.CannotPlace, match="another artist"):
        buy(make_sold_album(), code=make_discount(make_sold_album()))
    assert not Order.objects.exists()


def test_an_amount_in_another_currency_is_refused() -> None:
    album = make_sold_album(currency="EUR")
    with pytest.raises(orders.CannotPlace, match="sold in EUR"):
        buy(album, code=make_discount(album, amount_micros=1_000_000))


def test_what_costs_what_one_likes_has_nothing_to_take_off() -> None:
    album = make_sold_album(0, is_name_your_price=True)
    with pytest.raises(orders.CannotPlace, match="Name your own price"):
        buy(album, code=make_discount(album), price_micros=5_000_000)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"starts_on": date(2026, 11, 4)}, "from 4 November 2026"),
        ({"ends_on": date(2026, 11, 2)}, "until 2 November 2026"),
        ({"most_uses": 3, "use_count": 3}, "as often as it may be"),
        ({"stopped_at": NOON}, "no longer good"),
    ],
    ids=["early", "late", "used up", "stopped"],
)
def test_a_code_that_does_not_hold_is_refused_with_its_reason(fields: dict[str, Any], sentence: str) -> None:
    album = make_sold_album()
    with pytest.raises(orders.CannotPlace, match=sentence):
        buy(album, code=make_discount(album, **fields))
    assert not Order.objects.exists()


def test_a_code_holds_on_its_first_and_on_its_last_day() -> None:
    album = make_sold_album()
    discounts.check(make_discount(album, starts_on=NOON.date(), ends_on=NOON.date()), NOON)


# --- uses


def test_a_use_is_held_by_a_waiting_order_and_given_back_once_when_it_lapses() -> None:
    album = make_sold_album()
    code = make_discount(album, most_uses=1)
    order = buy(album, code=code)
    with pytest.raises(orders.CannotPlace, match="as often"):
        buy(album, code=code, by=listener(charlie()))
    assert orders.cancel(order.pk)
    assert not orders.cancel(order.pk)
    assert uses(code) == 0
    buy(album, code=code, by=listener(charlie()))


def test_a_use_of_an_order_nobody_started_comes_back_within_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    album = make_sold_album()
    code = make_discount(album)
    buy(album, code=code)
    for hours in range(1, 4):
        waiting.ask_about_orders(NOON + timedelta(hours=hours))
    assert uses(code) == 0


def test_an_order_given_up_and_paid_after_all_has_its_use_again() -> None:
    album = make_sold_album()
    code = make_discount(album, most_uses=1)
    order = buy(album, code=code)
    orders.cancel(order.pk)
    buy(album, code=code, by=guest())
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    assert uses(code) == 2, "one more than there should be, and no payment is ignored"
    assert list(findings()) == []


def test_a_buyer_uses_a_code_once_where_its_artist_wants_that() -> None:
    artist = make_artist()
    code = make_discount(artist, is_once_a_buyer=True)
    order = buy(make_sold_album(artist=artist), code=code)
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    with pytest.raises(orders.CannotPlace, match="once for each buyer"):
        buy(make_sold_album(artist=artist), code=code)
    assert uses(code) == 1
    buy(make_sold_album(artist=artist), code=code, by=listener(charlie()))


def test_what_a_guest_used_counts_for_the_person_they_turn_out_to_be() -> None:
    artist = make_artist()
    code = make_discount(artist, is_once_a_buyer=True)
    order = buy(make_sold_album(artist=artist), code=code, by=guest())
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    library.claim_guest(leo(), "a-guest", at=NOON)
    with pytest.raises(orders.CannotPlace, match="once for each buyer"):
        buy(make_sold_album(artist=artist), code=code)


def test_one_payment_is_one_use_whatever_is_in_it() -> None:
    artist = make_artist()
    code = make_discount(artist, amount_micros=2_000_000)
    order = buy(make_sold_album(artist=artist), make_sold_album(artist=artist), code=code)
    assert uses(code) == 1
    assert sum(line.discount_micros for line in order.lines.all()) == 2_000_000


def test_the_same_form_twice_is_one_use() -> None:
    album, pk = make_sold_album(), uuid.uuid4()
    code = make_discount(album, most_uses=1)
    assert buy(album, code=code, order_id=pk) == buy(album, code=code, order_id=pk)
    assert uses(code) == 1


def test_a_refund_gives_back_what_was_paid_and_the_use_stays_used() -> None:
    album = make_sold_album(10_000_000)
    code = make_discount(album)
    order = buy(album, code=code)
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    refunds.refund(order.pk, 800, "USD", at=NOON)
    assert journal.balance(chart.payee(album.artist.payee_id, "pending", "USD")) == 0
    assert journal.balance(chart.stripe("USD")) == 0
    assert not library.has(listener(), music(album))
    assert uses(code) == 1
    assert list(findings()) == []


def test_receipts_say_what_the_code_took_off() -> None:
    album = make_sold_album(10_000_000)
    order = buy(album, code=make_discount(album), email="leo@demo.megabox.test")
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    assert "$8.00 ($10.00, less $2.00 with code SUMMER)" in Mail.objects.get(key=f"order:{order.pk}:receipt").body
    assert receipts.of(order).price == 8_000_000


def test_the_audit_counts_the_uses_again() -> None:
    album = make_sold_album()
    code = make_discount(album)
    buy(album, code=code)
    Discount.objects.filter(pk=code.pk).update(use_count=5)
    assert [finding.message for finding in findings()] == [f"Discount {code.pk} counts 5 uses; 1 orders hold it."]


@pytest.mark.parametrize(
    "wrong",
    [
        {"percent": 0},
        {"percent": 101},
        {"percent": None},
        {"amount_micros": 0, "percent": None},
        {"amount_micros": 5, "percent": None, "unit": ""},
        {"amount_micros": 5, "percent": 5},
        {"starts_on": date(2026, 11, 4), "ends_on": date(2026, 11, 3)},
        {"code": ""},
    ],
    ids=str,
)
def test_the_database_refuses_a_discount_that_cannot_be(wrong: dict[str, Any]) -> None:
    album = make_sold_album()
    with pytest.raises(IntegrityError), transaction.atomic():
        make_discount(album, **wrong)


def test_two_artists_may_have_a_code_of_the_same_name_and_one_artist_may_not() -> None:
    one, other = make_artist(), make_artist("Other")
    make_discount(one)
    make_discount(other)
    with pytest.raises(discounts.NotPossible, match="already"):
        discounts.make({"artist": one, "code": "SUMMER", "percent": 5}, at=NOON)


# --- the cart


def in_cart(thing: Any, by: Listener | None = None, price_micros: int | None = None) -> CartItem:
    price = music(thing).least_micros if price_micros is None else price_micros
    return cart.put(by or listener(), music(thing), price, at=NOON)


def test_a_code_typed_in_the_cart_lowers_all_it_goes_with() -> None:
    artist = make_artist()
    for album in (make_sold_album(10_000_000, artist=artist), make_sold_album(5_000_000, artist=artist)):
        in_cart(album)
    in_cart(make_sold_album(5_000_000))
    code = make_discount(artist)
    assert cart.use_code(listener(), " summer ", at=NOON) == code
    (bill,) = cart.bills(listener(), at=NOON)
    assert [entry.price for entry in bill.entries] == [8_000_000, 4_000_000, 5_000_000]
    assert (bill.full, bill.total, bill.discounts) == (20_000_000, 17_000_000, {code: 3_000_000})
    assert bill.artists == 15_300_000


def test_a_code_that_stopped_holding_meanwhile_says_so_and_the_price_is_whole_again() -> None:
    album = make_sold_album(10_000_000)
    in_cart(album)
    code = make_discount(album)
    cart.use_code(listener(), "SUMMER", at=NOON)
    discounts.stop(code, at=NOON)
    (bill,) = cart.bills(listener(), at=NOON)
    assert bill.total == 10_000_000
    assert bill.entries[0].no_discount == "“SUMMER” is no longer good."
    discounts.go_on(code)
    assert cart.bills(listener(), at=NOON)[0].total == 8_000_000


def test_a_code_is_taken_out_of_the_cart() -> None:
    album = make_sold_album()
    in_cart(album)
    code = make_discount(album)
    cart.use_code(listener(), "SUMMER", at=NOON)
    cart.drop_code(listener(charlie()), code.pk)
    assert cart.bills(listener(), at=NOON)[0].discounts
    cart.drop_code(listener(), code.pk)
    assert not cart.bills(listener(), at=NOON)[0].discounts


@pytest.mark.parametrize("typed", ["", "--", "WINTER", "x" * 200])
def test_a_code_nobody_has_is_refused(typed: str) -> None:
    album = make_sold_album()
    make_discount(album)
    in_cart(album)
    with pytest.raises(discounts.NotGood):
        cart.use_code(listener(), typed, at=NOON)


def test_a_code_of_an_artist_whose_music_is_not_in_the_cart_is_unknown() -> None:
    in_cart(make_sold_album())
    make_discount(make_sold_album())
    with pytest.raises(discounts.Unknown):
        cart.use_code(listener(), "SUMMER", at=NOON)


def test_an_empty_cart_is_filled_first() -> None:
    with pytest.raises(discounts.NotGood, match="Put the music into it first"):
        cart.use_code(listener(), "SUMMER", at=NOON)


def test_a_cancelled_order_is_put_back_with_its_code() -> None:
    album = make_sold_album(10_000_000)
    code = make_discount(album)
    order = buy(album, code=code)
    orders.cancel(order.pk)
    assert cart.put_back(listener(), order.lines.all(), at=NOON) == 1
    assert cart.bills(listener(), at=NOON)[0].total == 8_000_000


def test_the_cart_says_when_a_code_takes_less_so_that_a_card_can_pay() -> None:
    album = make_sold_album(1_000_000)
    in_cart(album)
    make_discount(album, percent=70)
    cart.use_code(listener(), "SUMMER", at=NOON)
    (bill,) = cart.bills(listener(), at=NOON)
    assert (bill.total, bill.is_cut, bill.problem) == (500_000, True, "")


def test_the_cart_costs_the_same_queries_for_many(django_assert_num_queries: Any) -> None:
    artist = make_artist()
    make_discount(artist, is_once_a_buyer=True)
    for _ in range(5):
        in_cart(make_sold_album(artist=artist, tracks=1))
    who = listener()
    cart.use_code(who, "SUMMER", at=NOON)
    with django_assert_num_queries(3):
        cart.bills(who, at=NOON)


# --- at once


@pytest.mark.django_db(transaction=True)
def test_of_many_buyers_at_the_same_last_use_exactly_one_gets_it() -> None:
    album = make_sold_album()
    code = make_discount(album, most_uses=1)

    def press(n: int) -> Order | None:
        try:
            return buy(album, code=code, by=guest(f"guest {n}"))
        except orders.CannotPlace:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(order is not None for order in pool.map(press, range(6))) == 1
    assert uses(code) == Order.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_buyer_in_many_windows_uses_a_code_once() -> None:
    artist = make_artist()
    albums, who = [make_sold_album(artist=artist) for _ in range(6)], guest()
    code = make_discount(artist, is_once_a_buyer=True)

    def press(album: Album) -> Order | None:
        try:
            return buy(album, code=code, by=who)
        except orders.CannotPlace:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(order is not None for order in pool.map(press, albums)) == 1
    assert uses(code) == 1


@pytest.mark.django_db(transaction=True)
def test_cancelling_at_once_gives_a_use_back_once() -> None:
    album = make_sold_album()
    code = make_discount(album)
    order = buy(album, code=code)
    buy(album, code=code, by=guest())

    def cancel(_: int) -> bool:
        try:
            return orders.cancel(order.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(cancel, range(6))) == 1
    assert uses(code) == 1


# --- coming back from the payment page


def test_a_buyer_who_comes_back_and_buys_again_keeps_the_last_use(monkeypatch: pytest.MonkeyPatch) -> None:
    album = make_sold_album()
    code = make_discount(album, most_uses=1)
    order = buy(album, code=code)
    Order.objects.filter(pk=order.pk).update(checkout_session="cs_test_1")
    expired: list[str] = []
    monkeypatch.setattr(checkout, "expire", expired.append)
    session = paid_session(order, id="cs_test_1", status="expired", is_paid=False)
    monkeypatch.setattr(checkout, "ask", lambda session_id: session)
    (held,) = discounts.waiting(listener(), [code])
    waiting.give_up(held, at=NOON)
    assert expired == ["cs_test_1"]
    assert uses(code) == 0
    buy(album, code=code)


def test_an_order_that_was_paid_meanwhile_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    album = make_sold_album()
    code = make_discount(album, most_uses=1)
    order = buy(album, code=code)
    Order.objects.filter(pk=order.pk).update(checkout_session="cs_test_1")
    order.refresh_from_db()
    monkeypatch.setattr(checkout, "expire", lambda session_id: None)
    monkeypatch.setattr(checkout, "ask", lambda session_id: paid_session(order))
    waiting.give_up(order, at=NOON)
    order.refresh_from_db()
    assert order.state == Order.State.PAID
    assert uses(code) == 1
