"""An album page, made anew and from the cache, against an empty view of the same server."""

from benchmarks.figures import Figure, in_turn
from benchmarks.load import requests_per_second
from benchmarks.server import serving
from tests.artists.factories import make_album

EMPTY = "/bench/empty/"
A_SESSION = "Cookie: sessionid=nobodys\r\n"
"""Any session cookie passes the cache by."""


def run() -> list[Figure]:
    """Answers a second, eight clients."""
    path = make_album("Benchmark Pages", tracks=12).get_absolute_url()
    with serving() as port:
        requests_per_second(port, path, for_seconds=0.5)  # fills the cache, warms the templates
        uncached = in_turn(
            lambda: requests_per_second(port, path, headers=A_SESSION),
            lambda: requests_per_second(port, EMPTY, headers=A_SESSION),
        )
        cached = in_turn(lambda: requests_per_second(port, path), lambda: requests_per_second(port, EMPTY))
    return [
        Figure("album page of 12 tracks, made anew", uncached[0], "answers/s", uncached[1], goal=0.02),
        Figure("album page of 12 tracks, from the cache", cached[0], "answers/s", cached[1], goal=0.5),
    ]
