"""Whoever asks for ads and looks at none holds nobody's budget for long, and a school is not taken for one of those."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from ads import tokens
from ads.api import slots
from ads.budgets import leases
from ads.delivery import decisions, replaying, snapshots
from ads.limits import unseen
from ads.limits.lately import PARTS, Lately
from ads.models import Ad, BudgetLease, Campaign, Impression
from ads.rewards import wallets
from ads.tokens import GATE_LIFETIME_SECONDS, SLOT_LIFETIME_SECONDS
from artists.models import Album
from tests.ads.factories import AGENT, NOON, make_ad, make_campaign, usd
from tests.artists.factories import make_album
from tests.crashing import Clock
from tests.users.factories import leo

pytestmark = pytest.mark.django_db

ATTACKER, LISTENER = "203.0.113.7", "198.51.100.9"
SECOND = timedelta(seconds=1)


class Browser:
    """One that asks for slots and says what it saw."""

    def __init__(self, address: str) -> None:
        self.client = Client(headers={"user-agent": AGENT}, REMOTE_ADDR=address)

    def ask(self, album: Album) -> str:
        """The token of the ad that is offered; empty where there is none."""
        html = self.client.get(f"/ads/slot/page/album/{album.pk}/").content.decode()
        return html.split('data-ad-token="')[1].split('"')[0] if html else ""

    def is_paid(self, album: Album) -> bool:
        return _is_paid(self.ask(album))

    def see(self, *some: str, ms: int = 1_500) -> list[str]:
        said = [{"token": token, "stage": "viewed", "visible_ms": ms} for token in some]
        answers: list[str] = self.client.post("/ads/events", said, content_type="application/json").json()["answers"]
        return answers


def _is_paid(token: str) -> bool:
    return bool(token) and tokens.verify(token).price_micros > 0


@pytest.fixture
def house() -> Ad:
    return make_ad(make_campaign(kind=Campaign.Kind.HOUSE, starts_at=timezone.now() - timedelta(days=2)))


def _paid(**terms: Any) -> Ad:
    values: dict[str, Any] = {"frequency_cap": 50, "starts_at": timezone.now() - timedelta(days=2), **terms}
    return make_ad(make_campaign(**values))


@pytest.fixture
def lively(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is live is read every few seconds, as in life, but by no thread."""
    settings.ADS_SNAPSHOT_SECONDS = 3
    monkeypatch.setattr(snapshots, "keep_fresh", lambda: None)
    slots.forget()
    yield
    slots.forget()


# --- the attack


def test_thousands_of_questions_from_one_address_freeze_no_budget_and_what_they_held_is_back_after_minutes(
    clock: Clock, house: Ad, lively: None
) -> None:
    ads = [_paid(budget_micros=usd("5")), _paid(budget_micros=usd("50"), daily_cap_micros=usd("4"))]
    album, attacker, listener = make_album(), Browser(ATTACKER), Browser(LISTENER)
    paid = 0
    for n in range(2_000):
        paid += attacker.is_paid(album)
        if n % 500 == 0:
            clock.now += SECOND
    assert paid == 200, "as many as may wait to be looked at; the rest was shown what nobody pays for"
    assert Campaign.objects.filter(leased_micros__gt=usd("1.5")).count() == 0
    for _ in range(20):
        token = listener.ask(album)
        assert _is_paid(token), "who asks from elsewhere notices nothing"
        clock.now += 2 * SECOND
        assert listener.see(token) == ["accepted"]
    clock.now += timedelta(seconds=30 + SLOT_LIFETIME_SECONDS)
    leases.keep((), clock.now)
    leases.return_due(clock.now)
    assert set(Campaign.objects.values_list("leased_micros", flat=True)) == {0}
    for ad in ads:
        seen = Impression.objects.viewed().filter(ad=ad).count()
        assert Campaign.objects.get(pk=ad.campaign_id).spent_micros <= 6_000 * seen
    assert attacker.is_paid(album), "what was offered is dead, so another one may be"


def test_a_process_that_dies_with_unseen_offers_gives_them_back_when_their_tokens_are_dead(clock: Clock) -> None:
    ad, album, attacker = _paid(budget_micros=usd("1")), make_album(), Browser(ATTACKER)
    for _ in range(150):
        attacker.ask(album)
    leases.forget()  # killed: what it knew is gone
    assert Campaign.objects.get(pk=ad.campaign_id).leased_micros >= 6_000 * 100
    clock.now += timedelta(seconds=30 + SLOT_LIFETIME_SECONDS)
    leases.return_due(clock.now)
    assert Campaign.objects.get(pk=ad.campaign_id).leased_micros == 0
    assert not BudgetLease.objects.filter(returned_at=None).exists()


def test_gates_keep_their_money_apart_and_for_longer() -> None:
    ad = make_ad()
    slot = leases.reserve(ad.campaign_id, 6_000, NOON, SLOT_LIFETIME_SECONDS)
    gate = leases.reserve(ad.campaign_id, 6_000, NOON, GATE_LIFETIME_SECONDS)
    assert slot != gate
    assert leases.left_here(ad.campaign_id, NOON) == 2 * 54_000
    over = NOON + timedelta(seconds=30)
    assert leases.keep({ad.campaign_id}, over) == 2
    assert leases.return_due(over + timedelta(seconds=SLOT_LIFETIME_SECONDS)) == 1
    assert BudgetLease.objects.get(returned_at=None).pk == gate
    assert leases.return_due(over + timedelta(seconds=GATE_LIFETIME_SECONDS)) == 1


# --- what a view gives back


def test_a_view_gives_one_back_and_the_same_view_again_gives_none(
    clock: Clock, house: Ad, settings: LazySettings
) -> None:
    settings.ADS_MOST_UNSEEN = 2
    _paid()
    album, guest = make_album(), Browser(LISTENER)
    first, second = guest.ask(album), guest.ask(album)
    assert _is_paid(first)
    assert _is_paid(second)
    assert not guest.is_paid(album)
    clock.now += 2 * SECOND
    assert guest.see(first) == ["accepted"]
    assert guest.is_paid(album)
    assert guest.see(first, first) == ["duplicate", "duplicate"]
    assert not guest.is_paid(album)


def test_what_a_rejected_or_lighter_view_does_not_cost_is_free_at_once(clock: Clock, settings: LazySettings) -> None:
    settings.ADS_FULL_VIEWS = 1
    ad = _paid()
    album, guest = make_album(), Browser(LISTENER)
    some = [guest.ask(album) for _ in range(4)]
    held = Campaign.objects.get(pk=ad.campaign_id).leased_micros
    clock.now += 2 * SECOND
    assert guest.see(*some[:3]) == ["accepted"] * 3
    assert guest.see(some[3], ms=10) == ["accepted"]
    campaign = Campaign.objects.get(pk=ad.campaign_id)
    assert campaign.spent_micros == 6_000 + 3_000 + 1_998, "whole, a half, a third; and one too short"
    assert campaign.leased_micros == held - 4 * 6_000


def test_what_costs_nobody_anything_is_not_counted(house: Ad, settings: LazySettings) -> None:
    settings.ADS_MOST_UNSEEN = 1
    album, guest = make_album(), Browser(LISTENER)
    for _ in range(3):
        assert guest.ask(album)
    _paid()
    assert guest.is_paid(album)


# --- who is counted with whom


def test_a_network_of_ipv6_is_its_64_and_its_48_holds_five_times_as_much(house: Ad, settings: LazySettings) -> None:
    settings.ADS_MOST_UNSEEN = 2
    _paid()
    album = make_album()
    assert [Browser(f"2001:db8:1:1::{n}").is_paid(album) for n in range(3)] == [True, True, False]
    assert sum(Browser(f"2001:db8:1:{n}::1").is_paid(album) for n in range(2, 30)) == 8
    assert Browser("2001:db8:2::1").is_paid(album)
    assert [Browser(f"192.0.2.{n}").is_paid(album) for n in range(3)] == [True, True, False]


def test_a_proven_wallet_is_counted_by_itself(house: Ad, settings: LazySettings) -> None:
    settings.ADS_MOST_UNSEEN = 1
    _paid()
    album, stranger = make_album(), Browser(LISTENER)
    assert [stranger.is_paid(album) for _ in range(2)] == [True, False]
    listener, person = leo(), Browser(LISTENER)
    wallet = wallets.for_listener(listener, "")
    type(wallet).objects.filter(pk=wallet.pk).update(proven_at=timezone.now())
    person.client.force_login(listener)
    assert sum(person.is_paid(album) for _ in range(30)) == unseen.MOST_OF_A_WALLET
    assert not stranger.is_paid(album)


def test_an_ad_that_nobody_has_to_pay_for_is_no_error_and_can_be_replayed(house: Ad, settings: LazySettings) -> None:
    settings.ADS_MOST_UNSEEN, settings.ADS_DECISION_DAYS = 1, 7
    paid = _paid()
    album, guest = make_album(), Browser(LISTENER)
    guest.ask(album)
    token = guest.ask(album)
    assert tokens.verify(token).ad_id == house.pk
    decisions.flush()
    replay = replaying.replay(tokens.verify(token).id, timezone.now())
    assert replay.is_same
    why = {verdict.one.ad_id: verdict.why for verdict in replay.verdicts}
    assert why[paid.pk] == replaying.WORDS["too many unseen"]
    assert ("Only ads that nobody pays for", "yes") in replaying.asked(replay.recorded)


# --- a school


def test_three_hundred_guests_behind_one_address_get_paid_ads(clock: Clock, house: Ad, lively: None) -> None:
    """Each opens a page a minute, one in ten leaves it before the ad counts; twice as long as an offer lives."""
    _paid(budget_micros=usd("500"))
    albums = [make_album() for _ in range(5)]
    chance = random.Random(7)
    school, looking = Browser(ATTACKER), list[tuple[datetime, str]]()
    asked = paid = 0
    for _ in range(2 * SLOT_LIFETIME_SECONDS):
        clock.now += SECOND
        for _ in range(5):
            token = school.ask(chance.choice(albums))
            asked, paid = asked + 1, paid + _is_paid(token)
            if chance.random() < 0.9:
                looking.append((clock.now + chance.randrange(1, 6) * SECOND, token))
        ready = [token for at, token in looking if at <= clock.now]
        looking = [one for one in looking if one[0] > clock.now]
        if ready:
            school.see(*ready)
    assert asked == 1_800
    assert paid == asked


# --- the counts


def test_counts_are_forgotten_by_themselves() -> None:
    lately = Lately(200)
    some = [("a", 2)]
    assert [lately.take(some, NOON + n * SECOND) for n in (0, 100, 199)] == [True, True, False]
    assert lately.wait_seconds(some, NOON + 199 * SECOND) <= 11
    assert lately.take(some, NOON + 211 * SECOND)
    assert not lately.take(some, NOON + 211 * SECOND)


def test_nothing_is_counted_where_one_of_the_keys_has_no_room() -> None:
    lately = Lately(200)
    assert lately.take([("wide", 3), ("narrow", 1)], NOON)
    assert not lately.take([("wide", 3), ("narrow", 1)], NOON)
    assert lately.take([("wide", 3)], NOON)
    assert lately.take([("wide", 3)], NOON)
    assert not lately.take([("wide", 3)], NOON)


def test_what_another_process_took_gives_back_the_oldest_here_and_never_more_than_there_is() -> None:
    lately = Lately(200)
    assert lately.take([("a", 1)], NOON)
    lately.give_back([("a", 1), ("b", 1)], NOON + 50 * SECOND)
    lately.give_back([("a", 1)], NOON)
    assert lately.take([("a", 1)], NOON)
    assert not lately.take([("a", 1)], NOON)


def test_memory_is_bounded_and_nobody_makes_others_forgotten() -> None:
    lately = Lately(200, most_keys=3)
    assert all(lately.take([(key, 1)], NOON) for key in "abc")
    assert lately.take([("d", 1)], NOON)
    assert not lately.take([("e", 1)], NOON), "d and e share a count"
    assert not lately.take([("a", 1)], NOON)
    assert len(lately) == 4
    later = NOON + timedelta(seconds=200 * (PARTS + 2) / PARTS)
    assert lately.take([("e", 1)], later)
    assert len(lately) == 1
