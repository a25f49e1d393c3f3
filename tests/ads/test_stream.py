"""The stream and who counts it: turns, crashes, poison, bounds, alarms. On a real Redis."""

import dataclasses
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from ads import audit, queue, tasks, tokens
from ads.budgets import leases
from ads.measurement import claims, consumer, counting, stream
from ads.measurement.claims import Report
from ads.models import AdEvent, BookDay, BudgetLease, Campaign, Impression, ParkedReport, StageHour, StreamOffset
from ads.revenue import settlement
from ads.traffic.fraud import Signals
from megabox.management.commands import count_ads, run
from tests.ads.conftest import Redis
from tests.ads.factories import DAY, NOON, gate_token, make_ad, make_campaign, make_wallet, page_token, usd
from tests.artists.factories import make_album
from tests.crashing import Arena, Clock, at_once, boundaries, findings, sweep
from tests.users.factories import ada

pytestmark = [pytest.mark.django_db, pytest.mark.redis]


def _report(ad: Any = None, stage: str = "viewed", *, token: str = "", **terms: Any) -> Report:
    token = token or page_token(ad or make_ad(), **terms)
    taken = claims.take(token, stage, {"visible_ms": 1_500}, NOON + timedelta(seconds=2))
    assert isinstance(taken, Report)
    return taken


def test_the_consumer_asks_the_database_for_a_batch_and_not_for_each_report(
    redis_stream: Redis, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ad, album, wallet = make_ad(), make_album(), make_wallet()
    stream.append([_report(ad, album=album, wallet_id=wallet.pk), _report(ad, "started", album=album)])
    consumer.drain()
    for size in (1, 100):
        for _ in range(size):
            view = _report(ad, album=album, wallet_id=wallet.pk)
            others = [_report(stage=stage, token=view.token) for stage in ("clicked", "started")]
            stream.append([view, *others])
        with django_assert_num_queries(18):
            assert consumer.consume() == 3 * size


def test_redis_is_asked_once_for_a_batch_however_many_reports_it_holds(
    redis_stream: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ad, album = make_ad(), make_album()
    stream.append([_report(ad, album=album)])  # connects, and tells Redis the script
    consumer.drain()
    sent: list[int] = []
    send: Any = redis.connection.AbstractConnection.send_packed_command

    def count(connection: Any, *args: Any, **kwargs: Any) -> None:
        sent.append(1)
        send(connection, *args, **kwargs)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", count)
    for size in (1, 50):
        reports = [_report(ad, album=album) for _ in range(size)]
        sent.clear()
        assert stream.append(reports) == ["accepted"] * size
        assert len(sent) == 1
        assert stream.append(reports) == ["duplicate"] * size
        assert len(sent) == 2
        sent.clear()
        assert consumer.consume() == size
        assert len(sent) == 3, "whether something waits, a batch, and that it may go"


def test_a_redis_that_forgot_the_script_is_told_again(redis_stream: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_APPEND", f"{stream._APPEND}-- never told before: {stream.NAME}")
    stream.forget()
    reports = [_report(), _report()]
    assert stream.append(reports) == ["accepted"] * 2
    assert stream.append(reports) == ["duplicate"] * 2
    assert stream.length() == 2


def test_a_batch_holds_no_more_than_its_bound_however_much_waits(
    redis_stream: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    count = counting.tally

    def tally(reports: Sequence[Report]) -> list[claims.Answer]:
        held.append(len(reports))
        return count(reports)

    monkeypatch.setattr(counting, "tally", tally)
    ad, album = make_ad(), make_album()
    stream.append([_report(ad, album=album) for _ in range(7)])
    while consumer.consume(most=3):
        pass
    assert held == [3, 3, 1]


def test_the_largest_report_makes_a_small_entry() -> None:
    most = claims.MOST_MS
    largest = dataclasses.replace(
        _report(stage="completed"),
        token="x" * tokens.MOST_CHARACTERS,
        claims=claims.Claims(most, most, most, False, False, "reading"),
        signals=Signals.of("bnpds"),
        prefix_hash="f" * 64,
    )
    entry = json.dumps(claims.to_entry(largest))
    assert len(entry) < 2_200
    assert len(entry) * consumer.AT_ONCE < 2_200_000, "what a batch reads into memory"


def test_nobody_asks_the_database_while_nothing_waits(
    redis_stream: Redis, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert consumer.consume() == 0


def test_what_is_counted_leaves_the_stream_and_what_is_not_stays(redis_stream: Redis) -> None:
    stream.append([_report() for _ in range(5)])
    assert consumer.consume(most=3) == 3
    assert len(redis_stream.entries()) == stream.length() == 2
    assert Impression.objects.count() == 3
    assert consumer.drain() == 2
    assert redis_stream.entries() == []
    assert Impression.objects.count() == 5


def test_who_is_gone_between_the_commit_and_the_trimming_leaves_nothing_to_count_twice(
    redis_stream: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(through: str) -> None:
        raise stream.StreamDown("gone")

    stream.append([_report()])
    with monkeypatch.context() as patched:
        patched.setattr(stream, "trim", gone)
        with pytest.raises(stream.StreamDown):
            consumer.consume()
    assert (Impression.objects.count(), stream.length()) == (1, 1)
    assert consumer.oldest_waiting() is None, "it is there, and counted"
    assert consumer.consume() == 0
    assert (Impression.objects.count(), stream.length()) == (1, 0)


def test_entries_that_come_twice_change_nothing(redis_stream: Redis) -> None:
    report = _report()
    for _ in range(3):
        redis_stream.add(claims.to_entry(report))
    consumer.drain()
    redis_stream.add(claims.to_entry(report))
    consumer.drain()
    StreamOffset.objects.update(last_id="0-0")
    assert Impression.objects.count() == AdEvent.objects.count() == 1
    assert Campaign.objects.get().spent_micros == 6_000


def test_a_stream_that_began_anew_with_lower_ids_is_read_all_the_same(redis_stream: Redis) -> None:
    redis_stream.add(claims.to_entry(_report()), "9999999999999-0")
    consumer.drain()
    redis_stream.flush()
    redis_stream.add(claims.to_entry(_report()), "1000000000000-0")
    assert consumer.oldest_waiting() == NOON + timedelta(seconds=2)
    assert consumer.drain() == 1
    assert Impression.objects.count() == 2
    redis_stream.add(claims.to_entry(_report()), "1000000000000-1")
    assert consumer.drain() == 1


# --- poison


POISON: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "of another format": lambda entry: {**entry, "v": "99"},
    "without a token": lambda entry: {**entry, "token": ""},
    "forged": lambda entry: {**entry, "token": entry["token"][:-8] + "AAAAAAAA"},
    "of no stage": lambda entry: {**entry, "stage": "bought"},
    "with claims that are no JSON": lambda entry: {**entry, "claims": "{"},
    "with claims of another kind": lambda entry: {**entry, "claims": '{"visible_ms": "1500"}'},
    "with claims without bounds": lambda entry: {**entry, "claims": '{"visible_ms": [1]}'},
    "of no time": lambda entry: {**entry, "at_ms": "9" * 30},
    "with a zero byte": lambda entry: {**entry, "digest": "\0"},
    "that is not text": lambda entry: {**entry, "token": b"\xff\xfe", "at_ms": b"\xff"},
    "with a digest too long to keep": lambda entry: {**entry, "digest": "x" * 500},
    "with nothing in it": lambda entry: {"x": ""},
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", POISON)
def test_an_entry_that_cannot_be_counted_is_parked_with_a_sentence_and_keeps_nobody_waiting(
    redis_stream: Redis, kind: str
) -> None:
    stream.append([_report()])
    redis_stream.add(POISON[kind](claims.to_entry(_report())))
    stream.append([_report()])
    consumer.drain()
    assert redis_stream.entries() == []
    if connection.vendor == "sqlite" and kind in ("with a zero byte", "with a digest too long to keep"):
        return  # SQLite keeps what it is given
    assert Impression.objects.viewed().count() == 2
    parked = ParkedReport.objects.get()
    assert parked.problem
    assert parked.entry.keys() in ({"x"}, claims.to_entry(_report()).keys()), "all of it is kept"
    assert list(audit.findings()) == []


def test_the_desk_tells_of_parked_reports(redis_stream: Redis, client: Client) -> None:
    redis_stream.add({"x": "y"})
    consumer.drain()
    client.force_login(ada())
    page = client.get("/desk/").content.decode()
    assert "reports of ads that could not be counted" in page


def test_a_gate_view_in_the_stream_is_nobodys_doing_and_counts_nothing(redis_stream: Redis) -> None:
    wallet, ad = make_wallet(), make_ad()
    clicked = claims.to_entry(_report(stage="clicked", token=gate_token(ad, wallet)))
    redis_stream.add({**clicked, "stage": "viewed"})
    consumer.drain()
    assert not Impression.objects.exists()
    assert ParkedReport.objects.get().problem == consumer.STRANGE


def test_a_database_that_does_not_answer_loses_nothing(redis_stream: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(reports: Any) -> Any:
        raise OperationalError("the server closed the connection")

    stream.append([_report()])
    with monkeypatch.context() as patched:
        patched.setattr(counting, "tally", broken)
        with pytest.raises(OperationalError):
            consumer.consume()
    assert not ParkedReport.objects.exists()
    assert consumer.drain() == 1
    assert Impression.objects.count() == 1


# --- bounds


def test_a_stream_that_nobody_reads_takes_no_more_and_keeps_what_it_has(
    redis_stream: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_WAITING", 2)
    waiting = [_report(), _report()]
    assert counting.tell(waiting) == ["accepted"] * 2
    assert not Impression.objects.exists()
    assert counting.tell([_report()]) == ["accepted"]
    assert (Impression.objects.count(), stream.length()) == (1, 2), "the third was counted at once"
    assert counting.tell(waiting) == ["duplicate"] * 2
    consumer.drain()
    assert Impression.objects.count() == 3


def test_a_redis_that_does_not_answer_is_asked_again_after_a_moment(
    redis_stream: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_stream.stop()
    assert counting.tell([_report()]) == ["accepted"]
    redis_stream.settings.REDIS_URL = redis_stream.url
    assert counting.tell([_report()]) == ["accepted"]
    assert Impression.objects.count() == 2, "nobody waits for it a second time"
    monkeypatch.setattr(stream._Pause, "until", 0.0)
    counting.tell([_report()])
    assert (Impression.objects.count(), stream.length()) == (2, 1)


# --- the book of the day


def test_a_day_is_not_closed_before_its_reports_are_counted(
    redis_stream: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ad = make_ad()
    counting.count([_report(ad)])
    stream.append([_report(ad)])
    now = settlement.closes_at(DAY) + timedelta(minutes=1)
    with pytest.raises(settlement.DayStillOpen, match="count_ads"):
        settlement.close(DAY, now)
    assert settlement.close_due(now) == 0
    redis_stream.stop()
    assert settlement.close_due(now) == 0, "nobody knows what waits"
    redis_stream.start()
    assert consumer.drain() == 1
    assert settlement.close_due(now) == 1
    assert (BookDay.objects.get().state, Impression.objects.filter(day=DAY).count()) == ("CLOSED", 2)


def test_a_lease_is_not_returned_before_what_it_pays_for_is_counted(redis_stream: Redis, clock: Clock) -> None:
    ad = make_ad()
    lease_id = leases.reserve(ad.campaign_id, 6_000, NOON)
    assert lease_id
    stream.append([_report(ad, lease_id=lease_id)])
    clock.now = NOON + timedelta(hours=2)
    for stop_it in (True, False):
        if stop_it:
            redis_stream.stop()
        tasks.sweep()
        redis_stream.start()
        assert BudgetLease.objects.get(pk=lease_id).returned_at is None
    consumer.drain()
    tasks.sweep()
    lease = BudgetLease.objects.get(pk=lease_id)
    assert (lease.billed_micros, lease.returned_at) == (6_000, clock.now)
    assert Impression.objects.viewed().count() == 1


def test_reports_of_the_next_day_keep_no_book_open(redis_stream: Redis) -> None:
    ad = make_ad()
    counting.count([_report(ad)])
    tomorrow = NOON + timedelta(days=1)
    late = claims.take(page_token(ad, at=tomorrow), "viewed", {"visible_ms": 1_500}, tomorrow + timedelta(seconds=2))
    assert isinstance(late, Report)
    stream.append([late])
    assert settlement.close(DAY, tomorrow) is True


# --- alarms, and who does it


def test_health_tells_how_long_reports_wait(redis_stream: Redis, client: Client, clock: Clock) -> None:
    clock.now = NOON + timedelta(seconds=32)
    assert queue.oldest_report() is None
    stream.append([_report()])
    body = client.get("/healthz").json()
    assert body["waiting_seconds"]["reports of ads"] == 30
    clock.passes(minutes=10)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["waiting_seconds"]["reports of ads"]) == (503, 630)
    consumer.drain()
    assert client.get("/healthz").json()["waiting_seconds"]["reports of ads"] is None
    redis_stream.stop()
    assert client.get("/healthz").json()["waiting_seconds"]["reports of ads"] is None, "the broker fails, and says so"


def test_the_command_counts_what_waits(
    redis_stream: Redis, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    stream.append([_report(), _report()])
    call_command("count_ads", "--once")
    assert capsys.readouterr().out == "2 reports were read.\n"
    assert Impression.objects.count() == 2
    assert count_ads._step() == count_ads.IDLE_SECONDS
    redis_stream.stop()
    assert count_ads._step() == count_ads.PAUSE_SECONDS
    settings.ADS_STREAM = False
    with pytest.raises(CommandError, match="REDIS_URL"):
        call_command("count_ads", "--once")


def test_the_clock_counts_what_waits_when_the_command_does_not_run(redis_stream: Redis, settings: Settings) -> None:
    stream.append([_report()])
    tasks.count_reports()
    assert Impression.objects.count() == 1
    names = [process.name for process in run._processes(8_000)]
    assert names.count("counter") == 1
    settings.ADS_STREAM = False
    assert "counter" not in [process.name for process in run._processes(8_000)]


# --- at once, and killed


@pytest.mark.django_db(transaction=True)
def test_two_consumers_at_once_take_turns(redis_stream: Redis) -> None:
    ads, album = [make_ad(make_campaign(budget_micros=usd("0.3"))) for _ in range(3)], make_album()
    reports = [_report(ads[number % 3], album=album) for number in range(180)]
    stream.append(reports)
    for report in reports[:50]:
        redis_stream.add(claims.to_entry(report))
    counts: list[int] = []

    def work() -> None:
        try:
            while read := consumer.consume(most=20):
                counts.append(read)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    consumer.drain()
    assert stream.length() == 0
    assert sum(counts) == 230, "nobody reads what another one counts"
    assert Impression.objects.viewed().count() == 150
    assert Impression.objects.filter(reason="over_budget").count() == 30
    assert set(Campaign.objects.values_list("spent_micros", flat=True)) == {300_000}
    assert list(audit.findings()) == []


class Waiting:
    """Reports, and among them an entry that is poison, wait to be counted three at a time."""

    patience = 0.0

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self.redis, self.clock = redis, clock
        self.end: list[Any] = []

    def given(self) -> None:
        self.clock.now = NOON + timedelta(minutes=1)
        poor, ad, album = make_ad(make_campaign(budget_micros=9_000)), make_ad(), make_album()
        views = [_report(one, album=album) for one in (ad, poor, poor, ad)]
        told = [*views, views[0], *(_report(stage=stage, token=views[0].token) for stage in ("clicked", "skipped"))]
        self.entries = [claims.to_entry(report) for report in told]
        self.entries.insert(2, {**self.entries[0], "claims": '{"visible_ms": "x"}', "token": page_token(ad)})

    def begin(self) -> None:
        self.redis.flush()
        for number, entry in enumerate(self.entries, start=1):
            self.redis.add(entry, f"1000-{number}")

    def work(self) -> None:
        while consumer.consume(most=3):
            pass

    def recover(self) -> None:
        consumer.drain()

    def faults(self) -> Iterator[str]:
        yield from findings(self.clock.now)
        end = [
            sorted(Impression.objects.values_list("pk", "state", "reason", "clicked_at")),
            sorted(Campaign.objects.values_list("pk", "spent_micros")),
            sorted(StageHour.objects.values_list("campaign", "started", "first_quarter", "skipped", "clicked")),
            list(ParkedReport.objects.values_list("entry_id", flat=True)),
            list(StreamOffset.objects.values_list("last_id", flat=True)),
        ]
        self.end = self.end or end
        if end != self.end:
            yield f"It ends as {end}, not as {self.end}."
        if self.redis.entries():
            yield "Something waits."


@pytest.mark.django_db(transaction=True)
def test_a_consumer_that_is_killed_anywhere_leaves_the_whole_batch_to_the_next(
    redis_stream: Redis, arena: Arena, clock: Clock, record_property: Callable[[str, object], None]
) -> None:
    waiting = Waiting(redis_stream, clock)
    waiting.given()
    arena.keep()
    swept = sweep(arena, waiting)
    record_property("crash points", swept.points)
    assert swept.faults == []
    assert waiting.end[3] == ["1000-3"]
    assert sum("ads_streamoffset" in boundary for boundary in swept.boundaries) >= 6
    assert any("XTRIM" in boundary for boundary in swept.boundaries)


@pytest.mark.django_db(transaction=True)
def test_of_two_consumers_one_may_be_killed(
    redis_stream: Redis, arena: Arena, clock: Clock, record_property: Callable[[str, object], None]
) -> None:
    waiting = Waiting(redis_stream, clock)
    waiting.given()
    arena.keep()
    faults: list[str] = []
    alone = len(boundaries(arena, waiting))
    for crash_at in range(0, alone + 1, 4):  # that each of them is harmless alone is told above
        arena.restore()
        waiting.begin()
        lives = at_once(waiting.work, waiting.work, crash_at=crash_at)
        faults += [life.error for life in lives if life.error]
        waiting.recover()
        faults += waiting.faults()
    record_property("crash points", alone // 4 + 1)
    assert faults == []
