"""What an audit looks at and what it finds, in any room, and the raw query that the audits of the books share."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Model


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: the room that looked, the rule's short name, and a sentence that says what is wrong where."""

    room: str
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class Check:
    """One question of an audit: the room that asks, a name in a few words, how it looks, and over which rows."""

    room: str
    name: str
    look: Callable[[], Iterator[Finding]]
    over: type[Model]


def all_findings(checks: Iterable[Check]) -> Iterator[Finding]:
    """What these checks find, one after the other."""
    for check in checks:
        yield from check.look()


def rows(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """What a query of the audit returns."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
