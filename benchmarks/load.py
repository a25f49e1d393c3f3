"""A load generator small enough not to be what is measured: raw sockets, kept alive, a few threads, bounded in time."""

import socket
import threading
import time
from collections.abc import Callable

HEAD_END = b"\r\n\r\n"


def requests_per_second(
    port: int,
    path: str,
    *,
    headers: str = "",
    body: Callable[[], bytes] | None = None,
    clients: int = 8,
    for_seconds: float = 3.0,
) -> float:
    """Answers a second of `path` on this machine's `port`. Raises AssertionError for any answer but 200.

    GET; or POST, when there is a `body` that makes the JSON of each request.
    """
    counts = [0] * clients
    failures: list[BaseException] = []
    stop_at = time.perf_counter() + for_seconds
    head = f"{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n{headers}"

    def request() -> bytes:
        if body is None:
            return f"GET {head}\r\n".encode()
        said = body()
        kind = f"Content-Type: application/json\r\nContent-Length: {len(said)}\r\n"
        return f"POST {head}{kind}\r\n".encode() + said

    def client(number: int) -> None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                while time.perf_counter() < stop_at:
                    connection.sendall(request())
                    _read_answer(connection)
                    counts[number] += 1
        except (OSError, AssertionError) as failure:
            failures.append(failure)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    return sum(counts) / (time.perf_counter() - started)


def _read_answer(connection: socket.socket) -> None:
    buffer = b""
    while HEAD_END not in buffer:
        piece = connection.recv(65536)
        assert piece, "the server closed the connection"
        buffer += piece
    head, _, body = buffer.partition(HEAD_END)
    assert head.startswith(b"HTTP/1.1 200"), head[:200]
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    left = length - len(body)
    while left > 0:
        left -= len(connection.recv(min(left, 65536)))
