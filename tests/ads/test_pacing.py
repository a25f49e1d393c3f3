"""Pacing: an even campaign spends its money over its whole time, whatever the hour brings."""

import random
from datetime import timedelta
from typing import Any

import pytest

from ads.budgets import pacing
from ads.delivery import choosing
from ads.demand import campaigns
from ads.models import AskedHour, Campaign, CampaignDay
from ads.tasks import pace
from tests.ads.factories import DAY, NOON, make_ad, make_campaign

MINUTES = 24 * 60


def _day(campaign: Campaign, chances_of: list[int], *, days: int = 1) -> list[int]:
    """Let days pass in memory; what is spent by the end of each hour, in permille of what there is for all of them."""
    chance, told = random.Random(7), list[int]()
    for minute in range(days * MINUTES):
        at = campaign.starts_at + timedelta(minutes=minute)
        if minute % MINUTES == 0:
            today = 0
        takes = sum(chance.random() * 1000 < campaign.pass_permille for _ in range(chances_of[minute // 60 % 24]))
        cap = campaign.daily_cap_micros
        can_pay = campaign.remaining_micros if cap is None else min(campaign.remaining_micros, cap - today)
        paid = min(takes, can_pay // campaign.price_micros) * campaign.price_micros
        campaign.spent_micros += paid
        today += paid
        campaign.pass_permille = pacing.paced(campaign, {0: today, campaign.pk: today}, at)
        if minute % 60 == 59:
            told.append(campaign.spent_micros * 1000 // campaign.budget_micros)
    return told


def _campaign(**terms: Any) -> Campaign:
    start = NOON.replace(hour=0)
    values: dict[str, Any] = {
        "pk": 1,
        "cpm_micros": 6_000_000,
        "budget_micros": 6_000_000,
        "starts_at": start,
        "kind": Campaign.Kind.PAID,
        "ends_at": start + timedelta(days=1),
        **terms,
    }
    return Campaign(**values)


@pytest.mark.parametrize(
    "chances_of", [[12] * 24, [2] * 8 + [16] * 16, [30] * 6 + [5] * 18], ids=["flat", "by day", "by night"]
)
def test_an_even_campaign_spends_its_budget_over_all_its_days(chances_of: list[int]) -> None:
    start = NOON.replace(hour=0)
    campaign = _campaign(budget_micros=24_000_000, ends_at=start + timedelta(days=3))
    told = _day(campaign, chances_of, days=3)
    even = [(hour + 1) * 1000 // 72 for hour in range(72)]
    assert all(abs(spent - due) <= 80 for spent, due in zip(told[12:], even[12:], strict=True)), told
    assert told[-1] >= 950
    assert _day(_campaign(budget_micros=24_000_000, pacing=Campaign.Pacing.FAST), chances_of)[11] > 800


def test_the_days_cap_is_paced_too() -> None:
    campaign = _campaign(budget_micros=24_000_000, daily_cap_micros=6_000_000, ends_at=None)
    told = _day(campaign, [5] * 24, days=3)
    assert [told[23], told[47], told[71]] == [pytest.approx(250 * day, abs=13) for day in (1, 2, 3)]
    noon = told[47 - 12] - told[23]
    assert 75 <= noon <= 175, "half of the second day's cap by its noon"


def test_a_fast_campaign_takes_every_chance() -> None:
    told = _day(_campaign(pacing=Campaign.Pacing.FAST), [20] * 24)
    assert told[0] >= 990


def test_a_campaign_without_an_end_takes_every_chance() -> None:
    campaign = _campaign(ends_at=None, pass_permille=400)
    assert pacing.paced(campaign, {}, NOON) == 1_000


@pytest.mark.django_db
def test_each_minute_moves_live_even_campaigns_by_a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: dict[str, Any] = {"starts_at": NOON - timedelta(days=1), "ends_at": NOON + timedelta(days=1)}
    ahead = make_campaign(spent_micros=6_000_000, **ends)
    behind = make_campaign(pass_permille=500, **ends)
    capped = make_campaign(daily_cap_micros=100_000)
    CampaignDay.objects.create(campaign=capped, day=DAY, spent_micros=60_000)
    fast = make_campaign(spent_micros=6_000_000, pacing=Campaign.Pacing.FAST, **ends)
    paused = make_campaign(spent_micros=6_000_000, state=Campaign.State.PAUSED, **ends)
    monkeypatch.setattr("ads.tasks.timezone.now", lambda: NOON)
    pace()
    after = [Campaign.objects.get(pk=one.pk).pass_permille for one in (ahead, behind, capped, fast, paused)]
    assert after == [900, 550, 900, 1_000, 1_000]
    for _ in range(100):
        pacing.step(NOON)
    assert Campaign.objects.get(pk=ahead.pk).pass_permille == pacing.LEAST_PERMILLE
    assert Campaign.objects.get(pk=behind.pk).pass_permille == 1_000


# --- the first minutes


def _minutes(campaign: Campaign, chances: int) -> list[float]:
    """Let its day pass, with so many chances a minute; after each how far it is from its line, in permille of all."""
    told = []
    for minute in range(1, MINUTES + 1):
        lots = (choosing._lot(f"{minute}.{n}", 1) for n in range(chances))
        paid = sum(lot < campaign.pass_permille for lot in lots) * campaign.price_micros
        campaign.spent_micros += min(paid, campaign.remaining_micros)
        told.append(campaign.spent_micros * 1_000 / campaign.budget_micros - minute * 1_000 / MINUTES)
        campaign.pass_permille = pacing.paced(campaign, {}, campaign.starts_at + timedelta(minutes=minute))
    return told


@pytest.mark.parametrize(("views", "chances"), [(1_000, 12), (1_000, 5), (5_000, 60), (1_440, 60), (300, 60)])
@pytest.mark.parametrize("believed", [1, 3, 1 / 3], ids=["as expected", "a third of it", "three times of it"])
def test_a_new_campaign_is_never_three_hundredths_or_ten_views_from_its_line_from_the_first_minute_on(
    views: int, chances: int, believed: float
) -> None:
    campaign = _campaign(budget_micros=6_000 * views, places=["page"])
    campaign.pass_permille = pacing.first(campaign, {"page": chances * believed, "gate": 1_000}, campaign.starts_at)
    told = _minutes(campaign, chances)
    most = max(30, 10_000 / views)
    assert all(abs(away) <= most for away in told), (min(told), max(told))
    assert told[-1] >= -15, "and its money is spent"


def test_with_all_its_chances_a_new_campaign_would_be_gone_in_a_moment() -> None:
    assert max(_minutes(_campaign(budget_micros=6_000 * 300, places=["page"]), 60)) > 900


def test_what_a_campaign_begins_with_is_bounded() -> None:
    much, little = {"page": 1_000_000.0}, {"page": 0.01}
    campaign = _campaign(places=["page"])
    assert pacing.first(campaign, much, NOON) == pacing.FIRST_LEAST_PERMILLE
    assert pacing.first(campaign, little, NOON) == 1_000
    assert pacing.first(campaign, {"gate": 5.0}, NOON) == 1_000, "nobody knows what is asked for at its places"
    assert pacing.first(_campaign(places=["page"], pacing=Campaign.Pacing.FAST), much, NOON) == 1_000
    assert pacing.first(_campaign(places=["page"], ends_at=None), much, NOON) == 1_000
    capped = _campaign(places=["page"], daily_cap_micros=720 * 6_000, budget_micros=24_000_000, ends_at=None)
    assert pacing.first(capped, {"page": 10.0}, NOON) == 100, "720 views in the half of the day that is left"


@pytest.mark.django_db
def test_a_campaign_begins_its_line_when_it_goes_live_for_the_first_time() -> None:
    AskedHour.objects.create(place="page", hour=NOON - timedelta(hours=2), asked=1_500)
    AskedHour.objects.create(place="page", hour=NOON, asked=300)
    AskedHour.objects.create(place="page", hour=NOON - timedelta(hours=4), asked=10_000)
    AskedHour.objects.create(place="player", hour=NOON, asked=10_000)
    campaign = make_campaign(
        live=False, places=["page"], starts_at=NOON - timedelta(days=1), ends_at=NOON + timedelta(days=1)
    )
    make_ad(campaign)
    campaigns.go_live(campaign, NOON)
    assert pacing.asked_lately(NOON) == {"page": 10.0, "player": pytest.approx(10_000 / 180)}
    assert campaign.pass_permille == 116, "$10 at 0.6 cents are 1 667 views in 1 440 minutes, of ten a minute"
    assert pacing.paced(campaign, {}, NOON) == 128, "neither ahead nor behind: yesterday it was not live"
    campaign.spent_micros = 60_000
    assert pacing.paced(campaign, {}, NOON + timedelta(minutes=1)) == 104
    Campaign.objects.update(pass_permille=300)
    campaigns.pause(campaign, NOON)
    campaigns.go_live(campaign, NOON + timedelta(hours=1))
    assert (campaign.went_live_at, campaign.pass_permille) == (NOON, 300), "only once"


@pytest.mark.django_db
def test_a_campaign_that_begins_soon_is_given_what_it_begins_with() -> None:
    AskedHour.objects.create(place="page", hour=NOON - timedelta(hours=1), asked=1_800)
    terms: dict[str, Any] = {"places": ["page"], "ends_at": NOON + timedelta(days=1)}
    soon = make_campaign(starts_at=NOON + timedelta(minutes=30), **terms)
    later = make_campaign(starts_at=NOON + timedelta(hours=2), **terms)
    pacing.step(NOON)
    assert Campaign.objects.get(pk=soon.pk).pass_permille == 119
    assert Campaign.objects.get(pk=later.pk).pass_permille == 1_000
