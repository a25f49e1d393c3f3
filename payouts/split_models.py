"""Three ways to share a pool among payees by what was played: pure functions over whole micros, exact to the last one.

* **User-centric**: every listener has the same part of the pool, which goes to whom they listened to, by plays.
* **Pro rata**: all plays count the same, whoever played them.
* **Artist-centric**: the same, but a listener counts for at most 1 000 plays in a month.

A month has millions of plays, so plays are columns of numbers, and every step is one pass over a column. No product
leaves 64 bits: plays are fewer than 2^31, so a remainder times a weight stays below 2^62, and everything else is a
part of the pool. Source: docs/money.md, "Sharing out the pool".
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from django.db.models import TextChoices

from megabox import money

Numbers = npt.NDArray[np.int64]

MOST_PLAYS = 2**31 - 1
MOST_MICROS = 2**63 - 1
CAP_PLAYS = 1_000
"""A listener counts for at most so many plays, artist-centric."""

_PLAY = 1_000_000
"""A capped listener's plays are counted in millionths of a play, so that each of them still counts for something."""


class Model(TextChoices):
    """How a pool is shared."""

    USER_CENTRIC = "user-centric", "User-centric"
    PRO_RATA = "pro-rata", "Pro rata"
    ARTIST_CENTRIC = "artist-centric", "Artist-centric"


class NobodyListened(ValueError):
    """There are no plays to share by."""


@dataclass(frozen=True, slots=True, eq=False)
class Plays:
    """Who played whom how often: one place in the columns for each listener and payee, by listener, then by payee.

    `listener` counts the listeners who played anything from 0; `payee` holds the numbers that the payees came with.
    """

    listener: Numbers
    payee: Numbers
    count: Numbers

    @classmethod
    def of(cls, listeners: npt.NDArray[np.integer], payees: npt.NDArray[np.integer]) -> Self:
        """Count single plays: play i is of `payees[i]` by `listeners[i]`. Their order does not matter.

        Both are numbers from 0 on without large gaps, for they are places in tables.
        """
        assert listeners.shape == payees.shape and listeners.ndim == 1, "one listener and one payee for each play"
        assert len(listeners) <= MOST_PLAYS, f"{len(listeners)} plays are more than can be counted"
        if not len(listeners):
            nothing = np.zeros(0, np.int64)
            return cls(nothing, nothing, nothing)
        bits = int(payees.max()).bit_length()
        assert min(listeners.min(), payees.min()) >= 0, "listeners and payees are counted from 0"
        assert int(listeners.max()).bit_length() + bits <= 63, "a listener and a payee fit into one number"
        pairs = listeners.astype(np.int64)
        pairs <<= bits
        pairs |= payees
        pairs.sort()
        firsts = _firsts(pairs)
        count = np.diff(firsts, append=len(pairs))
        pairs = pairs[firsts]
        payee = pairs & ((1 << bits) - 1)
        pairs >>= bits
        return cls(_ranks(pairs), payee, count)

    @property
    def listeners(self) -> int:
        """How many listeners played anything."""
        return int(self.listener[-1]) + 1 if len(self.listener) else 0

    @property
    def total(self) -> int:
        """How many plays there are."""
        return int(self.count.sum())


def split(plays: Plays, pot: int, model: Model = Model.USER_CENTRIC) -> dict[int, int]:
    """Share `pot` micros: micros by payee, for everybody who was played. The parts sum to the pot exactly.

    What is left over after rounding down goes, a micro each, to the largest remainders, ties to the smaller number.
    Raises NobodyListened.
    """
    assert 0 <= pot <= MOST_MICROS, f"a pot of {pot} micros"
    if not plays.listeners:
        raise NobodyListened("Nobody listened to anything, so there is nobody to share with.")
    match model:
        case Model.USER_CENTRIC:
            return _sums(plays.payee, _user_centric(plays, pot))
        case Model.PRO_RATA:
            return _by_weight(plays, plays.count, pot)
        case Model.ARTIST_CENTRIC:
            return _by_weight(plays, _capped(plays), pot)


def _user_centric(plays: Plays, pot: int) -> Numbers:
    """Micros of each place: the pot in equal parts for the listeners, each part by the listener's plays."""
    each, left = divmod(pot, plays.listeners)
    pots = np.full(plays.listeners, each, np.int64)
    pots[:left] += 1  # what money.allocate does with equal weights
    return allocate_each(pots, plays.listener, plays.count)


def _capped(plays: Plays) -> Numbers:
    """Millionths of plays of each place; those of a listener above the cap are scaled down to it."""
    weights = plays.count * _PLAY
    by_listener = np.add.reduceat(plays.count, _firsts(plays.listener))
    over = by_listener > CAP_PLAYS
    places = over[plays.listener]
    if places.any():
        whole = np.full(int(over.sum()), CAP_PLAYS * _PLAY, np.int64)
        weights[places] = allocate_each(whole, _ranks(plays.listener[places]), plays.count[places])
    return weights


def _by_weight(plays: Plays, weights: Numbers, pot: int) -> dict[int, int]:
    """The pot by each payee's weights: so few numbers that Python's own, which have no end, can do it."""
    by_payee = _sums(plays.payee, weights)
    return dict(zip(by_payee, money.allocate(pot, list(by_payee.values())), strict=True))


def allocate_each(totals: Numbers, row: Numbers, weights: Numbers) -> Numbers:
    """`money.allocate` for many totals at once: `totals[row[i]]` is shared by all weights of that row, above zero.

    `row` ascends, and every total has its weights. Weights sum to less than 2^31, so nothing leaves 64 bits.
    """
    starts = _firsts(row)
    wholes = np.add.reduceat(weights, starts)
    assert int(wholes.sum()) <= MOST_PLAYS and len(starts) == len(totals), "few enough, and each has its row"
    # total * weight could leave 64 bits, so the total is taken apart: (whole * each + rest) * weight.
    each, rest = np.divmod(totals, wholes)
    whole = wholes[row]
    product = rest[row] * weights
    extra = product // whole
    parts = each[row] * weights + extra
    product -= extra * whole  # the remainder, less than the whole
    left = totals - np.add.reduceat(parts, starts)
    parts[_first_by_remainder(product, whole, wholes, row, starts, left)] += 1
    return parts


def _first_by_remainder(
    remainder: Numbers, whole: Numbers, wholes: Numbers, row: Numbers, starts: Numbers, left: Numbers
) -> Numbers:
    """The places in each row that have the `left` largest remainders, ties to the first.

    One sort for all rows: remainders of a row are below its whole, so rows laid end to end do not overlap, and the
    place itself stands in the lower bits.
    """
    bits = len(row).bit_length()
    before = np.cumsum(wholes) - wholes
    keys = before[row] + whole
    keys -= remainder
    keys <<= bits
    places = np.arange(len(row))
    keys |= places
    keys.sort()
    is_chosen = places < (starts + left)[row]
    return keys[is_chosen] & ((1 << bits) - 1)


def _firsts(ascending: Numbers) -> Numbers:
    """Where each new number begins."""
    is_first = np.empty(len(ascending), bool)
    is_first[0] = True
    np.not_equal(ascending[1:], ascending[:-1], out=is_first[1:])
    return np.flatnonzero(is_first)


def _ranks(ascending: Numbers) -> Numbers:
    """The numbers counted from 0, without gaps."""
    is_new = np.zeros(len(ascending), np.int64)
    np.not_equal(ascending[1:], ascending[:-1], out=is_new[1:])
    return np.cumsum(is_new)


def _sums(payee: Numbers, amounts: Numbers) -> dict[int, int]:
    """Amounts by payee, exact: floats are nowhere on the way."""
    table = np.zeros(int(payee.max()) + 1, np.int64)
    np.add.at(table, payee, amounts)
    played = np.flatnonzero(np.bincount(payee))
    return dict(zip(played.tolist(), table[played].tolist(), strict=True))
