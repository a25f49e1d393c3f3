"""`python -m megabox.standin`: run the local stand-in of Stripe."""

import argparse
import logging
import os
import signal
import socketserver
import sys
import threading
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from megabox.standin.app import App
from megabox.standin.call import Site
from megabox.standin.delivery import Courier
from megabox.standin.store import Database

TRUE = ("1", "true", "on", "ok", "y", "yes")
"""The words django-environ takes for true, so that DEBUG means here what it means in the settings."""

log = logging.getLogger("megabox.standin")


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """A thread per request."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True


class Handler(WSGIRequestHandler):
    """Hands the connection to the application (a test may drop it) and keeps quiet."""

    timeout = 30

    def get_environ(self) -> dict[str, Any]:
        """The WSGI environment with the connection in it."""
        environ: dict[str, Any] = super().get_environ()
        return environ | {"standin.connection": self.connection}

    def address_string(self) -> str:
        """The caller's address, without asking a name server for its name."""
        return str(self.client_address[0])

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are logged for those who ask for them."""
        log.debug(format, *args)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; 2 when the stand-in may not run here."""
    parser = argparse.ArgumentParser(prog="python -m megabox.standin", description="A local stand-in of Stripe.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("STANDIN_PORT", "8001")), help="0: a free one")
    parser.add_argument("--db", type=Path, default=Path(os.environ.get("STANDIN_DB", "var/standin.sqlite3")))
    parser.add_argument("--url", default="", help="the address people and the application reach it by")
    parser.add_argument("--webhook-url", default="", help="where events are sent; empty: nowhere")
    parser.add_argument("--webhook-secret", default=os.environ.get("STRIPE_WEBHOOK_SECRET", ""))
    chosen = parser.parse_args(arguments)
    if os.environ.get("DEBUG", "").lower() not in TRUE:
        print(
            "The stand-in of Stripe moves no real money, so it runs only in development: set DEBUG=1 to start it,"
            " or set STRIPE_API_KEY and use Stripe itself.",
            file=sys.stderr,
        )
        return 2
    if chosen.webhook_url and not chosen.webhook_secret:
        print("Give --webhook-secret: events are never sent unsigned.", file=sys.stderr)
        return 2
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), format="%(levelname)s %(name)s: %(message)s")
    serve(chosen)
    return 0


def serve(chosen: argparse.Namespace) -> None:
    """Listen, deliver events, and stop when asked to."""
    database = Database(chosen.db)
    with Server((chosen.host, chosen.port), Handler) as server:
        url = chosen.url.rstrip("/") or f"http://{chosen.host}:{server.server_port}"
        site = Site(url, chosen.webhook_url, chosen.webhook_secret)
        courier = Courier(database, site)
        server.set_app(App(database, site, courier.wake))
        for number in (signal.SIGTERM, signal.SIGINT):
            # shutdown() waits for the serving loop, which is this thread: ask from another one.
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
        courier.start()
        print(f"Stand-in of Stripe (no real money): {url}", flush=True)
        server.serve_forever(poll_interval=0.2)
        courier.stop()


if __name__ == "__main__":
    sys.exit(main())
