"""Every sequence of up to three events, one by one: the books and a plain model agree, and the audit is content."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy, deepcopy

import pytest
from django.db import transaction

from ledger import audit
from ledger.models import Entry, Month
from tests.ledger.books import Books

pytestmark = pytest.mark.django_db

# (event, its arguments, days after the event before it): one of each kind, with amounts that leave remainders.
EVENTS: tuple[tuple[str, tuple[int, ...], int], ...] = (
    ("sale", (1, 9_990_000), 0),
    ("sale", (1, 10_000_007, 1_900_001), 0),
    ("cart", (990_000,), 0),
    ("take_back", (0, 100), 0),
    ("take_back", (0, 33), 0),
    ("undo", (0,), 0),
    ("open_case", (0, 100), 0),
    ("win_case", (0,), 0),
    ("lose_case", (0,), 1),
    ("mature", (), 14),
    ("reserve", (1, 100), 0),
    ("reserve", (1, 101), 0),
    ("pay", (0,), 0),
    ("fail", (), 0),
    ("give_back", (), 0),
    ("withhold", (1, 30), 0),
    ("write_off", (1, 100), 0),
    ("top_up", (20_000_000,), 0),
    ("refund_top_up", (15_000_000,), 0),
    ("dispute_top_up", (20_000_000,), 0),
    ("lose_top_up", (20_000_000,), 0),
    ("beside_music", (20_000_003,), 0),
    ("invalid_beside_music", (0, 15), 0),
    ("gate_view", (6_000,), 0),
    ("megakey", (6_000,), 0),
    ("replaced", (6_000,), 0),
    ("settle", (6_000,), 0),
    ("download", (1, 5_000), 0),
    ("undo_download", (0,), 0),
    ("expire", (1_000,), 0),
    ("revoke", (1_000,), 0),
    ("merge", (6_000,), 0),
    ("share_pool", (100,), 0),
    ("close_month", (), 31),
)


@pytest.mark.parametrize("first", range(len(EVENTS)), ids=lambda number: f"{EVENTS[number][0]}-{number}")
def test_every_sequence_of_up_to_three_events_agrees_with_the_model(first: int) -> None:
    books = Books()
    with undone():
        if happens(books, first):
            assert list(audit.findings(books.at)) == []
            for second in range(len(EVENTS)):
                then = branch(books)
                with undone():
                    # What was refused or found nothing to do changed nothing: the rest is a shorter sequence.
                    if happens(then, second):
                        assert list(audit.findings(then.at)) == [], (EVENTS[first], EVENTS[second])
                        for third in range(len(EVENTS)):
                            with undone():
                                happens(branch(then), third)


def happens(books: Books, number: int) -> bool:
    """Play one event, compare the books with the model, and tell whether anything was written."""
    name, arguments, days = EVENTS[number]
    before = written()
    books.play(name, *arguments, days=days)
    books.check()
    return written() != before


def written() -> tuple[int, int]:
    return Entry.objects.count(), Month.objects.count()


def branch(books: Books) -> Books:
    """A copy that goes its own way; what is in the database stays where it is."""
    other = copy(books)
    other.model = deepcopy(books.model)
    for name in ("earnings", "holds", "downloads", "sales"):
        setattr(other, name, copy(getattr(books, name)))
    return other


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is written inside is gone afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
