"""What each payee gets of a pool, by every model, and how much they were heard: pure, from columns of plays."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from artists.splits import Shares
from megabox import money
from payouts.split_models import Model, Numbers, Plays, split

AT_ONCE = 1_000_000
"""So many places of the columns are looked at together, to keep memory bounded."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One payee's figures of one month: plays, listeners, and micros by model."""

    payee_id: int
    plays: int
    listeners: int
    micros: Mapping[Model, int]


def compute(plays: Plays, shares: Sequence[Shares], pot: int) -> list[Figures]:
    """Every payee's figures, by payee id: the pot is split among the sheets, and each part by its sheet's shares.

    A place's `payee` in `plays` is the number of a sheet in `shares`. Raises NobodyListened.
    """
    by_model = {model: _by_payee(split(plays, pot, model), shares) for model in Model}
    audience = _audience(plays, shares)
    return [
        Figures(payee_id, played, listeners, {model: by_model[model].get(payee_id, 0) for model in Model})
        for payee_id, (played, listeners) in sorted(audience.items())
    ]


def _by_payee(by_sheet: Mapping[int, int], shares: Sequence[Shares]) -> dict[int, int]:
    found: dict[int, int] = defaultdict(int)
    for sheet, micros in by_sheet.items():
        parts = money.allocate(micros, [points for _, points in shares[sheet]])
        for (payee_id, _), part in zip(shares[sheet], parts, strict=True):
            found[payee_id] += part
    return found


def _audience(plays: Plays, shares: Sequence[Shares]) -> dict[int, tuple[int, int]]:
    """Plays and listeners by payee. Who heard two sheets that name the same payee is one listener of theirs."""
    payee_ids = sorted({payee_id for sheet in shares for payee_id, _ in sheet})
    number = {payee_id: n for n, payee_id in enumerate(payee_ids)}
    named = np.array([number[payee_id] for sheet in shares for payee_id, _ in sheet], np.int64)
    lengths = np.array([len(sheet) for sheet in shares], np.int64)
    starts = np.cumsum(lengths) - lengths
    played = np.zeros(len(payee_ids), np.int64)
    listeners = np.zeros(len(payee_ids), np.int64)
    begin = 0
    while begin < len(plays.listener):
        end = _end_of_listener(plays.listener, begin + AT_ONCE)
        sheet, places = plays.payee[begin:end], np.arange(begin, end)
        times = lengths[sheet]
        within = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
        payee = named[np.repeat(starts[sheet], times) + within]
        place = np.repeat(places, times)
        np.add.at(played, payee, plays.count[place])
        pairs = np.unique(plays.listener[place] * len(payee_ids) + payee)
        listeners += np.bincount(pairs % len(payee_ids), minlength=len(payee_ids))
        begin = end
    return {payee_ids[n]: (int(played[n]), int(listeners[n])) for n in np.flatnonzero(played).tolist()}


def _end_of_listener(listener: Numbers, place: int) -> int:
    """Where the listener ends who stands at `place`: a listener is never looked at in two parts."""
    if place >= len(listener):
        return len(listener)
    return int(np.searchsorted(listener, listener[place], side="right"))
