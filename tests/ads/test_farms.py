"""Does farming pay, and does a school suffer? Whole days of traffic, played through the weights themselves.

Prices are micros. The farm is the one of a fraud that was tried in court: 52 accounts, each with 20 bots that play 636
times a day. Fake plays are sold for half a cent and more.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import cycle, islice, pairwise

import pytest

from ads.delivery.serving import MOST_GATE_ADS
from ads.traffic import fraud

ACCOUNTS, BOTS, DOWNLOADS = 52, 20, 636
PRICE = 6_000
"""What an ad pays at a CPM of $6."""
COST = 6_500
"""What one fake download costs whoever buys it: $0.0065."""

View = tuple[int, int]
"""Artist and network."""


def charged(views: Iterable[View], price: int = PRICE, *, is_proven: bool = False) -> int:
    """What advertisers pay for a day of views."""
    seen: Counter[View] = Counter()
    total = 0
    for view in views:
        seen[view] += 1
        total += fraud.weighed(price, fraud.weight(seen[view], is_proven))
    return total


def artists_part(micros: int) -> int:
    return micros * 9 // 10


def bots_day(network: int, artists: int, downloads: int = DOWNLOADS) -> Iterator[View]:
    """A bot's day: it downloads albums that ask for all the ads there can be, of each artist in turn."""
    for artist in islice(cycle(range(artists)), downloads):
        yield from [(artist, network)] * MOST_GATE_ADS


@pytest.mark.parametrize("artists", [1, 10, ACCOUNTS])
def test_a_farm_of_guests_loses_money_even_if_each_bot_has_a_network_of_its_own(artists: int) -> None:
    earned = artists_part(charged(bots_day(0, artists))) * ACCOUNTS * BOTS  # all bots do the same
    cost = ACCOUNTS * BOTS * DOWNLOADS * COST
    assert cost == 4_299_360_000, "$4 299.36 a day"
    assert earned < cost / 2


def test_behind_twenty_bots_of_one_network_next_to_nothing_is_earned() -> None:
    views = [view for _ in range(BOTS) for view in bots_day(0, ACCOUNTS)]
    assert artists_part(charged(views)) * ACCOUNTS < ACCOUNTS * BOTS * DOWNLOADS * COST / 30


def test_without_weights_it_would_have_paid() -> None:
    assert artists_part(PRICE * MOST_GATE_ADS) > COST


def test_the_next_fake_download_is_worth_less_than_it_costs_after_the_first() -> None:
    """What is left to gain is the first one for each artist and network; spikes and the review are for those."""
    day = [charged(bots_day(0, 1, n)) for n in range(12)]
    worth = [artists_part(after - before) for before, after in pairwise(day)]
    assert worth[0] > COST
    assert [micros < COST for micros in worth[1:]] == [True] * 10
    assert worth == sorted(worth, reverse=True)


def test_a_school_of_people_we_know_loses_nothing() -> None:
    pupils = [(0, 0)] * 300
    assert charged(pupils, is_proven=True) == 300 * PRICE


def test_a_school_of_guests_over_a_hundred_artists_loses_under_five_percent() -> None:
    assert charged([(pupil % 100, 0) for pupil in range(300)]) == 300 * PRICE
    uneven = [(pupil % 100 if pupil < 285 else pupil % 50, 0) for pupil in range(300)]
    assert 300 * PRICE * 95 // 100 < charged(uneven) < 300 * PRICE


def test_a_school_of_guests_that_choose_by_chance_loses_about_an_eighth() -> None:
    """Three views an artist on average are five for some. Whoever confirms an address loses nothing."""
    chance = random.Random(1)
    lost = [1 - charged([(chance.randrange(100), 0) for _ in range(300)]) / (300 * PRICE) for _ in range(20)]
    assert 0.10 < sum(lost) / len(lost) < 0.16
