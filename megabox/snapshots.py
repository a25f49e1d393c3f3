"""Reading at one moment: every query inside sees the database as it was at the first, and none can write.

Nobody waits for it, on either database: readers hold no locks, and writers go on meanwhile.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.db import connection, transaction


@contextmanager
def reading() -> Iterator[None]:
    """Let the body read one consistent moment. Inside a transaction it reads as that transaction does."""
    if connection.in_atomic_block:
        yield
        return
    with ExitStack() as stack:
        if connection.vendor == "sqlite":
            stack.callback(_allow_writing)  # after the transaction has ended, however it ended
        with _without_write_lock():
            stack.enter_context(transaction.atomic())
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            else:
                cursor.execute("PRAGMA query_only = 1")
        yield


@contextmanager
def _without_write_lock() -> Iterator[None]:
    """Ours begin IMMEDIATE on SQLite and keep all other writers out; who only reads must not."""
    if connection.vendor != "sqlite":
        yield
        return
    mode = connection.transaction_mode  # type: ignore[attr-defined]  # of Django's SQLite wrapper
    connection.transaction_mode = "DEFERRED"  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection.transaction_mode = mode  # type: ignore[attr-defined]


def _allow_writing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = 0")
