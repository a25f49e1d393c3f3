"""The process: where it may run, and what it remembers when it is killed."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.standin.server import ROOT, Standin
from tests.standin.shop import make_paid_session, make_session


def run(*arguments: str, debug: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DEBUG"}
    if debug is not None:
        environment["DEBUG"] = debug
    command = [sys.executable, "-m", "megabox.standin", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("debug", [None, "0", "false", ""])
def test_it_refuses_to_start_with_debug_off(debug: str | None, tmp_path: Path) -> None:
    done = run("--port", "0", "--db", str(tmp_path / "db"), debug=debug)

    assert done.returncode == 2
    assert "moves no real money" in done.stderr
    assert not (tmp_path / "db").exists()


def test_it_never_sends_events_unsigned(tmp_path: Path) -> None:
    done = run(
        "--port",
        "0",
        "--db",
        str(tmp_path / "db"),
        "--webhook-url",
        "http://127.0.0.1:9/",
        "--webhook-secret",
        "",
        debug="1",
    )

    assert done.returncode == 2


def test_a_killed_process_goes_on_where_it_was(tmp_path: Path) -> None:
    with Standin(tmp_path) as standin:
        paid = make_paid_session(standin)
        waiting = make_session(standin)

        standin.restart()

        sessions = standin.client().v1.checkout.sessions
        assert sessions.retrieve(paid.id).payment_status == "paid"
        assert sessions.retrieve(waiting.id).status == "open"


def test_it_answers_a_monitor(standin: Standin) -> None:
    assert standin.get("/healthz") == {"ok": True}


def test_an_address_it_does_not_have_is_a_page_that_says_so(standin: Standin) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{standin.url}/nothing")

    with error.value as answer:
        assert answer.code == 404
        assert b"Nothing here" in answer.read()


def test_the_start_page_says_what_this_is(standin: Standin) -> None:
    with urllib.request.urlopen(standin.url) as answer:
        assert b"no real money" in answer.read()
