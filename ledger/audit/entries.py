"""Is every entry whole and unchanged, and does every reversal mirror what it takes back?"""

from collections.abc import Iterator
from itertools import groupby

from ledger.audit.finding import Finding, rows
from ledger.content import Line, digest
from ledger.journal import REVERSAL
from ledger.models import Entry, Posting

_AT_ONCE = 2_000


def digests() -> Iterator[Finding]:
    """Entries whose content is not what was posted."""
    after = 0
    while entries := list(Entry.objects.filter(pk__gt=after).order_by("pk")[:_AT_ONCE]):
        lines = _lines(first=entries[0].pk, last=entries[-1].pk)
        for entry in entries:
            numbered = lines.get(entry.pk, [])
            if [number for number, _ in numbered] != list(range(len(numbered))) or not numbered:
                yield Finding("ledger", "digests", f"The entry {entry.key} lost or gained lines.")
            elif digest(entry.kind, entry.occurred_at, entry.why, [line for _, line in numbered]) != entry.digest:
                yield Finding("ledger", "digests", f"The entry {entry.key} is not what was posted.")
        after = entries[-1].pk


def _lines(*, first: int, last: int) -> dict[int, list[tuple[int, Line]]]:
    """The numbered lines of all entries from one to another."""
    found = (
        Posting.objects.filter(entry__gte=first, entry__lte=last)
        .order_by("entry", "line")
        .values_list(
            "entry_id",
            "line",
            "debit__code",
            "credit__code",
            "amount",
            "unit",
            "source",
            "facts",
            "matures_on",
            "reverses_id",
        )
    )
    return {
        entry_id: [(number, Line(*content)) for _, number, *content in postings]
        for entry_id, postings in groupby(found.iterator(), key=lambda row: row[0])
    }


def reversals() -> Iterator[Finding]:
    """Reversals that take back something else than they name, or too much of it."""
    yield from _over_reversed()
    columns = ("pk", "reverses_id", "unit", "entry__kind", "debit__code", "credit__code")
    target = ("reverses__unit", "reverses__debit__code", "reverses__credit__code")
    found = Posting.objects.filter(reverses__isnull=False).order_by("pk").values_list(*columns, *target)
    for pk, reverses, unit, kind, debit, credit, its_unit, its_debit, its_credit in found.iterator():
        if reverses >= pk:
            yield Finding("ledger", "reversals", f"Posting {pk} takes back posting {reverses}, which came later.")
        if unit != its_unit or not _same_party(debit, its_credit):
            message = f"Posting {pk} takes back posting {reverses} from somebody else, or in another unit."
            yield Finding("ledger", "reversals", message)
        elif kind == REVERSAL and (debit, credit) != (its_credit, its_debit):
            yield Finding("ledger", "reversals", f"Posting {pk} is no mirror of posting {reverses}.")


def _same_party(taken_from: str, given_to: str) -> bool:
    """A take-back may find a payee's money in another place than where it was credited."""
    is_payee = taken_from.startswith("payee:")
    return taken_from == given_to or (is_payee and taken_from.split(":")[:2] == given_to.split(":")[:2])


def _over_reversed() -> Iterator[Finding]:
    """What is taken back of a posting, less what of that was restored, is at most what it moved."""
    wrong = rows("""
        WITH RECURSIVE back (target, pk, amount) AS (
            SELECT reverses_id, id, amount FROM ledger_posting WHERE reverses_id IS NOT NULL
            UNION ALL
            SELECT back.target, later.id, CASE WHEN back.amount > 0 THEN -later.amount ELSE later.amount END
            FROM back JOIN ledger_posting AS later ON later.reverses_id = back.pk AND later.id > back.pk
        )
        SELECT target, moved.amount, SUM(back.amount)
        FROM back JOIN ledger_posting AS moved ON moved.id = target
        GROUP BY target, moved.amount HAVING SUM(back.amount) > moved.amount ORDER BY target
    """)
    for pk, amount, taken in wrong:
        yield Finding("ledger", "reversals", f"Posting {pk} moved {amount} micros, but {taken} are taken back.")
