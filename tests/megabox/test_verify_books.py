"""The second program: silent on true books, and loud about every forgery, however well the forger covers it up."""

import ast
import hashlib
import json
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from ads.delivery import serving
from megabox.export import folder, verify_books
from tests.megabox.books import make_busy_books
from tests.megabox.forging import Line, Row, agree, change, cover_up, forge, read, verdict

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def exported(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a busy book; the book itself is gone again."""
    path = tmp_path_factory.mktemp("books") / "folder"
    around = transaction.atomic()
    around._from_testcase = True  # type: ignore[attr-defined]  # as a test's own: what must be durable may begin in it
    with django_db_blocker.unblock(), around:
        make_busy_books()
        folder.write(path)
        transaction.set_rollback(True)
    serving.forget()
    return path


@pytest.fixture
def books(exported: Path, tmp_path: Path) -> Path:
    """A copy of it to be forged."""
    return Path(shutil.copytree(exported, tmp_path / "folder"))


def test_true_books_are_clean_and_every_check_has_something_to_look_at(books: Path) -> None:
    said: list[str] = []
    assert verify_books.verify(books, said.append) == 0
    assert said[-1] == "The books are clean."
    checked = [line for line in said if line.startswith("ok ")]
    assert len(checked) == len(verify_books.CHECKS)
    idle = [line for line in checked if line.endswith(" 0 looked at")]
    assert [line.split(":")[0] for line in idle] == [
        "ok       suspense is zero or young",
        "ok       Stripe's lines are explained by entries",
        "ok       pools went out whole, by their parts",
        "ok       unsettled is what waits, and zero for closed days",
    ]
    assert any(line.startswith("Control totals USD: ") for line in said)


def test_it_runs_alone_with_nothing_but_python(books: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", "-W", "error", str(books / "verify_books.py"), str(books)]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("The books are clean.\n")

    change(books, "payouts", set_cell("state", "FAILED", where=("state", "PAID")))
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1].endswith("FINDINGS. These books are not to be relied on.")
    assert subprocess.run([*command[:-1], "/nowhere"], env={}, capture_output=True).returncode == 2


def test_it_imports_only_what_comes_with_python() -> None:
    tree = ast.parse(Path(verify_books.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))


def test_the_columns_of_both_sides_are_the_same() -> None:
    written = {table.name: [name for name, _ in table.columns] for table in folder.TABLES}
    expected = {name: [column.rstrip("#") for column in said.split()] for name, said in verify_books.FILES.items()}
    assert written == expected


# --- one cell or row, with a manifest that agrees


def first(rows: list[Row], where: tuple[str, str] | None) -> Row:
    return next(row for row in rows if where is None or row[where[0]].startswith(where[1]))


def set_cell(column: str, value: str, where: tuple[str, str] | None = None) -> Callable[[list[Row]], None]:
    def edit(rows: list[Row]) -> None:
        first(rows, where)[column] = value

    return edit


def grow(column: str, where: tuple[str, str] | None = None) -> Callable[[list[Row]], None]:
    def edit(rows: list[Row]) -> None:
        row = first([row for row in rows if row[column]], where)
        row[column] = str(int(row[column]) + 1_000)

    return edit


def drop(where: tuple[str, str] | None = None) -> Callable[[list[Row]], None]:
    return lambda rows: rows.remove(first(rows, where))


def billed(rows: list[Row]) -> Row:
    """A view beside music that was settled and stands."""
    return next(row for row in rows if row["place"] == "page" and row["state"] == "VIEWED")


def dearer(rows: list[Row]) -> None:
    billed(rows)["price_micros"] = "7000"


def swap(rows: list[Row]) -> None:
    rows[0]["debit"], rows[0]["credit"] = rows[0]["credit"], rows[0]["debit"]


def take_back_another(rows: list[Row]) -> None:
    row = next(row for row in rows if row["reverses"])
    others = [other for other in rows if other["posting_id"] < row["reverses"] and other["credit"] != row["debit"]]
    row["reverses"] = others[0]["posting_id"]


def same_person(rows: list[Row]) -> None:
    rows[0]["approved_by"] = rows[0]["created_by"]


def same_person_and_another_state(rows: list[Row]) -> None:
    same_person(rows)
    rows[0]["state"] = "COMPUTED"


STRIPE_LINE = {
    "stripe_id": "txn_1",
    "type": "charge",
    "unit": "USD",
    "gross_micros": "5",
    "fee_micros": "1",
    "net_micros": "4",
    "state": "MATCHED",
    "created_at": "2026-11-01T00:00:00.000000+00:00",
}
POOL = {
    "pool_id": "1",
    "month": "2026-09",
    "unit": "USD",
    "n": "1",
    "micros": "5",
    "carried_to": "2026-10",
    "model": "",
    "policy_version": "1",
    "booked_at": "2026-10-01T00:00:00.000000+00:00",
}
NOBODYS = "[[987654,10000]]"
SOLD = ("price_micros", "20000000")
"""The line of an album that was sold, and neither paid back nor disputed nor ordered before it was out."""
HAVE_FILES = "statements have the files that were issued"
FOLLOW = "statements follow each other"
FORGERIES: dict[str, tuple[str, Callable[[list[Row]], None], str]] = {
    "an amount": ("postings", grow("amount_micros"), "digests recompute"),
    "swapped accounts": ("postings", swap, "digests recompute"),
    "a fact": ("postings", set_cell("facts", '{"title":"other"}'), "digests recompute"),
    "a fact that is said otherwise": ("postings", set_cell("facts", "{ }", ("facts", "{}")), "digests recompute"),
    "a source": ("postings", set_cell("source", "store.line:0"), "digests recompute"),
    "an earlier maturity": (
        "postings",
        set_cell("matures_on", "2026-10-06", ("matures_on", "20")),
        "digests recompute",
    ),
    "a posting that is gone": ("postings", drop(), "entries are whole"),
    "an entry that is gone": ("entries", drop(), "entries are whole"),
    "an entry twice": ("entries", lambda rows: rows.append(rows[0]), "entries are whole"),
    "another unit": ("postings", set_cell("unit", "EUR"), "entries are whole"),
    "nothing moved": ("postings", set_cell("amount_micros", "0"), "entries are whole"),
    "another digest": ("entries", set_cell("digest", "0" * 64), "digests recompute"),
    "another time": ("entries", set_cell("occurred_at", "2026-10-05T12:00:00.000001+00:00"), "digests recompute"),
    "another kind": ("entries", set_cell("kind", "gift", ("kind", "sale")), "digests recompute"),
    "another target": ("postings", take_back_another, "reversals mirror what they take back"),
    "a balance": ("balances", grow("balance_micros"), "balances are the sums of postings"),
    "a cached balance": ("balances", grow("cached_micros"), "balances are the sums of postings"),
    "a balance that is gone": ("balances", drop(), "balances are the sums of postings"),
    "an account without its guard": (
        "accounts",
        set_cell("is_guarded", "0", ("is_guarded", "1")),
        "accounts are what the chart says",
    ),
    "an account that is gone": ("accounts", drop(), "entries are whole"),
    "a snapshot": ("snapshots", grow("debits_micros"), "closed months stay closed, snapshots hold"),
    "a month that was closed earlier": (
        "months",
        set_cell("last_posting", "3"),
        "closed months stay closed, snapshots hold",
    ),
    "a policy": ("policies", set_cell("commission_basis_points", "1500"), "sales are what the orders say"),
    "a policy with a gap": ("policies", set_cell("version", "2"), "policies follow each other"),
    "an order's total": ("orders", grow("total_micros", ("state", "PAID")), "sales are what the orders say"),
    "an order that is gone": ("orders", drop(("state", "PAID")), "sales are what the orders say"),
    "a line's part": ("order_lines", grow("net_micros", SOLD), "sales are what the orders say"),
    "a split": ("order_lines", set_cell("shares", NOBODYS, SOLD), "sales are what the orders say"),
    "a refund": (
        "orders",
        grow("refunded_micros", ("state", "REFUNDED")),
        "refunds and card fees are what the orders say",
    ),
    "a fee": ("orders", grow("fee_micros"), "refunds and card fees are what the orders say"),
    "what an issuer took": (
        "disputes",
        grow("withdrawn_micros"),
        "disputes are what was taken, came back and is lost",
    ),
    "what a dispute cost": ("disputes", grow("fee_micros"), "disputes are what was taken, came back and is lost"),
    "a dispute that is gone": ("disputes", drop(), "disputes are what was taken, came back and is lost"),
    "what was charged back": (
        "orders",
        grow("charged_back_micros"),
        "disputes are what was taken, came back and is lost",
    ),
    "a line of Stripe's that nothing explains": (
        "stripe_lines",
        lambda rows: rows.append(STRIPE_LINE),
        "Stripe's lines are explained by entries",
    ),
    "an explanation that is not there": (
        "stripe_names",
        lambda rows: rows.append({"stripe_id": "txn_1", "entry_id": "987654", "micros": "5"}),
        "Stripe's lines are explained by entries",
    ),
    "a pool that was never shared out": (
        "pools",
        lambda rows: rows.append(POOL),
        "pools went out whole, by their parts",
    ),
    "a download": ("downloads", grow("spent_micros"), "downloads share the money behind their credits"),
    "a download that is gone": ("downloads", drop(), "downloads share the money behind their credits"),
    "the price of a view": (
        "ad_views",
        dearer,
        "settled days recompute from their views",
    ),
    "a view that is gone": (
        "ad_views",
        lambda rows: rows.remove(billed(rows)),
        "settled days recompute from their views",
    ),
    "a watched view": (
        "ad_views",
        grow("price_micros", ("place", "gate")),
        "watched ads were credited, invalid ones given back",
    ),
    "a view made invalid": (
        "ad_views",
        lambda rows: billed(rows).update(
            state="REJECTED", rejected_at="2026-10-09T00:00:00.000000+00:00", billed_by="1"
        ),
        "watched ads were credited, invalid ones given back",
    ),
    "a group": ("ad_groups", grow("posted_micros"), "settled days recompute from their views"),
    "an entry of a group": ("ad_entries", grow("posted_micros"), "settled days recompute from their views"),
    "the numbers of an entry": ("ad_entries", grow("through"), "settled days recompute from their views"),
    "a group that is gone": ("ad_groups", drop(), "settled days recompute from their views"),
    "the split of a group": (
        "ad_groups",
        set_cell("shares", NOBODYS, ("place", "p")),
        "settled days recompute from their views",
    ),
    "a closed day with a view that waits": (
        "ad_days",
        lambda rows: rows.append({"day": "2026-11-20", "state": "CLOSED"}),
        "unsettled is what waits, and zero for closed days",
    ),
    "a run that one person agreed on": ("payout_runs", same_person, "runs are what two persons agreed on"),
    "a run that paid and says it was never agreed on": (
        "payout_runs",
        same_person_and_another_state,
        "runs are what two persons agreed on",
    ),
    "a run that is gone": ("payout_runs", drop(), "runs are what two persons agreed on"),
    "a payout's amount": (
        "payouts",
        grow("amount_micros", ("state", "PAID")),
        "payouts moved what their states say",
    ),
    "a payout on its way": (
        "payouts",
        set_cell("state", "SKIPPED", ("state", "UNKNOWN")),
        "what is in transit is in open payouts",
    ),
    "a payout that was paid": (
        "payouts",
        set_cell("state", "SKIPPED", ("state", "PAID")),
        "payouts moved what their states say",
    ),
    "a payout below its threshold": (
        "payouts",
        set_cell("threshold_micros", "99000000000", ("state", "PAID")),
        "payouts moved what their states say",
    ),
    "a payout that is gone": ("payouts", drop(("state", "PAID")), "payouts moved what their states say"),
    "where a payout went": (
        "payouts",
        set_cell("destination", "acct_mine", ("state", "PAID")),
        "runs are what two persons agreed on",
    ),
    "another rail": ("payouts", set_cell("rail", "SEPA", ("state", "PAID")), "payouts moved what their states say"),
    "what was approved": ("payout_runs", set_cell("content_hash", "0" * 64), "runs are what two persons agreed on"),
    "what could be paid": (
        "payouts",
        grow("payable_micros", ("state", "SKIPPED")),
        "runs are what two persons agreed on",
    ),
    "an attempt that is gone": (
        "attempts",
        drop(("state", "SUCCEEDED")),
        "payouts moved what their states say",
    ),
    "the hash of a statement": ("issued_statements", set_cell("sha256", "0" * 64), HAVE_FILES),
    "the size of a statement": ("issued_statements", grow("bytes"), HAVE_FILES),
    "a statement that is gone": ("issued_statements", drop(), HAVE_FILES),
    "a statement that could not be exported": ("issued_statements", set_cell("file", "MISSING"), HAVE_FILES),
    "a statement that leads out of the folder": ("issued_statements", set_cell("number", "../manifest"), HAVE_FILES),
    "a statement that nobody issued": (
        "issued_statements",
        lambda rows: rows.append({**rows[0], "number": "2026-09-1-USD-1", "month": "2026-09-01"}),
        HAVE_FILES,
    ),
    "a version that is left out": ("issued_statements", set_cell("version", "3", ("version", "2")), FOLLOW),
    "a month with two current versions": ("issued_statements", set_cell("corrects", "", ("version", "2")), FOLLOW),
    "a version that is there twice": ("issued_statements", lambda rows: rows.append(rows[0]), FOLLOW),
    "somebody else's statement": ("issued_statements", set_cell("payee_id", "987654"), FOLLOW),
    "a statement of a month that is not closed": (
        "issued_statements",
        lambda rows: rows[-1].update(month="2026-11-01", number=rows[-1]["number"].replace("2026-10", "2026-11")),
        FOLLOW,
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_row_is_found_though_the_manifest_agrees(name: str, books: Path) -> None:
    table, edit, check = FORGERIES[name]
    change(books, table, edit)
    wrong = verdict(books)
    assert check in wrong
    assert "files are those of the manifest" not in wrong


# --- entries that look true in themselves

PAYABLE, OWED, PENDING = "payee:999:payable:USD", "payee:999:owed:USD", "payee:999:pending:USD"
STRIPE, PREPAID = "stripe:balance:USD", "advertiser:999:prepaid:USD"
ENTRIES: dict[str, tuple[list[Line], str, str]] = {
    "below zero for a moment": (
        [Line(PREPAID, "rev:ads:USD", 5), Line(STRIPE, PREPAID, 5)],
        "forged",
        "guards held after every posting",
    ),
    "credits without money": (
        [Line("xcr:issued:XCR", "wallet:999:credits:XCR", 1_000, "XCR")],
        "forged",
        "credits and their money move together",
    ),
    "has and owes": ([Line(STRIPE, PAYABLE, 5), Line(OWED, STRIPE, 2)], "forged", "nobody has and owes"),
    "matured before its day": (
        [Line(STRIPE, PENDING, 5, matures_on="2026-12-01"), Line(PENDING, PAYABLE, 5, matures_on="2026-11-20")],
        "maturity",
        "pending money left when it was due, or by name",
    ),
    "pending that never matures": ([Line(STRIPE, PENDING, 5)], "x", "pending money left when it was due, or by name"),
    "pending taken without a name": (
        [Line(STRIPE, PENDING, 5, matures_on="2026-12-01"), Line(PENDING, STRIPE, 5)],
        "forged",
        "pending money left when it was due, or by name",
    ),
    "a receivable without a dispute": (
        [Line("dispute:receivable:USD", STRIPE, 5)],
        "forged",
        "disputes are what was taken, came back and is lost",
    ),
    "a settlement nobody made": (
        [Line(STRIPE, "rev:ads:USD", 5)],
        "ads settled",
        "settled days recompute from their views",
    ),
    "a view nobody watched": (
        [Line("ads:unsettled:USD", "rev:ads:USD", 5)],
        "gate view",
        "watched ads were credited, invalid ones given back",
    ),
    "money in transit": ([Line(STRIPE, "payout:transit:USD", 5)], "forged", "what is in transit is in open payouts"),
    "a month that was closed": (
        [Line(STRIPE, "rev:commission:USD", 5)],
        "2026-10-20",
        "closed months stay closed, snapshots hold",
    ),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_that_was_never_posted_is_found_though_all_sums_agree(name: str, books: Path) -> None:
    lines, kind, check = ENTRIES[name]
    at = f"{kind}T12:00:00.000000+00:00" if kind.startswith("20") else "2026-11-20T12:00:00.000000+00:00"
    forge(books, *lines, kind=kind, at=at)
    wrong = verdict(books)
    assert check in wrong
    sums = {"digests recompute", "balances are the sums of postings", "debits equal credits, and the control totals"}
    assert not sums & wrong.keys()


def test_more_taken_back_than_was_given_is_found(books: Path) -> None:
    sale = next(row for row in read(books, "postings") if row["credit"] == "rev:commission:USD")
    amount = int(sale["amount_micros"]) + 1
    forge(books, Line("rev:commission:USD", STRIPE, amount, reverses=sale["posting_id"]))
    assert verdict(books) == {"reversals mirror what they take back": 1}


def test_old_suspense_is_found_and_young_is_not(books: Path) -> None:
    last = max(row["created_at"] for row in read(books, "entries"))
    forge(books, Line("suspense:stripe:USD", STRIPE, 5), at=last)
    assert verdict(books) == {}
    forge(books, Line("suspense:stripe:EUR", "stripe:balance:EUR", 5, "EUR"), at="2026-11-01T12:00:00.000000+00:00")
    assert verdict(books) == {"suspense is zero or young": 1}


def test_a_sale_given_to_somebody_else_is_found_though_all_of_it_is_covered_up(books: Path) -> None:
    moved = []

    def to_another(rows: list[Row]) -> None:
        payee = next(row for row in rows if row["credit"].startswith("payee:") and row["debit"] == STRIPE)
        other = next(r for r in rows if r["credit"].startswith("payee:") and r["credit"] != payee["credit"])
        payee["credit"] = other["credit"].replace(":payable:", ":pending:")
        moved.append(payee["entry_id"])

    change(books, "postings", to_another)
    cover_up(books, *moved)
    wrong = verdict(books)
    assert "sales are what the orders say" in wrong
    assert "digests recompute" not in wrong


# --- files


def cut_in_half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize("name", [f"{name}.csv" for name in verify_books.FILES])
def test_a_truncated_file_is_found(name: str, books: Path) -> None:
    cut_in_half(books / name)
    assert "files are those of the manifest" in verdict(books)


@pytest.mark.parametrize("name", ["postings", "entries", "balances", "orders", "ad_views", "payouts"])
def test_a_truncated_file_is_found_though_the_manifest_agrees(name: str, books: Path) -> None:
    change(books, name, lambda rows: rows.__delitem__(slice(len(rows) // 2, None)))
    assert verdict(books)


def test_a_file_that_is_gone_or_new_is_found(books: Path) -> None:
    (books / "payouts.csv").unlink()
    (books / "extra.csv").write_text("x")
    wrong = verdict(books)
    assert wrong["files are those of the manifest"] == 2
    assert "every cell can be read" in wrong


def statement(books: Path) -> Path:
    return sorted((books / "statements").iterdir())[0]


def test_a_statement_that_was_changed_is_found_though_the_manifest_agrees(books: Path) -> None:
    path = statement(books)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"%PDF-1", b"%PDF-9", 1))
    assert verdict(books) == {"files are those of the manifest": 1, HAVE_FILES: 1}
    agree(books)
    assert verdict(books) == {HAVE_FILES: 1}
    path.write_bytes(data)
    agree(books)
    assert verdict(books) == {}


def test_a_statement_that_is_gone_is_found_though_the_manifest_agrees(books: Path) -> None:
    path = statement(books)
    path.unlink()
    assert verdict(books) == {"files are those of the manifest": 1, HAVE_FILES: 1}
    manifest = json.loads((books / "manifest.json").read_text())
    del manifest["files"][f"statements/{path.name}"]
    (books / "manifest.json").write_text(json.dumps(manifest))
    assert verdict(books) == {HAVE_FILES: 1}


@pytest.mark.parametrize("name", ["2026-10-987654-USD-1.pdf", "a note.txt", "inner/2026-10-1-USD-1.pdf"])
def test_a_file_beside_the_statements_is_found_though_the_manifest_agrees(name: str, books: Path) -> None:
    path = books / "statements" / name
    path.parent.mkdir(exist_ok=True)
    shutil.copyfile(statement(books), path)
    assert "files are those of the manifest" in verdict(books)
    manifest = json.loads((books / "manifest.json").read_text())
    manifest["files"][f"statements/{name}"] = {}
    (books / "manifest.json").write_text(json.dumps(manifest))
    agree(books)
    assert set(verdict(books)) == {HAVE_FILES}


@pytest.mark.parametrize("text", ["", "{", '{"format": "megabox.books/9", "files": {}}', "[]"])
def test_a_manifest_that_says_nothing_is_found(text: str, books: Path) -> None:
    (books / "manifest.json").write_text(text)
    assert "files are those of the manifest" in verdict(books)


def forget_what_is_cached(rows: list[Row]) -> None:
    for row in rows:
        row["cached_micros"] = ""


@pytest.mark.parametrize("until", [None, "", "x", [], "2026-10-01"])
def test_books_that_only_say_that_they_are_not_whole_are_found(until: object, books: Path) -> None:
    """What is cut is not held against payouts and disputes, so a forger would like it to be cut."""
    change(books, "balances", forget_what_is_cached)
    change(books, "attempts", drop(("state", "SUCCEEDED")))
    manifest = json.loads((books / "manifest.json").read_text())
    (books / "manifest.json").write_text(json.dumps({**manifest, "is_whole": False, "until": until}))
    assert "the books end where the manifest says" in verdict(books)


def test_books_that_name_another_end_are_found(books: Path) -> None:
    manifest = json.loads((books / "manifest.json").read_text())
    (books / "manifest.json").write_text(json.dumps({**manifest, "last_posting": 1}))
    assert set(verdict(books)) == {"the books end where the manifest says"}


@pytest.mark.parametrize("cell", ["9,99", "1e3", "0x10", "٣", "--1", "9" * 25, "01"])
def test_an_amount_that_is_no_whole_number_is_found(cell: str, books: Path) -> None:
    change(books, "postings", set_cell("amount_micros", cell))
    assert "every cell can be read" in verdict(books)


def test_other_columns_are_found(books: Path) -> None:
    path = books / "postings.csv"
    path.write_bytes(path.read_bytes().replace(b"amount_micros", b"amount_cents_", 1))
    agree(books)
    assert "every cell can be read" in verdict(books)


def test_it_shows_the_first_findings_and_counts_all(books: Path) -> None:
    def no_digest(rows: list[Row]) -> None:
        for row in rows:
            row["digest"] = "0" * 64

    change(books, "entries", no_digest)
    said: list[str] = []
    count = verify_books.verify(books, said.append)
    assert count == len(read(books, "entries"))
    assert sum("is not what was posted" in line for line in said) == verify_books.MOST_SHOWN
    assert f"         and {count - verify_books.MOST_SHOWN} more" in said


def test_its_memory_does_not_grow_with_the_books(books: Path) -> None:
    """Ten thousand rows more of the longest table need no more than some of them at a time."""

    def peak() -> int:
        tracemalloc.start()
        verify_books.verify(books, lambda text: None)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    before = peak()
    view = first(read(books, "ad_views"), ("place", "page"))
    change(books, "ad_views", lambda rows: rows.extend({**view, "view_id": f"x{n}"} for n in range(10_000)))
    assert peak() < before + 1_000_000


def test_a_run_that_was_approved_before_rails_had_names_is_clean(books: Path) -> None:
    """Its hash has the first format."""
    names = ["payee_id", "payable_micros", "threshold_micros", "amount_micros", "amount_cents", "destination", "reason"]
    numbers = set(names[:5])
    items = [
        {name: int(row[name]) if name in numbers else row[name] for name in names}
        | {"reason": row["reason"] if row["state"] == "SKIPPED" else ""}
        for row in sorted(read(books, "payouts"), key=lambda row: int(row["payee_id"]))
    ]
    run = read(books, "payout_runs")[0]
    head = [run["unit"], run["period"], int(run["high_water"]), int(run["policy_version"])]
    said = verify_books.compact(["megabox.payouts/1", *head, items])
    old = hashlib.sha256(said.encode()).hexdigest()
    change(books, "payout_runs", set_cell("content_hash", old))
    assert verdict(books) == {}
