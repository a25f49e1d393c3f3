"""How fast a month of ten million plays is shared out, to the last micro, beside a bare numpy pass.

Both read the same two columns (a listener and a payee for each play) and find out who played whom how often, what each
listener's plays are worth, and what that makes for each payee. Bare numpy does it in floating point, and so loses
micros; ours is exact, hands out every remainder by the rule, and gives a payee's sum as a whole number. No database is
touched.
"""

import numpy as np

from benchmarks.figures import Figure, in_turn, seconds
from payouts.split_models import Plays, split

PLAYS = 10_000_000
LISTENERS, PAYEES = 200_000, 20_000
POT = 50_000 * 1_000_000
GOAL = 4.0


def run() -> list[Figure]:
    """Measure the user-centric sharing of one month, in seconds."""
    chance = np.random.default_rng(2026)
    listeners = chance.integers(0, LISTENERS, PLAYS, np.int32)
    # A few are heard by many, and many by a few.
    payees = (chance.zipf(1.3, PLAYS) % PAYEES).astype(np.int32)

    def ours() -> None:
        assert sum(split(Plays.of(listeners, payees), POT).values()) == POT

    def bare() -> None:
        pairs, counts = np.unique(listeners.astype(np.int64) * PAYEES + payees, return_counts=True)
        worth = POT / LISTENERS / np.bincount(listeners, minlength=LISTENERS)
        paid = np.bincount(pairs % PAYEES, weights=counts * worth[pairs // PAYEES], minlength=PAYEES)
        assert abs(paid.sum() - POT) < 1_000_000

    exact, floating = in_turn(lambda: seconds(ours), lambda: seconds(bare))
    return [Figure("pool: 10 000 000 plays shared user-centric", exact, "s", floating, goal=GOAL, is_rate=False)]
