"""The pages of discounts: making and stopping one in the studio, typing it in the cart, and what buyers are shown."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from artists.models import Album
from store import letters
from store.models import CartItem, Discount, Order
from store.requests import tries
from store.sales import checkout, orders
from store.studio import codes as code_pages
from tests.artists.factories import make_artist
from tests.store.factories import NOON, listener, make_sold_album, paid_session
from tests.store.test_cart import form_of, stripe_opens
from tests.store.test_discounts import buy, make_discount
from tests.users.factories import charlie, leo, make_user, nina

__all__ = ["stripe_opens"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def ninas(client: Client) -> Client:
    """Nina's browser."""
    client.force_login(nina())
    return client


@pytest.fixture
def leos(client: Client) -> Client:
    """Leo's browser."""
    client.force_login(leo())
    return client


def typed_of(album: Album, **fields: str) -> dict[str, str]:
    """What an artist types for 20 % off an album."""
    return {"code": "Summer-20", "scope": f"album-{album.pk}", "off": "20", "kind": "percent", **fields}


# --- in the studio


def test_an_artist_makes_a_code_for_one_album(ninas: Client) -> None:
    album = make_sold_album()
    days = {"starts_on": "2026-11-03", "ends_on": "2026-11-09", "most_uses": "50", "is_once_a_buyer": "on"}
    answer = ninas.post("/studio/codes/discounts/new/", typed_of(album, **days))
    made = Discount.objects.get()
    assert answer["Location"] == f"/studio/codes/discounts/{made.pk}/"
    assert (made.code, made.artist, made.album, made.percent) == ("SUMMER20", album.artist, album, 20)
    assert (made.starts_on, made.ends_on) == (date(2026, 11, 3), date(2026, 11, 9))
    assert (made.most_uses, made.is_once_a_buyer, made.use_count) == (50, True, 0)
    assert "SUMMER20" in ninas.get("/studio/codes/").content.decode()


def test_many_codes_are_listed_by_the_page(ninas: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_pages, "LISTED", 2)
    album = make_sold_album()
    for code in ("OLDEST", "MIDDLE", "NEWEST"):
        make_discount(album, code=code)
    first = ninas.get("/studio/codes/").content.decode()
    assert "NEWEST" in first
    assert "OLDEST" not in first
    assert 'href="?discounts=2"' in first
    assert "OLDEST" in ninas.get("/studio/codes/?discounts=2").content.decode()


def test_a_label_makes_a_code_for_all_music_of_one_of_its_artists(ninas: Client) -> None:
    make_artist("Other")
    artist = make_artist()
    fields = {"code": "FRIENDS", "scope": f"artist-{artist.pk}", "off": "2.50", "kind": "USD"}
    ninas.post("/studio/codes/discounts/new/", fields)
    made = Discount.objects.get()
    assert (made.artist, made.album, made.percent) == (artist, None, None)
    assert (made.amount_micros, made.unit, made.words) == (2_500_000, "USD", "$2.50 off")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"off": "0"}, "from 1 to 100"),
        ({"off": "101"}, "from 1 to 100"),
        ({"off": "-5"}, "from 1 to 100"),
        ({"off": "12.5"}, "from 1 to 100"),
        ({"off": "²"}, "from 1 to 100"),
        ({"off": ""}, "Write how much"),
        ({"kind": "USD", "off": "0"}, "takes nothing off"),
        ({"kind": "USD", "off": "1,50"}, "with a point"),
        ({"kind": "EUR", "off": "2"}, "is sold in USD"),
        ({"kind": "XXX"}, "in the list"),
        ({"code": "AB"}, "3 to 30"),
        ({"code": "-- --"}, "has 0"),
        ({"code": "A" * 31}, "3 to 30"),
        ({"code": ""}, "Choose the word"),
        ({"code": "taken"}, "has a code “TAKEN” already"),
        ({"scope": "album-0"}, "in the list"),
        ({"scope": "artist-"}, "in the list"),
        ({"scope": ""}, "Choose what"),
        ({"starts_on": "2026-11-09", "ends_on": "2026-11-03"}, "lies before the first, 9 November 2026"),
        ({"ends_on": "tomorrow"}, "like 2026-12-24"),
        ({"most_uses": "0"}, "at least one"),
        ({"most_uses": "many"}, "whole number"),
        ({"most_uses": "1000001"}, "at most 1,000,000"),
    ],
    ids=str,
)
def test_a_code_that_cannot_be_has_a_sentence(ninas: Client, typed: dict[str, str], sentence: str) -> None:
    album = make_sold_album()
    make_discount(album, code="TAKEN")
    page = ninas.post("/studio/codes/discounts/new/", typed_of(album, **typed))
    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert Discount.objects.count() == 1


def test_a_download_code_is_no_word_for_a_discount(ninas: Client) -> None:
    page = ninas.post("/studio/codes/discounts/new/", typed_of(make_sold_album(), code=letters.new()))
    assert "looks like a download code" in page.content.decode()


def test_nobody_makes_a_code_for_somebody_elses_music(client: Client) -> None:
    album = make_sold_album()
    client.force_login(make_user("other@demo.megabox.test", is_artist=True))
    for scope in (f"album-{album.pk}", f"artist-{album.artist_id}"):
        page = client.post("/studio/codes/discounts/new/", typed_of(album, scope=scope))
        assert page.status_code == 422
    assert not Discount.objects.exists()


def test_nobody_sees_changes_or_stops_somebody_elses_code(client: Client) -> None:
    code = make_discount(make_sold_album())
    client.force_login(make_user("other@demo.megabox.test", is_artist=True))
    url = f"/studio/codes/discounts/{code.pk}"
    assert [client.get(url + end).status_code for end in ("/", ".csv")] == [404] * 2
    assert [client.post(url + end).status_code for end in ("/", "/stop/")] == [404] * 2
    assert "SUMMER" not in client.get("/studio/codes/").content.decode()


def test_limits_are_changed_and_what_it_takes_off_is_not(ninas: Client) -> None:
    code = make_discount(make_sold_album())
    url = f"/studio/codes/discounts/{code.pk}/"
    assert ninas.post(url, {"most_uses": "5", "percent": "99", "code": "X"}).status_code == 303
    code.refresh_from_db()
    assert (code.most_uses, code.percent, code.code) == (5, 20, "SUMMER")
    assert ninas.post(url, {"most_uses": "-5"}).status_code == 422


def test_a_code_is_stopped_and_goes_on(ninas: Client) -> None:
    code = make_discount(make_sold_album())
    url = f"/studio/codes/discounts/{code.pk}/"
    ninas.post(f"{url}stop/", {"do": "stop"})
    assert "Let code go on" in ninas.get(url).content.decode()
    ninas.post(f"{url}stop/", {"do": "go on"})
    code.refresh_from_db()
    assert code.stopped_at is None


def test_the_page_and_the_file_say_what_it_took_off_and_name_nobody(ninas: Client) -> None:
    album = make_sold_album(10_000_000)
    code = make_discount(album)
    order = buy(album, code=code)
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    page = ninas.get(f"/studio/codes/discounts/{code.pk}/").content.decode()
    assert "$2.00" in page
    assert "$8.00" in page
    assert "leo" not in page.lower().replace("leonine", "")
    lines = ninas.get(f"/studio/codes/discounts/{code.pk}.csv").content.decode("utf-8-sig").splitlines()
    assert lines[0] == "paid_at,code,music,state,unit,price,price_micros,taken_off,taken_off_micros,paid,paid_micros"
    assert lines[1] == (
        "2026-11-03T12:00:00Z,SUMMER,Night Bus by Nova Kit,paid,USD,"
        "10.000000,10000000,2.000000,2000000,8.000000,8000000"
    )


@pytest.mark.parametrize("path", ["", "discounts/{}/"], ids=["list", "one"])
def test_pages_of_discounts_cost_the_same_for_many(
    ninas: Client, path: str, django_assert_max_num_queries: Any
) -> None:
    artist = make_artist()
    codes = [make_discount(artist, code=f"CODE{n}") for n in range(10)]
    for _ in range(5):
        order = buy(make_sold_album(artist=artist), code=codes[0])
        orders.fulfil(order.pk, paid_session(order), at=NOON)
    url = "/studio/codes/" + path.format(codes[0].pk)
    with django_assert_max_num_queries(8):
        assert ninas.get(url).status_code == 200


# --- in the cart


def test_leo_types_a_code_and_pays_less(leos: Client, stripe_opens: list[Order]) -> None:
    album = make_sold_album(10_000_000)
    code = make_discount(album)
    leos.post(f"/cart/add/album/{album.pk}/")
    assert leos.post("/cart/code/", {"code": "summer"}).status_code == 303
    page = leos.get("/cart/")
    text = page.content.decode()
    assert "Code SUMMER" in text
    assert "−$2.00" in text
    assert "Pay $8.00" in text
    assert "$7.20" in text, "the artist's part of it"
    assert leos.post("/cart/buy/", form_of(page)).status_code == 303
    order = Order.objects.get()
    assert order.price_micros == 8_000_000
    orders.fulfil(order.pk, paid_session(order, id=f"cs_test_{order.pk}"), at=NOON)
    assert "$10.00, less $2.00 with code SUMMER" in leos.get(order.get_absolute_url()).content.decode()
    code.refresh_from_db()
    assert code.use_count == 1


def test_a_wrong_code_comes_back_with_a_sentence_and_what_was_typed(leos: Client) -> None:
    leos.post(f"/cart/add/album/{make_sold_album().pk}/")
    page = leos.post("/cart/code/", {"code": "winter"})
    assert page.status_code == 422
    assert "No music in your cart goes with “WINTER”" in page.content.decode()
    assert 'value="winter"' in page.content.decode()
    page = leos.post("/cart/code/", {"code": letters.new()})
    assert "This is a download code" in page.content.decode()
    assert leos.post("/cart/code/", {"code": ""}).status_code == 422
    assert leos.post("/cart/code/", {"code": "x" * 500}).status_code == 422


def test_reading_the_dictionary_is_slowed_down(leos: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "DISCOUNTS", tries.Limit("discounts", of_network=2, of_all=100))
    leos.post(f"/cart/add/album/{make_sold_album().pk}/")
    answers = [leos.post("/cart/code/", {"code": f"word{n}"}).status_code for n in range(3)]
    assert answers == [422, 422, 429]


def test_a_code_that_changed_after_the_cart_was_shown_is_shown_again_first(
    leos: Client, stripe_opens: list[Order]
) -> None:
    album = make_sold_album(10_000_000)
    code = make_discount(album)
    leos.post(f"/cart/add/album/{album.pk}/")
    leos.post("/cart/code/", {"code": "summer"})
    fields = form_of(leos.get("/cart/"))
    Discount.objects.filter(pk=code.pk).update(stopped_at=NOON)
    page = leos.post("/cart/buy/", fields)
    assert page.status_code == 422
    assert "“SUMMER” is no longer good." in page.content.decode()
    assert not Order.objects.exists()


def test_a_code_is_removed_from_the_cart_and_only_from_ones_own(leos: Client) -> None:
    album = make_sold_album()
    code = make_discount(album)
    leos.post(f"/cart/add/album/{album.pk}/")
    leos.post("/cart/code/", {"code": "summer"})
    stranger = Client()
    stranger.force_login(charlie())
    stranger.post(f"/cart/code/{code.pk}/remove/")
    assert CartItem.objects.get().discount == code
    leos.post(f"/cart/code/{code.pk}/remove/")
    assert CartItem.objects.get().discount is None


def test_the_last_use_is_kept_by_who_comes_back_from_the_payment_page(
    leos: Client, stripe_opens: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    album = make_sold_album(10_000_000)
    code = make_discount(album, most_uses=2, is_once_a_buyer=True, use_count=1)
    leos.post(f"/cart/add/album/{album.pk}/")
    leos.post("/cart/code/", {"code": "summer"})
    monkeypatch.setattr(
        checkout,
        "ask",
        lambda session_id: paid_session(
            Order.objects.get(checkout_session=session_id), status="expired", is_paid=False
        ),
    )
    leos.post("/cart/buy/", form_of(leos.get("/cart/")))
    page = leos.get("/cart/")
    # Its last use is leo's own, and the cart does not say that it is used up.
    assert "Pay $8.00" in page.content.decode()
    assert leos.post("/cart/buy/", form_of(page)).status_code == 303
    assert [order.state for order in Order.objects.order_by("placed_at")] == ["CANCELLED", "PENDING"]
    code.refresh_from_db()
    assert code.use_count == 2


def test_stripe_out_of_reach_keeps_the_cart_and_charges_nothing(
    leos: Client, stripe_opens: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    album = make_sold_album()
    make_discount(album)
    leos.post(f"/cart/add/album/{album.pk}/")
    leos.post("/cart/code/", {"code": "summer"})
    leos.post("/cart/buy/", form_of(leos.get("/cart/")))

    def silent(session_id: str) -> None:
        raise checkout.Unreachable

    monkeypatch.setattr(checkout, "expire", silent)
    page = leos.post("/cart/buy/", form_of(leos.get("/cart/")))
    assert page.status_code == 422
    assert "cannot be reached" in page.content.decode()
    assert Order.objects.count() == 1


def test_a_code_that_makes_it_free_needs_no_card(leos: Client) -> None:
    album = make_sold_album()
    make_discount(album, percent=100)
    leos.post(f"/cart/add/album/{album.pk}/")
    leos.post("/cart/code/", {"code": "summer"})
    page = leos.get("/cart/")
    assert "Put into library" in page.content.decode()
    answer = leos.post("/cart/buy/", form_of(page))
    assert answer["Location"] == Order.objects.get().get_absolute_url()
    assert "It is yours" in leos.get(answer["Location"]).content.decode()
    assert album.title in leos.get("/library/").content.decode()
    assert listener()
