"""Replaced ads: three tenths wait for the site, seven tenths are the listener's, to the micro and back again."""

import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ads import audit, tokens
from ads.measurement import counting
from ads.models import Ad, BookDay, Impression, Place, Site, Wallet
from ads.revenue import escrow, rejections, replaced, settlement
from artists.models import Payee
from ledger import audit as books_audit
from ledger import chart, payees
from tests.ads.factories import (
    DAY,
    NEXT_DAY,
    NOON,
    USD,
    balance,
    choice,
    download,
    make_ad,
    make_advertiser,
    make_campaign,
    make_wallet,
    usd,
)
from tests.artists.factories import make_album, make_artist

pytestmark = pytest.mark.django_db
EIGHT_DAYS = NOON + timedelta(days=8)


def make_site(domain: str = "news.example", **fields: Any) -> Site:
    return Site.objects.create(domain=domain, **{"rank": 10, "months": 12, **fields})


def replace(ad: Ad, wallet: Wallet, site: Site, *, at: datetime = NOON) -> Impression:
    """A view of an ad that stood where one of the site's own would have been."""
    token = tokens.issue(choice(ad), Place.MEGAKEY, at=at, wallet_id=wallet.pk, shares=replaced.shares_of(site.pk))
    assert counting.record(token, "viewed", {"visible_ms": 1_500}, at + timedelta(seconds=2)) == "accepted"
    return Impression.objects.get(pk=tokens.verify(token).id)


def held(site: Site) -> int:
    return balance(chart.escrow(site.pk, USD))


def make_final(day: date) -> None:
    BookDay.objects.update_or_create(day=day, defaults={"state": "FINAL", "closed_at": NEXT_DAY, "final_at": NEXT_DAY})


def is_clean() -> bool:
    found = [*audit.findings(), *books_audit.findings()]
    assert found == []
    return True


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_the_parts_of_a_view_always_make_the_whole(price: int, site_id: int) -> None:
    shares = replaced.shares_of(site_id)
    site, listener = replaced.site_part(price, shares), replaced.listener_part(price, shares)
    assert site + listener == price
    assert price * 3 // 10 == site
    assert replaced.listener_part(price, []) == price


def test_three_tenths_wait_for_the_site_and_the_rest_is_the_listeners() -> None:
    advertiser, site, wallet = make_advertiser(prepaid=usd("10")), make_site(), make_wallet()
    replace(make_ad(make_campaign(advertiser=advertiser)), wallet, site)
    assert settlement.settle_due(NEXT_DAY) == 1
    assert (held(site), wallet.balance_micros()) == (1_800, 4_200)
    assert balance(chart.publishers(USD)) == 1_800
    assert balance(chart.listener_rewards(USD)) == balance(chart.backing(USD)) == 4_200
    assert advertiser.prepaid_micros() == usd("10") - 6_000
    assert is_clean()


def test_each_site_has_an_escrow_of_its_own_and_our_own_surfaces_none() -> None:
    ad, wallet = make_ad(), make_wallet()
    one, two = make_site("one.example"), make_site("two.example")
    for n, site in enumerate((one, two, two)):
        replace(ad, wallet, site, at=NOON + timedelta(minutes=n))
    token = tokens.issue(choice(ad), Place.MEGAKEY, at=NOON, wallet_id=wallet.pk)
    counting.record(token, "viewed", {"visible_ms": 1_500}, NOON + timedelta(seconds=2))
    assert settlement.settle_due(NEXT_DAY) == 3
    assert (held(one), held(two), wallet.balance_micros()) == (1_800, 3_600, 4_200 * 3 + 6_000)
    assert is_clean()


def test_odd_prices_are_shared_view_by_view_and_rejecting_all_leaves_nothing() -> None:
    """5 003 micros: 1 500 for the site, 3 503 for the listener, however the views are grouped and taken back."""
    advertiser, site = make_advertiser(prepaid=usd("10")), make_site()
    ad, wallets = make_ad(make_campaign(advertiser=advertiser, cpm_micros=5_003_000)), [make_wallet(), make_wallet()]
    views = [replace(ad, wallets[n % 2], site, at=NOON + timedelta(minutes=n)) for n in range(5)]
    settlement.settle_due(NEXT_DAY)
    assert (held(site), sum(one.balance_micros() for one in wallets)) == (7_500, 17_515)
    for left, view in zip(range(4, -1, -1), views, strict=True):
        assert rejections.reject_batch([view.pk], at=NEXT_DAY)
        assert held(site) == 1_500 * left
        assert is_clean()
    assert advertiser.prepaid_micros() == usd("10")
    assert balance(chart.publishers(USD)) == balance(chart.listener_rewards(USD)) == 0
    assert [one.balance_micros() for one in wallets] == [0, 0]


def test_a_view_rejected_before_it_was_settled_gives_nobody_anything() -> None:
    site, wallet = make_site(), make_wallet()
    rejections.reject_batch([replace(make_ad(), wallet, site).pk], at=NOON + timedelta(hours=1))
    assert settlement.settle_due(NEXT_DAY) == 0
    assert (held(site), wallet.balance_micros()) == (0, 0)
    assert is_clean()


def test_credits_of_a_replaced_ad_that_were_spent_are_followed() -> None:
    site, wallet, album = make_site(), make_wallet(), make_album()
    view = replace(make_ad(), wallet, site)
    settlement.settle_due(NEXT_DAY)
    download(wallet, album, credits_micros=4_000, at=NEXT_DAY)
    rejections.reject_batch([view.pk], at=NEXT_DAY)
    assert (held(site), wallet.balance_micros()) == (0, 0)
    assert balance(chart.payee(album.artist.payee_id, "pending", USD)) == 0
    assert is_clean()


def _claimed() -> tuple[Site, Payee]:
    payee = make_artist().payee
    return make_site(payee=payee), payee


def test_what_is_final_is_released_to_the_payee_once_a_day_and_the_rest_waits() -> None:
    site, payee = _claimed()
    ad, wallet = make_ad(), make_wallet()
    replace(ad, wallet, site)
    replace(ad, wallet, site, at=EIGHT_DAYS)
    settlement.settle_due(EIGHT_DAYS + timedelta(hours=1))
    assert escrow.release_due(EIGHT_DAYS) == 0, "no day is final yet"
    make_final(DAY)
    assert escrow.release_due(EIGHT_DAYS) == 1
    assert escrow.release_due(EIGHT_DAYS + timedelta(hours=1)) == 0
    assert (held(site), balance(chart.payee(payee.pk, "pending", USD))) == (1_800, 1_800)
    payees.mature(EIGHT_DAYS.date(), at=EIGHT_DAYS)
    assert balance(chart.payee(payee.pk, "payable", USD)) == 1_800, "paid from here like everybody's"
    assert is_clean()


def test_nothing_is_released_of_a_site_nobody_claimed() -> None:
    site = make_site()
    replace(make_ad(), make_wallet(), site)
    settlement.settle_due(NEXT_DAY)
    make_final(DAY)
    assert escrow.release_due(EIGHT_DAYS) == 0
    assert held(site) == 1_800


@pytest.mark.parametrize("is_matured", [False, True])
def test_a_view_rejected_after_the_release_is_taken_back_from_who_got_it(*, is_matured: bool) -> None:
    site, payee = _claimed()
    view = replace(make_ad(), make_wallet(), site)
    settlement.settle_due(NEXT_DAY)
    make_final(DAY)
    escrow.release_due(EIGHT_DAYS)
    if is_matured:
        payees.mature(EIGHT_DAYS.date(), at=EIGHT_DAYS)
    rejections.reject_batch([view.pk], at=EIGHT_DAYS + timedelta(hours=1))
    assert [balance(chart.payee(payee.pk, place, USD)) for place in chart.PLACES] == [0, 0, 0, 0]
    assert balance(chart.publishers(USD)) == 0
    assert is_clean()


def test_the_audit_finds_an_escrow_that_its_views_do_not_explain() -> None:
    site, wallet = make_site(), make_wallet()
    view = replace(make_ad(), wallet, site)
    settlement.settle_due(NEXT_DAY)
    Impression.objects.filter(pk=view.pk).update(price_micros=3_000, offered_micros=3_000)
    assert "escrow is views" in {finding.rule for finding in audit.findings()}


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_billed_released_and_rejected_in_whatever_order_the_books_agree(seed: int) -> None:
    """Odd prices, two wallets, a claimed site and one that is not: at the end all is rejected, and nothing is left."""
    chance = random.Random(seed)
    advertiser = make_advertiser(prepaid=usd("50"))
    ads = [
        make_ad(make_campaign(advertiser=advertiser, cpm_micros=chance.randrange(11, 9_999) * 1_000, frequency_cap=100))
        for _ in range(2)
    ]
    (mine, payee), other, wallets = _claimed(), make_site("other.example"), [make_wallet(), make_wallet()]
    views: list[Impression] = []
    at = NOON
    for step in range(12):
        at += timedelta(hours=2)
        views.append(replace(chance.choice(ads), chance.choice(wallets), chance.choice([mine, other]), at=at))
        if chance.random() < 0.5:
            settlement.settle_due(at + timedelta(minutes=1))
        if chance.random() < 0.3 and at.date() > DAY:
            settlement.settle_due(at + timedelta(minutes=1))
            make_final(DAY)
            escrow.release_due(at + timedelta(minutes=2))
            if step % 2:
                payees.mature(at.date(), at=at + timedelta(minutes=3))
        if chance.random() < 0.4:
            rejections.reject_batch([chance.choice(views).pk], at=at + timedelta(minutes=4))
        assert is_clean()
    settlement.settle_due(at + timedelta(hours=1))
    assert is_clean()
    rejections.reject_batch([view.pk for view in views], at=at + timedelta(hours=2))
    assert is_clean()
    left = [held(mine), held(other), balance(chart.publishers(USD)), balance(chart.listener_rewards(USD))]
    left += [wallet.balance_micros() for wallet in wallets]
    left += [balance(chart.payee(payee.pk, place, USD)) for place in chart.PLACES]
    assert left == [0] * 10
    assert advertiser.prepaid_micros() == usd("50")
