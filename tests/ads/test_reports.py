"""Ad revenue and roll-forwards agree with the books, to the micro, and all credits have money behind them."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from ads import reports
from ads.models import Campaign
from ads.revenue import rejections, settlement
from ads.rewards import credits
from ledger import chart, journal
from ledger.models import Account
from megabox.reporting import Filters
from megabox.tables import Table
from tests.ads.factories import (
    NEXT_DAY,
    NOON,
    USD,
    download,
    make_ad,
    make_campaign,
    make_wallet,
    see,
    top_up,
    usd,
    watch,
)
from tests.artists.factories import make_album

pytestmark = pytest.mark.django_db


def asked(**what: object) -> Filters:
    return Filters(**{"since": date(2026, 1, 1), "until": date(2027, 12, 31), **what})  # type: ignore[arg-type]


def lines(table: Table) -> list[dict[str, object]]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def totals(table: Table) -> dict[object, dict[str, object]]:
    names = [column.name for column in table.columns]
    found: list[dict[str, object]] = [dict(zip(names, row, strict=True)) for row in table.totals()]
    return {row["unit"]: row for row in found}


@pytest.fixture
def campaign() -> Campaign:
    """Three views beside music and two at the gate of one campaign; one of each is found invalid after settlement."""
    campaign = make_campaign(name="Night buses")
    ad, album, wallet = make_ad(campaign), make_album(), make_wallet()
    seen = [see(ad, album, at=NOON + timedelta(minutes=n)) for n in range(3)]
    watched = [watch(ad, wallet, at=NOON + timedelta(hours=1 + n)) for n in range(2)]
    settlement.settle_due(NEXT_DAY)
    rejections.reject_batch([seen[0].pk], at=NEXT_DAY)
    rejections.reject_batch([watched[0].pk], at=NEXT_DAY)
    download(wallet, album, credits_micros=5_000, at=NEXT_DAY)
    return campaign


def test_revenue_and_its_parts_are_what_the_books_hold(campaign: Campaign) -> None:
    for by in ("day", "campaign"):
        total = totals(reports.revenue(asked(by=by)))[USD]
        assert total["gross"] == journal.balance(chart.ads_revenue(USD)) == 18_000
        assert total["payees"] == journal.balance(chart.payee_ad_share(USD)) == 10_800
        assert total["listeners"] == journal.balance(chart.listener_rewards(USD)) == 6_000
        assert total["ours"] == 1_200
        assert (total["billable"], total["invalid"]) == (3, 2)


def test_views_are_counted_by_campaign_and_found_by_its_name(campaign: Campaign) -> None:
    see(make_ad(make_campaign(name="Other")))
    found = lines(reports.revenue(asked(by="campaign", text="night")))
    assert [(line["campaign"], line["billable"]) for line in found] == [("Night buses", 3)]


def test_invalid_views_are_listed_by_their_reason(campaign: Campaign) -> None:
    assert [
        (line["reason"], line["invalid"], line["price"]) for line in lines(reports.revenue(asked(by="reason")))
    ] == [("Found invalid in the review", 2, 12_000)]


def test_the_chart_of_revenue_sums_to_it(campaign: Campaign) -> None:
    bars = reports._revenue_bars(asked())
    assert bars is not None
    assert sum(bars.amounts.values()) == journal.balance(chart.ads_revenue(USD))


def test_prepaid_money_rolls_from_opening_to_closing(campaign: Campaign) -> None:
    advertiser = campaign.advertiser
    assert advertiser is not None
    top_up(advertiser, usd("3"), at=NOON + timedelta(days=40))
    code = chart.prepaid(advertiser.pk, USD)

    [line] = lines(reports.prepaid(asked()))
    assert line["closing"] == journal.balance(code) == usd("13") - 18_000
    assert (line["deposits"], line["spent"], line["made_whole"], line["other"]) == (usd("13"), -30_000, 12_000, 0)

    later = asked(since=NOON.date() + timedelta(days=30))
    [line] = lines(reports.prepaid(later))
    assert line["opening"] == journal.balance(code, at=NOON + timedelta(days=29))
    assert line["closing"] == journal.balance(code)


def test_credits_roll_month_by_month_and_are_covered_to_the_last_one(campaign: Campaign) -> None:
    wallet = make_wallet()
    watch(make_ad(), wallet, at=NOON + timedelta(days=35))
    credits.expire(NOON + timedelta(days=500))
    table = lines(reports.credits(asked(until=date(2028, 12, 31))))

    assert {line["coverage"] for line in table} == {10_000}
    months = [line for line in table if line["what"] == "credits"]
    assert [line["month"] for line in months] == ["2026-01", "2026-11", "2026-12", "2028-03"]
    for before, after in pairwise(months):
        assert before["closing"] == after["opening"]
    for line in table:
        moved = sum(int(str(line[name])) for name in ("opening", "earned", "spent", "expired", "revoked"))
        assert line["closing"] == moved
    held = sum(journal.balance(code) for code in _wallets())
    assert months[-1]["closing"] == held
    assert table[-1]["closing"] == journal.balance(chart.backing(USD))
    assert months[1]["spent"] == -5_000_000
    assert months[1]["revoked"] == -6_000_000


def _wallets() -> list[str]:
    return list(Account.objects.filter(code__startswith="wallet:").values_list("code", flat=True))
