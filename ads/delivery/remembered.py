"""What a process remembers for some seconds, so that an answer asks the database nothing it asked a moment ago."""

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from django.conf import settings

SNAPSHOTS = 10
"""Things are remembered for as long as so many snapshots of campaigns live: half a minute."""

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """At most `most` values by their keys. Any number of threads may ask; each of them gets a whole value."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[Hashable, tuple[float, Value]] = {}

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of `key`, made anew when it is too old. What `make` raises is raised and not remembered."""
        seconds = settings.ADS_SNAPSHOT_SECONDS * SNAPSHOTS
        now = time.monotonic()
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < seconds:
            return kept[1]
        value = make()
        if seconds:
            if len(self._kept) >= self._most:
                self._kept = {}
            self._kept[key] = (now, value)
        return value

    def forget(self) -> None:
        """Make everything anew."""
        self._kept = {}
