"""What must always be true of issued statements: their files are what was given out, versions follow each other."""

from collections import deque
from collections.abc import Iterator

from ledger.audit import Finding
from payouts import issuing
from payouts.models import IssuedStatement

ROOM = "payouts"
AT_ONCE = 500
"""Rows fetched at once; of the files one piece is in memory at a time."""


def files() -> Iterator[Finding]:
    """Every file is in the storage, byte by byte as it was issued."""
    for issued in IssuedStatement.objects.order_by("pk").iterator(AT_ONCE):
        try:
            deque(issuing.pieces(issued), maxlen=0)
        except issuing.Damaged as fault:
            yield Finding(ROOM, "statement file", str(fault))


def versions() -> Iterator[Finding]:
    """Versions of a payee's month count from one, each names the one before it, and the number says all of this."""
    before: IssuedStatement | None = None
    for issued in IssuedStatement.objects.order_by("payee", "unit", "month", "version").iterator(AT_ONCE):
        if before is not None and _subject(before) != _subject(issued):
            before = None
        version, corrects = (before.version + 1, before.pk) if before else (1, None)
        if (issued.version, issued.corrects_id) != (version, corrects):
            yield Finding(ROOM, "statement version", f"Statement {issued.number} does not follow the one before it.")
        if issued.number != issuing.number_of(issued.payee_id, issued.unit, issued.month, issued.version):
            yield Finding(ROOM, "statement number", f"Statement {issued.pk} has the wrong number {issued.number}.")
        before = issued


def _subject(issued: IssuedStatement) -> tuple[object, ...]:
    return issued.payee_id, issued.unit, issued.month
