"""What a browser claims about an ad: read, put into one form for one meaning, and written down for the stream.

A report that was taken holds the offer whose signature was checked, the claims, and what the request said of itself;
nothing in it says who or where somebody is. The entry of the stream is its whole meaning in text:

| field | what it holds |
|---|---|
| `v` | the version of this format: 1 |
| `token` | the signed token; the reader verifies it again |
| `stage` | started, viewed, completed, skipped or clicked |
| `claims` | the claims as JSON |
| `digest` | SHA-256 over stage and claims: the same again is a duplicate, another one a conflict |
| `at_ms` | when it came, by our clock, in milliseconds since 1970 |
| `ua_flags` | `b` a known robot, `n` no name, `p` loaded ahead, `d` a data centre, `s` no script; empty: none |
| `prefix_hash` | of artist, network prefix and day; empty when it is not wanted |
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ads import tokens
from ads.models import AdEvent, Place
from ads.tokens import BadToken, Fault, Offer
from ads.traffic.fraud import Signals

Answer = Literal["accepted", "duplicate", "conflict", "expired", "invalid"]

MOST_MS = 3_600_000
FORMAT = "1"
QUARTERS = 4
MODES = ("audio", "reading", "visible")
_STAGES = frozenset(str(stage.value) for stage in AdEvent.Stage)
_AT_GATES = frozenset({str(AdEvent.Stage.CLICKED), str(AdEvent.Stage.SKIPPED)})
_TIMES = ("visible_ms", "audible_ms", "played_ms")
_FLAGS = {"hidden": "is_hidden", "muted": "is_muted"}


@dataclass(frozen=True, slots=True)
class Claims:
    """What the browser says it measured, in whole milliseconds; `played_ms` is how far the ad was really played."""

    visible_ms: int = 0
    audible_ms: int = 0
    played_ms: int = 0
    is_hidden: bool = False
    is_muted: bool = False
    mode: str = "visible"

    def as_dict(self) -> dict[str, int | bool | str]:
        """All of it by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def quarters(self, duration_ms: int) -> int:
        """How many whole quarters of an ad of this length were played, 0 to 4."""
        return min(QUARTERS, self.played_ms * QUARTERS // duration_ms)


@dataclass(frozen=True, slots=True)
class Report:
    """One thing a browser said about one offer, at the time it came."""

    token: str
    offer: Offer
    stage: str
    claims: Claims
    digest: str
    at: datetime
    signals: Signals | None = None
    prefix_hash: str = ""

    @property
    def key(self) -> tuple[Any, str]:
        """What is counted once: the token's id and the stage."""
        return (self.offer.id, self.stage)


def take(
    token: object,
    stage: object,
    payload: Mapping[str, Any],
    at: datetime,
    *,
    signals: Signals | None = None,
    prefix_hash: str = "",
) -> Report | Answer:
    """The report that can be counted, or the answer to one that cannot. Never raises for what a browser sends.

    `payload` holds `visible_ms`, `audible_ms` and `played_ms`, `hidden`, `muted` and `mode`; anything else in it is
    passed over. No database query.
    """
    if not isinstance(token, str) or not isinstance(stage, str) or stage not in _STAGES:
        return "invalid"
    claims = read(payload)
    if claims is None:
        return "invalid"
    try:
        offer = tokens.read(token, at)
    except BadToken as bad:
        return "expired" if bad.fault == Fault.EXPIRED else "invalid"
    if not _is_for_here(offer, stage):
        return "invalid"
    return Report(token, offer, stage, claims, digest(stage, claims), at, signals, prefix_hash)


def _is_for_here(offer: Offer, stage: str) -> bool:
    """The server stamps the start of a gate view, and the gate takes its end: neither is reported."""
    return stage in (_AT_GATES if offer.place == Place.GATE else _STAGES)


def read(payload: Mapping[str, Any]) -> Claims | None:
    """What the payload claims; None when it makes no sense."""
    values: dict[str, Any] = {}
    for name in _TIMES:
        value = payload.get(name, 0)
        if type(value) is not int or not 0 <= value <= MOST_MS:
            return None
        values[name] = value
    for name, known_as in _FLAGS.items():
        value = payload.get(name, False)
        if type(value) is not bool:
            return None
        values[known_as] = value
    values["mode"] = payload.get("mode", "visible")
    return Claims(**values) if values["mode"] in MODES else None


def digest(stage: str, claims: Claims) -> str:
    """What tells the same report from another one about the same stage of the same token."""
    return hashlib.sha256(json.dumps([stage, claims.as_dict()], sort_keys=True).encode()).hexdigest()


# --- the stream


def to_entry(report: Report) -> dict[str, str]:
    """The entry of the stream that says all of a report."""
    return {
        "v": FORMAT,
        "token": report.token,
        "stage": report.stage,
        "claims": json.dumps(report.claims.as_dict()),
        "digest": report.digest,
        "at_ms": str(round(report.at.timestamp() * 1000)),
        "ua_flags": report.signals.flags if report.signals else "",
        "prefix_hash": report.prefix_hash,
    }


def from_entry(entry: Mapping[str, str]) -> Report | None:
    """The report an entry of the stream says; None when it is of another format, damaged or forged.

    Whether the token was alive was decided when it came: an entry may be read long after.
    """
    try:
        if entry["v"] != FORMAT:
            return None
        offer = tokens.verify(entry["token"])
        if not _is_for_here(offer, entry["stage"]):
            return None
        claims = Claims(**json.loads(entry["claims"]))
        at = datetime.fromtimestamp(int(entry["at_ms"]) / 1000, UTC)
        signals = Signals.of(entry["ua_flags"])
        return Report(entry["token"], offer, entry["stage"], claims, entry["digest"], at, signals, entry["prefix_hash"])
    except (BadToken, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
