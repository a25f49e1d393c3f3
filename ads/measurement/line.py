"""The one line in which views are billed: each takes the next number when it is counted, in its own transaction.

Settlement bills "everything up to number N" and so writes nothing on the views themselves. That is right only when
nobody can still come with a number up to N. Numbers are given out in one order and committed in another, so on
PostgreSQL whoever takes one holds a shared advisory lock until the end of the transaction, and `last` takes it
exclusively: it waits for those few milliseconds of work, and what begins later gets a higher number. SQLite has one
writer at a time, so there the order of numbers is the order of commits.
"""

from django.db import connection

_LOCK = 0x6164735F6C696E65  # "ads_line"
_WAIT = "10s"
"""Nobody counts a view for so long. If somebody does, the settlement gives up, and the next one tries again."""


def take() -> int:
    """The next number, and a place in front of the next `last`; the transaction must insert its view under it."""
    return take_many(1)[0]


def take_many(n: int) -> list[int]:
    """The next `n` numbers, rising, for as many views that one transaction inserts."""
    assert connection.in_atomic_block, "the place in the line would be gone at once"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # First the lock, then the numbers: a function in FROM is run before what is selected from it.
            cursor.execute(
                "SELECT nextval('ads_impression_number') FROM pg_advisory_xact_lock_shared(%s), generate_series(1, %s)",
                [_LOCK, n],
            )
            return [number for (number,) in cursor.fetchall()]
        cursor.execute(
            "SELECT 1 + max(n) FROM (SELECT coalesce(max(number), 0) AS n FROM ads_impression"
            " UNION ALL SELECT coalesce(max(billed_through), 0) FROM ads_impressiongroup"
            " UNION ALL SELECT coalesce(max(through), 0) FROM ads_settlement)"
        )
        first: int = cursor.fetchone()[0]
        return list(range(first, first + n))


def last() -> int:
    """The last number that was given out: every view up to it is there for all to see, or never will be.

    Nobody can count a view until the transaction ends, so it must be short. Raises OperationalError when somebody
    has been counting a view for ten seconds.
    """
    assert connection.in_atomic_block, "the lock would be gone at once"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SET LOCAL lock_timeout = '{_WAIT}'")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            cursor.execute("SET LOCAL lock_timeout = DEFAULT")
            cursor.execute("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ads_impression_number")
        else:
            cursor.execute("SELECT coalesce(max(number), 0) FROM ads_impression")
        number: int = cursor.fetchone()[0]
        return number
