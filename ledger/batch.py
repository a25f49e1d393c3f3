"""Many entries at once, for those who post by the hundred: the same few statements as for one.

Each is what `journal.post` would have made of it; all are written, or none. Only for entries that take nothing back:
what does is posted by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from ledger import chart, journal, pending, sql
from ledger.content import Line, check, digest, facts_text
from ledger.refusals import MonthClosed
from ledger.triggers import MONTH_CLOSED


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be posted; what its fields mean is told at `journal.post`."""

    key: str
    kind: str
    lines: Sequence[Line]
    occurred_at: datetime
    why: str = ""


def post_all(drafts: Sequence[Draft]) -> int:
    """Write entries in the order given, with their postings; return how many are new, for a repeat is known by its key.

    Guarded accounts must stay at or above zero after every line of all. Raises the Refused of `journal.post`.
    """
    for draft in drafts:
        assert timezone.is_aware(draft.occurred_at), "times in the books are aware"
        is_maturity = draft.kind == pending.MATURITY  # the one way out of pending that names no earning
        takes_back = any(line.reverses_id or chart.is_pending(line.debit) for line in draft.lines)
        assert is_maturity or not takes_back, "what takes back is posted by itself"
        check(draft.key, draft.kind, draft.lines, draft.why)
    try:
        with transaction.atomic():
            if _insert(drafts):
                return len(drafts)
            transaction.set_rollback(True)
    except IntegrityError as error:
        if MONTH_CLOSED not in str(error):
            raise
        raise MonthClosed(min(draft.occurred_at for draft in drafts)) from None
    return _one_by_one(drafts)


def _insert(drafts: Sequence[Draft]) -> bool:
    """Write all; False, and the transaction is of no use any more, when a key is taken."""
    now = timezone.now()
    facts = [[facts_text(line.facts) for line in draft.lines] for draft in drafts]
    entries = [
        sql.EntryRow(
            draft.key,
            draft.kind,
            digest(draft.kind, draft.occurred_at, draft.why, draft.lines, texts),
            draft.why,
            draft.occurred_at,
            now,
        )
        for draft, texts in zip(drafts, facts, strict=True)
    ]
    entry_ids = sql.insert_entries(entries)
    if len(entry_ids) < len(drafts):
        return False
    lines = [line for draft in drafts for line in draft.lines]
    ids, before = chart.lock_all(code for line in lines for code in (line.debit, line.credit))
    after = journal.moved(lines, ids, before)
    rows = [
        (entry_ids[draft.key], journal.posting_row(number, line, ids, text))
        for draft, texts in zip(drafts, facts, strict=True)
        for number, (line, text) in enumerate(zip(draft.lines, texts, strict=True))
    ]
    sql.insert_postings(rows, after)
    return True


def _one_by_one(drafts: Sequence[Draft]) -> int:
    with transaction.atomic():
        return sum(
            journal.post(one.key, one.kind, one.lines, occurred_at=one.occurred_at, why=one.why).is_new
            for one in drafts
        )
