"""What a price brings is exact, what it would bring comes from what was sold, and last month's miss is shown."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from artists import plays
from artists.models import Album
from ledger import policy
from megabox import money
from store.models import Discount, Figure, Prediction
from store.music import Music
from store.sales import orders
from store.stats import figures, prices
from tests.artists.factories import make_artist, make_payee, make_sheet
from tests.store.factories import NOON, guest, make_paid_order, make_sold_album, paid_session
from tests.users.factories import make_user, nina

pytestmark = pytest.mark.django_db

What = Figure.What
SEVEN = 7_000_000
MONTH = date(2026, 11, 1)
AT = datetime(2026, 11, 1, 0, 2, tzinfo=UTC)


def counted(album: Album, what: str, day: date, count: int, *, price: int = 0, micros: int = 0) -> None:
    """A figure as the counting writes it: sales and what they earned of the album, plays of its first track."""
    figure = Figure(day=day, artist=album.artist, album=album, what=what, count=count, micros=micros)
    if what == What.PLAYS:
        figure.track = album.tracks.all()[0]
    else:
        figure.unit = album.currency
        figure.key = str(price) if what == What.SALES else "sale"
    figure.save()


def heard(album: Album, first: date, days: int, plays: int) -> None:
    for n in range(days):
        counted(album, What.PLAYS, first + timedelta(days=n), plays)


@pytest.fixture
def album() -> Album:
    """Sold for 9 in September to five, for 7 in October to ten; heard ten times a day in both months."""
    found = make_sold_album(SEVEN)
    for n in range(5):
        counted(found, What.SALES, date(2026, 9, 1 + 5 * n), 1, price=9_000_000, micros=9_000_000)
    for n in range(10):
        counted(found, What.SALES, date(2026, 10, 2 + 2 * n), 1, price=SEVEN, micros=SEVEN)
    heard(found, date(2026, 9, 1), 61, 10)
    return found


# --- exact


def test_a_hundred_buyers_at_7_bring_630() -> None:
    found = prices.brings(make_sold_album(), SEVEN, 100, NOON)
    assert (found.whole_micros, found.payees_micros, found.commission_micros) == (700_000_000, 630_000_000, 70_000_000)
    assert [micros for _, micros in found.parts] == [630_000_000]


@given(price=st.integers(1, money.MAX_AMOUNT_MICROS), buyers=st.integers(1, 10_000))
def test_what_buyers_pay_is_shared_without_a_rest(price: int, buyers: int) -> None:
    shares = policy.split(price)
    assert shares.payee * buyers + shares.commission * buyers == price * buyers
    for points in ([3_333, 3_333, 3_334], [1, 9_999]):
        assert sum(part * buyers for part in money.allocate(shares.payee, points)) == shares.payee * buyers


def test_it_is_what_so_many_sales_really_book() -> None:
    album = make_sold_album(3_330_000)
    shares = [(album.artist.payee, 3_333), (make_payee("Second"), 6_667)]
    make_sheet(album, shares, at=NOON - timedelta(days=1))
    for n in range(3):
        make_paid_order(album, at=NOON, by=guest(f"guest-{n}"))
    figures.count_due(lambda: NOON + timedelta(hours=2))
    booked = sum(Figure.objects.filter(what=What.EARNED).values_list("micros", flat=True))
    found = prices.brings(album, 3_330_000, 3, NOON)
    assert booked == found.payees_micros == sum(micros for _, micros in found.parts) == 8_991_000


# --- from history


def test_each_price_that_was_asked_has_its_days_its_sales_and_its_plays(album: Album) -> None:
    low, high = prices.asked(album, "USD", before=MONTH)
    assert (low.price_micros, low.sales, low.first, low.last) == (SEVEN, 10, date(2026, 10, 2), date(2026, 10, 20))
    assert (low.plays, low.plays_per_sale) == (190, 19)
    assert (high.price_micros, high.sales, high.plays, high.plays_per_sale) == (9_000_000, 5, 210, 42)


def test_a_sale_with_a_code_counts_at_the_price_that_everybody_was_asked() -> None:
    album = make_sold_album(SEVEN)
    code = Discount.objects.create(artist=album.artist, album=album, code="SUMMER", percent=20, made_at=NOON)
    for by, discount in ((guest("one"), None), (guest("two"), code)):
        wish = orders.Wish(Music(album=album), SEVEN, discount)
        order = orders.place([wish], by, order_id=uuid.uuid4(), at=NOON)
        orders.fulfil(order.pk, paid_session(order), at=NOON)
    figures.count_due(lambda: NOON + timedelta(hours=2))
    assert Figure.objects.get(what=What.SALES).micros == 12_600_000, "what was paid"
    (one,) = prices.asked(album, "USD", before=NOON.date() + timedelta(days=1))
    assert (one.price_micros, one.sales) == (SEVEN, 2)


def test_a_month_is_its_plays_times_what_was_sold_per_play(album: Album) -> None:
    history = prices.asked(album, "USD", before=MONTH)
    found = prices.expected(album, SEVEN, history, first=MONTH, days=30, at=AT)
    assert found.plays == 300, "ten a day, as in the four weeks before"
    assert found.sales == 16, "300 plays, a sale for each 19"
    assert found.brings.payees_micros == 16 * 6_300_000


@pytest.mark.parametrize(("price", "nearest"), [(1, 7), (7, 7), (8, 7), (9, 9), (50, 9)])
def test_a_price_nobody_was_asked_is_counted_by_the_nearest(album: Album, price: int, nearest: int) -> None:
    history = prices.asked(album, "USD", before=MONTH)
    found = prices.expected(album, price * 1_000_000, history, first=MONTH, days=30, at=AT)
    assert found.by.price_micros == nearest * 1_000_000


def test_of_too_little_nothing_is_made() -> None:
    album = make_sold_album(SEVEN)
    for n in range(4):
        counted(album, What.SALES, date(2026, 10, 2 + n), 1, price=SEVEN, micros=SEVEN)
    heard(album, date(2026, 10, 1), 31, 10)
    with pytest.raises(prices.TooLittle, match="5 sales at one price"):
        prices.expected(album, SEVEN, prices.asked(album, "USD", before=MONTH), first=MONTH, days=30, at=AT)
    assert prices.predict(MONTH, at=AT) == 0


def test_where_buyers_name_the_price_it_is_what_they_paid_on_average(album: Album) -> None:
    album.is_name_your_price = True
    (one,) = prices.asked(album, "USD", before=MONTH)
    assert (one.price_micros, one.sales) == (7_666_666, 15)
    assert prices.usual_price(album, [one]) == 7_666_666


# --- predicted before, and missed


def test_a_month_is_predicted_once_from_what_was_before_it(album: Album) -> None:
    counted(album, What.SALES, MONTH, 90, price=SEVEN, micros=90 * SEVEN)
    assert prices.predict(MONTH, at=AT) == 1
    one = Prediction.objects.get()
    assert (one.album, one.month, one.unit, one.price_micros) == (album, MONTH, "USD", SEVEN)
    assert (one.plays, one.sales, one.earned_micros) == (300, 16, 16 * 6_300_000)
    album.price_micros = 1
    album.save()
    assert prices.predict(MONTH, at=AT + timedelta(days=9)) == 0
    assert Prediction.objects.get().sales == 16


def test_the_first_counting_of_a_month_predicts_it_and_no_other() -> None:
    album = make_sold_album(SEVEN)
    for n in range(5):
        make_paid_order(album, at=AT - timedelta(days=9 - n), by=guest(f"guest-{n}"))
    for n in range(9):
        plays.record(album.tracks.all()[0], "guest:1", AT - timedelta(days=9 - n), seconds=30)
    figures.count_due(lambda: AT - timedelta(hours=1))
    assert [one.month for one in Prediction.objects.all()] == [], "of October nothing was known before it"
    figures.count_due(lambda: AT)
    one = Prediction.objects.get()
    assert (one.month, one.plays, one.sales) == (MONTH, 9 * 30 // 28, 9)
    figures.count_due(lambda: AT + timedelta(hours=1))
    assert Prediction.objects.count() == 1


@pytest.mark.parametrize(("sold", "said"), [(16, "none"), (10, "6 too many predicted"), (20, "4 too few predicted")])
def test_last_months_miss_is_told(album: Album, sold: int, said: str) -> None:
    prices.predict(MONTH, at=AT)
    counted(album, What.SALES, date(2026, 11, 9), sold, price=SEVEN, micros=sold * SEVEN)
    counted(album, What.EARNED, date(2026, 11, 9), 0, micros=sold * 6_300_000)
    (miss,) = prices.misses(album, date(2026, 12, 1))
    assert (miss.sales, miss.earned_micros, miss.said) == (sold, sold * 6_300_000, said)
    assert prices.misses(album, date(2026, 11, 30))[0].said == "not over yet"


# --- the page


@pytest.fixture
def studio(client: Client) -> Client:
    client.force_login(nina())
    return client


def test_the_page_answers_for_any_price(album: Album, studio: Client) -> None:
    page = studio.get(f"/studio/albums/{album.pk}/prices/?price=7&buyers=100").content.decode()
    assert "100 buyers at $7.00" in page
    assert "$630.00" in page
    assert "What it sold for" in page
    assert f"/studio/albums/{album.pk}/prices/" in studio.get(f"/studio/albums/{album.pk}/price/").content.decode()


def test_the_page_begins_with_whole_cents_where_buyers_name_the_price(studio: Client) -> None:
    named = make_sold_album(SEVEN, is_name_your_price=True)
    for price, count in ((8_000_000, 2), (9_000_000, 1)):
        counted(named, What.SALES, timezone.now().date() - timedelta(days=1), count, price=price)
    page = studio.get(f"/studio/albums/{named.pk}/prices/")
    assert page.status_code == 200
    assert "100 buyers at $8.33" in page.content.decode()


def test_the_page_says_what_was_predicted_and_what_happened(album: Album, studio: Client) -> None:
    last_month = (timezone.now().date().replace(day=1) - timedelta(days=1)).replace(day=1)
    Prediction.objects.create(
        album=album,
        month=last_month,
        unit="USD",
        price_micros=SEVEN,
        plays=300,
        sales=14,
        earned_micros=88_200_000,
        made_at=timezone.now(),
    )
    Figure.objects.filter(what=What.SALES, day__gte=last_month).delete()
    counted(album, What.SALES, last_month, 10, price=SEVEN, micros=10 * SEVEN)
    assert "4 too many predicted" in studio.get(f"/studio/albums/{album.pk}/prices/").content.decode()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("price=seven", "is not an amount"),
        ("price=-1", "cannot be below zero"),
        ("price=0", "Write a price above zero."),
        ("price=999999999", "the most that can be entered here"),
        ("price=7&buyers=0", "Write one buyer or more."),
        ("price=7&buyers=9999999999999999999999", "Write at most 1000000 buyers."),
        ("price=7&buyers=many", "Write the buyers as a whole number"),
    ],
    ids=["words", "negative", "zero", "huge", "nobody", "everybody", "many"],
)
def test_a_wrong_price_is_told_in_a_sentence(album: Album, studio: Client, query: str, sentence: str) -> None:
    answer = studio.get(f"/studio/albums/{album.pk}/prices/?{query}")
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_an_album_without_a_sale_says_what_will_be_here(studio: Client) -> None:
    page = studio.get(f"/studio/albums/{make_sold_album().pk}/prices/").content.decode()
    assert "Not enough was sold yet" in page
    assert "once somebody has bought it" in page


def test_nobody_reads_the_prices_of_somebody_elses_album(album: Album, client: Client) -> None:
    other = make_user("other@example.test", is_artist=True)
    make_artist("Other", owner=other)
    client.force_login(other)
    assert client.get(f"/studio/albums/{album.pk}/prices/").status_code == 404


def test_the_page_costs_a_few_queries(album: Album, studio: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(15):
        studio.get(f"/studio/albums/{album.pk}/prices/")
