"""One decision: a slot beside music as a stranger's browser asks for it, against an empty view of the same server.

The empty view goes the whole way through the middleware, as every page of Megabox and any view of another Django site
does; the slot goes the short way (`megabox.middleware.short_way`). An empty view on the short way is measured too, and
told: what the slot itself costs is the difference to that one.
"""

from datetime import timedelta

from django.utils import timezone

from ads.models import Ad, Advertiser
from benchmarks.figures import Figure, in_turn
from benchmarks.load import requests_per_second
from benchmarks.server import serving
from tests.ads.factories import AGENT, make_ad, make_advertiser, make_campaign
from tests.artists.factories import make_album

EMPTY, SHORT = "/bench/empty/", "/bench/short/"
PEER = 149
"""Answers a second of a way of deciding that is to be beaten twenty times where an empty view makes 8 600."""
BROWSER = f"User-Agent: {AGENT}\r\nSec-Fetch-Dest: empty\r\n"
SETTLE_SECONDS = 5.0
"""So long the server is asked before it is measured: its picture of the campaigns is read every three seconds."""
FEW, SOME, MANY, MOST = 10, 20, 200, 1_000


def run() -> list[Figure]:
    """Decisions a second with ever more live campaigns, eight clients."""
    path = f"/ads/slot/page/album/{make_album('Benchmark Decisions').pk}/"
    advertiser = make_advertiser(prepaid=10_000_000_000)
    rates: dict[int, float] = {}
    figures = []
    live = 0
    with serving() as port:
        for size in (FEW, SOME, MANY, MOST):
            _go_live(advertiser, live, size)
            live = size
            requests_per_second(port, path, headers=BROWSER, for_seconds=SETTLE_SECONDS)
            ours, empty = in_turn(
                lambda: requests_per_second(port, path, headers=BROWSER),
                lambda: requests_per_second(port, EMPTY, headers=BROWSER),
                rounds=5,
            )
            rates[size] = ours / empty
            if size != FEW:
                name = f"decisions, {size} live campaigns"
                figures.append(Figure(name, ours, "answers/s", empty, goal=0.35))
        short = requests_per_second(port, SHORT, headers=BROWSER)
    print(f"  an empty view {empty:,.0f}/s, one on the short way {short:,.0f}/s", flush=True)
    print(f"  with {MOST} campaigns {ours:,.0f} decisions/s, {ours / PEER:.1f} times {PEER}", flush=True)
    cost = Figure(
        "a decision of 1 000 campaigns, of 10", 1 / rates[MOST], "empty views", 1 / rates[FEW], 2, is_rate=False
    )
    return [*figures, cost]


def _go_live(advertiser: Advertiser, have: int, size: int) -> None:
    """Campaigns of fifty prices, for all music or some, until there are `size`."""
    for n in range(have, size):
        campaign = make_campaign(
            advertiser=advertiser,
            cpm_micros=(1_000 + n % 50 * 100) * 1_000,
            genres=["dub"] if n % 3 == 2 else [],
            starts_at=timezone.now() - timedelta(days=1),
        )
        make_ad(campaign, kind=Ad.Kind.TEXT, path="")
