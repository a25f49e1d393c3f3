"""A play counts once, after thirty seconds, however often it is reported."""

import tracemalloc
from datetime import timedelta

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries

from artists import plays, splits
from artists.models import Play, Skip
from tests.artists.factories import NOON, make_payee, make_sheet, make_track
from tests.users.factories import leo

pytestmark = pytest.mark.django_db


def test_a_play_counts_after_thirty_seconds() -> None:
    track = make_track(duration_ms=180_000)
    assert not plays.record(track, "guest:a", NOON, seconds=29)
    assert plays.record(track, "guest:a", NOON, seconds=30)
    assert Play.objects.get().track == track


def test_a_shorter_track_counts_when_it_was_heard_whole() -> None:
    track = make_track(duration_ms=12_000)
    assert not plays.record(track, "guest:a", NOON, seconds=11)
    assert plays.record(track, "guest:a", NOON, seconds=12)


def test_a_listener_counts_once_in_the_time_the_track_takes() -> None:
    track = make_track(duration_ms=180_000)
    assert plays.record(track, "user:1", NOON, seconds=60, user=leo())
    assert not plays.record(track, "user:1", NOON + timedelta(seconds=179), seconds=60)
    assert plays.record(track, "user:1", NOON + timedelta(seconds=180), seconds=60)
    assert plays.record(track, "user:2", NOON, seconds=60)
    assert plays.record(make_track(), "user:1", NOON, seconds=60)


# --- heard whole, left, and where from


def test_nine_tenths_of_a_track_are_all_of_it_and_are_noted_once() -> None:
    track = make_track(duration_ms=200_000)
    plays.record(track, "guest:a", NOON, seconds=30)
    end = NOON + timedelta(seconds=180)
    assert not plays.complete(track, "guest:a", end, seconds=179)
    assert not plays.complete(track, "guest:b", end, seconds=180), "nobody else heard it"
    assert plays.complete(track, "guest:a", end, seconds=180)
    assert not plays.complete(track, "guest:a", end, seconds=180)
    assert Play.objects.get().completed_at == end


def test_what_was_heard_whole_is_the_last_play_and_one_of_the_last_day() -> None:
    track = make_track(duration_ms=60_000)
    for minutes in (0, 30):
        plays.record(track, "guest:a", NOON + timedelta(minutes=minutes), seconds=30)
    assert not plays.complete(track, "guest:a", NOON + timedelta(days=2), seconds=60)
    assert plays.complete(track, "guest:a", NOON + timedelta(minutes=31), seconds=60)
    assert not plays.complete(track, "guest:a", NOON + timedelta(minutes=32), seconds=60), "the first was left"
    assert list(Play.objects.order_by("created_at").values_list("completed_at", flat=True)) == [
        None,
        NOON + timedelta(minutes=31),
    ]


def test_what_is_left_before_it_counts_is_a_skip_once_in_a_while() -> None:
    track = make_track(duration_ms=180_000)
    assert not plays.skip(track, "guest:a", NOON, seconds=0), "it was not begun"
    assert not plays.skip(track, "guest:a", NOON, seconds=30), "that is a play"
    assert plays.skip(track, "guest:a", NOON, seconds=29)
    assert not plays.skip(track, "guest:a", NOON + timedelta(seconds=60), seconds=3)
    assert plays.skip(track, "guest:b", NOON, seconds=3)
    assert (Skip.objects.count(), Play.objects.count()) == (2, 0)


@pytest.mark.parametrize(
    ("place", "site", "country", "kept"),
    [
        ("album", "blog.example", "DE", ("album", "blog.example", "DE")),
        ("search", "WWW.Blog.Example", "", ("search", "blog.example", "")),
        ("cart", "https://blog.example/secret?mail=leo", "de", ("", "", "")),
        (None, None, "Germany", ("", "", "")),
        (7, ["blog.example"], "", ("", "", "")),
        ("home", "203.0.113.7", "", ("home", "", "")),
        ("home", "localhost", "", ("home", "", "")),
        ("home", "blog.example:8000", "", ("home", "", "")),
        ("home", "=cmd|'/c calc'!a1.example", "", ("home", "", "")),
        ("home", "a" * 95 + ".example", "", ("home", "", "")),
        ("home", "\x00.example", "", ("home", "", "")),
    ],
    ids=["all", "www", "address", "nothing", "numbers", "ip", "bare", "port", "formula", "long", "nul"],
)
def test_of_where_a_play_came_from_only_what_makes_sense_is_kept(
    place: object, site: object, country: str, kept: tuple[str, str, str]
) -> None:
    found = plays.origin(place, site, country)
    assert (found.place, found.site, found.country) == kept
    assert plays.record(make_track(), "guest:a", NOON, seconds=30, origin=found)
    play = Play.objects.get()
    assert (play.place, play.site, play.country) == kept


# --- the plays of a window, as columns

DAY_BEFORE, DAY_AFTER = NOON - timedelta(days=1), NOON + timedelta(days=1)


def paid(found: plays.Heard) -> list[tuple[int, splits.Shares]]:
    """Who played what is shared how, in the order of the columns."""
    return [(int(n), found.shares[sheet]) for n, sheet in zip(found.listeners, found.sheets, strict=True)]


def everything_to(payee_id: int) -> splits.Shares:
    return ((payee_id, 10_000),)


def test_plays_come_as_columns_one_listener_after_the_other() -> None:
    one, two = make_track(duration_ms=60_000), make_track(duration_ms=60_000)
    for minutes, listener, track in ((3, "guest:Z", one), (1, "user:1", two), (2, "guest:a", one), (0, "user:1", one)):
        plays.record(track, listener, NOON + timedelta(minutes=minutes), seconds=40)
    plays.record(one, "user:7", DAY_AFTER, seconds=40)
    plays.record(one, "user:8", DAY_BEFORE - timedelta(microseconds=1), seconds=40)

    found = paid(plays.heard(DAY_BEFORE, DAY_AFTER))

    first, second = (everything_to(track.album.artist.payee_id) for track in (one, two))
    assert sorted(found) == sorted([(0, first), (1, first), (2, first), (2, second)])


def test_a_month_in_which_nobody_listened_has_empty_columns() -> None:
    found = plays.heard(DAY_BEFORE, DAY_AFTER)
    assert paid(found) == [] and found.shares == []


def test_a_play_pays_by_the_sheet_that_was_in_force_when_it_was_heard() -> None:
    track = make_track(duration_ms=60_000)
    artist = track.album.artist.payee
    label, drums = make_payee("Label"), make_payee("Drums")
    make_sheet(track.album, [(label, 10_000)], at=NOON + timedelta(hours=2))
    make_sheet(track, [(label, 4_000), (drums, 6_000)], at=NOON + timedelta(hours=4))
    make_sheet(track.album, [(artist, 10_000)], at=NOON + timedelta(hours=5))
    for hour in (1, 3, 6):
        plays.record(track, "user:1", NOON + timedelta(hours=hour), seconds=40)

    found = paid(plays.heard(NOON, DAY_AFTER))
    assert [shares for _, shares in sorted(found)] == sorted(
        [everything_to(artist.pk), everything_to(label.pk), ((label.pk, 4_000), (drums.pk, 6_000))]
    )
    later = plays.heard(NOON + timedelta(hours=5), DAY_AFTER)
    assert later.shares == [((label.pk, 4_000), (drums.pk, 6_000))], "older sheets are out of the window"


def test_reading_a_month_costs_the_same_queries_however_much_was_played(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    tracks = [make_track(duration_ms=60_000) for _ in range(3)]
    for minutes in range(30):
        plays.record(tracks[minutes % 3], f"user:{minutes % 7}", NOON + timedelta(minutes=minutes), seconds=40)
    with django_assert_num_queries(3):
        assert len(plays.heard(DAY_BEFORE, DAY_AFTER).listeners) == 30


def test_reading_a_month_keeps_little_more_than_its_numbers() -> None:
    track = make_track(duration_ms=60_000)
    Play.objects.bulk_create(
        [Play(track=track, listener_key=f"user:{n % 500}", slot=n, created_at=NOON) for n in range(40_000)],
        batch_size=5_000,
    )
    tracemalloc.start()
    found = plays.heard(DAY_BEFORE, DAY_AFTER)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.listeners) == 40_000
    assert peak < 40_000 * 8 * 2 + 8_000_000, f"{peak} bytes"  # the columns, growing, and the rows of one chunk
