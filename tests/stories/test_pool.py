"""Credits nobody spent become the artists' pool: expired, shared out or carried on, and a view found invalid later."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ads.models import Impression, Wallet
from ads.revenue import rejections
from ads.rewards import credits
from ads.tasks import close_days
from artists.models import Track
from ledger import chart, journal, months, payees
from megabox import audit
from payouts import pool
from payouts.tasks import share_out_pools
from tests.ads.factories import NOON, USD, balance, make_ad, make_wallet, watch
from tests.crashing import Clock
from tests.payouts.factories import listen, make_song

pytestmark = pytest.mark.django_db

YEAR_LATER = datetime(2027, 11, 2, 12, tzinfo=UTC)
CLOSED = datetime(2027, 12, 8, 3, tzinfo=UTC)
POOL, NEXT_POOL = chart.pool("2027-11", USD), chart.pool("2027-12", USD)


@pytest.fixture
def wallet() -> Wallet:
    return make_wallet()


@pytest.fixture
def views(wallet: Wallet) -> list[Impression]:
    """Three views of $0.006 each, whose credits nobody spent: they expire after a year."""
    found = [watch(make_ad(), wallet, at=NOON + timedelta(minutes=n)) for n in range(3)]
    credits.expire(YEAR_LATER)
    assert balance(POOL) == 18_000
    return found


@pytest.fixture
def heard() -> Track:
    """What everybody listened to in the month of the pool."""
    track = make_song()
    listen("user:1", track, 3, at=YEAR_LATER)
    return track


def close_november() -> None:
    months.close(date(2027, 11, 1), at=CLOSED)


def reject(view: Impression, at: datetime) -> None:
    assert rejections.reject_batch([view.pk], at=at)
    assert list(audit.findings(at)) == []


def test_what_expired_is_shared_out_and_paid_like_everything_else(views: list[Impression], heard: Track) -> None:
    payee = heard.album.artist.payee_id
    close_november()
    assert pool.share_due(CLOSED) == 1
    assert balance(chart.payee(payee, "pending", USD)) == 18_000
    payees.mature(date(2027, 12, 15), at=CLOSED + timedelta(days=7))
    assert balance(chart.payee(payee, "payable", USD)) == 18_000
    assert list(audit.findings()) == []


def test_the_clocks_alone_close_the_month_and_share_out_its_pool(
    views: list[Impression], heard: Track, clock: Clock
) -> None:
    """Nobody presses anything: the ads' clock closes days and months, the payouts' clock shares out."""
    for day in (1, 6, 7, 8):
        clock.now = datetime(2027, 12, day, 3, tzinfo=UTC)
        close_days()
        share_out_pools()
        is_shared = balance(POOL) == 0
        assert is_shared is (day >= 7), f"on 2027-12-{day:02d}"
    assert balance(chart.payee(heard.album.artist.payee_id, "pending", USD)) == 18_000


def test_a_view_found_invalid_before_the_sharing_leaves_less_to_share(
    views: list[Impression], heard: Track, wallet: Wallet
) -> None:
    close_november()
    reject(views[0], CLOSED)
    assert balance(POOL) == 12_000
    assert pool.share_due(CLOSED) == 1
    assert balance(chart.payee(heard.album.artist.payee_id, "pending", USD)) == 12_000
    wallet.refresh_from_db()
    assert wallet.blocked_at is None


def test_a_view_found_invalid_after_it_is_borne_by_us_and_the_artists_keep_theirs(
    views: list[Impression], heard: Track, wallet: Wallet
) -> None:
    close_november()
    pool.share_due(CLOSED)
    reject(views[0], CLOSED + timedelta(days=1))
    assert balance(chart.payee(heard.album.artist.payee_id, "pending", USD)) == 18_000
    assert balance(chart.listener_rewards(USD)) - balance(chart.ads_revenue(USD)) == 6_000, "we bear it"
    wallet.refresh_from_db()
    assert wallet.blocked_at == CLOSED + timedelta(days=1)


def test_money_that_came_later_is_not_taken_for_a_view_whose_money_was_shared_out(
    views: list[Impression], heard: Track
) -> None:
    close_november()
    pool.share_due(CLOSED)
    late = journal.Line(chart.stripe(USD), POOL, 18_000, USD)
    journal.post("late", "credits expired", [late], occurred_at=CLOSED)
    assert rejections.reject_batch([views[0].pk], at=CLOSED + timedelta(minutes=1))
    assert balance(POOL) == 18_000, "that is somebody else's"


def test_a_view_found_invalid_is_followed_into_the_pool_it_was_carried_to(views: list[Impression]) -> None:
    close_november()
    assert pool.share_due(CLOSED) == 1, "nobody listened"
    assert (balance(POOL), balance(NEXT_POOL)) == (0, 18_000)
    for number, view in enumerate(views[:2], start=1):
        reject(view, CLOSED + timedelta(days=1))
        assert balance(NEXT_POOL) == 18_000 - 6_000 * number
    assert balance(chart.listener_rewards(USD)) == balance(chart.ads_revenue(USD)) == 6_000
