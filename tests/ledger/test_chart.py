"""The chart of accounts."""

import pytest
from django.db import transaction

from ledger import chart
from ledger.models import Kind

CODES = {
    chart.stripe("USD"): (Kind.ASSET, False),
    chart.bank("USD"): (Kind.ASSET, False),
    chart.receivable("USD"): (Kind.ASSET, False),
    chart.suspense("USD"): (Kind.ASSET, False),
    chart.unsettled("USD"): (Kind.ASSET, False),
    chart.payee(42, "owed", "USD"): (Kind.ASSET, True),
    chart.advertiser_owed(7, "USD"): (Kind.ASSET, True),
    chart.payee(42, "pending", "USD"): (Kind.LIABILITY, True),
    chart.payee(42, "payable", "USD"): (Kind.LIABILITY, True),
    chart.payee(42, "hold", "USD"): (Kind.LIABILITY, True),
    chart.prepaid(7, "USD"): (Kind.LIABILITY, True),
    chart.escrow(3, "USD"): (Kind.LIABILITY, True),
    chart.pool("2026-11", "USD"): (Kind.LIABILITY, True),
    chart.transit("USD"): (Kind.LIABILITY, False),
    chart.preorders("USD"): (Kind.LIABILITY, False),
    chart.backing("USD"): (Kind.LIABILITY, False),
    chart.vat("DE", "EUR"): (Kind.LIABILITY, False),
    chart.withheld("US", "USD"): (Kind.LIABILITY, False),
    chart.commission("USD"): (Kind.REVENUE, False),
    chart.ads_revenue("USD"): (Kind.REVENUE, False),
    chart.stripe_fees("USD"): (Kind.EXPENSE, False),
    chart.dispute_fees("USD"): (Kind.EXPENSE, False),
    chart.payee_ad_share("USD"): (Kind.EXPENSE, False),
    chart.listener_rewards("USD"): (Kind.EXPENSE, False),
    chart.publishers("USD"): (Kind.EXPENSE, False),
    chart.clawback_loss("USD"): (Kind.EXPENSE, False),
    chart.wallet(9): (Kind.LIABILITY, True),
    chart.xcr_issued(): (Kind.CONTRA, False),
    chart.xcr_spent(): (Kind.CONTRA, False),
    chart.xcr_expired(): (Kind.CONTRA, False),
    chart.xcr_revoked(): (Kind.CONTRA, False),
}


@pytest.mark.parametrize("code", CODES)
def test_every_account_has_its_kind_and_guard_and_ends_in_its_unit(code: str) -> None:
    meaning = chart.meaning(code)
    assert (meaning.kind, meaning.is_guarded) == CODES[code]
    assert code.endswith(":" + meaning.unit)


@pytest.mark.django_db
def test_all_accounts_open_on_first_use_and_only_once() -> None:
    with transaction.atomic():
        first = chart.open_all(CODES)
        assert chart.open_all(reversed(list(CODES))) == first
        assert chart.open(chart.wallet(9)).is_guarded
    assert len(first) == len(set(first.values())) == len(CODES)


def test_an_account_of_somebody_says_whose_it_is() -> None:
    codes = (chart.payee(42, "pending", "USD"), chart.prepaid(7, "USD"), chart.escrow(3, "USD"), chart.wallet(9))
    assert [chart.owner_id(code) for code in codes] == [42, 7, 3, 9]
