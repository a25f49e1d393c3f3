"""A running stand-in, a web hook that remembers what it was told, and Stripe's published schemas."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.standin.server import Standin

REASON = "STRIPE_SPEC is unset: answers were NOT checked against Stripe's published schemas"


class Receiver:
    """Our end of the web hooks: remembers every delivery, and answers what `status` says."""

    def __init__(self) -> None:
        self.status = 200
        self.deliveries: list[tuple[str, bytes]] = []
        self._arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver._arrived:
                    receiver.deliveries.append((self.headers["Stripe-Signature"], body))
                    receiver._arrived.notify_all()
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/stripe/webhook/"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def wait_for(self, kind: str, count: int = 1, seconds: float = 10) -> list[tuple[str, bytes]]:
        """The deliveries of events of this kind, once there are `count`."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.of(kind)) >= count, seconds), f"no {kind} arrived"
            return self.of(kind)

    def of(self, kind: str) -> list[tuple[str, bytes]]:
        return [(signature, body) for signature, body in self.deliveries if json.loads(body)["type"] == kind]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """One process for a module's tests; nothing listens to its events."""
    with Standin(tmp_path_factory.mktemp("standin")) as running:
        yield running


@pytest.fixture
def telling(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Standin]:
    """A process of its own that tells `receiver` about events."""
    with Standin(tmp_path_factory.mktemp("standin"), webhook_url=receiver.url) as running:
        yield running


@pytest.fixture(scope="session")
def spec() -> dict[str, Any]:
    """Stripe's published OpenAPI document, from the path in STRIPE_SPEC."""
    path = os.environ.get("STRIPE_SPEC", "")
    if not path:
        pytest.skip(REASON)
    with open(path) as file:
        document: dict[str, Any] = json.load(file)
    return document
