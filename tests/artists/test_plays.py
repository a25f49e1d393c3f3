"""A play counts once, after thirty seconds, however often it is reported."""

import tracemalloc
from datetime import timedelta

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries

from artists import plays, splits
from artists.models import Play
from tests.artists.factories import NOON, make_payee, make_track
from tests.users.factories import leo

pytestmark = pytest.mark.django_db


def test_a_play_counts_after_thirty_seconds() -> None:
    track = make_track(duration_ms=180_000)
    assert not plays.record(track, "guest:a", NOON, seconds=29)
    assert plays.record(track, "guest:a", NOON, seconds=30)
    assert plays.counts([track]) == {track.pk: 1}


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


def test_counts_may_begin_at_a_time_and_name_tracks_nobody_heard() -> None:
    track, quiet = make_track(duration_ms=60_000), make_track()
    for hour in range(3):
        plays.record(track, "user:1", NOON + timedelta(hours=hour), seconds=40)
    assert plays.counts([track, quiet], since=NOON + timedelta(hours=1)) == {track.pk: 2, quiet.pk: 0}


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
    splits.replace(track.album, [(label, 10_000)], at=NOON + timedelta(hours=2))
    splits.replace(track, [(label, 4_000), (drums, 6_000)], at=NOON + timedelta(hours=4))
    splits.replace(track.album, [(artist, 10_000)], at=NOON + timedelta(hours=5))
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
