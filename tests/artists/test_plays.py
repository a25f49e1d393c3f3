"""A play counts once, after thirty seconds, however often it is reported."""

from datetime import timedelta

import pytest

from artists import plays
from tests.artists.factories import NOON, make_track
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
