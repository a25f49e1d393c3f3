"""The tables of the books themselves: accounts, entries, postings, balances, months and the policy."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet, Sum

from ledger.models import Account, Balance, Entry, Month, Policy, Posting, SnapshotLine
from megabox.export.table import AT_ONCE, Cut, Table


def entries(cut: Cut) -> QuerySet[Entry]:
    """The entries that an export holds: those that begin at or before its last posting."""
    found = Entry.objects.all()
    return found if cut.is_whole else found.filter(pk__in=_begun(cut))


def postings(cut: Cut) -> QuerySet[Posting]:
    """Their postings, all of them."""
    found = Posting.objects.all()
    return found if cut.is_whole else found.filter(entry__in=_begun(cut))


def _begun(cut: Cut) -> QuerySet[Posting, int]:
    return Posting.objects.filter(pk__lte=cut.last_posting).order_by().values_list("entry", flat=True)


def _policies(cut: Cut) -> Iterator[Sequence[Any]]:
    columns = ("version", "effective_at", "commission_basis_points", "sale_maturity_days", "ads_maturity_days")
    thresholds = ("payout_threshold_micros", "payout_threshold_min_micros")
    yield from Policy.objects.order_by("version").values_list(*columns, *thresholds)


def _accounts(cut: Cut) -> Iterator[Sequence[Any]]:
    found = Account.objects.order_by("pk").values_list("code", "kind", "unit", "is_debit_normal", "is_guarded")
    for code, kind, unit, is_debit_normal, is_guarded in found.iterator(AT_ONCE):
        yield code, kind, unit, "debit" if is_debit_normal else "credit", is_guarded


def _entries(cut: Cut) -> Iterator[Sequence[Any]]:
    columns = ("pk", "key", "kind", "occurred_at", "created_at", "why", "digest")
    yield from entries(cut).order_by("pk").values_list(*columns).iterator(AT_ONCE)


def _postings(cut: Cut) -> Iterator[Sequence[Any]]:
    columns = ("pk", "entry_id", "line", "debit__code", "credit__code", "unit", "amount")
    frozen = ("source", "facts", "matures_on", "reverses_id")
    yield from postings(cut).order_by("pk").values_list(*columns, *frozen).iterator(AT_ONCE)


def _balances(cut: Cut) -> Iterator[Sequence[Any]]:
    debits = dict(postings(cut).order_by().values_list("debit").annotate(total=Sum("amount")))
    credits = dict(postings(cut).order_by().values_list("credit").annotate(total=Sum("amount")))
    cached = dict(Balance.objects.values_list("account", "amount")) if cut.is_whole else {}
    for pk, code, unit, is_debit in Account.objects.order_by("pk").values_list("pk", "code", "unit", "is_debit_normal"):
        grown = debits.get(pk, 0) - credits.get(pk, 0)
        yield code, unit, debits.get(pk, 0), credits.get(pk, 0), grown if is_debit else -grown, cached.get(pk)


def _months(cut: Cut) -> Iterator[Sequence[Any]]:
    closed = Month.objects.filter(last_posting__lte=cut.last_posting).order_by("month")
    yield from closed.values_list("month", "ends_at", "closed_at", "last_posting", "first_after")


def _snapshots(cut: Cut) -> Iterator[Sequence[Any]]:
    lines = SnapshotLine.objects.filter(snapshot__month__last_posting__lte=cut.last_posting)
    columns = ("snapshot_id", "account__code", "debits", "credits")
    yield from lines.order_by("snapshot", "account").values_list(*columns).iterator(AT_ONCE)


TABLES = (
    Table(
        "policies",
        "The rules that turn prices into shares. A new rule is a new version; what was earned keeps its own.",
        (
            ("version", "its number"),
            ("effective_at", "from when it counts"),
            ("commission_basis_points", "the house's part of a price without tax, in hundredths of a per cent"),
            ("sale_maturity_days", "days until what a sale earns can be paid"),
            ("ads_maturity_days", "days until what ads and credit downloads earn can be paid"),
            ("payout_threshold_micros", "the least that is paid out"),
            ("payout_threshold_min_micros", "the least that a payee may choose instead"),
        ),
        _policies,
    ),
    Table(
        "accounts",
        "The chart of accounts. Codes end in their unit.",
        (
            ("account", "its code"),
            ("kind", "asset, liability, revenue, expense, or contra for credits"),
            ("unit", "ISO 4217, or XCR for credits"),
            ("grows_by", "debit or credit: on which side it grows"),
            ("is_guarded", "1 if it may never go below zero"),
        ),
        _accounts,
    ),
    Table(
        "entries",
        "Business events. Each has one posting or more, and a digest that covers all it says.",
        (
            ("entry_id", "its number"),
            ("key", "what makes it happen once"),
            ("kind", "sale, refund, maturity and so on"),
            ("occurred_at", "when it happened"),
            ("created_at", "when the books learnt of it"),
            ("why", "a reason, where a person gave one"),
            ("digest", "SHA-256, see README"),
        ),
        _entries,
    ),
    Table(
        "postings",
        "Movements: each debits one account and credits another.",
        (
            ("posting_id", "its number; later ones are higher"),
            ("entry_id", "the entry it belongs to"),
            ("line", "its place in the entry, from 0"),
            ("debit", "the account that is debited"),
            ("credit", "the account that is credited"),
            ("unit", "the unit of both"),
            ("amount_micros", "millionths of the unit, above zero"),
            ("source", "the row it comes from: store.line:77 is line 77 of order_lines.csv"),
            ("facts", "what was frozen with it, as JSON"),
            ("matures_on", "the day on which pending money becomes payable"),
            ("reverses", "the posting that it takes back"),
        ),
        _postings,
    ),
    Table(
        "balances",
        "What every account holds after the last posting of this export.",
        (
            ("account", "its code"),
            ("unit", "its unit"),
            ("debits_micros", "all that was ever debited"),
            ("credits_micros", "all that was ever credited"),
            ("balance_micros", "the difference, on the side on which the account grows"),
            ("cached_micros", "what the running system keeps for guarded accounts; empty for others, and if cut"),
        ),
        _balances,
    ),
    Table(
        "months",
        "Closed months: nothing occurs in them any more.",
        (
            ("month", "its first day"),
            ("ends_at", "the first moment after it"),
            ("closed_at", "when it was closed"),
            ("last_posting", "no posting of the month or before has a higher number"),
            ("first_after", "no posting after the month has a lower number"),
        ),
        _months,
    ),
    Table(
        "snapshots",
        "What every account had been debited and credited when a closed month ended.",
        (
            ("month", "the month's first day"),
            ("account", "the account"),
            ("debits_micros", "all debits until the month's end"),
            ("credits_micros", "all credits until the month's end"),
        ),
        _snapshots,
    ),
)
