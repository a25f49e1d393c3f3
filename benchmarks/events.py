"""Reports about ads at the address that takes them, on the real server with its stream: against an empty view, and a
batch against single ones. Needs Redis: `REDIS_URL`.
"""

import json
import threading
from datetime import timedelta

from django.utils import timezone

from ads.measurement import consumer, stream
from ads.tokens import LIFETIME_SECONDS
from benchmarks.figures import Figure, in_turn
from benchmarks.load import requests_per_second
from benchmarks.server import serving
from ledger import policy
from tests.ads.factories import AGENT, make_ad, make_campaign, page_token
from tests.artists.factories import make_album

EMPTY, EVENTS = "/bench/empty/", "/ads/events"
BATCH = 50
HEADERS = f"User-Agent: {AGENT}\r\n"
TOKENS = 20_000


def run() -> list[Figure]:
    """Answers a second of eight clients; every event is new."""
    if not stream.is_wanted():
        print("  needs REDIS_URL: nothing measured", flush=True)
        return []
    at = timezone.now()
    version = policy.current(at).version
    ad = make_ad(make_campaign(starts_at=at - timedelta(days=1)))
    album = make_album("Benchmark Events")

    def fresh() -> list[str]:
        terms = {"policy_version": version, "lifetime_seconds": LIFETIME_SECONDS}
        return [page_token(ad, album, at=at, **terms) for _ in range(TOKENS)]

    tokens = fresh()
    left, lock = list(tokens), threading.Lock()

    def body(size: int) -> bytes:
        with lock:
            some = [left.pop() for _ in range(size)] if len(left) >= size else tokens[:size]
        return json.dumps([{"token": token, "stage": "viewed", "visible_ms": 1_500} for token in some]).encode()

    def rate(size: int) -> float:
        return requests_per_second(port, EVENTS, headers=HEADERS, body=lambda: body(size), for_seconds=2.0)

    with serving() as port:
        rate(1)
        single, empty = in_turn(
            lambda: rate(1), lambda: requests_per_second(port, EMPTY, headers=HEADERS, for_seconds=2.0), rounds=5
        )
        left += fresh()
        batches, singles = in_turn(lambda: BATCH * rate(BATCH), lambda: rate(1), rounds=5)
    consumer.drain()
    return [
        Figure("reports: one event, answered", single, "answers/s", empty, goal=0.5),
        Figure(f"reports: events in batches of {BATCH}, against single ones", batches, "events/s", singles, goal=10),
    ]
