"""The real stand-in of Stripe, as a process on a free port, for every room's tests.

Used like this: `with Standin(tmp_path) as standin:` and then `standin.client()` for the official library, pointed
here. `restart()` kills it without mercy and starts it again on the same file.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import stripe

API_KEY = "sk_test_standin"
SECRET = "whsec_tests_only"
ROOT = Path(__file__).resolve().parents[2]


class Standin:
    """One running stand-in; `url` is its address, `secret` signs its webhooks."""

    secret = SECRET
    key = API_KEY

    def __init__(self, folder: Path, *, webhook_url: str = "") -> None:
        self.database = folder / "standin.sqlite3"
        self.webhook_url = webhook_url
        self.url = ""
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> "Standin":
        """Start the process and wait until it answers; the port stays the same after a restart."""
        command = [sys.executable, "-m", "megabox.standin", "--port", str(self.port), "--db", str(self.database)]
        command += ["--webhook-url", self.webhook_url, "--webhook-secret", self.secret]
        environment = os.environ | {"DEBUG": "1", "LOG_LEVEL": "WARNING"}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if "http://" not in line:
            self.stop()
            raise AssertionError("The stand-in did not start.")
        self.url = line.split(": ", 1)[1].strip()
        self.port = int(self.url.rsplit(":", 1)[1])
        return self

    def stop(self) -> None:
        """Stop as a supervisor does."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def restart(self) -> None:
        """kill -9, and a new process on the same file and port."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.stop()
        self.start()

    def __enter__(self) -> "Standin":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def client(self, **options: Any) -> stripe.StripeClient:
        """The official library with its base address pointed here; it does not retry by itself."""
        return stripe.StripeClient(self.key, base_addresses={"api": self.url}, max_network_retries=0, **options)

    def post(self, path: str, /, **params: Any) -> dict[str, Any]:
        """Turn a test switch: `standin.post("/_test/fail", path="/v1/transfers", mode="slow")`."""
        return self._call(urllib.request.Request(self.url + path, json.dumps(params).encode(), JSON, method="POST"))

    def get(self, path: str, /, **params: Any) -> dict[str, Any]:
        """Read something under `/_test/`."""
        return self._call(urllib.request.Request(f"{self.url}{path}?{urllib.parse.urlencode(params)}"))

    def fail(self, path: str, mode: str, *, times: int = 1, method: str = "POST", seconds: float = 3) -> None:
        """The next `times` calls of `method` `path` go wrong in `mode`."""
        self.post("/_test/fail", path=path, mode=mode, times=times, method=method, seconds=seconds)

    def pay(self, session_id: str, card: str = "4242424242424242", **params: Any) -> dict[str, Any]:
        """Pay a Checkout Session as a person does on its page."""
        return self.post(f"/_test/checkout/{session_id}/pay", card=card, **params)

    def fund(self, cents: int, currency: str = "usd") -> None:
        """Put money on the platform's balance: a card charge of `cents` (less its fee)."""
        params: Any = {
            "amount": cents,
            "currency": currency,
            "confirm": True,
            "payment_method": "pm_card_bypassPending",
        }
        self.client().v1.payment_intents.create(params)

    def payable_account(self) -> str:
        """A connected account that has finished its onboarding; returns its id."""
        account = self.client().v1.accounts.create(
            {"country": "US", "capabilities": {"transfers": {"requested": True}}}
        )
        self.post(f"/_test/accounts/{account.id}/enable")
        return account.id

    def transfers(self, group: str | None = None) -> list[dict[str, Any]]:
        """All transfers made, oldest first."""
        found: list[dict[str, Any]] = self.get("/_test/transfers", **({"transfer_group": group} if group else {}))[
            "data"
        ]
        return found

    def requests(self, path: str | None = None) -> list[dict[str, Any]]:
        """The calls of the API it answered, oldest first, with their parameters as sent."""
        found: list[dict[str, Any]] = self.get("/_test/requests", **({"path": path} if path else {}))["data"]
        return found

    def _call(self, request: urllib.request.Request) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{error.code}: {error.read().decode()}") from error


JSON = {"Content-Type": "application/json"}
