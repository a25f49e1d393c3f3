"""Only the journal writes the books: no other room's code does, by the ORM or by SQL."""

import re
from pathlib import Path

ROOMS = ("megabox", "users", "artists", "ads", "payouts", "store")
WRITING = re.compile(
    r"\b(?:Account|Entry|Posting|Balance|Policy)\.objects(?:\.filter\([^)]*\))?"
    r"\.(?:create|bulk_create|get_or_create|update_or_create|bulk_update|update|delete)\("
    r"|(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE)\s+ledger_"
    r"|\btriggers\.drop\(|\bfrom ledger import sql\b|\bledger\.sql\b"
)


def test_no_other_room_writes_the_books() -> None:
    root = Path(__file__).parents[2]
    files = [path for room in ROOMS for path in (root / room).rglob("*.py")]
    assert len(files) > 50
    assert [str(path) for path in files if WRITING.search(path.read_text())] == []


def test_the_search_would_find_a_writer() -> None:
    for line in (
        "Posting.objects.filter(pk=1).update(amount=2)",
        "UPDATE ledger_balance SET",
        "Entry.objects.create(key='x')",
    ):
        assert WRITING.search(line)
