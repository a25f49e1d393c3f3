"""Reports over the books that need no other room: trial balance, general ledger, policies."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Case, F, OuterRef, Q, QuerySet, Subquery, Sum, When, Window
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce

from ledger import corrections, flows, months, reading, words
from ledger.flows import Move
from ledger.models import Account, Policy, Posting, SnapshotLine
from megabox.reporting import Filters, Queried, Report, account_url, entry_url, posting_url, source_url
from megabox.tables import Column, Kind, Listed, Row, Table, Total

GROUP = "The books"


def trial_balance(filters: Filters) -> Table:
    """Every account that ever moved, with its debits and credits up to the end of a day."""
    accounts = _accounts(filters.unit, filters.text).annotate(named=F("code"))
    moved = accounts.annotate(
        debited=_summed("debit", before=filters.end), credited=_summed("credit", before=filters.end)
    ).filter(Q(debited__gt=0) | Q(credited__gt=0))
    net = moved.annotate(net=F("debited") - F("credited")).annotate(
        balance=Case(When(is_debit_normal=True, then=F("net")), default=-F("net"), output_field=BigIntegerField())
    )
    columns = [
        Column("account", "Account", link=lambda row: account_url(str(row[0]))),
        Column("words", "In words"),
        Column("kind", "Kind"),
        Column("unit", "Unit", Kind.UNIT),
        Column("debits", "Debits", Kind.MONEY, Total.SUM),
        Column("credits", "Credits", Kind.MONEY, Total.SUM),
        Column("net", "Debits less credits", Kind.MONEY, Total.SUM),
        Column("balance", "Balance", Kind.MONEY),
    ]
    note = "Every movement debits one account and credits another, so in each unit debits less credits is zero."
    fields = ["code", "named", "kind", "unit", "debited", "credited", "net", "balance"]
    rows = Queried(net.order_by("unit", "code"), fields, make=_in_words)
    return Table("Trial balance", columns, rows, note="" if filters.text else note)


def general_ledger(filters: Filters) -> Table:
    """The lines of one account with opening, running and closing balance; several accounts that begin alike, summed."""
    account = Account.objects.filter(code=filters.text).first()
    return _account(account, filters) if account else _overview(filters)


def _overview(filters: Filters) -> Table:
    """Each account whose code begins so: opening balance, what moved, closing balance."""
    accounts = _accounts(filters.unit, filters.text).annotate(
        named=F("code"),
        debits_before=_summed("debit", before=filters.start),
        credits_before=_summed("credit", before=filters.start),
        debited=_summed("debit", since=filters.start, before=filters.end),
        credited=_summed("credit", since=filters.start, before=filters.end),
    )
    used = accounts.filter(Q(debits_before__gt=0) | Q(credits_before__gt=0) | Q(debited__gt=0) | Q(credited__gt=0))
    side = Case(When(is_debit_normal=True, then=1), default=-1, output_field=BigIntegerField())
    balances = used.annotate(side=side).annotate(
        opening=(F("debits_before") - F("credits_before")) * F("side"),
        closing=(F("debits_before") - F("credits_before") + F("debited") - F("credited")) * F("side"),
    )
    columns = [
        Column("account", "Account", link=lambda row: account_url(str(row[0]))),
        Column("words", "In words"),
        Column("kind", "Kind"),
        Column("unit", "Unit", Kind.UNIT),
        Column("opening", "Opening", Kind.MONEY),
        Column("debits", "Debits", Kind.MONEY, Total.SUM),
        Column("credits", "Credits", Kind.MONEY, Total.SUM),
        Column("closing", "Closing", Kind.MONEY),
    ]
    fields = ["code", "named", "kind", "unit", "opening", "debited", "credited", "closing"]
    rows = Queried(balances.order_by("unit", "code"), fields, make=_in_words)
    return Table("General ledger", columns, rows, empty="No account with a movement begins like this.")


def _in_words(row: tuple[Any, ...]) -> Row:
    return (row[0], words.of(row[1]), *row[2:])


def _account(account: Account, filters: Filters) -> Table:
    """The lines of one account over a window, each with the balance after it."""
    mine = Posting.objects.filter(Q(debit=account) | Q(credit=account))
    grows = Q(debit=account) if account.is_debit_normal else Q(credit=account)
    change = Case(When(grows, then=F("amount")), default=-F("amount"), output_field=BigIntegerField())
    opening = reading.balance(account.code, at=filters.start - timedelta(microseconds=1))
    within = mine.filter(entry__occurred_at__gte=filters.start, entry__occurred_at__lt=filters.end)
    other = Case(When(debit=account, then=F("credit__code")), default=F("debit__code"))
    order = ["entry__occurred_at", "pk"]
    lines = within.annotate(change=change, other=other).annotate(
        running=Window(Sum("change"), order_by=[F(name).asc() for name in order])
    )
    columns = [
        Column("occurred_at", "When", Kind.MOMENT),
        Column("posting", "Posting", link=lambda row: posting_url(int(str(row[1])))),
        Column("entry", "Entry", link=lambda row: entry_url(int(str(row[2])))),
        Column("key", "Key", is_shown=False),
        Column("event", "Event"),
        Column("why", "Why"),
        Column("other_account", "Other account", link=lambda row: account_url(str(row[6]))),
        Column("source", "Source", link=lambda row: source_url(str(row[7]))),
        Column("unit", "Unit", Kind.UNIT),
        Column("amount", "Amount", Kind.MONEY, Total.SUM),
        Column("balance", "Balance", Kind.MONEY),
    ]
    fields = [
        "entry__occurred_at",
        "pk",
        "entry_id",
        "entry__key",
        "entry__kind",
        "entry__why",
        "other",
        "source",
        "unit",
        "change",
        "running",
    ]
    rows = Queried(lines.order_by(*order), fields, make=lambda row: (*row[:-1], opening + row[-1]))
    closing = opening + _total(within, grows)
    return Table(
        account.code,
        columns,
        rows,
        note=words.of(account.code),
        before=[_balance_line(filters.start, "Opening balance", account.unit, opening)],
        after=[_balance_line(filters.end, "Closing balance", account.unit, closing)],
    )


def _balance_line(at: datetime, what: str, unit: str, balance: int) -> Row:
    return [at, None, None, None, what, None, None, None, unit, None, balance]


TAX_MOVES = (
    Move("collected", "Collected", "credit", Q(debit__code__startswith="stripe:")),
    Move("withheld", "Withheld", "credit", Q(debit__code__startswith="payee:")),
    Move("refunded", "Refunded", "debit", Q(credit__code__startswith="stripe:")),
    Move("paid", "Paid to the state", "debit", Q(credit__code__startswith="bank:")),
)


def taxes(filters: Filters) -> Table:
    """What was collected, refunded and paid for each country, and what is owed to it."""
    found = flows.flows(_accounts(filters.unit, "tax:"), TAX_MOVES, start=filters.start, end=filters.end)
    rows: list[Row] = []
    for flow in found:
        _, tax, country, unit = flow.account.code.split(":")
        if flow.is_used and country.startswith(filters.text.upper()):
            rows.append([country, tax, flow.account.code, unit, *flows.cells(flow)])
    columns = [
        Column("country", "Country", link=lambda row: account_url(str(row[2]))),
        Column("tax", "Tax"),
        Column("account", "Account", is_shown=False),
        Column("unit", "Unit", Kind.UNIT),
        *flows.columns(TAX_MOVES),
    ]
    return Table("Tax by country", columns, Listed(rows), empty="No tax was collected yet.")


def policies(filters: Filters) -> Table:
    """Every version of the rules, and from when it holds."""
    columns = [
        Column("version", "Version"),
        Column("effective_at", "Holds from", Kind.MOMENT),
        Column("commission", "Our part", Kind.SHARE),
        Column("sale_days", "Days a sale is checked", Kind.COUNT),
        Column("ads_days", "Days an ad is checked", Kind.COUNT),
        Column("threshold", "Paid out from", Kind.MONEY),
        Column("least_threshold", "Least threshold", Kind.MONEY),
    ]
    fields = [
        "version",
        "effective_at",
        "commission_basis_points",
        "sale_maturity_days",
        "ads_maturity_days",
        "payout_threshold_micros",
        "payout_threshold_min_micros",
    ]
    note = "A version is never changed. What was earned under one keeps it; thresholds are in the payout's currency."
    return Table("Policy log", columns, Queried(Policy.objects.order_by("version"), fields), note, is_totalled=False)


def _accounts(unit: str, prefix: str) -> QuerySet[Account]:
    found = Account.objects.filter(code__startswith=prefix) if prefix else Account.objects.all()
    return found.filter(unit=unit) if unit else found


def _summed(side: str, *, before: datetime, since: datetime | None = None) -> CombinedExpression | Coalesce:
    """Micros on one side of each account before a moment, as a subquery; from `since`, or ever.

    Ever is what the last closed month's snapshot says and what came after it: no month is added up twice.
    """
    postings = Posting.objects.filter(**{side: OuterRef("pk")}, entry__occurred_at__lt=before)
    month = None if since else months.latest(until=before)
    if since:
        postings = postings.filter(entry__occurred_at__gte=since)
    elif month:
        postings = postings.filter(pk__gte=month.first_after, entry__occurred_at__gte=month.ends_at)
    moved = _or_zero(postings.order_by().values(side).annotate(total=Sum("amount")).values("total"))
    if month is None:
        return moved
    known = SnapshotLine.objects.filter(snapshot=month.pk, account=OuterRef("pk")).values(f"{side}s")
    return _or_zero(known) + moved


def _or_zero(found: QuerySet[Any, Any]) -> Coalesce:
    return Coalesce(Subquery(found, output_field=BigIntegerField()), 0)


def _total(postings: QuerySet[Posting], grows: Q) -> int:
    """What these postings add to an account, in micros."""
    sums = postings.aggregate(
        more=Coalesce(Sum("amount", filter=grows), 0), less=Coalesce(Sum("amount", filter=~grows), 0)
    )
    return int(sums["more"] - sums["less"])


REPORTS: Sequence[Report] = (
    Report(
        "trial-balance",
        "Trial balance",
        "What is on every account at the end of a day, and do both sides agree?",
        GROUP,
        trial_balance,
        asks=("until", "unit", "text"),
        labels={"until": "At the end of", "text": "Account begins with"},
    ),
    Report(
        "general-ledger",
        "General ledger",
        "What moved on an account, line by line, from its opening to its closing balance?",
        GROUP,
        general_ledger,
        asks=("text", "since", "until", "unit"),
        labels={"text": "Account, or its beginning"},
    ),
    Report(
        "adjustments",
        "Adjustments log",
        "What was taken back, written off, booked late or explained by somebody, and why?",
        GROUP,
        corrections.adjustments,
        asks=("since", "until", "unit", "text"),
        labels={"text": "Event or reason has"},
    ),
    Report(
        "tax",
        "Tax by country",
        "Which tax was collected, refunded and paid, and what do we owe which state?",
        "What we owe",
        taxes,
        asks=("since", "until", "unit", "text"),
        labels={"text": "Country"},
    ),
    Report(
        "policies",
        "Policy log",
        "Which rules held when: our part, the days of checking, the thresholds?",
        GROUP,
        policies,
        asks=(),
    ),
)
