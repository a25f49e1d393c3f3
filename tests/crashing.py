"""Killing real processes at every boundary of their work, so that none is forgotten.

A boundary is a moment after which others can see something else than before: before and after every commit (a
statement outside a transaction commits itself), and before, during and after every call of another company, and every
step of Redis. Nothing in the code under test names them: a forked child counts what its database connection, its HTTP
client and its Redis client really do.
So a dry run tells how many there are and what each is, and a sweep then kills one fresh child with SIGKILL at each of
them, lets the workers go on with what it left behind, and looks at the result.

    sweep(arena, story).faults == []
"""

import itertools
import os
import re
import shutil
import signal
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import psycopg
import redis.client
import redis.connection
import requests.adapters
import urllib3.connection
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ledger import triggers
from ledger.audit import all_findings, schema
from megabox import audit

LONGEST_LIFE_SECONDS = 60
WRITES = re.compile(
    r'(?<!\bKEY )(?<!\bFOR )(?<!\bDO )\b(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE)\s+"?(\w+)', re.IGNORECASE
)
COPIES = re.compile(r"^COPY (\w+)")
COMMITS_NOTHING = re.compile(
    r"\s*(SELECT|PRAGMA|SET|SHOW|EXPLAIN|BEGIN|SAVEPOINT|RELEASE|ROLLBACK|LOCK)\b", re.IGNORECASE
)


# --- one life


@dataclass(frozen=True)
class Life:
    """What became of a child: the boundaries it reached, the last one deadly if it was killed there."""

    boundaries: list[str]
    is_killed: bool
    error: str = ""


class Child:
    """A forked process that does `work` with a database connection of its own, and kills itself at boundary `crash_at`.

    The number also stands in its environment as CRASH_AT. With a `gate` it waits for a byte from that pipe first.
    """

    def __init__(
        self, work: Callable[[], object], *, crash_at: int = 0, patience: float = 0, gate: int | None = None
    ) -> None:
        connections.close_all()  # a connection must never be used on both sides of a fork
        self._report, write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._report)
            os.environ["CRASH_AT"] = str(crash_at)
            _live(work, Counter(write, crash_at), patience, gate)
        os.close(write)

    def join(self) -> Life:
        """Wait for its end."""
        with os.fdopen(self._report, "rb") as pipe:
            names, _, error = pipe.read().decode().partition(ERROR)
        _, status = os.waitpid(self._pid, 0)
        is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if not is_killed and status and not error:
            error = f"The child ended with status {status}."
        return Life(names.splitlines(), is_killed, error)


ERROR = "\0error\0"


def _live(work: Callable[[], object], counter: "Counter", patience: float, gate: int | None) -> None:
    """The whole life of a child. It never returns into the test."""
    status = 1
    try:
        signal.alarm(LONGEST_LIFE_SECONDS)
        if gate is not None:
            os.read(gate, 1)
        with counter.watching(patience):
            work()
        connections.close_all()
        status = 0
    except BaseException:
        counter.tell(ERROR + traceback.format_exc())
    finally:
        os._exit(status)


def at_once(*works: Callable[[], object], crash_at: int = 0, patience: float = 0) -> list[Life]:
    """Let real processes do all works at the same moment; the first one dies at `crash_at`, if it gets there."""
    gate, opener = os.pipe()
    children = [
        Child(work, crash_at=0 if number else crash_at, patience=patience, gate=gate)
        for number, work in enumerate(works)
    ]
    os.write(opener, b"." * len(works))
    os.close(opener)
    os.close(gate)
    return [child.join() for child in children]


class Counter:
    """Counts the boundaries of this process and tells each to the parent, before it dies there."""

    def __init__(self, pipe: int, crash_at: int) -> None:
        self.pipe, self.crash_at, self.reached = pipe, crash_at, 0
        self.written: list[str] = []
        """The tables written by the transaction that is open."""
        self.returning: dict[int, str] = {}
        self.has_called = False

    def tell(self, text: str) -> None:
        os.write(self.pipe, text.encode())

    def reach(self, name: str) -> None:
        """One boundary."""
        self.reached += 1
        self.tell(f"{name}\n")
        if self.reached == self.crash_at:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self, name: str) -> Iterator[None]:
        self.reach(f"before {name}")
        try:
            yield
        finally:
            self.reach(f"after {name}")

    @contextmanager
    def watching(self, patience: float = 0) -> Iterator[None]:
        """Count what the database connections and the clients of HTTP and Redis do meanwhile.

        With `patience`, the first call times out after so many seconds, whatever the code under test would wait. Those
        after it do not: on a busy machine they might, and the life would be another one than the last.
        """
        replaced: list[tuple[type, str, Callable[..., Any]]] = [
            (CursorWrapper, "_execute_with_wrappers", self._execute),
            (CursorWrapper, "__exit__", self._leave),
            (BaseDatabaseWrapper, "_commit", self._commit),
            (requests.adapters.HTTPAdapter, "send", self._send(patience)),
            (urllib3.connection.HTTPConnection, "getresponse", self._getresponse),
            (psycopg.Cursor, "copy", self._copy),
            (redis.client.Pipeline, "execute", self._step_of_redis),
            (redis.client.Redis, "execute_command", self._command_of_redis),
            (redis.connection.AbstractConnection, "send_packed_command", self._send_to_redis),
        ]
        real = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
        self._real: dict[str, Callable[..., Any]] = {name: method for _, name, method in real}
        for owner, name, method in replaced:
            setattr(owner, name, _method(method))
        try:
            yield
        finally:
            for owner, name, method in real:
                setattr(owner, name, method)

    def _execute(self, cursor: CursorWrapper, sql: str, *args: Any, **kwargs: Any) -> Any:
        """A statement: a boundary of its own outside a transaction, part of the commit to come inside one."""

        def execute() -> Any:
            return self._real["_execute_with_wrappers"](cursor, sql, *args, **kwargs)

        if cursor.db.in_atomic_block or COMMITS_NOTHING.match(sql):
            self.written += [table for table in dict.fromkeys(WRITES.findall(sql)) if table not in self.written]
            return execute()
        name = " ".join(sql.replace('"', "").split()[:3])
        if " RETURNING " not in sql:
            with self.around(name):
                return execute()
        self.reach(f"before {name}")
        self.returning[id(cursor)] = name  # SQLite commits it only when its rows were read
        return execute()

    def _copy(self, cursor: Any, statement: str, *args: Any, **kwargs: Any) -> Any:
        """Rows given to PostgreSQL in bulk, inside a transaction."""
        self.written += [table for table in COPIES.findall(statement) if table not in self.written]
        return self._real["copy"](cursor, statement, *args, **kwargs)

    def _leave(self, cursor: CursorWrapper, *args: Any) -> Any:
        try:
            return self._real["__exit__"](cursor, *args)
        finally:
            if name := self.returning.pop(id(cursor), ""):
                self.reach(f"after {name}")

    def _commit(self, wrapper: BaseDatabaseWrapper) -> Any:
        written, self.written = self.written, []
        with self.around(f"commit of {', '.join(written) or 'nothing'}"):
            return self._real["_commit"](wrapper)

    def _send(self, patience: float) -> Callable[..., Any]:
        def send(adapter: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            if patience and not self.has_called:
                kwargs["timeout"] = patience
            self.has_called = True
            with self.around(f"{request.method} {request.path_url.partition('?')[0]}"):
                return self._real["send"](adapter, request, *args, **kwargs)

        return send

    def _getresponse(self, http: Any, *args: Any, **kwargs: Any) -> Any:
        self.reach("request sent, answer not read")
        return self._real["getresponse"](http, *args, **kwargs)

    def _step_of_redis(self, pipeline: Any, *args: Any, **kwargs: Any) -> Any:
        with self.around(f"Redis: {' '.join(str(command[0][0]) for command in pipeline.command_stack)}"):
            return self._real["execute"](pipeline, *args, **kwargs)

    def _command_of_redis(self, client: Any, command: str, *args: Any, **kwargs: Any) -> Any:
        with self.around(f"Redis: {command}"):
            return self._real["execute_command"](client, command, *args, **kwargs)

    def _send_to_redis(self, redis_connection: Any, *args: Any, **kwargs: Any) -> Any:
        sent = self._real["send_packed_command"](redis_connection, *args, **kwargs)
        self.reach("sent to Redis, answer not read")
        return sent


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """A plain function, so that it becomes a method of the class it is put into."""
    return lambda owner, *args, **kwargs: function(owner, *args, **kwargs)


# --- the place where it happens


class Arena(ABC):
    """A database that can be put back, in a moment, as it was when `keep` was called."""

    @abstractmethod
    def keep(self) -> None:
        """What is in the database now is what `restore` brings back."""

    @abstractmethod
    def restore(self) -> None:
        """Forget what happened since `keep`."""

    @abstractmethod
    def close(self) -> None:
        """Leave no trace."""


class FileArena(Arena):
    """SQLite: a file of its own, and a copy of it."""

    def __init__(self, folder: Path) -> None:
        self.home = str(connection.settings_dict["NAME"])
        self.name, self.kept = str(folder / "arena.sqlite3"), str(folder / "kept.sqlite3")
        self._copy(self.home, self.name)
        connection.settings_dict["NAME"] = self.name

    def keep(self) -> None:
        self._copy(self.name, self.kept)

    def restore(self) -> None:
        self._copy(self.kept, self.name)

    def close(self) -> None:
        connections.close_all()
        connection.settings_dict["NAME"] = self.home

    def _copy(self, source: str, to: str) -> None:
        connections.close_all()  # SQLite empties its log into the file when the last connection closes
        for ending in ("", "-wal", "-shm"):
            Path(to + ending).unlink(missing_ok=True)
        shutil.copyfile(source, to)


class SchemaArena(Arena):
    """PostgreSQL: the tests' database, and a copy of its tables in a schema beside them."""

    def __init__(self) -> None:
        self._run(DROP_KEPT)

    def keep(self) -> None:
        self._run(DROP_KEPT, KEEP)

    def restore(self) -> None:
        with transaction.atomic():
            triggers.drop(connection)
            self._run(RESTORE)
            triggers.install(connection)

    def close(self) -> None:
        self._run(DROP_KEPT)

    def _run(self, *statements: str) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


DROP_KEPT = "DROP SCHEMA IF EXISTS kept CASCADE"
KEEP = """DO $$ DECLARE t text; BEGIN
    CREATE SCHEMA kept;
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE kept.%I AS TABLE public.%I', t, t);
    END LOOP;
END $$"""
RESTORE = """DO $$ DECLARE t text; BEGIN
    SET LOCAL session_replication_role = replica;  -- foreign keys look away meanwhile
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'kept' LOOP
        EXECUTE format('DELETE FROM public.%I', t);
        EXECUTE format('INSERT INTO public.%I TABLE kept.%I', t, t);
    END LOOP;
    SET LOCAL session_replication_role = DEFAULT;
END $$"""


def make_arena(folder: Path) -> Arena:
    """An arena for the database that the tests use."""
    return FileArena(folder) if connection.vendor == "sqlite" else SchemaArena()


def findings(at: datetime, rooms: Sequence[Any] = audit.ROOMS) -> Iterator[str]:
    """What the audit of these rooms finds.

    Triggers and constraints are not asked for: killing a client takes none away, and it is half of the cost.
    """
    checks = [check for room in rooms for check in room.checks(at) if check.look is not schema.findings]
    return (str(finding) for finding in all_findings(checks))


class Clock:
    """The time, for all who ask Django for it: it stands still until somebody lets it pass."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)


# --- the sweep


class Story(Protocol):
    """Work that may be killed anywhere."""

    patience: float
    """Seconds after which the first call of the child times out; 0: as the code says."""

    def begin(self) -> None:
        """Make what the work starts from, in the fresh arena."""

    def work(self) -> object:
        """The work, in a child that may die of it."""

    def recover(self) -> None:
        """What workers, and people who find their work half done, do afterwards."""

    def faults(self) -> Iterator[str]:
        """What is wrong in the end."""


@dataclass
class Swept:
    """The boundaries of a story, and what went wrong when it was killed at each."""

    boundaries: list[str]
    faults: list[str] = field(default_factory=list)

    @property
    def points(self) -> int:
        """How many lives were tried: one killed at each boundary, and the one that was not killed."""
        return len(self.boundaries) + 1


def sweep(arena: Arena, story: Story, *, is_first_fault_enough: bool = False) -> Swept:
    """Kill the story's work at every boundary there is, once each, and once nowhere."""
    swept = Swept([])
    for crash_at in itertools.count():
        if crash_at > len(swept.boundaries) or (swept.faults and is_first_fault_enough):
            break
        arena.restore()
        story.begin()
        life = Child(story.work, crash_at=crash_at, patience=story.patience).join()
        if crash_at == 0:
            swept.boundaries = life.boundaries
        where = f"killed at {crash_at} ({swept.boundaries[crash_at - 1]})" if crash_at else "not killed"
        swept.faults += [f"{where}: {fault}" for fault in _unlike(life, swept.boundaries, crash_at)]
        swept.faults += [f"{where}: {fault}" for fault in _in_the_end(story)]
    return swept


def _in_the_end(story: Story) -> list[str]:
    """What is wrong when everybody has done what they do; that they cannot is a fault as well."""
    try:
        story.recover()
        return list(story.faults())
    except Exception as error:
        return [f"Nobody can go on: {error!r}"]


def boundaries(arena: Arena, story: Story) -> list[str]:
    """Those of a worker that is alone and not killed."""
    arena.restore()
    story.begin()
    return Child(story.work, patience=story.patience).join().boundaries


def _unlike(life: Life, boundaries: list[str], crash_at: int) -> Iterator[str]:
    """How a life was not the one that was wanted."""
    if life.error:
        yield life.error
    if life.is_killed != bool(crash_at):
        yield "The child was not killed." if crash_at else "The child died."
    if crash_at and life.boundaries != boundaries[:crash_at]:
        yield f"It went another way: {life.boundaries[-1:]}."
