"""Who pays for a view: within the budget and the day's cap, whole or not at all; and the slices processes hold."""

import os
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from ads import audit
from ads.budgets import charges, funds, leases
from ads.budgets.charges import Charge
from ads.budgets.leases import NothingLeft
from ads.delivery import serving
from ads.measurement import counting, gate_views
from ads.models import Ad, BudgetLease, Campaign, CampaignDay, Impression, Place
from ads.revenue import rejections, settlement
from ads.tokens import LIFETIME_SECONDS
from artists.models import Album
from tests.ads.factories import (
    DAY,
    NEXT_DAY,
    NOON,
    gate_token,
    lease,
    make_ad,
    make_advertiser,
    make_campaign,
    make_wallet,
    page_token,
    see,
    usd,
)
from tests.artists.factories import make_album

pytestmark = pytest.mark.django_db
TOMORROW = DAY + timedelta(days=1)
SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=30)
TOKEN = timedelta(seconds=LIFETIME_SECONDS)


def _spent() -> dict[int, int]:
    return dict(Campaign.objects.values_list("pk", "spent_micros"))


def _held() -> tuple[int, int]:
    """What leases hold, of campaigns and of days."""
    days = sum(CampaignDay.objects.values_list("leased_micros", flat=True))
    return sum(Campaign.objects.values_list("leased_micros", flat=True)), days


def _as_others_do() -> None:
    """Another process, or this one after it was killed: it knows nothing of what was leased before."""
    leases.forget()


# --- the budget itself


def test_charges_of_many_campaigns_and_days_are_billed_together() -> None:
    one, two = make_campaign(), make_campaign()
    wanted: dict[Charge, int] = {
        (two.pk, None, DAY): 5_000,
        (one.pk, None, TOMORROW): 2_000,
        (one.pk, None, DAY): 1_000,
    }
    assert charges.bill(wanted) == set()
    assert _spent() == {one.pk: 3_000, two.pk: 5_000}
    days = {(day.campaign_id, None, day.day): day.spent_micros for day in CampaignDay.objects.all()}
    assert days == wanted


def test_what_does_not_fit_is_refused_whole_and_moves_nothing() -> None:
    poor, capped, rich = make_campaign(budget_micros=9_000), make_campaign(daily_cap_micros=9_000), make_campaign()
    wanted: dict[Charge, int] = {(one.pk, None, DAY): 10_000 for one in (poor, capped, rich)}
    assert charges.bill(wanted) == {(poor.pk, None, DAY), (capped.pk, None, DAY)}
    assert _spent() == {poor.pk: 0, capped.pk: 0, rich.pk: 10_000}
    assert {day.campaign_id: day.spent_micros for day in CampaignDay.objects.all()} == _spent()


def test_what_leases_hold_is_not_spent_a_second_time() -> None:
    campaign = make_campaign(daily_cap_micros=usd("2"))
    Campaign.objects.update(leased_micros=usd("9.999"))
    CampaignDay.objects.create(campaign=campaign, day=DAY, leased_micros=usd("1.999"))
    assert charges.bill({(campaign.pk, None, DAY): 1_001}) == {(campaign.pk, None, DAY)}
    assert charges.bill({(campaign.pk, None, TOMORROW): 1_001}) == {(campaign.pk, None, TOMORROW)}
    assert charges.bill({(campaign.pk, None, DAY): 1_000}) == set()
    assert _spent() == {campaign.pk: 1_000}


def test_nothing_costs_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with transaction.atomic(), django_assert_num_queries(0):
        assert charges.bill({}) == set()
        assert charges.bill({(1, None, DAY): 0}) == set()


def test_what_costs_nothing_needs_no_lease_and_without_seconds_there_are_none(settings: Any) -> None:
    assert leases.reserve(make_campaign(kind=Campaign.Kind.HOUSE).pk, 0, NOON) is None
    settings.ADS_LEASE_SECONDS = 0
    assert leases.reserve(make_campaign().pk, 6_000, NOON) is None
    assert not BudgetLease.objects.exists()


def test_a_view_without_a_lease_is_paid_only_while_its_campaign_is_live(settings: Any) -> None:
    campaign = make_campaign(state=Campaign.State.PAUSED)
    assert charges.bill({(campaign.pk, None, DAY): 6_000}) == {(campaign.pk, None, DAY)}
    settings.ADS_LEASE_SECONDS = 0  # then nothing has a lease, and its rest is kept for half an hour
    assert charges.bill({(campaign.pk, None, DAY): 6_000}) == set()


# --- a slice of it


def test_a_slice_is_offered_without_asking_until_it_is_empty_or_over(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ad = make_ad()
    first = lease(ad)
    with django_assert_num_queries(0):
        assert {lease(ad, NOON + n * SECOND) for n in range(1, 10)} == {first}
    second = lease(ad, NOON + 10 * SECOND)
    assert second != first, "ten views were in it"
    later = lease(ad, NOON + 10 * SECOND + LEASE)
    assert later not in (first, second), "its time was over"
    assert sum(row.left_micros for row in BudgetLease.objects.filter(returned_at=None)) == sum(_held()) // 2


def test_a_slice_is_as_large_as_what_was_offered_lately_in_the_seconds_of_a_lease() -> None:
    ad = make_ad(make_campaign(budget_micros=usd("1000")))

    def granted(pk: int) -> int:
        return BudgetLease.objects.get(pk=pk).granted_micros // 6_000

    assert granted(lease(ad)) == 10
    for _ in range(9):
        lease(ad, NOON + 2 * SECOND)
    assert granted(lease(ad, NOON + 3 * SECOND)) == 80, "a hundred fit, but it grows eightfold at most"
    quiet = NOON + 4 * SECOND + LEASE
    assert granted(lease(ad, quiet)) == 1, "one view in half a minute"


def test_the_last_money_of_a_campaign_is_shared_by_the_processes_view_by_view() -> None:
    ad = make_ad(make_campaign(budget_micros=18_000))
    taken = []
    for _ in range(3):
        taken.append(lease(ad))
        _as_others_do()
    assert len(set(taken)) == 3
    assert _held() == (18_000, 18_000)
    with pytest.raises(NothingLeft):
        lease(ad)


def test_a_slice_keeps_within_the_days_cap_and_ends_with_the_day() -> None:
    ad = make_ad(make_campaign(daily_cap_micros=13_000))
    late = NOON + timedelta(hours=11, minutes=59, seconds=50)
    assert [BudgetLease.objects.get(pk=lease(ad, late)).granted_micros for _ in range(2)] == [6_000, 6_000]
    with pytest.raises(NothingLeft):
        lease(ad, late)
    assert BudgetLease.objects.latest("pk").ends_at == late + 10 * SECOND
    tomorrow = BudgetLease.objects.get(pk=lease(ad, late + 10 * SECOND))
    assert tomorrow.day == TOMORROW


def test_no_more_is_leased_than_is_prepaid_and_neither_leased_nor_owed_for_views() -> None:
    advertiser = make_advertiser(prepaid=18_000)
    one, two = (make_ad(make_campaign(advertiser=advertiser)) for _ in range(2))
    token = page_token(one, lease_id=lease(one))
    assert counting.record(token, "viewed", {"visible_ms": 1_500}, NOON + 2 * SECOND) == "accepted"
    lease(two)
    assert lease(two)
    _as_others_do()
    with pytest.raises(NothingLeft):
        lease(one)
    settlement.settle_due(NEXT_DAY)
    with pytest.raises(NothingLeft):
        lease(one)
    assert funds.of(advertiser, NOON).refundable == 0


def test_a_slice_costs_the_same_however_much_was_billed_before() -> None:
    advertiser = make_advertiser(prepaid=usd("10"))
    ad = make_ad(make_campaign(advertiser=advertiser))

    def asked() -> list[str]:
        _as_others_do()
        with CaptureQueriesContext(connection) as found:
            lease(ad)
        return [one["sql"] for one in found]

    lease(ad)
    before = asked()
    for _ in range(12):
        assert counting.record(page_token(ad, make_album()), "viewed", {"visible_ms": 1_500}, NOON + 2 * SECOND)
    assert settlement.settle_due(NEXT_DAY) == 12
    after = asked()
    assert len(after) == len(before)
    assert not [sql for sql in after if "ads_impressiongroup" in sql], "no group is read"
    assert not [sql for sql in after if 'FROM "ads_impression' in sql or 'FROM "ledger_posting' in sql]
    assert Campaign.objects.get().settled_micros == Campaign.objects.get().spent_micros == 72_000
    assert funds.of(advertiser, NOON).unbilled == 0


def test_what_was_settled_before_is_taken_from_the_groups_once() -> None:
    ad = make_ad()
    for _ in range(3):
        see(ad, make_album())
    settlement.settle_due(NEXT_DAY)
    rejections.reject_batch([Impression.objects.earliest("pk").pk], at=NEXT_DAY)
    other = make_campaign()
    Campaign.objects.filter(pk=ad.campaign_id).update(settled_micros=0)
    assert {finding.rule for finding in audit.findings()} == {"settled is groups"}
    with connection.cursor() as cursor:
        cursor.execute(import_module("ads.migrations.0013_campaign_settled").FROM_GROUPS)
    assert dict(Campaign.objects.values_list("pk", "settled_micros")) == {ad.campaign_id: 12_000, other.pk: 0}
    assert list(audit.findings()) == []


def test_the_database_settles_no_more_than_was_spent() -> None:
    ad = make_ad()
    see(ad, make_album())
    for wrong in (-1, 6_001):
        with pytest.raises(IntegrityError, match="campaign_settles_what_was_spent"), transaction.atomic():
            Campaign.objects.update(settled_micros=wrong)


def test_paused_campaigns_lease_nothing() -> None:
    ad = make_ad(make_campaign(state=Campaign.State.PAUSED))
    with pytest.raises(NothingLeft):
        lease(ad)
    assert not BudgetLease.objects.exists()


def test_a_campaign_that_has_nothing_is_not_asked_again_while_the_picture_of_it_is_the_same(
    settings: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.ADS_SNAPSHOT_SECONDS = 3
    ad = make_ad(make_campaign(budget_micros=5_000, prepaid=usd("1")))
    with pytest.raises(NothingLeft):
        lease(ad)
    with pytest.raises(NothingLeft), django_assert_num_queries(0):
        lease(ad, NOON + 2 * SECOND)
    Campaign.objects.update(budget_micros=usd("1"))
    assert lease(ad, NOON + 3 * SECOND)


# --- what becomes of it


def test_a_leased_view_moves_money_from_leased_to_spent() -> None:
    ad, wallet = make_ad(make_campaign(daily_cap_micros=usd("1"))), make_wallet()
    token = gate_token(ad, wallet, lease_id=lease(ad))
    gate_views.start(token, wallet, NOON)
    gate_views.confirm(token, wallet, "reading", NOON + 15 * SECOND)
    assert _held() == (54_000, 54_000)
    assert BudgetLease.objects.get().billed_micros == Campaign.objects.get().spent_micros == 6_000
    assert list(audit.findings()) == []


def test_many_views_of_a_lease_are_billed_by_three_statements(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ad = make_ad()
    charge: Charge = (ad.campaign_id, lease(ad), DAY)
    with django_assert_num_queries(3):
        assert charges.bill({charge: 60_000}) == set()
    assert _held() == (0, 0)
    assert charges.bill({charge: 1}) == {charge}, "more than was granted"
    other: Charge = (make_campaign().pk, charge[1], DAY)
    assert charges.bill({other: 1}) == {other}, "another campaign's"


def test_leases_and_the_budget_are_charged_together_and_refused_apart() -> None:
    ad = make_ad(make_campaign(budget_micros=usd("0.6"), daily_cap_micros=usd("0.5")))
    held = lease(ad)
    leased: Charge = (ad.campaign_id, held, DAY)
    direct: Charge = (ad.campaign_id, None, DAY)
    tomorrow: Charge = (ad.campaign_id, None, TOMORROW)
    granted = BudgetLease.objects.get().granted_micros
    too_much = usd("0.5") - granted + 1
    assert charges.bill({leased: granted, direct: too_much}) == {direct}
    assert _spent() == {ad.campaign_id: granted}
    over_budget = usd("0.6") - granted + 1
    Campaign.objects.update(daily_cap_micros=None)
    assert charges.bill({tomorrow: over_budget, direct: 1}) == {tomorrow, direct}, "of one budget, so one answer"
    assert charges.bill({tomorrow: over_budget - 1}) == set()
    assert CampaignDay.objects.get(day=DAY).spent_micros == granted
    assert _held() == (0, 0)


def test_a_view_after_midnight_needs_room_in_the_new_day() -> None:
    late = NOON + timedelta(hours=11, minutes=59, seconds=50)
    ad = make_ad(make_campaign(daily_cap_micros=60_000))
    held = lease(ad, late)
    assert charges.bill({(ad.campaign_id, None, TOMORROW): 55_000}) == set()
    charge: Charge = (ad.campaign_id, held, TOMORROW)
    assert charges.bill({charge: 6_000}) == {charge}
    assert (BudgetLease.objects.get().billed_micros, _held()) == (0, (6_000, 6_000))
    assert charges.bill({charge: 5_000}) == set()
    assert {day.day: (day.spent_micros, day.leased_micros) for day in CampaignDay.objects.all()} == {
        DAY: (0, 1_000),
        TOMORROW: (60_000, 0),
    }


def test_what_was_not_watched_comes_back_once_when_no_token_lives_any_more() -> None:
    ad = make_ad()
    held = lease(ad)
    charge: Charge = (ad.campaign_id, held, DAY)
    _as_others_do()
    over = NOON + LEASE + TOKEN
    assert leases.return_due(over - SECOND) == 0
    assert charges.bill({charge: 6_000}) == set(), "a late report of a lease that ended long ago"
    assert leases.return_due(over) == 1
    assert leases.return_due(over) == 0
    assert _held() == (0, 0)
    assert charges.bill({charge: 6_000}) == {charge}
    row = BudgetLease.objects.get()
    assert (row.returned_at, row.left_micros) == (over, 54_000)
    assert leases.forget_returned(over + leases.FORGET_AFTER) == 0
    assert leases.forget_returned(over + leases.FORGET_AFTER + SECOND) == 1


def test_what_was_not_offered_comes_back_as_soon_as_the_slice_is_over() -> None:
    ad = make_ad()
    lease(ad)
    lease(ad)
    assert leases.keep({ad.campaign_id}, NOON + LEASE - SECOND) == 0
    assert leases.keep({ad.campaign_id}, NOON + LEASE) == 1
    assert _held() == (12_000, 12_000), "two views may still be watched"
    assert BudgetLease.objects.get().granted_micros == 12_000


def test_a_slice_of_which_nothing_was_offered_is_returned_whole() -> None:
    ad = make_ad()
    lease(ad)
    with pytest.raises(NothingLeft):
        leases.reserve(ad.campaign_id, usd("11"), NOON)  # the first of a dearer campaign
    assert leases.drop([ad.campaign_id], NOON) == 0
    _as_others_do()
    lease(ad)
    purse = leases._purses[ad.campaign_id, LIFETIME_SECONDS]
    assert purse.slice
    purse.slice.left = purse.slice.granted
    assert leases.drop([ad.campaign_id], NOON) == 1
    assert BudgetLease.objects.latest("pk").returned_at == NOON
    assert leases.keep((), NOON) == 0


def test_what_this_process_holds_can_still_be_shown_by_it_and_by_nobody_else() -> None:
    make_ad(make_campaign(budget_micros=6_000 * 11, prepaid=usd("1")))
    context = serving.Context()
    choice = serving.pick(Place.GATE, context, NOON)[0]
    for _ in range(11):
        assert serving.pick(Place.GATE, context, NOON) == [choice]
        serving.offer(choice, Place.GATE, NOON, wallet=make_wallet())
    assert serving.pick(Place.GATE, context, NOON) == []
    Campaign.objects.update(budget_micros=6_000 * 13)
    lease(Ad.objects.get())
    _as_others_do()
    assert len(serving.pick(Place.GATE, context, NOON)) == 1
    lease(Ad.objects.get())
    _as_others_do()
    assert serving.pick(Place.GATE, context, NOON) == []


def test_the_next_best_ad_is_shown_when_the_money_of_the_best_is_gone(settings: Any) -> None:
    settings.ADS_SNAPSHOT_SECONDS = 60
    best, next_best = make_ad(make_campaign(cpm_micros=usd("9"), budget_micros=9_000)), make_ad()
    serving.forget()
    context = serving.Context(seed="1")
    try:
        assert serving.pick(Place.PAGE, context, NOON)[0].ad_id == best.pk
        Campaign.objects.filter(pk=best.campaign_id).update(spent_micros=9_000)
        album = make_album()
        assert _offered(album, context) == next_best.pk
        Campaign.objects.filter(pk=next_best.campaign_id).update(state=Campaign.State.PAUSED)
        assert _offered(album, context) is None
    finally:
        serving.forget()


def _offered(album: Album, context: serving.Context) -> int | None:
    leases.forget()
    shares = [[album.artist.payee_id, 10_000]]
    found = serving.pick_and_offer(Place.PAGE, context, NOON, artist_id=album.artist_id, shares=shares)
    return found[0].ad_id if found else None


def test_a_forked_process_takes_a_slice_of_its_own() -> None:
    ad = make_ad()
    lease(ad)
    assert leases.left_here(ad.campaign_id, NOON) == 54_000
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(write, str(leases.left_here(ad.campaign_id, NOON)).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read, 100) == b"0"
    os.close(read)
    os.close(write)
