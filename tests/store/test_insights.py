"""Statistics are an artist's own, by day, and the file says what the page says."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from artists import plays
from store import downloads, insights, library
from store.models import LibraryItem
from tests.artists.factories import make_artist
from tests.store.factories import listener, make_paid_order, make_sold_album, music
from tests.users.factories import charlie, make_user, nina

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy() -> Any:
    """An album of nina's that was played twice, sold once, and fetched once each bought and free; today."""
    now = timezone.now()
    album = make_sold_album(10_000_000)
    track = album.tracks.all()[0]
    for n in range(2):
        plays.record(track, f"guest:{n}", now, seconds=30)
    order = make_paid_order(album, at=now)
    item = LibraryItem.objects.get(order_line__order=order)
    downloads.record(item, music(album), listener(), "flac", 1, at=now)
    free = library.grant(music(track), listener(charlie()), LibraryItem.Reason.FREE, at=now)
    downloads.record(free, music(track), listener(charlie()), "flac", 1, at=now)
    plays.record(track, "guest:old", now - timedelta(days=40), seconds=30)
    return album


def test_a_day_counts_what_happened_on_it(busy: Any) -> None:
    stats = insights.of(nina(), timezone.now().date())
    assert len(stats.days) == 30
    today = stats.days[-1]
    assert (today.plays, today.sales, today.sold) == (2, 1, {"USD": 10_000_000})
    assert today.downloads == {"Bought": 1, "Free": 1}
    assert stats.plays == 2, "forty days ago is outside"
    assert {row.title for row in stats.rows} == {"Track 1", "The whole album"}


def test_somebody_elses_music_is_not_in_it(busy: Any) -> None:
    other = make_user("other@example.test", is_artist=True)
    make_artist("Other", owner=other)
    stats = insights.of(other, timezone.now().date())
    assert (stats.plays, stats.sales, list(stats.rows)) == (0, 0, [])


def test_the_page_and_its_file_agree(busy: Any, client: Client) -> None:
    client.force_login(nina())
    page = client.get("/studio/stats/").content.decode()
    assert "$10.00" in page
    assert "<svg" in page
    rows = list(csv.reader(io.StringIO(client.get("/studio/stats.csv").getvalue().decode("utf-8-sig"))))
    assert rows[0][:2] == ["day", "plays"]
    assert len(rows) == 32
    assert rows[-1] == ["TOTAL", "2", "1", "0", "1", "1", "10.000000", "10000000"]


def test_the_page_costs_the_same_queries_for_any_catalogue(
    busy: Any, client: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        make_sold_album(artist=busy.artist, tracks=3)
    client.force_login(nina())
    with django_assert_max_num_queries(14):
        client.get("/studio/stats/")
