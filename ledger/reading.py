"""Reading the books: the balance of an account, now or at a past moment, and its statement for a window.

A balance grows on the account's own side: debits for assets, expenses and `xcr:issued`, credits for all others.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q, Sum

from ledger import chart, months
from ledger.models import Account, Balance, Entry, Month, Posting, SnapshotLine


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement of one of the statement's accounts; `amount` in micros, above zero where it grows the account."""

    posting_id: int
    entry_id: int
    key: str
    kind: str
    why: str
    occurred_at: datetime
    code: str
    other_code: str
    amount: int
    unit: str
    source: str
    facts: dict[str, Any]
    matures_on: date | None
    reverses_id: int | None


@dataclass(frozen=True, slots=True)
class Statement:
    """Accounts of one unit over a window: opening + sum of lines = closing, in micros."""

    codes: tuple[str, ...]
    unit: str
    since: datetime
    until: datetime
    opening: int
    lines: tuple[StatementLine, ...]
    closing: int


def entry_for(key: str) -> Entry | None:
    """The entry that this key made, if any."""
    return Entry.objects.filter(key=key).first()


def balance(code: str, *, at: datetime | None = None) -> int:
    """Micros on an account: now, or after everything that occurred up to and including `at`; 0 when never used.

    Costs what was posted since the last closed month before `at`, not what was posted ever. Raises UnknownCode for a
    code the chart does not have.
    """
    meaning = chart.meaning(code)
    if at is None and meaning.is_guarded:
        return Balance.objects.filter(account__code=code).values_list("amount", flat=True).first() or 0
    account = Account.objects.filter(code=code).first()
    if account is None:
        return 0
    return _net(account, totals([account.pk], at=at))


def totals(account_ids: Collection[int] | None = None, *, at: datetime | None = None) -> dict[int, tuple[int, int]]:
    """Micros ever debited and credited, by account: until now, or up to and including `at`; untouched ones left out.

    Without ids, of all accounts.
    """
    return _totals(account_ids, at, Q(entry__occurred_at__lte=at) if at else Q())


def within(since: datetime, until: datetime) -> Q:
    """The condition on postings to have occurred from `since` up to but not including `until`.

    Closed months tell between which ids such postings lie, so older and newer ones are not even looked at.
    """
    occurred = Q(entry__occurred_at__gte=since, entry__occurred_at__lt=until)
    return occurred & _ids(months.latest(until=since), until)


def statement(codes: Sequence[str], *, since: datetime, until: datetime) -> Statement:
    """What moved on accounts of one unit from `since` up to but not including `until`, oldest first.

    Several codes count as one account seen from the first one's side; a movement between two of them gives two
    lines that cancel out. Raises UnknownCode.
    """
    meanings = [chart.meaning(code) for code in codes]
    units = {meaning.unit for meaning in meanings}
    assert len(units) == 1, f"a statement has one unit, not {units}"
    accounts = {account.pk: account for account in Account.objects.filter(code__in=codes)}
    side = 1 if meanings[0].is_debit_normal else -1
    earlier = _totals(list(accounts), since, Q(entry__occurred_at__lt=since))
    opening = sum(_net(account, earlier) * _side(account) * side for account in accounts.values())
    moved = (
        Posting.objects.filter(Q(debit__in=accounts) | Q(credit__in=accounts))
        .filter(within(since, until))
        .select_related("entry", "debit", "credit")
        .order_by("entry__occurred_at", "pk")
    )
    lines = tuple(
        _line(posting, account, other, amount * side)
        for posting in moved
        for account, other, amount in (
            (posting.debit, posting.credit, posting.amount),
            (posting.credit, posting.debit, -posting.amount),
        )
        if account.pk in accounts
    )
    return Statement(
        codes=tuple(codes),
        unit=units.pop(),
        since=since,
        until=until,
        opening=opening,
        lines=lines,
        closing=opening + sum(line.amount for line in lines),
    )


def _line(posting: Posting, account: Account, other: Account, amount: int) -> StatementLine:
    return StatementLine(
        posting_id=posting.pk,
        entry_id=posting.entry_id,
        key=posting.entry.key,
        kind=posting.entry.kind,
        why=posting.entry.why,
        occurred_at=posting.entry.occurred_at,
        code=account.code,
        other_code=other.code,
        amount=amount,
        unit=posting.unit,
        source=posting.source,
        facts=posting.facts,
        matures_on=posting.matures_on,
        reverses_id=posting.reverses_id,
    )


def _totals(account_ids: Collection[int] | None, at: datetime | None, when: Q) -> dict[int, tuple[int, int]]:
    """The totals of the last snapshot before `at`, and what has been posted since it `when`."""
    month = months.latest(until=at)
    mine = Q() if account_ids is None else Q(account__in=account_ids)
    known = SnapshotLine.objects.filter(mine, snapshot=month.pk if month else None)
    sums = {
        account: [debits, credits] for account, debits, credits in known.values_list("account", "debits", "credits")
    }
    since = Posting.objects.filter(when, _ids(month, at))
    if month:
        since = since.filter(entry__occurred_at__gte=month.ends_at)
    for side, column in (("debit", 0), ("credit", 1)):
        moved = since if account_ids is None else since.filter(**{f"{side}__in": account_ids})
        for account, micros in moved.order_by().values_list(side).annotate(total=Sum("amount")):
            sums.setdefault(account, [0, 0])[column] += micros
    return {account: (debits, credits) for account, (debits, credits) in sums.items()}


def _ids(month: Month | None, until: datetime | None) -> Q:
    """Ids that postings after `month` and up to `until` can have: what is older or newer is not even looked at."""
    last = Month.objects.filter(ends_at__gt=until).order_by("month").first() if until else None
    return (Q(pk__gte=month.first_after) if month else Q()) & (Q(pk__lte=last.last_posting) if last else Q())


def _net(account: Account, sums: Mapping[int, tuple[int, int]]) -> int:
    debits, credits = sums.get(account.pk, (0, 0))
    return (debits - credits) * _side(account)


def _side(account: Account) -> int:
    return 1 if account.is_debit_normal else -1
