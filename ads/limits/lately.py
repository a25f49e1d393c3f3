"""What happened lately, counted by key: in the memory of this process only, bounded, and forgotten by itself."""

import os
import threading
from collections.abc import Hashable, Sequence
from datetime import datetime
from math import ceil

PARTS = 20
"""What is counted is forgotten in so many parts of the time it is counted for."""
MOST_KEYS = 20_000
"""So many keys are counted apart; those that come on top share one count, so that nobody makes others forgotten."""
_OTHERS = object()

Bound = tuple[Hashable, int]
"""A key, and how much of it there may be."""


class Lately:
    """How much of each key there was in the last `seconds`, up to a twentieth more of them."""

    def __init__(self, seconds: float, most_keys: int = MOST_KEYS) -> None:
        self._part, self._most_keys = seconds / PARTS, most_keys
        self.forget()
        os.register_at_fork(after_in_child=self.forget)

    def take(self, bounds: Sequence[Bound], at: datetime) -> bool:
        """Count one of each key at `at`; False, and nothing is counted, when there is no room for one of them."""
        part = self._part_of(at)
        with self._lock:
            counts = [(self._count_of(key, part), most) for key, most in bounds]
            if any(sum(count.values()) >= most for count, most in counts):
                return False
            for count, _ in counts:
                count[part] = count.get(part, 0) + 1
        return True

    def give_back(self, bounds: Sequence[Bound], taken_at: datetime) -> None:
        """One of each key, taken at `taken_at` here or in another process, is counted no more.

        Where none was taken at that moment the oldest is: many processes that take and give back the same keys by
        chance then count alike.
        """
        part = self._part_of(taken_at)
        with self._lock:
            for key, _ in bounds:
                count = self._counts.get(key)
                if count:
                    one = part if part in count else next(iter(count))
                    count[one] -= 1
                    if not count[one]:
                        del count[one]

    def wait_seconds(self, bounds: Sequence[Bound], at: datetime) -> int:
        """In how many seconds the oldest of what leaves no room is forgotten."""
        part = self._part_of(at)
        with self._lock:
            counts = [(self._count_of(key, part), most) for key, most in bounds]
            oldest = [next(iter(count)) for count, most in counts if count and sum(count.values()) >= most]
        left = [(one + PARTS + 1) * self._part - at.timestamp() for one in oldest]
        return max(1, ceil(max(left, default=0)))

    def forget(self) -> None:
        """Count from nothing; what a process does that was forked."""
        self._lock = threading.Lock()
        self._counts: dict[Hashable, dict[int, int]] = {}
        self._cleared_in = 0

    def __len__(self) -> int:
        """How many keys are counted apart."""
        return len(self._counts)

    def _part_of(self, at: datetime) -> int:
        return int(at.timestamp() // self._part)

    def _count_of(self, key: Hashable, now: int) -> dict[int, int]:
        """The counts of a key by part, the oldest first, without those that are over."""
        count = self._counts.get(key)
        if count is None:
            if len(self._counts) >= self._most_keys:
                self._clear(now)
            if len(self._counts) >= self._most_keys:
                key = _OTHERS
            count = self._counts.setdefault(key, {})
        _age(count, now)
        return count

    def _clear(self, now: int) -> None:
        """Let go of the keys that nothing is counted of, once in a part: it looks at all of them."""
        if self._cleared_in == now:
            return
        self._cleared_in = now
        for count in self._counts.values():
            _age(count, now)
        self._counts = {key: count for key, count in self._counts.items() if count}


def _age(count: dict[int, int], now: int) -> None:
    for part in [part for part in count if part < now - PARTS]:
        del count[part]
