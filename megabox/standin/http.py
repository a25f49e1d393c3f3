"""Requests and responses of the stand-in, thin dataclasses over WSGI."""

import json
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from megabox.standin import forms

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
BIGGEST_BODY = 1_000_000


@dataclass(frozen=True)
class Request:
    """What arrived."""

    method: str
    path: str
    query: str
    body: str
    environ: Environ = field(repr=False)

    def header(self, name: str) -> str:
        """A header's value, or an empty string."""
        return str(self.environ.get("HTTP_" + name.upper().replace("-", "_"), ""))

    def params(self) -> dict[str, Any]:
        """The parameters, from the query of a GET, else from the form or JSON body."""
        if self.method in ("GET", "HEAD"):
            return forms.decode(self.query)
        if str(self.environ.get("CONTENT_TYPE", "")).startswith("application/json"):
            sent = json.loads(self.body or "{}")
            assert isinstance(sent, dict)
            return sent
        return forms.decode(self.body)

    def hang_up(self) -> None:
        """Close the connection without an answer, as a broken network does."""
        connection: socket.socket = self.environ["standin.connection"]
        connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("A test switch dropped this connection.")


@dataclass(frozen=True)
class Response:
    """What is answered."""

    status: int
    body: str
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Answer over WSGI."""
        encoded = self.body.encode()
        phrase = HTTPStatus(self.status).phrase
        headers = [
            ("Content-Type", f"{self.content_type}; charset=utf-8"),
            ("Content-Length", str(len(encoded))),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
            *self.headers,
        ]
        start_response(f"{self.status} {phrase}", headers)
        return [encoded]


def as_json(obj: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(status, json.dumps(obj, indent=2))


def redirect(url: str) -> Response:
    """See other."""
    return Response(303, "", "text/plain", (("Location", url),))


def read(environ: Environ) -> Request:
    """Read a request, body and all."""
    length = min(int(environ.get("CONTENT_LENGTH") or 0), BIGGEST_BODY)
    body = environ["wsgi.input"].read(length).decode() if length else ""
    path = str(environ.get("PATH_INFO", "/"))
    return Request(environ["REQUEST_METHOD"], path, str(environ.get("QUERY_STRING", "")), body, environ)


def origin(url: str) -> str:
    """Scheme and host of an address, for a CSP directive."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
