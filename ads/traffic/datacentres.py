"""Networks of data centres, where machines are and no listeners: a list that the operator keeps. Nothing is fetched.

`settings.ADS_DATACENTRES` names a text file with an address or a network on each line; what follows a `#` is a
remark. It is read again when it changes.
"""

import ipaddress
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks

MOST_NETWORKS = 200_000
"""Every process holds all of them in memory."""
LEAST_BITS = {4: 8, 6: 16}
"""Wider networks are a mistake: 0.0.0.0/0 is everybody."""

log = logging.getLogger(__name__)


class BadList(Exception):
    """The list cannot be used; the message says which line is wrong, and why."""


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks by version and length, so that looking one address up costs as many steps as there are lengths."""

    by_length: dict[tuple[int, int], set[int]] = field(default_factory=dict)

    def __contains__(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        number, bits = int(address), address.max_prefixlen
        return any(
            version == address.version and number >> (bits - length) in heads
            for (version, length), heads in self.by_length.items()
        )

    def __len__(self) -> int:
        return sum(map(len, self.by_length.values()))


def read(lines: Iterable[str]) -> Networks:
    """The networks that these lines name. Raises BadList."""
    found = Networks()
    for number, text in enumerate(lines, 1):
        name = text.partition("#")[0].strip()
        if not name:
            continue
        try:
            network = ipaddress.ip_network(name, strict=False)
        except ValueError:
            raise BadList(f"Line {number}: {name[:60]!r} is neither an address nor a network.") from None
        if network.prefixlen < LEAST_BITS[network.version]:
            raise BadList(f"Line {number}: {network} is too wide to be a data centre.")
        heads = found.by_length.setdefault((network.version, network.prefixlen), set())
        heads.add(int(network.network_address) >> (network.max_prefixlen - network.prefixlen))
        if len(found) > MOST_NETWORKS:
            raise BadList(f"More than {MOST_NETWORKS} networks.")
    return found


def holds(address: str) -> bool:
    """Whether an address, as `megabox.addresses` tells it, is of a data centre that the operator's list names."""
    return bool(settings.ADS_DATACENTRES) and ipaddress.ip_address(address) in _current(settings.ADS_DATACENTRES)


_kept: dict[str, tuple[int, Networks]] = {}
"""What was read of a file, and when the file was changed."""


def _current(name: str) -> Networks:
    """The list as the file says it now. One that cannot be read is told once a change, and the one before stays."""
    changed, networks = _kept.get(name, (-1, Networks()))
    try:
        now = Path(name).stat().st_mtime_ns
        if now == changed:
            return networks
        changed, networks = now, _read_file(name)
    except (OSError, BadList) as fault:
        if changed != -1 or name not in _kept:
            log.error("The list of data centres %s cannot be used: %s", name, fault)
    _kept[name] = (changed, networks)
    return networks


def _read_file(name: str) -> Networks:
    with Path(name).open(encoding="utf-8", errors="replace") as lines:
        return read(lines)


@checks.register
def check(app_configs: object, **_: Any) -> Sequence[checks.CheckMessage]:
    """What is wrong with the list, told when Megabox is started."""
    if not settings.ADS_DATACENTRES:
        return []
    try:
        _read_file(settings.ADS_DATACENTRES)
    except (OSError, BadList) as fault:
        return [checks.Error(f"ADS_DATACENTRES: {fault}", id="ads.E001")]
    return []
