"""The bank: sixteen clients move money to and fro, a reader always sees the same total, and nobody waits for ever.

The second half takes a guard away and sees the same bank fail, so that the first half proves something.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from random import Random
from threading import Barrier, Event
from time import sleep

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Sum

from ledger import audit, chart, journal, sql
from ledger.journal import Line
from ledger.models import Account, Balance
from megabox.money import CREDIT
from tests.ledger.factories import NOON, make_gate_view

pytestmark = pytest.mark.django_db(transaction=True)

CLIENTS, TRANSFERS = 16, 12
WALLETS = tuple(range(1, 7))
MICROS = 40_000  # of money behind each wallet's credits
TOTAL = len(WALLETS) * MICROS * 1_000
postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="rows are locked in PostgreSQL only")
sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="only SQLite has one writer for all")


@dataclass
class Day:
    """What happened at the bank: errors by client, and every total the reader saw."""

    errors: list[str] = field(default_factory=list)
    totals: set[int] = field(default_factory=set)

    def is_good(self) -> bool:
        return not self.errors and self.totals == {TOTAL} and not list(audit.findings(NOON + timedelta(days=30)))


def bank(before: Callable[[], None] = lambda: None) -> Day:
    """A day of opposite transfers, some refused because a wallet is empty. `before` runs in every client's thread."""
    for wallet in WALLETS:
        make_gate_view(wallet=wallet, price=MICROS, number=wallet)
    day, barrier, is_over = Day(), Barrier(CLIENTS + 1), Event()

    def client(number: int) -> None:
        chance = Random(number)
        try:
            before()
            barrier.wait(timeout=30)
            for step in range(TRANSFERS):
                # Even and odd clients take two ways at once, in opposite orders.
                path = chance.sample(WALLETS, 3)
                _transfer(f"{number}:{step}", path if number % 2 else path[::-1], chance.choice([1_000, 25_000_000]))
        except (DatabaseError, AssertionError) as error:
            day.errors.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    def reader() -> None:
        try:
            barrier.wait(timeout=30)
            while not is_over.is_set():
                day.totals.add(Balance.objects.filter(account__unit=CREDIT).aggregate(total=Sum("amount"))["total"])
        finally:
            connection.close()

    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        watching = pool.submit(reader)
        for done in [pool.submit(client, number) for number in range(CLIENTS)]:
            done.result(timeout=120)
        is_over.set()
        watching.result(timeout=30)
    return day


def _transfer(key: str, path: list[int], amount: int) -> None:
    lines = [Line(chart.wallet(giver), chart.wallet(taker), amount, CREDIT) for giver, taker in pairwise(path)]
    with suppress(journal.Overdraft), transaction.atomic():  # the wallet is empty: nothing moves
        if amount > MICROS:
            journal.lock([chart.wallet(wallet) for wallet in path])  # who decides by a balance locks it first
        journal.post(key, "transfer", lines, occurred_at=NOON)


def test_a_reader_always_sees_the_same_total_and_nobody_deadlocks() -> None:
    day = bank()
    assert day.errors == []
    assert day.totals == {TOTAL}
    assert day.is_good()


# --- the bank bites


@postgresql
def test_without_the_lock_order_the_bank_deadlocks(monkeypatch: pytest.MonkeyPatch) -> None:
    lock_accounts = sql.lock_accounts

    def lock_as_they_come(codes: Sequence[str]) -> dict[str, tuple[int, int | None]]:
        locked: dict[str, tuple[int, int | None]] = {}
        for code in Random().sample(codes, len(codes)):
            locked |= lock_accounts([code])
            sleep(0.005)
        return locked

    monkeypatch.setattr(sql, "lock_accounts", lock_as_they_come)
    assert any("deadlock" in error for error in bank().errors)


@postgresql
def test_without_locks_the_bank_loses_money(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_look(codes: Sequence[str]) -> dict[str, tuple[int, int | None]]:
        found = Account.objects.filter(code__in=codes).values_list("code", "pk", "cached__amount")
        seen: dict[str, tuple[int, int | None]] = {code: (pk, amount) for code, pk, amount in found}
        sleep(0.002)
        return seen

    monkeypatch.setattr(sql, "lock_accounts", only_look)
    assert not bank().is_good()


@sqlite
def test_without_immediate_transactions_the_bank_refuses_clients() -> None:
    def begin_late() -> None:
        connection.ensure_connection()
        connection.transaction_mode = "DEFERRED"  # type: ignore[attr-defined]  # SQLite's connection has it

    assert any("locked" in error for error in bank(before=begin_late).errors)


# --- the CHECK bites


def overdraw() -> None:
    line = Line(chart.wallet(1), chart.wallet(2), (MICROS + 1) * 1_000, CREDIT)
    journal.post("too much", "transfer", [line], occurred_at=NOON)


def forget_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal's own look at the guards is gone: what is left is the database's CHECK."""

    class Never(Exception):
        pass

    monkeypatch.setattr(journal, "Overdraft", Never)
    moved = journal.moved

    def unguarded(lines: list[Line], ids: dict[str, int], before: dict[int, int]) -> dict[int, int]:
        plenty = 10**15
        after = moved(lines, ids, {pk: amount + plenty for pk, amount in before.items()})
        return {pk: amount - plenty for pk, amount in after.items()}

    monkeypatch.setattr(journal, "moved", unguarded)


def test_the_check_of_the_database_refuses_what_the_journal_would_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    make_gate_view(wallet=1, price=MICROS)
    forget_the_guard(monkeypatch)

    with pytest.raises(IntegrityError, match=r"balance_never_negative"):
        overdraw()
    assert journal.balance(chart.wallet(1)) == MICROS * 1_000


@postgresql
def test_without_the_check_the_overdraft_is_written_and_the_audit_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    make_gate_view(wallet=1, price=MICROS)
    forget_the_guard(monkeypatch)

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE ledger_balance DROP CONSTRAINT balance_never_negative")
        overdraw()
        rules = {finding.rule for finding in audit.findings(NOON)}
        transaction.set_rollback(True)
    assert {"constraints", "guards"} <= rules


@sqlite
def test_without_checks_the_overdraft_is_written_and_the_audit_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    make_gate_view(wallet=1, price=MICROS)
    forget_the_guard(monkeypatch)

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
    try:
        with transaction.atomic():
            overdraw()
            rules = {finding.rule for finding in audit.findings(NOON)}
            transaction.set_rollback(True)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
    assert "guards" in rules
