"""Every room's findings about the books, in one place."""

from collections.abc import Iterator

from ads import audit as ads
from ledger import audit as ledger
from ledger.audit import Finding
from payouts import audit as payouts
from store import audit as store

ROOMS = (ledger, ads, payouts, store)


def findings() -> Iterator[Finding]:
    """What is wrong in the books of any room; nothing when all is well. Repairs nothing."""
    for room in ROOMS:
        yield from room.findings()
