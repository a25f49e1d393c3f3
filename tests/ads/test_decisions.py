"""What is written down of each choice: enough to make it again, nothing of whom it was made for, and not for long."""

import gzip
import logging
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from ads import tasks, tokens
from ads.delivery import choosing, decisions, logbook, serving, snapshots
from ads.delivery.candidates import MOST_GATE_ADS, Candidate, Context, Snapshot
from ads.delivery.logbook import Changed, NotKept
from ads.models import Place
from tests.ads import test_candidates
from tests.ads.factories import NOON, make_ad
from tests.ads.test_choosing import GOOD
from tests.artists.factories import make_album
from tests.users.factories import leo


@pytest.fixture(autouse=True)
def _recording(settings: LazySettings) -> Iterator[None]:
    settings.ADS_DECISION_DAYS = 7
    decisions.flush()
    yield
    settings.ADS_DECISION_DAYS = 0


def _recorded(taken: Snapshot, place: str, context: Context, at: datetime, **asked: Any) -> tuple[uuid.UUID, list[int]]:
    """A decision that was recorded: its number, and the ads that were chosen."""
    decision = choosing.decide(taken, place, context, at, **asked)
    token_id = tokens.uuid7(at)
    decisions.record(decision, token_id, decision.choices[0].ad_id if decision.choices else None)
    return token_id, [choice.ad_id for choice in decision.choices]


def _again(token_id: uuid.UUID) -> list[int]:
    """The ads that come out of what was recorded."""
    one = logbook.find(token_id, NOON)
    taken = logbook.snapshot_of(one)
    chosen = choosing.choose(taken, one.place, one.context, one.at, count=one.count, without=one.without)
    return [choice.ad_id for choice in chosen]


def _files(tmp_path: Path, pattern: str) -> list[Path]:
    return sorted((tmp_path / "private" / "decisions").glob(f"*/{pattern}"))


def _one_owner_and_cap(some: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Ads of one campaign have one owner and one cap."""
    of: dict[int, Candidate] = {}
    for one in some:
        of.setdefault(one.campaign_id, one)
    return tuple(
        replace(one, owner_id=of[one.campaign_id].owner_id, frequency_cap=of[one.campaign_id].frequency_cap)
        for one in some
    )


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    test_candidates.snapshots.map(_one_owner_and_cap),
    test_candidates.contexts,
    st.sampled_from(Place.values),
    st.integers(1, MOST_GATE_ADS),
    st.integers(-2, 3600),
    st.frozensets(st.integers(1, 4), max_size=2),
)
def test_what_was_recorded_gives_the_choice_that_was_made(
    some: tuple[Candidate, ...], context: Context, place: str, count: int, seconds: int, without: frozenset[int]
) -> None:
    at = NOON + timedelta(seconds=seconds, microseconds=123_456)
    token_id, chosen = _recorded(Snapshot(NOON, some), place, context, at, count=count, without=without)
    assert _again(token_id) == chosen


@settings(deadline=None)
@given(st.integers(-5_000, 60_000), st.integers(0, 5_000), st.integers(1, MOST_GATE_ADS))
def test_money_is_clipped_to_what_a_choice_can_notice(micros: int, price: int, views: int) -> None:
    one = replace(GOOD, price_micros=price, remaining_micros=micros, left_today_micros=micros)
    (clipped,) = snapshots.clipped(Snapshot(NOON, (one,))).candidates
    assert (price * views <= clipped.remaining_micros) == (price * views <= micros)
    assert (clipped.left_today_micros, clipped.can_pay) == (clipped.remaining_micros, one.can_pay)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(test_candidates.snapshots)
def test_a_snapshot_is_read_back_as_it_was_and_written_the_same_again(some: tuple[Candidate, ...]) -> None:
    taken = Snapshot(NOON, some)
    text = snapshots.to_json(taken)
    assert snapshots.from_json(text, NOON) == taken
    assert snapshots.to_json(snapshots.from_json(text, NOON)) == text


def test_a_snapshot_is_written_once_however_much_money_is_spent_meanwhile(tmp_path: Path) -> None:
    for left in (90_000, 80_000, 18_000):
        _recorded(Snapshot(NOON, (replace(GOOD, remaining_micros=left),)), Place.PAGE, Context(), NOON)
    assert len(_files(tmp_path, "snapshot-*")) == 1
    _recorded(Snapshot(NOON, (replace(GOOD, remaining_micros=17_999),)), Place.PAGE, Context(), NOON)
    assert len(_files(tmp_path, "snapshot-*")) == 2, "two views are left now: a third ad of the gate would notice"


def test_nothing_that_is_written_says_who_saw_what(tmp_path: Path) -> None:
    known = Context(user_id=987_654, views_today={1: 3, 2: 1, 55: 4}, recent_ads=frozenset([1, 77]), seed="s")
    mine = replace(GOOD, ad_id=3, campaign_id=3, owner_id=987_654)
    others = (replace(GOOD, owner_id=123_321), replace(GOOD, ad_id=2, campaign_id=2, advertiser_id=456_654))
    token_id, chosen = _recorded(Snapshot(NOON, (*others, mine)), Place.PAGE, known, NOON)
    written = b"".join(gzip.decompress(path.read_bytes()) for path in _files(tmp_path, "*.gz")).decode()
    assert not any(number in written for number in ("987654", "123321", "456654"))
    kept = logbook.find(token_id, NOON).context
    assert (kept.user_id, kept.views_today) == (None, {3: 5}), (
        "only what keeps a campaign back, and no count that grows"
    )
    assert kept.recent_ads == frozenset([1])
    assert _again(token_id) == chosen == [2]


def test_only_we_can_read_what_is_written(tmp_path: Path) -> None:
    _recorded(Snapshot(NOON, (GOOD,)), Place.PAGE, Context(), NOON)
    assert [path.stat().st_mode & 0o777 for path in _files(tmp_path, "*")] == [0o600, 0o600]
    assert (tmp_path / "private" / "decisions" / "2026-11-01").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("pattern", ["*.jsonl.gz", "snapshot-*"])
def test_a_changed_record_is_noticed(pattern: str, tmp_path: Path) -> None:
    token_id, _ = _recorded(Snapshot(NOON, (GOOD,)), Place.PAGE, Context(genre="dub", seed="a"), NOON)
    (path,) = _files(tmp_path, pattern)
    text = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(text.replace(b'"page"', b'"gate"', 1)))
    with pytest.raises(Changed, match="changed"):
        _again(token_id)


@pytest.mark.parametrize("pattern", ["*.jsonl.gz", "snapshot-*"])
def test_a_damaged_file_is_noticed(pattern: str, tmp_path: Path) -> None:
    token_id, _ = _recorded(Snapshot(NOON, (GOOD,)), Place.PAGE, Context(), NOON)
    (path,) = _files(tmp_path, pattern)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(Changed, match="damaged"):
        _again(token_id)


def test_what_was_written_before_a_process_was_killed_in_the_middle_is_there(tmp_path: Path) -> None:
    first, chosen = _recorded(Snapshot(NOON, (GOOD,)), Place.PAGE, Context(seed="a"), NOON)
    second, _ = _recorded(Snapshot(NOON, (GOOD,)), Place.PAGE, Context(seed="b"), NOON)
    (path,) = _files(tmp_path, "*.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-9])
    assert _again(first) == chosen
    with pytest.raises(NotKept, match="Nothing was recorded"):
        logbook.find(second, NOON)


def test_whatever_cannot_be_replayed_is_said_in_a_sentence(tmp_path: Path) -> None:
    token_id, _ = _recorded(Snapshot(NOON, (GOOD,)), Place.PAGE, Context(), NOON)
    for number, at, why in (
        (uuid.uuid4(), NOON, "No offer has this number"),
        (tokens.uuid7(NOON), NOON, "Nothing was recorded of it"),
        (tokens.uuid7(NOON - timedelta(days=8)), NOON, "made on 2026-10-24, .* is kept for 7 days"),
    ):
        with pytest.raises(NotKept, match=why):
            logbook.find(number, at)
    _files(tmp_path, "snapshot-*")[0].unlink()
    with pytest.raises(NotKept, match="not the picture of the campaigns"):
        _again(token_id)


def test_decisions_are_kept_for_some_days_and_each_day_has_all_it_needs() -> None:
    taken = Snapshot(NOON, (replace(GOOD, starts_at=NOON - timedelta(days=30)),))
    made = [_recorded(taken, Place.PAGE, Context(), NOON - timedelta(days=days))[0] for days in (0, 1, 7, 8)]
    assert decisions.forget_old(NOON) == 1
    assert [_again(token_id) for token_id in made[:3]] == [[1]] * 3
    with pytest.raises(NotKept, match="kept for 7 days"):
        logbook.find(made[3], NOON)
    assert decisions.forget_old(NOON) == 0


@pytest.mark.django_db
def test_the_night_forgets_decisions(tmp_path: Path) -> None:
    _recorded(Snapshot(NOON, (GOOD,)), Place.PAGE, Context(), NOON - timedelta(days=60))
    tasks.close_days()
    assert _files(tmp_path, "*") == []


def test_nothing_is_recorded_where_nothing_is_kept(settings: LazySettings, tmp_path: Path) -> None:
    settings.ADS_DECISION_DAYS = 0
    _recorded(Snapshot(NOON, (GOOD,)), Place.PAGE, Context(), NOON)
    assert _files(tmp_path, "*") == []


def test_two_processes_write_beside_each_other_and_share_their_pictures(settings: LazySettings, tmp_path: Path) -> None:
    settings.ADS_HOURS_SECONDS = 3_600.0  # nobody writes but we
    here, _ = _recorded(Snapshot(NOON, (GOOD,)), Place.PAGE, Context(seed="here"), NOON)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        there, _ = _recorded(Snapshot(NOON, (GOOD,)), Place.PAGE, Context(seed="there"), NOON)
        written = decisions.flush()
        os.write(writer, there.bytes)
        os._exit(0 if written == 1 else 1)  # what the parent recorded is the parent's
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    there = uuid.UUID(bytes=os.read(reader, 16))
    os.close(reader)
    os.close(writer)
    assert decisions.flush() == 1
    assert [logbook.find(one, NOON).context.seed for one in (here, there)] == ["here", "there"]
    assert (len(_files(tmp_path, "*.jsonl.gz")), len(_files(tmp_path, "snapshot-*"))) == (2, 1)
    decisions._flusher.stop()


def test_many_threads_lose_nothing(settings: LazySettings) -> None:
    settings.ADS_HOURS_SECONDS = 0.001
    taken, made = Snapshot(NOON, (GOOD,)), list[uuid.UUID]()

    def decide() -> None:
        for _ in range(200):
            made.append(_recorded(taken, Place.PAGE, Context(), NOON)[0])

    threads = [threading.Thread(target=decide) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    decisions._flusher.stop()
    decisions.flush()
    found = {one.token_id for one in logbook.between(NOON, NOON + timedelta(minutes=1))}
    assert found == set(made)
    assert len(found) == 800


def test_what_cannot_be_written_waits_and_what_is_too_much_is_told(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ADS_HOURS_SECONDS = 3_600.0
    monkeypatch.setattr(decisions, "MOST_WAITING", 2)
    taken = Snapshot(NOON, (GOOD,))
    made = [_recorded(taken, Place.PAGE, Context(), NOON)[0] for _ in range(3)]
    decisions._flusher.stop()
    with monkeypatch.context() as patch:
        patch.setattr(decisions, "_append", _no_room)
        with pytest.raises(OSError, match="No space"):
            decisions.flush()
    with caplog.at_level(logging.ERROR):
        assert decisions.flush() == 2
    assert "1 decisions were not recorded" in caplog.text
    assert [_again(one) for one in made[:2]] == [[1], [1]]


def _no_room(path: Path, packed: bytes) -> None:
    raise OSError("No space left on device")


def test_the_disk_takes_a_piece_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "1200-1.jsonl.gz"
    decisions._append(path, gzip.compress(b"first\n"))
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, data: write(handle, data[:5]))
        with pytest.raises(OSError, match="only a part"):
            decisions._append(path, gzip.compress(b"second\n"))
    decisions._append(path, gzip.compress(b"third\n"))
    assert list(logbook.lines_of(path)) == ["first", "third"]


@pytest.mark.django_db
def test_recording_asks_no_database(settings: LazySettings, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    settings.ADS_SNAPSHOT_SECONDS = 3.0
    ad, album, user = make_ad(), make_album(), leo()
    serving.forget()

    def offer() -> uuid.UUID:
        context = serving.context_for(None, NOON, user_id=user.pk)
        shares = [(album.artist.payee_id, 10_000)]
        found = serving.pick_and_offer(Place.PAGE, context, NOON, artist_id=album.artist_id, shares=shares)
        assert found is not None
        return tokens.verify(found[1]).id

    try:
        offer()  # reads the campaigns, leases, and looks the policy up
        with django_assert_num_queries(0):
            token_id = offer()
    finally:
        serving.forget()
    assert logbook.find(token_id, NOON).ad_id == ad.pk
