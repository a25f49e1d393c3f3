"""The journal: the only writer of the books.

One call of `post` writes one Entry, whole or not at all. What the books cannot hold is refused with a named
exception and nothing is written. Reading (balances, statements) is in `ledger.reading`, offered here as well.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from ledger import chart, pending, sql
from ledger.content import Line, check, digest, facts_text
from ledger.models import Entry, Posting
from ledger.reading import Statement, StatementLine, balance, entry_for, statement
from ledger.refusals import (
    BadEntry,
    KeyReused,
    MonthClosed,
    NeverMatures,
    NotPending,
    Overdraft,
    OverReversed,
    Refused,
    Unbacked,
    UnitMismatch,
    UnknownCode,
)
from ledger.triggers import MONTH_CLOSED

__all__ = [
    "REVERSAL",
    "BadEntry",
    "KeyReused",
    "Line",
    "MonthClosed",
    "NeverMatures",
    "NotPending",
    "OverReversed",
    "Overdraft",
    "Posted",
    "Refused",
    "Statement",
    "StatementLine",
    "Unbacked",
    "UnitMismatch",
    "UnknownCode",
    "balance",
    "entry_for",
    "lock",
    "lock_postings",
    "moved",
    "post",
    "posting_row",
    "reverse",
    "reversed_micros",
    "statement",
]

REVERSAL = "reversal"
"""The kind of the entries that `reverse` makes: exact mirrors of what they name."""


@dataclass(frozen=True, slots=True)
class Posted:
    """The entry of a key, and whether this call made it."""

    entry: Entry
    is_new: bool


def post(key: str, kind: str, lines: Sequence[Line], *, occurred_at: datetime, why: str = "") -> Posted:
    """Write one entry with its postings, or return the entry that this key made before.

    Guarded accounts must stay at or above zero after every line, in the order given. A repeat is known by its key
    and its content; only its time may differ, for a repeat happens later by nature: the first time stands.

    Raises a Refused (BadEntry, UnknownCode, UnitMismatch, KeyReused, Overdraft, OverReversed, NotPending,
    NeverMatures, Unbacked, MonthClosed). Nothing is written then, and the caller's transaction can go on. Costs the
    same few queries for one line as for thousands.
    """
    assert timezone.is_aware(occurred_at), "times in the books are aware"
    check(key, kind, lines, why)
    now = timezone.now()  # the system's clock: when the books learnt of it
    facts = [facts_text(line.facts) for line in lines]
    content = digest(kind, occurred_at, why, lines, facts)
    with _open_month(occurred_at), transaction.atomic():
        entry_id = sql.insert_entry(
            key=key, kind=kind, digest=content, why=why, occurred_at=occurred_at, created_at=now
        )
        if entry_id is None:
            return Posted(_posted_before(key, kind, lines, why), is_new=False)
        _check_reversals(lines)
        ids, before = chart.lock_all(code for line in lines for code in (line.debit, line.credit))
        _check_pending(kind, lines, ids)
        after = moved(lines, ids, before)
        rows = [(entry_id, posting_row(number, line, ids, facts[number])) for number, line in enumerate(lines)]
        sql.insert_postings(rows, after)
    entry = Entry(id=entry_id, key=key, kind=kind, digest=content, why=why, occurred_at=occurred_at, created_at=now)
    entry._state.adding = False
    entry._state.db = connection.alias
    return Posted(entry, is_new=True)


def reverse(
    entry: Entry,
    *,
    key: str,
    occurred_at: datetime,
    why: str = "",
    amounts: Mapping[int, int] | None = None,
) -> Posted:
    """Take back an entry by its exact mirror, last line first.

    Without `amounts`, all that is not taken back yet; with them (line number -> micros) only so much of those lines.
    Raises the Refused of `post`: an earning that has matured cannot be mirrored (`payees.take_back_lines` can take it
    back), nor a wallet emptied that was spent. A repeat by the same key returns the first reversal.
    """
    postings = list(entry.postings.select_related("debit", "credit", "reverses").order_by("-line"))
    assert not amounts or amounts.keys() <= {posting.line for posting in postings}, "lines of another entry"
    with transaction.atomic():
        if amounts is None:
            before = entry_for(key)
            if before is not None:
                return Posted(_reversal_of(before, entry), is_new=False)
            lock_postings([posting.pk for posting in postings])
            gone = reversed_micros([posting.pk for posting in postings])
            amounts = {posting.line: posting.amount - gone[posting.pk] for posting in postings}
        lines = [
            _mirror(posting, amounts[posting.line], occurred_at.date())
            for posting in postings
            if amounts.get(posting.line)
        ]
        return post(key, REVERSAL, lines, occurred_at=occurred_at, why=why)


def lock(codes: Iterable[str]) -> dict[str, int]:
    """Open and lock guarded accounts until the transaction ends; return their balances in micros.

    For callers who must decide by a balance before they post. Who locks several accounts locks them in one call.
    """
    ids, amounts = chart.lock_all(codes)
    return {code: amounts[pk] for code, pk in ids.items()}


def reversed_micros(posting_ids: Sequence[int]) -> dict[int, int]:
    """Micros of each posting that are taken back; what was taken back and then restored does not count."""
    direct: dict[int, list[tuple[int, int]]] = {pk: [] for pk in posting_ids}
    found = Posting.objects.filter(reverses__in=posting_ids).values_list("reverses_id", "pk", "amount")
    for target, pk, amount in found:
        direct[target].append((pk, amount))
    later = [pk for reversals in direct.values() for pk, _ in reversals]
    restored = reversed_micros(later) if later else {}
    return {target: sum(amount - restored[pk] for pk, amount in reversals) for target, reversals in direct.items()}


# --- what post checks against the books


@contextmanager
def _open_month(occurred_at: datetime) -> Iterator[None]:
    """The database itself refuses an entry in a closed month, so that closing needs no look before each post."""
    try:
        yield
    except IntegrityError as error:
        if MONTH_CLOSED not in str(error):
            raise
        raise MonthClosed(occurred_at) from None


def _posted_before(key: str, kind: str, lines: Sequence[Line], why: str) -> Entry:
    entry = Entry.objects.get(key=key)
    if entry.digest != digest(kind, entry.occurred_at, why, lines):
        raise KeyReused(key)
    return entry


def _check_reversals(lines: Sequence[Line]) -> None:
    """Never take back more of a posting than it moved. The postings stay locked until the transaction ends."""
    wanted: dict[int, int] = {}
    for line in lines:
        if line.reverses_id is not None:
            wanted[line.reverses_id] = wanted.get(line.reverses_id, 0) + line.amount
    if not wanted:
        return
    targets = lock_postings(list(wanted))
    gone = reversed_micros(list(targets))
    for line in lines:
        if line.reverses_id is None:
            continue
        target = targets.get(line.reverses_id)
        if target is None or target.unit != line.unit:
            raise BadEntry(f"There is no posting {line.reverses_id} in {line.unit} to take back.")
        if gone[target.pk] + wanted[target.pk] > target.amount:
            raise OverReversed(target.pk, target.amount, gone[target.pk], wanted[target.pk])


def lock_postings(posting_ids: Sequence[int]) -> dict[int, Posting]:
    """Lock postings in id order: two reversals of one posting must not both see it whole."""
    return {
        posting.pk: posting
        for posting in Posting.objects.select_for_update(no_key=True).filter(pk__in=posting_ids).order_by("pk")
    }


def _check_pending(kind: str, lines: Sequence[Line], ids: Mapping[str, int]) -> None:
    """Pending money leaves by maturity, or by naming the earning it comes from: never another sale's money."""
    wanted: dict[int, int] = {}
    for number, line in enumerate(lines):
        if kind != pending.MATURITY and chart.is_pending(line.debit):
            if line.reverses_id is None:
                raise NotPending(f"Line {number} takes from {line.debit} without naming the earning it takes back.")
            wanted[line.reverses_id] = wanted.get(line.reverses_id, 0) + line.amount
    if not wanted:
        return
    earned_by = dict(Posting.objects.filter(pk__in=wanted).values_list("pk", "credit_id"))
    rest = pending.rest(wanted)
    for line in lines:
        if kind == pending.MATURITY or not chart.is_pending(line.debit) or line.reverses_id is None:
            continue
        target = line.reverses_id
        if earned_by[target] != ids[line.debit] or wanted[target] > rest[target]:
            raise NotPending(
                f"{wanted[target]} micros of posting {target} are wanted from {line.debit}, "
                f"but only {rest.get(target, 0)} of it are pending there."
            )


def moved(lines: Sequence[Line], ids: Mapping[str, int], before: Mapping[int, int]) -> dict[int, int]:
    """The guarded balances, in micros, that change by these lines; every guard is checked after every line.

    `ids` are the accounts' by code, `before` their locked balances by id. Raises Overdraft.
    """
    after = dict(before)
    for line in lines:
        for code, is_debit in ((line.debit, True), (line.credit, False)):
            pk = ids[code]
            if pk not in after:
                continue
            change = line.amount if chart.meaning(code).is_debit_normal == is_debit else -line.amount
            if after[pk] + change < 0:
                raise Overdraft(code, available=after[pk], wanted=line.amount)
            after[pk] += change
    return {pk: amount for pk, amount in after.items() if amount != before[pk]}


def posting_row(number: int, line: Line, ids: Mapping[str, int], facts: str) -> sql.PostingRow:
    """A line as the database takes it; `facts` is its JSON text."""
    return sql.PostingRow(
        number,
        ids[line.debit],
        ids[line.credit],
        line.unit,
        line.amount,
        line.source,
        facts,
        line.matures_on,
        line.reverses_id,
    )


# --- what reverse needs


def _mirror(posting: Posting, amount: int, today: date) -> Line:
    restored = posting.reverses
    matures_on = (restored.matures_on if restored else posting.matures_on) or today
    return Line(
        debit=posting.credit.code,
        credit=posting.debit.code,
        amount=amount,
        unit=posting.unit,
        source=posting.source,
        facts=posting.facts,
        matures_on=matures_on if chart.is_pending(posting.debit.code) else None,
        reverses_id=posting.pk,
    )


def _reversal_of(before: Entry, entry: Entry) -> Entry:
    reversed_entries = set(before.postings.values_list("reverses__entry", flat=True))
    if before.kind != REVERSAL or reversed_entries != {entry.pk}:
        raise KeyReused(before.key)
    return before
