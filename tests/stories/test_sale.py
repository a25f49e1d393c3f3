"""Story 3: leo pays by card, the artist gets 90 % exactly, and the music is his to download again for ever."""

import io
import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from mutagen.flac import FLAC

from artists import albums
from artists.models import Album
from ledger import chart, journal
from store import audit, tasks
from store.models import LibraryItem, Order, StripeEvent
from tests.standin.server import Standin
from tests.store.conftest import standin
from tests.store.factories import make_sold_album, make_sold_track
from tests.users.factories import leo
from users.models import Mail

__all__ = ["standin"]
pytestmark = pytest.mark.django_db(transaction=True)


def hidden(page: str, name: str) -> str:
    """The value of a hidden field of a page."""
    return page.split(f'name="{name}" value="')[1].split('"')[0]


def press_buy(browser: Client) -> str:
    """Press Pay in the cart; return where it leads."""
    page = browser.get("/cart/").content.decode()
    fields = {name: hidden(page, name) for name in ("order", "unit", "seen")}
    first, second = browser.post("/cart/buy/", fields), browser.post("/cart/buy/", fields)  # a double click
    assert first.status_code == second.status_code == 303
    assert first["Location"] == second["Location"]
    return str(first["Location"])


def let_webhooks_arrive(count: int) -> None:
    until = time.monotonic() + 20
    while StripeEvent.objects.filter(type="checkout.session.completed").count() < count:
        assert time.monotonic() < until, "no webhook came"
        time.sleep(0.05)
    tasks.sweep()


def body_of(answer: object) -> bytes:
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]  # the test client's streaming answer


def test_leo_buys_from_two_artists_and_keeps_it_for_ever(standin: Standin) -> None:
    album, track = make_sold_album(9_990_000), make_sold_track(990_000)
    browser = Client()
    browser.force_login(leo())

    # He looks at the album and puts it into the cart, and a track of somebody else.
    assert "$8.991" in browser.get(album.get_absolute_url()).content.decode()
    assert browser.post(f"/cart/add/album/{album.pk}/")["Location"] == "/cart/"
    browser.post(f"/cart/add/track/{track.pk}/")

    # One payment page, at Stripe's address, however often he presses.
    payment_page = press_buy(browser)
    assert payment_page.startswith(standin.url)
    order = Order.objects.get()
    page = browser.get(order.get_absolute_url()).content.decode()
    assert "Waiting for your payment" in page

    # He pays; Stripe tells us, and the page he comes back to shows our state.
    standin.pay(str(order.checkout_session), email=leo().email)
    let_webhooks_arrive(1)
    page = browser.get(order.get_absolute_url()).content.decode()
    assert "It is yours" in page
    assert "$10.98" in page

    # 90 % of each price, to the micro; one card fee, ours.
    assert journal.balance(chart.payee(album.artist.payee_id, "pending", "USD")) == 8_991_000
    assert journal.balance(chart.payee(track.album.artist.payee_id, "pending", "USD")) == 891_000
    assert journal.balance(chart.commission("USD")) == 1_098_000
    assert journal.balance(chart.stripe_fees("USD")) == 620_000
    assert Mail.objects.get(key=f"order:{order.pk}:receipt").to == leo().email

    # It is in his library and arrives tagged; and again after the artist took it down.
    assert LibraryItem.objects.count() == 2
    assert album.title in browser.get("/library/").content.decode()
    song = album.tracks.all()[0]
    file = body_of(browser.get(f"/library/download/track/{song.pk}/flac/"))
    assert FLAC(io.BytesIO(file))["title"] == [song.title]
    albums.withdraw(album, at=timezone.now())
    album.refresh_from_db()
    assert album.state == Album.State.WITHDRAWN
    assert browser.get(album.get_absolute_url()).status_code == 404
    zipped = browser.get(f"/library/download/album/{album.pk}/flac/")
    assert len(body_of(zipped)) == int(zipped["Content-Length"])

    # Every webhook once more, and every sweep: nothing is sold twice.
    StripeEvent.objects.update(state="RECEIVED", processed_at=None, next_try_at=timezone.now() - timedelta(days=1))
    tasks.sweep()
    assert journal.balance(chart.commission("USD")) == 1_098_000
    assert LibraryItem.objects.count() == 2
    assert list(audit.findings()) == []


def test_a_guest_buys_without_an_account_and_finds_it_after_signing_up(standin: Standin) -> None:
    album = make_sold_album(5_000_000, is_name_your_price=True)
    browser = Client()
    assert browser.post(f"/cart/add/album/{album.pk}/", {"price": "1,99"}).status_code == 422
    browser.post(f"/cart/add/album/{album.pk}/", {"price": "8.00"})
    press_buy(browser)
    order = Order.objects.get()
    standin.pay(str(order.checkout_session), email="mia@example.test")
    let_webhooks_arrive(1)
    assert journal.balance(chart.payee(album.artist.payee_id, "pending", "USD")) == 7_200_000
    assert album.title in browser.get("/library/").content.decode()
    assert Client().get(f"/library/download/album/{album.pk}/flac/").status_code == 404
    browser.post("/accounts/signup/", {"email": "mia@example.test", "password1": "a long enough phrase"})
    item = LibraryItem.objects.get()
    assert item.user is not None
    assert item.user.email == "mia@example.test"
    assert album.title in browser.get("/library/").content.decode()


def test_a_payment_that_is_given_up_charges_nothing_and_can_be_tried_again(standin: Standin) -> None:
    album = make_sold_album()
    browser = Client()
    browser.force_login(leo())
    browser.post(f"/cart/add/album/{album.pk}/")
    press_buy(browser)
    order = Order.objects.get()
    page = browser.get(f"{order.get_absolute_url()}?left=1").content.decode()
    assert "Nothing was charged" in page
    assert order.checkout_url in page
    standin.client().v1.checkout.sessions.expire(str(order.checkout_session))
    until = time.monotonic() + 20
    while not StripeEvent.objects.exists() and time.monotonic() < until:
        time.sleep(0.05)
    tasks.sweep()
    assert "Try again" in browser.get(order.get_absolute_url()).content.decode()
    assert album.title in browser.get("/cart/").content.decode()
    assert not LibraryItem.objects.exists()
