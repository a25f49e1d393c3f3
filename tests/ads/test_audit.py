"""The audit finds what does not agree. Each test breaks one thing, behind the back of the rules."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F

from ads import audit
from ads.models import (
    BookDay,
    BudgetLease,
    Campaign,
    CampaignDay,
    GroupEntry,
    Impression,
    ImpressionGroup,
    Place,
    Settlement,
)
from ads.models.impressions import ImpressionQuerySet
from ads.revenue import rejections, settlement
from ads.rewards import credits
from ledger import chart, journal
from ledger.journal import Line
from tests.ads.factories import (
    DAY,
    NEXT_DAY,
    NOON,
    USD,
    download,
    lease,
    make_ad,
    make_impression,
    make_wallet,
    see,
    watch,
)
from tests.artists.factories import make_album

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_busy_day() -> None:
    """Views at every place, settled in two steps, one of them rejected before and one after."""
    ad, wallet, album = make_ad(), make_wallet(), make_album()
    kept = [see(ad, album, at=NOON + timedelta(minutes=n), shares=[[42, 6_000], [43, 4_000]]) for n in range(4)]
    watch(ad, wallet)
    see(ad, place=Place.MEGAKEY, wallet_id=wallet.pk, shares=[])
    rejections.reject_batch([kept[0].pk], at=NOON + timedelta(hours=1))
    settlement.settle_due(NOON + timedelta(hours=2))
    see(ad, album, at=NOON + timedelta(hours=3), shares=[[42, 6_000], [43, 4_000]])
    settlement.settle_due(NEXT_DAY)
    rejections.reject_batch([kept[1].pk], at=NEXT_DAY)
    download(wallet, album, at=NEXT_DAY)
    watch(ad, make_wallet(), at=NEXT_DAY)
    assert list(audit.findings()) == []


def _settled() -> ImpressionQuerySet:
    return Impression.objects.viewed().exclude(pk__in=Impression.objects.unposted())


def _rules() -> set[str]:
    return {finding.rule for finding in audit.findings()}


def test_a_price_changed_after_settlement_is_found() -> None:
    settled = _settled().filter(place=Place.PAGE).first()
    assert settled is not None
    Impression.objects.filter(pk=settled.pk).update(price_micros=F("price_micros") + 1)
    assert _rules() == {"spend is views", "price is weighed", "groups are impressions", "settled is billable"}


def test_leases_that_do_not_say_what_is_held_or_billed_are_found() -> None:
    ad = make_ad()
    view = see(ad, lease_id=lease(ad))
    assert _rules() == set()
    CampaignDay.objects.filter(campaign=ad.campaign).update(leased_micros=F("leased_micros") - 1)
    assert _rules() == {"leased is held"}
    CampaignDay.objects.filter(campaign=ad.campaign).update(leased_micros=F("leased_micros") + 1)
    BudgetLease.objects.update(billed_micros=0)
    assert _rules() == {"leased is held", "leases bill views"}
    BudgetLease.objects.update(billed_micros=view.price_micros)
    rejections.reject_batch([view.pk], at=NEXT_DAY)
    assert _rules() == set(), "what is given back goes to the budget, not to the lease"


def test_a_view_that_disappeared_after_settlement_is_found() -> None:
    Impression.objects.filter(place=Place.PAGE, state="VIEWED").order_by("viewed_at")[0].delete()
    assert {"spend is views", "groups are impressions", "settled is billable"} <= _rules()


def test_a_view_put_into_an_old_entry_is_found() -> None:
    group = ImpressionGroup.objects.get(postings_count=2)
    first = group.entries.get(n=1)
    view = make_impression(make_ad(group.campaign), beneficiary=group.beneficiary)
    assert _rules() == set()
    Impression.objects.filter(number=first.after + 1).update(number=1_000_000)
    Impression.objects.filter(pk=view.pk).update(number=first.after + 1)
    assert {"groups are impressions", "settled is billable"} <= _rules()


def test_a_view_that_settlements_passed_over_is_found() -> None:
    view = make_impression(make_ad())
    assert _rules() == set()
    Settlement.objects.create(through=view.number, at=NEXT_DAY)
    assert "settled is billable" in _rules()


def test_a_rejected_view_that_names_no_entry_of_its_group_is_found() -> None:
    Impression.objects.filter(posting_n__isnull=False).update(posting_n=9)
    assert {"groups are impressions", "settled is billable"} <= _rules()


def test_an_entry_that_says_something_else_than_its_views_is_found() -> None:
    entry = GroupEntry.objects.order_by("pk").last()
    assert entry is not None
    for change in ({"count": 77}, {"n": 7}, {"through": entry.through + 50}):
        with transaction.atomic():
            GroupEntry.objects.filter(pk=entry.pk).update(**change)
            assert "groups are impressions" in _rules()
            transaction.set_rollback(True)
    assert _rules() == set()


def test_a_spend_that_is_not_its_views_is_found() -> None:
    Campaign.objects.update(spent_micros=F("spent_micros") + 1)
    assert _rules() == {"spend is views"}


def test_a_days_spend_that_is_not_its_views_is_found() -> None:
    CampaignDay.objects.filter(day=DAY).update(spent_micros=F("spent_micros") - 1)
    assert _rules() == {"spend is views"}


def test_a_gate_view_without_credits_is_found() -> None:
    wallet = make_wallet()
    make_impression(place=Place.GATE, wallet=wallet, beneficiary="gate", shares=[])
    assert {"views are credited", "unsettled"} == _rules()


def test_credits_without_a_view_are_found() -> None:
    lines = [
        Line(chart.unsettled(USD), chart.ads_revenue(USD), 6_000, USD),
        *credits.earn_lines(make_wallet().pk, 6_000, source="x", facts={}),
    ]
    journal.post("view:forged", "gate view", lines, occurred_at=NOON)
    assert {"views are credited", "unsettled"} == _rules()


def test_a_closed_day_with_something_unbilled_is_found() -> None:
    BookDay.objects.create(day=NEXT_DAY.date(), state=BookDay.State.CLOSED, closed_at=NEXT_DAY)
    assert _rules() == {"unsettled"}


def test_a_rejection_that_gave_nothing_back_is_found() -> None:
    settled = _settled().filter(place=Place.PAGE).first()
    assert settled is not None
    rejected = {"state": "REJECTED", "reason": "review", "rejected_at": NEXT_DAY}
    Impression.objects.filter(pk=settled.pk).update(**rejected)
    assert "groups are impressions" in _rules(), "its entry billed more than is left"
    Impression.objects.filter(pk=settled.pk).update(posting_n=1)
    assert "rejected is given back" in _rules()


def test_an_entry_over_another_amount_is_found() -> None:
    ImpressionGroup.objects.filter(postings_count=2).update(shares=[[42, 5_000], [43, 5_000]])
    assert _rules() == {"settled is billable"}


@pytest.mark.parametrize(
    ("key", "source"),
    [("ads:1:artist:9:2026-11-01:1", "ads.group:987654"), ("ads:forged", ""), ("ads:forged:x", "ads.group:{group}")],
)
def test_a_settlement_that_no_group_made_is_found(key: str, source: str) -> None:
    group = ImpressionGroup.objects.get(postings_count=2)
    line = Line(chart.stripe(USD), chart.ads_revenue(USD), 6_000, USD, source.format(group=group.pk))
    journal.post(key, "ads settled", [line], occurred_at=NOON)
    assert _rules() == {"settled has its group"}


def test_one_settlement_more_than_the_group_knows_is_found() -> None:
    group = ImpressionGroup.objects.get(postings_count=2)
    line = Line(chart.stripe(USD), chart.ads_revenue(USD), 6_000, USD, group.source)
    journal.post(group.entry_key(3), "ads settled", [line], occurred_at=NOON)
    assert _rules() == {"settled has its group"}
