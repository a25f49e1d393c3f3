"""A real Megabox for the browser: `manage.py run` on a folder of its own, with the demo catalogue.

Each worker of a run has a site of its own; the demo is made once for all of them and copied.
"""

import ctypes
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
START_SECONDS = 600
STOP_SECONDS = 60
PASSWORD = "megabox-demo"
ABORTED = ("htmx:sendAbort", "htmx:afterRequest")
"""What htmx says when a page is left while a request of it is under way."""

expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a browser."""
    for item in items:
        if "tests/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)


@dataclass
class Megabox:
    """The running site."""

    url: str
    var: Path
    environment: dict[str, str]

    def manage(self, *command: str) -> str:
        """What `manage.py <command>` prints on this site's data; fails when it does."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command], env=self.environment, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kill(self, name: str) -> None:
        """`kill -9` the process `name` with its children; the supervisor starts it again."""
        os.killpg(json.loads((self.var / "run.json").read_text())[name], signal.SIGKILL)

    def is_well(self) -> bool:
        """Whether the web process answers, and says that all is well."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                return True
        except OSError:
            return False

    def await_well(self) -> None:
        """Wait until it is well; fails after START_SECONDS."""
        until = time.monotonic() + START_SECONDS
        while not self.is_well():
            assert time.monotonic() < until, f"{self.url}/healthz did not answer in {START_SECONDS} s"
            time.sleep(0.25)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A var/ with the whole demo, to be copied: the one MEGABOX_DEMO names, or made by whichever worker asks first."""
    if ready := os.environ.get("MEGABOX_DEMO"):
        return Path(ready)
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    made = shared / "demo"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            unfinished = shared / "demo-unfinished"
            unfinished.mkdir(exist_ok=True)
            with _running(unfinished):
                pass
            unfinished.rename(made)
    return made


@pytest.fixture(scope="session")
def megabox(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Megabox]:
    var = tmp_path_factory.mktemp("megabox") / "var"
    shutil.copytree(demo, var)
    with _running(var) as megabox:
        yield megabox


def start_site(var: Path) -> "tuple[Megabox, subprocess.Popen[bytes]]":
    """A site on the folder `var` that was just started, and its supervisor, which writes into supervisor.log."""
    port = _free_pair()
    environment = {**os.environ, "DEBUG": "1", "VAR_DIR": str(var), "PYTHONUNBUFFERED": "1"}
    for name in ("DATABASE_URL", "REDIS_URL", "SITE_URL", "DJANGO_SETTINGS_MODULE", "STRIPE_API_KEY"):
        environment.pop(name, None)
    with (var / "supervisor.log").open("w") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "manage.py", "run", "--port", str(port)],
            env=environment,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    url = f"http://127.0.0.1:{port}"
    environment |= {"SITE_URL": url, "STANDIN_URL": f"http://127.0.0.1:{port + 1}"}
    return Megabox(url, var, environment), supervisor


@contextmanager
def _running(var: Path) -> Iterator[Megabox]:
    """A site on the folder `var` that answers; its processes are gone afterwards."""
    megabox, supervisor = start_site(var)
    log = var / "supervisor.log"
    try:
        until = time.monotonic() + START_SECONDS
        while not megabox.is_well():
            assert supervisor.poll() is None, f"manage.py run ended:\n{log.read_text()}"
            assert time.monotonic() < until, f"manage.py run did not answer in {START_SECONDS} s:\n{log.read_text()}"
            time.sleep(0.25)
        yield megabox
    finally:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(STOP_SECONDS)


def _end_with_parent() -> None:
    """Let the system stop this process, which then stops the site, when the tests are killed."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _free_pair() -> int:
    """A port that is free together with the next one; below those that the system gives to outgoing connections,
    one of which might take it before the site does.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000, 2)
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if CHROMIUM is None:
        reason = "No Chromium here: NOT walking the stories in a browser. Install one: apt install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return {
        **browser_type_launch_args,
        "executable_path": CHROMIUM,
        "args": [
            "--no-sandbox",
            "--disable-background-networking",
            "--autoplay-policy=document-user-activation-required",
        ],
    }


@pytest.fixture
def context(browser: Browser, megabox: Megabox) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=megabox.url, viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that fails its test for any error in the console, CSP violations included."""
    page = context.new_page()
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and "/favicon.ico" not in message.location.get("url", ""):
            complaints.append(f"{message.text} at {message.location.get('url')}")

    page.on("console", listen)
    page.on("pageerror", lambda failure: complaints.append(str(failure)))
    yield page
    expected = (*ABORTED, *getattr(page, "expected_complaints", ()))
    left = [one for one in complaints if not any(part in one for part in expected)]
    assert not left, left


def log_in(page: Page, name: str) -> None:
    """Sign in as one of the cast."""
    page.goto("/accounts/login/")
    page.get_by_label("E-mail", exact=False).first.fill(f"{name}@demo.megabox.test")
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.locator("#main").get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/accounts/login" not in url)
