"""What must hold whatever happens: budgets, shares and the money behind credits, under invented histories."""

import contextlib
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ads import audit
from ads.measurement import counting
from ads.measurement.gate_views import ViewRefused
from ads.models import Ad, Campaign, CampaignDay, Impression, Wallet
from ads.revenue import rejections, settlement
from ads.rewards import credits
from artists.models import Album
from ledger import audit as ledger_audit
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
    make_wallet,
    page_token,
    see,
    usd,
    watch,
)
from tests.artists.factories import make_album

pytestmark = pytest.mark.django_db(transaction=False)
INVENTED = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
STEPS = st.lists(
    st.sampled_from(["view", "gate", "raise", "lower", "settle", "reject", "download", "pause", "expire"]),
    min_size=4,
    max_size=14,
)


@pytest.fixture
def fresh(db: None) -> None:
    """The examples of one property share a transaction; each makes everything it looks at anew."""


@INVENTED
@given(steps=STEPS, price=st.integers(10, 20_000), views=st.integers(0, 12), cap=st.none() | st.integers(1, 8))
def test_no_history_spends_above_a_budget_or_leaves_credits_without_money(
    fresh: None, steps: list[str], price: int, views: int, cap: int | None
) -> None:
    budget = price * views + price // 2
    daily = cap and cap * price
    advertiser = make_advertiser(prepaid=usd("1"))
    campaign = make_campaign(
        advertiser=advertiser,
        budget_micros=min(budget, usd("1")),
        cpm_micros=price * 1_000,
        frequency_cap=100,
        daily_cap_micros=daily,
    )
    ad, album, wallet = make_ad(campaign), make_album(), make_wallet()
    at = NOON
    for step in steps:
        at += timedelta(minutes=1)
        _do(step, campaign, ad, album, wallet, at)
        kept = Campaign.objects.get(pk=campaign.pk)
        seen = Impression.objects.viewed().filter(campaign=campaign)
        assert kept.spent_micros == sum(view.price_micros for view in seen) <= kept.budget_micros
        for day in CampaignDay.objects.filter(campaign=campaign):
            assert daily is None or day.spent_micros <= daily
        assert wallet.balance_micros() >= 0
    assert list(audit.findings()) == []
    assert list(ledger_audit.findings()) == []


def _do(step: str, campaign: Campaign, ad: Ad, album: Album, wallet: Wallet, at: datetime) -> None:
    """One thing that can happen to a campaign and a wallet; what is refused changes nothing."""
    if step == "view":
        token = page_token(ad, album, at=at, shares=[[42, 3_333], [43, 6_667]])
        counting.record(token, "viewed", {"visible_ms": 1_500}, at + timedelta(seconds=2))
    elif step == "gate":
        with contextlib.suppress(ViewRefused):
            watch(ad, wallet, at=at)
    elif step in ("raise", "lower"):
        cpm = {"raise": 9_000_000, "lower": 10_000}[step]
        Campaign.objects.filter(pk=campaign.pk).update(cpm_micros=cpm)
        ad.campaign.cpm_micros = cpm
    elif step == "settle":
        settlement.settle_due(at)
    elif step == "reject":
        view = Impression.objects.viewed().filter(campaign=campaign).first()
        if view:
            rejections.reject_batch([view.pk], at=at)
    elif step == "download":
        have = wallet.balance_micros()
        if have:
            download(wallet, album, credits_micros=max(1, have * 2 // 3), at=at)
    elif step == "pause":
        Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.PAUSED)
    elif step == "expire":
        credits.expire(at)


@INVENTED
@given(
    cuts=st.lists(st.integers(0, 12), max_size=6),
    price=st.integers(10, 9_999),
    points=st.lists(st.integers(1, 9_999), min_size=1, max_size=5),
)
def test_settling_in_any_number_of_steps_bills_every_view_once(
    fresh: None, cuts: list[int], price: int, points: list[int]
) -> None:
    advertiser = make_advertiser(prepaid=usd("10"))
    campaign = make_campaign(advertiser=advertiser, cpm_micros=price * 1_000)
    ad, album = make_ad(campaign), make_album()
    payees = [900_000 + n for n in range(len(points))]
    before = {payee: balance(chart.payee(payee, "pending", USD)) for payee in payees}
    shares = [[payee, part] for payee, part in zip(payees, points, strict=True)]
    for number in range(12):
        if number in cuts:
            settlement.settle_due(NEXT_DAY)
            settlement.settle_due(NEXT_DAY)
        see(ad, album, at=NOON + timedelta(minutes=number), shares=shares)
    settlement.settle_due(NEXT_DAY)
    assert settlement.settle_due(NEXT_DAY) == 0
    gross = 12 * price
    assert advertiser.prepaid_micros() == usd("10") - gross
    gains = [balance(chart.payee(payee, "pending", USD)) - before[payee] for payee in payees]
    entries = len({cut for cut in cuts if 0 < cut < 12}) + 1
    # Each entry keeps 10 % rounded down, so the payees never have less than 90 % and at most a micro an entry more.
    assert 0 <= sum(gains) - (gross - gross // 10) < entries
    for gain, part in zip(gains, points, strict=True):
        assert abs(gain - sum(gains) * part // sum(points)) <= entries
    assert list(audit.findings()) == []
