"""Reports as files: CSV in UTF-8 with ISO dates, amounts in units and in micros, control totals in the last line."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ledger.reports import TrialLine, trial_totals
from megabox.money import plain
from megabox.sheets import Cell, to_csv
from payouts.models import Block, Payout, PayoutRun
from payouts.statements import Line, Statement


def moment(at: datetime | None) -> str:
    """A time in ISO 8601, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


REGISTER = [
    "run",
    "period",
    "unit",
    "payout",
    "payee_id",
    "payee",
    "state",
    "reason",
    "payable",
    "payable_micros",
    "amount",
    "amount_micros",
    "amount_minor",
    "paid",
    "paid_micros",
    "transfer",
    "paid_at",
]


def register_csv(runs: Iterable[PayoutRun]) -> str:
    """Every payout of these runs; what was skipped or cancelled has no amount. One total line per unit."""
    payouts = list(
        Payout.objects.filter(run__in=list(runs)).select_related("payee", "run").order_by("run", "payee__name", "pk")
    )
    rows = [_register_row(payout) for payout in payouts]
    for unit in sorted({payout.unit for payout in payouts}):
        mine = [payout for payout in payouts if payout.unit == unit]
        sums = [sum(values) for values in zip(*map(_amounts, mine), strict=True)]
        rows.append(["TOTAL", "", unit, len(mine), "", "", "", "", *_amount_cells(sums), "", ""])
    return to_csv([REGISTER, *rows])


def _amounts(payout: Payout) -> tuple[int, int, int, int]:
    """Payable, amount, amount in minor units and paid, in micros but for the third."""
    is_kept = payout.state not in (Payout.State.SKIPPED, Payout.State.CANCELLED)
    amount = payout.amount_micros if is_kept else 0
    paid = payout.amount_micros if payout.state == Payout.State.PAID else 0
    return payout.payable_micros, amount, payout.amount_cents if is_kept else 0, paid


def _amount_cells(amounts: Sequence[int]) -> list[Cell]:
    payable, amount, minor, paid = amounts
    return [plain(payable), payable, plain(amount), amount, minor, plain(paid), paid]


def _register_row(payout: Payout) -> list[Cell]:
    return [
        payout.run_id,
        payout.run.period,
        payout.unit,
        payout.pk,
        payout.payee_id,
        payout.payee.name,
        payout.get_state_display(),
        payout.reason,
        *_amount_cells(_amounts(payout)),
        payout.transfer_id,
        moment(payout.paid_at),
    ]


STATEMENT = [
    "date",
    "kind",
    "what",
    "album",
    "isrc",
    "country",
    "quantity",
    "price",
    "price_micros",
    "tax_micros",
    "rule",
    "share_micros",
    "my_split_percent",
    "amount",
    "amount_micros",
    "unit",
    "state",
    "posting",
    "source",
]


def statement_csv(statement: Statement) -> str:
    """A payee's statement: opening, every line, and the closing balance as the control total in the last line."""
    rows = [
        _balance_row("opening balance", statement.since, statement.opening.total, statement.unit),
        *(_statement_row(line) for line in statement.lines),
        _balance_row("closing balance", statement.until, statement.closing.total, statement.unit),
    ]
    return to_csv([STATEMENT, *rows])


def _balance_row(what: str, at: datetime, micros: int, unit: str) -> list[Cell]:
    gap: list[Cell] = [""] * 10
    return [moment(at), what, "", *gap, plain(micros), micros, unit, "", "", ""]


def _statement_row(line: Line) -> list[Cell]:
    return [
        moment(line.occurred_at),
        line.kind,
        line.title,
        line.album,
        line.isrc,
        line.country,
        line.quantity,
        None if line.price_micros is None else plain(line.price_micros),
        line.price_micros,
        line.tax_micros,
        line.rule,
        line.share_micros,
        line.split_percent,
        plain(line.amount),
        line.amount,
        line.unit,
        line.state,
        line.posting_id,
        line.source,
    ]


TRIAL_BALANCE = [
    "account",
    "kind",
    "unit",
    "debits",
    "debits_micros",
    "credits",
    "credits_micros",
    "balance",
    "balance_micros",
]


def trial_balance_csv(lines: Sequence[TrialLine]) -> str:
    """The trial balance; per unit a last line in which debits equal credits."""
    rows: list[list[Cell]] = [
        [
            line.code,
            line.kind,
            line.unit,
            plain(line.debits),
            line.debits,
            plain(line.credits),
            line.credits,
            plain(line.balance),
            line.balance,
        ]
        for line in lines
    ]
    for total in trial_totals(lines):
        off = total.difference
        sums: list[Cell] = [plain(total.debits), total.debits, plain(total.credits), total.credits, plain(off), off]
        rows.append(["TOTAL", "", total.unit, *sums])
    return to_csv([TRIAL_BALANCE, *rows])


BLOCKS = [
    "payee_id",
    "payee",
    "reason",
    "note",
    "placed_by",
    "placed_at",
    "until",
    "lifted_by",
    "lifted_at",
]


def blocks_csv(blocks: Iterable[Block]) -> str:
    """Every block with its reason and who placed and lifted it; the last line counts them."""
    rows: list[list[Cell]] = [
        [
            block.payee_id,
            block.payee.name,
            block.get_reason_display(),
            block.note,
            str(block.created_by),
            moment(block.created_at),
            moment(block.until),
            str(block.lifted_by or ""),
            moment(block.lifted_at),
        ]
        for block in blocks
    ]
    return to_csv([BLOCKS, *rows, ["TOTAL", len(rows), "", "", "", "", "", "", ""]])
