"""How fast the books are: posts beside bare SQL that does the same inserts and balance updates.

`run` expects Django set up and a migrated scratch database as the default connection: it leaves entries behind that
nobody can delete. Both sides use the same tables with the same triggers, constraints and indexes, one transaction per
entry, in turns; bare SQL only skips what makes the books safe and readable:
digest, idempotency, opening of accounts, locks, guards.
"""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime

from benchmarks import bare
from benchmarks.figures import Figure, in_turn, seconds
from ledger import chart, journal
from ledger.journal import Line

ROUNDS = 15
ENTRIES = 50
"""Single entries in a round."""
LINES = 1_000
"""Lines of the long entry, one per payee."""
GOAL_SINGLE, GOAL_LONG = 0.3, 0.4

_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
_DAY = date(2026, 11, 15)
_STRIPE = chart.stripe("USD")
_FACTS = {"title": "A Song", "isrc": "DEA012600001", "country": "DE", "quantity": 1, "price_micros": 10_000}


def run() -> list[Figure]:
    """Measure single entries and one long entry, both per second."""
    single = [_line(1), Line(_STRIPE, chart.commission("USD"), 1_000, "USD")]
    long = [_line(payee) for payee in range(1, LINES + 1)]
    _post(long + single[1:])  # opens the accounts and warms up both sides
    _bare(_prepared(single))
    return [
        _figure("ledger: entries of two lines", "entries/s", single, times=ENTRIES, count=ENTRIES, goal=GOAL_SINGLE),
        _figure("ledger: lines of a 1 000-line entry", "lines/s", long, times=1, count=LINES, goal=GOAL_LONG),
    ]


def _figure(name: str, unit: str, lines: list[Line], *, times: int, count: int, goal: float) -> Figure:
    prepared = _prepared(lines)
    posts, bare = in_turn(
        lambda: seconds(lambda: _repeat(times, lambda: _post(lines))),
        lambda: seconds(lambda: _repeat(times, lambda: _bare(prepared))),
        rounds=ROUNDS,
    )
    return Figure(name, value=count / posts, unit=unit, limit=count / bare, goal=goal)


def _repeat(times: int, work: Callable[[], None]) -> None:
    for _ in range(times):
        work()


def _line(payee: int) -> Line:
    return Line(
        _STRIPE,
        chart.payee(payee, "pending", "USD"),
        9_000,
        "USD",
        source=f"store.line:{payee}",
        facts=_FACTS,
        matures_on=_DAY,
    )


def _post(lines: list[Line]) -> None:
    journal.post(uuid.uuid4().hex, "sale", lines, occurred_at=_AT)


def _prepared(lines: list[Line]) -> bare.Prepared:
    facts = json.dumps(_FACTS)
    rows = [
        bare.Row(
            line.debit,
            line.credit,
            line.amount,
            line.source,
            facts if line.facts else "{}",
            str(line.matures_on) if line.matures_on else None,
        )
        for line in lines
    ]
    return bare.prepare([("", rows)])[0]


def _bare(prepared: bare.Prepared) -> None:
    bare.post([prepared._replace(key=uuid.uuid4().hex)])
