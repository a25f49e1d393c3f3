"""What 90 % means."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import policy
from ledger.models import Policy
from ledger.policy import Shares
from tests.ledger.factories import NOON


@pytest.mark.parametrize(
    ("price", "payee", "commission"),
    [
        (9_990_000, 8_991_000, 999_000),
        (990_000, 891_000, 99_000),
        (5_000, 4_500, 500),
        (9, 9, 0),
        (19, 18, 1),
        (0, 0, 0),
    ],
)
def test_a_tenth_is_ours_and_the_remainder_is_the_payees(price: int, payee: int, commission: int) -> None:
    assert policy.split(price) == Shares(payee, commission)


@given(st.integers(min_value=0, max_value=10**15))
def test_shares_sum_to_the_price_and_the_payee_never_has_less_than_nine_tenths(price: int) -> None:
    shares = policy.split(price)
    assert shares.payee + shares.commission == price
    assert shares.commission == price // 10
    assert shares.payee * 10 >= price * 9


@pytest.mark.django_db
def test_the_first_policy_is_there_after_migrating() -> None:
    rules = policy.current(NOON)
    assert (rules.version, rules.sale_maturity_days, rules.ads_maturity_days) == (1, 14, 7)
    assert (rules.payout_threshold_micros, rules.payout_threshold_min_micros) == (50_000_000, 10_000_000)
    assert policy.split(9_990_000, rules) == policy.split(9_990_000)


@pytest.mark.django_db
def test_a_new_version_counts_from_its_day() -> None:
    start = datetime(2027, 1, 1, tzinfo=UTC)
    Policy.objects.create(version=2, **{**policy.VERSION_1, "effective_at": start, "commission_basis_points": 500})

    assert policy.current(NOON).version == 1
    assert policy.current(start).version == 2
    assert policy.split(100, policy.current(start)) == Shares(95, 5)
