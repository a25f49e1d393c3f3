"""What an entry says: its lines, whether they could ever be posted, and the digest that covers all of it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from ledger import chart
from ledger.refusals import BadEntry, NeverMatures, Unbacked, UnitMismatch
from megabox.money import CREDIT, micros_to_xcr

_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Line:
    """One movement of an entry: `amount` micros of `unit` debit one account and credit another.

    `source` names the row it comes from (`store.line:77`); `facts` are frozen for statements (plain JSON without
    floats, no names or addresses of people); `matures_on` is needed by every credit to a payee's pending;
    `reverses_id` is the posting it takes back.
    """

    debit: str
    credit: str
    amount: int
    unit: str
    source: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    matures_on: date | None = None
    reverses_id: int | None = None


def check(key: str, kind: str, lines: Sequence[Line], why: str) -> None:
    """Refuse what could never be posted, whatever the books hold. Raises a Refused."""
    _text("key", key, 200, is_needed=True)
    _text("kind", kind, 40, is_needed=True)
    _text("why", why, 200)
    if not lines:
        raise BadEntry(f"The entry {key!r} moves nothing: it has no lines.")
    for number, line in enumerate(lines):
        _check_line(number, line)
    _check_backing(lines)


def _check_line(number: int, line: Line) -> None:
    if line.debit == line.credit:
        raise BadEntry(f"Line {number} debits and credits the same account, {line.debit}.")
    if type(line.amount) is not int or not 0 < line.amount <= _LARGEST:
        raise BadEntry(f"Line {number} moves {line.amount!r}; an amount is a whole number of micros above zero.")
    if chart.meaning(line.debit).unit != line.unit or chart.meaning(line.credit).unit != line.unit:
        raise UnitMismatch(number, line.debit, line.credit, line.unit)
    if line.unit == CREDIT and line.amount % micros_to_xcr(1):
        raise BadEntry(f"Line {number} moves {line.amount} XCR micros, which is no whole number of micros of money.")
    if chart.is_pending(line.credit) and line.matures_on is None:
        raise NeverMatures(f"Line {number} credits {line.credit} without the day on which it matures.")
    _text("source", line.source, 100)
    if line.facts:
        _check_fact(number, line.facts)


def _check_backing(lines: Sequence[Line]) -> None:
    """Credits in wallets and the money behind them move together, in every entry."""
    xcr = backing = 0
    for line in lines:
        if line.unit == CREDIT:
            xcr += line.amount * (chart.is_wallet(line.credit) - chart.is_wallet(line.debit))
        else:
            backing += line.amount * (chart.is_backing(line.credit) - chart.is_backing(line.debit))
    if xcr != micros_to_xcr(backing):
        raise Unbacked(f"Wallets would change by {xcr} XCR micros, the money behind them by {backing} micros.")


def _check_fact(number: int, fact: Any) -> None:
    if fact is None or isinstance(fact, int):
        return
    if isinstance(fact, str):
        _text("facts", fact, 2_000)
    elif isinstance(fact, Mapping):
        for name, value in fact.items():
            if not isinstance(name, str):
                raise BadEntry(f"Line {number} has a fact named {name!r}; names are text.")
            _text("facts", name, 100)
            _check_fact(number, value)
    elif isinstance(fact, list | tuple):
        for value in fact:
            _check_fact(number, value)
    else:
        raise BadEntry(f"Line {number} has the fact {fact!r}; facts are text, whole numbers, lists and mappings.")


def _text(what: str, text: str, most: int, *, is_needed: bool = False) -> None:
    """PostgreSQL stores neither NUL nor half a surrogate pair; SQLite would not mind the length."""
    if len(text) > most or (is_needed and not text):
        raise BadEntry(f"The {what} {text[:40]!r} has {len(text)} characters; it needs {int(is_needed)} to {most}.")
    if "\0" in text or (not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)):
        raise BadEntry(f"The {what} {text[:40]!r} holds a character that cannot be stored.")


# One encoder for what is stored and what is digested, so each line's facts are written out once.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def facts_text(facts: Mapping[str, Any]) -> str:
    """Facts as JSON text with sorted names, the same whichever database they were read back from."""
    return _ENCODER.encode(facts) if facts else "{}"


def digest(
    kind: str, occurred_at: datetime, why: str, lines: Sequence[Line], facts: Sequence[str] | None = None
) -> str:
    """SHA-256 of everything an entry says; `facts` are the lines' `facts_text` where it is known already."""
    text = _ENCODER.encode(
        [
            "megabox.ledger/1",
            kind,
            occurred_at.astimezone(UTC).isoformat(timespec="microseconds"),
            why,
            [
                [
                    line.debit,
                    line.credit,
                    line.amount,
                    line.unit,
                    line.source,
                    written,
                    line.matures_on and line.matures_on.isoformat(),
                    line.reverses_id,
                ]
                for line, written in zip(lines, facts or [facts_text(line.facts) for line in lines], strict=True)
            ],
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()
