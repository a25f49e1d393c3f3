"""The guarded helper and a real TLS server on this machine: what it reads, how much, how long, whom it believes."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ads.megakey import fetching
from ads.megakey.fetching import Page, Unreachable

HOST = "news.example"
Serve = Callable[[Callable[[ssl.SSLSocket, str], None]], None]


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "site.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return _certificate(tmp_path)


@pytest.fixture
def serve(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Answer every connection by a function that gets the line and the first line of the request."""
    listening = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def run(answer: Callable[[ssl.SSLSocket, str], None]) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = listening.accept()
                with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as line:
                    answer(line, line.recv(10_000).decode().split("\r\n")[0])

    def start(answer: Callable[[ssl.SSLSocket, str], None]) -> None:
        threading.Thread(target=run, args=(answer,), daemon=True).start()

    monkeypatch.setattr(fetching, "_address", lambda host: "127.0.0.1")
    monkeypatch.setattr(
        fetching, "_connect", lambda address, ends_at: socket.create_connection(listening.getsockname(), timeout=5)
    )
    yield start
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(ssl, "create_default_context", lambda: context)


def _says(text: str) -> Callable[[ssl.SSLSocket, str], None]:
    return lambda line, request: line.sendall(text.encode())


@pytest.mark.usefixtures("trusted")
def test_a_page_is_read_with_its_status(serve: Serve) -> None:
    asked: list[str] = []

    def answer(line: ssl.SSLSocket, request: str) -> None:
        asked.append(request)
        line.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n')

    serve(answer)
    assert fetching.fetch(HOST, "/.well-known/megakey.json") == Page(200, b'{"a":1}')
    assert asked == ["GET /.well-known/megakey.json HTTP/1.1"]


@pytest.mark.usefixtures("trusted")
def test_one_redirect_on_the_same_site_is_followed(serve: Serve) -> None:
    def answer(line: ssl.SSLSocket, request: str) -> None:
        moved = f"HTTP/1.1 301 Moved\r\nLocation: https://{HOST}/there?x=1\r\nContent-Length: 0\r\n\r\n"
        line.sendall((moved if " / " in request else "HTTP/1.1 200 OK\r\n\r\nhere").encode())

    serve(answer)
    assert fetching.fetch(HOST, "/").body == b"here"


@pytest.mark.usefixtures("trusted")
def test_no_more_is_read_than_was_said(serve: Serve) -> None:
    def answer(line: ssl.SSLSocket, request: str) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            line.sendall(b"x" * 16_384)

    serve(answer)
    assert len(fetching.fetch(HOST, "/").body) == fetching.MOST_BYTES


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_site_that_drips_is_left(head: bytes, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST_SECONDS", 0.5)

    def answer(line: ssl.SSLSocket, request: str) -> None:
        line.sendall(head)
        while True:
            line.sendall(b"x")
            time.sleep(0.02)

    serve(answer)
    with pytest.raises(Unreachable):
        fetching.fetch(HOST, "/")


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    "text", ["", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n"]
)
def test_nonsense_is_no_answer_and_raises_nothing_else(text: str, serve: Serve) -> None:
    serve(_says(text))
    with contextlib.suppress(Unreachable):
        assert fetching.fetch(HOST, "/").body == b""


def test_nobody_is_believed_whose_certificate_is_not(serve: Serve) -> None:
    serve(_says("HTTP/1.1 200 OK\r\n\r\nevil"))
    with pytest.raises(Unreachable, match="certificate"):
        fetching.fetch(HOST, "/")


@pytest.mark.usefixtures("trusted")
def test_another_sites_certificate_is_not_believed(serve: Serve) -> None:
    serve(_says("HTTP/1.1 200 OK\r\n\r\nevil"))
    with pytest.raises(Unreachable, match="certificate"):
        fetching.fetch("other.example", "/")


def test_a_name_that_leads_nowhere_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: Any, **__: Any) -> None:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(Unreachable, match="not known"):
        fetching.fetch(HOST, "/")
