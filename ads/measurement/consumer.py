"""What counts the stream of reports: a batch at a time, each in one transaction with how far the stream was read.

So a replay changes nothing, and whoever is killed anywhere leaves the whole batch to the next. Any number may run at
once: they take turns at the row of the offset. An entry that cannot be counted is parked with a sentence, and keeps
nobody waiting.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from ads.measurement import claims, counting, stream
from ads.measurement.stream import Entry
from ads.models import ParkedReport, StreamOffset

AT_ONCE = 1_000
"""Entries in one transaction."""
GONE = "It names an ad, an artist or a wallet that is not there any more."
STRANGE = "It is damaged, of another format, or not signed by us."

log = logging.getLogger(__name__)


def consume(most: int = AT_ONCE) -> int:
    """Count the next entries of the stream; return how many were read, 0 when nothing waits.

    Raises StreamDown and OperationalError: then nothing is counted, and the same entries come again.
    """
    return _consume(most, {}) if stream.length() else 0


def drain(*, most: int = 1_000 * AT_ONCE) -> int:
    """Count until nothing waits, but not much more than `most`; return how many were read."""
    total = 0
    while total < most and (read := consume()):
        total += read
    return total


def oldest_waiting() -> datetime | None:
    """When the oldest report came that is not counted yet. Raises StreamDown."""
    first = stream.read(_offset(), 1)
    return stream.came_at(first[0]) if first else None


def counted_until(now: datetime) -> datetime | None:
    """Until when every report that came is counted, `now` at most; None when Redis does not say."""
    if not stream.is_wanted():
        return now
    try:
        return min(now, oldest_waiting() or now)
    except stream.StreamDown:
        return None


def is_drained(until: datetime) -> bool:
    """Whether every report that came by `until` is counted; False when Redis does not say."""
    try:
        oldest = oldest_waiting()
    except stream.StreamDown:
        return False
    return oldest is None or oldest > until


def _offset() -> str:
    last_id = StreamOffset.objects.filter(name=stream.NAME).values_list("last_id", flat=True).first()
    return last_id or "0-0"


def _consume(most: int, given_up: Mapping[str, str]) -> int:
    """Count a batch; those that nobody can count, by their ids, are parked with their sentence."""
    entries: list[Entry] = []
    try:
        with transaction.atomic():
            offset = _lock()
            entries += stream.read(offset.last_id, most)
            if entries:
                _count([one for one in entries if one[0] not in given_up])
                _park((one, given_up[one[0]]) for one in entries if one[0] in given_up)
                offset.last_id = entries[-1][0]
                offset.save(update_fields=["last_id"])
    except (stream.StreamDown, OperationalError, InterfaceError):
        raise
    except Exception as fault:  # whatever it is, it may stop one entry, and no other
        if not entries:
            raise
        log.exception("Reports could not be counted together.")
        return _one_by_one(entries, fault, given_up)
    stream.trim(offset.last_id)
    return len(entries)


def _one_by_one(entries: Sequence[Entry], fault: Exception, given_up: Mapping[str, str]) -> int:
    if len(entries) == 1:
        ((entry_id, _),) = entries
        assert entry_id not in given_up, "parking it failed too"
        return _consume(1, {entry_id: f"{type(fault).__name__}: {fault}"[:300]})
    return sum(_consume(1, {}) for _ in entries)


def _lock() -> StreamOffset:
    """How far the stream was read; nobody else reads on until the transaction ends."""
    StreamOffset.objects.get_or_create(name=stream.NAME)
    return StreamOffset.objects.select_for_update().get(name=stream.NAME)


def _count(entries: Sequence[Entry]) -> None:
    read = [(one, claims.from_entry(one[1])) for one in entries]
    known = [(one, report) for one, report in read if report is not None]
    answers = counting.tally([report for _, report in known])
    gone = [(one, GONE) for (one, _), answer in zip(known, answers, strict=True) if answer == "invalid"]
    _park([*((one, STRANGE) for one, report in read if report is None), *gone])


def _park(entries: Iterable[tuple[Entry, str]]) -> None:
    parked = [
        ParkedReport(
            stream=stream.NAME,
            entry_id=entry_id,
            entry={name: text.replace("\0", "") for name, text in fields.items()},
            problem=problem,
            parked_at=timezone.now(),
        )
        for (entry_id, fields), problem in entries
    ]
    for one in parked:
        log.error("Parked the report %s of %s: %s", one.entry_id, one.stream, one.problem)
    ParkedReport.objects.bulk_create(parked, ignore_conflicts=True)
