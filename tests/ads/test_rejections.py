"""A view found invalid: the advertiser is made whole always, and what it paid for is followed as far as it can be."""

from datetime import datetime, timedelta

import pytest

from ads import audit
from ads.models import Campaign, CampaignDay, Impression, ImpressionGroup, Place, Wallet
from ads.revenue import rejections, settlement
from ads.rewards import credits, wallets
from ads.traffic.fraud import Reason
from ledger import audit as ledger_audit
from ledger import chart, journal, payees
from ledger.journal import Line
from ledger.models import Posting
from tests.ads.factories import (
    DAY,
    NEXT_DAY,
    NOON,
    USD,
    balance,
    download,
    make_ad,
    make_advertiser,
    make_campaign,
    make_wallet,
    pending,
    see,
    usd,
    watch,
)
from tests.artists.factories import make_album
from tests.users.factories import ada, leo

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def _reject(*views: Impression, at: datetime = NEXT_DAY) -> None:
    for view in views:
        assert rejections.reject_batch([view.pk], at=at)
    assert list(audit.findings()) == []
    assert list(ledger_audit.findings()) == []


# --- beside music


def test_before_settlement_nothing_was_posted_and_nothing_is() -> None:
    advertiser = make_advertiser(prepaid=usd("10"))
    view = see(make_ad(make_campaign(advertiser=advertiser)))
    _reject(view)
    assert settlement.settle_due(NEXT_DAY) == 0
    assert advertiser.prepaid_micros() == usd("10")
    assert Campaign.objects.get().spent_micros == CampaignDay.objects.get().spent_micros == 0


def test_after_settlement_everybody_gives_back_their_part() -> None:
    """The ads beside music of golden scenario A: 20.00 settled, 3.00 of it invalid."""
    advertiser = make_advertiser(prepaid=usd("500"))
    ad = make_ad(make_campaign(advertiser=advertiser, budget_micros=usd("500"), cpm_micros=usd("1000")))
    album = make_album()
    views = [see(ad, album, at=NOON + timedelta(minutes=n), shares=[[42, 6_000], [43, 4_000]]) for n in range(20)]
    settlement.settle_due(NEXT_DAY)
    _reject(*views[:3])
    assert advertiser.prepaid_micros() == usd("483")
    assert balance(chart.payee(42, "pending", USD)) == usd("10.80") - usd("1.62")
    assert balance(chart.payee(43, "pending", USD)) == usd("7.20") - usd("1.08")
    assert balance(chart.payee_ad_share(USD)) == usd("15.30")
    assert balance(chart.ads_revenue(USD)) == usd("17")
    group = ImpressionGroup.objects.get()
    assert (group.posted_micros, group.gross_micros) == (usd("20"), usd("17"))


@pytest.mark.parametrize("price", [11, 97, 1_003, 6_007])
def test_odd_prices_and_shares_are_given_back_to_the_last_micro(price: int) -> None:
    advertiser = make_advertiser(prepaid=usd("10"))
    ad, album = make_ad(make_campaign(advertiser=advertiser, cpm_micros=price * 1_000)), make_album()
    shares = [[1, 3_333], [2, 3_333], [3, 1_667], [4, 1_667]]
    views = [see(ad, album, at=NOON + timedelta(minutes=n), shares=shares) for n in range(7)]
    settlement.settle_due(NEXT_DAY)
    for view in views:
        _reject(view)
    assert [balance(chart.payee(n, "pending", USD)) for n in (1, 2, 3, 4)] == [0, 0, 0, 0]
    assert advertiser.prepaid_micros() == usd("10")
    assert balance(chart.payee_ad_share(USD)) == balance(chart.ads_revenue(USD)) == 0


def test_what_was_paid_out_is_owed() -> None:
    album = make_album()
    view = see(make_ad(), album)
    settlement.settle_due(NEXT_DAY)
    payee_id = album.artist.payee_id
    payees.mature(DAY + timedelta(days=7), at=NOON + timedelta(days=7))
    paid = Line(chart.payee(payee_id, "payable", USD), chart.transit(USD), 5_400, USD)
    journal.post("payout", "payout reserved", [paid], occurred_at=NOON + timedelta(days=8))
    _reject(view, at=NOON + timedelta(days=9))
    assert balance(chart.payee(payee_id, "owed", USD)) == 5_400


def test_what_the_advertiser_owes_is_settled_first() -> None:
    advertiser = make_advertiser(prepaid=usd("10"))
    view = see(make_ad(make_campaign(advertiser=advertiser)))
    taken = Line(chart.prepaid(advertiser.pk, USD), chart.receivable(USD), usd("9.998"), USD)
    journal.post("dispute", "dispute lost", [taken], occurred_at=NOON)
    settlement.settle_due(NEXT_DAY)
    assert balance(chart.advertiser_owed(advertiser.pk, USD)) == 4_000
    _reject(view)
    assert balance(chart.advertiser_owed(advertiser.pk, USD)) == 0
    assert advertiser.prepaid_micros() == 2_000


# --- credits


def test_unspent_credits_are_revoked() -> None:
    wallet = make_wallet()
    view = watch(make_ad(), wallet)
    _reject(view)
    assert wallet.balance_micros() == balance(chart.backing(USD)) == 0
    assert balance(chart.unsettled(USD)) == balance(chart.ads_revenue(USD)) == balance(chart.listener_rewards(USD)) == 0


def test_credits_are_followed_first_in_first_out() -> None:
    """Three views of 6 each, one download for 8: the first paid 6 of it, the second 2, the third nothing."""
    ad, wallet, album = make_ad(), make_wallet(), make_album()
    views = [watch(ad, wallet, at=NOON + timedelta(minutes=n)) for n in range(3)]
    download(wallet, album, credits_micros=8_000, at=LATER)
    assert pending(album) == 7_200
    _reject(views[2])
    assert (wallet.balance_micros(), pending(album)) == (4_000, 7_200)
    _reject(views[1])
    assert (wallet.balance_micros(), pending(album), balance(chart.commission(USD))) == (0, 5_400, 600)
    _reject(views[0])
    assert (wallet.balance_micros(), pending(album), balance(chart.commission(USD))) == (0, 0, 0)
    assert balance(chart.listener_rewards(USD)) == 0


def test_a_download_is_taken_back_from_all_who_shared_it() -> None:
    ad, wallet = make_ad(make_campaign(cpm_micros=5_001_000)), make_wallet()
    view = watch(ad, wallet)
    shares = [[1, 3_333], [2, 3_333], [3, 3_334]]
    credits.spend(wallet, 5_001, shares, key="k", source="store.gate:k", facts={}, at=LATER)
    _reject(view)
    assert [balance(chart.payee(n, "pending", USD)) for n in (1, 2, 3)] == [0, 0, 0]
    assert balance(chart.commission(USD)) == 0


def test_never_another_sales_pending_money() -> None:
    ad, wallet, album = make_ad(), make_wallet(), make_album()
    view = watch(ad, wallet)
    download(wallet, album, at=LATER)
    other = make_wallet()
    watch(ad, other)
    download(other, album, at=LATER)
    _reject(view)
    assert pending(album) == 4_500, "the other listener's download stays"


def test_what_has_matured_we_bear_and_the_wallet_is_blocked() -> None:
    advertiser = make_advertiser(prepaid=usd("10"))
    wallet, album = make_wallet(), make_album()
    view = watch(make_ad(make_campaign(advertiser=advertiser)), wallet)
    download(wallet, album, at=LATER)
    settlement.settle_due(NEXT_DAY)
    payees.mature(DAY + timedelta(days=7), at=NOON + timedelta(days=7))
    _reject(view, at=NOON + timedelta(days=8))
    assert advertiser.prepaid_micros() == usd("10"), "the advertiser is made whole"
    assert balance(chart.payee(album.artist.payee_id, "payable", USD)) == 4_500, "the artist keeps it"
    assert wallet.balance_micros() == 0
    assert balance(chart.listener_rewards(USD)) - balance(chart.ads_revenue(USD)) == 5_000, "we bear it"
    wallet.refresh_from_db()
    assert wallet.blocked_at == NOON + timedelta(days=8)


def test_expired_credits_come_back_from_the_pool_unless_it_was_shared_out() -> None:
    wallet = make_wallet()
    one, two = (watch(make_ad(), wallet, at=NOON + timedelta(minutes=n)) for n in (0, 1))
    year_later = NOON.replace(year=NOON.year + 1, day=2)
    credits.expire(year_later)
    pool = chart.pool(f"{year_later:%Y-%m}", USD)
    assert balance(pool) == 12_000
    _reject(one, at=year_later)
    assert balance(pool) == 6_000
    shared = Line(pool, chart.payee(7, "pending", USD), 6_000, USD, matures_on=year_later.date())
    journal.post("pool", "pool shared", [shared], occurred_at=year_later)
    _reject(two, at=year_later)
    assert balance(chart.listener_rewards(USD)) == 6_000, "shared out: we bear it"
    assert Wallet.objects.get().blocked_at == year_later


def test_credits_of_a_guest_are_followed_into_the_persons_wallet() -> None:
    ad, guest, album = make_ad(), make_wallet("g"), make_album()
    mine = wallets.for_listener(leo(), "")
    first = watch(ad, mine)
    second = watch(ad, guest, at=NOON + timedelta(minutes=1))
    wallets.claim("g", leo(), NOON + timedelta(minutes=2))
    download(mine, album, credits_micros=8_000, at=LATER)
    _reject(second)
    assert (mine.balance_micros(), pending(album)) == (0, 5_400)
    _reject(first)
    assert (mine.balance_micros(), pending(album)) == (0, 0)


def test_a_download_that_was_undone_gives_its_credits_their_place_back() -> None:
    ad, wallet, album = make_ad(), make_wallet(), make_album()
    view = watch(ad, wallet)
    entry = download(wallet, album, at=LATER)
    journal.reverse(entry, key="undo", occurred_at=LATER)
    assert wallet.balance_micros() == 6_000
    _reject(view)
    assert (wallet.balance_micros(), pending(album)) == (0, 0)


def test_the_extensions_views_are_followed_too() -> None:
    ad, wallet, album = make_ad(), make_wallet(), make_album()
    views = [
        see(ad, at=NOON + timedelta(minutes=n), place=Place.MEGAKEY, wallet_id=wallet.pk, shares=[]) for n in range(3)
    ]
    _reject(views[0])
    settlement.settle_due(NEXT_DAY)
    assert wallet.balance_micros() == 12_000
    download(wallet, album, credits_micros=8_000, at=NEXT_DAY)
    _reject(views[1], at=NEXT_DAY)
    assert (wallet.balance_micros(), pending(album)) == (0, 5_400)
    _reject(views[2], at=NEXT_DAY)
    assert (wallet.balance_micros(), pending(album)) == (0, 0)
    assert balance(chart.listener_rewards(USD)) == 0


def test_views_billed_together_are_followed_one_after_the_other() -> None:
    """18 credits of one entry bought 8 of one album and 8 of another; each rejected view follows its own six."""
    ad, wallet, first, second = make_ad(), make_wallet(), make_album(), make_album()
    views = [
        see(ad, at=NOON + timedelta(minutes=n), place=Place.MEGAKEY, wallet_id=wallet.pk, shares=[]) for n in range(3)
    ]
    settlement.settle_due(NEXT_DAY)
    for album in (first, second):
        download(wallet, album, credits_micros=8_000, at=NEXT_DAY)
    left = []
    for view in views:
        _reject(view)
        left.append((wallet.balance_micros(), pending(first), pending(second)))
    assert left == [(0, 3_600, 7_200), (0, 0, 5_400), (0, 0, 0)]


def test_a_rejected_view_can_be_paid_for_again_out_of_the_budget() -> None:
    ad = make_ad(make_campaign(budget_micros=6_000))
    view = see(ad)
    _reject(view)
    assert see(ad, at=NOON + timedelta(minutes=5)).state == "VIEWED"


def test_many_views_are_rejected_at_once_and_the_entries_say_who_decided() -> None:
    ad, album = make_ad(), make_album()
    views = [see(ad, album, at=NOON + timedelta(minutes=n)) for n in range(3)]
    settlement.settle_due(NEXT_DAY)
    rejections.reject_batch([views[0].pk], at=NEXT_DAY)
    assert rejections.reject_batch([view.pk for view in views], at=NEXT_DAY, reason=Reason.BOT, by=ada()) == 2
    assert rejections.reject_batch([view.pk for view in views], at=NEXT_DAY, reason=Reason.BOT, by=ada()) == 0
    assert sorted(Impression.objects.values_list("reason", flat=True)) == ["bot", "bot", "review"]
    facts = Posting.objects.get(entry__key=rejections.entry_key(views[1]), line=0).facts
    assert facts["by"] == ada().pk
    assert Campaign.objects.get().spent_micros == 0
    assert list(audit.findings()) == []
