"""Every hour is counted once, each day anew from its rows, whoever comes twice or is killed on the way."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artists import plays
from artists.models import Album, Play, Track
from artists.plays import Origin
from megabox.claims import CLAIM_SECONDS
from store.access import downloads, library
from store.models import Counting, Figure, LibraryItem
from store.stats import day_figures, figures
from tests.artists.factories import make_artist
from tests.store.factories import NOON, guest, listener, make_paid_order, make_sold_album, music
from tests.users.factories import charlie, make_user

pytestmark = pytest.mark.django_db

What = Figure.What
LATER = NOON + timedelta(hours=1, minutes=2)


def clock(at: datetime) -> Callable[[], datetime]:
    return lambda: at


def told() -> list[tuple[Any, ...]]:
    """All figures, in one order, without their numbers."""
    names = ("day", "artist", "album", "track", "what", "key", "unit", "count", "micros")
    return sorted(Figure.objects.values_list(*names), key=str)


def count_of(what: str, **more: Any) -> int:
    return sum(Figure.objects.filter(what=what, **more).values_list("count", flat=True))


def hear(track: Track, *who: str, at: datetime = NOON, **origin: str) -> None:
    for key in who:
        assert plays.record(track, key, at, seconds=30, origin=Origin(**origin))


@pytest.fixture
def track() -> Track:
    return long(make_sold_album(10_000_000))


def long(album: Album) -> Track:
    """An album's first track, made to last three minutes as the others are: long enough to be left before it counts."""
    album.tracks.update(duration_ms=180_000)
    found: Track = album.tracks.all()[0]
    return found


def test_an_hour_is_counted_once_it_is_over_and_only_once(track: Track) -> None:
    hear(track, "guest:a")
    hear(track, "guest:b", at=NOON + timedelta(hours=1, seconds=30))
    assert figures.count_due(clock(LATER))
    assert count_of(What.PLAYS) == 1, "what happened after the full hour is not in it"
    assert not figures.count_due(clock(LATER))
    assert figures.count_due(clock(LATER + timedelta(hours=1)))
    assert count_of(What.PLAYS) == 2
    assert Counting.objects.count() == 2


def test_a_day_says_what_was_played_whole_and_what_was_skipped(track: Track) -> None:
    hear(track, "guest:a", "guest:b", place=Play.Place.ALBUM)
    hear(track, "guest:c")
    plays.complete(track, "guest:a", NOON + timedelta(minutes=3), seconds=1_000)
    plays.skip(track, "guest:d", NOON, seconds=1)
    figures.count_due(clock(LATER))
    assert count_of(What.PLAYS, key="album") == 2
    assert count_of(What.PLAYS, key="") == 1
    assert (count_of(What.COMPLETE), count_of(What.SKIPS)) == (1, 1)


def test_what_is_heard_whole_after_its_day_is_counted_still(track: Track) -> None:
    midnight = datetime(2026, 11, 4, tzinfo=UTC)
    hear(track, "guest:a", at=midnight - timedelta(minutes=2))
    figures.count_due(clock(midnight + timedelta(minutes=1)))
    assert count_of(What.COMPLETE) == 0
    plays.complete(track, "guest:a", midnight + timedelta(minutes=2), seconds=1_000)
    figures.count_due(clock(midnight + timedelta(hours=1, minutes=1)))
    assert count_of(What.COMPLETE, day=date(2026, 11, 3)) == 1


def test_sales_downloads_and_earnings_have_their_day_and_their_kind(track: Track) -> None:
    album = track.album
    order = make_paid_order(album, at=NOON)
    item = LibraryItem.objects.get(order_line__order=order)
    downloads.record(item, music(album), listener(), "flac", 1, at=NOON)
    free = library.grant(music(track), listener(charlie()), LibraryItem.Reason.FREE, at=NOON)
    downloads.record(free, music(track), listener(charlie()), "flac", 1, at=NOON)
    figures.count_due(clock(LATER))
    sale = Figure.objects.get(what=What.SALES)
    assert (sale.album, sale.track, sale.key, sale.unit) == (album, None, "10000000", "USD")
    assert (sale.count, sale.micros) == (1, 10_000_000)
    earned = Figure.objects.get(what=What.EARNED)
    assert (earned.album, earned.key, earned.micros) == (album, "sale", 9_000_000)
    assert count_of(What.DOWNLOADS, key="ORDER", track=None) == 1
    assert count_of(What.DOWNLOADS, key="FREE", track=track, album=album) == 1


# --- who is named


def test_a_country_or_site_is_named_when_five_different_listeners_came_from_it(track: Track) -> None:
    hear(track, *(f"user:{n}" for n in range(5)), country="PT", site="blog.example")
    hear(track, *(f"user:{n}" for n in range(4)), country="IS", site="home.example", at=NOON - timedelta(hours=2))
    hear(track, "guest:a")
    figures.count_due(clock(LATER))
    assert dict(Figure.objects.filter(what=What.COUNTRIES).values_list("key", "count")) == {"PT": 5, "few": 4, "": 1}
    assert dict(Figure.objects.filter(what=What.SITES).values_list("key", "count")) == {"blog.example": 5, "few": 4}


def test_one_listener_who_comes_often_names_nobody(track: Track) -> None:
    for hour in range(9):
        hear(track, "user:1", country="IS", at=NOON - timedelta(hours=hour))
    figures.count_due(clock(LATER))
    assert dict(Figure.objects.filter(what=What.COUNTRIES).values_list("key", "count")) == {"few": 9}


def test_one_buyer_who_orders_often_names_nobody(track: Track) -> None:
    for number in range(4):
        make_paid_order(make_sold_album(artist=track.album.artist))
        make_paid_order(track.album, by=guest(f"browser-{number}"))  # leo's address, and no account
    figures.count_due(clock(LATER))
    assert set(Figure.objects.filter(what=What.BUYERS).values_list("key", "count")) == {("few", 1), ("few", 4)}


def test_five_different_buyers_name_their_country(track: Track) -> None:
    for number in range(5):
        make_paid_order(track.album, by=listener(make_user(f"buyer{number}@example.test")))
    figures.count_due(clock(LATER))
    assert dict(Figure.objects.filter(what=What.BUYERS).values_list("key", "count")) == {"DE": 5}


def test_the_listeners_of_another_artist_name_no_country_here(track: Track) -> None:
    other = make_sold_album(artist=make_artist("Other", owner=make_user("other@example.test", is_artist=True)))
    hear(other.tracks.all()[0], *(f"user:{n}" for n in range(4)), country="IS")
    hear(track, "user:9", country="IS")
    figures.count_due(clock(LATER))
    assert not Figure.objects.filter(key="IS").exists()


# --- killed, repeated, twice at once


def test_a_killed_counting_goes_on_with_the_day_it_had_not_reached(
    track: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in range(4):
        hear(track, "guest:a", at=NOON - timedelta(days=days))
    really, seen = day_figures.of, []

    def breaks(day: date, *, through: datetime) -> list[Figure]:
        seen.append(day)
        if day == date(2026, 11, 2) and len(seen) < 4:
            raise KeyboardInterrupt
        return really(day, through=through)

    monkeypatch.setattr(day_figures, "of", breaks)
    with pytest.raises(KeyboardInterrupt):
        figures.count_due(clock(LATER))
    assert figures.freshness(LATER).through is None, "nothing is finished"
    assert not figures.count_due(clock(LATER)), "the killed one still has it"
    assert figures.count_due(clock(LATER + timedelta(seconds=CLAIM_SECONDS + 1)))
    assert [day.day for day in seen] == [31, 1, 2, 2, 3]
    assert count_of(What.PLAYS) == 4


def test_who_lost_its_claim_writes_nothing_more(track: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    for days in range(3):
        hear(track, "guest:a", at=NOON - timedelta(days=days))
    really = day_figures.of
    others: list[bool] = []

    def slow(day: date, *, through: datetime) -> list[Figure]:
        if not others:
            others.append(True)
            others.append(figures.count_due(clock(LATER + timedelta(seconds=CLAIM_SECONDS + 1))))
        return really(day, through=through)

    monkeypatch.setattr(day_figures, "of", slow)
    assert not figures.count_due(clock(LATER))
    assert others == [True, True]
    assert count_of(What.PLAYS) == 3


def test_after_days_without_a_worker_all_of_them_are_counted(track: Track) -> None:
    hear(track, "guest:a")
    figures.count_due(clock(LATER))
    for days in range(1, 6):
        hear(track, "guest:a", at=NOON + timedelta(days=days))
    assert figures.freshness(LATER + timedelta(days=6)).is_late
    figures.count_due(clock(LATER + timedelta(days=6)))
    assert count_of(What.PLAYS) == 6


def test_what_the_books_say_later_of_a_day_is_counted_on_that_day(track: Track) -> None:
    figures.count_due(clock(LATER))
    days = timedelta(days=9)
    figures.count_due(clock(LATER + days))
    make_paid_order(track.album, at=NOON)  # posted now, and occurred then
    figures.count_due(clock(LATER + days + timedelta(hours=1)))
    assert Figure.objects.get(what=What.EARNED).day == NOON.date()


# --- the same from its rows

KINDS = ["play", "complete", "skip", "country", "buy", "free", "count", "kill"]
EVENTS = st.lists(st.tuples(st.integers(0, 95), st.sampled_from(KINDS)), max_size=24)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, seed=st.integers(0, 999))
def test_counting_by_and_by_gives_what_counting_everything_at_once_gives(
    events: list[tuple[int, str]], seed: int
) -> None:
    chance = random.Random(seed)
    Figure.objects.all().delete()
    Counting.objects.all().delete()
    Play.objects.all().delete()
    album = long(make_sold_album(7_000_000)).album
    tracks = list(album.tracks.all())
    start = datetime(2026, 11, 1, tzinfo=UTC)
    for hours, what in sorted(events):
        at = start + timedelta(hours=hours, minutes=chance.randrange(60))
        track, who = chance.choice(tracks), f"user:{chance.randrange(9)}"
        if what == "play":
            plays.record(track, who, at, seconds=40, origin=Origin("album", "blog.example"))
        elif what == "country":
            for n in range(chance.randrange(3, 7)):
                plays.record(track, f"user:{n}", at, seconds=40, origin=Origin(country="PT"))
        elif what == "complete":
            plays.complete(track, who, at, seconds=9_999)
        elif what == "skip":
            plays.skip(track, who, at, seconds=1)
        elif what == "buy":
            make_paid_order(chance.choice([album, make_sold_album(3_000_000)]), at=at, by=guest(f"g{chance.random()}"))
        elif what == "free":
            person = listener(make_user(f"{chance.random()}@example.test"))
            item = library.grant(music(track), person, LibraryItem.Reason.FREE, at=at)
            downloads.record(item, music(track), person, "flac", 1, at=at)
        elif what == "kill":
            _begin_and_die(at)
        else:
            figures.count_due(clock(at))
    end = start + timedelta(hours=100)
    while figures.count_due(clock(end)):
        pass
    by_and_by = told()
    figures.count_again(clock(end))
    assert told() == by_and_by


def _begin_and_die(at: datetime) -> None:
    """A worker takes a counting, counts one day, and is gone."""
    mine = figures._take(at, "killed")
    if mine is not None:
        for day in list(figures._days(mine))[:1]:
            figures._count(mine, day, "killed", at)


# --- how fresh they are


def test_pages_are_told_until_when_all_is_counted_and_when_it_goes_on(track: Track) -> None:
    before = figures.freshness(NOON + timedelta(minutes=20))
    assert (before.through, before.next_at, before.is_late) == (None, NOON + timedelta(hours=1), False)
    figures.count_due(clock(LATER))
    hour = NOON + timedelta(hours=1)
    fresh = figures.freshness(LATER)
    assert (fresh.through, fresh.next_at, fresh.is_late) == (hour, hour + timedelta(hours=1), False)
    assert not figures.freshness(hour + timedelta(hours=1, minutes=14)).is_late
    assert figures.freshness(hour + timedelta(hours=1, minutes=15)).is_late
