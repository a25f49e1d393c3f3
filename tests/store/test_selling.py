"""Nothing is bought that cannot be had: not from a cart, not by an order that waits, not by a button on a page."""

import uuid
from typing import Any

import pytest
from django.test import Client

from artists.models import Album, Original, Rendition, Track
from store.models import Order
from store.sales import cart, orders
from tests.store.factories import NOON, listener, make_order, make_sold_album, make_sold_track, music, paid_session
from tests.users.factories import leo

pytestmark = pytest.mark.django_db


@pytest.fixture
def leos(client: Client) -> Client:
    """Leo's browser."""
    client.force_login(leo())
    return client


def damage(thing: Album | Track) -> None:
    track = thing.tracks.all()[0] if isinstance(thing, Album) else thing
    Original.objects.filter(tracks=track).update(fault="The file you sent is no longer in our storage.")


def mend() -> None:
    Original.objects.update(fault="")


@pytest.mark.parametrize("make", [make_sold_album, make_sold_track])
def test_what_is_damaged_is_not_put_into_a_cart(make: Any) -> None:
    thing = make()
    damage(thing)
    with pytest.raises(orders.CannotPlace, match="not sold just now: one of its files is being mended"):
        cart.put(listener(), music(thing), music(thing).least_micros, at=NOON)
    mend()
    assert cart.put(listener(), music(thing), music(thing).least_micros, at=NOON).pk


@pytest.mark.parametrize("recipe", ["mp3-320", "flac"])
def test_an_album_is_not_sold_without_its_mp3_and_flac(recipe: str) -> None:
    album = make_sold_album()
    files = Rendition.objects.filter(original=album.tracks.all()[1].original, recipe=recipe)
    files.update(state=Rendition.State.WANTED)
    with pytest.raises(orders.CannotPlace, match="not sold just now"):
        make_order(album)
    files.delete()
    with pytest.raises(orders.CannotPlace, match="not sold just now"):
        make_order(album)


def test_other_formats_and_withdrawn_tracks_stop_nothing() -> None:
    album = make_sold_album(tracks=3)
    Rendition.objects.filter(recipe__in=["opus", "mp3-v0"]).delete()
    gone = album.tracks.all()[2]
    damage(gone)
    Track.objects.filter(pk=gone.pk).update(state=Track.State.WITHDRAWN, withdrawn_at=NOON)
    assert make_order(album).pk


def test_a_damaged_track_stops_its_album_and_not_its_neighbours() -> None:
    album = make_sold_album()
    Track.objects.update(price_micros=990_000)
    first, second = album.tracks.all()
    damage(first)
    assert orders.unsound([music(first), music(second), music(album)]) == [music(first), music(album)]


def test_a_cart_says_what_is_being_mended_in_one_query_for_all(django_assert_num_queries: Any) -> None:
    leos = listener()
    for _ in range(3):
        album = make_sold_album()
        cart.put(leos, music(album), album.price_micros, at=NOON)
    damage(album)
    with django_assert_num_queries(2):
        bill = cart.bills(leos, at=NOON)[0]
        problems = [entry.problem for entry in bill.entries]
    assert [bool(problem) for problem in problems] == [False, False, True]
    assert "is being mended. Remove it to go on" in bill.problem


def test_a_cart_that_was_damaged_meanwhile_is_not_paid(leos: Client) -> None:
    album = make_sold_album()
    cart.put(listener(), music(album), album.price_micros, at=NOON)
    bill = cart.bills(listener(), at=NOON)[0]
    damage(album)
    form = {"order": str(uuid.uuid4()), "unit": "USD", "seen": bill.seen}
    answer = leos.post("/cart/buy/", form)
    assert answer.status_code == 422
    assert "not sold just now" in answer.content.decode()
    assert not Order.objects.exists()


def test_an_order_that_waits_is_not_sent_to_the_payment_page(leos: Client) -> None:
    album = make_sold_album()
    order = make_order(album)
    damage(album)
    answer = leos.post("/cart/buy/", {"order": str(order.pk), "unit": "USD", "seen": ""}, follow=True)
    assert answer.redirect_chain == [("/cart/", 303)]
    assert "not sold just now" in answer.content.decode()


def test_money_that_came_in_is_never_ignored() -> None:
    album = make_sold_album()
    order = make_order(album)
    damage(album)
    assert orders.fulfil(order.pk, paid_session(order), at=NOON)
    assert Order.objects.get().state == Order.State.PAID


def test_the_page_offers_no_button_while_it_is_mended(leos: Client) -> None:
    album = make_sold_album()
    damage(album)
    block = leos.get(f"/buy/album/{album.pk}/").content.decode()
    assert "Not sold just now" in block
    assert "Buy album" not in block
    answer = leos.post(f"/cart/add/album/{album.pk}/", {})
    assert answer.status_code == 422
    assert "not sold just now" in answer.content.decode()
    mend()
    assert "Buy album" in leos.get(f"/buy/album/{album.pk}/").content.decode()
