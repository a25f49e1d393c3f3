"""Verify exported books: python3 verify_books.py FOLDER

A second opinion. It shares no code with the system that keeps the books and needs nothing but Python 3.11. It reads the
files of one export, computes everything again that can be computed from them, and says what does not agree. It prints
every check with what it looked at, ends with the control totals, and exits 1 on any finding. It changes nothing.
The rules it follows are in README.txt beside the files. All amounts are whole micros: millionths of their unit.
"""

import csv
import hashlib
import json
import re
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

# ruff: noqa: S608 - what is put into statements are names of this file; values are parameters

FORMAT = "megabox.books/1"
CREDIT = "XCR"
XCR_PER_MICRO = 1_000
MOST_SHOWN = 20
SUSPENSE_DAYS = 3
MARKED = re.compile(r"([;|\t\r\n])'(?=['\s]*[=+@\uff1d\uff0b\uff0d\uff20-])")
"""An apostrophe before what a spreadsheet would run if it split a line there."""

# File -> its columns; those marked with # are whole numbers. An empty cell is "not known".
FILES = {
    "policies": "version# effective_at commission_basis_points# sale_maturity_days# ads_maturity_days# "
    "payout_threshold_micros# payout_threshold_min_micros#",
    "accounts": "account kind unit grows_by is_guarded#",
    "entries": "entry_id# key kind occurred_at created_at why digest",
    "postings": "posting_id# entry_id# line# debit credit unit amount_micros# source facts matures_on reverses#",
    "balances": "account unit debits_micros# credits_micros# balance_micros# cached_micros#",
    "months": "month ends_at closed_at last_posting# first_after#",
    "snapshots": "month account debits_micros# credits_micros#",
    "payees": "payee_id# name kind country",
    "orders": "order_id kind state unit total_micros# tax_micros# refunded_micros# returned_micros# "
    "charged_back_micros# fee_micros# country balance_transaction placed_at paid_at",
    "order_lines": "line_id# order_id position# kind title advertiser_id# price_micros# discount_micros# net_micros# "
    "shares policy_version#",
    "disputes": "dispute_id# order_id state unit amount_micros# withdrawn_micros# reinstated_micros# lost_micros# "
    "fee_micros# opened_at closed_at",
    "stripe_lines": "stripe_id type unit gross_micros# fee_micros# net_micros# state created_at",
    "stripe_names": "stripe_id entry_id# micros#",
    "downloads": "gate_id entry_key wallet_id# spent_micros# granted_at",
    "ad_days": "day state",
    "ad_groups": "group_id# campaign_id# advertiser_id# beneficiary day place shares policy_version# count# "
    "posted_micros# gross_micros# entries# billed_through#",
    "ad_entries": "group_id# n# after# through# count# posted_micros# gross_micros#",
    "ad_views": "view_id campaign_id# place price_micros# wallet_id# state viewed_at rejected_at beneficiary day "
    "number# billed_by#",
    "pools": "pool_id# month unit n# micros# carried_to model policy_version# booked_at",
    "pool_shares": "share_id# pool_id# payee_id# plays# micros#",
    "payout_runs": "run_id# unit period state high_water# policy_version# content_hash created_by# created_at "
    "computed_at approved_by# approved_at executed_by# finished_at",
    "payouts": "payout_id# run_id# payee_id# unit payable_micros# amount_micros# amount_cents# threshold_micros# "
    "rail destination state reason transfer_id retries# paid_at",
    "attempts": "attempt_id# payout_id# number# state created_at resolved_at",
    "issued_statements": "statement_id# number payee_id# unit month version# corrects sha256 bytes# issued_at file",
}
INDEXES = (
    "postings (entry_id, line)",
    "postings (posting_id)",
    "postings (reverses)",
    "entries (entry_id)",
    "entries (key)",
    "accounts (account)",
    "orders (order_id)",
    "order_lines (order_id, position, line_id)",
    "ad_groups (campaign_id, beneficiary, day)",
    "ad_entries (group_id, n)",
    "billed (group_id, n)",
    "billed (view_id)",
    "postings (source)",
    "stripe_names (stripe_id)",
    "pool_shares (pool_id)",
    "payouts (run_id, payee_id)",
    "attempts (payout_id)",
    "snapshots (month, account)",
    "issued_statements (payee_id, unit, month, version)",
    "issued_statements (number)",
)

# Which entry of which group billed which view. The group's campaign, beneficiary and day name its views; a view that
# stands is billed by the entry that holds its number, one that was rejected says itself which had billed it.
BILLED = """
    CREATE TABLE billed AS
    SELECT view_id, g.group_id, e.n, v.price_micros, v.state, v.wallet_id, v.place FROM ad_views AS v
    JOIN ad_groups AS g ON g.campaign_id = v.campaign_id AND g.beneficiary = v.beneficiary AND g.day = v.day
    JOIN ad_entries AS e ON e.group_id = g.group_id AND (
        (v.state = 'VIEWED' AND v.number > e.after AND v.number <= e.through) OR v.billed_by = e.n)
"""

Findings = Iterator[str]
Amounts = dict[tuple[str, str], int]
"""(debit, credit) -> micros"""


class Books:
    """The export in a temporary database, so that books of any size fit into little memory."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        self.manifest: dict[str, Any] = {}
        self.seen = 0
        self.db = sqlite3.connect(database)
        self.db.execute("PRAGMA journal_mode = OFF")
        self.db.execute("PRAGMA synchronous = OFF")
        for name, columns in FILES.items():
            kinds = (f"{c[:-1]} INTEGER" if c.endswith("#") else f'"{c}" TEXT' for c in columns.split())
            self.db.execute(f"CREATE TABLE {name} ({', '.join(kinds)})")

    @property
    def is_whole(self) -> bool:
        """Whether the export holds all there is, not only the beginning of the books."""
        return bool(self.manifest.get("is_whole"))

    @property
    def ads_unit(self) -> str:
        return str(self.manifest.get("ads_currency", ""))

    def rows(self, statement: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Rows of a query, counted as looked at."""
        for row in self.db.execute(statement, values):
            self.seen += 1
            yield row

    def all(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.db.execute(statement, values).fetchall()

    def one(self, statement: str, *values: Any) -> Any:
        """The first cell of the first row; None without one."""
        row = self.db.execute(statement, values).fetchone()
        return row[0] if row else None

    def amounts(self, key: str) -> Amounts | None:
        """What the entry of this key moves between which accounts; None when there is no such entry."""
        found = self.all(
            "SELECT debit, credit, SUM(amount_micros) FROM postings JOIN entries USING (entry_id)"
            " WHERE key = ? GROUP BY debit, credit",
            key,
        )
        return {(debit, credit): amount for debit, credit, amount in found} or None

    def balance(self, account: str) -> int:
        """What is on an account, on the side on which it grows."""
        debits = self.one("SELECT COALESCE(SUM(amount_micros), 0) FROM postings WHERE debit = ?", account)
        credits = self.one("SELECT COALESCE(SUM(amount_micros), 0) FROM postings WHERE credit = ?", account)
        meaning = meaning_of(account)
        return int(debits - credits if meaning and meaning[1] == "debit" else credits - debits)


# --- the files


def manifest(books: Books) -> Findings:
    """The manifest, and every file of it byte by byte."""
    path = books.folder / "manifest.json"
    try:
        books.manifest = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as problem:
        yield f"manifest.json cannot be read: {problem}"
        return
    if books.manifest.get("format") != FORMAT:
        yield f"The format is {books.manifest.get('format')!r}; this program verifies {FORMAT!r}."
    files = books.manifest.get("files", {})
    for name in sorted({f"{name}.csv" for name in FILES} - files.keys()):
        yield f"The manifest does not name {name}."
    there = {path.relative_to(books.folder).as_posix() for path in books.folder.rglob("*") if path.is_file()}
    for name in sorted(there - files.keys() - {"manifest.json"}):
        yield f"{name} is in the folder, but not in the manifest."
    for name, said in sorted(files.items()):
        books.seen += 1
        if name not in there:
            yield f"{name} is missing."
            continue
        size, sha256 = hashed(books.folder / name)
        if size != said.get("bytes") or sha256 != said.get("sha256"):
            yield f"{name} is not the file that was written: {size} bytes with another hash than {said.get('sha256')}."


def hashed(path: Path) -> tuple[int, str]:
    """(size, SHA-256) of a file, read a piece at a time."""
    sha256, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 16):
            sha256.update(chunk)
            size += len(chunk)
    return size, sha256.hexdigest()


def reading(books: Books) -> Findings:
    """Every table has its columns, its rows, and a value that can be read in every cell."""
    for name, columns in FILES.items():
        rows = 0
        try:
            with (books.folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, strict=True)
                wanted = [column.rstrip("#") for column in columns.split()]
                header = next(reader, None)
                if header != wanted:
                    yield f"{name}.csv has the columns {header}, not {wanted}."
                    continue
                insert = f"INSERT INTO {name} VALUES ({', '.join('?' for _ in wanted)})"
                for row in reader:
                    rows += 1
                    books.seen += 1
                    try:
                        books.db.execute(insert, cells(row, columns.split()))
                    except ValueError as problem:
                        yield f"{name}.csv, row {rows}: {problem}"
        except (OSError, ValueError, csv.Error) as problem:
            yield f"{name}.csv cannot be read after row {rows}: {problem}"
        said = books.manifest.get("files", {}).get(f"{name}.csv", {}).get("rows")
        if said != rows:
            yield f"{name}.csv has {rows} rows; the manifest says {said}."
    books.db.execute(BILLED)
    for index, on in enumerate(INDEXES):
        books.db.execute(f"CREATE INDEX index_{index} ON {on}")


def extent(books: Books) -> Findings:
    """The books end with the posting that the manifest names; of books that are not whole, it is of their last day."""
    until, last = books.manifest.get("until"), books.manifest.get("last_posting")
    is_day = isinstance(until, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", until) is not None
    if type(books.manifest.get("is_whole")) is not bool or not (is_day or (until is None and books.is_whole)):
        yield f"The manifest does not say whether the books are whole, or until which day they go: {until!r}."
    for (highest,) in books.rows("SELECT COALESCE(MAX(posting_id), 0) FROM postings"):
        if books.is_whole and last != highest:
            yield f"The last posting is {highest}; the manifest says {last}."
    if last and is_day:
        day = books.one("SELECT occurred_at FROM postings JOIN entries USING (entry_id) WHERE posting_id = ?", last)
        if day is None or day[:10] > until:
            yield f"The last posting is {last}, but it is not of {until} or before."


def cells(row: list[str], columns: list[str]) -> list[Any]:
    """The cells of a row as values. Raises ValueError."""
    if len(row) != len(columns):
        raise ValueError(f"{len(row)} cells instead of {len(columns)}")
    values: list[Any] = []
    for cell, column in zip(row, columns, strict=True):
        if column.endswith("#"):
            if cell and not re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", cell):
                raise ValueError(f"{column[:-1]} is {cell!r}, which is no whole number")
            values.append(int(cell) if cell else None)
        else:
            values.append(MARKED.sub(r"\1", cell.removeprefix("'")))
    return values


# --- the books


def meaning_of(account: str) -> tuple[str, str, int] | None:
    """(kind, side it grows by, guarded) of an account's code; None when the chart has no such code."""
    family, _, unit = account.rpartition(":")
    if not re.fullmatch("[A-Z]{3}", unit) or (unit == CREDIT) != family.startswith(("wallet:", "xcr:")):
        return None
    who = "[0-9A-Za-z-]+"
    chart = {
        f"payee:{who}:(pending|payable|hold)|publisher:{who}:escrow": ("liability", "credit", 1),
        rf"advertiser:{who}:prepaid|wallet:{who}:credits|pool:\d{{4}}-(0[1-9]|1[0-2])": ("liability", "credit", 1),
        f"(payee|advertiser):{who}:owed": ("asset", "debit", 1),
        "stripe:balance|bank|dispute:receivable|suspense:stripe|ads:unsettled": ("asset", "debit", 0),
        "payout:transit|preorders:held|credits:backing|tax:(vat|withheld):[A-Z]{2}": ("liability", "credit", 0),
        "rev:(commission|ads)": ("revenue", "credit", 0),
        "exp:(stripe_fees|dispute_fees|payee_ad_share|listener_rewards|publishers|clawback_loss)": (
            "expense",
            "debit",
            0,
        ),
        "xcr:issued": ("contra", "debit", 0),
        "xcr:(spent|expired|revoked)": ("contra", "credit", 0),
    }
    return next((meaning for pattern, meaning in chart.items() if re.fullmatch(pattern, family)), None)


def accounts(books: Books) -> Findings:
    """Every account is what the chart of accounts says of its code."""
    for code, kind, unit, grows_by, is_guarded in books.rows("SELECT * FROM accounts"):
        if meaning_of(code) != (kind, grows_by, is_guarded) or unit != code.rpartition(":")[2]:
            yield f"{code} is a {kind} in {unit} that grows by {grows_by}, guarded {is_guarded}; not so the chart."
    for code, count in books.all("SELECT account, COUNT(*) FROM accounts GROUP BY account HAVING COUNT(*) > 1"):
        yield f"{code} is there {count} times."


def entries(books: Books) -> Findings:
    """Entries and postings are there once, belong together, and could be posted at all."""
    for table, column in (("entries", "entry_id"), ("entries", "key"), ("postings", "posting_id")):
        again = f"SELECT {column}, COUNT(*) FROM {table} GROUP BY {column} HAVING COUNT(*) > 1"
        for value, count in books.all(again):
            yield f"{column} {value} is there {count} times."
    for entry_id, key, lines, last in books.rows(
        "SELECT entries.entry_id, key, COUNT(line), MAX(line) FROM entries LEFT JOIN postings USING (entry_id)"
        " GROUP BY entries.entry_id, key"
    ):
        if not lines or lines != last + 1:
            yield f"The entry {key} ({entry_id}) has {lines} lines, and the last is line {last}."
    strange = books.all(
        "SELECT posting_id, postings.unit, amount_micros, debit, credit FROM postings"
        " LEFT JOIN entries USING (entry_id) LEFT JOIN accounts AS d ON d.account = debit"
        " LEFT JOIN accounts AS c ON c.account = credit"
        " WHERE entries.entry_id IS NULL OR d.account IS NULL OR c.account IS NULL"
        " OR d.unit <> postings.unit OR c.unit <> postings.unit OR debit = credit OR amount_micros <= 0"
        " OR amount_micros IS NULL OR (postings.unit = ? AND amount_micros % ? <> 0)",
        CREDIT,
        XCR_PER_MICRO,
    )
    for posting_id, unit, amount, debit, credit in strange:
        yield f"Posting {posting_id} ({amount} {unit} from {debit} to {credit}) could not be posted."


def digests(books: Books) -> Findings:
    """The digest of every entry, computed again from what it says."""
    for entry_id, key, kind, occurred_at, why, digest in books.rows(
        "SELECT entry_id, key, kind, occurred_at, why, digest FROM entries ORDER BY entry_id"
    ):
        lines = books.all(
            "SELECT debit, credit, amount_micros, unit, source, facts, NULLIF(matures_on, ''), reverses FROM postings"
            " WHERE entry_id = ? ORDER BY line",
            entry_id,
        )
        if any(facts != compact(json.loads(facts)) for _, _, _, _, _, facts, _, _ in lines):
            yield f"The facts of the entry {key} are not written as they are when they are posted."
        at = datetime.fromisoformat(occurred_at).astimezone(UTC).isoformat(timespec="microseconds")
        said = ["megabox.ledger/1", kind, at, why, [list(line) for line in lines]]
        if hashlib.sha256(compact(said).encode()).hexdigest() != digest:
            yield f"The entry {key} is not what was posted."


def compact(value: Any) -> str:
    """JSON as it is digested: names sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def guards(books: Books) -> Findings:
    """No guarded account was below zero after any posting there ever was."""
    guarded = {code: grows == "debit" for code, grows in books.all("SELECT account, grows_by FROM accounts")}
    guarded = {code: is_debit for code, is_debit in guarded.items() if (meaning_of(code) or ("", "", 0))[2]}
    now = dict.fromkeys(guarded, 0)
    for posting_id, debit, credit, amount in books.rows(
        "SELECT posting_id, debit, credit, amount_micros FROM postings ORDER BY posting_id"
    ):
        for code, is_debit in ((debit, True), (credit, False)):
            if code in now:
                now[code] += amount if guarded[code] == is_debit else -amount
                if now[code] < 0:
                    yield f"{code} stood at {now[code]} micros after posting {posting_id}."


def balances(books: Books) -> Findings:
    """Every balance is the sum of its postings, and so is the one that the running system keeps."""
    moved = (
        "WITH moved AS (SELECT account, SUM(debits) AS debits, SUM(credits) AS credits FROM ("
        " SELECT debit AS account, amount_micros AS debits, 0 AS credits FROM postings"
        " UNION ALL SELECT credit, 0, amount_micros FROM postings) GROUP BY account) "
    )
    for code, unit, grows, is_guarded, there, debits, credits, balance, cached, sum_debits, sum_credits in books.rows(
        moved + "SELECT a.account, a.unit, grows_by, is_guarded, b.account, debits_micros, credits_micros,"
        " balance_micros, cached_micros, COALESCE(moved.debits, 0), COALESCE(moved.credits, 0) FROM accounts AS a"
        " LEFT JOIN balances AS b USING (account) LEFT JOIN moved USING (account)"
    ):
        grown = sum_debits - sum_credits if grows == "debit" else sum_credits - sum_debits
        wanted = grown if is_guarded and books.is_whole else None
        if there is None:
            yield f"{code} has no balance."
        elif (debits, credits, balance) != (sum_debits, sum_credits, grown):
            yield f"{code} is said to hold {balance} micros; its postings sum to {grown} {unit} micros."
        elif cached != wanted:
            yield f"The system keeps {cached} micros for {code}; its postings sum to {wanted}."
    for (code,) in books.all("SELECT account FROM balances WHERE account NOT IN (SELECT account FROM accounts)"):
        yield f"{code} has a balance, but there is no such account."


def totals_of(books: Books) -> dict[str, dict[str, int]]:
    """The control totals of every unit, from the postings."""
    found: dict[str, dict[str, int]] = {}
    empty = {"postings": 0, "moved_micros": 0, "debit_balances_micros": 0, "credit_balances_micros": 0}
    for unit, count, moved in books.all("SELECT unit, COUNT(*), SUM(amount_micros) FROM postings GROUP BY unit"):
        found[unit] = {**empty, "postings": count, "moved_micros": moved}
    for unit, grows, balance in books.all(
        "SELECT a.unit, grows_by, SUM(CASE WHEN grows_by = 'debit' THEN change ELSE -change END) FROM ("
        " SELECT debit AS account, amount_micros AS change FROM postings"
        " UNION ALL SELECT credit, -amount_micros FROM postings) JOIN accounts AS a USING (account)"
        " GROUP BY a.unit, grows_by"
    ):
        found.setdefault(unit, dict(empty))[f"{grows}_balances_micros"] = balance
    for (unit,) in books.all("SELECT DISTINCT unit FROM accounts"):
        found.setdefault(unit, dict(empty))
    return found


def trial_balance(books: Books) -> Findings:
    """In every unit debit balances equal credit balances, and both are what the manifest says."""
    said = books.manifest.get("totals", {})
    found = totals_of(books)
    for unit in sorted(found.keys() | said.keys()):
        books.seen += 1
        totals = found.get(unit, {})
        if totals.get("debit_balances_micros") != totals.get("credit_balances_micros"):
            yield f"{unit}: debit balances and credit balances differ: {totals}"
        if totals != said.get(unit):
            yield f"{unit}: the control totals are {totals}; the manifest says {said.get(unit)}."


def reversals(books: Books) -> Findings:
    """What takes back names something earlier, takes it from whoever had it, and never more than it was."""
    back: dict[int, int] = {}
    for posting_id, target, amount, unit, kind, debit, credit, its_debit, its_credit, its_unit in books.rows(
        "SELECT p.posting_id, p.reverses, p.amount_micros, p.unit, e.kind, p.debit, p.credit, t.debit, t.credit, t.unit"
        " FROM postings AS p JOIN entries AS e USING (entry_id) LEFT JOIN postings AS t ON t.posting_id = p.reverses"
        " WHERE p.reverses IS NOT NULL ORDER BY p.posting_id DESC"
    ):
        back[target] = back.get(target, 0) + amount - back.get(posting_id, 0)
        if its_unit is None or target >= posting_id:
            yield f"Posting {posting_id} takes back posting {target}, which is not before it."
        elif unit != its_unit or party(debit) != party(its_credit):
            yield f"Posting {posting_id} takes back posting {target} from somebody else, or in another unit."
        elif kind == "reversal" and (debit, credit) != (its_credit, its_debit):
            yield f"Posting {posting_id} is no mirror of posting {target}."
    for target, taken in sorted(back.items()):
        amount = books.one("SELECT amount_micros FROM postings WHERE posting_id = ?", target)
        if amount is not None and taken > amount:
            yield f"Posting {target} moved {amount} micros, but {taken} are taken back."


def party(account: str) -> str:
    """Whose an account is: all places of a payee are the payee's."""
    return ":".join(account.split(":")[:2]) if account.startswith("payee:") else account


def backing(books: Books) -> Findings:
    """In every entry, credits in wallets and the money behind them move together, at 1 000 micro-credits a micro."""
    for key, xcr, money in books.rows(
        "SELECT key, SUM(((credit LIKE 'wallet:%') - (debit LIKE 'wallet:%')) * amount_micros) AS xcr,"
        " SUM(((credit LIKE 'credits:backing:%') - (debit LIKE 'credits:backing:%')) * amount_micros) AS money"
        " FROM postings JOIN entries USING (entry_id) WHERE debit LIKE 'wallet:%' OR credit LIKE 'wallet:%'"
        " OR debit LIKE 'credits:backing:%' OR credit LIKE 'credits:backing:%' GROUP BY entry_id, key"
    ):
        if xcr != money * XCR_PER_MICRO:
            yield f"The entry {key} changes wallets by {xcr} XCR micros and the money behind them by {money} micros."


def maturity(books: Books) -> Findings:
    """Pending money left by maturity when it was due, or by naming its earning. Replayed for every payee."""
    due: dict[str, int] = {}
    account, matured = "", 0
    for code, posting_id, is_credit, amount, kind, matures_on, its_credit, its_day in books.rows(
        "SELECT * FROM ("
        " SELECT credit AS code, posting_id, 1, amount_micros, '', matures_on, '', '' FROM postings"
        " WHERE credit LIKE 'payee:%:pending:%' UNION ALL"
        " SELECT p.debit, p.posting_id, 0, p.amount_micros, e.kind, p.matures_on, t.credit, t.matures_on"
        " FROM postings AS p LEFT JOIN entries AS e USING (entry_id)"
        " LEFT JOIN postings AS t ON t.posting_id = p.reverses WHERE p.debit LIKE 'payee:%:pending:%'"
        ") ORDER BY code, posting_id"
    ):
        if code != account:
            account, due, matured = code, {}, 0
        if is_credit:
            if not matures_on:
                yield f"Posting {posting_id} credits {code} without the day on which it matures."
            due[matures_on] = due.get(matures_on, 0) + amount
        elif kind == "maturity":
            matured += amount
            ripe = sum(left for day, left in due.items() if day <= (matures_on or ""))
            if matured > ripe:
                yield f"{matured} micros of {code} had matured by posting {posting_id}, but only {ripe} were due."
        elif its_credit != code:
            yield f"Posting {posting_id} took from {code} without naming an earning there."
        else:
            due[its_day] = due.get(its_day, 0) - amount


def owed(books: Books) -> Findings:
    """Nobody has something to be paid and owes at once."""
    for code, debt, payable in books.rows(
        "SELECT o.account, o.balance_micros, p.balance_micros FROM balances AS o LEFT JOIN balances AS p"
        " ON p.account = REPLACE(o.account, ':owed:', ':payable:') WHERE o.account LIKE 'payee:%:owed:%'"
    ):
        if debt > 0 and (payable or 0) > 0:
            yield f"{code} is {debt} micros while {payable} are payable."


def suspense(books: Books) -> Findings:
    """What Stripe told and nobody could match is zero, or younger than three days."""
    last = books.one("SELECT MAX(created_at) FROM entries")
    for (code,) in books.all("SELECT account FROM accounts WHERE account LIKE 'suspense:%'"):
        amount, since = 0, ""
        for debit, change, at in books.rows(
            "SELECT debit, amount_micros, occurred_at FROM postings JOIN entries USING (entry_id)"
            " WHERE debit = ? OR credit = ? ORDER BY posting_id",
            code,
            code,
        ):
            since = since if amount else at
            amount += change if debit == code else -change
        if amount and datetime.fromisoformat(last) - datetime.fromisoformat(since) > timedelta(days=SUSPENSE_DAYS):
            yield f"{code} holds {amount} micros since {since}."


def months(books: Books) -> Findings:
    """Nothing came into a month after it was closed, and its snapshot is what its postings sum to."""
    for month, ends_at, last, first_after in books.all("SELECT month, ends_at, last_posting, first_after FROM months"):
        for (key,) in books.rows(
            "SELECT DISTINCT key FROM postings JOIN entries USING (entry_id)"
            " WHERE (occurred_at < ? AND posting_id > ?) OR (occurred_at >= ? AND posting_id < ?)",
            ends_at,
            last,
            ends_at,
            first_after,
        ):
            yield f"The entry {key} is on the wrong side of the end of {month[:7]}."
        sums = (
            "SELECT account, SUM(d), SUM(c) FROM (SELECT debit AS account, amount_micros AS d, 0 AS c, entry_id FROM"
            " postings UNION ALL SELECT credit, 0, amount_micros, entry_id FROM postings) JOIN entries USING (entry_id)"
            " WHERE occurred_at < ? GROUP BY account"
        )
        found = {code: (debits, credits) for code, debits, credits in books.rows(sums, ends_at)}
        kept = books.all("SELECT account, debits_micros, credits_micros FROM snapshots WHERE month = ?", month)
        said = {code: (debits, credits) for code, debits, credits in kept}
        for code in sorted(found.keys() | said.keys()):
            if found.get(code) != said.get(code):
                yield f"The snapshot of {month[:7]} keeps {said.get(code)} for {code}; it was {found.get(code)}."


# --- the business


def allocate(total: int, weights: list[int]) -> list[int]:
    """Share `total` by `weights`: rounded down, then a micro each to the largest remainders, the first ones first."""
    whole = sum(weights)
    if whole <= 0:
        raise ValueError(f"weights {weights}")
    shares = [divmod(total * weight, whole) for weight in weights]
    missing = total - sum(part for part, _ in shares)
    lucky = sorted(range(len(weights)), key=lambda index: (-shares[index][1], index))[:missing]
    return [part + (index in lucky) for index, (part, _) in enumerate(shares)]


def policies(books: Books) -> Findings:
    """Policies are numbered from one, begin one after the other, and share no more than the whole."""
    before = ""
    for number, (version, effective_at, points) in enumerate(
        books.rows("SELECT version, effective_at, commission_basis_points FROM policies ORDER BY version"), 1
    ):
        if version != number or effective_at <= before or not 0 <= points <= 10_000:
            yield f"Policy {version} does not follow the one before it."
        before = effective_at


def split(books: Books, price: int, version: int) -> tuple[int, int]:
    """(payees' part, house's part) of a price without tax, by a policy."""
    points = books.one("SELECT commission_basis_points FROM policies WHERE version = ?", version)
    if points is None:
        raise ValueError(f"there is no policy {version}")
    house = price * points // 10_000
    return price - house, house


def sales(books: Books) -> Findings:
    """Every payment by card has its entry, computed again from the order's lines, and every such entry its order."""
    orders = books.rows(
        "SELECT order_id, kind, unit, total_micros, tax_micros, country, paid_at FROM orders"
        " WHERE paid_at <> '' AND total_micros > 0"
    )
    for order_id, kind, unit, total, tax, country, paid_at in orders:
        key = f"order:{order_id}:{kind.lower()}"
        found = books.amounts(key)
        if found is None:
            if books.is_whole or paid_at[:10] <= books.manifest["until"]:
                yield f"The order {order_id} is paid, but there is no entry {key}."
            continue
        lines = books.all(
            "SELECT price_micros, net_micros, shares, policy_version, advertiser_id FROM order_lines"
            " WHERE order_id = ? ORDER BY position, line_id",
            order_id,
        )
        prices = [line[0] for line in lines]
        taxes = allocate(tax, prices)
        if [line[1] for line in lines] != allocate(total - tax, prices):
            yield f"The lines of the order {order_id} do not share what was paid without tax."
        wanted: Amounts = {}
        later: Amounts = {}
        shared = later if kind == "PREORDER" else wanted
        cash, source = f"stripe:balance:{unit}", f"stripe:balance:{unit}"
        for (_, net, shares, version, advertiser_id), its_tax in zip(lines, taxes, strict=True):
            if kind == "DEPOSIT":
                add(wanted, cash, f"advertiser:{advertiser_id}:prepaid:{unit}", net)
                continue
            if kind == "PREORDER":
                source = f"preorders:held:{unit}"
                add(wanted, cash, source, net)
            payees, house = split(books, net, version)
            sheet = json.loads(shares)
            for (payee_id, _), part in zip(sheet, allocate(payees, [points for _, points in sheet]), strict=True):
                add(shared, source, f"payee:{payee_id}:pending:{unit}", part)
            add(shared, source, f"rev:commission:{unit}", house)
            add(wanted, cash, f"tax:vat:{country}:{unit}", its_tax)
        if found != wanted:
            yield f"The entry {key} moves {show(found)}; its order says {show(wanted)}."
        delivered = books.amounts(f"order:{order_id}:sale") if kind == "PREORDER" else None
        if delivered is not None and delivered != later:
            yield f"The entry order:{order_id}:sale moves {show(delivered)}; its order says {show(later)}."
    for (key,) in books.rows(
        "SELECT key FROM entries WHERE key GLOB 'order:*:sale' OR key GLOB 'order:*:preorder'"
        " OR key GLOB 'order:*:deposit' OR key GLOB 'order:*:fee'"
    ):
        if not books.one("SELECT 1 FROM orders WHERE order_id = ? AND paid_at <> ''", key.split(":")[1]):
            yield f"The entry {key} has no order that is paid."


def add(amounts: Amounts, debit: str, credit: str, micros: int) -> None:
    if micros:
        amounts[debit, credit] = amounts.get((debit, credit), 0) + micros


def show(amounts: Amounts) -> str:
    return (
        ", ".join(f"{debit} -> {credit} {amount}" for (debit, credit), amount in sorted(amounts.items())) or "nothing"
    )


def refunds_and_fees(books: Books) -> Findings:
    """What was given back is what the orders say, shared as the sale was; card fees are booked as they were told."""
    for order_id, unit, total, refunded, returned, charged_back, fee in books.rows(
        "SELECT order_id, unit, total_micros, refunded_micros, returned_micros, charged_back_micros, fee_micros"
        " FROM orders WHERE paid_at <> ''"
    ):
        gone = books.all(
            "SELECT debit, credit, amount_micros FROM postings JOIN entries USING (entry_id) WHERE key GLOB ?",
            f"order:{order_id}:refund:*",
        )
        given = sum(amount for _, credit, amount in gone if credit == f"stripe:balance:{unit}")
        made = refunded + returned
        if given != made if books.is_whole else given > made:
            yield f"{made} micros of the order {order_id} were refunded; the books gave back {given}."
        back_again = books.all(
            "SELECT debit, credit, amount_micros FROM postings JOIN entries USING (entry_id) WHERE key GLOB ?",
            f"refund-failed:{order_id}:*",
        )
        came = sum(amount for debit, _, amount in back_again if debit == f"stripe:balance:{unit}")
        if came != returned if books.is_whole else came > returned:
            yield f"{returned} micros of refunds of the order {order_id} came back; the books took {came}."
        sold = {
            **(books.amounts(f"order:{order_id}:preorder") or {}),
            **(books.amounts(f"order:{order_id}:sale") or {}),
        }
        for (_, account), amount in sold.items():
            if account.startswith(("rev:", "tax:")) and given == refunded > 0 and not charged_back:
                back = sum(amount_back for debit, _, amount_back in gone if debit == account)
                if back != amount * refunded // total:
                    yield f"Of {amount} micros on {account}, {back} went back when {refunded} of {total} were refunded."
        booked = sum((books.amounts(f"order:{order_id}:fee") or {}).values())
        if booked != (fee or 0) and (books.is_whole or booked):
            yield f"The card fee of the order {order_id} is {fee} micros; {booked} are booked."


def preorders(books: Books) -> Findings:
    """What is held for an album that is not out is its buyer's: the price until it is delivered, then nothing."""
    held = {source: -micros for source, micros in by_source(books, "preorders:held:").items()}
    for order_id, total, tax, taken in books.rows(
        "SELECT order_id, total_micros, tax_micros, refunded_micros + charged_back_micros FROM orders"
        " WHERE kind = 'PREORDER' AND paid_at <> ''"
    ):
        sources = [
            *(
                f"store.line:{pk}"
                for (pk,) in books.all("SELECT line_id FROM order_lines WHERE order_id = ?", order_id)
            ),
            *(
                f"store.dispute:{pk}"
                for (pk,) in books.all("SELECT dispute_id FROM disputes WHERE order_id = ?", order_id)
            ),
        ]
        still, taken = sum(held.pop(source, 0) for source in sources), min(taken, total)
        is_delivered = books.amounts(f"order:{order_id}:sale") is not None
        wanted = 0 if is_delivered else total - tax - (taken - tax * taken // total)
        if still != wanted and books.is_whole:
            yield f"{still} micros are held for the order {order_id}, of which {wanted} are its buyer's."
    for source in sorted(held):
        yield f"{held[source]} micros are held for {source or 'nothing'}, which is no pre-order."


def by_source(books: Books, account: str) -> dict[str, int]:
    """Debits less credits on the accounts that begin so, by the source of the postings; without what is zero."""
    found = books.all(
        "SELECT source, SUM(change) FROM ("
        " SELECT source, amount_micros AS change FROM postings WHERE debit LIKE ?1"
        " UNION ALL SELECT source, -amount_micros FROM postings WHERE credit LIKE ?1"
        ") GROUP BY source HAVING SUM(change) <> 0",
        f"{account}%",
    )
    return dict(found)


def disputes(books: Books) -> Findings:
    """What issuers took is receivable until it came back or is lost, and nothing else is; orders bear what is lost."""
    receivable, cash = by_source(books, "dispute:receivable:"), by_source(books, "stripe:balance:")
    for dispute_id, order_id, taken, back, lost, fee in books.rows(
        "SELECT dispute_id, order_id, withdrawn_micros, reinstated_micros, lost_micros, fee_micros FROM disputes"
    ):
        source = f"store.dispute:{dispute_id}"
        still = receivable.pop(source, 0)
        if still != taken - back - lost:
            yield f"{still} micros of dispute {dispute_id} are receivable; its row says {taken - back - lost}."
        moved = cash.pop(source, 0)
        if moved != back - taken - fee:
            yield f"Dispute {dispute_id} moved {moved} micros at Stripe; its row says {back - taken - fee}."
        if not books.one("SELECT 1 FROM orders WHERE order_id = ?", order_id):
            yield f"Dispute {dispute_id} is about the order {order_id}, which is not there."
    strange = [source for source in cash if source.startswith("store.dispute:")]
    for source in sorted([*receivable, *strange]):
        yield f"Money was moved for {source or 'nothing'}, which is no dispute."
    for order_id, charged_back, lost in books.rows(
        "SELECT o.order_id, charged_back_micros, COALESCE((SELECT SUM(lost_micros) FROM disputes AS d"
        " WHERE d.order_id = o.order_id), 0) FROM orders AS o WHERE paid_at <> ''"
    ):
        if charged_back != lost:
            yield f"{charged_back} micros of the order {order_id} were charged back; its disputes lost {lost}."


def stripe_lines(books: Books) -> Findings:
    """Every line of Stripe's that is matched, or in suspense, is explained by entries to its net."""
    for stripe_id, gross, fee, net, state, named in books.rows(
        "SELECT stripe_id, gross_micros, fee_micros, net_micros, state, COALESCE((SELECT SUM(micros)"
        " FROM stripe_names AS n WHERE n.stripe_id = l.stripe_id), 0) FROM stripe_lines AS l"
    ):
        if net != gross - fee or (state != "WAITING" and named != net):
            yield f"Stripe's {stripe_id} is {gross} less {fee}, {net}; entries explain {named}."
    for stripe_id, entry_id in books.all(
        "SELECT stripe_id, entry_id FROM stripe_names WHERE entry_id NOT IN (SELECT entry_id FROM entries)"
    ):
        yield f"Stripe's {stripe_id} is explained by the entry {entry_id}, which is not there."


def pools(books: Books) -> Findings:
    """Every pool went out once, whole, to those whose parts sum to it, or on to a later month; and nothing else did."""
    known = set()
    for pool_id, month, unit, n, whole, to in books.rows(
        "SELECT pool_id, month, unit, n, micros, carried_to FROM pools"
    ):
        key, pool = f"pool:{month}:{unit}:{n}", f"pool:{month}:{unit}"
        known.add(key)
        wanted: Amounts = {}
        if to:
            add(wanted, pool, f"pool:{to}:{unit}", whole)
        for payee_id, part in books.all("SELECT payee_id, micros FROM pool_shares WHERE pool_id = ?", pool_id):
            add(wanted, pool, f"payee:{payee_id}:pending:{unit}", part)
        found = books.amounts(key) or {}
        if found != wanted or sum(wanted.values()) != whole:
            yield f"The pool {key} of {whole} micros moved {show(found)}; its parts are {show(wanted)}."
    for (key,) in books.rows("SELECT key FROM entries WHERE key GLOB 'pool:*'"):
        if key not in known:
            yield f"The entry {key} shares out a pool that is not there."


def downloads(books: Books) -> Findings:
    """Every download for credits has its entry, which shares the money behind them, and the other way round."""
    unit = books.ads_unit
    for gate_id, key, wallet_id, spent, granted_at in books.rows("SELECT * FROM downloads"):
        found = books.amounts(key)
        if found is None:
            if books.is_whole or granted_at[:10] <= books.manifest["until"]:
                yield f"The download {gate_id} has no entry {key}."
            continue
        rule, parts = "", []
        for facts, credit, amount in books.all(
            "SELECT facts, credit, amount_micros FROM postings JOIN entries USING (entry_id)"
            " WHERE key = ? ORDER BY line",
            key,
        ):
            said = json.loads(facts)
            rule = said.get("rule", rule)
            if credit.startswith("payee:"):
                parts.append((said.get("split_basis_points", 0), credit, amount))
        payees, house = split(books, spent, int(rule.removeprefix("policy ") or 0))
        wanted: Amounts = {(f"wallet:{wallet_id}:credits:{CREDIT}", f"xcr:spent:{CREDIT}"): spent * XCR_PER_MICRO}
        add(wanted, f"credits:backing:{unit}", f"rev:commission:{unit}", house)
        points = [point for point, _, _ in parts]
        shared = allocate(payees, points) if sum(points) == 10_000 else [amount for _, _, amount in parts]
        for (_, account, _), part in zip(parts, shared, strict=True):
            add(wanted, f"credits:backing:{unit}", account, part)
        if found != wanted or sum(shared) != payees:
            yield f"The entry {key} moves {show(found)}; its download says {show(wanted)}."
    for (key,) in books.rows("SELECT key FROM entries WHERE key GLOB 'gate:*'"):
        if not books.one("SELECT 1 FROM downloads WHERE entry_key = ?", key):
            yield f"The entry {key} has no download."


def settled_ads(books: Books) -> Findings:
    """Every settled group and entry, computed again from the views that it billed."""
    groups = books.rows(
        "SELECT group_id, campaign_id, advertiser_id, beneficiary, day, place, shares, policy_version, count,"
        " posted_micros, gross_micros, entries, billed_through FROM ad_groups"
    )
    known = set()
    for group_id, campaign_id, advertiser_id, beneficiary, day, place, shares, version, *said, last, through in groups:
        yield from counted_views(books, group_id, place, said, last, through)
        for n in range(1, last + 1):
            key = f"ads:{campaign_id}:{beneficiary}:{day}:{n}"
            known.add(key)
            found = books.amounts(key)
            wanted = billed_amounts(books, group_id, n, advertiser_id, place, shares, version)
            if found is None:
                if books.is_whole or not wanted:
                    yield f"Group {group_id} has no entry {key}."
            elif from_prepaid(found) != wanted:
                yield f"The entry {key} moves {show(found)}; its views say {show(wanted)}."
    for (key,) in books.rows("SELECT key FROM entries WHERE kind = 'ads settled'"):
        if key not in known:
            yield f"The entry {key} has no group."


def counted_views(books: Books, group_id: int, place: str, said: list[int], last: int, through: int) -> Findings:
    """A group is the sum of its entries, which bill one range of views after the other, and each counts its own."""
    entries = books.all(
        "SELECT n, after, through, count, posted_micros, gross_micros FROM ad_entries WHERE group_id = ? ORDER BY n",
        group_id,
    )
    sums = [sum(entry[column] for entry in entries) for column in (3, 4, 5)]
    if sums != said or [entry[0] for entry in entries] != list(range(1, last + 1)):
        yield f"Group {group_id} says {said} for {last} entries; its entries say {sums}."
    if any(entry[1] < before[2] for before, entry in pairwise(entries)):
        yield f"Two entries of group {group_id} bill the same numbers."
    if through != (entries[-1][2] if entries else 0):
        yield f"Group {group_id} is billed through {through}; its entries say otherwise."
    for n, _, _, *counted in entries:
        views = books.all(
            "SELECT COUNT(*), COALESCE(SUM(price_micros), 0),"
            " COALESCE(SUM(CASE WHEN state = 'VIEWED' THEN price_micros END), 0),"
            " COALESCE(SUM(REPLACE(place, 'player', 'page') <> REPLACE(?, 'player', 'page')), 0)"
            " FROM billed WHERE group_id = ? AND n = ?",
            place,
            group_id,
            n,
        )[0]
        if list(views) != [*counted, 0]:
            yield f"Entry {n} of group {group_id} says {counted}; its views say {views[:3]}."


def billed_amounts(
    books: Books, group_id: int, n: int, advertiser_id: int, place: str, shares: str, version: int
) -> Amounts:
    """What an entry of a group must move, from the prices of the views that it billed; nothing for views of nothing."""
    unit = books.ads_unit
    gross = books.one("SELECT COALESCE(SUM(price_micros), 0) FROM billed WHERE group_id = ? AND n = ?", group_id, n)
    wanted: Amounts = {}
    earned = f"ads:unsettled:{unit}" if place == "gate" else f"rev:ads:{unit}"
    add(wanted, f"advertiser:{advertiser_id}:prepaid:{unit}", earned, gross)
    if place in ("page", "player"):
        payees, _ = split(books, gross, version)
        sheet = json.loads(shares)
        for (payee_id, _), part in zip(sheet, allocate(payees, [p for _, p in sheet]), strict=True):
            add(wanted, f"exp:payee_ad_share:{unit}", f"payee:{payee_id}:pending:{unit}", part)
    elif place == "megakey":
        # Where an ad of a site was replaced, of each view: the site's part rounded down, the listener has the rest.
        (site_id, points), *_ = json.loads(shares) or [(0, 0)]
        for wallet_id, price, count in books.all(
            "SELECT wallet_id, price_micros, COUNT(*) FROM billed WHERE group_id = ? AND n = ?"
            " GROUP BY wallet_id, price_micros",
            group_id,
            n,
        ):
            site_part = price * points // 10_000
            earned = (price - site_part) * count
            add(wanted, f"exp:publishers:{unit}", f"publisher:{site_id}:escrow:{unit}", site_part * count)
            add(wanted, f"exp:listener_rewards:{unit}", f"credits:backing:{unit}", earned)
            add(wanted, f"xcr:issued:{CREDIT}", f"wallet:{wallet_id}:credits:{CREDIT}", earned * XCR_PER_MICRO)
    return wanted


def from_prepaid(found: Amounts) -> Amounts:
    """What an advertiser could not pay from deposits is owed: for the price of views both are the same."""
    plain: Amounts = {}
    for (debit, credit), amount in found.items():
        add(plain, debit.replace(":owed:", ":prepaid:") if debit.startswith("advertiser:") else debit, credit, amount)
    return plain


def watched_ads(books: Books) -> Findings:
    """Every ad watched for credits was credited at once, every invalid one given back, and nothing else was."""
    unit = books.ads_unit
    credited = returned = 0
    for view_id, place, price, wallet_id, state, viewed_at, rejected_at, billed_by in books.rows(
        "SELECT view_id, place, price_micros, wallet_id, state, viewed_at, rejected_at, billed_by FROM ad_views"
    ):
        has_counted = state == "VIEWED" or rejected_at > viewed_at
        is_due = books.is_whole or viewed_at[:10] <= books.manifest["until"]
        if place == "gate" and has_counted:
            wallet = f"wallet:{wallet_id}:credits:{CREDIT}"
            wanted = {
                (f"ads:unsettled:{unit}", f"rev:ads:{unit}"): price,
                (f"exp:listener_rewards:{unit}", f"credits:backing:{unit}"): price,
                (f"xcr:issued:{CREDIT}", wallet): price * XCR_PER_MICRO,
            }
            found = books.amounts(f"view:{view_id}")
            credited += found is not None
            if found != wanted and (found or is_due):
                yield f"The view {view_id} cost {price} micros; its entry moves {show(found or {})}."
        if state == "REJECTED" and has_counted and (place == "gate" or billed_by is not None):
            found = books.amounts(f"reject:{view_id}")
            returned += found is not None
            back = sum(amount for (debit, _), amount in (found or {}).items() if debit == f"rev:ads:{unit}")
            if back != price and (found or books.is_whole or rejected_at[:10] <= books.manifest["until"]):
                yield f"The view {view_id} was found invalid; {back} of {price} micros were given back."
    for kind, count in (("gate view", credited), ("impression rejected", returned)):
        booked = books.one("SELECT COUNT(*) FROM entries WHERE kind = ?", kind)
        if booked != count:
            yield f"The books have {booked} entries of the kind {kind!r}, and {count} views that made one."


def unsettled_ads(books: Books) -> Findings:
    """What is not charged to advertisers yet is what waits, and nothing of a closed day does."""
    waiting = "FROM ad_views WHERE state = 'VIEWED' AND view_id NOT IN (SELECT view_id FROM billed) AND"
    for day, count in books.rows(
        f"SELECT day, COUNT(*) {waiting} day IN (SELECT day FROM ad_days WHERE state <> 'OPEN') GROUP BY day"
    ):
        yield f"The day {day} is closed, and {count} of its views are not billed."
    total = books.one(f"SELECT COALESCE(SUM(price_micros), 0) {waiting} place = 'gate'")
    booked = books.balance(f"ads:unsettled:{books.ads_unit}")
    if total != booked:
        yield f"{booked} micros are booked as unsettled; the views say {total}."


# --- payouts

OPEN = ("RESERVED", "SENDING", "UNKNOWN")
SENT = ("SENDING", "UNKNOWN", "PAID", "RETURNED")
MOST_DOUBTFUL = 10
DECIDED = ("APPROVED", "EXECUTING", "COMPLETED", "COMPLETED_WITH_ERRORS")


def payout_runs(books: Books) -> Findings:
    """Runs were approved by a second person, hold what could be paid at their mark, and say what was approved."""
    for run_id, unit, period, state, mark, version, content_hash, created_by, approved_by in books.rows(
        "SELECT run_id, unit, period, state, high_water, policy_version, content_hash, created_by, approved_by"
        " FROM payout_runs"
    ):
        sent = books.one(f"SELECT COUNT(*) FROM payouts WHERE run_id = ? AND state IN {SENT}", run_id)
        if (state in DECIDED or sent) and (approved_by is None or approved_by == created_by):
            yield f"Run {run_id} is {state}, opened by {created_by} and approved by {approved_by}."
        if not content_hash:
            continue
        items = books.all(
            "SELECT payee_id, payable_micros, threshold_micros, amount_micros, amount_cents, rail, destination, reason,"
            " state FROM payouts WHERE run_id = ? ORDER BY payee_id",
            run_id,
        )
        if content_hash not in hashes([unit, period, mark, version], [list(item) for item in items]):
            yield f"Run {run_id} is not what was computed: its payouts have another hash than {content_hash}."
        account = f"payee:%:payable:{unit}"
        changes = books.all(
            "SELECT account, SUM(change) FROM ("
            " SELECT credit AS account, amount_micros AS change FROM postings WHERE credit LIKE ? AND posting_id <= ?"
            " UNION ALL SELECT debit, -amount_micros FROM postings WHERE debit LIKE ? AND posting_id <= ?"
            ") GROUP BY account HAVING SUM(change) > 0",
            *(account, mark, account, mark),
        )
        payable = {int(code.split(":")[1]): amount for code, amount in changes}
        if (books.is_whole or mark <= books.manifest["last_posting"]) and payable != {i[0]: i[1] for i in items}:
            yield f"Run {run_id} does not hold exactly what could be paid at posting {mark}."
    for payout_id, run_id in books.all(
        "SELECT payout_id, run_id FROM payouts WHERE run_id NOT IN (SELECT run_id FROM payout_runs)"
    ):
        yield f"Payout {payout_id} is of run {run_id}, which is not there."


def hashes(head: list[Any], items: list[list[Any]]) -> set[str]:
    """What the content hash of a run may be.

    It covers the reasons as they were computed, and the rows hold today's: whoever was skipped only at the approval
    had none, and so had everybody who was not skipped. The first format did not name the rail.
    """
    names = [
        "payee_id",
        "payable_micros",
        "threshold_micros",
        "amount_micros",
        "amount_cents",
        "rail",
        "destination",
        "reason",
    ]
    for item in items:
        item[7] = item[7] if item[8] == "SKIPPED" else ""
    doubtful = [item for item in items if item[7] and item[1] >= item[2] and item[4] > 0]
    reasons = [item[7] for item in doubtful]
    found = set()
    for which in range(2 ** min(len(doubtful), MOST_DOUBTFUL)):
        for index, item in enumerate(doubtful):
            item[7] = "" if which >> min(index, MOST_DOUBTFUL - 1) & 1 else reasons[index]
        said = [dict(zip(names, item, strict=False)) for item in items]
        without = [{name: value for name, value in item.items() if name != "rail"} for item in said]
        for form in (["megabox.payouts/2", *head, said], ["megabox.payouts/1", *head, without]):
            found.add(hashlib.sha256(compact(form).encode()).hexdigest())
    return found


def transit(books: Books) -> Findings:
    """What is reserved and not confirmed is what open payouts are."""
    units = books.all("SELECT unit FROM payouts UNION SELECT unit FROM accounts WHERE account LIKE 'payout:transit:%'")
    for (unit,) in units:
        books.seen += 1
        waiting = books.one(
            f"SELECT COALESCE(SUM(amount_micros), 0) FROM payouts WHERE unit = ? AND state IN {OPEN}",
            unit,
        )
        there = books.balance(f"payout:transit:{unit}")
        if waiting != there:
            yield f"{there} {unit} micros are in transit; open payouts are {waiting}."


def payouts(books: Books) -> Findings:
    """Every payout moved what its state says: kept in transit, sent from where its rail pays, returned, or nothing."""
    for payout_id, payee_id, unit, amount, cents, payable, threshold, rail, state in books.rows(
        "SELECT payout_id, payee_id, unit, amount_micros, amount_cents, payable_micros, threshold_micros, rail, state"
        " FROM payouts"
    ):
        is_open, was_paid = state in OPEN, state in ("PAID", "RETURNED")
        if (is_open or was_paid) and (amount > payable or payable < threshold or cents <= 0 or amount % cents):
            yield f"Payout {payout_id} sends {amount} micros as {cents} cents of {payable}; the least is {threshold}."
        paid_from = f"stripe:balance:{unit}" if rail == "STRIPE" else f"bank:{unit}"
        wanted = {
            f"payout:transit:{unit}": amount if is_open else 0,
            paid_from: amount if state == "PAID" else 0,
            f"payee:{payee_id}:payable:{unit}": -amount if is_open or state == "PAID" else 0,
        }
        moved = books.all(
            "SELECT account, SUM(change) FROM ("
            " SELECT credit AS account, amount_micros AS change FROM postings WHERE source = ?1"
            " UNION ALL SELECT debit, -amount_micros FROM postings WHERE source = ?1) GROUP BY account",
            f"payouts.payout:{payout_id}",
        )
        found = {account: change for account, change in moved if change}
        if found != {account: change for account, change in wanted.items() if change}:
            yield f"Payout {payout_id} of {amount} micros is {state}; its postings add up to {found}."
        sent = books.one(
            "SELECT COALESCE(SUM(amount_micros), 0) FROM postings WHERE source = ? AND debit = ? AND credit = ?",
            *(f"payouts.payout:{payout_id}", f"payout:transit:{unit}", paid_from),
        )
        if sent != (amount if was_paid else 0):
            yield f"Payout {payout_id} of {amount} micros is {state}; {sent} were sent."
        succeeded = books.one("SELECT COUNT(*) FROM attempts WHERE payout_id = ? AND state = 'SUCCEEDED'", payout_id)
        if succeeded != (was_paid and rail == "STRIPE"):
            yield f"Payout {payout_id} is {state} with {succeeded} successful attempts."
    for (source,) in books.rows(
        "SELECT DISTINCT source FROM postings WHERE debit LIKE 'payout:transit:%' OR credit LIKE 'payout:transit:%'"
    ):
        if not books.one("SELECT 1 FROM payouts WHERE 'payouts.payout:' || payout_id = ?", source):
            yield f"Money in transit comes from {source!r}, which is no payout."


# --- statements


def statements(books: Books) -> Findings:
    """Each issued statement has its file, byte by byte, and there is no other file."""
    place = books.folder / "statements"
    for number, sha256, size, state in books.rows("SELECT number, sha256, bytes, file FROM issued_statements"):
        path = place / f"{number}.pdf"
        if not re.fullmatch(r"[0-9A-Za-z-]+", number):
            yield f"{number!r} is no number of a statement."
        elif state != "KEPT":
            yield f"The file of statement {number} was {state} when the books were exported."
        elif path.is_symlink() or not path.is_file():
            yield f"The file of statement {number} is not here."
        elif hashed(path) != (size, sha256):
            yield f"The file of statement {number} is not what was issued."
    for path in sorted(place.rglob("*")):
        kept = books.one("SELECT 1 FROM issued_statements WHERE number = ? AND file = 'KEPT'", path.stem)
        if path != place / f"{path.stem}.pdf" or not kept:
            yield f"statements/{path.relative_to(place).as_posix()} is no file of an issued statement."


def statement_versions(books: Books) -> Findings:
    """Versions of a payee's month count from one without gaps, each corrects the one before it, so one is current."""
    subject, version, number = None, 0, ""
    for payee_id, unit, month, its_version, its_number, corrects, payee, closed in books.rows(
        "SELECT s.payee_id, s.unit, s.month, s.version, s.number, s.corrects, p.payee_id, m.month"
        " FROM issued_statements AS s LEFT JOIN payees AS p USING (payee_id) LEFT JOIN months AS m USING (month)"
        " ORDER BY s.payee_id, s.unit, s.month, s.version, s.statement_id"
    ):
        if subject != (payee_id, unit, month):
            subject, version, number = (payee_id, unit, month), 0, ""
        if (its_version, corrects) != (version + 1, number):
            yield f"Statement {its_number} is version {its_version} and corrects {corrects!r}; before it is {number!r}."
        if its_number != f"{month[:7]}-{payee_id}-{unit}-{its_version}" or month[8:] != "01":
            yield f"The number {its_number} is not that of a month, a payee, a unit and a version."
        if payee is None:
            yield f"Statement {its_number} is of a payee who is not there."
        if closed is None and books.is_whole:
            yield f"Statement {its_number} is of a month that is not closed."
        version, number = its_version, its_number


# --- all of it

CHECKS: tuple[tuple[str, Callable[[Books], Findings], bool], ...] = (
    # what, how, and whether it can be asked of the beginning of the books too
    ("files are those of the manifest", manifest, True),
    ("every cell can be read", reading, True),
    ("the books end where the manifest says", extent, True),
    ("accounts are what the chart says", accounts, True),
    ("policies follow each other", policies, True),
    ("entries are whole", entries, True),
    ("digests recompute", digests, True),
    ("guards held after every posting", guards, True),
    ("balances are the sums of postings", balances, True),
    ("debits equal credits, and the control totals", trial_balance, True),
    ("reversals mirror what they take back", reversals, True),
    ("credits and their money move together", backing, True),
    ("pending money left when it was due, or by name", maturity, True),
    ("nobody has and owes", owed, True),
    ("suspense is zero or young", suspense, True),
    ("closed months stay closed, snapshots hold", months, True),
    ("sales are what the orders say", sales, True),
    ("refunds and card fees are what the orders say", refunds_and_fees, True),
    ("what is held for pre-orders is their buyers'", preorders, True),
    ("disputes are what was taken, came back and is lost", disputes, False),
    ("Stripe's lines are explained by entries", stripe_lines, False),
    ("pools went out whole, by their parts", pools, False),
    ("downloads share the money behind their credits", downloads, True),
    ("settled days recompute from their views", settled_ads, True),
    ("watched ads were credited, invalid ones given back", watched_ads, True),
    ("unsettled is what waits, and zero for closed days", unsettled_ads, False),
    ("runs are what two persons agreed on", payout_runs, True),
    ("what is in transit is in open payouts", transit, False),
    ("payouts moved what their states say", payouts, False),
    ("statements have the files that were issued", statements, True),
    ("statements follow each other", statement_versions, True),
)


def verify(folder: Path, say: Callable[[str], None] = print) -> int:
    """Verify the export in `folder`; say what is found, and return how many findings there are."""
    total = 0
    with tempfile.TemporaryDirectory(prefix="verify_books") as place:
        books = Books(folder, Path(place) / "books.sqlite3")
        for name, check, is_for_any in CHECKS:
            if books.manifest and not books.is_whole and not is_for_any:
                say(f"skipped  {name}: these are the books until {books.manifest.get('until')} only")
                continue
            books.seen, count = 0, 0
            try:
                for finding in check(books):
                    count += 1
                    if count <= MOST_SHOWN:
                        say(f"         {finding}")
            except Exception as problem:  # what cannot be computed is not verified, whatever the reason
                count += 1
                say(f"         This check could not be finished: {type(problem).__name__}: {problem}")
            if count > MOST_SHOWN:
                say(f"         and {count - MOST_SHOWN} more")
            say(f"{'WRONG' if count else 'ok':8} {name}: {count} findings, {books.seen} looked at")
            total += count
        for unit, totals in sorted(totals_of(books).items()):
            both = f"{micros(totals['debit_balances_micros'])} = {micros(totals['credit_balances_micros'])}"
            moved = f"{totals['postings']} postings move {micros(totals['moved_micros'])}"
            say(f"Control totals {unit}: {moved}, debit balances = credit balances: {both}")
        books.db.close()
    until = f" until {books.manifest.get('until')}" if books.manifest.get("until") else ""
    say(f"The books{until} are clean." if not total else f"{total} FINDINGS. These books are not to be relied on.")
    return total


def micros(amount: int) -> str:
    """Micros as a number with six decimals."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // 1_000_000}.{abs(amount) % 1_000_000:06d}"


def main(arguments: list[str]) -> int:
    """The command line. 0: clean, 1: findings, 2: no folder."""
    csv.field_size_limit(2**31 - 1)
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    return 1 if verify(Path(arguments[0])) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
