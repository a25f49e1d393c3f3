"""Do balances, guards and units hold, now and after every posting there ever was?"""
# ruff: noqa: S608 - everything put into these statements is a constant of this module

from collections.abc import Iterator

from ledger import chart
from ledger.audit.finding import Finding, rows
from ledger.models import Account, Kind
from ledger.refusals import UnknownCode

# Every posting twice, as each of its accounts sees it: grown by `change` micros.
_CHANGES = """
    SELECT debit_id AS account_id, posting.id AS posting_id,
           CASE WHEN account.is_debit_normal THEN amount ELSE -amount END AS change
    FROM ledger_posting AS posting JOIN ledger_account AS account ON account.id = debit_id
    UNION ALL
    SELECT credit_id, posting.id,
           CASE WHEN account.is_debit_normal THEN -amount ELSE amount END
    FROM ledger_posting AS posting JOIN ledger_account AS account ON account.id = credit_id
"""


def accounts() -> Iterator[Finding]:
    """Every account is what the chart says."""
    for account in Account.objects.iterator():
        try:
            meaning = chart.meaning(account.code)
        except UnknownCode as reason:
            yield Finding("ledger", "chart", str(reason))
            continue
        stored = chart.Meaning(Kind(account.kind), account.unit, account.is_debit_normal, account.is_guarded)
        if stored != meaning:
            yield Finding("ledger", "chart", f"{account.code} is {stored}, the chart says {meaning}.")


def caches() -> Iterator[Finding]:
    """A guarded account has a cached balance equal to the sum of its postings; others have none."""
    wrong = rows(f"""
        SELECT account.code, account.is_guarded, cached.amount, COALESCE(SUM(changes.change), 0)
        FROM ledger_account AS account
        LEFT JOIN ledger_balance AS cached ON cached.account_id = account.id
        LEFT JOIN ({_CHANGES}) AS changes ON changes.account_id = account.id
        WHERE account.is_guarded OR cached.account_id IS NOT NULL
        GROUP BY account.id, account.code, account.is_guarded, cached.account_id, cached.amount
        HAVING cached.amount IS NULL OR NOT account.is_guarded OR cached.amount <> COALESCE(SUM(changes.change), 0)
        ORDER BY account.id
    """)
    for code, is_guarded, cached, total in wrong:
        if not is_guarded:
            yield Finding("ledger", "cached balance", f"{code} is not guarded but has a cached balance.")
        else:
            has = "no cached balance" if cached is None else f"a cached balance of {cached} micros"
            yield Finding("ledger", "cached balance", f"{code} has {has}; its postings sum to {total}.")


def guards() -> Iterator[Finding]:
    """No guarded account was below zero after any of its postings."""
    wrong = rows(f"""
        SELECT account.code, runs.posting_id, runs.running
        FROM (
            SELECT account_id, posting_id,
                   SUM(change) OVER (PARTITION BY account_id ORDER BY posting_id) AS running
            FROM ({_CHANGES}) AS changes
        ) AS runs
        JOIN ledger_account AS account ON account.id = runs.account_id
        WHERE account.is_guarded AND runs.running < 0
        ORDER BY runs.posting_id
    """)
    for code, posting_id, running in wrong:
        yield Finding("ledger", "guards", f"{code} stood at {running} micros after posting {posting_id}.")


def units() -> Iterator[Finding]:
    """Every posting pairs two accounts of its own unit."""
    wrong = rows("""
        SELECT posting.id, posting.unit, debit.code, credit.code
        FROM ledger_posting AS posting
        JOIN ledger_account AS debit ON debit.id = posting.debit_id
        JOIN ledger_account AS credit ON credit.id = posting.credit_id
        WHERE posting.unit <> debit.unit OR posting.unit <> credit.unit
        ORDER BY posting.id
    """)
    for posting_id, unit, debit, credit in wrong:
        yield Finding("ledger", "units", f"Posting {posting_id} in {unit} moves from {debit} to {credit}.")


def equation() -> Iterator[Finding]:
    """Assets = liabilities + revenue - expenses in every unit; for credits: issued - gone = in wallets."""
    wrong = rows(f"""
        SELECT account.unit,
               SUM(CASE WHEN account.is_debit_normal THEN changes.change ELSE 0 END),
               SUM(CASE WHEN account.is_debit_normal THEN 0 ELSE changes.change END)
        FROM ({_CHANGES}) AS changes JOIN ledger_account AS account ON account.id = changes.account_id
        GROUP BY account.unit
        HAVING SUM(CASE WHEN account.is_debit_normal THEN changes.change ELSE -changes.change END) <> 0
        ORDER BY account.unit
    """)
    for unit, left, right in wrong:
        yield Finding("ledger", "equation", f"{unit}: debit balances are {left} micros, credit balances {right}.")
