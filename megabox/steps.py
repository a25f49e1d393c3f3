"""Work of the clock that must not stop other work when it fails."""

import logging
from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)


def all_of(works: Iterable[Callable[[], int | None]]) -> int:
    """Do each, though one before it failed; return the sum of what they return.

    Raises the first failure when all are done, so that whoever asked hears of it; each is in the log.
    """
    total, first = 0, None
    for work in works:
        try:
            total += work() or 0
        except Exception as failure:
            log.exception("One step of several failed; the others are done all the same.")
            first = first or failure
    if first is not None:
        raise first
    return total
