"""Two at once: the same click, the same budget, the same day, the same guest. Real threads, real commits."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from ads import audit
from ads.budgets import charges
from ads.budgets.charges import Charge
from ads.demand import campaigns
from ads.measurement import claims, counting, gate_views, sql
from ads.measurement.claims import Report
from ads.measurement.gate_views import ViewRefused
from ads.megakey import extension, pairings, sites
from ads.models import Ad, BookDay, Campaign, Impression, Site, StageHour, Wallet
from ads.revenue import due, escrow, rejections, replaced, settlement
from ads.rewards import wallets
from ledger import audit as ledger_audit
from ledger.models import Entry
from tests.ads.factories import (
    DAY,
    NEXT_DAY,
    NOON,
    gate_token,
    make_ad,
    make_advertiser,
    make_campaign,
    make_wallet,
    page_token,
    pending,
    see,
    usd,
    watch,
)
from tests.artists.factories import make_album, make_artist
from tests.users.factories import leo

pytestmark = pytest.mark.django_db(transaction=True)
END = NOON + timedelta(seconds=15)


def _at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run all calls at the same moment; return what each returned or raised, in order."""
    start = threading.Barrier(len(calls))
    answers: list[Any] = [None] * len(calls)

    def run(number: int, call: Callable[[], Any]) -> None:
        try:
            start.wait(timeout=10)
            answers[number] = call()
        except Exception as raised:  # the answer of this thread, looked at by the test
            answers[number] = raised
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers


def _books_are_clean() -> None:
    assert list(audit.findings()) == []
    assert list(ledger_audit.findings()) == []


def test_two_clicks_at_once_count_one_view_and_both_are_told_so() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet)
    gate_views.start(token, wallet, NOON)
    answers = _at_once(*[lambda: gate_views.confirm(token, Wallet.objects.get(), "reading", END).impression] * 4)
    assert [getattr(answer, "pk", answer) for answer in answers] == [Impression.objects.get().pk] * 4
    assert wallet.balance_micros() == 6_000
    assert Campaign.objects.get().spent_micros == 6_000
    _books_are_clean()


def test_the_same_event_at_once_is_accepted_once() -> None:
    token = page_token(make_ad())
    at = NOON + timedelta(seconds=2)
    answers = _at_once(*[lambda: counting.record(token, "viewed", {"visible_ms": 1_500}, at)] * 4)
    assert sorted(answers) == ["accepted", "duplicate", "duplicate", "duplicate"]
    assert Campaign.objects.get().spent_micros == 6_000


def test_two_payloads_at_once_leave_one_view_and_a_conflict() -> None:
    token, at = page_token(make_ad()), NOON + timedelta(seconds=2)
    answers = _at_once(
        *[lambda ms=ms: counting.record(token, "viewed", {"visible_ms": ms}, at) for ms in (1_500, 1_600)]
    )
    assert sorted(answers) == ["accepted", "conflict"]
    assert Impression.objects.count() == 1


def test_batches_that_meet_in_every_row_wait_for_each_other_and_never_in_a_ring() -> None:
    ads, at = [make_ad(make_campaign(budget_micros=usd("0.06"))) for _ in range(3)], NOON + timedelta(seconds=2)

    def batch(order: list[Ad]) -> list[Report]:
        taken = [claims.take(page_token(ad), "viewed", {"visible_ms": 1_500}, at) for ad in order * 2]
        return [report for report in taken if isinstance(report, Report)]

    same = batch(ads)
    batches = [same, same[::-1], batch(ads[::-1]), batch(ads)]
    answers = _at_once(*[lambda reports=reports: counting.count(reports) for reports in batches])
    assert sorted(answers[0] + answers[1]) == ["accepted"] * 6 + ["duplicate"] * 6
    assert answers[2:] == [["accepted"] * 6] * 2
    assert list(Campaign.objects.values_list("spent_micros", flat=True)) == [36_000] * 3
    _books_are_clean()


def test_the_last_of_a_budget_is_spent_once() -> None:
    ad = make_ad(make_campaign(budget_micros=13_000, daily_cap_micros=13_000))
    held = [make_wallet() for _ in range(4)]
    offered = [(gate_token(ad, wallet), wallet) for wallet in held]
    for token, wallet in offered:
        gate_views.start(token, wallet, NOON)
    answers = _at_once(
        *[
            lambda token=token, wallet=wallet: gate_views.confirm(token, wallet, "reading", END)
            for token, wallet in offered
        ]
    )
    refused = [answer for answer in answers if isinstance(answer, ViewRefused)]
    assert (len(refused), {refusal.reason for refusal in refused}) == (2, {"over_budget"})
    assert Campaign.objects.get().spent_micros == 12_000
    assert sum(wallet.balance_micros() for wallet in held) == 12_000
    _books_are_clean()


def test_a_day_settled_by_three_workers_at_once_is_billed_once() -> None:
    ad = make_ad()
    albums = [make_album() for _ in range(3)]
    for number, album in enumerate(albums * 2):
        see(ad, album, at=NOON + timedelta(minutes=number))
    watch(ad, make_wallet())
    answers = _at_once(*[lambda: settlement.settle_due(NEXT_DAY)] * 3)
    assert sum(answers) == 4
    assert [pending(album) for album in albums] == [10_800] * 3
    assert Entry.objects.filter(kind="ads settled").count() == 4
    _books_are_clean()


def test_what_came_since_is_billed_by_one_entry_when_two_workers_look(monkeypatch: pytest.MonkeyPatch) -> None:
    ad, album = make_ad(), make_album()
    see(ad, album)
    settlement.settle_due(NOON)
    see(ad, album, at=NOON + timedelta(minutes=1))
    find = due.find

    def find_and_linger(*args: Any) -> Any:
        found = find(*args)
        time.sleep(0.3)
        return found

    monkeypatch.setattr(due, "find", find_and_linger)
    answers = _at_once(*[lambda: settlement.settle_due(NEXT_DAY)] * 2)
    assert sorted(answers) == [0, 1]
    assert pending(album) == 10_800
    _books_are_clean()


def test_two_workers_take_turns_over_many_groups_and_new_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of two: both bill some of the groups, and views come while they do."""
    monkeypatch.setattr("ads.revenue.billing.GROUPS_AT_ONCE", 2)
    ad = make_ad(make_campaign(budget_micros=usd("10"), frequency_cap=100))
    albums = [make_album() for _ in range(7)]

    def look(hour: int) -> None:
        for minute, album in enumerate(albums):
            see(ad, album, at=NOON + timedelta(hours=hour, minutes=minute))

    look(0)
    settlement.settle_due(NOON)
    look(1)
    answers = _at_once(
        lambda: settlement.settle_due(NEXT_DAY), lambda: settlement.settle_due(NEXT_DAY), lambda: look(2)
    )
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    settlement.settle_due(NEXT_DAY)
    assert [pending(album) for album in albums] == [16_200] * 7
    _books_are_clean()


def test_a_view_that_is_being_counted_is_waited_for_and_billed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It took its number first and commits last. On PostgreSQL another one overtakes it."""
    ad, albums = make_ad(), [make_album(), make_album()]
    has_number, may_go_on = threading.Event(), threading.Event()
    taking = BookDay.objects.taking

    def linger(at: datetime) -> Any:
        if at == NOON + timedelta(seconds=2):
            has_number.set()
            assert may_go_on.wait(timeout=10)
        return taking(at)

    monkeypatch.setattr(BookDay.objects, "taking", linger)

    def overtake_and_settle() -> int:
        assert has_number.wait(timeout=10)
        if connection.vendor == "postgresql":
            see(ad, albums[1], at=NOON + timedelta(minutes=1))
        threading.Timer(0.3, may_go_on.set).start()
        return settlement.settle_due(NEXT_DAY)

    answers = _at_once(lambda: see(ad, albums[0]), overtake_and_settle)
    overtook = int(connection.vendor == "postgresql")
    assert answers[1] == 1 + overtook, "the settlement did not wait for the first"
    assert [pending(album) for album in albums] == [5_400, 5_400 * overtook]
    assert not Impression.objects.unposted().exists()
    _books_are_clean()


def test_a_book_closes_after_the_view_that_is_being_counted_and_before_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ad, album = make_ad(), make_album()
    has_number, may_go_on = threading.Event(), threading.Event()
    taking = BookDay.objects.taking

    def linger(at: datetime) -> Any:
        day = taking(at)
        has_number.set()
        assert may_go_on.wait(timeout=10)
        return day

    def close() -> bool:
        assert has_number.wait(timeout=10)
        threading.Timer(0.3, may_go_on.set).start()
        return settlement.close(DAY, NEXT_DAY)

    monkeypatch.setattr(BookDay.objects, "taking", linger)
    assert _at_once(lambda: see(ad, album), close)[1] is True
    see(ad, album, at=NOON + timedelta(minutes=1))
    assert sorted(Impression.objects.values_list("day", flat=True)) == [DAY, NEXT_DAY.date()]
    assert pending(album) == 5_400
    _books_are_clean()


def test_settling_and_rejecting_at_once_agree_in_either_order() -> None:
    ad, album = make_ad(), make_album()
    views = [see(ad, album, at=NOON + timedelta(minutes=number)) for number in range(4)]
    gate = watch(ad, make_wallet())
    _at_once(
        lambda: settlement.settle_due(NEXT_DAY),
        lambda: rejections.reject_batch([views[0].pk], at=NEXT_DAY),
        lambda: rejections.reject_batch([gate.pk], at=NEXT_DAY),
    )
    settlement.settle_due(NEXT_DAY)
    assert pending(album) == 3 * 5_400
    assert Campaign.objects.get().spent_micros == 18_000
    _books_are_clean()


def test_rejecting_one_view_twice_at_once_gives_back_once() -> None:
    wallet = make_wallet()
    view = watch(make_ad(), wallet)
    settlement.settle_due(NEXT_DAY)
    answers = _at_once(*[lambda: rejections.reject_batch([view.pk], at=NEXT_DAY)] * 3)
    assert sorted(answers) == [False, False, True]
    assert wallet.balance_micros() == 0
    _books_are_clean()


def test_two_log_ins_at_once_claim_a_guest_once() -> None:
    guest = make_wallet("g")
    watch(make_ad(), guest)
    person = leo()
    answers = _at_once(*[lambda: wallets.claim("g", person, END)] * 3)
    assert {getattr(answer, "pk", answer) for answer in answers} == {Wallet.objects.get(user=person).pk}
    assert wallets.for_listener(person, "").balance_micros() == 6_000
    _books_are_clean()


def test_two_campaigns_going_live_at_once_share_no_money(monkeypatch: pytest.MonkeyPatch) -> None:
    look = campaigns.missing

    def look_and_linger(campaign: Campaign, at: datetime) -> list[str]:
        found = look(campaign, at)
        time.sleep(0.3)
        return found

    monkeypatch.setattr(campaigns, "missing", look_and_linger)
    advertiser = make_advertiser(prepaid=usd("15"))
    drafts = [make_campaign(live=False, advertiser=advertiser) for _ in range(2)]
    for campaign in drafts:
        make_ad(campaign)
    answers = _at_once(*[lambda campaign=campaign: campaigns.go_live(campaign, NOON) for campaign in drafts])
    assert sorted(type(answer).__name__ for answer in answers) == ["NoneType", "NotReady"]
    assert Campaign.objects.live().count() == 1


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_a_batch_of_two_days_that_is_charged_in_parts_never_waits_in_a_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    ad = make_ad(make_campaign(daily_cap_micros=14_000))
    tomorrow = NOON + timedelta(days=1)
    batch = [_seen(ad, at) for at in (NOON, NOON, tomorrow)]
    other = _seen(ad, NOON)
    see(ad)
    see(ad, at=tomorrow)
    bill, is_in_parts = charges.bill, threading.Event()

    def bill_and_linger(asked: Mapping[Charge, int], *freed: Mapping[Charge, int]) -> set[Charge]:
        refused = bill(asked, *freed)
        if len(asked) == 2:  # the whole batch: its first day has no room for two more
            is_in_parts.set()
            time.sleep(0.5)  # meanwhile the other one takes what it can
        return refused

    def count_other() -> list[str]:
        assert is_in_parts.wait(timeout=10)
        return list(counting.count([other]))

    monkeypatch.setattr(charges, "bill", bill_and_linger)
    assert _at_once(lambda: counting.count(batch), count_other) == [["accepted"] * 3, ["accepted"]]
    assert Campaign.objects.get().spent_micros == 24_000
    assert Impression.objects.filter(reason="over_budget").count() == 2
    _books_are_clean()


def _seen(ad: Ad, at: datetime) -> Report:
    report = claims.take(page_token(ad, at=at), "viewed", {"visible_ms": 1_500}, at + timedelta(seconds=2))
    assert isinstance(report, Report)
    return report


def test_one_code_sent_by_many_at_once_pairs_one_browser() -> None:
    wallet = wallets.for_listener(leo(), "")
    code = pairings.new_code(wallet, NOON)
    answers = _at_once(*[lambda: pairings.exchange(code, NOON)] * 6)
    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert sum(isinstance(answer, pairings.NotPaired) for answer in answers) == 5
    assert pairings.live(wallet).count() == 1


def test_many_browsers_of_one_wallet_that_ask_at_once_are_given_one_ad() -> None:
    for _ in range(3):
        make_ad()
    wallet = wallets.for_listener(leo(), "")
    answers = _at_once(*[lambda: extension.offer(wallet, NOON)] * 6)
    assert [answer for answer in answers if not isinstance(answer, extension.Shown)] == []
    assert len({answer.token for answer in answers}) == 1
    later = NOON + timedelta(hours=1)
    again = _at_once(*[lambda: extension.offer(wallet, later)] * 6)
    assert len({answer.token for answer in again} - {answer.token for answer in answers}) == 1


def test_a_list_published_by_many_at_once_has_each_version_once() -> None:
    Site.objects.create(domain="news.example", rank=1, months=12)
    answers = _at_once(*[lambda: sites.publish(NOON).version] * 6)
    assert answers == [1] * 6


def test_an_escrow_is_released_once_whoever_releases_it() -> None:
    artist = make_artist()
    site = Site.objects.create(domain="news.example", rank=1, months=12, payee=artist.payee)
    see(make_ad(), place="megakey", wallet_id=make_wallet().pk, shares=replaced.shares_of(site.pk))
    settlement.settle_due(NEXT_DAY)
    BookDay.objects.update_or_create(day=DAY, defaults={"state": "FINAL", "closed_at": NEXT_DAY, "final_at": NEXT_DAY})
    at = NOON + timedelta(days=8)
    assert sorted(_at_once(*[lambda: escrow.release_due(at)] * 4)) == [0, 0, 0, 1]
    _books_are_clean()


def test_two_ends_of_one_ad_that_come_at_once_count_its_quarters_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has said it is new before the other is committed, as far as the database lets them."""
    token = page_token(make_ad(kind=Ad.Kind.AUDIO, duration_ms=15_000))
    assert counting.record(token, "started", {}, NOON) == "accepted"
    both = threading.Barrier(2)
    insert = sql.insert_events

    def insert_and_wait(rows: Any) -> Any:
        inserted = insert(rows)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(timeout=1)  # broken where the second has to wait for the first: that is the point
        return inserted

    monkeypatch.setattr(sql, "insert_events", insert_and_wait)
    at = NOON + timedelta(seconds=16)
    answers = _at_once(
        lambda: counting.record(token, "completed", {"played_ms": 15_000}, at),
        lambda: counting.record(token, "skipped", {"played_ms": 8_000}, at),
    )
    assert answers == ["accepted"] * 2
    hour = StageHour.objects.get()
    assert (hour.started, hour.completed, hour.skipped) == (1, 1, 1)
    assert (hour.first_quarter, hour.half, hour.third_quarter) in [(1, 1, 1), (1, 1, 0)]


def test_many_browsers_that_report_both_ends_in_two_orders_wait_in_no_ring() -> None:
    ad = make_ad(kind=Ad.Kind.AUDIO, duration_ms=15_000)
    tokens = [page_token(ad) for _ in range(8)]
    at = NOON + timedelta(seconds=16)

    def reports(stage: str, order: int) -> list[Report]:
        taken = [claims.take(token, stage, {"played_ms": 15_000}, at) for token in tokens[::order]]
        return [one for one in taken if isinstance(one, Report)]

    batches = [reports(stage, order) for stage in ("completed", "skipped") for order in (1, -1)] * 2
    for answers in _at_once(*[lambda batch=batch: counting.count(batch) for batch in batches]):
        assert set(answers) <= {"accepted", "duplicate"}
    hour = StageHour.objects.get()
    assert (hour.completed, hour.skipped) == (8, 8)
    assert hour.first_quarter == hour.half == 8
