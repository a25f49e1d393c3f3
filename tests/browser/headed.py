"""A browser with a screen, for what a headless one and an emulated page do not do: tabs that are really hidden."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import CDPSession

_numbers = count(1)


@contextmanager
def a_screen() -> Iterator[str]:
    """The DISPLAY of a screen of our own, or else this machine's. Without one it says so aloud, and fails in CI."""
    if shutil.which("Xvfb") is None:
        if display := os.environ.get("DISPLAY"):
            yield display
            return
        reason = "No Xvfb and no screen here: NOT looking at a tab that is really hidden. Install one: apt install xvfb"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    ours, its = os.pipe()
    command = ["Xvfb", "-displayfd", str(its), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[its], stderr=subprocess.DEVNULL) as server:
        os.close(its)
        try:
            with os.fdopen(ours) as told:
                yield f":{told.readline().strip()}"
        finally:
            server.terminate()


class Tab:
    """A tab that Playwright does not know: it lets all of its own believe that they are seen and have the focus."""

    def __init__(self, browser: CDPSession, url: str) -> None:
        self._browser = browser
        self._answers: dict[int, dict[str, Any]] = {}
        self._id = browser.send("Target.createTarget", {"url": url})["targetId"]
        self._session = browser.send("Target.attachToTarget", {"targetId": self._id, "flatten": False})["sessionId"]
        browser.on("Target.receivedMessageFromTarget", self._hear)

    def _hear(self, event: dict[str, Any]) -> None:
        if event["sessionId"] == self._session:
            answer = json.loads(event["message"])
            self._answers[answer.get("id", 0)] = answer

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """What the JavaScript `function`, or its promise, gives for `arguments`; None while a page is on its way.

        Fails when it throws.
        """
        number = next(_numbers)
        call = f"({function})({', '.join(map(json.dumps, arguments))})"
        asked = {"expression": call, "returnByValue": True, "awaitPromise": True}
        message = json.dumps({"id": number, "method": "Runtime.evaluate", "params": asked})
        self._browser.send("Target.sendMessageToTarget", {"sessionId": self._session, "message": message})
        while number not in self._answers:
            self._browser.send("Browser.getVersion")  # events come while something is waited for
        answer = self._answers.pop(number).get("result", {"result": {}})
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def to_front(self) -> None:
        """Bring it before the others of its window, which are hidden then."""
        self._browser.send("Target.activateTarget", {"targetId": self._id})
