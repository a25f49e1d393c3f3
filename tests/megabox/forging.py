"""Forging an export: changing its files as somebody would who wants to hide something, manifest included."""

import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from megabox.export import verify_books

Row = dict[str, str]
TOTALS = ("postings", "moved_micros", "debit_balances_micros", "credit_balances_micros")


@dataclass(frozen=True)
class Line:
    """A posting to forge."""

    debit: str
    credit: str
    amount: int
    unit: str = "USD"
    matures_on: str = ""
    reverses: str = ""
    facts: str = "{}"


def read(folder: Path, table: str) -> list[Row]:
    with (folder / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write(folder: Path, table: str, rows: Sequence[Row]) -> None:
    columns = [column.rstrip("#") for column in verify_books.FILES[table].split()]
    with (folder / f"{table}.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def change(folder: Path, table: str, edit: Callable[[list[Row]], None]) -> None:
    """Edit the rows of a table, and let the manifest agree."""
    rows = read(folder, table)
    before = json.dumps(rows)
    edit(rows)
    assert json.dumps(rows) != before, "nothing was forged"
    write(folder, table, rows)
    agree(folder)


def agree(folder: Path) -> None:
    """Make the manifest say what the files are."""
    path = folder / "manifest.json"
    said = json.loads(path.read_text())
    for name, about in said["files"].items():
        data = (folder / name).read_bytes()
        about.update(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        if name.endswith(".csv"):
            about["rows"] = len(read(folder, name.removesuffix(".csv")))
    path.write_text(json.dumps(said))


def digest(folder: Path, entry_id: str) -> str:
    """The digest of an entry as its rows are now."""
    entry = next(row for row in read(folder, "entries") if row["entry_id"] == entry_id)
    lines: list[list[Any]] = [
        [
            row["debit"],
            row["credit"],
            int(row["amount_micros"]),
            row["unit"],
            row["source"],
            row["facts"],
            row["matures_on"] or None,
            int(row["reverses"]) if row["reverses"] else None,
        ]
        for row in sorted(read(folder, "postings"), key=lambda row: int(row["line"]))
        if row["entry_id"] == entry_id
    ]
    said = ["megabox.ledger/1", entry["kind"], entry["occurred_at"], entry["why"], lines]
    return hashlib.sha256(verify_books.compact(said).encode()).hexdigest()


def cover_up(folder: Path, *entry_ids: str) -> None:
    """Make digests, balances and control totals agree with the postings."""

    def true_digests(rows: list[Row]) -> None:
        for row in rows:
            if row["entry_id"] in entry_ids:
                row["digest"] = digest(folder, row["entry_id"])

    change(folder, "entries", true_digests)
    postings = read(folder, "postings")
    totals: dict[str, dict[str, int]] = {}
    balances = []
    for account in read(folder, "accounts"):
        code, unit = account["account"], account["unit"]
        debits = sum(int(row["amount_micros"]) for row in postings if row["debit"] == code)
        credits = sum(int(row["amount_micros"]) for row in postings if row["credit"] == code)
        held = debits - credits if account["grows_by"] == "debit" else credits - debits
        kept = str(held) if account["is_guarded"] == "1" else ""
        amounts = {"debits_micros": str(debits), "credits_micros": str(credits), "balance_micros": str(held)}
        balances.append({"account": code, "unit": unit, **amounts, "cached_micros": kept})
        total = totals.setdefault(unit, dict.fromkeys(TOTALS, 0))
        total[f"{account['grows_by']}_balances_micros"] += held
    for row in postings:
        totals[row["unit"]]["postings"] += 1
        totals[row["unit"]]["moved_micros"] += int(row["amount_micros"])
    write(folder, "balances", balances)
    path = folder / "manifest.json"
    said = json.loads(path.read_text())
    said["totals"], said["last_posting"] = totals, max(int(row["posting_id"]) for row in postings)
    path.write_text(json.dumps(said))
    agree(folder)


def forge(folder: Path, *lines: Line, kind: str = "forged", at: str = "2026-11-20T12:00:00.000000+00:00") -> None:
    """Add an entry that was never posted, with everything that makes it look true."""
    codes = {code for line in lines for code in (line.debit, line.credit)}
    accounts, entries, postings = (read(folder, table) for table in ("accounts", "entries", "postings"))
    for code in sorted(codes - {row["account"] for row in accounts}):
        meaning = verify_books.meaning_of(code)
        assert meaning is not None
        kind_of, grows_by, is_guarded = meaning
        row = {"account": code, "kind": kind_of, "unit": code.rpartition(":")[2], "grows_by": grows_by}
        accounts.append({**row, "is_guarded": str(is_guarded)})
    entry_id = str(max(int(row["entry_id"]) for row in entries) + 1)
    posting_id = max(int(row["posting_id"]) for row in postings)
    entry = {"entry_id": entry_id, "key": f"forged:{entry_id}", "kind": kind, "occurred_at": at, "why": ""}
    entries.append({**entry, "created_at": entries[-1]["created_at"], "digest": ""})
    for number, line in enumerate(lines):
        row = {"posting_id": str(posting_id + 1 + number), "entry_id": entry_id, "line": str(number), "source": ""}
        moved = {"debit": line.debit, "credit": line.credit, "unit": line.unit, "amount_micros": str(line.amount)}
        frozen = {"facts": line.facts, "matures_on": line.matures_on, "reverses": line.reverses}
        postings.append({**row, **moved, **frozen})
    for table, rows in (("accounts", accounts), ("entries", entries), ("postings", postings)):
        write(folder, table, rows)
    cover_up(folder, entry_id)


def verdict(folder: Path) -> dict[str, int]:
    """Check -> how many findings the second program has, for those that have any."""
    said: list[str] = []
    count = verify_books.verify(folder, said.append)
    wrong = {}
    for line in said:
        if line.startswith("WRONG"):
            name, _, rest = line.removeprefix("WRONG").strip().rpartition(": ")
            wrong[name] = int(rest.split()[0])
    assert sum(wrong.values()) == count
    return wrong
