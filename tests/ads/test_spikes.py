"""Hours that stand out: noticed once, decided by a person, and nothing leaves meanwhile."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ads import tasks
from ads.models import BookDay, SeenHour, Spike
from ads.revenue import settlement
from ads.traffic import spikes
from ledger import chart
from tests.ads.factories import DAY, NEXT_DAY, NOON, USD, balance, make_ad, make_impression, pending, see
from tests.artists.factories import make_album, make_artist
from tests.users.factories import ada, charlie, max_
from users.models import User

pytestmark = pytest.mark.django_db
AFTER = NOON + timedelta(hours=1, minutes=22)


@pytest.fixture(autouse=True)
def _few_are_many(settings: LazySettings) -> None:
    settings.ADS_SPIKE_LEAST = 5
    settings.ADS_SPIKE_TIMES = 8


def usual(key: int, count: int, scope: str = "artist") -> None:
    """So many views in this hour of each of the last seven days."""
    for days in range(1, 8):
        SeenHour.objects.create(scope=scope, key=str(key), hour=NOON - timedelta(days=days), count=count)


def test_an_hour_far_above_the_usual_is_noticed_once_for_artist_and_campaign() -> None:
    ad, album, quiet = make_ad(), make_album(), make_album()
    for number in range(9):
        make_impression(ad, album=album, viewed_at=NOON + timedelta(minutes=number))
    make_impression(album=quiet, viewed_at=NOON)
    usual(album.artist_id, 1)
    assert spikes.look(AFTER) == 2
    assert spikes.look(AFTER) == 0
    assert spikes.look(AFTER + timedelta(hours=1)) == 0
    found = {(one.scope, one.key): (one.seen, one.usual, one.hour) for one in Spike.objects.all()}
    assert found == {
        ("artist", str(album.artist_id)): (9, 1, NOON),
        ("campaign", str(ad.campaign_id)): (9, 0, NOON),
    }


def test_what_is_usual_or_little_is_no_spike() -> None:
    assert not spikes.stands_out(4, 0)
    assert spikes.stands_out(5, 0)
    assert not spikes.stands_out(16, 2)
    assert spikes.stands_out(17, 2)


def test_the_hour_that_runs_is_not_judged_yet_and_a_slept_through_one_is() -> None:
    ad = make_ad()
    for number in range(6):
        make_impression(ad, viewed_at=NOON + timedelta(minutes=number))
    assert spikes.look(NOON + timedelta(minutes=50)) == 0
    assert spikes.look(NOON + timedelta(hours=1, minutes=2)) == 0
    assert spikes.look(NOON + timedelta(hours=20)) == 1


def test_old_hours_are_forgotten() -> None:
    SeenHour.objects.create(scope="artist", key="1", hour=NOON - timedelta(days=20), count=1)
    spikes.look(AFTER)
    assert not SeenHour.objects.exclude(scope="all").exists()


def test_a_look_costs_no_query_for_each_artist(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    spikes.look(AFTER - timedelta(hours=1))
    ad = make_ad()
    for number in range(8):
        make_impression(ad, viewed_at=NOON + timedelta(minutes=number))
    with django_assert_max_num_queries(20):
        spikes.look(AFTER)


def _spike(scope: str, key: int) -> Spike:
    return Spike.objects.create(scope=scope, key=str(key), hour=NOON, seen=900, usual=3)


def test_while_it_is_open_its_day_does_not_become_final_and_what_is_pending_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ad, album, other = make_ad(), make_album(), make_album()
    see(ad, album, shares=[[album.artist.payee_id, 5_000], [77, 5_000]])
    see(ad, other, at=NOON + timedelta(minutes=1))
    spike = _spike("artist", album.artist_id)

    def clock(days: int) -> None:
        monkeypatch.setattr("ads.tasks.timezone.now", lambda: NOON + timedelta(days=days))
        tasks.settle()
        tasks.close_days()

    clock(1)
    clock(9)
    assert BookDay.objects.get(day=DAY).state == "CLOSED"
    assert pending(album) == balance(chart.payee(77, "pending", USD)) == 2_700
    assert balance(chart.payee(other.artist.payee_id, "payable", USD)) == 5_400, "others are not held"
    spikes.decide(spike.pk, Spike.State.CLEARED, by=ada(), at=NOON + timedelta(days=9))
    clock(10)
    assert BookDay.objects.get(day=DAY).state == "FINAL"
    assert balance(chart.payee(album.artist.payee_id, "payable", USD)) == 2_700
    assert balance(chart.payee(77, "payable", USD)) == 2_700


def test_a_campaigns_spike_holds_the_day_and_nobodys_money() -> None:
    view = see(make_ad())
    _spike("campaign", view.campaign_id)
    assert spikes.held_days() == {DAY}
    assert spikes.held_payees() == set()
    settlement.close_due(NEXT_DAY + timedelta(hours=1))
    settlement.close_due(NOON + timedelta(days=9))
    assert BookDay.objects.get(day=DAY).state == "CLOSED"


def test_a_decision_is_for_the_whole_day_and_is_made_once() -> None:
    first = _spike("artist", 7)
    for hours in (1, 14):
        Spike.objects.create(scope="artist", key="7", hour=NOON + timedelta(hours=hours), seen=900, usual=3)
    spikes.decide(first.pk, Spike.State.INVALID, by=ada(), at=NEXT_DAY)
    assert list(Spike.objects.order_by("hour").values_list("state", flat=True)) == ["INVALID", "INVALID", "OPEN"]
    with pytest.raises(spikes.DecidedBefore):
        spikes.decide(first.pk, Spike.State.CLEARED, by=max_(), at=NEXT_DAY)
    assert Spike.objects.get(pk=first.pk).decided_by == ada()


def test_the_artist_reads_that_pending_money_waits_for_a_look_and_nobody_else_does() -> None:
    mine, other = make_album(), make_album(artist=make_artist("The Paper Boats", owner=charlie()))
    spike = _spike("artist", mine.artist_id)
    words = "Until they have decided, what you have pending waits"
    assert words in _ads_page(mine.artist.owner)
    assert words not in _ads_page(other.artist.owner)
    spikes.decide(spike.pk, Spike.State.CLEARED, by=ada(), at=NOON)
    assert words not in _ads_page(mine.artist.owner)


def _ads_page(person: User) -> str:
    client = Client()
    client.force_login(person)
    return client.get("/studio/ads/").content.decode()
