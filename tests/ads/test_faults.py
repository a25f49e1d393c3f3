"""Fifteen faults read in the best open ad server, each with the test that keeps it out of ours."""

import dataclasses
import inspect
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, connection, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ads import audit, tokens
from ads.api import events as events_api
from ads.api import slots
from ads.budgets import leases
from ads.delivery import choosing, hours, serving, snapshots
from ads.measurement import claims, consumer, counting, gate_views, stream
from ads.measurement.gate_views import ViewRefused
from ads.models import (
    AdEvent,
    Campaign,
    DayKey,
    Impression,
    ImpressionGroup,
    Place,
    PrefixCount,
    StageHour,
    StreamOffset,
)
from ads.revenue import rejections, settlement
from ads.rewards import wallets
from ads.tasks import close_days, count_reports, destroy_day_keys, settle
from ads.traffic import prefixes
from ledger import chart, journal
from ledger.models import Entry
from tests.ads.conftest import Redis
from tests.ads.factories import (
    AGENT,
    DAY,
    NEXT_DAY,
    NOON,
    USD,
    balance,
    gate_token,
    lease,
    make_ad,
    make_campaign,
    make_wallet,
    page_token,
    pending,
    see,
    usd,
    watch,
)
from tests.artists.factories import make_album, make_artist

pytestmark = pytest.mark.django_db
SECONDS_2 = NOON + timedelta(seconds=2)
GOOD = {"visible_ms": 1_500}


def test_fault_1_an_offer_of_a_house_ad_never_bills_the_dearest_ad() -> None:
    house = make_ad(make_campaign(kind=Campaign.Kind.HOUSE))
    dear = make_ad(make_campaign(cpm_micros=usd("900")))
    token = page_token(house)
    # Nothing that a browser sends says which ad was seen: only the token does.
    payload = {**GOOD, "ad": dear.pk, "ad_id": dear.pk, "campaign": dear.campaign_id, "price_micros": 900_000}
    assert counting.record(token, "viewed", payload, SECONDS_2) == "accepted"
    view = Impression.objects.get()
    assert (view.ad, view.price_micros) == (house, 0)
    assert settlement.settle_due(NEXT_DAY) == 0
    assert not Entry.objects.filter(kind="ads settled").exists()


def test_fault_2_one_token_counts_once_because_the_database_says_so() -> None:
    view = see(make_ad())
    with pytest.raises(IntegrityError), transaction.atomic():
        AdEvent.objects.create(
            token_id=view.pk, stage="viewed", payload_hash="other", campaign_id=view.campaign_id, at=NOON
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        Impression.objects.create(
            **{field.attname: getattr(view, field.attname) for field in Impression._meta.concrete_fields}
        )


def test_fault_3_a_rejection_is_not_undone_by_the_nightly_recompute_and_reaches_the_payees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    album = make_album()
    view = see(make_ad(), album)
    settlement.settle_due(NEXT_DAY)
    rejections.reject_batch([view.pk], at=NEXT_DAY)
    assert pending(album) == 0
    for days in range(1, 10):
        monkeypatch.setattr("ads.tasks.timezone.now", lambda days=days: NOON + timedelta(days=days))
        settle()
        close_days()
    assert pending(album) == 0
    assert balance(chart.payee(album.artist.payee_id, "payable", USD)) == 0
    assert list(audit.findings()) == []


def test_fault_4_history_keeps_its_price_and_its_shares() -> None:
    ad, artist = make_ad(), make_artist()
    album = make_album(artist=artist)
    token = page_token(ad, album)
    Campaign.objects.update(cpm_micros=usd("900"))
    artist.payee = make_artist("Somebody Else").payee
    artist.save()
    assert counting.record(token, "viewed", GOOD, SECONDS_2) == "accepted"
    settlement.settle_due(NEXT_DAY)
    assert pending(make_album(artist=artist)) == 0
    assert balance(chart.payee(album.artist.payee_id, "pending", USD)) == 0
    paid_to = tokens.verify(token).shares[0][0]
    assert balance(chart.payee(paid_to, "pending", USD)) == 5_400


def test_fault_5_more_than_the_budget_is_neither_billed_nor_paid() -> None:
    album = make_album()
    ad = make_ad(make_campaign(budget_micros=13_000))
    lease(ad)
    lease(ad)
    with pytest.raises(leases.NothingLeft):
        lease(ad)  # so a third one is not even shown
    leases.return_due(NOON + timedelta(hours=1))
    leases.forget()
    offered = [page_token(ad, album) for _ in range(5)]  # offered without one, all while there was money
    assert [counting.record(token, "viewed", GOOD, SECONDS_2) for token in offered] == ["accepted"] * 5
    settlement.settle_due(NEXT_DAY)
    assert Campaign.objects.get().spent_micros == 12_000
    assert pending(album) == 10_800
    rejected = Impression.objects.filter(reason="over_budget")
    assert rejected.count() == 3, "over-delivery is a fact the advertiser can read"


def test_fault_6_no_money_is_a_float() -> None:
    for model in apps.get_app_config("ads").get_models():
        for field in model._meta.get_fields():
            assert not isinstance(field, models.FloatField | models.DecimalField), field
            if getattr(field, "name", "").endswith("_micros"):
                assert isinstance(field, models.BigIntegerField), field


def test_fault_7_one_group_and_one_key_for_each_campaign_beneficiary_and_day() -> None:
    see(make_ad())
    settlement.settle_due(NEXT_DAY)
    group = ImpressionGroup.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        ImpressionGroup.objects.create(
            campaign=group.campaign,
            beneficiary=group.beneficiary,
            day=group.day,
            place=group.place,
            policy_version=1,
        )
    lines = [
        journal.Line(chart.prepaid(1, USD), chart.ads_revenue(USD), 1, USD),
    ]
    with pytest.raises(journal.KeyReused):
        journal.post(group.entry_key(1), "ads settled", lines, occurred_at=NOON)


def test_fault_8_the_campaigns_row_is_touched_last_and_nothing_is_rendered_while_it_is_locked() -> None:
    ad, wallet = make_ad(), make_wallet()
    token = gate_token(ad, wallet, lease_id=lease(ad))
    gate_views.start(token, wallet, NOON)
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        gate_views.confirm(token, wallet, "reading", NOON + timedelta(seconds=15))
    writes = [sql for sql in statements if sql.startswith(("INSERT", "UPDATE"))]
    assert writes.pop().startswith("INSERT INTO ads_stagehour"), "reports count apart, when all is done"
    assert writes[-1].startswith("UPDATE ads_campaign ")
    assert writes[-2].startswith("UPDATE ads_campaignday ")
    assert writes[-3].startswith("UPDATE ads_budgetlease")
    assert not [sql for sql in writes if "ads_advertiser" in sql or ":prepaid:" in sql]
    with CaptureQueriesContext(connection) as offers:
        lease(ad)
    assert not offers.captured_queries, "an offer touches no row at all while the slice lasts"
    for pages in (events_api, slots):
        assert "transaction" not in inspect.getsource(pages), "pages are rendered outside every transaction"


def test_fault_9_a_task_that_runs_twice_or_late_counts_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    album = make_album()
    see(make_ad(), album)
    monkeypatch.setattr("ads.tasks.timezone.now", lambda: NEXT_DAY)
    for _ in range(3):
        settle()
        close_days()
    assert pending(album) == 5_400
    assert ImpressionGroup.objects.get().count == 1


def test_fault_10_listeners_behind_one_address_all_count() -> None:
    """A school: everybody's view counts; people we know count in full, and guests lose a part and no more."""
    ad, artist_id = make_ad(make_campaign(frequency_cap=1)), make_album().artist_id
    prefix = prefixes.hash_of("198.51.100.7", artist_id, NOON)

    def watches(name: str) -> int:
        wallet = make_wallet(name)
        token = gate_token(ad, wallet, artist_id=artist_id)
        gate_views.start(token, wallet, NOON)
        counted = gate_views.confirm(token, wallet, "reading", NOON + timedelta(seconds=15), prefix_hash=prefix)
        return counted.impression.price_micros

    guests = [watches(f"pupil-{number}") for number in range(20)]
    assert guests == sorted(guests, reverse=True)
    assert guests[:4] == [6_000, 6_000, 6_000, 3_000]
    assert guests[-1] > 0, "no limit, after which nothing counts"
    for number in range(20, 40):
        wallets.prove(None, NOON, guest_key=f"pupil-{number}")
    assert [watches(f"pupil-{number}") for number in range(20, 40)] == [6_000] * 20
    assert Impression.objects.viewed().count() == 40


def test_fault_11_counters_are_whole_numbers_moved_by_the_database() -> None:
    campaign = make_campaign()
    for _ in range(3):
        hours.count_served(campaign.pk, Place.PAGE, NOON)
    row = campaign.served.get()
    assert (row.count, type(row.count)) == (3, int)


def test_fault_12_no_counter_overflows_at_two_billion() -> None:
    campaign = make_campaign()
    hours.count_served(campaign.pk, Place.PAGE, NOON)
    campaign.served.update(count=2**40)
    hours.count_served(campaign.pk, Place.PAGE, NOON)
    assert campaign.served.get().count == 2**40 + 1
    group = ImpressionGroup.objects.create(
        campaign=campaign, beneficiary="gate", day=DAY, place="gate", policy_version=1, count=2**40
    )
    group.refresh_from_db()
    assert group.count == 2**40


def test_fault_13_nobody_says_which_address_they_come_from(client: Client) -> None:
    """A farm that says it is everywhere is weighed as what it is: one network."""
    now, album = timezone.now(), make_album()
    ad = make_ad(make_campaign(starts_at=now - timedelta(days=1)))
    headers = ("HTTP_X_FORWARDED_FOR", "HTTP_X_ADSERVER_CLIENT_IP", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
    for number, header in enumerate(headers):
        said = f"203.0.{number}.1"
        token = page_token(ad, album, at=now - timedelta(seconds=5))
        body = {"token": token, "stage": "viewed", "client_ip": said, "ip": said, "prefix_hash": "a" * 64, **GOOD}
        spoofed: dict[str, Any] = {header: said, "HTTP_USER_AGENT": AGENT, "REMOTE_ADDR": "198.51.100.1"}
        client.post("/ads/events", [body], content_type="application/json", **spoofed)
    views = Impression.objects.all()
    assert sorted(views.values_list("price_micros", flat=True)) == [3_000, 6_000, 6_000, 6_000]
    assert {view.prefix_hash for view in views} == {prefixes.hash_of("198.51.100.9", album.artist_id, now)}
    kept = (AdEvent, Impression, PrefixCount, DayKey)
    stored = [str(value) for model in kept for row in model.objects.values() for value in row.values()]
    assert not [value for value in stored if "198.51." in value or "203.0." in value]


def test_fault_14_a_view_must_be_seen_and_a_decision_does_not_scan_campaigns(
    django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = page_token(make_ad())
    counting.record(token, "viewed", {}, SECONDS_2)
    assert Impression.objects.get().reason == "too_short"

    campaign = make_campaign(genres=["jazz"])
    for _ in range(60):
        make_ad(campaign)
    taken = snapshots.take(NOON)
    asked: list[int] = []
    monkeypatch.setattr(choosing, "reason_against_listener", lambda one, context: asked.append(one.ad_id))
    with django_assert_num_queries(0):
        for seed in range(40):
            assert choosing.choose(taken, Place.PAGE, serving.Context(genre="dub", seed=str(seed)), NOON)
            assert choosing.choose(taken, Place.GATE, serving.Context(genre="jazz", seed=str(seed)), NOON)
    assert len(asked) <= 100, "guards were asked of more than the one or two ads that each decision needed"


def test_fault_15_nothing_links_a_listener_from_one_view_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    ad = make_ad()
    one, two = see(ad), see(ad, at=NOON + timedelta(minutes=1))
    assert (one.wallet, two.wallet) == (None, None)
    names = {field.name for field in AdEvent._meta.get_fields()}
    assert names == {"id", "token_id", "stage", "payload_hash", "campaign", "at"}
    counting.forget_events(NOON + timedelta(days=40))
    assert not AdEvent.objects.exists(), "and what browsers said is deleted by the clock"
    assert "forget_events" in inspect.getsource(close_days)
    at_home = [prefixes.hash_of("198.51.100.7", artist_id, at) for artist_id in (1, 2) for at in (NOON, NEXT_DAY)]
    assert len(set(at_home)) == 4, "another artist or another day is another hash"
    schedule = settings.CELERY_BEAT_SCHEDULE.values()
    assert {"ads.tasks.destroy_day_keys", "ads.tasks.close_days"} <= {entry["task"] for entry in schedule}
    monkeypatch.setattr("ads.tasks.timezone.now", lambda: NOON + timedelta(days=2))
    destroy_day_keys()
    assert not DayKey.objects.exclude(key=None).exists(), "and without the keys nobody can make them again"
    assert prefixes.hash_of("198.51.100.7", 1, NOON) == ""
    token_fields = {field.name for field in dataclasses.fields(tokens.Offer)}
    assert not token_fields & {"ip", "client", "fingerprint", "user_agent"}


def test_a_view_of_a_guest_names_a_wallet_and_no_person() -> None:
    wallet = make_wallet("secret-guest-key")
    view = watch(make_ad(), wallet)
    entry = Entry.objects.get(key=gate_views.entry_key(view))
    text = " ".join(str(value) for posting in entry.postings.values() for value in posting.values())
    assert "secret-guest-key" not in text
    assert wallets.holder(wallet.pk) == wallet.pk
    with pytest.raises(ViewRefused):
        gate_views.confirm("x", wallet, "reading", NOON)


def test_a_beneficiary_of_the_whole_catalogue_is_one_group_an_artist(django_assert_max_num_queries: Any) -> None:
    ad, artist = make_ad(), make_artist()
    for number in range(3):
        see(ad, make_album(artist=artist), at=NOON + timedelta(minutes=number))
    with django_assert_max_num_queries(37):
        assert settlement.settle_due(NEXT_DAY) == 1


# --- and by way of the stream


def _wait_in_stream(token: str, stage: str = "viewed") -> claims.Report:
    report = claims.take(token, stage, GOOD, NOON + timedelta(seconds=20))
    assert isinstance(report, claims.Report)
    stream.append([report])
    return report


@pytest.mark.redis
def test_fault_2_one_token_counts_once_however_often_it_is_in_the_stream_and_beside_it(redis_stream: Redis) -> None:
    report = _wait_in_stream(page_token(make_ad()))
    for _ in range(2):
        redis_stream.add(claims.to_entry(report))
    assert counting.count([report]) == ["accepted"]
    assert consumer.drain() == 3
    assert Impression.objects.count() == AdEvent.objects.count() == 1
    assert Campaign.objects.get().spent_micros == 6_000


@pytest.mark.redis
def test_fault_9_a_stream_that_is_read_again_from_its_beginning_rolls_nothing_up_twice(redis_stream: Redis) -> None:
    token = page_token(make_ad())
    entries = [claims.to_entry(_wait_in_stream(token, stage)) for stage in ("started", "viewed", "completed")]
    for _ in range(3):
        consumer.drain()
        StreamOffset.objects.update(last_id="0-0")
        for entry in entries:
            redis_stream.add(entry)
        count_reports()
    row = StageHour.objects.get()
    assert (row.started, row.first_quarter, row.half, row.third_quarter, row.completed) == (1, 1, 1, 1, 1)
    assert Campaign.objects.get().spent_micros == 6_000


@pytest.mark.redis
def test_fault_11_redis_keeps_no_counter(redis_stream: Redis) -> None:
    _wait_in_stream(page_token(make_ad()))
    kept = {redis_stream.client.type(key) for key in redis_stream.client.scan_iter(f"{stream.NAME}*")}
    assert kept == {"stream", "string"}
    texts = [redis_stream.client.get(key) for key in redis_stream.client.scan_iter(f"{stream.NAME}:known:*")]
    assert [len(text) for text in texts] == [64], "digests of what was said, and no number"
    redis_stream.flush()


@pytest.mark.redis
def test_fault_13_no_address_is_in_the_stream(redis_stream: Redis, client: Client) -> None:
    token = page_token(make_ad(), at=timezone.now())
    body = {"token": token, "stage": "viewed", "client_ip": "198.51.100.1", "ip": "198.51.100.1", **GOOD}
    headers = {"HTTP_USER_AGENT": AGENT, "HTTP_X_FORWARDED_FOR": "198.51.100.1", "REMOTE_ADDR": "203.0.113.9"}
    client.post("/ads/events", [body], content_type="application/json", **headers)  # type: ignore[arg-type]
    text = str(redis_stream.entries())
    assert token in text
    assert not [part for part in ("198.51", "203.0.113", "Mozilla") if part in text]
