"""Is every entry whole and unchanged, and does every reversal mirror what it takes back?"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from ledger.audit.finding import Finding
from ledger.content import Line, digest
from ledger.journal import REVERSAL
from ledger.models import Entry, Posting

_AT_ONCE = 2_000


def findings() -> Iterator[Finding]:
    """Entries whose content is not what was posted, and reversals that take back something else, or too much."""
    yield from _digests()
    yield from _reversals()


def _digests() -> Iterator[Finding]:
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


def _reversals() -> Iterator[Finding]:
    reversals = list(
        Posting.objects.filter(reverses__isnull=False)
        .select_related("entry", "debit", "credit", "reverses__debit", "reverses__credit")
        .order_by("pk")
    )
    yield from _over_reversed(reversals)
    for posting in reversals:
        target = posting.reverses
        assert target is not None
        is_mirror = posting.debit_id == target.credit_id and posting.credit_id == target.debit_id
        if posting.unit != target.unit or not _same_party(posting.debit.code, target.credit.code):
            message = f"Posting {posting.pk} takes back posting {target.pk} from somebody else, or in another unit."
            yield Finding("ledger", "reversals", message)
        elif posting.entry.kind == REVERSAL and not is_mirror:
            yield Finding("ledger", "reversals", f"Posting {posting.pk} is no mirror of posting {target.pk}.")


def _same_party(taken_from: str, given_to: str) -> bool:
    """A take-back may find a payee's money in another place than where it was credited."""
    is_payee = taken_from.startswith("payee:")
    return taken_from == given_to or (is_payee and taken_from.split(":")[:2] == given_to.split(":")[:2])


def _over_reversed(reversals: Sequence[Posting]) -> Iterator[Finding]:
    """Later reversals first, so that what was restored is known when it is needed."""
    taken: dict[int, int] = {}
    amounts: dict[int, int] = {}
    for posting in reversed(reversals):
        target = posting.reverses
        assert target is not None
        amounts[target.pk] = target.amount
        taken[target.pk] = taken.get(target.pk, 0) + posting.amount - taken.get(posting.pk, 0)
    for pk, amount in sorted(amounts.items()):
        if taken[pk] > amount:
            message = f"Posting {pk} moved {amount} micros, but {taken[pk]} are taken back."
            yield Finding("ledger", "reversals", message)
