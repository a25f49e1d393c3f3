"""Is every payee's money where it belongs?"""

from collections.abc import Iterator

from django.db.models import F, Q

from ledger.audit.finding import Finding, rows
from ledger.models import Posting
from ledger.pending import MATURITY


def owed_and_payable() -> Iterator[Finding]:
    """A payee owes and has something to be paid at once."""
    both = rows(
        """
        SELECT owed.code, debt.amount, cached.amount
        FROM ledger_account AS owed
        JOIN ledger_balance AS debt ON debt.account_id = owed.id AND debt.amount > 0
        JOIN ledger_account AS payable ON payable.code = REPLACE(owed.code, ':owed:', ':payable:')
        JOIN ledger_balance AS cached ON cached.account_id = payable.id AND cached.amount > 0
        WHERE owed.code LIKE %s ORDER BY owed.id
        """,
        ["payee:%:owed:%"],
    )
    for code, debt, payable in both:
        message = f"{code} is {debt} micros while {payable} are payable: what is owed is settled first."
        yield Finding("ledger", "owed and payable", message)


def pending_left() -> Iterator[Finding]:
    """Pending money left neither by maturity nor by naming the earning it comes from."""
    nameless = (
        Posting.objects.filter(debit__code__startswith="payee:", debit__code__contains=":pending:")
        .exclude(entry__kind=MATURITY)
        .filter(Q(reverses__isnull=True) | ~Q(reverses__credit=F("debit")))
        .order_by("pk")
        .values_list("pk", "debit__code")
    )
    for pk, code in nameless:
        yield Finding("ledger", "pending", f"Posting {pk} took from {code} without naming an earning there.")


def matured_early() -> Iterator[Finding]:
    """What matured so far is at most what was due on the latest day that matured."""
    wrong = rows(
        """
        SELECT code, total, last, credited - taken FROM (
            SELECT account.code, matured.total, matured.last,
                (SELECT COALESCE(SUM(amount), 0) FROM ledger_posting
                 WHERE credit_id = account.id AND matures_on <= matured.last) AS credited,
                (SELECT COALESCE(SUM(back.amount), 0) FROM ledger_posting AS back
                 JOIN ledger_posting AS earned ON earned.id = back.reverses_id
                 WHERE back.debit_id = account.id AND earned.credit_id = account.id
                 AND earned.matures_on <= matured.last) AS taken
            FROM (
                SELECT debit_id, SUM(amount) AS total, MAX(matures_on) AS last
                FROM ledger_posting JOIN ledger_entry ON ledger_entry.id = entry_id
                WHERE kind = %s GROUP BY debit_id
            ) AS matured
            JOIN ledger_account AS account ON account.id = matured.debit_id
            WHERE account.code LIKE %s
        ) AS compared
        WHERE last IS NULL OR total > credited - taken ORDER BY code
        """,
        [MATURITY, "payee:%:pending:%"],
    )
    for code, total, last, due in wrong:
        message = f"{total} micros of {code} matured, but only {due} were due by {last}."
        yield Finding("ledger", "maturity", message)
