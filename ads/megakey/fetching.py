"""Asking a site a question over the net: the one guarded helper, for names on our list and no others.

Only HTTPS to port 443, only public addresses, connected to the very address that was looked at; one redirect, to the
same site; so many bytes and so many seconds, and not more.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

MOST_BYTES = 65_536
MOST_SECONDS = 8.0
_MOST_HOPS = 2
_AGENT = "MegakeyCheck/1.0"


@dataclass(frozen=True, slots=True)
class Page:
    """What a site answered: the status and the first 64 kB."""

    status: int
    body: bytes = b""


class Unreachable(Exception):
    """The site could not be asked, with why."""


Fetch = Callable[[str, str], Page]
"""Takes a domain and a path; raises Unreachable."""


def fetch(domain: str, path: str) -> Page:
    """What `https://{domain}{path}` answers. Raises Unreachable; never anything else for what a site does."""
    ends_at = time.monotonic() + MOST_SECONDS
    host = domain
    for _ in range(_MOST_HOPS):
        page, location = _get(host, path, ends_at)
        if not location:
            return page
        try:
            target = urlsplit(urljoin(f"https://{host}{path}", location))
        except ValueError:
            raise Unreachable("It sends us to what is no address.") from None
        is_its = target.scheme == "https" and target.hostname in (domain, f"www.{domain}") and _is_plain(target.netloc)
        if not is_its:
            raise Unreachable("It sends us to another site.")
        host, path = target.hostname or domain, f"{target.path or '/'}{'?' + target.query if target.query else ''}"
    raise Unreachable("It sends us from one address to the next.")


def _is_plain(netloc: str) -> bool:
    """Neither a port nor a password in it."""
    return ":" not in netloc and "@" not in netloc


def _get(host: str, path: str, ends_at: float) -> tuple[Page, str]:
    context = ssl.create_default_context()
    try:
        with (
            _connect(_address(host), ends_at) as plain,
            context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False) as line,
            _hung_up_at(ends_at, line),
        ):
            line.do_handshake()
            return _ask(line, host, path)
    except (OSError, http.client.HTTPException, ValueError) as fault:
        raise Unreachable(f"{type(fault).__name__}: {str(fault)[:100]}") from None


@contextmanager
def _hung_up_at(ends_at: float, line: ssl.SSLSocket) -> Iterator[None]:
    """Hang up when time is over: a timeout of the socket is for each byte, and a site may send one now and then."""
    timer = threading.Timer(_left(ends_at), _hang_up, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
        _left(ends_at)  # what was cut off is no answer
    finally:
        timer.cancel()


def _hang_up(line: ssl.SSLSocket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(line, socket.SHUT_RDWR)  # below TLS: another thread is reading it


def _ask(line: ssl.SSLSocket, host: str, path: str) -> tuple[Page, str]:
    connection = http.client.HTTPSConnection(host)
    connection.sock = line
    headers = {"User-Agent": _AGENT, "Accept-Encoding": "identity", "Connection": "close"}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    if answer.status in (301, 302, 303, 307, 308):
        return Page(answer.status), answer.headers.get("Location", "")
    return Page(answer.status, _read(answer)), ""


def _read(answer: http.client.HTTPResponse) -> bytes:
    """The first bytes, however many follow."""
    return answer.read(MOST_BYTES)


def _connect(address: str, ends_at: float) -> socket.socket:
    return socket.create_connection((address, 443), timeout=_left(ends_at))


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError(f"It took longer than {MOST_SECONDS:.0f} seconds.")
    return left


def _address(host: str) -> str:
    """One address of a host, when all it has are public: a name that also leads inside is not trusted at all."""
    found = {str(info[4][0]) for info in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)}
    if not found or not all(is_public(address) for address in found):
        raise Unreachable("Its name leads to an address that is not public.")
    return sorted(found)[0]


def is_public(address: str) -> bool:
    """Whether an address is one of the open net: neither ours, nor a neighbour's, nor a tunnel to one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and (ip not in _OPEN_IPV6 or ip.sixtofour or ip.teredo):
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in net for net in _NOT_OPEN)


_OPEN_IPV6 = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is given out to the open net; outside of it are the old and new ways to write or translate IPv4."""
_NOT_OPEN = [ipaddress.ip_network(net) for net in ("3fff::/20", "192.0.0.0/24", "192.88.99.0/24")]
"""For documents, protocols and relays; not every Python knows them."""
