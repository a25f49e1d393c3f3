"""Every room's questions about the books, in one place. It repairs nothing.

Each check sees one moment of the database, holds no locks, and keeps only its first findings in memory.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError
from django.utils import timezone

from ads import audit as ads
from artists import audit as artists
from artists.models import Original, SplitSheet
from ledger import audit as ledger
from ledger.audit import Check, Finding
from megabox import snapshots
from payouts import audit as payouts
from store import audit as store

ROOMS = (ledger, ads, payouts, store)

MOST_FINDINGS = 500
"""So many findings of one check are kept; all are counted."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one check saw: how many rows it is about, how many findings, the first of them, and how long it took.

    `mark` is a sum over all findings that does not depend on their order: two results with one mark found the same.
    """

    check: Check
    rows: int
    count: int
    findings: Sequence[Finding]
    mark: int
    seconds: float


def checks(at: datetime) -> list[Check]:
    """Every question at `at`: of the books, and whether files are there and splits signed."""
    asked = [check for room in ROOMS for check in room.checks(at)]

    def files() -> Iterator[Finding]:
        return (Finding("artists", "files", sentence) for sentence in artists.findings(at))

    def splits() -> Iterator[Finding]:
        return (Finding("artists", "splits", sentence) for sentence in artists.of_splits())

    return [
        *asked,
        Check("artists", "files are what their rows say", files, Original),
        Check("artists", "splits in force are what everybody signed", splits, SplitSheet),
    ]


def findings(at: datetime | None = None) -> Iterator[Finding]:
    """What is wrong in the books of any room; nothing when all is well."""
    for room in ROOMS:
        yield from ledger.all_findings(room.checks(at or timezone.now()))


def look(check: Check, tell: Callable[[Finding], None] | None = None) -> Result:
    """Ask one question at one moment; `tell` hears every finding, also those that are not kept."""
    begun = time.monotonic()
    kept: list[Finding] = []
    count = mark = 0
    with snapshots.reading():
        for finding in _whatever_happens(check):
            count += 1
            mark = (mark + _number(finding)) % 2**256
            if len(kept) < MOST_FINDINGS:
                kept.append(finding)
            if tell:
                tell(finding)
        rows = check.over._default_manager.count()
    return Result(check, rows, count, kept, mark, time.monotonic() - begun)


def _whatever_happens(check: Check) -> Iterator[Finding]:
    """What a check finds. Rows so wrong that it stumbles over them are a finding, too, and hide no other check's.

    A database that does not answer is no finding about the books: then nobody knows.
    """
    try:
        yield from check.look()
    except DatabaseError:
        raise
    except Exception as problem:
        message = f"This check could not be finished: {type(problem).__name__}: {problem}"
        yield Finding(check.room, check.name, message[:1_000])


def _number(finding: Finding) -> int:
    text = "\0".join((finding.room, finding.rule, finding.message))
    return int(hashlib.sha256(text.encode()).hexdigest(), 16)
