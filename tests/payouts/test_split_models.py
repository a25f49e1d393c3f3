"""Three ways to share a pool: the known answers, and what must hold for any plays and any pot."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from megabox import money
from payouts.split_models import CAP_PLAYS, Model, NobodyListened, Plays, allocate_each, split

Who = Mapping[int, Mapping[int, int]]
"""Plays by listener and payee."""

USD = 1_000_000


def columns(who: Who) -> Plays:
    """Every play by itself, as the database has them."""
    return Plays.of(*_single(who))


def _single(who: Who) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    rows = [(one, payee, n) for one, theirs in who.items() for payee, n in theirs.items()]
    listeners, payees, counts = np.array(rows, np.int64).reshape(-1, 3).T
    return np.repeat(listeners, counts), np.repeat(payees, counts)


def by_the_book(who: Who, pot: int, model: Model) -> dict[int, int]:
    """The rule of docs/money.md in plain Python, as slow as it likes."""
    active = sorted(one for one in who if sum(who[one].values()))
    paid: Counter[int] = Counter()
    if model == Model.USER_CENTRIC:
        for one, part in zip(active, money.allocate(pot, [1] * len(active)), strict=True):
            theirs = sorted(payee for payee, n in who[one].items() if n)
            for payee, micros in zip(theirs, money.allocate(part, [who[one][p] for p in theirs]), strict=True):
                paid[payee] += micros
        return dict(paid)
    weights: Counter[int] = Counter()
    for one in active:
        theirs = sorted(payee for payee, n in who[one].items() if n)
        plays = [who[one][payee] for payee in theirs]
        counted = [n * 1_000_000 for n in plays]
        if model == Model.ARTIST_CENTRIC and sum(plays) > CAP_PLAYS:
            counted = money.allocate(CAP_PLAYS * 1_000_000, plays)
        weights.update(dict(zip(theirs, counted, strict=True)))
    payees = sorted(weights)
    return dict(zip(payees, money.allocate(pot, [weights[payee] for payee in payees]), strict=True))


# --- the known answers of docs/money.md, to the micro

INDIE, STAR = 1, 2
THREE_LISTENERS = {1: {INDIE: 20}, 2: {STAR: 180}, 3: {INDIE: 5, STAR: 5}}

A, B, F = 1, 2, 3
A_BOT_AMONG_THEM = {one: {A: 250, B: 250} for one in range(100)} | {100: {F: 20_000}}


@pytest.mark.parametrize(
    ("model", "indie", "star"),
    [(Model.PRO_RATA, 3_571_429, 26_428_571), (Model.USER_CENTRIC, 15_000_000, 15_000_000)],
)
def test_three_listeners_of_ten_each(model: Model, indie: int, star: int) -> None:
    assert split(columns(THREE_LISTENERS), 30 * USD, model) == {INDIE: indie, STAR: star}


@pytest.mark.parametrize(
    ("model", "of_the_bot"),
    [(Model.PRO_RATA, 288_571_428), (Model.USER_CENTRIC, 10_000_000), (Model.ARTIST_CENTRIC, 19_803_922)],
)
def test_a_bot_that_plays_all_day(model: Model, of_the_bot: int) -> None:
    found = split(columns(A_BOT_AMONG_THEM), 1_010 * USD, model)
    assert found[F] == of_the_bot
    assert sum(found.values()) == 1_010 * USD


def test_user_centric_is_what_one_gets_without_asking() -> None:
    assert split(columns(THREE_LISTENERS), 30 * USD) == {INDIE: 15 * USD, STAR: 15 * USD}


def test_odd_micros_go_to_the_largest_remainder_and_ties_to_the_smaller_number() -> None:
    # 7 among three listeners: 3, 2, 2. The first shares 3 by 1:1, the second 2 by 1:2, the third 2 by 1:1.
    plays = columns({0: {5: 1, 8: 1}, 1: {5: 1, 8: 2}, 2: {5: 1, 8: 1}})
    assert split(plays, 7) == {5: 2 + 1 + 1, 8: 1 + 1 + 1}


def test_a_listener_at_the_cap_is_not_touched_by_it_and_one_above_it_is() -> None:
    at_the_cap = columns({0: {A: 1_000}, 1: {B: 1_000}})
    above_it = columns({0: {A: 1_001}, 1: {B: 500, F: 501}})
    assert split(at_the_cap, 2_000, Model.ARTIST_CENTRIC) == {A: 1_000, B: 1_000}
    assert split(above_it, 2_002_000, Model.ARTIST_CENTRIC) == {A: 1_001_000, B: 500_000, F: 501_000}


@pytest.mark.parametrize("model", Model)
def test_without_plays_there_is_nobody_to_share_with(model: Model) -> None:
    with pytest.raises(NobodyListened):
        split(columns({}), 1_000, model)


@pytest.mark.parametrize("model", Model)
def test_an_empty_pool_gives_everybody_nothing(model: Model) -> None:
    assert split(columns(THREE_LISTENERS), 0, model) == {INDIE: 0, STAR: 0}


# --- for any plays and any pot

counts = st.integers(1, 6) | st.integers(900, 1_400)
people = st.dictionaries(
    st.integers(0, 12), st.dictionaries(st.integers(0, 15), counts, min_size=1, max_size=6), min_size=1, max_size=8
)
pots = st.integers(0, 200) | st.integers(0, 2**63 - 1)
models = st.sampled_from(Model)


@given(people, pots, models)
@example(A_BOT_AMONG_THEM, 2**63 - 1, Model.USER_CENTRIC)
def test_it_is_what_the_rule_says(who: Who, pot: int, model: Model) -> None:
    assert split(columns(who), pot, model) == by_the_book(who, pot, model)


@given(people, pots, models)
def test_the_parts_sum_to_the_pot_and_none_is_negative(who: Who, pot: int, model: Model) -> None:
    found = split(columns(who), pot, model)
    assert sum(found.values()) == pot
    assert min(found.values()) >= 0
    assert found.keys() == {payee for theirs in who.values() for payee in theirs}


@given(people, pots, models, st.integers(0, 2**32 - 1))
def test_the_order_of_the_plays_changes_nothing(who: Who, pot: int, model: Model, seed: int) -> None:
    listeners, payees = _single(who)
    order = np.random.default_rng(seed).permutation(len(listeners))
    assert split(Plays.of(listeners[order], payees[order]), pot, model) == split(columns(who), pot, model)


@given(people, pots, st.dictionaries(st.integers(0, 15), counts, min_size=1, max_size=6))
def test_user_centric_one_listener_moves_no_more_than_their_own_pot(
    who: Who, pot: int, others: Mapping[int, int]
) -> None:
    """Whatever one listener plays instead, what moves from payee to payee is their pot at most."""
    one = min(who)
    before, after = split(columns(who), pot), split(columns({**who, one: others}), pot)
    moved = sum(max(0, after.get(payee, 0) - before.get(payee, 0)) for payee in before.keys() | after.keys())
    assert moved <= -(-pot // len(who))


@given(
    st.lists(
        st.tuples(st.integers(0, 2**63 - 1), st.lists(st.integers(1, 2**27), min_size=1, max_size=6)),
        min_size=1,
        max_size=2,
    )
)
@example([(2**63 - 1, [2**31 - 2, 1])])
@example([(2**63 - 1, [2**30, 2**30 - 1])])
def test_many_totals_at_once_are_shared_as_one_by_one(rows: list[tuple[int, list[int]]]) -> None:
    """Up to the largest numbers that are allowed: nothing leaves 64 bits."""
    totals = np.array([total for total, _ in rows], np.int64)
    row = np.repeat(np.arange(len(rows)), [len(weights) for _, weights in rows])
    weights = np.array([weight for _, weights in rows for weight in weights], np.int64)
    expected = [part for total, each in rows for part in money.allocate(total, each)]
    assert allocate_each(totals, row, weights).tolist() == expected


def test_more_plays_than_64_bits_can_share_are_refused() -> None:
    with pytest.raises(AssertionError, match="few enough"):
        allocate_each(np.array([10]), np.array([0, 0]), np.array([2**31 - 1, 1]))


@pytest.mark.parametrize(
    ("listeners", "payees"), [([0, 1], [0]), ([-1], [0]), ([0], [-1]), ([2**40], [2**40])], ids=str
)
def test_columns_that_make_no_sense_are_refused(listeners: list[int], payees: list[int]) -> None:
    with pytest.raises(AssertionError):
        Plays.of(np.array(listeners), np.array(payees))
