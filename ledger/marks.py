"""Balances as of a posting: what guarded accounts held after a high-water mark, without reading their history.

The cached balance is the sum of all postings; taking off what was posted after the mark leaves the sum up to it. Both
are read by one statement, so they are one snapshot of the database, and the cost is that of the postings after the
mark, however long the history.
"""

from django.db import connection

from ledger.chart import PLACES, Place


def payees_at(place: Place, unit: str, mark: int) -> dict[int, int]:
    """Micros of every payee in one place and unit after posting `mark`, by payee id; nobody who has no such account.

    Exact only when no writer is on the way that has taken an id up to `mark` and not committed it.
    """
    assert place in PLACES, place
    prefix, suffix = "payee:", f":{place}:{unit}"
    sign = 1 if place == "owed" else -1  # owed grows by debits
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account.code, balance.amount - COALESCE(later.net, 0)"
            " FROM ledger_balance AS balance"
            " JOIN ledger_account AS account ON account.id = balance.account_id"
            " LEFT JOIN (SELECT moved.account_id, SUM(moved.amount) AS net FROM ("
            "SELECT debit_id AS account_id, amount * %s AS amount FROM ledger_posting WHERE id > %s"
            " UNION ALL SELECT credit_id, amount * %s FROM ledger_posting WHERE id > %s"
            ") AS moved GROUP BY moved.account_id) AS later ON later.account_id = balance.account_id"
            " WHERE account.code LIKE %s AND account.unit = %s",
            [sign, mark, -sign, mark, f"{prefix}%{suffix}", unit],
        )
        ids = ((code.removeprefix(prefix).removesuffix(suffix), amount) for code, amount in cursor.fetchall())
        return {int(payee_id): int(amount) for payee_id, amount in ids if payee_id.isdigit()}
