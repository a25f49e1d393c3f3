"""Counters of the hour, for reports: apart from every transaction that moves money.

A request only adds to numbers in memory; a thread writes them down every `settings.ADS_HOURS_SECONDS`, all in one
statement for each table, so no request holds or awaits a busy row. They are written when a process ends in order; one
that is killed loses its last seconds. Only reports read them: nobody is paid or charged by them.
"""
# ruff: noqa: S608 - what is put into the statement are names of our own tables; values are parameters

import atexit
import logging
import os
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, models, transaction

from ads.delivery.ticking import Ticker
from ads.models import AskedHour, Campaign, ServedHour
from megabox.days import day_of, hour_of, midnight

MOST_KEYS = 100_000
"""So many different numbers wait in memory while the database is away; more are dropped, and that is logged."""

log = logging.getLogger(__name__)
_Served = tuple[int, str, datetime]
_Asked = tuple[str, datetime]
_lock = threading.Lock()
_writing = threading.Lock()
_served: Counter[_Served] = Counter()
_asked: Counter[_Asked] = Counter()
_filled: Counter[_Asked] = Counter()


def count_served(campaign_id: int, place: str, at: datetime) -> None:
    """Count one offer."""
    with _lock:
        _served[campaign_id, place, hour_of(at)] += 1
    _write_soon()


def count_asked(place: str, at: datetime, *, is_filled: bool) -> None:
    """Count that somebody asked for an ad, and whether there was one that somebody pays for."""
    key = (place, hour_of(at))
    with _lock:
        _asked[key] += 1
        _filled[key] += is_filled
    _write_soon()


def promotions_served(at: datetime) -> dict[int, int]:
    """How often each live promotion of an artist was served on the UTC day of `at`, as far as it is written down."""
    live = ServedHour.objects.filter(campaign__kind=Campaign.Kind.CROSS, campaign__state=Campaign.State.LIVE)
    return dict(live.filter(hour__gte=midnight(day_of(at))).values_list("campaign").annotate(total=models.Sum("count")))


def flush(at: datetime | None = None) -> None:
    """Write down what was counted in this process. What cannot be written now is kept for the next time."""
    global _served, _asked, _filled
    with _writing:
        with _lock:
            served, asked, filled = _served, _asked, _filled
            _served, _asked, _filled = Counter(), Counter(), Counter()
        try:
            # The two tables in one order, the rows of each in the order of their keys: nobody waits in a ring.
            with transaction.atomic():
                _add_asked(asked, filled)
                _add_served(served)
        except IntegrityError:
            log.exception("Some of the hour's counters name a campaign that is gone.")
            _one_by_one(served, asked, filled)
        except Exception:
            with _lock:
                if len(_served) < MOST_KEYS:
                    _served.update(served)
                    _asked.update(asked)
                    _filled.update(filled)
                else:
                    log.error("%s counters of the hour are dropped: they could not be written for long.", len(served))
            raise


def _write_soon() -> None:
    if settings.ADS_HOURS_SECONDS:
        _flusher.need()
    else:
        flush()


def _one_by_one(served: Mapping[_Served, int], asked: Mapping[_Asked, int], filled: Mapping[_Asked, int]) -> None:
    with transaction.atomic():
        _add_asked(asked, filled)
    for key, n in served.items():
        try:
            with transaction.atomic():
                _add_served({key: n})
        except IntegrityError:
            log.warning("Nothing is counted for campaign %s any more.", key[0])


def _add_asked(asked: Mapping[_Asked, int], filled: Mapping[_Asked, int]) -> None:
    _add(AskedHour, ("place", "hour"), {key: {"asked": n, "filled": filled[key]} for key, n in asked.items()})


def _add_served(served: Mapping[_Served, int]) -> None:
    _add(ServedHour, ("campaign_id", "place", "hour"), {key: {"count": n} for key, n in served.items()})


def _add(model: type[models.Model], names: tuple[str, ...], rows: Mapping[Any, Mapping[str, int]]) -> None:
    """Add to the counters of each key's row, made on first use."""
    if not rows:
        return
    table, counters = model._meta.db_table, tuple(next(iter(rows.values())))
    columns = {field.column: field for field in model._meta.concrete_fields}
    values = [
        columns[name].get_db_prep_save(value, connection=connection)
        for key in sorted(rows)
        for name, value in [*zip(names, key, strict=True), *rows[key].items()]
    ]
    quoted = {name: connection.ops.quote_name(name) for name in (*names, *counters)}
    mark = "(" + ", ".join(["%s"] * len(quoted)) + ")"
    sums = ", ".join(f"{quoted[name]} = {table}.{quoted[name]} + excluded.{quoted[name]}" for name in counters)
    with connection.cursor() as cursor:
        for start in range(0, len(values), 200 * len(quoted)):
            some = values[start : start + 200 * len(quoted)]
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(quoted.values())})"
                f" VALUES {', '.join([mark] * (len(some) // len(quoted)))}"
                f" ON CONFLICT ({', '.join(quoted[name] for name in names)}) DO UPDATE SET {sums}",
                some,
            )


def _begin_anew() -> None:
    """What the parent counted is the parent's to write."""
    global _lock, _writing, _served, _asked, _filled
    _lock, _writing = threading.Lock(), threading.Lock()
    _served, _asked, _filled = Counter(), Counter(), Counter()


def _write_last() -> None:
    if _served or _asked:
        flush()


_flusher = Ticker("writing of the hour's counters", lambda: settings.ADS_HOURS_SECONDS, flush)
os.register_at_fork(after_in_child=_begin_anew)
atexit.register(_write_last)
