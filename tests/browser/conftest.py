"""A real Megabox for the browser: `manage.py run` on a folder of its own, with the demo catalogue, once per session."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
START_SECONDS = 600
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


@pytest.fixture(scope="session")
def megabox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Megabox]:
    var = tmp_path_factory.mktemp("megabox") / "var"
    if demo := os.environ.get("MEGABOX_DEMO"):  # a copy of a var/ that is there saves the minute the demo takes
        shutil.copytree(demo, var)
    var.mkdir(exist_ok=True)
    port = _free_pair()
    environment = {**os.environ, "DEBUG": "1", "VAR_DIR": str(var), "PYTHONUNBUFFERED": "1"}
    for name in ("DATABASE_URL", "REDIS_URL", "SITE_URL", "DJANGO_SETTINGS_MODULE", "STRIPE_API_KEY"):
        environment.pop(name, None)
    log = (var / "supervisor.log").open("w+")
    supervisor = subprocess.Popen(
        [sys.executable, "manage.py", "run", "--port", str(port)],
        env=environment,
        cwd=ROOT,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_well(url, supervisor, Path(log.name))
        environment |= {"SITE_URL": url, "STANDIN_URL": f"http://127.0.0.1:{port + 1}"}
        yield Megabox(url, var, environment)
    finally:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(30)
        log.close()


def _free_pair() -> int:
    """A port that is free together with the next one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def _wait_until_well(url: str, supervisor: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(START_SECONDS * 4):
        assert supervisor.poll() is None, f"manage.py run ended:\n{log.read_text()}"
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    pytest.fail(f"manage.py run did not answer in {START_SECONDS} s:\n{log.read_text()}")


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
