"""Statistics are an artist's own, read from what was counted; page, table and file say the same, and so do earnings."""

import csv
import io
from datetime import UTC, date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from artists import plays
from artists.models import Payee, Play
from artists.plays import Origin
from payouts import statements
from store.access import downloads, library
from store.models import Counting, LibraryItem
from store.stats import figures, insights
from store.stats.periods import Period, Window, chosen
from tests.artists.factories import make_artist
from tests.store.factories import listener, make_paid_order, make_sold_album, make_sold_track, music
from tests.users.factories import charlie, make_user, nina

pytestmark = pytest.mark.django_db

PAGE = "/studio/stats/"


def count() -> None:
    """Count all until now, as if the hour were over."""
    figures.count_again(lambda: timezone.now() + timedelta(hours=1))


def this_week() -> Window:
    return chosen(Period.WEEK, timezone.now().date())


@pytest.fixture
def busy() -> Any:
    """An album of nina's that was played twice, sold once, and fetched once each bought and free; today."""
    now = timezone.now()
    album = make_sold_album(10_000_000)
    album.tracks.update(duration_ms=180_000)
    track = album.tracks.all()[0]
    for n in range(2):
        plays.record(track, f"guest:{n}", now, seconds=30, origin=Origin("album"))
    plays.complete(track, "guest:1", now, seconds=9_999)
    plays.skip(track, "guest:2", now, seconds=1)
    order = make_paid_order(album, at=now)
    item = LibraryItem.objects.get(order_line__order=order)
    downloads.record(item, music(album), listener(), "flac", 1, at=now)
    free = library.grant(music(track), listener(charlie()), LibraryItem.Reason.FREE, at=now)
    downloads.record(free, music(track), listener(charlie()), "flac", 1, at=now)
    plays.record(track, "guest:old", now - timedelta(days=10), seconds=30)
    count()
    return album


@pytest.fixture
def studio(client: Client) -> Client:
    """Nina's browser."""
    client.force_login(nina())
    return client


def rows_of(client: Client, query: str) -> list[list[str]]:
    """A file of the page, as rows."""
    answer = client.get(f"/studio/stats.csv?{query}")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))


def test_a_window_counts_what_happened_in_it(busy: Any) -> None:
    stats = insights.of(nina(), this_week())
    assert len(stats.pieces) == len(stats.now) == 7
    today = stats.now[-1]
    assert (today.plays, today.complete, today.skips, today.sales) == (2, 1, 1, 1)
    assert (today.downloads_of("Bought"), today.downloads_of("Free"), today.downloads) == (1, 1, 2)
    assert (today.amount("sales", "USD"), today.amount("earned", "USD")) == (10_000_000, 9_000_000)
    assert stats.total.plays == 2, "ten days ago is outside"
    assert {row.title for row in stats.music} == {"Track 1", "The whole album"}
    assert list(stats.places) == [("album", 2)]


def test_what_it_is_compared_with_stands_beside_its_day(busy: Any) -> None:
    today = timezone.now().date()
    window = Window(today - timedelta(days=9), today)
    stats = insights.of(nina(), window, compared=window.before())
    assert stats.then is not None and stats.before is not None
    assert [sums.plays for sums in stats.then] == [0] * 9 + [1]
    assert (stats.total.plays, stats.before.plays) == (2, 1)


def test_one_album_and_one_track_can_be_chosen(busy: Any) -> None:
    other = make_sold_album(artist=busy.artist)
    plays.record(other.tracks.all()[0], "guest:9", timezone.now(), seconds=30)
    count()
    assert insights.of(nina(), this_week()).total.plays == 3
    assert insights.of(nina(), this_week(), album=busy).total.plays == 2
    found = insights.of(nina(), this_week(), album=busy, track=busy.tracks.all()[0])
    assert (found.total.plays, found.total.sales, found.total.downloads) == (2, 0, 1)


def test_somebody_elses_music_is_not_in_it(busy: Any, client: Client) -> None:
    other = make_user("other@example.test", is_artist=True)
    make_artist("Other", owner=other)
    stats = insights.of(other, this_week())
    assert (stats.total.plays, stats.total.sales, list(stats.music)) == (0, 0, [])
    client.force_login(other)
    assert client.get(f"{PAGE}?album={busy.pk}").status_code == 422, "it is no album of theirs"
    assert busy.title not in client.get(PAGE).content.decode()


def test_numbers_agree_with_the_statement_of_the_payee(busy: Any) -> None:
    make_paid_order(make_sold_track(990_000, album=busy), at=timezone.now(), by=listener(charlie()))
    count()
    since, until = timezone.now() - timedelta(days=3), timezone.now() + timedelta(days=1)
    said = statements.statement(Payee.objects.get(artists=busy.artist), "USD", since=since, until=until)
    assert insights.of(nina(), this_week()).total.amount("earned", "USD") == said.earnings > 9_000_000


# --- the page and its files


def test_the_page_says_what_its_tables_and_files_say(busy: Any, studio: Client) -> None:
    page = studio.get(f"{PAGE}?period=7").content.decode()
    assert "$9.00" in page
    assert "<svg viewBox" in page
    rows = rows_of(studio, "period=7&table=plays")
    assert rows[0] == ["day", "complete", "rest", "plays", "skipped"]
    assert len(rows) == 9
    assert rows[-1] == ["TOTAL", "1", "1", "2", "1"]
    assert rows_of(studio, "period=7&table=downloads")[-1] == ["TOTAL", "1", "0", "1", "0", "2"]
    assert rows_of(studio, "period=7&table=sales")[-1] == ["TOTAL", "USD", "1", "10.000000", "10000000"]
    assert rows_of(studio, "period=7&table=earned")[-1][-2:] == ["9.000000", "9000000"]
    assert ["Track 1", busy.title, "2", "1", "1", "1", "0", "0.000000", "0"] in rows_of(studio, "period=7&table=music")


@pytest.mark.parametrize("table", ["places", "sites", "countries"])
def test_lists_come_as_files_too(busy: Any, studio: Client, table: str) -> None:
    assert rows_of(studio, f"period=7&table={table}")[0][0] in ("place", "site", "country")


def test_all_tables_are_sheets_of_one_file(busy: Any, studio: Client) -> None:
    answer = studio.get("/studio/stats.xlsx?period=12m&compare=year")
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")


def test_a_file_has_no_formulas(busy: Any, studio: Client) -> None:
    track = busy.tracks.all()[0]
    track.title = "=HYPERLINK(1)"
    track.save()
    assert "'=HYPERLINK(1)" in [row[0] for row in rows_of(studio, "period=7&table=music")]


def test_a_line_over_the_bars_is_named_and_ads_are_said_to_be_the_artists(busy: Any, studio: Client) -> None:
    page = studio.get(f"{PAGE}?album={busy.pk}&compare=before").content.decode()
    assert "The days before</li>" in page
    assert "paid to its artist and not for one album" in page


def test_there_is_no_file_of_a_table_that_is_none(studio: Client) -> None:
    assert studio.get("/studio/stats.csv?table=users").status_code == 404


def test_an_artist_whom_nobody_heard_yet_reads_what_will_be_here(studio: Client) -> None:
    make_sold_album()
    page = studio.get(PAGE).content.decode()
    assert "Nothing is counted yet" in page
    assert "within the hour after somebody heard thirty seconds" in page
    assert "Sales show here once somebody bought" in page
    assert '<svg viewBox="0 -2' not in page


def test_the_page_says_truly_how_fresh_it_is(busy: Any, studio: Client) -> None:
    hour = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    Counting.objects.update(through=hour)
    page = studio.get(PAGE).content.decode()
    assert f">{hour:%H:%M}</time>, next at" in page
    assert f">{hour + timedelta(hours=1):%H:%M}</time> (UTC)" in page
    Counting.objects.update(through=hour - timedelta(hours=3))
    late = studio.get(PAGE).content.decode()
    assert "The numbers are late" in late
    assert f"{hour - timedelta(hours=2):%H:%M} (UTC)" in late


def test_the_page_says_that_nobody_is_located(busy: Any, studio: Client) -> None:
    page = studio.get(PAGE).content.decode()
    assert "Nobody is located" in page
    assert "Not known" in page


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("period=own&since=2026-11-05&until=2026-11-01", "The first day is after the last. Swap them."),
        ("period=own&since=1900-01-01&until=2020-01-01", "Choose a day between 1970 and 9998."),
        ("period=own&since=2026-11-01&until=2999-01-01", "That day has not come yet."),
        ("period=own&since=2016-01-01&until=2025-12-31", "That is more than five years. Choose fewer days."),
        ("period=own&since=yesterday&until=2026-11-01", "Enter a valid date."),
        ("period=forever", "Select a valid choice."),
        ("compare=them", "Select a valid choice."),
        ("album=999999", "Select a valid choice."),
        ("album=%00", "Null characters are not allowed."),
        ("album=99999999999999999999999", "Select a valid choice."),
    ],
    ids=["reversed", "1900", "future", "ten-years", "words", "period", "compare", "album", "nul", "huge"],
)
def test_a_wrong_choice_is_told_in_a_sentence(busy: Any, studio: Client, query: str, sentence: str) -> None:
    answer = studio.get(f"{PAGE}?{query}")
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert studio.get(f"/studio/stats.csv?{query}").status_code == 302


def test_the_track_of_another_album_is_forgotten_with_it(busy: Any, studio: Client) -> None:
    other = make_sold_album(artist=busy.artist)
    answer = studio.get(f"{PAGE}?album={busy.pk}&track={other.tracks.all()[0].pk}")
    assert answer.status_code == 200
    assert studio.get(f"{PAGE}?album={busy.pk}&track={busy.tracks.all()[0].pk}").status_code == 200


def test_a_year_is_drawn_by_month_and_compared_with_the_year_before(busy: Any, studio: Client) -> None:
    rows = rows_of(studio, "period=12m&compare=year&table=plays")
    assert rows[0][0] == "month"
    assert len(rows) == 14
    assert rows[-2][0] == f"{timezone.now():%Y-%m}"
    assert rows[-1][-1] == "0"


@pytest.mark.parametrize("query", ["", "period=12m&compare=before", "period=90"], ids=["28-days", "year", "quarter"])
def test_the_page_costs_the_same_queries_for_any_catalogue_and_any_days(
    busy: Any, studio: Client, django_assert_max_num_queries: Any, query: str
) -> None:
    for _ in range(3):
        album = make_sold_album(artist=busy.artist, tracks=3)
        plays.record(album.tracks.all()[0], "guest:1", timezone.now(), seconds=30)
    count()
    with django_assert_max_num_queries(17):
        assert studio.get(f"{PAGE}?{query}").status_code == 200


def test_the_page_reads_nothing_but_what_was_counted(busy: Any, studio: Client) -> None:
    before = studio.get(PAGE).content.decode()
    Play.objects.all().delete()
    assert "By track and album" in before
    assert studio.get(PAGE).content.decode().count("<td") == before.count("<td")


# --- windows


def test_the_twelve_months_begin_with_a_month() -> None:
    window = chosen(Period.YEAR, date(2026, 11, 28))
    assert (window.since, window.until) == (date(2025, 12, 1), date(2026, 11, 28))
    assert [piece.label for piece in window.pieces()][:2] == ["Dec 2025", "Jan 2026"]
    assert len(window.pieces()) == 12


def test_a_leap_day_is_compared_with_the_day_before_it() -> None:
    window = Window(date(2028, 2, 29), date(2028, 3, 1))
    earlier = window.a_year_ago()
    assert earlier.window == Window(date(2027, 2, 28), date(2027, 3, 1))
    assert [earlier.beside(day) for day in (date(2027, 2, 28), date(2027, 3, 1))] == [
        date(2028, 2, 29),
        date(2028, 3, 1),
    ]


@pytest.mark.parametrize("length", [1, 7, 31, 92, 93, 400, 1830])
def test_every_day_is_in_one_piece(length: int) -> None:
    window = Window(date(2024, 1, 31), date(2024, 1, 31) + timedelta(days=length - 1))
    days = [day for piece in window.pieces() for day in (piece.first, piece.last)]
    assert days == sorted(days)
    assert sum((piece.last - piece.first).days + 1 for piece in window.pieces()) == length


def test_a_long_list_shows_ten_and_opens(studio: Client, busy: Any) -> None:
    now, row = timezone.now(), '<th scope="row" data-label="Music"'
    for n in range(11):
        plays.record(make_sold_track(title=f"Song {n:02}"), "guest:0", now, seconds=30, origin=Origin("album"))
    count()
    page = studio.get(PAGE).content.decode()
    assert 'href="?all=music#music"' in page
    whole = studio.get(f"{PAGE}?all=music").content.decode()
    assert page.count(row) == 10 < whole.count(row)
    assert "all=music" not in whole
