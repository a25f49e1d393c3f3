"""The counter of boundaries is complete: others see a change only between the two sides of one that it counts."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction

from artists.models import Payee
from tests.crashing import Arena, Child, Clock, Counter, at_once, sweep
from tests.payouts.crashing import BEHAVIOURS, Provider, Run
from tests.payouts.factories import make_payee
from tests.standin.server import Standin

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Onlooker(Counter):
    """Looks, at every boundary, at what others can see of the database and of the provider."""

    def __init__(self, look: Callable[[], Any]) -> None:
        super().__init__(pipe=-1, crash_at=0)
        self.look = look
        self.seen: list[tuple[str, Any]] = []

    def tell(self, text: str) -> None:
        self.seen.append((text.strip(), self.look()))


@pytest.fixture
def others(arena: Arena) -> Iterator[Callable[[], list[Any]]]:
    """All rows of all tables, as another connection sees them."""
    other = connection.copy()

    def look() -> list[Any]:
        found = []
        with other.cursor() as cursor:
            for table in sorted(connection.introspection.table_names(cursor)):
                cursor.execute(f'SELECT * FROM "{table}"')
                found.append((table, sorted(map(repr, cursor.fetchall()))))
        return found

    yield look
    other.close()


def different(one: Any, other: Any) -> list[str]:
    return [table for (table, rows), (_, others) in zip(one[0], other[0], strict=True) if rows != others]


def test_nothing_becomes_visible_but_inside_a_boundary(
    arena: Arena, others: Callable[[], list[Any]], clock: Clock, tmp_path_factory: pytest.TempPathFactory, settings: Any
) -> None:
    with Standin(tmp_path_factory.mktemp("standin")) as standin:
        standin.fund(1_000_000)
        settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = standin.key, standin.url
        story = Run(Provider(standin), clock, BEHAVIOURS["success"])
        story.given()
        story.begin()
        onlooker = Onlooker(lambda: (others(), standin.transfers()))
        before = onlooker.look()

        with onlooker.watching():
            story.work()
        after = onlooker.look()

    changed = []
    for name, seen in onlooker.seen:
        if name.startswith("before"):
            assert seen == before, f"Something changed unseen before “{name}”: {different(before, seen)}"
        elif seen != before:
            changed.append(name)
        before = seen
    assert after == before, "Something changed unseen after the last boundary."
    assert len(changed) >= 12, "and most boundaries are ones at which something really changes"


def test_a_child_dies_where_it_is_told_to(arena: Arena) -> None:
    nina = make_payee("Nina")

    def rename() -> None:
        assert os.environ["CRASH_AT"]
        Payee.objects.filter(pk=nina.pk).update(name="Outside a transaction")
        with transaction.atomic():
            Payee.objects.filter(pk=nina.pk).update(name="Inside one")

    names = []
    for crash_at in range(1, 5):
        assert Child(rename, crash_at=crash_at).join().is_killed
        names.append(Payee.objects.get().name)
    life = Child(rename, crash_at=5).join()

    assert names == ["Nina", "Outside a transaction", "Outside a transaction", "Inside one"]
    assert (life.is_killed, life.error) == (False, "")
    assert life.boundaries == [
        "before UPDATE artists_payee SET",
        "after UPDATE artists_payee SET",
        "before commit of artists_payee",
        "after commit of artists_payee",
    ]


def test_a_child_that_fails_says_why(arena: Arena) -> None:
    [life] = at_once(lambda: 1 // 0)

    assert not life.is_killed
    assert "ZeroDivisionError" in life.error


def test_an_arena_is_put_back_as_it_was_kept(arena: Arena) -> None:
    make_payee("Nina")
    arena.keep()
    make_payee("Leo")
    Payee.objects.filter(name="Nina").update(name="Anna")

    arena.restore()

    assert list(Payee.objects.values_list("name", flat=True)) == ["Nina"]
    assert make_payee("Leo").pk > Payee.objects.get(name="Nina").pk


def test_a_sweep_reports_what_it_finds_at_its_boundary(arena: Arena) -> None:
    class Careless:
        """Two writes that belong together, and are not."""

        patience = 0.0

        def begin(self) -> None:
            make_payee("Nina")

        def work(self) -> None:
            Payee.objects.update(name="Anna")
            Payee.objects.update(country="DE")

        def recover(self) -> None:
            pass

        def faults(self) -> Iterator[str]:
            payee = Payee.objects.get()
            if (payee.name == "Anna") != (payee.country == "DE"):
                yield "half done"

    arena.keep()
    swept = sweep(arena, Careless())

    assert swept.points == 5
    assert swept.faults == [
        "killed at 2 (after UPDATE artists_payee SET): half done",
        "killed at 3 (before UPDATE artists_payee SET): half done",
    ]
