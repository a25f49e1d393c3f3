"""Pages of pre-orders: the album's, the form's, the library's, the order's; nobody sees or cancels another's."""

import copy
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from artists import albums
from artists.models import Album
from store.cases import preorder_refunds
from store.models import Order, PreOrder
from store.sales import checkout, orders, preorders
from tests.store.buying_before import OUT, Cards, make_coming, make_preorder
from tests.store.factories import NOON, listener
from tests.users.factories import ada, leo, nina

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor() -> Client:
    """leo's browser."""
    client = Client()
    client.force_login(leo())
    return client


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """The orders whose buyers were sent to a payment page."""
    sent: list[Order] = []
    monkeypatch.setattr(checkout, "start", lambda order: sent.append(order) or "https://pay.example/")  # type: ignore[func-returns-value]
    monkeypatch.setattr(checkout, "expire", lambda session: None)
    return sent


def typed(album: Album, **fields: str) -> dict[str, str]:
    return {"order": str(uuid.uuid4()), "seen": preorders.seen(album), **fields}


def url(album: Album) -> str:
    return reverse("store:preorder", args=[album.pk])


def test_an_announced_album_offers_it_where_its_artist_lets_it(client: Client) -> None:
    page = client.get(make_coming().get_absolute_url()).content.decode()
    assert "Pre-order album" in page
    assert "$9.99" in page
    silent = make_coming(takes_preorders=False)
    assert "Pre-order" not in client.get(silent.get_absolute_url()).content.decode()
    assert client.get(url(silent)).status_code == 404


@pytest.mark.parametrize("is_guest", [True, False], ids=["guest", "person"])
def test_who_orders_is_sent_to_pay_once_a_form(sent: list[Order], visitor: Client, is_guest: bool) -> None:
    browser, album = Client() if is_guest else visitor, make_coming()
    page = browser.get(url(album)).content.decode()
    assert "Until then you can cancel, and get all of it back" in page
    assert "3 December 2026" in page
    form = typed(album)
    for _ in range(2):
        answer = browser.post(url(album), form)
        assert (answer.status_code, answer.headers["Location"]) == (303, "https://pay.example/")
    [order, again] = sent
    assert order == again
    assert (order.kind, order.price_micros, str(order.pk)) == ("PREORDER", 9_990_000, form["order"])
    assert PreOrder.objects.get().promised_for == OUT


def test_two_quick_presses_of_a_new_guest_are_one_order(sent: list[Order]) -> None:
    browser, album = Client(), make_coming()
    browser.get(url(album))
    cookies, form = copy.deepcopy(browser.cookies), typed(album)
    for _ in range(2):
        browser.cookies = copy.deepcopy(cookies)  # as they were before the first answer
        assert browser.post(url(album), form).status_code == 303
    assert Order.objects.count() == 1


def test_nobody_is_sent_to_pay_for_what_was_taken_back(sent: list[Order], visitor: Client) -> None:
    album = make_coming()
    form = typed(album)
    visitor.post(url(album), form)
    albums.withdraw(album, NOON)
    assert visitor.post(url(album), form).status_code == 404
    assert len(sent) == 1
    orders.cancel(sent[0].pk)
    assert "Try again" not in visitor.get(sent[0].get_absolute_url()).content.decode()


def test_the_listener_names_the_price_where_the_artist_lets_them(sent: list[Order], visitor: Client) -> None:
    album = make_coming(5_000_000, is_name_your_price=True)
    for wrong, sentence in (("4.99", "costs at least $5.00"), ("x", "Write"), ("", "Write a price")):
        answer = visitor.post(url(album), typed(album, price=wrong))
        assert answer.status_code == 422
        assert sentence in answer.content.decode()
    visitor.post(url(album), typed(album, price="8"))
    assert sent[0].price_micros == 8_000_000


@pytest.mark.parametrize("fields", [{"seen": "1"}, {"seen": ""}, {"order": "x", "seen": "x"}], ids=str)
def test_who_saw_another_price_or_day_looks_again(sent: list[Order], visitor: Client, fields: dict[str, str]) -> None:
    album = make_coming()
    answer = visitor.post(url(album), typed(album, **fields))
    assert answer.status_code == 422
    assert "The price or the day changed in the meantime" in answer.content.decode()
    assert not Order.objects.exists()


@pytest.mark.parametrize("change", [{"currency": "EUR"}, {"out_at": OUT + timedelta(days=60)}], ids=["currency", "day"])
def test_nobody_orders_for_another_day_or_currency_than_they_saw(
    sent: list[Order], visitor: Client, change: dict[str, Any]
) -> None:
    album = make_coming()
    form = typed(album)
    Album.objects.filter(pk=album.pk).update(**change)
    assert visitor.post(url(album), form).status_code == 422
    assert not Order.objects.exists()


def test_stripe_may_be_away(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(order: Order) -> str:
        raise checkout.Unreachable

    monkeypatch.setattr(checkout, "start", away)
    album = make_coming()
    page = visitor.post(url(album), typed(album), follow=True).content.decode()
    assert "Nothing was charged" in page


def test_whoever_ordered_reads_so_and_one_that_is_out_is_its_own_page(visitor: Client) -> None:
    row = make_preorder()
    page = visitor.get(url(row.album)).content.decode()
    assert "You have ordered it" in page
    assert 'name="order"' not in page
    albums.bring_out(OUT)
    assert visitor.get(url(row.album)).headers["Location"] == row.album.get_absolute_url()
    assert visitor.get(reverse("store:preorder", args=[987_654])).status_code == 404


def test_the_library_and_the_order_say_when_it_is_out_and_cancel_it(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = Cards()
    monkeypatch.setattr(checkout, "refund", cards.refund)
    monkeypatch.setattr(checkout, "refunds_of", cards.refunds_of)
    row = make_preorder()
    cancel = reverse("store:preorder_cancel", args=[row.order_id])
    for where in ("/library/", row.order.get_absolute_url()):
        page = visitor.get(where).content.decode()
        assert "out on" in page
        assert "3 December 2026" in page
        assert cancel in page
        assert "Your library is empty" not in page
    assert "90 % of the price once you have the album" in page
    for stranger in (Client(), _browser(ada())):
        assert stranger.post(cancel).status_code == 404
        assert "Night Bus" not in stranger.get("/library/").content.decode()
    assert visitor.get(cancel).status_code == 405
    page = visitor.post(cancel, follow=True).content.decode()
    assert "All you paid for it goes back to your card" in page
    preorder_refunds.send_due(NOON.replace(year=2030))
    assert "Refunded" in visitor.get(row.order.get_absolute_url()).content.decode()
    assert "The music left your library" not in visitor.get(row.order.get_absolute_url()).content.decode()
    assert cancel not in visitor.get("/library/").content.decode()


def _browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_one_that_is_out_cannot_be_cancelled_any_more(visitor: Client) -> None:
    row = make_preorder()
    albums.bring_out(OUT)
    cancel = reverse("store:preorder_cancel", args=[row.order_id])
    assert cancel not in visitor.get("/library/").content.decode()
    assert "is out, so it is yours" in visitor.post(cancel, follow=True).content.decode()
    preorders.settle_due(OUT)
    page = visitor.get(row.order.get_absolute_url()).content.decode()
    assert "It is yours" in page
    assert "Who got what" in page


def test_the_library_costs_as_many_queries_for_one_as_for_many(
    visitor: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        make_preorder(make_coming(title=f"Album {number}"), by=listener())
    with django_assert_max_num_queries(14):
        page = visitor.get("/library/").content.decode()
    assert page.count("Cancel, money back") == 6


def test_the_studio_lets_listeners_order_before(client: Client) -> None:
    client.force_login(nina())
    album = make_coming(takes_preorders=False)
    price = {"currency": "USD", "price_mode": "fixed", "price": "9.99", "free_mode": "AD", "credit_price": ""}
    assert "May be ordered before it is out" in client.get(reverse("artists:price", args=[album.pk])).content.decode()
    client.post(reverse("artists:price", args=[album.pk]), {**price, "takes_preorders": "on"})
    album.refresh_from_db()
    assert album.takes_preorders
    page = client.get(reverse("artists:publish", args=[album.pk])).content.decode()
    assert "Whoever ordered it before gets all their money back" in page


def test_the_form_goes_to_the_payment_page_itself_which_no_script_may_fetch(visitor: Client) -> None:
    page = visitor.get(f"/preorders/{make_coming().pk}/").content.decode()
    [form] = re.findall(r'<form method="post" class="form card"[^>]*>', page)
    assert 'hx-boost="false"' in form
