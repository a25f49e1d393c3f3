"""What an audit finds, in any room, and the raw query that the audits of the books share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: the room that looked, the rule's short name, and a sentence that says what is wrong where."""

    room: str
    rule: str
    message: str


def rows(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """What a query of the audit returns."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
