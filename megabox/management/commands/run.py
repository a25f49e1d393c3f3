"""`manage.py run`: Megabox on one machine, with nothing to install: web, worker, beat, with Redis the
counter of reports about ads, and the stand-in of Stripe.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django.utils import timezone

from megabox.demo import whole

START_SECONDS = 40
STOP_SECONDS = 5
LONGEST_PAUSE_SECONDS = 30


@dataclass
class Process:
    """One process that is kept running."""

    name: str
    command: list[str]
    popen: "subprocess.Popen[bytes] | None" = None
    failures: int = 0
    start_at: float = 0.0
    started_at: float = field(default=0.0)

    def start(self, environment: dict[str, str]) -> None:
        # A session of its own: Ctrl-C reaches only the supervisor, which then stops each with its children.
        log = (settings.VAR_DIR / "log" / f"{self.name}.log").open("ab")
        with log:
            self.popen = subprocess.Popen(
                self.command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self.started_at = time.monotonic()

    def send(self, sign: signal.Signals) -> None:
        if self.popen is not None:
            try:
                os.killpg(self.popen.pid, sign)
            except ProcessLookupError:
                return  # it has ended, and so have its children


class Command(BaseCommand):
    help = "Serve Megabox with all it needs in processes of its own: web, worker, beat, counter, stand-in of Stripe."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-demo", action="store_true", help="do not make the demo catalogue")

    def handle(self, *args: Any, port: int, no_demo: bool, **options: Any) -> None:
        (settings.VAR_DIR / "log").mkdir(parents=True, exist_ok=True)

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        for sign in (signal.SIGINT, signal.SIGTERM):  # a shell may have told its background jobs to ignore Ctrl-C
            signal.signal(sign, stop)
        try:
            with _alone():
                for number in (port, port + 1) if settings.IS_STANDIN else (port,):
                    _refuse_taken(number)
                environment = _environment(port)
                self._prepare(environment, with_demo=not no_demo)
                self._supervise(_processes(port), environment, port)
        except KeyboardInterrupt:
            self._say("Stopped.")

    def _prepare(self, environment: dict[str, str], *, with_demo: bool) -> None:
        self._say("Preparing the database ...")
        call_command("migrate", verbosity=0)
        if not settings.DEBUG:
            self._say("Collecting static files ...")
            call_command("collectstatic", interactive=False, verbosity=0)
        needs_demo = with_demo and settings.IS_STANDIN and not whole.is_made(timezone.now())
        connections.close_all()  # the supervisor itself asks the database nothing any more
        if needs_demo:
            self._make_demo(environment)

    def _make_demo(self, environment: dict[str, str]) -> None:
        # The demo's past sales exist at the stand-in too, so it must be there while the demo is made.
        standin = [process for process in _processes(int(environment["PORT"])) if process.name == "standin"]
        for process in standin:
            process.start(environment)
        try:
            subprocess.run([sys.executable, "manage.py", "demo"], env=environment, check=True, cwd=settings.BASE_DIR)
        finally:
            _stop(standin)

    def _supervise(self, processes: list[Process], environment: dict[str, str], port: int) -> None:
        try:
            for process in processes:
                process.start(environment)
            _note(processes)
            self._wait_until_well(port)
            while True:
                time.sleep(0.5)
                for process in processes:
                    self._keep(process, environment)
                _note(processes)
        finally:
            self._say("\nStopping ...")
            _stop(processes)

    def _keep(self, process: Process, environment: dict[str, str]) -> None:
        """Start `process` again when it has ended, ever later if it keeps ending."""
        now = time.monotonic()
        if process.popen is not None and process.popen.poll() is not None:
            process.send(signal.SIGKILL)  # what it left behind
            process.failures = 1 if now - process.started_at > 60 else process.failures + 1
            process.start_at = now + min(2.0**process.failures - 1, LONGEST_PAUSE_SECONDS)
            log = settings.VAR_DIR / "log" / f"{process.name}.log"
            self._say(f"{process.name} ended ({process.popen.returncode}); starting it again. See {log}")
            process.popen = None
        if process.popen is None and now >= process.start_at:
            process.start(environment)

    def _wait_until_well(self, port: int) -> None:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_SECONDS
        while (status := _status(f"{address}/healthz")) != 200 and time.monotonic() < deadline:
            time.sleep(0.25)
        if status is None:
            raise CommandError(f"Megabox does not answer. See {settings.VAR_DIR / 'log'}.")
        self._say(f"\n  Megabox is at {address}\n")
        if status != 200:
            self._say(f"  It is not well: {address}/healthz says why.\n")
        if settings.DEBUG:
            people = "leo (listener), nina (artist), acme (advertiser), ada and max (staff)"
            self._say(f"  Log in as {people}:\n  leo@demo.megabox.test and so on, password megabox-demo\n")
        self._say("  Ctrl-C stops everything.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _status(address: str) -> int | None:
    """The HTTP status of `address`; None while nobody answers."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310  our own address
            return int(answer.status)
    except urllib.error.HTTPError as answer:
        return answer.code
    except OSError:
        return None


def _environment(port: int) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "megabox.settings",
        "DEBUG": "1" if settings.DEBUG else "0",
        "PORT": str(port),
        "SITE_URL": os.environ.get("SITE_URL", f"http://127.0.0.1:{port}"),
        "STANDIN_URL": f"http://127.0.0.1:{port + 1}",
        "VAR_DIR": str(settings.VAR_DIR),
        "PYTHONUNBUFFERED": "1",
    }


def _processes(port: int) -> list[Process]:
    python, here = sys.executable, f"127.0.0.1:{port}"
    celery = [python, "-m", "celery", "-A", "megabox.celery"]
    gunicorn = [python, "-m", "gunicorn", "megabox.wsgi", "--bind", here, "--worker-class", "gthread"]
    processes = [
        Process("web", [*gunicorn, "--workers", "2", "--threads", "16", "--timeout", "120", "--graceful-timeout", "4"]),
        Process(
            "worker", [*celery, "worker", "--concurrency", "2", "--without-gossip", "--without-mingle", "-l", "INFO"]
        ),
        Process(
            "beat", [*celery, "beat", "--schedule", str(settings.VAR_DIR / "beat"), "--pidfile", "", "-l", "WARNING"]
        ),
    ]
    if settings.ADS_STREAM:
        processes.append(Process("counter", [python, "manage.py", "count_ads"]))
    if settings.IS_STANDIN:
        database, secret = settings.VAR_DIR / "standin.sqlite3", settings.STRIPE_WEBHOOK_SECRET
        arguments = ["--port", str(port + 1), "--db", str(database)]
        webhook = ["--webhook-url", f"http://{here}/stripe/webhook/", "--webhook-secret", secret]
        processes.insert(0, Process("standin", [python, "-m", "megabox.standin", *arguments, *webhook]))
    return processes


def _note(processes: list[Process]) -> None:
    """Write which process is which, for whoever wants to look at one or to end it."""
    pids = {process.name: process.popen.pid for process in processes if process.popen is not None}
    text, path = json.dumps(pids), settings.VAR_DIR / "run.json"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _stop(processes: list[Process]) -> None:
    """SIGTERM to each with its children, five seconds, SIGKILL."""
    running = [process for process in processes if process.popen is not None]
    for process in running:
        process.send(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for process in running:
        assert process.popen is not None
        try:
            process.popen.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            continue
    for process in running:
        process.send(signal.SIGKILL)
        assert process.popen is not None
        process.popen.wait()


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise CommandError(
                f"Port {port} is taken by another program. Choose another one: make run PORT={port + 100}"
            ) from None


@contextmanager
def _alone() -> Iterator[IO[str]]:
    """Only one supervisor for one folder of local state."""
    with (settings.VAR_DIR / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError(f"Megabox already runs on {settings.VAR_DIR}. Stop it first, or set VAR_DIR.") from None
        yield lock
