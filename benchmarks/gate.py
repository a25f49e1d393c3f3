"""One free download from the choice to the file, as a guest's browser asks for it, against as many empty answers."""

import http.client
import json
import re
import time
from datetime import timedelta
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from django.utils import timezone

from ads.models import Ad
from artists.models import Track
from benchmarks.figures import Figure, in_turn, seconds
from benchmarks.server import serving
from tests.ads.factories import AGENT, make_ad, make_campaign
from tests.artists.factories import make_track

ROUNDS = 12
EMPTY = "/bench/empty/"


class Guest:
    """A browser of somebody nobody knows: keeps its connection and its cookies."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookies: dict[str, str] = {}
        self.asked = 0

    def ask(self, path: str, body: bytes | None = None, *, kind: str = "") -> tuple[int, str, bytes]:
        """Status, where to go and what was answered; POST when there is a body."""
        headers = {"User-Agent": AGENT, "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers |= {"Content-Type": kind, "X-CSRFToken": self.cookies["csrftoken"]}
        self.connection.request("GET" if body is None else "POST", path, body, headers)
        answer = self.connection.getresponse()
        content, self.asked = answer.read(), self.asked + 1
        for line in answer.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        assert answer.status < 400, (path, answer.status, content[:300])
        return answer.status, answer.headers.get("Location", ""), content


def run() -> list[Figure]:
    """Milliseconds a download, without the length of the ad, which lasts a millisecond here."""
    track = make_track("Benchmark Gate")
    starts_at = timezone.now() - timedelta(days=1)
    make_ad(make_campaign(starts_at=starts_at), kind=Ad.Kind.TEXT, path="", duration_ms=1)
    with serving() as port:
        walk(Guest(port), track)  # warms the templates and the snapshot of campaigns
        asked: list[int] = []

        def ours() -> float:
            return 1_000 * seconds(lambda: asked.extend(walk(Guest(port), track) for _ in range(ROUNDS))) / ROUNDS

        def limit() -> float:
            guests = [Guest(port) for _ in range(ROUNDS)]
            return 1_000 * seconds(lambda: [one.ask(EMPTY) for one in guests for _ in range(asked[0])]) / ROUNDS

        value, floor = in_turn(ours, limit)
    name = f"one gate from choice to file ({asked[0]} requests)"
    return [Figure(name, value, "ms", floor, goal=40, is_rate=False)]


def walk(guest: Guest, track: Track) -> int:
    """Choose, open the gate, watch, read the receipt, get the file; how many requests that took."""
    choice = f"/get/track/{track.pk}/"
    _, _, page = guest.ask(choice)
    assert b"Watch 1 ad" in page, "there is no ad to watch"
    form = urlencode({"recipe": "mp3-320", "way": "ad"}).encode()
    _, gate, _ = guest.ask(choice, form, kind="application/x-www-form-urlencoded")
    guest.ask(gate)
    shown = json.loads(guest.ask(f"{gate}start/", b"", kind="application/json")[2])
    time.sleep(0.002)
    said = json.dumps({"token": shown["token"], "mode": "reading"}).encode()
    told = json.loads(guest.ask(f"{gate}viewed/", said, kind="application/json")[2])
    assert told["granted"], told
    assert re.search(rb"is yours", guest.ask(told["receipt_url"])[2])
    status, link, file = guest.ask(f"{gate}file/")
    if status in (302, 303):
        _, _, file = guest.ask(link)
    assert len(file) > 1_000, "the file is empty"
    return guest.asked
