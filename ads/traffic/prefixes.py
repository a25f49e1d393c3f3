"""How many views came for one artist from one network on one day, without knowing who or where anybody is.

A network is the /24 of an IPv4 or the /64 of an IPv6 address. What is kept of it is an HMAC of network and artist
with the key of the day. The key is made once a day and destroyed after it: from then on nobody, we included, can tell
which network a hash stood for, or that two hashes of different days or artists are of one.
"""

import hmac
import ipaddress
import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import NamedTuple

from django.db import connection

from ads.models import DayKey, PrefixCount
from ads.tokens import SKEW

BITS = {4: 24, 6: 64}
WIDE_BITS = 48
"""Whoever has one network of IPv6 usually has all of its /48."""
WIDER = 5
"""A /48 may hold so many times as much as a network."""
COUNT_DAYS = 7
"""So long counts are kept: what waits in the stream is weighed by them."""


class Key(NamedTuple):
    """What is counted: a hash of artist and network, on its UTC day."""

    day: date
    digest: str


def network_of(address: str) -> str:
    """The network an address is of, as text; empty for none."""
    if not address:
        return ""
    read = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((read, BITS[read.version]), strict=False))


def networks_of(address: str, most: int) -> list[tuple[str, int]]:
    """The network of an address, with `most`; of IPv6 its /48 too, with `WIDER` times that."""
    networks = [(network_of(address), most)]
    if ":" in address:
        networks.append((str(ipaddress.ip_network((address, WIDE_BITS), strict=False)), WIDER * most))
    return networks


def bounds(address: str, at: datetime, most: int) -> list[tuple[str, int]]:
    """What stands for the network of an address on its UTC day, with `most`; of IPv6 its /48 with `WIDER` times that.

    All whose address we do not know are of one network. No query but for the first of a day in each process.
    """
    key = _key(at.astimezone(UTC).date()) or b""
    return [
        (hmac.new(key, network.encode(), "sha256").hexdigest(), bound) for network, bound in networks_of(address, most)
    ]


def hash_of(address: str, artist_id: int | None, at: datetime) -> str:
    """What stands for artist, network and UTC day; empty without an artist or an address, or when the key is gone.

    No query but for the first of a day in each process.
    """
    network = network_of(address)
    key = _key(at.astimezone(UTC).date()) if network and artist_id else None
    return hmac.new(key, f"{artist_id} {network}".encode(), "sha256").hexdigest() if key else ""


def count(keys: Sequence[Key | None]) -> list[int]:
    """Count views; return for each which one of its day it is, from 1. None, and an empty hash, is always the first.

    One statement, its rows in one order, so that two who count never wait in a ring. The rows stay locked until the
    end of the transaction: take the number of the line first, or a settlement could be waited for while they are.
    """
    wanted = Counter(key for key in keys if key and key.digest)
    after = _add(wanted) if wanted else {}
    left, found = Counter(wanted), []
    for key in keys:
        if key is None or key not in left:
            found.append(1)
        else:
            left[key] -= 1
            found.append(after[key.digest] - left[key])
    return found


def destroy_keys(at: datetime) -> int:
    """Destroy the keys of days that are over at `at`, for every clock of ours, and forget old counts.

    Returns how many keys. A day whose key is gone gets no other one.
    """
    last = (at - SKEW).astimezone(UTC).date()
    forget()
    PrefixCount.objects.filter(day__lt=last - timedelta(days=COUNT_DAYS)).delete()
    return DayKey.objects.filter(day__lt=last, key__isnull=False).update(key=None, destroyed_at=at)


def forget() -> None:
    """Look the key up again: this process no longer knows it."""
    _known.clear()


_known: dict[date, bytes] = {}
"""The key of the day, in this process."""


def _key(day: date) -> bytes | None:
    """The key of a day, made by whoever asks first; None when it was destroyed."""
    if known := _known.get(day):
        return known
    kept = DayKey.objects.filter(day=day).first()
    if kept is None:
        DayKey.objects.bulk_create([DayKey(day=day, key=secrets.token_bytes(32))], ignore_conflicts=True)
        kept = DayKey.objects.get(day=day)
    _known.clear()  # nothing of yesterday stays in memory either
    if kept.key is None:
        return None
    _known[day] = bytes(kept.key)
    return bytes(kept.key)


def _add(wanted: Counter[Key]) -> dict[str, int]:
    """Add to the counts; how many there are of each digest now."""
    day = PrefixCount._meta.get_field("day")
    prepare = partial(day.get_db_prep_save, connection=connection)
    rows = [value for key in sorted(wanted) for value in (prepare(key.day), key.digest, wanted[key])]
    marks = ", ".join(["(%s, %s, %s)"] * len(wanted))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO ads_prefixcount (day, digest, n) VALUES {marks}"  # noqa: S608 - marks for parameters
            " ON CONFLICT (digest) DO UPDATE SET n = ads_prefixcount.n + excluded.n RETURNING digest, n",
            rows,
        )
        return dict(cursor.fetchall())
