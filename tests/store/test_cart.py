"""The cart and its forms: several artists, one payment, and a sentence for every price that cannot be."""

import uuid
from typing import Any

import pytest
from django.test import Client

from ads.models import Advertiser
from artists.models import Album
from ledger import chart, journal
from store.models import CartItem, LibraryItem, Order
from store.sales import cart, checkout, orders
from tests.ads.factories import make_advertiser
from tests.store.factories import (
    NOON,
    listener,
    make_order,
    make_paid_order,
    make_sold_album,
    make_sold_track,
    music,
    paid_session,
)
from tests.users.factories import acme, charlie, leo

pytestmark = pytest.mark.django_db


@pytest.fixture
def leos(client: Client) -> Client:
    """Leo's browser."""
    client.force_login(leo())
    return client


@pytest.fixture
def stripe_opens(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """Every order that a payment page was opened for; Stripe itself is tried in test_sale.py."""
    opened: list[Order] = []

    def start(order: Order) -> str:
        opened.append(order)
        url = f"https://checkout.stripe.com/c/pay/{order.pk}"
        Order.objects.filter(pk=order.pk).update(checkout_session=f"cs_test_{order.pk}", checkout_url=url)
        return url

    monkeypatch.setattr(checkout, "start", start)
    monkeypatch.setattr(checkout, "expire", lambda session_id: None)
    return opened


def form_of(page: Any, number: int = 0) -> dict[str, str]:
    """The hidden fields of the nth Pay button."""
    shown = page.context["pages"][number]
    return {"order": str(shown["order_id"]), "unit": shown["bill"].unit, "seen": shown["bill"].seen}


def test_a_cart_holds_music_of_several_artists_for_one_payment(leos: Client, stripe_opens: list[Order]) -> None:
    for thing in (make_sold_album(7_000_000), make_sold_album(5_000_000), make_sold_track(990_000)):
        url = f"/cart/add/{music(thing).kind}/{thing.pk}/"
        assert leos.post(url).status_code == 303
    page = leos.get("/cart/")
    text = page.content.decode()
    assert "$12.99" in text
    assert "3 artists get" in text
    assert "$11.691" in text
    answer = leos.post("/cart/buy/", form_of(page))
    assert answer.status_code == 303
    assert answer["Location"].startswith("https://checkout.stripe.com/")
    assert [order.lines.count() for order in stripe_opens] == [3]


def test_buying_twice_with_one_form_is_one_order(leos: Client, stripe_opens: list[Order]) -> None:
    leos.post(f"/cart/add/album/{make_sold_album().pk}/")
    fields = form_of(leos.get("/cart/"))
    first, second = leos.post("/cart/buy/", fields), leos.post("/cart/buy/", fields)
    assert first["Location"] == second["Location"]
    assert Order.objects.count() == 1


def test_buying_again_with_a_form_that_was_paid_leads_to_the_receipt(leos: Client, stripe_opens: list[Order]) -> None:
    leos.post(f"/cart/add/album/{make_sold_album().pk}/")
    fields = form_of(leos.get("/cart/"))
    leos.post("/cart/buy/", fields)
    order = Order.objects.get()
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    assert leos.post("/cart/buy/", fields)["Location"] == order.get_absolute_url()
    assert Order.objects.count() == 1


def test_a_cart_that_changed_in_another_tab_is_shown_again_before_anything_is_charged(
    leos: Client, stripe_opens: list[Order]
) -> None:
    leos.post(f"/cart/add/album/{make_sold_album().pk}/")
    fields = form_of(leos.get("/cart/"))
    leos.post(f"/cart/add/album/{make_sold_album().pk}/")
    answer = leos.post("/cart/buy/", fields)
    assert answer.status_code == 422
    assert "changed" in answer.content.decode()
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("1,99", "Write the amount with a point"),
        ("-1", "cannot be below zero"),
        ("1e9", "“1e9” is not an amount"),
        ("", "Write a price."),
        ("4.99", "costs at least $5.00"),
        ("0", "costs at least $5.00"),
        ("5.001", "2 decimal places"),
        ("abc", "is not an amount"),
        ("٥", "is not an amount"),
        ("999999999999999999999", "more than"),
        ("100001", "more than"),
        ("NaN", "is not an amount"),
    ],
)
def test_a_wrong_price_comes_back_with_a_sentence_and_what_was_typed(leos: Client, typed: str, sentence: str) -> None:
    album = make_sold_album(5_000_000, is_name_your_price=True)
    page = leos.post(f"/cart/add/album/{album.pk}/", {"price": typed})
    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert f'value="{typed}"' in page.content.decode() or not typed
    assert not CartItem.objects.exists()


def test_a_price_of_ones_own_is_kept(leos: Client) -> None:
    album = make_sold_album(5_000_000, is_name_your_price=True)
    leos.post(f"/cart/add/album/{album.pk}/", {"price": "$12.50"})
    leos.post(f"/cart/add/album/{album.pk}/", {"price": "13"})
    assert CartItem.objects.get().price_micros == 13_000_000


def test_a_price_typed_for_a_fixed_price_is_passed_over(leos: Client) -> None:
    album = make_sold_album(5_000_000)
    leos.post(f"/cart/add/album/{album.pk}/", {"price": "0.01"})
    assert CartItem.objects.get().price_micros == 5_000_000


def test_what_is_no_longer_sold_says_so_and_cannot_be_paid(leos: Client) -> None:
    album = make_sold_album()
    leos.post(f"/cart/add/album/{album.pk}/")
    Album.objects.filter(pk=album.pk).update(state=Album.State.WITHDRAWN, withdrawn_at=NOON)
    page = leos.get("/cart/")
    assert "is not for sale" in page.content.decode()
    assert leos.post("/cart/buy/", form_of(page)).status_code == 422
    assert not Order.objects.exists()


def test_a_price_raised_since_is_told_before_paying(leos: Client) -> None:
    album = make_sold_album(5_000_000)
    leos.post(f"/cart/add/album/{album.pk}/")
    Album.objects.filter(pk=album.pk).update(price_micros=9_000_000)
    page = leos.get("/cart/")
    assert "at least $9.00" in page.content.decode()
    assert leos.post("/cart/buy/", form_of(page)).status_code == 422


def test_two_currencies_are_two_payments(leos: Client, stripe_opens: list[Order]) -> None:
    leos.post(f"/cart/add/album/{make_sold_album().pk}/")
    leos.post(f"/cart/add/album/{make_sold_album(currency='EUR').pk}/")
    page = leos.get("/cart/")
    assert len(page.context["pages"]) == 2
    leos.post("/cart/buy/", form_of(page, 1))
    assert [order.unit for order in stripe_opens] == ["EUR"]


def test_what_costs_nothing_goes_straight_to_the_library(leos: Client, stripe_opens: list[Order]) -> None:
    album = make_sold_album(0, is_name_your_price=True)
    leos.post(f"/cart/add/album/{album.pk}/", {"price": "0"})
    answer = leos.post("/cart/buy/", form_of(leos.get("/cart/")))
    assert answer["Location"] == Order.objects.get().get_absolute_url()
    assert stripe_opens == []
    assert LibraryItem.objects.get().reason == LibraryItem.Reason.FREE


def test_an_unreachable_stripe_charges_nothing_and_keeps_the_cart(
    leos: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(order: Order) -> str:
        raise checkout.Unreachable

    monkeypatch.setattr(checkout, "start", down)
    leos.post(f"/cart/add/album/{make_sold_album().pk}/")
    answer = leos.post("/cart/buy/", form_of(leos.get("/cart/")), follow=True)
    assert "Nothing was charged and your cart is kept" in answer.content.decode()
    assert CartItem.objects.count() == 1


def test_an_older_payment_page_for_the_same_music_is_closed_first(
    leos: Client, stripe_opens: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    monkeypatch.setattr(checkout, "expire", closed.append)
    album = make_sold_album()
    old = make_order(album)
    Order.objects.filter(pk=old.pk).update(checkout_session="cs_old")
    leos.post(f"/cart/add/album/{album.pk}/")
    leos.post("/cart/buy/", form_of(leos.get("/cart/")))
    assert closed == ["cs_old"]


def test_nobody_removes_from_anothers_cart(leos: Client) -> None:
    album = make_sold_album()
    theirs = CartItem.objects.create(user=charlie(), album=album, price_micros=album.price_micros)
    leos.post(f"/cart/remove/{theirs.pk}/")
    assert CartItem.objects.filter(pk=theirs.pk).exists()
    mine = cart.put(listener(), music(album), album.price_micros, at=NOON)
    leos.post(f"/cart/remove/{mine.pk}/")
    assert list(CartItem.objects.all()) == [theirs]


def test_a_cart_holds_so_much_and_not_more(leos: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cart, "MOST_ITEMS", 1)
    first = make_sold_album(5_000_000, is_name_your_price=True)
    leos.post(f"/cart/add/album/{first.pk}/", {"price": "5"})
    page = leos.post(f"/cart/add/album/{make_sold_album().pk}/")
    assert "Buy these first" in page.content.decode()
    assert leos.post(f"/cart/add/album/{first.pk}/", {"price": "6"}).status_code == 303, "a price may still change"


def test_what_is_owned_is_not_put_into_the_cart(leos: Client) -> None:
    album = make_sold_album()
    make_paid_order(album)
    assert leos.post(f"/cart/add/album/{album.pk}/")["Location"] == "/library/"
    assert not CartItem.objects.exists()


def test_forms_without_a_token_are_refused() -> None:
    strict = Client(enforce_csrf_checks=True)
    album = make_sold_album()
    for path in ("/cart/buy/", f"/cart/add/album/{album.pk}/", f"/get/album/{album.pk}/", "/plays/"):
        assert strict.post(path).status_code == 403


@pytest.mark.parametrize("junk", ["", "1", "not-a-uuid"])
def test_a_form_made_up_by_hand_leads_back_to_the_cart(leos: Client, junk: str) -> None:
    assert leos.post("/cart/buy/", {"order": junk})["Location"] == "/cart/"


# --- orders of other people, and their pages


def test_only_the_buyer_sees_an_order() -> None:
    order = make_paid_order()
    for person, status in ((leo(), 200), (charlie(), 404)):
        client = Client()
        client.force_login(person)
        assert client.get(order.get_absolute_url()).status_code == status
    assert Client().get(order.get_absolute_url()).status_code == 404


def test_a_guests_order_opens_in_the_guests_browser_only(client: Client, stripe_opens: list[Order]) -> None:
    client.post(f"/cart/add/album/{make_sold_album().pk}/")
    client.post("/cart/buy/", form_of(client.get("/cart/")))
    order = Order.objects.get()
    assert client.get(order.get_absolute_url()).status_code == 200
    assert Client().get(order.get_absolute_url()).status_code == 404


def test_the_return_page_shows_our_state_and_not_the_addresss(leos: Client) -> None:
    order = make_order()
    Order.objects.filter(pk=order.pk).update(checkout_url="https://checkout.stripe.com/x")
    url = order.get_absolute_url()
    assert "Waiting for your payment" in leos.get(url + "?paid=1").content.decode()
    assert 'data-poll="2"' in leos.get(url).content.decode()
    assert "Nothing was charged" in leos.get(url + "?left=1").content.decode()
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    page = leos.get(url + "?left=1").content.decode()
    assert "It is yours" in page
    assert "not told yet" in page
    assert "$8.991" in page


def test_a_cancelled_order_can_be_tried_again(leos: Client) -> None:
    album = make_sold_album()
    order = make_order(album)
    orders.cancel(order.pk)
    assert "Nothing was charged" in leos.get(order.get_absolute_url()).content.decode()
    assert leos.post(f"/orders/{order.pk}/again/")["Location"] == "/cart/"
    assert [item.album for item in CartItem.objects.all()] == [album]


def test_only_a_cancelled_order_of_ones_own_is_tried_again(leos: Client) -> None:
    paid = make_paid_order()
    theirs = make_order(by=listener(charlie()))
    orders.cancel(theirs.pk)
    for order in (paid, theirs):
        assert leos.post(f"/orders/{order.pk}/again/").status_code == 404
    assert leos.get(f"/orders/{uuid.uuid4()}/").status_code == 404


# --- deposits


def deposit_form(**fields: Any) -> dict[str, Any]:
    return {"order": str(uuid.uuid4()), "amount": "500", **fields}


@pytest.fixture
def acmes(client: Client) -> Client:
    """Acme's browser."""
    client.force_login(acme())
    return client


def test_a_deposit_is_the_advertisers_to_spend_once(acmes: Client, stripe_opens: list[Order]) -> None:
    advertiser = make_advertiser()
    fields = deposit_form(advertiser=advertiser.pk)
    for _ in range(2):
        assert acmes.post("/cart/deposit/", fields).status_code == 303
    order = Order.objects.get()
    assert order.kind == Order.Kind.DEPOSIT
    for _ in range(2):
        orders.fulfil(order.pk, paid_session(order), at=NOON)
    assert journal.balance(chart.prepaid(advertiser.pk, "USD")) == 500_000_000
    assert journal.balance(chart.commission("USD")) == 0
    assert "Your money has arrived" in acmes.get(order.get_absolute_url()).content.decode()


def test_nobody_pays_into_anothers_account(acmes: Client) -> None:
    make_advertiser()
    theirs = Advertiser.objects.create(owner=charlie(), name="Theirs")
    page = acmes.post("/cart/deposit/", deposit_form(advertiser=theirs.pk))
    assert page.status_code == 422
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("typed", "sentence"), [("1,99", "with a point"), ("-5", "below zero"), ("4.99", "start at $5.00")]
)
def test_a_wrong_deposit_has_a_sentence_too(acmes: Client, typed: str, sentence: str) -> None:
    page = acmes.post("/cart/deposit/", deposit_form(advertiser=make_advertiser().pk, amount=typed))
    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert f'value="{typed}"' in page.content.decode()
