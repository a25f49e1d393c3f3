"""What must hold however reports are counted: in the request, or by way of the stream. Every case runs both ways."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from ads import audit, tokens
from ads.api import events as events_api
from ads.measurement import counting, gate_views
from ads.models import Ad, AdEvent, BookDay, Campaign, CampaignDay, Impression, ParkedReport, StageHour
from ads.revenue import settlement
from ads.traffic import prefixes
from tests.ads.conftest import Way
from tests.ads.factories import (
    AGENT,
    DAY,
    NEXT_DAY,
    NOON,
    gate_token,
    make_ad,
    make_campaign,
    make_wallet,
    page_token,
    pending,
    usd,
)
from tests.artists.factories import make_album
from tests.crashing import Arena, Clock, findings, sweep

pytestmark = pytest.mark.django_db
GOOD = {"visible_ms": 1_500}
NOTHING = {"views": 0, "rejected": 0, "clicks": 0, "spent": 0, "events": 0, "stages": {}}


@pytest.fixture(autouse=True)
def _noon(clock: Clock, settings: Settings) -> None:
    clock.now = NOON + timedelta(seconds=20)
    settings.ADS_FULL_VIEWS = 1_000  # of all these from one address


def tell(*events: Any) -> list[str]:
    """What the address answers to a page that reports these events."""
    answer = Client(headers={"user-agent": AGENT}).post("/ads/events", list(events), content_type="application/json")
    assert answer.status_code == 200, answer.content
    answers: list[str] = answer.json()["answers"]
    return answers


def event(token: Any, stage: Any = "viewed", **claims: Any) -> dict[str, Any]:
    return {"token": token, "stage": stage, **(GOOD if stage == "viewed" else {}), **claims}


def counted(way: Way) -> dict[str, Any]:
    """What the database says, once everything is counted."""
    way.catch_up()
    assert list(audit.findings()) == []
    sums: dict[str, int] = {}
    for row in StageHour.objects.values():
        for name in ("started", "first_quarter", "half", "third_quarter", "completed", "skipped", "clicked"):
            sums[name] = sums.get(name, 0) + row[name]
    return {
        "views": Impression.objects.viewed().count(),
        "rejected": Impression.objects.exclude(reason="").count(),
        "clicks": Impression.objects.filter(clicked_at__isnull=False).count(),
        "spent": sum(Campaign.objects.values_list("spent_micros", flat=True)),
        "events": AdEvent.objects.exclude(stage=AdEvent.ENDED).count(),
        "stages": {name: n for name, n in sums.items() if n},
    }


ONE = {**NOTHING, "views": 1, "spent": 6_000, "events": 1}


def test_a_view_is_accepted_and_counted_once_however_often_it_is_reported(way: Way) -> None:
    seen = event(page_token(make_ad()))
    assert tell(seen, seen) == ["accepted", "duplicate"]
    assert tell(seen) == ["duplicate"]
    assert counted(way) == ONE
    assert tell(seen) == ["duplicate"]
    assert counted(way) == ONE


def test_another_payload_of_the_same_stage_is_a_conflict_and_the_first_stays(way: Way) -> None:
    token = page_token(make_ad())
    first, other = event(token, visible_ms=500), event(token)
    assert tell(first, other) == ["accepted", "conflict"]
    assert tell(other) == ["conflict"]
    assert counted(way) == {**NOTHING, "rejected": 1, "events": 1}
    assert Impression.objects.get().reason == "too_short"
    assert tell(other, first) == ["conflict", "duplicate"]
    assert counted(way) == {**NOTHING, "rejected": 1, "events": 1}


IN_ORDER = ("started", "viewed", "clicked", "skipped", "completed")


@pytest.mark.parametrize("order", [IN_ORDER, IN_ORDER[::-1], ("clicked", "completed", "viewed", "skipped", "started")])
@pytest.mark.parametrize("is_one_batch", [True, False])
def test_the_order_in_which_reports_come_changes_nothing(way: Way, order: tuple[str, ...], is_one_batch: bool) -> None:
    events = [event(page_token(make_ad()), stage, played_ms=15_000) for stage in order]
    events = [{**one, "token": events[0]["token"]} for one in events]
    answers = tell(*events) if is_one_batch else [answer for one in events for answer in tell(one)]
    assert answers == ["accepted"] * 5
    played = {"started": 1, "first_quarter": 1, "half": 1, "third_quarter": 1}
    stages = {**played, "completed": 1, "skipped": 1, "clicked": 1}
    assert counted(way) == {**ONE, "clicks": 1, "events": 5, "stages": stages}


def test_how_far_a_skipped_ad_was_played_is_counted_in_quarters_and_once(way: Way) -> None:
    token = page_token(make_ad())
    left = event(token, "skipped", played_ms=7_600)
    for _ in range(2):
        tell(event(token, "started"), left)
        assert counted(way)["stages"] == {"started": 1, "first_quarter": 1, "half": 1, "skipped": 1}


def test_an_ad_is_not_played_to_its_end_sooner_than_it_lasts(way: Way, clock: Clock) -> None:
    clock.now = NOON + timedelta(seconds=10)
    assert tell(event(page_token(make_ad()), "completed")) == ["accepted"]
    assert counted(way) == {**NOTHING, "events": 1}


def test_robots_and_advertisers_who_look_at_their_own_ad_move_no_number(way: Way) -> None:
    ad = make_ad()
    assert ad.campaign.advertiser
    own = page_token(ad, user_id=ad.campaign.advertiser.owner_id)
    tell(*(event(own, stage) for stage in IN_ORDER))
    robot = Client(headers={"user-agent": "python-requests/2.32"})
    events = [event(page_token(ad), stage) for stage in IN_ORDER]
    robot.post("/ads/events", events, content_type="application/json")
    assert counted(way) == {**NOTHING, "rejected": 2, "events": 10}


# --- late


def test_a_report_that_comes_when_its_token_is_dead_is_expired(way: Way, clock: Clock) -> None:
    token = page_token(make_ad())
    clock.now = NOON + timedelta(minutes=30, seconds=1)
    assert tell(event(token), event(token, "clicked")) == ["expired", "expired"]
    assert counted(way) == NOTHING


@pytest.mark.parametrize("state", [BookDay.State.CLOSED, BookDay.State.FINAL])
def test_what_is_counted_when_its_day_is_closed_or_final_stands_in_the_first_open_one(way: Way, state: str) -> None:
    album = make_album()
    token = page_token(make_ad(), album)
    final_at = NEXT_DAY if state == BookDay.State.FINAL else None
    if way.stream:  # it waited in the stream meanwhile
        assert tell(event(token)) == ["accepted"]
    BookDay.objects.create(day=DAY, state=state, closed_at=NEXT_DAY, final_at=final_at)
    assert tell(event(token)) == (["duplicate"] if way.stream else ["accepted"])
    assert counted(way) == ONE
    assert Impression.objects.get().day == CampaignDay.objects.get().day == NEXT_DAY.date()
    settlement.settle_due(NEXT_DAY)
    assert pending(album) == 5_400
    assert list(audit.findings()) == []


# --- what is lost


def test_a_flush_of_redis_doubles_nothing(way: Way) -> None:
    token, later = page_token(make_ad()), page_token(make_ad())
    assert tell(event(token)) == ["accepted"]
    assert counted(way) == ONE
    way.flush()
    tell(event(token), event(later))
    way.flush()
    tell(event(token), event(later), event(token, visible_ms=9_000))
    assert counted(way) == {**ONE, "views": 2, "spent": 12_000, "events": 2}


def test_redis_may_go_and_come_back_in_the_middle(way: Way) -> None:
    one, two, three = (event(page_token(make_ad())) for _ in range(3))
    assert tell(one) == ["accepted"]
    way.stop()
    tell(one, two)
    assert tell(two) == ["duplicate"], "the database answers"
    assert Impression.objects.count() == 2, "and counts at once"
    way.start()
    tell(one, two, three)
    assert counted(way) == {**ONE, "views": 3, "spent": 18_000, "events": 3}
    assert not ParkedReport.objects.exists()


# --- tokens


def _forge(token: str, at: int) -> str:
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[at] ^= 1
    return base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: "",
        lambda token: None,
        lambda token: 7,
        lambda token: [token],
        lambda token: {"token": token},
        lambda token: token[:-1],
        lambda token: token[:40],
        lambda token: token[1:],
        lambda token: token + "A",
        lambda token: token * 30,
        lambda token: "\x00" * 100,
        lambda token: "é" * 100,
        lambda token: _forge(token, 0),
        lambda token: _forge(token, 3),
        lambda token: _forge(token, 10),
        lambda token: _forge(token, 30),
        lambda token: _forge(token, -1),
    ],
)
def test_forged_and_truncated_tokens_are_invalid_and_take_nobody_along(way: Way, spoil: Callable[[str], Any]) -> None:
    token, good = page_token(make_ad()), event(page_token(make_ad()))
    assert tell(event(spoil(token)), good) == ["invalid", "accepted"]
    assert counted(way) == ONE


def test_tokens_of_another_house_are_invalid(way: Way, settings: Settings) -> None:
    ad, ours = make_ad(), settings.ADS_TOKEN_KEYS
    settings.ADS_TOKEN_KEYS = {next(iter(ours)): "their secret"}
    same_name = page_token(ad)
    settings.ADS_TOKEN_KEYS = {"theirs": "their secret"}
    other_name = page_token(ad)
    settings.ADS_TOKEN_KEYS = ours
    assert tell(event(same_name), event(other_name)) == ["invalid", "invalid"]
    assert counted(way) == NOTHING


def test_a_token_from_the_future_is_invalid(way: Way) -> None:
    assert tell(event(page_token(make_ad(), at=NOON + timedelta(hours=1)))) == ["invalid"]
    assert counted(way) == NOTHING


def test_a_key_can_be_changed_while_tokens_of_the_old_one_live(way: Way, settings: Settings) -> None:
    ad = make_ad()
    settings.ADS_TOKEN_KEYS = {"old": "a"}
    first, second = page_token(ad), page_token(ad)
    assert tell(event(first)) == ["accepted"]
    settings.ADS_TOKEN_KEYS = {"new": "b", "old": "a"}
    assert tell(event(first), event(second), event(page_token(ad))) == ["duplicate", "accepted", "accepted"]
    assert counted(way) == {**ONE, "views": 3, "spent": 18_000, "events": 3}
    settings.ADS_TOKEN_KEYS = {"new": "b"}
    assert tell(event(second, "clicked")) == ["invalid"]
    assert counted(way)["clicks"] == 0


def test_gate_views_are_neither_reported_nor_in_the_stream(way: Way) -> None:
    wallet, ad = make_wallet(), make_ad()
    token = gate_token(ad, wallet)
    gate_views.start(token, wallet, NOON)
    told = tell(*(event(token, stage, visible_ms=15_000) for stage in ("started", "viewed", "completed")))
    assert told == ["invalid"] * 3
    assert wallet.balance_micros() == 0
    gate_views.confirm(token, wallet, "reading", NOON + timedelta(seconds=15))
    assert wallet.balance_micros() == 6_000, "without anybody who counts the stream"
    assert not way.stream or way.stream.entries() == []
    quarters = {"first_quarter": 1, "half": 1, "third_quarter": 1}
    assert counted(way) == {**ONE, "stages": {"started": 1, **quarters, "completed": 1}}


# --- what makes no sense


@pytest.mark.parametrize(
    "nonsense",
    [
        {"stage": "bought"},
        {"stage": ""},
        {"stage": None},
        {"stage": ["viewed"]},
        {"stage": 1},
        {"visible_ms": -1},
        {"visible_ms": True},
        {"visible_ms": 1_500.0},
        {"visible_ms": "1500"},
        {"visible_ms": None},
        {"visible_ms": 10**18},
        {"visible_ms": 10**400},
        {"audible_ms": -5},
        {"played_ms": 2**63},
        {"played_ms": [15_000]},
        {"hidden": 0},
        {"muted": "false"},
        {"mode": "dancing"},
        {"mode": None},
    ],
)
def test_events_without_sense_are_invalid_and_take_nobody_along(way: Way, nonsense: dict[str, Any]) -> None:
    ad = make_ad()
    assert tell({**event(page_token(ad)), **nonsense}, event(page_token(ad))) == ["invalid", "accepted"]
    assert counted(way) == ONE


def test_what_is_no_event_at_all_is_invalid(way: Way) -> None:
    assert tell(None, 1, True, "x", [], {}, [[]]) == ["invalid"] * 7
    assert counted(way) == NOTHING


def test_fifty_events_are_taken_and_fifty_one_are_not(way: Way) -> None:
    ad = make_ad(make_campaign(budget_micros=usd("10")))
    events = [event(page_token(ad)) for _ in range(50)]
    refused = Client(headers={"user-agent": AGENT}).post(
        "/ads/events", [*events, event(page_token(ad))], content_type="application/json"
    )
    assert (refused.status_code, refused.json()) == (413, {"error": "Send at most 50 events at once."})
    assert counted(way) == NOTHING
    assert tell(*events) == ["accepted"] * 50
    assert counted(way) == {**ONE, "views": 50, "spent": 300_000, "events": 50}


@pytest.mark.parametrize("told_length", ["10000002", "1000000000000"])
def test_ten_megabytes_are_refused_and_not_read(way: Way, told_length: str) -> None:
    body = io.BytesIO(b"[" + b" " * 10_000_000 + b"]")
    told = {"CONTENT_LENGTH": told_length, "CONTENT_TYPE": "application/json", "wsgi.input": body}
    answer = events_api.events(WSGIRequest({**RequestFactory().post("/ads/events").META, **told}))
    assert answer.status_code == 413
    assert body.tell() <= 200_000
    assert counted(way) == NOTHING


@pytest.mark.parametrize("days", [-1, 1])
def test_a_browser_whose_clock_is_a_day_off_is_counted_by_ours(way: Way, days: int) -> None:
    theirs = NOON + timedelta(days=days)
    times = {"at": theirs.isoformat(), "time": theirs.timestamp(), "at_ms": round(theirs.timestamp() * 1_000)}
    assert tell(event(page_token(make_ad()), **times)) == ["accepted"]
    assert counted(way) == ONE
    view = Impression.objects.get()
    assert (view.viewed_at, view.day) == (NOON + timedelta(seconds=20), DAY)


def test_what_names_an_ad_or_an_artist_that_is_gone_counts_nothing_and_takes_nobody_along(way: Way) -> None:
    gone, ad = make_ad(), make_ad()
    events = [event(page_token(gone)), event(page_token(ad)), event(page_token(ad, wallet_id=999_999))]
    gone.delete()
    tell(*events)
    assert counted(way) == ONE
    assert ParkedReport.objects.count() == (2 if way.stream else 0), "one that was accepted is kept"


def test_a_batch_counts_like_its_events_one_by_one(way: Way) -> None:
    poor = make_ad(make_campaign(budget_micros=15_000))
    rare = make_ad(make_campaign(frequency_cap=2))
    wallet = make_wallet()
    events = [event(page_token(poor)) for _ in range(3)]
    events += [event(page_token(rare, wallet_id=wallet.pk)) for _ in range(3)]
    assert tell(*events) == ["accepted"] * 6
    assert counted(way) == {**NOTHING, "views": 4, "rejected": 2, "spent": 24_000, "events": 6}
    assert sorted(Impression.objects.exclude(reason="").values_list("reason", flat=True)) == [
        "frequency",
        "over_budget",
    ]


def test_the_address_asks_the_database_for_a_batch_and_not_for_each_event(way: Way) -> None:
    ad, album = make_ad(), make_album()
    tell(event(page_token(ad, album)))
    asked = []
    for size in (1, 50):
        events = [event(page_token(ad, album)) for _ in range(size)]
        with CaptureQueriesContext(connection) as queries:
            assert tell(*events) == ["accepted"] * size
        asked.append(len(queries))
    assert asked == ([0, 0] if way.stream else [asked[0]] * 2)


# --- killed


class Told:
    """Two batches of what a page can say, told to the address, and counted; whoever got no answer says it again."""

    patience = 0.0

    def __init__(self, way: Way, clock: Clock) -> None:
        self.way, self.clock = way, clock
        self.end: dict[str, Any] = {}

    def given(self) -> None:
        ads = [make_ad(make_campaign(budget_micros=micros)) for micros in (usd("10"), 15_000)]
        album = make_album()
        held = [page_token(ad, album) for ad in (*ads, ads[1], ads[1])]
        seen = [event(token) for token in held]
        self.batches = [
            [*seen[:2], event(held[0], "clicked"), event(held[0], "skipped", played_ms=8_000)],
            [event(held[1], "clicked"), *seen[2:], seen[0], event(held[1], visible_ms=9_000)],
        ]

    def begin(self) -> None:
        self.way.flush()
        prefixes.forget()  # every life begins without the key of the day

    def work(self) -> None:
        for batch in self.batches:
            tell(*batch)
        self.way.catch_up()

    def recover(self) -> None:
        self.work()

    def faults(self) -> Iterator[str]:
        yield from findings(self.clock.now)
        found = counted(self.way)
        self.end = self.end or found
        if found != self.end:
            yield f"It ends as {found}, not as {self.end}."
        if self.way.stream and self.way.stream.entries():
            yield "Something waits."


@pytest.mark.django_db(transaction=True)
def test_killed_anywhere_every_report_is_counted_once(
    way: Way, arena: Arena, clock: Clock, record_property: Callable[[str, object], None]
) -> None:
    told = Told(way, clock)
    told.given()
    arena.keep()
    swept = sweep(arena, told)
    record_property("crash points", swept.points)
    assert swept.faults == []
    assert told.end["views"] == 3
    assert any("ads_impression" in boundary for boundary in swept.boundaries)
    assert bool(way.stream) == any("EVALSHA" in boundary for boundary in swept.boundaries)


def test_counting_takes_no_report_twice_from_the_same_body(way: Way) -> None:
    """The body is all a page says: what it says twice is one thing, and JSON's last word counts."""
    token = page_token(make_ad())
    body = f'[{{"token": "x", "token": "{token}", "stage": "viewed", "visible_ms": 1, "visible_ms": 1500}}]'
    visitor = Client(headers={"user-agent": AGENT})
    answer = visitor.post("/ads/events", body, content_type="application/json")
    assert json.loads(answer.content) == {"answers": ["accepted"]}
    assert counted(way) == ONE


def test_the_ways_are_the_ones_the_settings_name(way: Way) -> None:
    report = event(page_token(make_ad()))
    tell(report)
    assert AdEvent.objects.exists() is not bool(way.stream)
    assert Ad.objects.count() == 1
    assert tokens.verify(report["token"]).id
    assert counted(way) == ONE
    assert counting.tell([]) == []
