"""The stream of reports in Redis: a request appends to it and is answered at once; the consumer counts what it holds.

Redis decides nothing. What it remembers of the last hour gives the answer to a browser, in the same step that appends,
so a report that was called known is in the stream or was. What counts is decided by the unique keys of the database,
so a lost memory, an entry that is there twice or read twice, or a report that went both ways changes nothing.
Entries go only once they are counted: a stream that nobody reads grows to `MOST_WAITING`, and then takes no more.
"""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from ads.measurement import claims
from ads.measurement.claims import Answer, Report

NAME = "megabox:ads:events"
MOST_WAITING = 1_000_000
"""About a kilobyte each."""
KNOWN_SECONDS = 3_600
"""So long an answer is remembered: longer than any token lives."""
PAUSE_SECONDS = 1.0
"""So long a process does not ask a Redis that did not answer."""
_TIMEOUT_SECONDS = 1.0
_FIELD = "report"
"""All of a report is one field, as JSON: the client of Redis takes its time over each."""

Entry = tuple[str, dict[str, str]]
"""Its id, and what it says."""


class StreamDown(Exception):
    """Redis does not answer, or its stream is full."""


class _Pause:
    """Until when, by the clock of this process, Redis is left alone."""

    until = 0.0


def is_wanted() -> bool:
    """Whether reports go through the stream here."""
    return bool(settings.ADS_STREAM and settings.REDIS_URL)


def append(reports: Sequence[Report]) -> list[Answer]:
    """Append reports that are not known; answer each, in order. Raises StreamDown, and then some may be in it."""
    firsts: dict[str, Report] = {}
    for one in reports:
        firsts.setdefault(_known_as(one), one)
    if not firsts:
        return []
    if time.monotonic() < _Pause.until:
        raise StreamDown("Redis did not answer a moment ago.")
    try:
        digests = _append(firsts)
    except redis.RedisError as fault:
        _Pause.until = time.monotonic() + PAUSE_SECONDS
        raise StreamDown(f"Redis: {fault}") from None
    return [_answer(one, firsts, digests) for one in reports]


def read(after: str, most: int) -> list[Entry]:
    """At most so many entries after the one with this id. Raises StreamDown.

    A stream that began anew, and whose ids are lower than before, is read from its beginning.
    """
    found, info = _ask(lambda pipe: (pipe.xrange(NAME, f"({after}", count=most), pipe.xinfo_stream(NAME)))
    if not found and _is_before(_last_id(info), after):
        found = _ask(lambda pipe: pipe.xrange(NAME, count=most))[0]
    return [(str(entry_id), _unpacked(fields)) for entry_id, fields in found]


def trim(through: str) -> None:
    """Forget the entries up to this one, which are counted. Raises StreamDown."""
    milliseconds, _, number = through.partition("-")
    _ask(lambda pipe: pipe.xtrim(NAME, minid=f"{milliseconds}-{int(number) + 1}", approximate=False))


def length() -> int:
    """How many entries it holds: those that wait, and some that were counted just now. Raises StreamDown."""
    return int(_ask(lambda pipe: pipe.xlen(NAME))[0])


def came_at(entry: Entry) -> datetime:
    """When a report came; the time in the entry's id when it does not say."""
    entry_id, fields = entry
    try:
        return datetime.fromtimestamp(int(fields["at_ms"]) / 1000, UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(_numbers(entry_id)[0] / 1000, UTC)


def forget() -> None:
    """Ask Redis again at once, over new connections."""
    _Pause.until = 0.0
    _client.cache_clear()
    _script.cache_clear()


# --- Redis


@lru_cache(4)
def _client(url: str) -> Any:
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors="replace",  # what is not text cannot be counted, and is parked
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),  # a connection that idled may be closed
    )


_APPEND = """
local known, new = {}, {}
for n = 2, #KEYS do
    local digest = redis.call('GET', KEYS[n])
    known[n - 1] = digest
    if not digest then new[#new + 1] = n end
end
local waiting = #new > 0 and redis.call('XLEN', KEYS[1]) or 0
if waiting + #new > tonumber(ARGV[1]) then return waiting end
for _, n in ipairs(new) do
    redis.call('XADD', KEYS[1], '*', ARGV[3], ARGV[2 * n + 1])
    redis.call('SET', KEYS[n], ARGV[2 * n], 'EX', ARGV[2])
end
return known
"""
"""The stream and what reports are known as; how many may wait, for how long they are known, the name of the field, and
the digest and the text of each. Appends what is not known and remembers it; returns the digests known before, or how
many wait when there is no room. One step that nobody sees half of, in one round trip, however many reports.
"""


def _append(firsts: dict[str, Report]) -> dict[str, str]:
    """Append what is not known, and remember it, in one step; return the digests that were known before."""
    told = [text for one in firsts.values() for text in (one.digest, json.dumps(claims.to_entry(one)))]
    answer = _script(settings.REDIS_URL)(keys=[NAME, *firsts], args=[MOST_WAITING, KNOWN_SECONDS, _FIELD, *told])
    if isinstance(answer, int):
        raise StreamDown(f"{answer} reports wait to be counted. Is `manage.py count_ads` running?")
    return {key: digest for key, digest in zip(firsts, answer, strict=True) if digest}


@lru_cache(4)
def _script(url: str) -> Any:
    return _client(url).register_script(_APPEND)


def _unpacked(fields: dict[str, str]) -> dict[str, str]:
    """What an entry says; what is not in our form is given as it is."""
    try:
        entry = json.loads(fields[_FIELD])
        return {str(name): str(text) for name, text in entry.items()}
    except (KeyError, ValueError, AttributeError, RecursionError):
        return fields


def _known_as(report: Report) -> str:
    return f"{NAME}:known:{report.offer.id.hex}:{report.stage}"


def _answer(one: Report, firsts: dict[str, Report], digests: dict[str, str]) -> Answer:
    key = _known_as(one)
    if key not in digests and firsts[key] is one:
        return "accepted"
    return "duplicate" if digests.get(key, firsts[key].digest) == one.digest else "conflict"


def _ask(fill: Any) -> list[Any]:
    try:
        pipe = _client(settings.REDIS_URL).pipeline(transaction=False)
        fill(pipe)
        answers: list[Any] = pipe.execute(raise_on_error=False)
    except redis.RedisError as fault:
        raise StreamDown(f"Redis: {fault}") from None
    for answer in answers:
        if isinstance(answer, Exception) and "no such key" not in str(answer):
            raise StreamDown(f"Redis: {answer}")
    return answers


def _last_id(info: Any) -> str:
    """The last id the stream gave out; that of a stream that is not there is the lowest."""
    return "0-0" if isinstance(info, Exception) else str(info["last-generated-id"])


def _is_before(one: str, other: str) -> bool:
    return _numbers(one) < _numbers(other)


def _numbers(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)
