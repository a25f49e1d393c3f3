"""The auditor's folder: what is in it, that it is whole and the same twice, and that two programs find the same."""

import hashlib
import io
import json
import random
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger import triggers
from ledger.models import Entry, Posting
from megabox import audit, media, snapshots
from megabox.export import folder, verify_books
from megabox.export.table import text
from payouts import issued_audit, issuing
from payouts.models import IssuedStatement
from tests.ledger.factories import make_gate_view, make_sale, make_top_up
from tests.megabox.books import DAY, NOON, make_busy_books
from tests.megabox.forging import read, verdict
from tests.payouts.factories import CLOSED, make_statement, make_statements
from tests.users.factories import leo, make_user

pytestmark = pytest.mark.django_db


def export(path: Path, until: date | None = None) -> Path:
    folder.write(path, until=until)
    return path


@contextmanager
def without_triggers() -> Iterator[None]:
    """Change the books as nobody should be able to."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        triggers.drop(connection)
        yield
        triggers.install(connection)


def tamper(statement: str) -> int:
    """Execute a statement behind the triggers' back; return how many rows it changed."""
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)


def test_a_busy_book_is_clean_in_the_eyes_of_both_and_its_folder_is_the_same_twice(tmp_path: Path) -> None:
    make_busy_books()
    assert [finding for finding in audit.findings() if finding.room != "artists"] == []
    first, second = export(tmp_path / "first"), export(tmp_path / "second")
    assert verdict(first) == {}
    names = sorted(path.relative_to(first).as_posix() for path in first.rglob("*") if path.is_file())
    statements = [f"statements/{number}.pdf" for number in IssuedStatement.objects.values_list("number", flat=True)]
    assert len(statements) > 2
    tables = [table.file for table in folder.TABLES]
    assert names == sorted([*tables, *statements, "README.txt", "manifest.json", "verify_books.py"])
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)

    _nobody_can_be_recognised(first)
    for until in (DAY, DAY + timedelta(days=1), DAY + timedelta(days=20), date(2026, 10, 31), date(2025, 1, 1)):
        _is_clean_until(until, tmp_path / until.isoformat())
    _both_find_the_same(tmp_path)


def _nobody_can_be_recognised(path: Path) -> None:
    """No addresses, keys of browsers or bank details, and nothing that a spreadsheet would run."""
    everything = "\n".join(file.read_text() for file in path.glob("*.csv"))
    assert "@" not in everything
    assert "a guest who signs in" not in everything
    assert leo().name not in everything
    assert "'=HYPERLINK" in everything
    assert ",=" not in everything


def _is_clean_until(until: date, path: Path) -> None:
    """The beginning of the books keeps every rule; only what is about now cannot be asked of it."""
    said: list[str] = []
    assert verify_books.verify(export(path, until), said.append) == 0
    assert said[-1] == f"The books until {until} are clean."
    assert sum(line.startswith("skipped") for line in said) == 6
    kept = json.loads((path / "manifest.json").read_text())
    assert not kept["is_whole"]
    wanted = {entry.key for entry in Entry.objects.all() if entry.occurred_at.date() <= until}
    assert wanted <= {row["key"] for row in read(path, "entries")}


HARM = (
    "UPDATE ledger_posting SET amount = amount + 1000 WHERE id = {posting}",
    "UPDATE ledger_posting SET debit_id = credit_id, credit_id = debit_id WHERE id = {posting}",
    "UPDATE ledger_posting SET source = 'store.line:0' WHERE id = {posting}",
    "UPDATE ledger_posting SET line = line + 5 WHERE id = {posting}",
    "UPDATE ledger_entry SET why = 'because' WHERE id = {entry}",
    "UPDATE ledger_entry SET kind = 'gift' WHERE id = {entry}",
    "UPDATE ledger_entry SET digest = 'no' WHERE id = {entry}",
    "UPDATE ledger_balance SET amount = amount + 1 WHERE account_id = {guarded}",
    "UPDATE ledger_account SET is_guarded = NOT is_guarded WHERE id = {account}",
    "UPDATE ledger_snapshotline SET debits = debits + 1 WHERE id = {snapshot}",
    "UPDATE ads_impression SET price_micros = price_micros + 1000 WHERE id = {billed}",
    "DELETE FROM ads_impression WHERE id = {billed}",
    "UPDATE ads_impressiongroup SET posted_micros = posted_micros + 1000 WHERE id = {group}",
    "UPDATE ads_groupentry SET through = through + 100 WHERE id = {part}",
    "UPDATE store_order SET total_micros = total_micros + 10000 WHERE id = {paid}",
    "UPDATE store_order SET fee_micros = fee_micros + 10000 WHERE id = {fee}",
    "UPDATE store_order SET refunded_micros = refunded_micros - 10000 WHERE id = {refunded}",
    "UPDATE store_dispute SET lost_micros = 0 WHERE id = {dispute}",
    "UPDATE store_orderline SET net_micros = net_micros + 10000 WHERE id = {line}",
    "UPDATE store_gate SET spent_micros = spent_micros + 1000 WHERE id = {gate}",
    "UPDATE payouts_payout SET state = 'FAILED' WHERE id = {payout}",
    "UPDATE payouts_payout SET amount_micros = amount_micros - 10000 WHERE id = {payout}",
    "DELETE FROM payouts_attempt WHERE payout_id = {payout}",
    "UPDATE payouts_issuedstatement SET sha256 = 'no' WHERE id = {statement}",
    "UPDATE payouts_issuedstatement SET path = 'nowhere.pdf' WHERE id = {statement}",
    "UPDATE payouts_issuedstatement SET path = '../../../etc/passwd' WHERE id = {statement}",
    "UPDATE payouts_issuedstatement SET number = '../out' WHERE id = {statement}",
    "UPDATE payouts_issuedstatement SET version = version + 5 WHERE id = {correction}",
)
ROWS = {
    "posting": "ledger_posting",
    "entry": "ledger_entry",
    "guarded": "ledger_balance",
    "account": "ledger_account",
    "snapshot": "ledger_snapshotline",
    "billed": "ads_impression WHERE place = 'page' AND state = 'VIEWED'",
    "group": "ads_impressiongroup",
    "part": "ads_groupentry",
    "paid": "store_order WHERE paid_at IS NOT NULL AND refunded_micros = 0",
    "fee": "store_order WHERE fee_micros > 0",
    "refunded": "store_order WHERE refunded_micros > 10000",
    "dispute": "store_dispute WHERE lost_micros > 0",
    "line": "store_orderline WHERE net_micros > 0",
    "gate": "store_gate WHERE entry_key IS NOT NULL",
    "payout": "payouts_payout WHERE state = 'PAID'",
    "statement": "payouts_issuedstatement",
    "correction": "payouts_issuedstatement WHERE corrects_id IS NOT NULL",
}


def _both_find_the_same(tmp_path: Path) -> None:
    """Whatever is changed in the database, anywhere: both programs say that something is wrong."""
    chance = random.Random(2026)
    for number, harm in enumerate(HARM):
        which = next(name for name in ROWS if f"{{{name}}}" in harm)
        key = "account_id" if which == "guarded" else "id"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {key} FROM {ROWS[which]} ORDER BY {key}")
            pk = chance.choice([row[0] for row in cursor.fetchall()])
        with transaction.atomic():
            quoted = str(pk) if isinstance(pk, int) else f"'{pk}'"
            assert tamper(harm.format(**{which: quoted})) == 1, harm
            assert list(audit.findings()), f"the audit does not see: {harm}"
            assert verdict(export(tmp_path / f"harmed {number}")), f"verify_books does not see: {harm}"
            transaction.set_rollback(True)
    assert list(audit.findings()) == []


def test_an_empty_book_is_clean(tmp_path: Path) -> None:
    assert verdict(export(tmp_path / "out")) == {}


def test_what_is_not_whole_is_never_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_sale()

    def full(*_: object) -> None:
        raise OSError("No space left")

    with monkeypatch.context() as patch:
        patch.setattr(folder, "_manifest", full)
        with pytest.raises(OSError, match="No space"):
            folder.write(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "out.partial" / "left over.csv").write_text("by a process that was killed")
    assert verdict(export(tmp_path / "out")) == {}
    assert not (tmp_path / "out.partial").exists()


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(folder.FolderExists, match="Name a folder"):
        folder.write(tmp_path)


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (None, ""),
        (True, "1"),
        (-5, "-5"),
        (NOON, "2026-10-05T12:00:00.000000+00:00"),
        (DAY, "2026-10-05"),
        ({"b": 1, "a": "ü"}, '{"a":"\\u00fc","b":1}'),
        ([[1, 10_000]], "[[1,10000]]"),
        ("=1+1", "'=1+1"),
        ("'quoted", "''quoted"),
        (" -x", "' -x"),
        ("Night;=1+1", "Night;'=1+1"),
        ("Night | '@sum", "Night |' '@sum"),
        ("\t;=1", "'\t;'=1"),
        ("a\n=1;'=1", "a\n'=1;''=1"),
        ({"title": "Night;=1"}, '{"title":"Night;\'=1"}'),
        ("plain", "plain"),
    ],
)
def test_cells_are_written_so_that_they_can_be_read_back(cell: object, written: str) -> None:
    assert text(cell) == written
    if isinstance(cell, str):
        assert verify_books.cells([written], ["why"]) == [cell]


@pytest.mark.django_db(transaction=True)
def test_one_moment_is_exported_whatever_is_posted_meanwhile(tmp_path: Path) -> None:
    make_sale()
    seen = []

    def meanwhile(rows: int, file: str) -> None:
        seen.append(file)
        if file == "postings.csv":
            from tests.megabox.test_snapshots import in_another_connection

            in_another_connection(lambda: make_sale(number=2))

    folder.write(tmp_path / "out", progress=meanwhile)
    assert len(read(tmp_path / "out", "entries")) == 1
    assert verdict(tmp_path / "out") == {}
    assert seen == [table.file for table in folder.TABLES]
    assert len(read(export(tmp_path / "later"), "entries")) == 2


def test_the_cost_does_not_grow_with_the_books(tmp_path: Path) -> None:
    """More postings cost no more queries, and no more memory than a batch of rows."""

    def cost(name: str) -> tuple[int, int]:
        tracemalloc.start()
        with CaptureQueriesContext(connection) as queries:
            export(tmp_path / name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return len(queries), peak

    make_top_up()
    for number in range(5):
        make_sale(number=number)
        make_gate_view(number=number)
    export(tmp_path / "warm")
    queries, memory = cost("small")
    for number in range(5, 605):
        make_sale(number=number)
    more_queries, more_memory = cost("large")
    assert more_queries == queries
    assert more_memory < memory + 3_000_000


# --- issued statements


def rows_of_statements(path: Path) -> dict[str, str]:
    return {row["number"]: row["file"] for row in read(path, "issued_statements")}


def test_statements_are_copied_byte_by_byte_and_named_by_their_numbers(tmp_path: Path) -> None:
    issued = make_statement()
    out = export(tmp_path / "out")
    copied = (out / "statements" / f"{issued.number}.pdf").read_bytes()
    assert copied == issuing.read(issued)
    said = json.loads((out / "manifest.json").read_text())["files"][f"statements/{issued.number}.pdf"]
    assert said == {"sha256": issued.sha256, "bytes": issued.size_bytes}
    row = read(out, "issued_statements")[0]
    assert (row["sha256"], row["bytes"], row["corrects"], row["file"]) == (issued.sha256, str(len(copied)), "", "KEPT")
    assert "statements/" in (out / "README.txt").read_text()


def test_an_export_until_a_day_leaves_out_what_was_issued_later(tmp_path: Path) -> None:
    early, late = make_statements(CLOSED, CLOSED + timedelta(days=2))
    until = export(tmp_path / "until", CLOSED.date())
    assert rows_of_statements(until) == {early.number: "KEPT"}
    assert [path.stem for path in (until / "statements").iterdir()] == [early.number]
    assert verdict(until) == {}
    assert rows_of_statements(export(tmp_path / "all")) == {early.number: "KEPT", late.number: "KEPT"}


def test_a_statement_that_is_gone_or_damaged_is_said_so_and_the_export_goes_on(tmp_path: Path) -> None:
    whole, gone, changed, cut = make_statements(CLOSED, CLOSED, CLOSED, CLOSED)
    media.private().delete(gone.path)
    stored = Path(media.private().path(changed.path))
    stored.write_bytes(stored.read_bytes().replace(b"%PDF-1", b"%PDF-9"))
    Path(media.private().path(cut.path)).write_bytes(issuing.read(cut)[:100])
    out = export(tmp_path / "out")
    states = {whole.number: "KEPT", gone.number: "MISSING", changed.number: "DAMAGED", cut.number: "DAMAGED"}
    assert rows_of_statements(out) == states
    assert [path.stem for path in (out / "statements").iterdir()] == [whole.number]
    assert verdict(out) == {"statements have the files that were issued": 3}
    assert len([finding for finding in audit.findings() if finding.rule == "statement file"]) == 3


def test_what_a_row_says_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    issued = make_statement()
    tamper("UPDATE payouts_issuedstatement SET number = '../escaped'")
    out = export(tmp_path / "out")
    assert rows_of_statements(out) == {"../escaped": "DAMAGED"}
    assert not list(tmp_path.rglob("*escaped*"))
    assert verdict(out)
    tamper(f"UPDATE payouts_issuedstatement SET number = '{issued.number}', path = '../../../etc/passwd'")
    assert rows_of_statements(export(tmp_path / "second")) == {issued.number: "DAMAGED"}


def test_a_file_of_any_size_is_exported_verified_and_audited_a_piece_at_a_time(tmp_path: Path) -> None:
    """The file is 24 MB, everything together needs less than three."""
    issued = make_statement()
    export(tmp_path / "warm")
    data = issuing.read(issued) + b"\0" * 24_000_000
    Path(media.private().path(issued.path)).write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    tamper(f"UPDATE payouts_issuedstatement SET sha256 = '{sha256}', size_bytes = {len(data)}")
    del data
    tracemalloc.start()
    out = export(tmp_path / "out")
    assert verdict(out) == {}
    assert list(issued_audit.files()) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows_of_statements(out) == {issued.number: "KEPT"}
    assert peak < 3_000_000


# --- the command


def test_the_command_writes_the_folder_and_says_how_to_verify_it(tmp_path: Path) -> None:
    make_sale(at=NOON)
    make_sale(number=2, at=NOON + timedelta(days=1))
    out = io.StringIO()
    call_command("export_books", str(tmp_path / "out"), "--until", "2026-10-05", stdout=out, verbosity=2)
    assert "verify_books.py" in out.getvalue()
    assert "postings.csv" in out.getvalue()
    assert len(read(tmp_path / "out", "postings")) == 2 < Posting.objects.count()
    assert "until the end of 2026-10-05" in (tmp_path / "out" / "README.txt").read_text().replace("\n", " ")
    with pytest.raises(CommandError, match="exists already"):
        call_command("export_books", str(tmp_path / "out"), stdout=out)


def test_reading_is_over_when_the_folder_is_written(tmp_path: Path) -> None:
    export(tmp_path / "out")
    with snapshots.reading():
        pass
    make_user("leo@demo.megabox.test")
