"""Arithmetic of money."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megabox import money


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10_000), min_size=1, max_size=20).filter(any))
def test_shares_always_sum_to_the_whole(total: int, weights: list[int]) -> None:
    parts = money.allocate(total, weights)
    assert sum(parts) == total
    assert all(abs(part - total * weight / sum(weights)) < 2 for part, weight in zip(parts, weights, strict=True))


def test_the_largest_remainder_wins_and_ties_go_to_the_first() -> None:
    assert money.allocate(8_991_000, [50, 30, 20]) == [4_495_500, 2_697_300, 1_798_200]
    assert money.allocate(10, [1, 1, 1]) == [4, 3, 3]


@pytest.mark.parametrize("weights", [[0], [], [-1, 2]])
def test_nothing_can_be_shared_by_no_weight(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="Weights|empty"):
        money.allocate(10, weights)


@pytest.mark.parametrize("typed", ["1,99", "-1", "1e9", "", "abc", "1.999", "१", "9" * 30, "1.٣", "100001", "NaN"])
def test_what_is_no_amount_gets_a_sentence(typed: str) -> None:
    with pytest.raises(money.BadAmount) as told:
        money.parse_amount(typed, "USD")
    assert str(told.value).endswith(".")


@pytest.mark.parametrize(("typed", "micros"), [("9.99", 9_990_000), ("0", 0), (" 7 ", 7_000_000), ("$1.5", 1_500_000)])
def test_what_is_an_amount_becomes_exact_micros(typed: str, micros: int) -> None:
    assert money.parse_amount(typed, "USD") == micros


@pytest.mark.parametrize("unit", ["USD", "EUR", "GBP", "JPY", "KRW", "CLP", "HUF", "CHF"])
def test_stripe_counts_these_as_we_do(unit: str) -> None:
    assert money.is_counted_alike(unit)


@pytest.mark.parametrize("unit", ["RSD", "ISK", "UGX", "ALL", "KWD", "TND", "usd", "XCR", "", "Euro"])
def test_stripe_counts_these_otherwise_or_not_at_all(unit: str) -> None:
    assert not money.is_counted_alike(unit)


def test_currencies_without_small_coins_take_none() -> None:
    assert money.floor_to_minor(1_999_999, "JPY") == 1
    with pytest.raises(money.BadAmount):
        money.parse_amount("1.5", "JPY")


def test_amounts_are_shown_rounded_down_or_with_every_digit() -> None:
    assert money.display(9_999_999, "USD") == "$9.99"
    assert money.display_exact(4_500, "USD") == "$0.0045"
    assert money.display_exact(9_990_000, "USD") == "$9.99"
    assert money.display(6_000_000, "XCR") == "6 credits"
    assert money.display(1_000_000, "XCR") == "1 credit"
    assert money.display(-1_000_000, "XCR") == "-1 credit"
    assert money.plain(-1_500_000) == "-1.500000"


@given(st.integers(0, 10**12))
def test_cents_and_the_rest_are_the_whole(micros: int) -> None:
    cents = money.floor_to_minor(micros, "EUR")
    assert 0 <= micros - money.from_minor(cents, "EUR") < 10_000
