"""Golden scenario B, with the functions the site uses: a guest watches an ad for a track; then the view is invalid."""

from datetime import timedelta

import pytest

from ads import audit
from ads.models import Impression
from ads.revenue import rejections, settlement
from ads.rewards import wallets
from ledger import chart
from tests.ads.factories import (
    NEXT_DAY,
    NOON,
    USD,
    balance,
    download,
    make_ad,
    make_advertiser,
    make_campaign,
    pending,
    top_up,
    usd,
    watch,
)
from tests.artists.factories import make_album

pytestmark = pytest.mark.django_db


def _books(advertiser_id: int, wallet_id: int) -> dict[str, int]:
    return {
        "prepaid": balance(chart.prepaid(advertiser_id, USD)),
        "unsettled": balance(chart.unsettled(USD)),
        "backing": balance(chart.backing(USD)),
        "credits": balance(chart.wallet(wallet_id)),
        "commission": balance(chart.commission(USD)),
        "rev:ads": balance(chart.ads_revenue(USD)),
        "rewards": balance(chart.listener_rewards(USD)),
        "stripe": balance(chart.stripe(USD)),
    }


@pytest.mark.parametrize("is_settled_first", [True, False])
def test_golden_scenario_b(is_settled_first: bool) -> None:
    advertiser = make_advertiser()
    top_up(advertiser, usd("10"), fee=usd("0.59"))
    ad = make_ad(make_campaign(advertiser=advertiser))
    album = make_album()
    wallet = wallets.for_listener(None, "a-guest")

    impression = watch(ad, wallet)
    assert wallet.balance_micros() == 6_000
    download(wallet, album, at=NOON + timedelta(minutes=1))
    if is_settled_first:
        assert settlement.settle_due(NEXT_DAY) == 1

    assert pending(album) == 4_500
    assert _books(advertiser.pk, wallet.pk) == {
        "prepaid": usd("9.994") if is_settled_first else usd("10"),
        "unsettled": 0 if is_settled_first else 6_000,
        "backing": 1_000,
        "credits": 1_000_000,
        "commission": 500,
        "rev:ads": 6_000,
        "rewards": 6_000,
        "stripe": usd("9.41"),
    }
    assert list(audit.findings()) == []

    assert rejections.reject_batch([impression.pk], at=NEXT_DAY)

    assert pending(album) == 0
    assert _books(advertiser.pk, wallet.pk) == {
        "prepaid": usd("10"),
        "unsettled": 0,
        "backing": 0,
        "credits": 0,
        "commission": 0,
        "rev:ads": 0,
        "rewards": 0,
        "stripe": usd("9.41"),
    }
    assert Impression.objects.get().reason == "review"
    assert not rejections.reject_batch([impression.pk], at=NEXT_DAY), "a second time changes nothing"
    assert settlement.settle_due(NEXT_DAY) == 0
    assert list(audit.findings()) == []
