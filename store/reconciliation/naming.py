"""Which entries of the books name which balance transactions of Stripe's, and what neither side names.

The namings of a transaction sum to its net, those of an entry to what it moves on the mirror of Stripe's balance. The
sum of all namings is what both sides agree on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, F, Min, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from ledger import chart
from ledger.models import Account, Entry, Month, Posting
from store.models import BalanceTransaction, Naming


def mirrors() -> list[int]:
    """The accounts that mirror Stripe's balance, one a unit."""
    return list(Account.objects.filter(code__startswith="stripe:balance:").values_list("pk", flat=True))


def moved(entries: QuerySet[Posting], accounts: Sequence[int]) -> QuerySet[Posting, Any]:
    """By entry, the micros it moves on `accounts`: above zero where they grow."""
    grows = Case(When(debit__in=accounts, then=F("amount")), default=-F("amount"))
    touching = entries.filter(Q(debit__in=accounts) | Q(credit__in=accounts))
    return touching.order_by().values("entry", "unit").annotate(moved=Sum(grows))


def _free(candidates: Iterable[Entry], unit: str) -> dict[int, int]:
    """What each entry moves and no transaction was named for yet, in micros."""
    keys = [entry.pk for entry in candidates]
    accounts = list(Account.objects.filter(code=chart.stripe(unit)).values_list("pk", flat=True))
    found = {row["entry"]: row["moved"] for row in moved(Posting.objects.filter(entry__in=keys), accounts)}
    named = Naming.objects.filter(entry__in=keys).order_by().values_list("entry").annotate(total=Sum("micros"))
    return {pk: found.get(pk, 0) - dict(named).get(pk, 0) for pk in keys}


def name_part(row: BalanceTransaction, micros: int, candidates: list[Entry], at: datetime) -> None:
    """Name entries for a part of `micros` of a transaction until it is full; each gives what is free of it.

    Must run while the transaction's subject is locked.
    One entry may be about several transactions: Stripe tells refunds by their sum so far, so two may be booked as one.
    """
    if not candidates:
        return
    mine = {naming.entry_id: naming.micros for naming in row.namings.all()}
    rest = micros - sum(mine.get(entry.pk, 0) for entry in candidates)
    free = _free(candidates, row.unit)
    for entry in sorted(candidates, key=lambda entry: free[entry.pk] != rest):  # what fits exactly goes first
        if entry.pk in mine or free[entry.pk] * rest <= 0:
            continue
        part = min(free[entry.pk], rest, key=abs)
        name(row, entry, part, at)
        rest -= part


def name(row: BalanceTransaction, entry: Entry, micros: int, at: datetime) -> None:
    """Note that `entry` stands for `micros` of a transaction. Once: a repeat changes nothing."""
    if micros:
        Naming.objects.get_or_create(transaction=row, entry=entry, defaults={"micros": micros, "named_at": at})


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A movement of our books that no balance transaction covers yet: `micros` of it, of the `moved` in all."""

    entry: Entry
    unit: str
    moved: int
    micros: int


def unnamed(*, until: datetime | None = None, after: int = 0, through: int | None = None) -> list[Unnamed]:
    """What the books moved on the mirror and Stripe has not told of yet, oldest first.

    With `until`, only what the books learnt of before; of the entries with ids above `after`, up to `through`.
    """
    postings = Posting.objects.filter(entry__gt=after)
    if until is not None:
        postings = postings.filter(entry__created_at__lt=until)
    if through is not None:
        postings = postings.filter(entry__lte=through)
    named = Naming.objects.filter(entry=OuterRef("entry")).order_by().values("entry").annotate(total=Sum("micros"))
    sums: Any = moved(postings, mirrors()).annotate(named=Coalesce(Subquery(named.values("total")), Value(0)))
    rows = list(sums.exclude(moved=F("named")).order_by("entry"))
    entries = Entry.objects.in_bulk([row["entry"] for row in rows])
    return [Unnamed(entries[row["entry"]], row["unit"], row["moved"], row["moved"] - row["named"]) for row in rows]


def named_through(after: int) -> int:
    """Up to which entry Stripe has told of everything, when it has told of everything up to `after`.

    What is told in full stays so: entries never change and namings are only added. Only entries of closed months
    count, for there no lower id can come any more.
    """
    last = _last_of_closed_months()
    if last <= after:
        return after
    open_still = unnamed(after=after, through=last)
    return open_still[0].entry.pk - 1 if open_still else last


def _last_of_closed_months() -> int:
    """An entry up to which all entries are of closed months and none is still being written; 0 for none."""
    month = Month.objects.order_by("-month").first()
    within = Posting.objects.filter(pk__lt=month.first_after).order_by("-pk") if month else Posting.objects.none()
    last: int | None = within.values_list("entry", flat=True).first()
    if month is None or last is None:
        return 0
    # Ids of entries and of postings are taken one after the other, so an entry of an open month may have a lower one.
    later = Posting.objects.filter(pk__gte=month.first_after, entry__lte=last).aggregate(first=Min("entry"))["first"]
    return last if later is None else int(later) - 1
