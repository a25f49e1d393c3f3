"""Credits are money: spent to the micro, never twice, and never profit when they expire."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ads import audit
from ads.models import Wallet
from ads.rewards import credits, wallets
from ads.rewards.credits import NotEnough
from ledger import chart, journal, months
from ledger.journal import Line
from tests.ads.factories import NOON, USD, balance, download, make_ad, make_campaign, make_wallet, watch
from tests.artists.factories import make_album
from tests.users.factories import leo

pytestmark = pytest.mark.django_db
FACTS = {"title": "Tide"}


def _earn(wallet: Wallet, micros: int, at: datetime) -> None:
    lines = [
        Line(chart.unsettled(USD), chart.ads_revenue(USD), micros, USD),
        *credits.earn_lines(wallet.pk, micros, source="test", facts={}),
    ]
    journal.post(f"earn:{wallet.pk}:{at.isoformat()}", "test", lines, occurred_at=at)


def test_spending_pays_the_payees_ninety_percent_by_their_shares() -> None:
    wallet = make_wallet()
    _earn(wallet, 10_000_000, NOON)
    shares = [[1, 5_000], [2, 3_000], [3, 2_000]]
    entry = credits.spend(wallet, 9_990_000, shares, key="gate:1", source="store.gate:1", facts=FACTS, at=NOON)
    assert [balance(chart.payee(n, "pending", USD)) for n in (1, 2, 3)] == [4_495_500, 2_697_300, 1_798_200]
    assert balance(chart.commission(USD)) == 999_000
    assert wallet.balance_micros() == 10_000 == balance(chart.backing(USD))
    paid = entry.postings.filter(matures_on__isnull=False)
    assert {posting.matures_on for posting in paid} == {NOON.date() + timedelta(days=7)}
    assert paid[0].facts == {
        "title": "Tide",
        "rule": "policy 1",
        "share_micros": 8_991_000,
        "split_basis_points": 5_000,
    }


def test_the_same_download_is_spent_once() -> None:
    wallet = make_wallet()
    _earn(wallet, 10_000, NOON)
    first, again = (
        credits.spend(wallet, 5_000, [[1, 10_000]], key="gate:1", source="s", facts=FACTS, at=NOON) for _ in range(2)
    )
    assert first == again
    assert wallet.balance_micros() == 5_000


def test_nobody_spends_what_they_do_not_have() -> None:
    wallet = make_wallet()
    _earn(wallet, 4_500, NOON)
    with pytest.raises(NotEnough, match=r"This costs 5 credits; you have 4\.5 credits\."):
        credits.spend(wallet, 5_000, [[1, 10_000]], key="gate:1", source="s", facts=FACTS, at=NOON)
    assert wallet.balance_micros() == 4_500
    assert balance(chart.commission(USD)) == 0


def test_amounts_too_small_to_share_still_add_up() -> None:
    wallet = make_wallet()
    _earn(wallet, 7, NOON)
    credits.spend(wallet, 7, [[1, 3_333], [2, 3_333], [3, 3_334]], key="k", source="s", facts=FACTS, at=NOON)
    assert sum(balance(chart.payee(n, "pending", USD)) for n in (1, 2, 3)) == 7
    assert balance(chart.backing(USD)) == 0


def test_unspent_credits_expire_after_twelve_months_into_the_artists_pool() -> None:
    wallet = make_wallet()
    _earn(wallet, 6_000, NOON)
    _earn(wallet, 4_000, NOON + timedelta(days=30))
    year_later = NOON.replace(year=NOON.year + 1)
    assert credits.expire(year_later - timedelta(seconds=1)) == 0
    assert credits.expire(year_later) == 1
    assert credits.expire(year_later) == 0
    assert wallet.balance_micros() == 4_000 == balance(chart.backing(USD))
    assert balance(chart.pool(f"{year_later:%Y-%m}", USD)) == 6_000
    assert list(audit.findings()) != [], "the test's own unsettled money has no view"


def test_what_was_spent_counts_against_the_oldest_credits() -> None:
    wallet = make_wallet()
    _earn(wallet, 6_000, NOON)
    _earn(wallet, 4_000, NOON + timedelta(days=30))
    download(wallet, make_album(), credits_micros=5_000, at=NOON + timedelta(days=60))
    credits.expire(NOON.replace(year=NOON.year + 1))
    assert wallet.balance_micros() == 4_000
    credits.expire(NOON.replace(year=NOON.year + 1) + timedelta(days=31))
    assert wallet.balance_micros() == 0


def test_looking_for_old_credits_costs_the_same_for_one_wallet_as_for_many(django_assert_num_queries: Any) -> None:
    year_later = NOON.replace(year=NOON.year + 1)
    for number in range(30):
        _earn(make_wallet(f"guest {number}"), 6_000, NOON + timedelta(days=1))
    months.close(NOON.date(), at=year_later)
    with django_assert_num_queries(10):
        assert credits.expire(year_later) == 0


def test_what_expires_is_the_same_when_its_month_is_closed() -> None:
    wallet, year_later = make_wallet(), NOON.replace(year=NOON.year + 1)
    _earn(wallet, 6_000, NOON)
    _earn(wallet, 4_000, NOON + timedelta(hours=1))
    months.close(NOON.date(), at=year_later)
    assert credits.expire(year_later) == 1
    assert wallet.balance_micros() == 4_000


def test_a_merge_counts_as_earned_on_its_day() -> None:
    guest, mine = make_wallet("g"), wallets.for_listener(leo(), "")
    _earn(guest, 6_000, NOON)
    half_a_year = NOON + timedelta(days=180)
    wallets.claim("g", leo(), half_a_year)
    assert credits.expire(NOON.replace(year=NOON.year + 1)) == 0
    assert credits.expire(half_a_year.replace(year=half_a_year.year + 1)) == 1
    assert mine.balance_micros() == 0


@pytest.mark.parametrize(
    ("at", "before"),
    [
        ((2026, 11, 1), (2025, 11, 1)),
        ((2028, 2, 29), (2027, 2, 28)),
        ((2027, 2, 28), (2026, 2, 28)),
        ((2026, 12, 31), (2025, 12, 31)),
        ((2026, 1, 31), (2025, 1, 31)),
    ],
)
def test_twelve_months_before_is_the_same_day_a_year_earlier(
    at: tuple[int, int, int], before: tuple[int, int, int]
) -> None:
    assert credits.months_before(datetime(*at, 3, tzinfo=UTC)) == datetime(*before, 3, tzinfo=UTC)


def test_months_end_when_they_end() -> None:
    assert credits.months_before(datetime(2026, 3, 31, tzinfo=UTC), 1) == datetime(2026, 2, 28, tzinfo=UTC)
    assert credits.months_before(datetime(2026, 1, 15, tzinfo=UTC), 1) == datetime(2025, 12, 15, tzinfo=UTC)
    assert credits.months_before(datetime(2026, 12, 31, tzinfo=UTC), 13) == datetime(2025, 11, 30, tzinfo=UTC)


def test_credits_times_rate_is_the_money_behind_them() -> None:
    wallet = make_wallet()
    for minute in range(3):
        watch(make_ad(make_campaign(cpm_micros=(minute + 1) * 1_234_000)), wallet, at=NOON + timedelta(minutes=minute))
    download(wallet, make_album(), credits_micros=5_001, at=NOON + timedelta(hours=1))
    assert balance(chart.wallet(wallet.pk)) == 1_000 * balance(chart.backing(USD)) == 1_000 * (6 * 1_234 - 5_001)
