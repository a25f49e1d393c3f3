"""Writing the folder: one moment of the database, a file after the other, and a manifest over all of them."""

import csv
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db.models import Max

from ledger.models import Posting
from megabox import snapshots
from megabox.export import business, readme, tables, verify_books
from megabox.export.table import Attached, Cut, Table, end_of, text
from megabox.sheets import MARK
from payouts import issuing

FORMAT = "megabox.books/1"
TABLES: tuple[Table, ...] = (*tables.TABLES, *business.TABLES)
_REPORT_EVERY = 5_000
_SAFE = re.compile(r"[a-z]+/[0-9A-Za-z-]+\.pdf")
"""How the name of an attached file may look: what a row of the database says never leads out of the folder."""


class FolderExists(Exception):
    """The folder is there already; an export never mixes with what is in it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} exists already. Name a folder that does not.")


Progress = Callable[[int, str], None]
"""Hears how many rows are written, and into which file the next go."""


@dataclass
class _Totals:
    """Control totals of one unit."""

    postings: int = 0
    moved_micros: int = 0
    debit_balances_micros: int = 0
    credit_balances_micros: int = 0


@dataclass
class _Export:
    """An export on its way."""

    folder: Path
    cut: Cut
    progress: Progress
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    totals: dict[str, _Totals] = field(default_factory=dict)
    rows: int = 0


def write(folder: Path, *, until: date | None = None, progress: Progress = lambda rows, file: None) -> None:
    """Write the books into a new `folder`: all that occurred until the end of the UTC day `until`, or everything.

    One moment of the database, without locks, and the same bytes for the same books. The folder appears only when it
    is whole: what a killed process leaves is called `.partial` and is replaced by the next. Raises FolderExists.
    """
    if folder.exists():
        raise FolderExists(folder)
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with snapshots.reading():
        export = _Export(partial, cut_at(until), progress)
        for table in TABLES:
            _write_table(export, table)
    _keep(export, "verify_books.py", Path(verify_books.__file__).read_bytes())
    _keep(export, "README.txt", readme.text(TABLES, export.cut, settings.ADS_CURRENCY).encode())
    _write_whole(partial / "manifest.json", _manifest(export).encode())
    partial.rename(folder)


def rows_in(manifest: bytes) -> int:
    """How many rows the files of a manifest have."""
    return sum(about.get("rows", 0) for about in json.loads(manifest)["files"].values())


def cut_at(until: date | None) -> Cut:
    """How far an export until this day goes.

    Up to the last posting of what occurred by then. What the books learnt before that posting, and occurred later, is
    in it too: a beginning of the books keeps every rule, a choice from the middle does not.
    """
    last = Posting.objects.aggregate(last=Max("pk"))["last"] or 0
    if until is None:
        return Cut(None, last, is_whole=True)
    wanted = Posting.objects.filter(entry__occurred_at__lt=end_of(until)).aggregate(last=Max("pk"))["last"] or 0
    return Cut(until, wanted, is_whole=wanted == last)


class _Hashed:
    """A file that hashes and counts what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.sha256, self.bytes = file, hashlib.sha256(), 0

    def write(self, written: str) -> int:
        return self.add(written.encode())

    def add(self, data: bytes) -> int:
        self.sha256.update(data)
        self.bytes += len(data)
        return self.file.write(data)

    @property
    def about(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {"sha256": self.sha256.hexdigest(), "bytes": self.bytes}


def _write_table(export: _Export, table: Table) -> None:
    rows = 0
    export.progress(export.rows, table.file)
    with (export.folder / table.file).open("wb") as file:
        hashed = _Hashed(file)
        hashed.write(MARK)
        writer = csv.writer(hashed)
        writer.writerow(name for name, _ in table.columns)
        for row in table.rows(export.cut):
            writer.writerow([_attach(export, cell) if isinstance(cell, Attached) else text(cell) for cell in row])
            _count(export, table, row)
            rows += 1
            export.rows += 1
            if export.rows % _REPORT_EVERY == 0:
                export.progress(export.rows, table.file)
        _sync(file)
    export.files[table.file] = {**hashed.about, "rows": rows}


def _attach(export: _Export, attached: Attached) -> str:
    """Copy a file into the folder, a piece at a time: KEPT, or MISSING or DAMAGED, and then there is none."""
    if not _SAFE.fullmatch(attached.name):
        return "DAMAGED"
    path = export.folder / attached.name
    path.parent.mkdir(exist_ok=True)
    try:
        with path.open("xb") as file:
            hashed = _Hashed(file)
            for piece in attached.pieces:
                hashed.add(piece)
            _sync(file)
    except issuing.Damaged as fault:
        path.unlink()
        return "MISSING" if isinstance(fault, issuing.Missing) else "DAMAGED"
    export.files[attached.name] = hashed.about
    return "KEPT"


def _count(export: _Export, table: Table, row: Any) -> None:
    if table.name == "postings":
        totals = export.totals.setdefault(row[5], _Totals())
        totals.postings += 1
        totals.moved_micros += row[6]
    elif table.name == "balances":
        _, unit, debits, credits, balance, _ = row
        totals = export.totals.setdefault(unit, _Totals())
        if balance == debits - credits:
            totals.debit_balances_micros += balance
        else:
            totals.credit_balances_micros += balance


def _keep(export: _Export, name: str, data: bytes) -> None:
    _write_whole(export.folder / name, data)
    export.files[name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _manifest(export: _Export) -> str:
    cut = export.cut
    said = {
        "format": FORMAT,
        "until": cut.until and cut.until.isoformat(),
        "is_whole": cut.is_whole,
        "last_posting": cut.last_posting,
        "ads_currency": settings.ADS_CURRENCY,
        "files": export.files,
        "totals": {unit: vars(totals) for unit, totals in sorted(export.totals.items())},
    }
    return json.dumps(said, indent=2, sort_keys=True) + "\n"


def _write_whole(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        _sync(file)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
