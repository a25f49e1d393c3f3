"""Reports about payouts: runs, the register, who is on hold; and a payee's statement as a table."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Case, Count, F, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from megabox.reporting import Filters, Queried, Report, posting_url, source_url
from megabox.tables import Column, Kind, Made, Row, Table, Total
from payouts.models import Block, IssuedStatement, Payout, PayoutRun
from payouts.statements import Line, Statement

GROUP = "What we paid"
DROPPED = (Payout.State.SKIPPED, Payout.State.CANCELLED)
"""Payouts that never had money reserved."""


def _run_url(row: Row) -> str:
    return f"/desk/payouts/{row[0]}/"


def runs(filters: Filters) -> Table:
    """Each run: its people, its times, and what became of its payouts."""
    found = PayoutRun.objects.filter(created_at__gte=filters.start, created_at__lt=filters.end)
    if filters.unit:
        found = found.filter(unit=filters.unit)
    state = Payout.State
    kept = ~Q(payouts__state__in=DROPPED) & Q(payouts__isnull=False)
    counted = found.annotate(
        payees=Count("payouts", filter=kept),
        amount=_sum(kept),
        paid=_sum(Q(payouts__state=state.PAID)),
        failed=_sum(Q(payouts__state__in=[state.FAILED, state.RETURNED])),
        open=_sum(Q(payouts__state__in=Payout.OPEN)),
        skipped=Count("payouts", filter=Q(payouts__state=state.SKIPPED)),
    )
    columns = [
        Column("run", "Run", link=_run_url),
        Column("period", "Month"),
        Column("unit", "Unit", Kind.UNIT),
        Column("state", "State"),
        Column("opened_by", "Opened by"),
        Column("opened_at", "Opened", Kind.MOMENT),
        Column("approved_by", "Approved by"),
        Column("approved_at", "Approved", Kind.MOMENT, is_shown=False),
        Column("finished_at", "Finished", Kind.MOMENT),
        Column("payees", "Payouts", Kind.COUNT, Total.SUM),
        Column("amount", "Amount", Kind.MONEY, Total.SUM),
        Column("paid", "Paid", Kind.MONEY, Total.SUM),
        Column("failed", "Failed or returned", Kind.MONEY, Total.SUM),
        Column("open", "On its way", Kind.MONEY, Total.SUM),
        Column("skipped", "Skipped", Kind.COUNT, Total.SUM),
        Column("content_hash", "Fingerprint", is_shown=False),
    ]
    fields = [column.name for column in columns]
    fields[0] = "pk"
    fields[4:8] = ["created_by__email", "created_at", "approved_by__email", "approved_at"]
    return Table("Payout runs", columns, Queried(counted.order_by("-pk"), fields, _with_state(PayoutRun.State, 3)))


def _sum(which: Q) -> Coalesce:
    return Coalesce(Sum("payouts__amount_micros", filter=which), 0, output_field=BigIntegerField())


def _with_state(states: Any, position: int) -> Any:
    """A row with the label of its state in place of its name."""
    labels = dict(states.choices)

    def make(values: tuple[Any, ...]) -> Row:
        return (*values[:position], labels[values[position]], *values[position + 1 :])

    return make


def register_of(payouts: "QuerySet[Payout]") -> Table:
    """Every one of these payouts; what was skipped or cancelled has no amount."""
    kept = ~Q(state__in=DROPPED)
    paid = Q(state=Payout.State.PAID)
    amounts = payouts.annotate(
        amount=_if(kept, "amount_micros"), minor=_if(kept, "amount_cents"), paid=_if(paid, "amount_micros")
    )
    columns = [
        Column("run", "Run", link=_run_url),
        Column("period", "Month"),
        Column("unit", "Unit", Kind.UNIT),
        Column("payout", "Payout", total=Total.COUNT, link=lambda row: source_url(f"payouts.payout:{row[3]}")),
        Column("payee_id", "Payee's number", is_shown=False),
        Column("payee", "Payee"),
        Column("state", "State"),
        Column("reason", "Why"),
        Column("payable", "Payable", Kind.MONEY, Total.SUM),
        Column("amount", "Amount", Kind.MONEY, Total.SUM),
        Column("amount_minor", "Amount, smallest coins", Kind.COUNT, Total.SUM, is_shown=False),
        Column("paid", "Paid", Kind.MONEY, Total.SUM),
        Column("transfer", "Transfer"),
        Column("paid_at", "Paid at", Kind.MOMENT),
    ]
    fields = [
        "run_id",
        "run__period",
        "unit",
        "pk",
        "payee_id",
        "payee__name",
        "state",
        "reason",
        "payable_micros",
        "amount",
        "minor",
        "paid",
        "transfer_id",
        "paid_at",
    ]
    rows = Queried(payouts_in_order(amounts), fields, _with_state(Payout.State, 6))
    return Table("Payout register", columns, rows, empty="No payout in these days.")


def payouts_in_order(payouts: "QuerySet[Payout]") -> "QuerySet[Payout]":
    """By run, the last one first, and in it by name."""
    return payouts.order_by("-run", "payee__name", "pk")


def _if(condition: Q, name: str) -> Case:
    return Case(When(condition, then=F(name)), default=0, output_field=BigIntegerField())


def register(filters: Filters) -> Table:
    """Every payout of the runs that were agreed."""
    found = Payout.objects.filter(run__state__in=PayoutRun.AGREED)
    found = found.filter(run__created_at__gte=filters.start, run__created_at__lt=filters.end)
    if filters.unit:
        found = found.filter(unit=filters.unit)
    if filters.text:
        found = found.filter(payee__name__icontains=filters.text)
    return register_of(found)


def blocks(filters: Filters) -> Table:
    """Every block that held on one of the days."""
    found = Block.objects.filter(created_at__lt=filters.end)
    found = found.filter(Q(lifted_at__isnull=True) | Q(lifted_at__gte=filters.start))
    found = found.filter(Q(until__isnull=True) | Q(until__gte=filters.start))
    if filters.text:
        found = found.filter(payee__name__icontains=filters.text)
    columns = [
        Column("payee_id", "Payee's number", is_shown=False),
        Column("payee", "Payee", total=Total.NONE),
        Column("reason", "Reason"),
        Column("note", "Note"),
        Column("placed_by", "Placed by"),
        Column("placed_at", "Placed", Kind.MOMENT),
        Column("until", "Until", Kind.MOMENT),
        Column("lifted_by", "Lifted by"),
        Column("lifted_at", "Lifted", Kind.MOMENT),
        Column("block", "Block", Kind.COUNT, Total.COUNT, is_shown=False),
    ]
    fields = [
        "payee_id",
        "payee__name",
        "reason",
        "note",
        "created_by__email",
        "created_at",
        "until",
        "lifted_by__email",
        "lifted_at",
        "pk",
    ]
    rows = Queried(found.order_by("pk"), fields, _with_state(Block.Reason, 2))
    return Table("Payees on hold", columns, rows, empty="Nobody was on hold in these days.")


def issued(filters: Filters) -> Table:
    """Every statement that was issued in the window, with its fingerprint."""
    found = IssuedStatement.objects.filter(issued_at__gte=filters.start, issued_at__lt=filters.end)
    if filters.unit:
        found = found.filter(unit=filters.unit)
    if filters.text:
        found = found.filter(payee__name__icontains=filters.text)
    columns = [
        Column("number", "Number", link=lambda row: f"/desk/payouts/statements/{row[8]}.pdf"),
        Column("month", "Month"),
        Column("payee", "Payee"),
        Column("unit", "Unit", Kind.UNIT),
        Column("version", "Version"),
        Column("corrects", "Corrects"),
        Column("closing", "Closing balance", Kind.MONEY),  # of other months and versions: a sum would mean nothing
        Column("issued_at", "Issued", Kind.MOMENT),
        Column("id", "Id", total=Total.COUNT, is_shown=False),
        Column("sha256", "SHA-256", is_shown=False),
    ]
    fields = [
        "number",
        "month",
        "payee__name",
        "unit",
        "version",
        "corrects__number",
        "closing_micros",
        "issued_at",
        "pk",
        "sha256",
    ]
    ordered = found.order_by("-month", "payee__name", "unit", "-version")
    rows = Queried(ordered, fields, make=lambda row: (row[0], f"{row[1]:%Y-%m}", *row[2:]))
    return Table("Issued statements", columns, rows, empty="No statement was issued in these days.")


STATEMENT = (
    Column("date", "Date", Kind.MOMENT),
    Column("kind", "Kind"),
    Column("what", "What"),
    Column("album", "Album"),
    Column("isrc", "ISRC or UPC"),
    Column("country", "Country"),
    Column("quantity", "Quantity", Kind.COUNT),
    Column("price", "Price", Kind.MONEY),
    Column("tax", "Tax", Kind.MONEY),
    Column("rule", "Rule"),
    Column("share", "Artists' share", Kind.MONEY),
    Column("my_split", "My split", Kind.SHARE),
    Column("amount", "Amount", Kind.MONEY, Total.SUM),
    Column("unit", "Unit", Kind.UNIT),
    Column("state", "State"),
    Column("posting", "Posting", link=lambda row: posting_url(int(str(row[15])))),
    Column("source", "Source"),
)


def statement_table(statement: Statement) -> Table:
    """A payee's statement: opening, every line, and the closing balance as the control total in the last line."""
    return Table(
        f"Statement of {statement.payee.name}",
        STATEMENT,
        Made(statement.lines, _statement_row),
        before=[_balance_row("opening balance", statement.since, statement.opening.total, statement.unit)],
        after=[_balance_row("closing balance", statement.until, statement.closing.total, statement.unit)],
        is_totalled=False,
    )


def _balance_row(what: str, at: datetime, micros: int, unit: str) -> Row:
    return [at, what, *[None] * 10, micros, unit, None, None, None]


def _statement_row(line: Line) -> Row:
    return [
        line.occurred_at,
        line.kind,
        line.title,
        line.album,
        line.isrc,
        line.country,
        line.quantity,
        line.price_micros,
        line.tax_micros,
        line.rule,
        line.share_micros,
        line.split_basis_points,
        line.amount,
        line.unit,
        line.state,
        line.posting_id,
        line.source,
    ]


REPORTS: Sequence[Report] = (
    Report(
        "payout-runs",
        "Payout runs",
        "Which runs were there, who opened and approved them, and what became of their payouts?",
        GROUP,
        runs,
    ),
    Report(
        "payouts",
        "Payout register",
        "Who was paid what, when, by which transfer, and who was skipped and why?",
        GROUP,
        register,
        asks=("since", "until", "unit", "text"),
        labels={"text": "Payee's name has"},
    ),
    Report(
        "blocks",
        "Payees on hold",
        "Who was not paid, why, since when, and who decided it?",
        GROUP,
        blocks,
        asks=("since", "until", "text"),
        labels={"text": "Payee's name has"},
    ),
    Report(
        "statements",
        "Issued statements",
        "Which statements were given to payees, and which corrects which?",
        GROUP,
        issued,
        asks=("since", "until", "unit", "text"),
        labels={"since": "Issued from", "text": "Payee's name has"},
    ),
)
