"""What an idempotency key remembers: the answer of the first call that used it, for 24 hours."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from megabox.standin import errors
from megabox.standin.store import Database, Objects

REMEMBERED_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Answer:
    """A status and the JSON text of a body; a dropped one is never sent."""

    status: int
    body: str
    is_replay: bool = False
    request_id: str = ""
    is_dropped: bool = False


def fingerprint(method: str, path: str, sent: dict[str, Any]) -> str:
    """A digest of what was asked, to notice a key that comes back with another question."""
    return hashlib.sha256(json.dumps([method, path, sent], sort_keys=True).encode()).hexdigest()


def begin(database: Database, key: str, asked: str, now: float) -> Answer | None:
    """Take `key` for this call, or return the answer it remembers.

    Raises WireError when the key was used for another question (400) or is being answered right now (409).
    """
    with database.transaction() as objects:
        objects.db.execute("DELETE FROM answers WHERE key = ? AND at < ?", (key, now - REMEMBERED_SECONDS))
        row = objects.db.execute(
            "SELECT fingerprint, status, body, request_id FROM answers WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            objects.db.execute("INSERT INTO answers (key, fingerprint, at) VALUES (?, ?, ?)", (key, asked, now))
            return None
    if row[0] != asked:
        raise errors.WireError(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
        )
    if row[1] is None:
        raise errors.WireError(
            409,
            f"There is currently another in-progress request using this Idempotency Key ({key}). "
            "Please try again later.",
            kind="idempotency_error",
            code="idempotency_key_in_use",
        )
    return Answer(row[1], row[2], True, row[3])


def remember(objects: Objects, key: str, answer: Answer, request_id: str) -> None:
    """Keep the answer of a call that took `key`."""
    objects.db.execute(
        "UPDATE answers SET status = ?, body = ?, request_id = ? WHERE key = ?",
        (answer.status, answer.body, request_id, key),
    )


def forget(objects: Objects, key: str) -> None:
    """Free `key`: its call was refused before it began."""
    objects.db.execute("DELETE FROM answers WHERE key = ? AND status IS NULL", (key,))
